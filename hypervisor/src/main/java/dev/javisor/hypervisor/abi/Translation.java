package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_translation}: what a linear address is translated to. */
public final class Translation extends Struct {
    private static final int SIZE = 24, PADDING = 5;

    public long linearAddress;
    /** Guest-physical. */
    public long physicalAddress;
    /** There is a translation. */
    public boolean valid;

    public boolean writeable, usermode;

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putLong(linearAddress).putLong(physicalAddress);
        b.put((byte) (valid ? 1 : 0)).put((byte) (writeable ? 1 : 0)).put((byte) (usermode ? 1 : 0));
        b.position(b.position() + PADDING);
    }

    @Override
    protected void read(ByteBuffer b) {
        linearAddress = b.getLong();
        physicalAddress = b.getLong();
        valid = b.get() != 0;
        writeable = b.get() != 0;
        usermode = b.get() != 0;
        b.position(b.position() + PADDING);
    }
}
