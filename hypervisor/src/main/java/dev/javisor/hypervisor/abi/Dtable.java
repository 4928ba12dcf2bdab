package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_dtable}: GDTR or IDTR. */
public final class Dtable extends Struct {
    static final int SIZE = 16;

    public long base;
    public int limit;

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putLong(base).putShort((short) limit).putShort((short) 0).putInt(0);
    }

    @Override
    protected void read(ByteBuffer b) {
        base = b.getLong();
        limit = b.getShort() & 0xFFFF;
        b.getShort();
        b.getInt();
    }
}
