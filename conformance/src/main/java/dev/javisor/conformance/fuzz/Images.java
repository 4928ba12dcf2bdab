package dev.javisor.conformance.fuzz;

import dev.javisor.machine.boot.ImageFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Small kernels in every format that Javisor starts. */
final class Images {
    private static final int HALT = 0xF4F4F4F4;

    private Images() {}

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Something that a machine can be made with. */
    static ImageFile kernel() {
        return new ImageFile("kernel", multiboot(0x100000, 0x100100));
    }

    /** A multiboot image that says itself where it belongs. */
    static byte[] multiboot(int load, int end) {
        ByteBuffer b = buffer(256);
        int flags = 0x10000;
        b.putInt(16, 0x1BADB002).putInt(20, flags).putInt(24, -(0x1BADB002 + flags));
        b.putInt(28, load + 16).putInt(32, load).putInt(36, 0).putInt(40, end).putInt(44, load + 64);
        b.putInt(64, HALT);
        return b.array();
    }

    /** One image of each format; firmware last. */
    static List<byte[]> all() {
        return List.of(
                bzImage(), multiboot(0x100000, 0x101000), multibootElf(), elf(true, pvhNote()), elf(false, pvhNote()), elf(true, null),
                elf(false, null), firmware());
    }

    private static byte[] bzImage() {
        ByteBuffer b = buffer(5 * 512 + 4096);
        b.put(0x1F1, (byte) 4).putInt(0x1F4, 4096 / 16).putShort(0x1FE, (short) 0xAA55);
        b.put(0x200, (byte) 0xEB).put(0x201, (byte) 0x6A).putInt(0x202, 0x53726448).putShort(0x206, (short) 0x020F);
        b.put(0x211, (byte) 1).putInt(0x214, 0x100000).putInt(0x22C, 0x7FFFFFFF).putInt(0x230, 0x1000).put(0x234, (byte) 1);
        b.putShort(0x236, (short) 3).putInt(0x238, 2047).putLong(0x258, 0x100000).putInt(0x260, 0x2000);
        b.putInt(5 * 512, HALT).putInt(5 * 512 + 0x200, HALT);
        return b.array();
    }

    /** A segment of 64 bytes in the file and 4096 in memory, at 1 MiB, and perhaps a note. */
    private static byte[] elf(boolean is64, byte[] note) {
        ByteBuffer b = buffer(0x200);
        int address = 0x100000;
        b.putInt(0, 0x464C457F).put(4, (byte) (is64 ? 2 : 1)).put(5, (byte) 1).put(6, (byte) 1);
        b.putShort(16, (short) 2).putShort(18, (short) (is64 ? 62 : 3)).putInt(20, 1);
        int headers = is64 ? 64 : 52;
        int size = is64 ? 56 : 32;
        if (is64) {
            b.putLong(24, address).putLong(32, headers).putShort(54, (short) size).putShort(56, (short) 2);
        } else {
            b.putInt(24, address).putInt(28, headers).putShort(42, (short) size).putShort(44, (short) 2);
        }
        segment(b, is64, headers, 1, 0x100, address, 64, 4096);
        segment(b, is64, headers + size, 4, 0x180, 0, note == null ? 0 : note.length, 0);
        b.putInt(0x100, HALT);
        if (note != null) {
            b.put(0x180, note);
        }
        return b.array();
    }

    private static void segment(ByteBuffer b, boolean is64, int at, int type, int offset, int physical, int fileSize, int memorySize) {
        b.putInt(at, type);
        if (is64) {
            b.putLong(at + 8, offset).putLong(at + 16, physical).putLong(at + 24, physical);
            b.putLong(at + 32, fileSize).putLong(at + 40, memorySize);
        } else {
            b.putInt(at + 4, offset).putInt(at + 8, physical).putInt(at + 12, physical);
            b.putInt(at + 16, fileSize).putInt(at + 20, memorySize);
        }
    }

    private static byte[] pvhNote() {
        return buffer(20).putInt(4).putInt(4).putInt(18).put(new byte[] {'X', 'e', 'n', 0}).putInt(0x100000).array();
    }

    private static byte[] multibootElf() {
        byte[] elf = elf(false, null);
        ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN).putInt(0x100, 0x1BADB002).putInt(0x104, 0).putInt(0x108, -0x1BADB002);
        return elf;
    }

    /** Jumps from the reset vector to a halt. */
    private static byte[] firmware() {
        ByteBuffer b = buffer(0x10000);
        b.putInt(0, HALT).put(0xFFF0, (byte) 0xE9).putShort(0xFFF1, (short) 0xD);
        return b.array();
    }
}
