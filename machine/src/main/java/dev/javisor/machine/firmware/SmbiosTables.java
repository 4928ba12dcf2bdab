package dev.javisor.machine.firmware;

import java.nio.charset.StandardCharsets;

/** "System Management BIOS (SMBIOS) Reference Specification" structures, version 2.8. */
final class SmbiosTables {
    /** Bytes of the entry point structure. */
    static final int ENTRY_SIZE = 31;

    private static final String MAKER = "Javisor";
    private static final int UNKNOWN = 2;
    private static final int SAFE = 3;

    private final TableBuffer b = new TableBuffer();
    private int structures;
    private int longest;
    private int start;

    private SmbiosTables() {}

    /** The structures, and how many they are and how long the longest is, which the entry point repeats. */
    record Structures(byte[] bytes, int count, int longest) {
        /** The entry point structure for structures at {@code address}. */
        byte[] entryPoint(long address) {
            TableBuffer e = new TableBuffer().text("_SM_", 4, ' ').u8(0).u8(ENTRY_SIZE).u8(2).u8(8).u16(longest).u8(0).zeros(5);
            e.text("_DMI_", 5, ' ').u8(0).u16(bytes.length).u32(address).u16(count).u8(0x28);
            e.checksum(0x15, 0x10, 0x0F);
            e.checksum(4, 0, ENTRY_SIZE);
            return e.toByteArray();
        }
    }

    static Structures of(PcDescription pc) {
        SmbiosTables t = new SmbiosTables();
        t.build(pc);
        return new Structures(t.b.toByteArray(), t.structures, t.longest);
    }

    private void build(PcDescription pc) {
        // BIOS information: at segment F000H, supports nothing special; a virtual machine.
        begin(0, 0x000).u8(1).u8(2).u16(0xF000).u8(3).u8(0).u64(1 << 3).u8(0).u8(0x10).u8(0).u8(0).u8(0xFF).u8(0xFF);
        end(MAKER, "1", "01/01/2026");
        begin(1, 0x100).u8(1).u8(2).u8(3).u8(0).zeros(16).u8(6).u8(0).u8(0);
        end(MAKER, "PC", "1");
        begin(3, 0x300).u8(1).u8(1).u8(0).u8(0).u8(0).u8(SAFE).u8(SAFE).u8(SAFE).u8(UNKNOWN).u32(0).u8(0).u8(0).u8(0).u8(0);
        end(MAKER);
        // One processor structure for each socket; all processors are threads of one.
        int threads = Math.min(pc.apicIds().length, 0xFF);
        begin(4, 0x400).u8(1).u8(3).u8(1).u8(2).u32(pc.signature()).u32(pc.features()).u8(0).u8(0).u16(0).u16(2000).u16(2000);
        b.u8(0x41).u8(1).u16(0xFFFF).u16(0xFFFF).u16(0xFFFF).u8(0).u8(0).u8(0).u8(threads).u8(threads).u8(threads).u16(4).u16(UNKNOWN);
        end("CPU 0", MAKER);
        memory(pc.memory());
        begin(32, 0x2000).zeros(6).u8(0);
        end();
        begin(127, 0x7F00);
        end();
    }

    private void memory(long bytes) {
        long kibibytes = bytes >>> 10;
        begin(16, 0x1000).u8(1).u8(3).u8(6).u32(kibibytes < 1L << 31 ? kibibytes : 1L << 31).u16(0xFFFE).u16(1);
        b.u64(kibibytes < 1L << 31 ? 0 : bytes);
        end();
        long mebibytes = bytes >>> 20;
        begin(17, 0x1100).u16(0x1000).u16(0xFFFE).u16(0xFFFF).u16(0xFFFF).u16((int) (mebibytes < 0x7FFF ? mebibytes : 0x7FFF));
        b.u8(9).u8(0).u8(1).u8(0).u8(7).u16(UNKNOWN).u16(0).u8(2).u8(0).u8(0).u8(0).u8(0).u32(mebibytes < 0x7FFF ? 0 : mebibytes);
        b.u16(0).u16(0).u16(0).u16(0);
        end("DIMM 0", MAKER);
        begin(19, 0x1300).u32(0xFFFFFFFFL).u32(0xFFFFFFFFL).u16(0x1000).u8(1).u64(0).u64(bytes - 1);
        end();
    }

    private TableBuffer begin(int type, int handle) {
        start = b.length();
        structures++;
        return b.u8(type).u8(0).u16(handle);
    }

    /** Ends the formatted area and appends the strings that it refers to by number. */
    private void end(String... strings) {
        b.set(start + 1, b.length() - start, 1);
        for (String s : strings) {
            b.bytes(s.getBytes(StandardCharsets.US_ASCII)).u8(0);
        }
        b.zeros(strings.length == 0 ? 2 : 1);
        longest = Math.max(longest, b.length() - start);
    }
}
