package dev.javisor.conformance.event;

import dev.javisor.machine.Machine;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.memory.Region;

/** Holes in the extended page tables of a guest, where the delivery of an event meets VM exits. */
public final class Holes {
    private static final long PAGE = 0x1FF0000, SIZE = 4096;

    private Holes() {}

    /** For an {@link EventGuest}. */
    public static void punch(Machine m) {
        punch(m, PAGE);
    }

    /** Changes the memory map and changes it back, so that nothing derived from it remains. @param page of the guest's RAM */
    public static void punch(Machine m, long page) {
        Region r = Region.device(page, SIZE, new MmioHandler() {
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
