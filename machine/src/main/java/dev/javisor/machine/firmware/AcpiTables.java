package dev.javisor.machine.firmware;

import dev.javisor.machine.device.Hpet;
import dev.javisor.machine.device.PowerManagement;
import dev.javisor.machine.device.RealTimeClock;
import dev.javisor.machine.device.ResetControl;
import dev.javisor.processor.chipset.IoApic;
import java.util.ArrayList;
import java.util.List;

/**
 * The ACPI tables of a PC, in one block that can be put anywhere below 4 GiB. Until then pointers between tables are offsets into the
 * block; {@link #place} or a firmware's table loader turns them into addresses.
 */
public final class AcpiTables {
    /** Bytes of memory-mapped configuration space. */
    static final long ECAM_SIZE = 256L << 20;
    /** Alignment of the block, which the firmware ACPI control structure asks for. */
    public static final int ALIGNMENT = 64;

    /** Bytes of the root system description pointer. */
    public static final int RSDP_SIZE = 36;

    static final String OEM = "JAVISR";
    private static final String OEM_TABLE = "JAVISOR";
    private static final String CREATOR = "JVSR";

    private static final int HEADER_SIZE = 36;
    private static final int LENGTH_FIELD = 4;
    private static final int CHECKSUM_FIELD = 9;

    static final long LOCAL_APIC_BASE = 0xFEE00000L;
    /** Interrupt request of system control interrupts. */
    public static final int SCI_IRQ = 9;

    private static final int ACTIVE_HIGH_LEVEL = 0x0D;

    /** A field of {@code size} bytes at {@code at} that holds an offset into the block. */
    record Pointer(int at, int size) {}

    record Table(int start, int length) {}

    private final PcDescription pc;
    private final TableBuffer block = new TableBuffer();
    private final List<Pointer> pointers = new ArrayList<>();
    private final List<Table> tables = new ArrayList<>();
    private int facs;
    private int rsdt;
    private int xsdt;

    public AcpiTables(PcDescription pc) {
        this.pc = pc;
        build();
    }

    /** The tables for a block at {@code address}, a multiple of {@link #ALIGNMENT} below 4 GiB. */
    public byte[] place(long address) {
        TableBuffer b = new TableBuffer().bytes(block.toByteArray());
        for (Pointer p : pointers) {
            b.set(p.at, b.get(p.at, p.size) + address, p.size);
        }
        for (Table t : tables) {
            b.checksum(t.start + CHECKSUM_FIELD, t.start, t.length);
        }
        return b.toByteArray();
    }

    /** The root system description pointer to tables placed at {@code address}. */
    public byte[] rootPointer(long address) {
        TableBuffer b = rootPointerTemplate();
        b.set(16, b.get(16, 4) + address, 4);
        b.set(24, b.get(24, 8) + address, 8);
        b.checksum(8, 0, 20);
        b.checksum(32, 0, RSDP_SIZE);
        return b.toByteArray();
    }

    /** Offset of the firmware ACPI control structure in the block; its waking vector is a 32-bit number at offset 12 of it. */
    public int controlStructure() {
        return facs;
    }

    TableBuffer rootPointerTemplate() {
        TableBuffer b = new TableBuffer().text("RSD PTR ", 8, ' ').u8(0).text(OEM, 6, ' ').u8(2).u32(rsdt);
        return b.u32(RSDP_SIZE).u64(xsdt).u8(0).zeros(3);
    }

    byte[] template() {
        return block.toByteArray();
    }

    List<Pointer> pointers() {
        return List.copyOf(pointers);
    }

    List<Table> tables() {
        return List.copyOf(tables);
    }

    private void build() {
        facs = controlStructureTable();
        int dsdt = begin("DSDT", 2);
        block.bytes(Dsdt.definitionBlock(pc));
        end(dsdt);
        List<Integer> listed = new ArrayList<>();
        listed.add(fixedDescription(dsdt));
        listed.add(multipleApicDescription());
        if (pc.hpet()) {
            listed.add(hpetDescription());
        }
        if (pc.pci() != null && pc.pci().ecam() != 0) {
            listed.add(configurationSpaceDescription());
        }
        rsdt = root("RSDT", 4, listed);
        xsdt = root("XSDT", 8, listed);
    }

    private int begin(String signature, int revision) {
        block.align(16);
        int start = block.length();
        block.text(signature, 4, ' ').u32(0).u8(revision).u8(0).text(OEM, 6, ' ').text(OEM_TABLE, 8, ' ').u32(1);
        block.text(CREATOR, 4, ' ').u32(1);
        return start;
    }

    private void end(int start) {
        int length = block.length() - start;
        block.set(start + LENGTH_FIELD, length, 4);
        tables.add(new Table(start, length));
    }

    private void pointer(int target, int size) {
        pointers.add(new Pointer(block.length(), size));
        if (size == 4) {
            block.u32(target);
        } else {
            block.u64(target);
        }
    }

    private int root(String signature, int pointerSize, List<Integer> listed) {
        int start = begin(signature, 1);
        for (int t : listed) {
            pointer(t, pointerSize);
        }
        end(start);
        return start;
    }

    /** It has no checksum, as the operating system writes to it. */
    private int controlStructureTable() {
        block.align(ALIGNMENT);
        int start = block.length();
        block.text("FACS", 4, ' ').u32(64).zeros(24).u8(2).zeros(31);
        return start;
    }

    private int fixedDescription(int dsdt) {
        int start = begin("FACP", 6);
        pointer(facs, 4);
        pointer(dsdt, 4);
        block.u8(0);
        // Preferred power management profile: desktop.
        block.u8(1).u16(SCI_IRQ).u32(PowerManagement.SMI_COMMAND_PORT);
        block.u8(PowerManagement.ACPI_ENABLE).u8(PowerManagement.ACPI_DISABLE).u8(0).u8(0);
        block.u32(port(PowerManagement.EVENT)).u32(0).u32(port(PowerManagement.CONTROL)).u32(0).u32(0);
        block.u32(port(PowerManagement.TIMER)).u32(port(PowerManagement.GPE0)).u32(0);
        block.u8(4).u8(2).u8(0).u8(4).u8(PowerManagement.GPE0_LENGTH).u8(0).u8(0).u8(0);
        // Latencies that say there is neither C2 nor C3; no cache flush by reading, no duty cycle, no alarm day or month.
        block.u16(0xFFF).u16(0xFFF).u16(0).u16(0).u8(0).u8(0).u8(0).u8(0).u8(RealTimeClock.CENTURY);
        // Boot architecture: legacy devices, 8042, no VGA.
        block.u16(1 | 2 | 4).u8(0);
        // WBINVD works, C1 on all processors, no fixed sleep button, the reset register works, 32-bit timer.
        block.u32(1 | 1 << 2 | 1 << 5 | 1 << 10 | (pc.extendedTimer() ? 1 << 8 : 0));
        portAddress(ResetControl.PORT, 8, 1);
        block.u8(ResetControl.FULL_RESET).u16(0).u8(0);
        block.u64(0);
        pointer(dsdt, 8);
        portAddress(port(PowerManagement.EVENT), 32, 2);
        noAddress();
        portAddress(port(PowerManagement.CONTROL), 16, 2);
        noAddress();
        noAddress();
        portAddress(port(PowerManagement.TIMER), 32, 3);
        portAddress(port(PowerManagement.GPE0), 8 * PowerManagement.GPE0_LENGTH, 1);
        noAddress();
        // No sleep control and status registers; no hypervisor vendor.
        noAddress();
        noAddress();
        block.u64(0);
        end(start);
        return start;
    }

    private static int port(int offset) {
        return PowerManagement.PORT + offset;
    }

    /** A generic address structure in I/O space. */
    private void portAddress(int port, int bits, int accessSize) {
        block.u8(1).u8(bits).u8(0).u8(accessSize).u64(port);
    }

    private void noAddress() {
        block.zeros(12);
    }

    private int multipleApicDescription() {
        int start = begin("APIC", 5);
        // There is an 8259 pair as well.
        block.u32(LOCAL_APIC_BASE).u32(1);
        int[] ids = pc.apicIds();
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0xFF) {
                block.u8(0).u8(8).u8(i).u8(ids[i]).u32(1);
            } else {
                block.u8(9).u8(16).u16(0).u32(ids[i]).u32(1).u32(i);
            }
        }
        block.u8(1).u8(12).u8(0).u8(0).u32(IoApic.DEFAULT_BASE).u32(0);
        interruptOverride(0, 2, 0);
        interruptOverride(SCI_IRQ, SCI_IRQ, ACTIVE_HIGH_LEVEL);
        // NMI arrives at LINT1 of every processor.
        block.u8(4).u8(6).u8(0xFF).u16(0).u8(1);
        if (pc.needsX2Apic()) {
            block.u8(10).u8(12).u16(0).u32(0xFFFFFFFFL).u8(1).zeros(3);
        }
        end(start);
        return start;
    }

    private void interruptOverride(int irq, int gsi, int flags) {
        block.u8(2).u8(10).u8(0).u8(irq).u32(gsi).u16(flags);
    }

    private int hpetDescription() {
        int start = begin("HPET", 1);
        block.u32((long) Hpet.VENDOR << 16 | 1 << 15 | 1 << 13 | Hpet.TIMERS - 1 << 8 | 1);
        block.u8(0).u8(64).u8(0).u8(0).u64(Hpet.DEFAULT_BASE);
        block.u8(0).u16(0x80).u8(0);
        end(start);
        return start;
    }

    private int configurationSpaceDescription() {
        int start = begin("MCFG", 1);
        block.u64(0).u64(pc.pci().ecam()).u16(0).u8(0).u8(255).u32(0);
        end(start);
        return start;
    }
}
