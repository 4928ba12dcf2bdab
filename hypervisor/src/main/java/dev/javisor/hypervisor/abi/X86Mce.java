package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_x86_mce}: a machine check, in the layout of the registers that it is reported in. */
public final class X86Mce extends Struct {
    /** Bits of {@link #status}: the rest counts; an error was overwritten; it is not corrected. */
    public static final long VALID = 1L << 63, OVERFLOW = 1L << 62, UNCORRECTED = 1L << 61;

    private static final int PADDING = 7 + 24;

    /** IA32_MCi_STATUS, IA32_MCi_ADDR, IA32_MCi_MISC, IA32_MCG_STATUS. */
    public long status, addr, misc, mcgStatus;

    /** Which bank of registers. */
    public int bank;

    @Override
    public int size() {
        return 64;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putLong(status).putLong(addr).putLong(misc).putLong(mcgStatus).put((byte) bank);
        b.position(b.position() + PADDING);
    }

    @Override
    protected void read(ByteBuffer b) {
        status = b.getLong();
        addr = b.getLong();
        misc = b.getLong();
        mcgStatus = b.getLong();
        bank = b.get() & 0xFF;
        b.position(b.position() + PADDING);
    }
}
