package dev.javisor.machine.boot;

import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.processor.memory.PhysicalMemory;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Small kernels in every format, and a machine's memory to load them into. */
final class Images {
    static final long MEGABYTE = 1L << 20;
    static final int CODE = 0x90909090;

    final PhysicalMemory memory = new PhysicalMemory();
    final MemoryMap map;

    Images(long ram) {
        map = MemoryMap.pc(ram, 3L << 30);
        memory.addRam(0, Arena.ofAuto().allocate(Math.min(ram, 3L << 30), 4096));
        if (ram > 3L << 30) {
            memory.addRam(1L << 32, Arena.ofAuto().allocate(ram - (3L << 30), 4096));
        }
    }

    BootContext context(String commandLine, byte[] initrd) {
        return withModules(commandLine, initrd == null ? List.of() : List.of(new BootModule(new ImageFile("initrd", initrd), "")));
    }

    BootContext withModules(String commandLine, List<BootModule> modules) {
        return new BootContext(memory, map, modules, commandLine, 0xF1234, true, BootContext.EntryChoice.BEST);
    }

    String string(long at) {
        StringBuilder s = new StringBuilder();
        for (long c = memory.read(at, 1); c != 0; c = memory.read(++at, 1)) {
            s.append((char) c);
        }
        return s.toString();
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A bzImage whose kernel has 4096 bytes. */
    static byte[] bzImage(int xloadflags) {
        ByteBuffer b = buffer(5 * 512 + 4096);
        b.put(0x1F1, (byte) 4).putInt(0x1F4, 4096 / 16).putShort(0x1FE, (short) 0xAA55);
        b.put(0x200, (byte) 0xEB).put(0x201, (byte) 0x6A).putInt(0x202, 0x53726448).putShort(0x206, (short) 0x020F);
        b.put(0x211, (byte) 1).putInt(0x214, 0x100000).putInt(0x22C, 0x7FFFFFFF).putInt(0x230, 0x200000).put(0x234, (byte) 1);
        b.putShort(0x236, (short) xloadflags).putInt(0x238, 2047).putLong(0x258, 0x1000000).putInt(0x260, 0x200000);
        b.putInt(5 * 512, CODE).putInt(5 * 512 + 0x200, CODE);
        return b.array();
    }

    /** An ELF file with one segment of 64 bytes in the file and 4096 in memory, and optionally a note. */
    static byte[] elf(boolean is64, long physical, long entry, byte[] note) {
        ByteBuffer b = buffer(0x200);
        b.putInt(0, 0x464C457F).put(4, (byte) (is64 ? 2 : 1)).put(5, (byte) 1).put(6, (byte) 1);
        b.putShort(16, (short) 2).putShort(18, (short) (is64 ? 62 : 3)).putInt(20, 1);
        int headers = is64 ? 64 : 52;
        int size = is64 ? 56 : 32;
        if (is64) {
            b.putLong(24, entry).putLong(32, headers).putShort(54, (short) size).putShort(56, (short) 2);
        } else {
            b.putInt(24, (int) entry).putInt(28, headers).putShort(42, (short) size).putShort(44, (short) 2);
        }
        segment(b, is64, headers, 1, 0x100, physical, 64, 4096);
        segment(b, is64, headers + size, 4, 0x180, 0, note == null ? 0 : note.length, 0);
        b.putInt(0x100, CODE);
        if (note != null) {
            b.put(0x180, note);
        }
        return b.array();
    }

    private static void segment(ByteBuffer b, boolean is64, int at, int type, int offset, long physical, int fileSize, int memorySize) {
        b.putInt(at, type);
        if (is64) {
            b.putLong(at + 8, offset).putLong(at + 16, physical).putLong(at + 24, physical);
            b.putLong(at + 32, fileSize).putLong(at + 40, memorySize);
        } else {
            b.putInt(at + 4, offset).putInt(at + 8, (int) physical).putInt(at + 12, (int) physical);
            b.putInt(at + 16, fileSize).putInt(at + 20, memorySize);
        }
    }

    static byte[] pvhNote(int entry) {
        return buffer(20).putInt(4).putInt(4).putInt(18).put(new byte[] {'X', 'e', 'n', 0}).putInt(entry).array();
    }

    /** An ELF32 file with a multiboot header in its segment. */
    static byte[] multibootElf(long physical) {
        byte[] elf = elf(false, physical, physical + 16, null);
        ByteBuffer b = ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(0x100, 0x1BADB002).putInt(0x104, 0).putInt(0x108, -0x1BADB002);
        return elf;
    }

    /** A multiboot image that is no ELF file. */
    static byte[] multibootByAddresses(int load, int bssEnd) {
        ByteBuffer b = buffer(256);
        int flags = 0x10000;
        b.putInt(16, 0x1BADB002).putInt(20, flags).putInt(24, -(0x1BADB002 + flags));
        b.putInt(28, load + 16).putInt(32, load).putInt(36, 0).putInt(40, bssEnd).putInt(44, load + 64);
        b.putInt(64, CODE);
        return b.array();
    }
}
