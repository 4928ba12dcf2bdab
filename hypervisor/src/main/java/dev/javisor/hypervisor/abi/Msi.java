package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_msi}: a message-signalled interrupt. */
public final class Msi extends Struct {
    private static final int SIZE = 32;

    public int addressLo, addressHi, data, flags, devid;

    public Msi() {}

    public Msi(long address, int data) {
        this.addressLo = (int) address;
        this.addressHi = (int) (address >>> 32);
        this.data = data;
    }

    public long address() {
        return (long) addressHi << 32 | addressLo & 0xFFFF_FFFFL;
    }

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putInt(addressLo).putInt(addressHi).putInt(data).putInt(flags).putInt(devid);
        b.position(SIZE);
    }

    @Override
    protected void read(ByteBuffer b) {
        addressLo = b.getInt();
        addressHi = b.getInt();
        data = b.getInt();
        flags = b.getInt();
        devid = b.getInt();
    }
}
