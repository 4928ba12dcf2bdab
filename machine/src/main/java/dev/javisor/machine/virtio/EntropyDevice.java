package dev.javisor.machine.virtio;

import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/** Virtio entropy device. Its bytes come from a seeded generator (SplitMix64), so that equal machines get equal bytes. */
public final class EntropyDevice extends VirtioFunction {
    private static final int TYPE = 4, CLASS_CODE = 0x00FF00, QUEUE_SIZE = 64;
    /** Most bytes that one buffer gets. */
    private static final int LARGEST = 4096;

    private long state;

    public EntropyDevice(long seed) {
        super(TYPE, CLASS_CODE, 0, new int[] {QUEUE_SIZE}, 0);
        state = seed;
    }

    @Override
    protected int deviceConfiguration(int offset) {
        return 0;
    }

    @Override
    protected void notified(int queue) {
        for (int i = 0; i < QUEUE_SIZE; i++) {
            DescriptorChain chain = take(queue);
            if (chain == null) {
                return;
            }
            byte[] bytes = new byte[(int) Math.min(LARGEST, chain.writableLength())];
            for (int j = 0; j < bytes.length; j++) {
                bytes[j] = (byte) next();
            }
            chain.write(0, bytes, bytes.length);
            giveBack(queue, chain, bytes.length);
        }
    }

    private long next() {
        state += 0x9E3779B97F4A7C15L;
        long z = (state ^ state >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }

    @Override
    public void save(StateOutput out) {
        super.save(out);
        out.putLong("state", state);
    }

    @Override
    public void load(StateInput in) {
        super.load(in);
        state = in.getLong("state");
    }
}
