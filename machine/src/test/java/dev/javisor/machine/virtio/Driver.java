package dev.javisor.machine.virtio;

import dev.javisor.machine.pci.Slot;

/** A driver for one virtio function: finds its structures, sets it up, and puts buffers into a queue in guest memory. */
final class Driver {
    static final int DRIVER_OK = 15, NEEDS_RESET = 64;
    private static final long DESCRIPTORS = 0x10000, AVAILABLE = 0x11000, USED = 0x12000, TABLE_STEP = 0x4000;
    static final int NEXT = 1, WRITE = 2, INDIRECT = 4;

    final Slot slot;
    private final long common, isr, device, notify;
    private final int[] filled = new int[8];
    private final int[] available = new int[8];

    Driver(VirtioFunction function) {
        slot = new Slot(function).setUp();
        common = structure(1);
        notify = structure(2);
        isr = structure(3);
        device = structure(4);
    }

    private long structure(int type) {
        for (int n = 0; ; n++) {
            int at = slot.capability(9, n);
            if (at == 0) {
                return 0;
            }
            if (slot.read(at + 3, 1) == type) {
                return slot.bar(slot.read(at + 4, 1)) + slot.read(at + 8, 4);
            }
        }
    }

    long common(int at, int size) {
        return slot.memory.read(common + at, size);
    }

    void common(int at, int size, long value) {
        slot.memory.write(common + at, size, value);
    }

    long isr() {
        return slot.memory.read(isr, 1);
    }

    long configuration(int at, int size) {
        return slot.memory.read(device + at, size);
    }

    int status() {
        return (int) common(0x14, 1);
    }

    long features() {
        common(0, 4, 0);
        long low = common(4, 4);
        common(0, 4, 1);
        return low | common(4, 4) << 32;
    }

    /** Accepts features, enables all queues, and goes live. */
    Driver start(long features) {
        common(0x14, 1, 0);
        common(0x14, 1, 3);
        common(8, 4, 0);
        common(0xC, 4, features & 0xFFFFFFFFL);
        common(8, 4, 1);
        common(0xC, 4, features >>> 32);
        common(0x14, 1, 11);
        for (int q = 0; q < common(0x12, 2); q++) {
            slot.memory.write(AVAILABLE + q * TABLE_STEP, 4, 0);
            slot.memory.write(USED + q * TABLE_STEP, 4, 0);
            filled[q] = 0;
            available[q] = 0;
            common(0x16, 2, q);
            common(0x18, 2, 16);
            common(0x20, 8, DESCRIPTORS + q * TABLE_STEP);
            common(0x28, 8, AVAILABLE + q * TABLE_STEP);
            common(0x30, 8, USED + q * TABLE_STEP);
            common(0x1C, 2, 1);
        }
        common(0x14, 1, DRIVER_OK);
        return this;
    }

    /** Writes a descriptor; {@code next} is another's number, or -1. */
    void descriptor(int queue, int number, long address, int length, int flags, int next) {
        long at = DESCRIPTORS + queue * TABLE_STEP + 16L * number;
        slot.memory.write(at, 8, address);
        slot.memory.write(at + 8, 4, length);
        slot.memory.write(at + 12, 2, flags | (next < 0 ? 0 : NEXT));
        slot.memory.write(at + 14, 2, Math.max(next, 0));
    }

    /** Makes a chain available and notifies the device. */
    void submit(int queue, int head) {
        long ring = AVAILABLE + queue * TABLE_STEP;
        slot.memory.write(ring + 4 + 2L * (available[queue] & 15), 2, head);
        available[queue]++;
        slot.memory.write(ring + 2, 2, available[queue]);
        slot.memory.write(notify + 4L * queue, 2, queue);
    }

    /** Bytes that the device says it has written into the next buffer it gives back; -1 when there is none. */
    long completed(int queue) {
        long ring = USED + queue * TABLE_STEP;
        if (slot.memory.read(ring + 2, 2) == (filled[queue] & 0xFFFF)) {
            return -1;
        }
        return slot.memory.read(ring + 4 + 8L * (filled[queue]++ & 15) + 4, 4);
    }
}
