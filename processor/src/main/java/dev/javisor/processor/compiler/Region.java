package dev.javisor.processor.compiler;

import dev.javisor.processor.core.Cpu;

/** Compiled code of some blocks of one page. Its class is its own, so that the Java machine can forget it. */
public abstract class Region {
    /** In place of an entry point: returns at once. */
    public static final int NOWHERE = -1;

    /** What was done about it. */
    public Effort effort;
    /** Instructions that it has run, and after how many it has proved to be worth more effort. Counted by who calls it. */
    public long retired, proof = Long.MAX_VALUE;
    /** What all compiled code had run when this was last asked; 0: not yet. */
    public long since;
    /** How often it was entered. */
    public long entries;
    /** Memory accesses that took slow paths. */
    public long slowAccesses;
    /** Has been entered; cleared by who looks for regions that are not. */
    public boolean used;

    /**
     * Runs from an entry point, a block's offset in the page, until the code leaves the region or a block is longer than
     * {@link Cpu#budget}. Before: gpr[17] is the RIP that the first byte of the page would have. After: {@link Cpu#rip} is the next
     * instruction; {@link Cpu#site} and {@link Cpu#blockLength} are to be cleared.
     *
     * @param c not used for entry point {@link #NOWHERE}
     * @return whether the next instruction is to be interpreted, see {@link Effort#FULL}
     * @throws dev.javisor.processor.core.GuestFault as the running instruction does, which {@link Cpu#site} tells
     */
    public abstract boolean run(Cpu c, int entry);
}
