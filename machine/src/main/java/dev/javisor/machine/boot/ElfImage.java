package dev.javisor.machine.boot;

import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.processor.memory.PhysicalMemory;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** An executable ELF file for i386 or x86-64, checked: every segment lies inside the file. */
final class ElfImage {
    static final int PT_LOAD = 1, PT_INTERP = 3, PT_NOTE = 4;
    private static final int EM_386 = 3, EM_X86_64 = 62, ET_EXEC = 2, ET_DYN = 3;

    /** A program header. */
    record Segment(int type, long offset, long virtual, long physical, long fileSize, long memorySize) {
        boolean holdsVirtual(long address) {
            return type == PT_LOAD && address - virtual >= 0 && address - virtual < memorySize;
        }
    }

    final ImageFile file;
    final boolean is64;
    final long entry;
    final List<Segment> segments = new ArrayList<>();

    static boolean recognises(ImageFile file) {
        return file.int32(0) == 0x464C457F;
    }

    ElfImage(ImageFile file) {
        this.file = file;
        ByteBuffer b = file.buffer();
        try {
            int elfClass = b.get(4);
            if (elfClass != 1 && elfClass != 2 || b.get(5) != 1) {
                throw new BadImageException(file, "is no little-endian ELF file");
            }
            is64 = elfClass == 2;
            int type = b.getShort(16);
            int machine = b.getShort(18);
            if (machine != EM_386 && machine != EM_X86_64) {
                throw new BadImageException(file, "is an ELF file for another processor (machine " + (machine & 0xFFFF) + ")");
            }
            if (type != ET_EXEC && type != ET_DYN) {
                throw new BadImageException(file, "is an ELF file, but not executable");
            }
            entry = is64 ? b.getLong(24) : b.getInt(24) & 0xFFFFFFFFL;
            long table = is64 ? b.getLong(32) : b.getInt(28) & 0xFFFFFFFFL;
            int entrySize = b.getShort(is64 ? 54 : 42) & 0xFFFF;
            int count = b.getShort(is64 ? 56 : 44) & 0xFFFF;
            long tableEnd = table + (long) entrySize * count;
            if (entrySize < (is64 ? 56 : 32) || table < 0 || tableEnd < 0 || tableEnd > file.size()) {
                throw new BadImageException(file, "is truncated: its program headers are missing");
            }
            for (int i = 0; i < count; i++) {
                segments.add(segment(b, (int) table + i * entrySize));
            }
        } catch (BufferUnderflowException | IndexOutOfBoundsException e) {
            throw new BadImageException(file, "is truncated: the ELF header is incomplete");
        }
        for (Segment s : segments) {
            check(s);
        }
        if (segments.stream().anyMatch(s -> s.type == PT_INTERP)) {
            throw new BadImageException(file, "is a program for an operating system, not a kernel");
        }
        if (segments.stream().noneMatch(s -> s.type == PT_LOAD)) {
            throw new BadImageException(file, "is an ELF file without anything to load");
        }
    }

    private Segment segment(ByteBuffer b, int p) {
        if (is64) {
            return new Segment(b.getInt(p), b.getLong(p + 8), b.getLong(p + 16), b.getLong(p + 24), b.getLong(p + 32), b.getLong(p + 40));
        }
        return new Segment(b.getInt(p), word(b, p + 4), word(b, p + 8), word(b, p + 12), word(b, p + 16), word(b, p + 20));
    }

    private static long word(ByteBuffer b, int p) {
        return b.getInt(p) & 0xFFFFFFFFL;
    }

    private void check(Segment s) {
        if (s.type != PT_LOAD && s.type != PT_NOTE) {
            return;
        }
        if (s.offset < 0 || s.fileSize < 0 || s.offset > file.size() - s.fileSize) {
            throw new BadImageException(file, "is truncated: a segment lies behind the end of the file");
        }
        if (s.type == PT_LOAD && (s.memorySize < s.fileSize || s.physical < 0 || s.physical + s.memorySize < 0)) {
            throw new BadImageException(file, "is damaged: a segment has an impossible size or address");
        }
    }

    /** Lowest guest-physical address of the loaded image. */
    long start() {
        return loads().mapToLong(Segment::physical).min().orElse(0);
    }

    /** End of the loaded image, uninitialised data included. */
    long end() {
        return loads().mapToLong(s -> s.physical + s.memorySize).max().orElse(0);
    }

    private Stream<Segment> loads() {
        return segments.stream().filter(s -> s.type == PT_LOAD && s.memorySize > 0);
    }

    /** The entry point as a guest-physical address: linkers store a virtual one in kernels that are linked to run elsewhere. */
    long physicalEntry() {
        for (Segment s : segments) {
            if (s.type == PT_LOAD && entry - s.physical >= 0 && entry - s.physical < s.memorySize) {
                return entry;
            }
        }
        for (Segment s : segments) {
            if (s.holdsVirtual(entry)) {
                return entry - s.virtual + s.physical;
            }
        }
        throw new BadImageException(file, "has an entry point outside of its segments");
    }

    void load(PhysicalMemory memory, MemoryMap map) {
        loads().forEach(s -> {
            requireRoom(file, map, s.physical, s.memorySize);
            memory.write(s.physical, file.content(), (int) s.offset, (int) s.fileSize);
            zero(memory, s.physical + s.fileSize, s.memorySize - s.fileSize);
        });
    }

    static void requireRoom(ImageFile file, MemoryMap map, long start, long size) {
        if (!map.isUsable(start, size)) {
            throw new BadImageException(
                    file, "needs %d bytes of memory at 0x%x; this machine has %d MiB".formatted(size, start, map.megabytes()));
        }
    }

    static void zero(PhysicalMemory memory, long start, long size) {
        byte[] zeros = new byte[(int) Math.min(size, 1 << 20)];
        while (size > 0) {
            int n = (int) Math.min(size, zeros.length);
            memory.write(start, zeros, 0, n);
            start += n;
            size -= n;
        }
    }
}
