package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_guest_debug}: debugging of a guest from outside. */
public final class GuestDebug extends Struct {
    /** Bits of {@link #control}. */
    public static final int ENABLE = 1, SINGLESTEP = 2, USE_SW_BP = 0x10000, USE_HW_BP = 0x20000, INJECT_DB = 0x40000, INJECT_BP = 0x80000;

    public static final int BLOCKIRQ = 0x100000;
    public static final int ALL = ENABLE | SINGLESTEP | USE_SW_BP | USE_HW_BP | INJECT_DB | INJECT_BP | BLOCKIRQ;

    private static final int REGISTERS = 8, DR7 = 7;

    public int control;
    /** DR0 to DR7. */
    public final long[] debugreg = new long[REGISTERS];

    public long dr7() {
        return debugreg[DR7];
    }

    @Override
    public int size() {
        return 8 + 8 * REGISTERS;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putInt(control).putInt(0);
        for (long v : debugreg) {
            b.putLong(v);
        }
    }

    @Override
    protected void read(ByteBuffer b) {
        control = b.getInt();
        b.getInt();
        for (int i = 0; i < REGISTERS; i++) {
            debugreg[i] = b.getLong();
        }
    }
}
