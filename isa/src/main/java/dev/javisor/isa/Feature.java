package dev.javisor.isa;

/** CPUID feature bits: name as in Linux' /proc/cpuinfo, leaf, sub-leaf, register and bit. */
public enum Feature {
    FPU(1, 0, Register.EDX, 0),
    SSE2(1, 0, Register.EDX, 26);

    /** CPUID output register. */
    public enum Register {
        EAX,
        EBX,
        ECX,
        EDX
    }

    public final int leaf;
    public final int subleaf;
    public final Register register;
    public final int bit;

    Feature(int leaf, int subleaf, Register register, int bit) {
        this.leaf = leaf;
        this.subleaf = subleaf;
        this.register = register;
        this.bit = bit;
    }
}
