package dev.javisor.machine.firmware;

import dev.javisor.machine.device.FirmwareConfig;
import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.processor.memory.PhysicalMemory;

/** What firmware leaves in memory for an operating system, or hands to a firmware that runs in the guest. */
public final class FirmwareTables {
    /** Operating systems search the tables' anchors from here to 1 MiB. */
    public static final long AREA = 0xF0000;

    private static final long AREA_END = (0xF000L << 4) + RealModeInterrupts.CODE;
    private static final long ONE_MEGABYTE = 0x100000;
    private static final int WAKING_VECTOR = 12;

    private final long rootPointer;
    private final long controlStructure;

    private FirmwareTables(long rootPointer, long controlStructure) {
        this.rootPointer = rootPointer;
        this.controlStructure = controlStructure;
    }

    /**
     * Writes ACPI, multiprocessor and SMBIOS tables to the area below 1 MiB, which must be RAM.
     *
     * @throws IllegalArgumentException if the tables of so large a machine do not fit
     */
    public static FirmwareTables write(PhysicalMemory memory, PcDescription pc) {
        byte[] mp = MpTables.configuration(pc);
        SmbiosTables.Structures smbios = SmbiosTables.of(pc);
        AcpiTables acpi = new AcpiTables(pc);

        long rsdp = AREA;
        long mpPointer = up(rsdp + AcpiTables.RSDP_SIZE, 16);
        long smbiosEntry = up(mpPointer + MpTables.POINTER_SIZE, 16);
        long mpTable = up(smbiosEntry + SmbiosTables.ENTRY_SIZE, 16);
        long smbiosTable = up(mpTable + mp.length, 16);
        long acpiTable = up(smbiosTable + smbios.bytes().length, AcpiTables.ALIGNMENT);
        byte[] tables = acpi.place(acpiTable);
        if (acpiTable + tables.length > AREA_END) {
            throw new IllegalArgumentException("the firmware tables do not fit into the BIOS area");
        }
        put(memory, rsdp, acpi.rootPointer(acpiTable));
        put(memory, mpPointer, MpTables.pointer(mpTable));
        put(memory, smbiosEntry, smbios.entryPoint(smbiosTable));
        put(memory, mpTable, mp);
        put(memory, smbiosTable, smbios.bytes());
        put(memory, acpiTable, tables);
        return new FirmwareTables(rsdp, acpiTable + acpi.controlStructure());
    }

    /** Guest-physical address of the ACPI root pointer. */
    public long rootPointer() {
        return rootPointer;
    }

    /** Where the operating system wants to be woken from S3 in real mode: a physical address, 0 when it did not say. */
    public long wakingVector(PhysicalMemory memory) {
        return memory.read(controlStructure + WAKING_VECTOR, 4);
    }

    /** Gives a firmware in the guest the tables to install, and the memory map. */
    public static void offer(FirmwareConfig config, PcDescription pc, MemoryMap map) {
        AcpiTables acpi = new AcpiTables(pc);
        config.addFile(TableLoader.TABLES, acpi.template());
        config.addFile(TableLoader.ROOT_POINTER, acpi.rootPointerTemplate().toByteArray());
        config.addFile("etc/table-loader", TableLoader.script(acpi));
        SmbiosTables.Structures smbios = SmbiosTables.of(pc);
        config.addFile("etc/smbios/smbios-anchor", smbios.entryPoint(0));
        config.addFile("etc/smbios/smbios-tables", smbios.bytes());
        config.addFile("etc/e820", e820(map));
        // S0, S3 and S5 with their sleep types; bit 7 says that a state exists.
        config.addFile("etc/system-states", new byte[] {(byte) 0x80, 0, 0, (byte) 0x81, 2, (byte) 0x80});
        if (pc.serialPorts() > 0) {
            // There is no display: SeaBIOS shows its screen on the first serial port, and takes keys from there.
            config.addFile("etc/sercon-port", new TableBuffer().u16(0x3F8).toByteArray());
        }
    }

    /**
     * RAM and reserved ranges in the format of the firmware call "Query System Address Map". What is reserved below 1 MiB is the firmware's
     * own affair: RAM begins at 0.
     */
    private static byte[] e820(MemoryMap map) {
        TableBuffer b = new TableBuffer();
        b.u64(0).u64(map.lowEnd()).u32(MemoryMap.Type.USABLE.number);
        for (MemoryMap.Range r : map.ranges()) {
            if (r.start() >= ONE_MEGABYTE && r.start() >= map.lowEnd()) {
                b.u64(r.start()).u64(r.size()).u32(r.type().number);
            }
        }
        return b.toByteArray();
    }

    private static void put(PhysicalMemory memory, long at, byte[] bytes) {
        memory.write(at, bytes, 0, bytes.length);
    }

    private static long up(long value, int alignment) {
        return value + alignment - 1 & -alignment;
    }
}
