package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_xcrs}: extended control registers. */
public final class Xcrs extends Struct {
    public static final int MOST = 16;
    private static final int PADDING = 128;

    /** How many of {@link #xcr} and {@link #value} count. */
    public int nrXcrs;

    public int flags;
    /** Numbers of the registers, and their values. */
    public final int[] xcr = new int[MOST];

    public final long[] value = new long[MOST];

    @Override
    public int size() {
        return 8 + 16 * MOST + PADDING;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putInt(nrXcrs).putInt(flags);
        for (int i = 0; i < MOST; i++) {
            b.putInt(xcr[i]).putInt(0).putLong(value[i]);
        }
        b.position(b.position() + PADDING);
    }

    @Override
    protected void read(ByteBuffer b) {
        nrXcrs = b.getInt();
        flags = b.getInt();
        for (int i = 0; i < MOST; i++) {
            xcr[i] = b.getInt();
            b.getInt();
            value[i] = b.getLong();
        }
        b.position(b.position() + PADDING);
    }
}
