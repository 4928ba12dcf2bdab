package dev.javisor.processor.event;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;

/** What happens between two instructions, in the order of the manual's table of priorities among concurrent events. */
public final class Boundary {
    private Boundary() {}

    /** Looks at everything that asks for attention and delivers what comes first. */
    public static void process(Cpu c) {
        c.withdraw(Cpu.BOUNDARY_REQUEST);
    }

    /** A request that is pending would end the processor's waiting. */
    public static boolean wakes(Cpu c) {
        return false;
    }

    /** The engine must run exactly one instruction and come back. */
    public static boolean mustStep(Cpu c) {
        return (c.rflags & Flags.TF) != 0 || c.watchesCode;
    }

    /** Before a single instruction: code breakpoints. False when an event was delivered instead. */
    public static boolean beforeStep(Cpu c) {
        return true;
    }

    /**
     * After a single instruction.
     *
     * @param trace RFLAGS.TF when it started
     * @param retired false when it faulted and the fault was delivered
     */
    public static void afterStep(Cpu c, boolean trace, boolean retired) {
        c.blockingBySti = false;
        c.blockingByMovSs = false;
    }
}
