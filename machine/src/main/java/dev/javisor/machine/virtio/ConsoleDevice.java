package dev.javisor.machine.virtio;

import dev.javisor.machine.console.ByteSink;

/** Virtio console with one port. */
public final class ConsoleDevice extends VirtioFunction {
    private static final int TYPE = 3, CLASS_CODE = 0x078000;
    private static final int RECEIVE = 0, TRANSMIT = 1, QUEUE_SIZE = 64;
    private static final int CONFIGURATION = 12;
    /** Most bytes that are taken from one buffer; a driver never makes them that large. */
    private static final int LARGEST = 64 << 10;

    private final ByteSink output;

    public ConsoleDevice(ByteSink output) {
        super(TYPE, CLASS_CODE, 0, new int[] {QUEUE_SIZE, QUEUE_SIZE}, CONFIGURATION);
        this.output = output;
    }

    @Override
    protected int deviceConfiguration(int offset) {
        return 0;
    }

    @Override
    protected void notified(int queue) {
        if (queue != TRANSMIT) {
            return;
        }
        for (int i = 0; i < QUEUE_SIZE; i++) {
            DescriptorChain chain = take(TRANSMIT);
            if (chain == null) {
                return;
            }
            byte[] text = new byte[(int) Math.min(LARGEST, chain.readableLength())];
            chain.read(0, text, text.length);
            for (byte b : text) {
                output.write(b & 0xFF);
            }
            giveBack(TRANSMIT, chain, 0);
        }
    }

    /** How many characters the driver has room for: none or one at a time. */
    public int room() {
        return hasBuffer(RECEIVE) ? 1 : 0;
    }

    /** A character arrives; lost when there is no {@link #room}. */
    public void receive(int character) {
        DescriptorChain chain = take(RECEIVE);
        if (chain != null) {
            chain.write(0, new byte[] {(byte) character}, 1);
            giveBack(RECEIVE, chain, 1);
        }
    }
}
