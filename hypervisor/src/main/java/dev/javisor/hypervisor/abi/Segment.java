package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_segment}: a segment register with the descriptor behind it. The limit is in bytes. */
public final class Segment extends Struct {
    static final int SIZE = 24;

    public long base;
    public int limit, selector, type, present, dpl, db, s, l, g, avl, unusable;

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putLong(base).putInt(limit).putShort((short) selector);
        for (int v : new int[] {type, present, dpl, db, s, l, g, avl, unusable, 0}) {
            b.put((byte) v);
        }
    }

    @Override
    protected void read(ByteBuffer b) {
        base = b.getLong();
        limit = b.getInt();
        selector = b.getShort() & 0xFFFF;
        type = b.get();
        present = b.get();
        dpl = b.get();
        db = b.get();
        s = b.get();
        l = b.get();
        g = b.get();
        avl = b.get();
        unusable = b.get();
        b.get();
    }
}
