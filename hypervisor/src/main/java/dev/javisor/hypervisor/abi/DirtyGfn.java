package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_dirty_gfn}: a page that was stored to. */
public final class DirtyGfn extends Struct {
    public int flags, slot;
    /** Number of the page in its slot. */
    public long offset;

    @Override
    public int size() {
        return 16;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putInt(flags).putInt(slot).putLong(offset);
    }

    @Override
    protected void read(ByteBuffer b) {
        flags = b.getInt();
        slot = b.getInt();
        offset = b.getLong();
    }

    @Override
    public String toString() {
        return "page " + offset + " of slot " + slot;
    }
}
