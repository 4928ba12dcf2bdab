package dev.javisor.processor.vmx;

/** Offsets in the virtual-APIC page ("Virtual APIC State"). */
final class VirtualApic {
    static final int TPR = 0x80, PPR = 0xA0, EOI = 0xB0, ISR = 0x100, IRR = 0x200, ICR_LOW = 0x300, ICR_HIGH = 0x310;

    private VirtualApic() {}
}
