package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_coalesced_mmio}: a store that waits in the ring for the caller. */
public final class CoalescedMmio extends Struct {
    private static final int DATA = 8;

    public long physAddr;
    public int len;
    /** An I/O port rather than a physical address. */
    public boolean pio;

    public final byte[] data = new byte[DATA];

    public static CoalescedMmio of(boolean pio, long address, int len, long value) {
        CoalescedMmio c = new CoalescedMmio();
        c.pio = pio;
        c.physAddr = address;
        c.len = len;
        for (int i = 0; i < len; i++) {
            c.data[i] = (byte) (value >>> 8 * i);
        }
        return c;
    }

    /** What was stored, zero-extended. */
    public long value() {
        long v = 0;
        for (int i = len - 1; i >= 0; i--) {
            v = v << 8 | data[i] & 0xFF;
        }
        return v;
    }

    @Override
    public int size() {
        return 16 + DATA;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putLong(physAddr).putInt(len).putInt(pio ? 1 : 0).put(data);
    }

    @Override
    protected void read(ByteBuffer b) {
        physAddr = b.getLong();
        len = b.getInt();
        pio = b.getInt() != 0;
        b.get(data);
    }
}
