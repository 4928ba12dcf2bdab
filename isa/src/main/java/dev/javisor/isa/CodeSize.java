package dev.javisor.isa;

/** The default operand and address size of code, as CS and the processor mode select it. */
public enum CodeSize {
    /** Real mode, virtual-8086 mode and protected mode with CS.D = 0. */
    BITS16(16),
    /** Protected and compatibility mode with CS.D = 1. */
    BITS32(32),
    /** 64-bit mode (IA-32e mode with CS.L = 1). */
    BITS64(64);

    /** Default address size in bits. */
    public final int bits;

    CodeSize(int bits) {
        this.bits = bits;
    }
}
