package dev.javisor.processor.core;

import dev.javisor.processor.softfloat.SoftFloat;

/** The x87 registers. Physical registers (not relative to TOP); MMX registers are the significands. */
public final class X87State {
    /** The arithmetic unit; holds no state between instructions. */
    public final SoftFloat unit = new SoftFloat();

    /** 64-bit significands of the physical registers R0-R7. */
    public final long[] significand = new long[8];
    /** Sign (bit 15) and biased exponent (bits 14:0). */
    public final int[] signExponent = new int[8];

    public int control = 0x37F;
    /** Status word; TOP is bits 13:11. */
    public int status;
    /** Abridged tag word as FXSAVE has it: bit i = 1 when physical register i is not empty. */
    public int valid;
    /** Last non-control instruction: 11-bit opcode, its address, and its memory operand's address. */
    public int lastOpcode;

    public long lastInstruction;
    public int lastInstructionSelector;
    public long lastData;
    public int lastDataSelector;
}
