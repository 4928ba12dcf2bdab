package dev.javisor.processor.core;

/**
 * What engines use with almost every instruction. Fields of a superclass are the first of an object: compiled code reaches these with
 * displacements of one byte.
 */
abstract sealed class HotState permits Cpu {
    /** Instructions until the slice ends; a block takes its length off when it starts. */
    public int budget;
    /** Kind of the pending arithmetic flags, and what they come from, see {@link Flags}. */
    public int ccOp;

    public long ccA, ccB, ccR;
    /**
     * Between blocks: the next instruction. While a block runs: where the block falls through to, unless a branch changes it; the
     * running instruction is then at {@code gpr[17] + op.start}.
     */
    public long rip;
    /** First TLB entry of the current MMU context, and its addend: a number of its own spares the optimizing compiler a shared sum. */
    public long tlbBase, tlbAddends;
    /** Length of the running block and the number of the running instruction in it; both 0 between blocks. */
    public int blockLength, position;
    /**
     * Offset of the running instruction from gpr[17] when compiled code has left a fast path, else -1. {@link #blockLength} then counts the
     * instructions that have not retired, and {@link #position} is 0.
     */
    public int site = -1;
    /** RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8-R15; then always zero, and the RIP of the running block's first byte. */
    public final long[] gpr = new long[18];
}
