package dev.javisor.processor.core;

/** Blocking by STI and by MOV SS: events are held off for one more instruction. */
public final class InterruptShadow {
    private InterruptShadow() {}

    /** STI holds off maskable interrupts. */
    public static void beginSti(Cpu c) {
        c.blockingBySti = true;
        c.blockingByMovSs = false;
        c.shadowBegun = true;
        c.endSlice();
    }

    /** MOV SS and POP SS hold off interrupts and debug traps as well; not twice in a row. */
    public static void beginMovSs(Cpu c) {
        if (!c.blockingByMovSs) {
            c.blockingByMovSs = true;
            c.blockingBySti = false;
            c.shadowBegun = true;
            c.endSlice();
        }
    }
}
