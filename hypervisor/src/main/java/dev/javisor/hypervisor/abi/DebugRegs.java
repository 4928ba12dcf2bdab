package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_debugregs}. */
public final class DebugRegs extends Struct {
    private static final int BREAKPOINTS = 4, RESERVED = 9;

    public final long[] db = new long[BREAKPOINTS];
    public long dr6, dr7, flags;

    @Override
    public int size() {
        return 8 * (BREAKPOINTS + 3 + RESERVED);
    }

    @Override
    protected void write(ByteBuffer b) {
        for (long v : db) {
            b.putLong(v);
        }
        b.putLong(dr6).putLong(dr7).putLong(flags);
    }

    @Override
    protected void read(ByteBuffer b) {
        for (int i = 0; i < BREAKPOINTS; i++) {
            db[i] = b.getLong();
        }
        dr6 = b.getLong();
        dr7 = b.getLong();
        flags = b.getLong();
    }
}
