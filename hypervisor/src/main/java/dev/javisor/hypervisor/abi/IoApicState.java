package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_ioapic_state}: the registers of the I/O APIC. */
public final class IoApicState extends Struct {
    public static final int PINS = 24;
    static final int SIZE = 24 + 8 * PINS;

    public long baseAddress;
    /** The register that is selected, and the identification register's number. */
    public int ioregsel, id;
    /** Inputs that are asserted, one bit each. */
    public int irr;

    public final long[] redirtbl = new long[PINS];

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putLong(baseAddress).putInt(ioregsel).putInt(id).putInt(irr).putInt(0);
        for (long e : redirtbl) {
            b.putLong(e);
        }
    }

    @Override
    protected void read(ByteBuffer b) {
        baseAddress = b.getLong();
        ioregsel = b.getInt();
        id = b.getInt();
        irr = b.getInt();
        b.getInt();
        for (int i = 0; i < PINS; i++) {
            redirtbl[i] = b.getLong();
        }
    }
}
