package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_irqchip}: the registers of one interrupt controller in the kernel. */
public final class IrqChip extends Struct {
    private static final int UNION = 512;

    /** {@link IrqRoutingEntry#PIC_MASTER}, {@link IrqRoutingEntry#PIC_SLAVE} or {@link IrqRoutingEntry#IOAPIC}. */
    public int chipId;
    /** Valid for the two 8259s. */
    public final PicState pic = new PicState();
    /** Valid for the I/O APIC. */
    public final IoApicState ioapic = new IoApicState();

    public IrqChip() {}

    public IrqChip(int chipId) {
        this.chipId = chipId;
    }

    private Struct union() {
        return chipId == IrqRoutingEntry.IOAPIC ? ioapic : pic;
    }

    @Override
    public int size() {
        return 8 + UNION;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putInt(chipId).putInt(0);
        union().write(b);
        b.position(size());
    }

    @Override
    protected void read(ByteBuffer b) {
        chipId = b.getInt();
        b.getInt();
        union().read(b);
        b.position(size());
    }
}
