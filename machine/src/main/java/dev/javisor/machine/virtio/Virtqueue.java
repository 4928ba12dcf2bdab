package dev.javisor.machine.virtio;

import dev.javisor.machine.pci.BusMaster;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/** A split virtqueue, from the device's side ("Split Virtqueues"). */
final class Virtqueue implements Stateful {
    private static final int DESCRIPTOR = 16;
    private static final int NEXT = 1, WRITE = 2, INDIRECT = 4;
    private static final int NO_INTERRUPT = 1;

    private final int maximum;
    int size;
    boolean enabled;
    int vector;
    /** Guest-physical addresses of the descriptor table, the available ring and the used ring. */
    long descriptors, driver, device;

    private int taken;
    private int given;

    Virtqueue(int maximum) {
        this.maximum = maximum;
        reset();
    }

    void reset() {
        size = maximum;
        enabled = false;
        vector = VirtioFunction.NO_VECTOR;
        descriptors = 0;
        driver = 0;
        device = 0;
        taken = 0;
        given = 0;
    }

    /** Sizes that are no power of two, or too large, are ignored. */
    void resize(int value) {
        if (value > 0 && value <= maximum && (value & value - 1) == 0) {
            size = value;
        }
    }

    boolean hasBuffer(BusMaster memory) {
        return (int) memory.read(driver + 2, 2) != taken;
    }

    /** The next available buffer, or null. */
    DescriptorChain take(BusMaster memory) throws BrokenQueueException {
        int available = (int) memory.read(driver + 2, 2);
        if (available == taken) {
            return null;
        }
        if ((available - taken & 0xFFFF) > size) {
            throw new BrokenQueueException("more buffers are available than the queue holds");
        }
        int head = (int) memory.read(driver + 4 + 2L * (taken & size - 1), 2);
        taken = taken + 1 & 0xFFFF;
        DescriptorChain chain = new DescriptorChain(head, memory);
        follow(memory, chain, descriptors, size, head, false);
        return chain;
    }

    private void follow(BusMaster memory, DescriptorChain chain, long table, long entries, int first, boolean inner)
            throws BrokenQueueException {
        int index = first;
        for (int i = 0; ; i++) {
            if (index >= entries || i == size) {
                throw new BrokenQueueException("a chain of descriptors leaves the table or has no end");
            }
            long at = table + (long) DESCRIPTOR * index;
            long address = memory.read(at, 8);
            long length = memory.read(at + 8, 4);
            int flags = (int) memory.read(at + 12, 2);
            if ((flags & INDIRECT) != 0) {
                if (inner || (flags & NEXT) != 0 || length == 0 || length % DESCRIPTOR != 0) {
                    throw new BrokenQueueException("an indirect descriptor is not as it must be");
                }
                follow(memory, chain, address, length / DESCRIPTOR, 0, true);
                return;
            }
            chain.add(address, length, (flags & WRITE) != 0);
            if ((flags & NEXT) == 0) {
                return;
            }
            index = (int) memory.read(at + 14, 2);
        }
    }

    void giveBack(BusMaster memory, DescriptorChain chain, int written) {
        long entry = device + 4 + 8L * (given & size - 1);
        memory.write(entry, 4, chain.head);
        memory.write(entry + 4, 4, written);
        given = given + 1 & 0xFFFF;
        memory.write(device + 2, 2, given);
    }

    boolean wantsInterrupt(BusMaster memory) {
        return (memory.read(driver, 2) & NO_INTERRUPT) == 0;
    }

    @Override
    public void save(StateOutput out) {
        out.putLongs("queue", new long[] {size, enabled ? 1 : 0, vector, descriptors, driver, device, taken, given});
    }

    @Override
    public void load(StateInput in) {
        long[] v = new long[8];
        in.getLongs("queue", v);
        size = (int) v[0];
        enabled = v[1] != 0;
        vector = (int) v[2];
        descriptors = v[3];
        driver = v[4];
        device = v[5];
        taken = (int) v[6];
        given = (int) v[7];
    }
}
