package dev.javisor.conformance.event;

import dev.javisor.machine.Machine;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.memory.Region;

/** Holes in the extended page tables of a guest, where the delivery of an event meets VM exits. */
public final class Holes {
    /** A page of the guest's RAM: without it, RAM is no longer what it was. */
    private static final long PAGE = 0x1FF0000, SIZE = 4096;

    private Holes() {}

    /** Changes the memory map and changes it back, so that nothing derived from it remains. */
    public static void punch(Machine m) {
        Region r = Region.device(PAGE, SIZE, new MmioHandler() {
            @Override
            public long read(long offset, int size) {
                return 0;
            }

            @Override
            public void write(long offset, int size, long value) {
                // nobody looks
            }
        });
        m.memory().add(r);
        m.memory().remove(r);
    }
}
