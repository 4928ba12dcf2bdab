package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_xsave}: the extended state, as XSAVE stores it in its standard format. */
public final class Xsave extends Struct {
    /** Bytes; the same for KVM_GET_XSAVE2, as no state is larger. */
    public static final int SIZE = 4096;

    public final byte[] region = new byte[SIZE];

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.put(region);
    }

    @Override
    protected void read(ByteBuffer b) {
        b.get(region);
    }
}
