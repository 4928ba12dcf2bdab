package dev.javisor.machine.firmware;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.javisor.machine.device.FirmwareConfig;
import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.processor.memory.PhysicalMemory;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FirmwareTablesTest {
    private static final PcDescription.Pci PCI = new PcDescription.Pci(
            0xB0000000L, 0xC0000000L, 0xFEBFFFFFL, 0x2_00000000L, 0x7F_FFFFFFFFL,
            (device, pin) -> 16 + (device + pin & 7), (device, pin) -> 10 + (pin & 1));

    private final PhysicalMemory memory = new PhysicalMemory();

    FirmwareTablesTest() {
        memory.addRam(0, Arena.ofAuto().allocate(1 << 20, 4096));
    }

    private static PcDescription pc(int... apicIds) {
        return new PcDescription(apicIds, 0x806F8, 0x0789FBFF, 0x15, 4L << 30, PCI, true, 2, true, false);
    }

    private ByteBuffer bytes(long at, int count) {
        byte[] b = new byte[count];
        memory.read(at, b, 0, count);
        return ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int sum(ByteBuffer b) {
        int s = 0;
        for (byte x : b.array()) {
            s += x;
        }
        return s & 0xFF;
    }

    private static String text(ByteBuffer b, int at, int count) {
        return new String(b.array(), at, count, StandardCharsets.US_ASCII);
    }

    /** As an operating system does: every 16 bytes from E0000H on. */
    private long search(String signature) {
        for (long at = 0xE0000; at < 0x100000; at += 16) {
            if (text(bytes(at, signature.length()), 0, signature.length()).equals(signature)) {
                return at;
            }
        }
        throw new AssertionError(signature + " not found");
    }

    private Map<String, ByteBuffer> tables(int pointerField, int pointerSize, ByteBuffer rsdp) {
        Map<String, ByteBuffer> found = new TreeMap<>();
        ByteBuffer root = table(rsdp.getInt(pointerField));
        for (int at = 36; at < root.capacity(); at += pointerSize) {
            ByteBuffer t = table(root.getInt(at));
            found.put(text(t, 0, 4), t);
        }
        return found;
    }

    private ByteBuffer table(long at) {
        ByteBuffer t = bytes(at, bytes(at, 8).getInt(4));
        assertThat(sum(t)).as("checksum of %s", text(t, 0, 4)).isZero();
        return t;
    }

    @Test
    void everyTableIsReachableAndSumsUpToZero() {
        FirmwareTables written = FirmwareTables.write(memory, pc(0, 1));
        long at = search("RSD PTR ");
        assertThat(written.rootPointer()).isEqualTo(at);
        ByteBuffer rsdp = bytes(at, 36);
        assertThat(sum(rsdp)).isZero();
        assertThat(sum(bytes(at, 20))).isZero();
        Map<String, ByteBuffer> byXsdt = tables(24, 8, rsdp);
        assertThat(byXsdt.keySet()).containsExactly("APIC", "FACP", "HPET", "MCFG");
        assertThat(tables(16, 4, rsdp)).isEqualTo(byXsdt);
        ByteBuffer fadt = byXsdt.get("FACP");
        assertThat(text(table(fadt.getInt(40)), 0, 4)).isEqualTo("DSDT");
        assertThat(fadt.getLong(140)).isEqualTo(fadt.getInt(40));
    }

    @Test
    void theFixedDescriptionNamesTheHardware() {
        FirmwareTables.write(memory, pc(0));
        ByteBuffer fadt = tables(24, 8, bytes(search("RSD PTR "), 36)).get("FACP");
        assertThat(fadt.capacity()).isEqualTo(276);
        assertThat(fadt.getShort(46)).as("SCI_INT").isEqualTo((short) 9);
        assertThat(fadt.getInt(48)).as("SMI_CMD").isEqualTo(0xB2);
        assertThat(fadt.getInt(56)).as("PM1a_EVT_BLK").isEqualTo(0x600);
        assertThat(fadt.getInt(64)).as("PM1a_CNT_BLK").isEqualTo(0x604);
        assertThat(fadt.getInt(76)).as("PM_TMR_BLK").isEqualTo(0x608);
        assertThat(fadt.getInt(80)).as("GPE0_BLK").isEqualTo(0x620);
        assertThat(fadt.getLong(120)).as("RESET_REG").isEqualTo(0xCF9);
        assertThat(fadt.getInt(112) >>> 10 & 1).as("RESET_REG_SUP").isEqualTo(1);
        assertThat(fadt.getLong(208 + 4)).as("X_PM_TMR_BLK").isEqualTo(0x608);
    }

    @Test
    void theWakingVectorIsWhereTheFixedDescriptionSays() {
        FirmwareTables written = FirmwareTables.write(memory, pc(0));
        ByteBuffer fadt = tables(24, 8, bytes(search("RSD PTR "), 36)).get("FACP");
        long facs = fadt.getInt(36);
        assertThat(text(bytes(facs, 4), 0, 4)).isEqualTo("FACS");
        assertThat(facs % 64).isZero();
        assertThat(written.wakingVector(memory)).isZero();
        memory.write(facs + 12, 4, 0x1000);
        assertThat(written.wakingVector(memory)).isEqualTo(0x1000);
    }

    @Test
    void processorsBeyond8BitsAreX2Apics() {
        FirmwareTables.write(memory, pc(0, 7, 300));
        ByteBuffer madt = tables(24, 8, bytes(search("RSD PTR "), 36)).get("APIC");
        List<String> entries = new ArrayList<>();
        for (int at = 44; at < madt.capacity(); at += madt.get(at + 1)) {
            int type = madt.get(at);
            entries.add(switch (type) {
                case 0 -> "apic " + madt.get(at + 3);
                case 9 -> "x2apic " + madt.getInt(at + 4);
                case 1 -> "ioapic %x".formatted(madt.getInt(at + 4));
                case 2 -> "irq " + madt.get(at + 3) + " to " + madt.getInt(at + 4);
                case 4, 10 -> "nmi";
                default -> "type " + type;
            });
        }
        assertThat(entries)
                .containsExactly("apic 0", "apic 7", "x2apic 300", "ioapic fec00000", "irq 0 to 2", "irq 9 to 9", "nmi", "nmi");
    }

    @Test
    void multiprocessorTablesDescribeTheSameMachine() {
        FirmwareTables.write(memory, pc(0, 1, 2));
        ByteBuffer pointer = bytes(search("_MP_"), 16);
        assertThat(sum(pointer)).isZero();
        long at = pointer.getInt(4);
        ByteBuffer table = bytes(at, bytes(at, 6).getShort(4));
        assertThat(text(table, 0, 4)).isEqualTo("PCMP");
        assertThat(sum(table)).isZero();
        int[] ofType = new int[5];
        int entries = 0;
        for (int e = 44; e < table.capacity(); e += table.get(e) == 0 ? 20 : 8) {
            ofType[table.get(e)]++;
            entries++;
        }
        assertThat(entries).isEqualTo(table.getShort(34));
        assertThat(ofType).containsExactly(3, 2, 1, 15 + 128, 2);
    }

    @Test
    void smbiosStructuresAreAsManyAsAnnounced() {
        FirmwareTables.write(memory, pc(0));
        long at = search("_SM_");
        ByteBuffer entry = bytes(at, 31);
        assertThat(sum(entry)).isZero();
        assertThat(sum(bytes(at + 16, 15))).isZero();
        ByteBuffer t = bytes(entry.getInt(0x18), entry.getShort(0x16));
        int count = 0;
        int longest = 0;
        int last = -1;
        for (int p = 0; p < t.capacity(); count++) {
            last = t.get(p);
            int end = p + t.get(p + 1);
            while (t.getShort(end) != 0) {
                end++;
            }
            longest = Math.max(longest, end + 2 - p);
            p = end + 2;
        }
        assertThat(count).isEqualTo(entry.getShort(0x1C));
        assertThat(longest).isEqualTo(entry.getShort(8));
        assertThat(last).as("end-of-table").isEqualTo(127);
    }

    /** Runs the loader script as a firmware would; the result must be what direct placement gives. */
    @Test
    void theTableLoaderBuildsTheSameTables() {
        PcDescription pc = pc(0, 1);
        AcpiTables acpi = new AcpiTables(pc);
        Map<String, Long> addresses = Map.of(TableLoader.TABLES, 0x7FFE0000L, TableLoader.ROOT_POINTER, 0xF5A00L);
        Map<String, ByteBuffer> files = Map.of(
                TableLoader.TABLES, ByteBuffer.wrap(acpi.template()).order(ByteOrder.LITTLE_ENDIAN),
                TableLoader.ROOT_POINTER, ByteBuffer.wrap(acpi.rootPointerTemplate().toByteArray()).order(ByteOrder.LITTLE_ENDIAN));
        ByteBuffer script = ByteBuffer.wrap(TableLoader.script(acpi)).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < script.capacity(); at += 128) {
            ByteBuffer file = files.get(text(script, at + 4, 56).trim());
            switch (script.getInt(at)) {
                case 1 -> assertThat(script.getInt(at + 60)).as("alignment").isIn(16, 64);
                case 2 -> {
                    long base = addresses.get(text(script, at + 60, 56).trim());
                    int field = script.getInt(at + 116);
                    if (script.get(at + 120) == 4) {
                        file.putInt(field, file.getInt(field) + (int) base);
                    } else {
                        file.putLong(field, file.getLong(field) + base);
                    }
                }
                case 3 -> {
                    int s = 0;
                    for (int i = 0; i < script.getInt(at + 68); i++) {
                        s += file.get(script.getInt(at + 64) + i);
                    }
                    int field = script.getInt(at + 60);
                    file.put(field, (byte) (file.get(field) - s));
                }
                default -> throw new AssertionError("command " + script.getInt(at));
            }
        }
        assertThat(files.get(TableLoader.TABLES).array()).isEqualTo(acpi.place(0x7FFE0000L));
        assertThat(files.get(TableLoader.ROOT_POINTER).array()).isEqualTo(acpi.rootPointer(0x7FFE0000L));
    }

    @Test
    void theBiosDataAreaTellsWhereConventionalMemoryEnds() {
        BiosDataArea.write(memory, pc(0));
        long ebda = memory.read(0x40E, 2) << 4;
        assertThat(ebda).isEqualTo(memory.read(0x413, 2) << 10);
        assertThat(ebda + (memory.read(ebda, 1) << 10)).isEqualTo(0xA0000);
        assertThat(memory.read(0x400, 2)).isEqualTo(0x3F8);
        assertThat(memory.read(0x410, 2) >>> 9 & 7).as("serial ports").isEqualTo(pc(0).serialPorts());
    }

    @Test
    void aGuestFirmwareIsOfferedTheFiles() {
        FirmwareConfig config = new FirmwareConfig(memory);
        FirmwareTables.offer(config, pc(0), MemoryMap.pc(4L << 30, 0xB0000000L));
        assertThatThrownBy(() -> config.addFile("etc/e820", new byte[0])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> config.addFile("etc/table-loader", new byte[0])).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aGuestFirmwareHasItsConsoleOnTheFirstSerialPort() {
        FirmwareConfig config = new FirmwareConfig(memory);
        FirmwareTables.offer(config, pc(0), MemoryMap.pc(4L << 30, 0xB0000000L));
        assertThatThrownBy(() -> config.addFile("etc/sercon-port", new byte[0])).isInstanceOf(IllegalArgumentException.class);
    }

    /** Read through the device, as a firmware does: RAM is what it says, from 0 on. */
    @Test
    void aGuestFirmwareLearnsItsRam() {
        FirmwareConfig config = new FirmwareConfig(memory);
        FirmwareTables.offer(config, pc(0), MemoryMap.pc(4L << 30, 0xB0000000L));
        config.write(0, 2, 0x19);
        int key = -1;
        for (int files = (int) next(config, 4, true); files > 0; files--) {
            next(config, 4, true);
            int k = (int) next(config, 2, true);
            next(config, 2, true);
            StringBuilder name = new StringBuilder();
            for (int i = 0; i < 56; i++) {
                name.append((char) next(config, 1, true));
            }
            key = name.toString().trim().equals("etc/e820") ? k : key;
        }
        config.write(0, 2, key);
        List<String> ranges = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            ranges.add("%x %x %d".formatted(next(config, 8, false), next(config, 8, false), next(config, 4, false)));
        }
        assertThat(ranges).containsExactly("0 b0000000 1", "100000000 50000000 1");
    }

    private static long next(FirmwareConfig config, int size, boolean bigEndian) {
        long v = 0;
        for (int i = 0; i < size; i++) {
            long b = config.read(1, 1);
            v = bigEndian ? v << 8 | b : v | b << 8 * i;
        }
        return v;
    }

    @Test
    void aMachineTooLargeForTheAreaIsRefused() {
        int[] ids = IntStream.range(0, 4000).toArray();
        assertThatThrownBy(() -> FirmwareTables.write(memory, pc(ids))).isInstanceOf(IllegalArgumentException.class);
        FirmwareTables.write(memory, pc(IntStream.range(0, 64).toArray()));
    }
}
