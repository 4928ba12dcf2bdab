package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_cpuid_entry2}: what CPUID answers to one input. */
public final class CpuidEntry extends Struct {
    /** Bit of {@link #flags}: {@link #index} counts. */
    public static final int SIGNIFICANT_INDEX = 1;

    private static final int SIZE = 40;

    /** EAX and ECX. */
    public int function, index;

    public int flags;
    public int eax, ebx, ecx, edx;

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putInt(function).putInt(index).putInt(flags).putInt(eax).putInt(ebx).putInt(ecx).putInt(edx);
        b.position(SIZE);
    }

    @Override
    protected void read(ByteBuffer b) {
        function = b.getInt();
        index = b.getInt();
        flags = b.getInt();
        eax = b.getInt();
        ebx = b.getInt();
        ecx = b.getInt();
        edx = b.getInt();
    }
}
