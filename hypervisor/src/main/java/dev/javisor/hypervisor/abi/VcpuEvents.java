package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_vcpu_events}: what is to be delivered, and what is held off. */
public final class VcpuEvents extends Struct {
    /** Bits of {@link #flags}: which parts are valid. */
    public static final int VALID_NMI_PENDING = 1, VALID_SIPI_VECTOR = 2, VALID_SHADOW = 4, VALID_SMM = 8, VALID_PAYLOAD = 16;

    public static final int VALID_TRIPLE_FAULT = 32;
    /** Bits of {@link #interruptShadow}. */
    public static final int SHADOW_MOV_SS = 1, SHADOW_STI = 2;

    private static final int SIZE = 64, RESERVED = 26;

    public boolean exceptionInjected, exceptionHasErrorCode, exceptionPending;
    public int exceptionNr, exceptionErrorCode;
    public boolean interruptInjected, interruptSoft;
    public int interruptNr, interruptShadow;
    public boolean nmiInjected, nmiMasked;
    /** How many NMIs wait. */
    public int nmiPending;
    public int sipiVector;
    public int flags;
    public boolean smiSmm, smiPending, smiSmmInsideNmi, smiLatchedInit;
    public boolean tripleFaultPending;
    public boolean exceptionHasPayload;
    public long exceptionPayload;

    @Override
    public int size() {
        return SIZE;
    }

    private static void put(ByteBuffer b, boolean... values) {
        for (boolean v : values) {
            b.put((byte) (v ? 1 : 0));
        }
    }

    private static boolean flag(ByteBuffer b) {
        return b.get() != 0;
    }

    @Override
    protected void write(ByteBuffer b) {
        put(b, exceptionInjected);
        b.put((byte) exceptionNr);
        put(b, exceptionHasErrorCode, exceptionPending);
        b.putInt(exceptionErrorCode);
        put(b, interruptInjected);
        b.put((byte) interruptNr);
        put(b, interruptSoft);
        b.put((byte) interruptShadow);
        put(b, nmiInjected);
        b.put((byte) nmiPending);
        put(b, nmiMasked, false);
        b.putInt(sipiVector).putInt(flags);
        put(b, smiSmm, smiPending, smiSmmInsideNmi, smiLatchedInit, tripleFaultPending);
        b.position(b.position() + RESERVED);
        put(b, exceptionHasPayload);
        b.putLong(exceptionPayload);
    }

    @Override
    protected void read(ByteBuffer b) {
        exceptionInjected = flag(b);
        exceptionNr = b.get() & 0xFF;
        exceptionHasErrorCode = flag(b);
        exceptionPending = flag(b);
        exceptionErrorCode = b.getInt();
        interruptInjected = flag(b);
        interruptNr = b.get() & 0xFF;
        interruptSoft = flag(b);
        interruptShadow = b.get() & 0xFF;
        nmiInjected = flag(b);
        nmiPending = b.get() & 0xFF;
        nmiMasked = flag(b);
        b.get();
        sipiVector = b.getInt();
        flags = b.getInt();
        smiSmm = flag(b);
        smiPending = flag(b);
        smiSmmInsideNmi = flag(b);
        smiLatchedInit = flag(b);
        tripleFaultPending = flag(b);
        b.position(b.position() + RESERVED);
        exceptionHasPayload = flag(b);
        exceptionPayload = b.getLong();
    }
}
