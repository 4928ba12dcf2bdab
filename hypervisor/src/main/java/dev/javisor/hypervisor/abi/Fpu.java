package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_fpu}: x87 and SSE state as FXSAVE sees it. */
public final class Fpu extends Struct {
    private static final int X87 = 8, XMM = 16, ENTRY = 16;

    /** ST(0) to ST(7), 80 bits in 16 bytes each. */
    public final byte[][] fpr = new byte[X87][ENTRY];

    public int fcw, fsw, ftwx, lastOpcode, mxcsr;
    public long lastIp, lastDp;
    public final byte[][] xmm = new byte[XMM][ENTRY];

    @Override
    public int size() {
        return X87 * ENTRY + 8 + 16 + XMM * ENTRY + 8;
    }

    @Override
    protected void write(ByteBuffer b) {
        for (byte[] r : fpr) {
            b.put(r);
        }
        b.putShort((short) fcw).putShort((short) fsw).put((byte) ftwx).put((byte) 0).putShort((short) lastOpcode);
        b.putLong(lastIp).putLong(lastDp);
        for (byte[] r : xmm) {
            b.put(r);
        }
        b.putInt(mxcsr).putInt(0);
    }

    @Override
    protected void read(ByteBuffer b) {
        for (byte[] r : fpr) {
            b.get(r);
        }
        fcw = b.getShort() & 0xFFFF;
        fsw = b.getShort() & 0xFFFF;
        ftwx = b.get() & 0xFF;
        b.get();
        lastOpcode = b.getShort() & 0x7FF;
        lastIp = b.getLong();
        lastDp = b.getLong();
        for (byte[] r : xmm) {
            b.get(r);
        }
        mxcsr = b.getInt();
        b.getInt();
    }
}
