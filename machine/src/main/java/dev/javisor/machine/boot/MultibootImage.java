package dev.javisor.machine.boot;

import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.processor.memory.PhysicalMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** A kernel for the Multiboot Specification, version 0.6.96: an ELF file, or any file whose header holds load addresses. */
final class MultibootImage implements BootImage {
    private static final int HEADER_MAGIC = 0x1BADB002, LOADER_MAGIC = 0x2BADB002;
    /** The header lies within the first 8192 bytes. */
    private static final int SEARCHED = 8192;
    /** Header flags: requirements that a loader must understand or refuse, and "the address fields are valid". */
    private static final int MODULES_PAGE_ALIGNED = 1, MEMORY_INFORMATION = 2, REQUIREMENTS = 0xFFFF, ADDRESSES = 1 << 16;
    /** Information flags: memory sizes, command line, modules, memory map, name of the boot loader. */
    private static final int INFO_FLAGS = 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9;

    private static final int INFO_SIZE = 88, MAP_ENTRY_SIZE = 24, MODULE_SIZE = 16, GDT_OFFSET = 96, STRUCTURES = 128;
    private static final long MEGABYTE = 1L << 20, FOUR_GIGABYTES = 1L << 32;

    private final ImageFile file;
    private final int header;
    private final ElfImage elf;
    private long imageEnd;

    static boolean recognises(ImageFile file) {
        return findHeader(file) >= 0;
    }

    private static int findHeader(ImageFile file) {
        for (int p = 0; p + 12 <= Math.min(SEARCHED, file.size()); p += 4) {
            if (file.int32(p) == HEADER_MAGIC && file.int32(p) + file.int32(p + 4) + file.int32(p + 8) == 0) {
                return p;
            }
        }
        return -1;
    }

    MultibootImage(ImageFile file) {
        this.file = file;
        header = findHeader(file);
        int flags = file.int32(header + 4);
        int unknown = flags & REQUIREMENTS & ~(MODULES_PAGE_ALIGNED | MEMORY_INFORMATION);
        if (unknown != 0) {
            throw new BadImageException(file, "asks for multiboot features that are not offered (flags 0x%x)".formatted(unknown));
        }
        if ((flags & ADDRESSES) == 0 && !ElfImage.recognises(file)) {
            throw new BadImageException(file, "has a multiboot header but is neither an ELF file nor has load addresses");
        }
        elf = (flags & ADDRESSES) == 0 ? new ElfImage(file) : null;
    }

    @Override
    public String describe() {
        return elf == null ? "multiboot image" : elf.is64 ? "multiboot ELF64" : "multiboot ELF32";
    }

    /** From the multiboot header on, as loaders present multiboot kernels. */
    @Override
    public Optional<byte[]> firmwareView() {
        return Optional.of(Arrays.copyOfRange(file.content(), header, file.size()));
    }

    @Override
    public StartState load(BootContext context) {
        LinuxProtocol.mode(context, file, true, false);
        Placement room = new Placement(context.map());
        // Start-up code of other processors is put at the bottom of memory.
        room.take(0, 0x2000);
        long entry = elf == null ? loadByAddresses(context, room) : loadElf(context, room);
        List<BootModule> modules = context.modules();
        long[] places = new long[modules.size()];
        for (int i = 0; i < places.length; i++) {
            places[i] = loadModule(context, room, modules.get(i).file());
        }
        byte[] commandLine = string(file.name() + (context.commandLine().isEmpty() ? "" : " " + context.commandLine()));
        byte[] loaderName = string("Javisor");
        byte[][] moduleStrings = modules.stream().map(m -> string(m.string())).toArray(byte[][]::new);
        List<MemoryMap.Range> ranges = context.map().ranges();
        int table = STRUCTURES + modules.size() * MODULE_SIZE;
        int size = table + ranges.size() * MAP_ENTRY_SIZE + commandLine.length + loaderName.length;
        for (byte[] s : moduleStrings) {
            size += s.length;
        }
        long info = room.highest(size, MemoryMap.CONVENTIONAL_END, 4096);
        if (info < 0) {
            throw new BadImageException(file, "leaves no room for the multiboot information below 640 KiB");
        }
        ByteBuffer b = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        int at = table;
        b.putInt(0, INFO_FLAGS);
        b.putInt(4, (int) (MemoryMap.CONVENTIONAL_END >> 10));
        b.putInt(8, (int) (context.map().lowEnd() - MEGABYTE >> 10));
        b.putInt(44, ranges.size() * MAP_ENTRY_SIZE);
        b.putInt(48, (int) info + at);
        for (MemoryMap.Range r : ranges) {
            b.putInt(at, MAP_ENTRY_SIZE - 4);
            b.putLong(at + 4, r.start());
            b.putLong(at + 12, r.size());
            b.putInt(at + 20, r.type().number);
            at += MAP_ENTRY_SIZE;
        }
        b.putInt(16, (int) info + at);
        b.put(at, commandLine);
        at += commandLine.length;
        b.putInt(64, (int) info + at);
        b.put(at, loaderName);
        at += loaderName.length;
        b.putInt(24, (int) info + STRUCTURES);
        b.putInt(20, modules.size());
        for (int i = 0; i < places.length; i++) {
            int p = STRUCTURES + i * MODULE_SIZE;
            b.putInt(p, (int) places[i]);
            b.putInt(p + 4, (int) (places[i] + modules.get(i).file().size()));
            b.putInt(p + 8, (int) info + at);
            b.put(at, moduleStrings[i]);
            at += moduleStrings[i].length;
        }
        context.memory().write(info, b.array(), 0, size);
        StartState.writeGdt(context.memory(), info + GDT_OFFSET, StartState.Mode.PROTECTED);
        return new StartState(StartState.Mode.PROTECTED, entry, 0, info + GDT_OFFSET, LOADER_MAGIC, info, 0);
    }

    /** Returns where the module is. */
    private long loadModule(BootContext context, Placement room, ImageFile module) {
        long at = room.lowest(module.size(), Math.max(MEGABYTE, imageEnd), 4096);
        if (at < 0 || at + module.size() > FOUR_GIGABYTES) {
            throw new BadImageException(module, "does not fit into memory beside the kernel");
        }
        context.memory().write(at, module.content(), 0, module.size());
        return at;
    }

    private long loadElf(BootContext context, Placement room) {
        if (elf.end() > FOUR_GIGABYTES) {
            throw new BadImageException(file, "wants to be loaded above 4 GiB");
        }
        elf.load(context.memory(), context.map());
        room.take(elf.start(), elf.end() - elf.start());
        imageEnd = elf.end();
        return elf.physicalEntry();
    }

    private long loadByAddresses(BootContext context, Placement room) {
        if (header + 32 > file.size()) {
            throw new BadImageException(file, "is truncated: the multiboot header is incomplete");
        }
        long headerAddress = word(12);
        long load = word(16);
        long loadEnd = word(20);
        long bssEnd = word(24);
        long entry = word(28);
        long offset = header - (headerAddress - load);
        long size = loadEnd == 0 ? file.size() - offset : loadEnd - load;
        if (headerAddress < load || offset < 0 || size <= 0 || bssEnd != 0 && bssEnd < load + size) {
            throw new BadImageException(file, "is damaged: the addresses in its multiboot header contradict each other");
        }
        if (offset + size > file.size()) {
            throw new BadImageException(file, "is truncated: its multiboot header promises " + size + " bytes");
        }
        long end = Math.max(load + size, bssEnd);
        if (entry < load || entry >= end) {
            throw new BadImageException(file, "has an entry point outside of the image");
        }
        ElfImage.requireRoom(file, context.map(), load, end - load);
        PhysicalMemory memory = context.memory();
        memory.write(load, file.content(), (int) offset, (int) size);
        ElfImage.zero(memory, load + size, end - load - size);
        room.take(load, end - load);
        imageEnd = end;
        return entry;
    }

    private long word(int offset) {
        return file.int32(header + offset) & 0xFFFFFFFFL;
    }

    static byte[] string(String s) {
        return (s + "\0").getBytes(StandardCharsets.UTF_8);
    }
}
