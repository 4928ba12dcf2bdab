package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_irq_routing_entry}: where a global system interrupt (GSI) leads. */
public final class IrqRoutingEntry extends Struct {
    /** Values of {@link #type}. */
    public static final int IRQCHIP = 1, MSI = 2;
    /** Values of {@link #irqchip}: KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, KVM_IRQCHIP_IOAPIC. */
    public static final int PIC_MASTER = 0, PIC_SLAVE = 1, IOAPIC = 2;

    private static final int SIZE = 48, UNION = 32;

    public int gsi, type, flags;
    /** Of an input of a controller in the kernel: which controller, which input. */
    public int irqchip, pin;
    /** Of a message-signalled interrupt. */
    public int addressLo, addressHi, data, devid;

    /** An input of a controller in the kernel. */
    public static IrqRoutingEntry irqchip(int gsi, int irqchip, int pin) {
        IrqRoutingEntry e = new IrqRoutingEntry();
        e.gsi = gsi;
        e.type = IRQCHIP;
        e.irqchip = irqchip;
        e.pin = pin;
        return e;
    }

    /** A message-signalled interrupt. */
    public static IrqRoutingEntry msi(int gsi, long address, int data) {
        IrqRoutingEntry e = new IrqRoutingEntry();
        e.gsi = gsi;
        e.type = MSI;
        e.addressLo = (int) address;
        e.addressHi = (int) (address >>> 32);
        e.data = data;
        return e;
    }

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putInt(gsi).putInt(type).putInt(flags).putInt(0);
        ByteBuffer union = b.slice(b.position(), UNION).order(b.order());
        if (type == MSI) {
            union.putInt(addressLo).putInt(addressHi).putInt(data).putInt(devid);
        } else {
            union.putInt(irqchip).putInt(pin);
        }
        b.position(b.position() + UNION);
    }

    @Override
    protected void read(ByteBuffer b) {
        gsi = b.getInt();
        type = b.getInt();
        flags = b.getInt();
        b.getInt();
        ByteBuffer union = b.slice(b.position(), UNION).order(b.order());
        if (type == MSI) {
            addressLo = union.getInt();
            addressHi = union.getInt();
            data = union.getInt();
            devid = union.getInt();
        } else {
            irqchip = union.getInt();
            pin = union.getInt();
        }
        b.position(b.position() + UNION);
    }
}
