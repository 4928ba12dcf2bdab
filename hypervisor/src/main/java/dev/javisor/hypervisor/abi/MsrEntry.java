package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_msr_entry}: a model-specific register and its value. */
public final class MsrEntry extends Struct {
    private static final int SIZE = 16;

    public int index;
    public long data;

    public MsrEntry() {}

    public MsrEntry(int index, long data) {
        this.index = index;
        this.data = data;
    }

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putInt(index).putInt(0).putLong(data);
    }

    @Override
    protected void read(ByteBuffer b) {
        index = b.getInt();
        b.getInt();
        data = b.getLong();
    }
}
