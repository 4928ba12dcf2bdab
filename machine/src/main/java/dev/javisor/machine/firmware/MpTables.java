package dev.javisor.machine.firmware;

import dev.javisor.processor.chipset.IoApic;

/** The configuration table of the "MultiProcessor Specification", version 1.4. */
final class MpTables {
    /** Bytes of the floating pointer structure. */
    static final int POINTER_SIZE = 16;

    private static final int PCI_BUS = 0;
    private static final int ISA_BUS = 1;
    private static final int IO_APIC_ID = 0;
    private static final int CONFORMS = 0;
    private static final int ACTIVE_LOW_LEVEL = 0x0F;
    private static final int ACTIVE_HIGH_LEVEL = 0x0D;
    private static final int INT = 0;
    private static final int NMI = 1;
    private static final int EXTINT = 3;
    private static final int ALL = 0xFF;

    private final TableBuffer b = new TableBuffer();
    private int entries;

    private MpTables() {}

    /** The floating pointer structure for a configuration table at {@code address}. */
    static byte[] pointer(long address) {
        TableBuffer p = new TableBuffer().text("_MP_", 4, ' ').u32(address).u8(1).u8(4).u8(0).zeros(5);
        p.checksum(10, 0, POINTER_SIZE);
        return p.toByteArray();
    }

    static byte[] configuration(PcDescription pc) {
        return new MpTables().build(pc);
    }

    private byte[] build(PcDescription pc) {
        b.text("PCMP", 4, ' ').u16(0).u8(4).u8(0).text("JAVISOR", 8, ' ').text("PC", 12, ' ').u32(0).u16(0).u16(0);
        b.u32(AcpiTables.LOCAL_APIC_BASE).u16(0).u8(0).u8(0);
        int[] ids = pc.apicIds();
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0xFF) {
                entry(0).u8(ids[i]).u8(pc.apicVersion()).u8(i == 0 ? 3 : 1).u32(pc.signature()).u32(pc.features()).u64(0);
            }
        }
        if (pc.pci() != null) {
            entry(1).u8(PCI_BUS).text("PCI", 6, ' ');
        }
        entry(1).u8(ISA_BUS).text("ISA", 6, ' ');
        entry(2).u8(IO_APIC_ID).u8(0x20).u8(1).u32(IoApic.DEFAULT_BASE);
        for (int irq = 0; irq < 16; irq++) {
            if (irq != 2) {
                int flags = irq == AcpiTables.SCI_IRQ ? ACTIVE_HIGH_LEVEL : CONFORMS;
                interrupt(flags, ISA_BUS, irq, irq == 0 ? 2 : irq);
            }
        }
        if (pc.pci() != null) {
            for (int device = 0; device < 32; device++) {
                for (int pin = 0; pin < 4; pin++) {
                    interrupt(ACTIVE_LOW_LEVEL, PCI_BUS, device << 2 | pin, pc.pci().gsis().applyAsInt(device, pin));
                }
            }
        }
        entry(4).u8(EXTINT).u16(CONFORMS).u8(ISA_BUS).u8(0).u8(ALL).u8(0);
        entry(4).u8(NMI).u16(CONFORMS).u8(ISA_BUS).u8(0).u8(ALL).u8(1);
        b.set(4, b.length(), 2);
        b.set(34, entries, 2);
        b.checksum(7, 0, b.length());
        return b.toByteArray();
    }

    private void interrupt(int flags, int bus, int source, int pin) {
        entry(3).u8(INT).u16(flags).u8(bus).u8(source).u8(IO_APIC_ID).u8(pin);
    }

    private TableBuffer entry(int type) {
        entries++;
        return b.u8(type);
    }
}
