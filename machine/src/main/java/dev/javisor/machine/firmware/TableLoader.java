package dev.javisor.machine.firmware;

/**
 * The script of {@code etc/table-loader} by which a firmware in the guest installs ACPI tables: allocate a file's memory, add a file's
 * address to a pointer, sum up a table. Every command has 128 bytes.
 */
final class TableLoader {
    static final String TABLES = "etc/acpi/tables";
    static final String ROOT_POINTER = "etc/acpi/rsdp";

    private static final int COMMAND_SIZE = 128;
    private static final int NAME_SIZE = 56;
    private static final int ALLOCATE = 1;
    private static final int ADD_POINTER = 2;
    private static final int ADD_CHECKSUM = 3;
    private static final int HIGH_MEMORY = 1;
    private static final int F_SEGMENT = 2;

    private final TableBuffer b = new TableBuffer();

    private TableLoader() {}

    static byte[] script(AcpiTables acpi) {
        TableLoader l = new TableLoader();
        l.allocate(ROOT_POINTER, 16, F_SEGMENT);
        l.allocate(TABLES, AcpiTables.ALIGNMENT, HIGH_MEMORY);
        for (AcpiTables.Pointer p : acpi.pointers()) {
            l.addPointer(TABLES, p.at(), p.size());
        }
        for (AcpiTables.Table t : acpi.tables()) {
            l.addChecksum(TABLES, t.start() + 9, t.start(), t.length());
        }
        l.addPointer(ROOT_POINTER, 16, 4);
        l.addPointer(ROOT_POINTER, 24, 8);
        l.addChecksum(ROOT_POINTER, 8, 0, 20);
        l.addChecksum(ROOT_POINTER, 32, 0, AcpiTables.RSDP_SIZE);
        return l.b.toByteArray();
    }

    private void allocate(String file, int alignment, int zone) {
        b.u32(ALLOCATE).text(file, NAME_SIZE, '\0').u32(alignment).u8(zone).align(COMMAND_SIZE);
    }

    private void addPointer(String in, int at, int size) {
        b.u32(ADD_POINTER).text(in, NAME_SIZE, '\0').text(TABLES, NAME_SIZE, '\0').u32(at).u8(size).align(COMMAND_SIZE);
    }

    private void addChecksum(String file, int at, int start, int length) {
        b.u32(ADD_CHECKSUM).text(file, NAME_SIZE, '\0').u32(at).u32(start).u32(length).align(COMMAND_SIZE);
    }
}
