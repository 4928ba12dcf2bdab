package dev.javisor.machine.boot;

import dev.javisor.machine.memory.MemoryMap;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** An ELF kernel with a note that names its entry point for the x86/HVM direct boot ABI (PVH). */
final class PvhImage implements BootImage {
    /** Type of the note, whose name is "Xen". */
    private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;

    private static final int START_MAGIC = 0x336EC578;
    private static final int START_INFO_SIZE = 56, MODULE_SIZE = 32, MAP_ENTRY_SIZE = 24, GDT_SIZE = 32;

    private final ElfImage elf;

    PvhImage(ElfImage elf) {
        this.elf = elf;
    }

    /** Guest-physical entry point that the note names, or -1. */
    static long entryPoint(ElfImage elf) {
        ByteBuffer b = elf.file.buffer();
        for (ElfImage.Segment s : elf.segments) {
            if (s.type() != ElfImage.PT_NOTE) {
                continue;
            }
            long at = s.offset();
            long end = s.offset() + s.fileSize();
            while (at + 12 <= end) {
                long nameSize = b.getInt((int) at) & 0xFFFFFFFFL;
                long size = b.getInt((int) at + 4) & 0xFFFFFFFFL;
                int type = b.getInt((int) at + 8);
                long name = at + 12;
                long value = name + (nameSize + 3 & ~3L);
                if (value + size > end) {
                    break;
                }
                boolean xen = nameSize == 4 && b.getInt((int) name) == ('X' | 'e' << 8 | 'n' << 16);
                if (xen && type == XEN_ELFNOTE_PHYS32_ENTRY && size >= 4) {
                    return b.getInt((int) value) & 0xFFFFFFFFL;
                }
                at = value + (size + 3 & ~3L);
            }
        }
        return -1;
    }

    @Override
    public String describe() {
        return "PVH ELF kernel";
    }

    @Override
    public StartState load(BootContext context) {
        LinuxProtocol.mode(context, elf.file, true, false);
        elf.load(context.memory(), context.map());
        Placement room = new Placement(context.map());
        room.take(elf.start(), elf.end() - elf.start());
        byte[] commandLine = MultibootImage.string(context.commandLine());
        List<MemoryMap.Range> ranges = context.map().ranges();
        int size = GDT_SIZE + START_INFO_SIZE + MODULE_SIZE + ranges.size() * MAP_ENTRY_SIZE + commandLine.length;
        long at = room.lowest(size, LinuxProtocol.STRUCTURES, 4096);
        if (at < 0 || at + size > MemoryMap.CONVENTIONAL_END) {
            throw new BadImageException(elf.file, "leaves no room for the start information below 640 KiB");
        }
        long initrd = LinuxProtocol.placeInitrd(context, room, 0xFFFFFFFFL);
        ByteBuffer b = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        int info = GDT_SIZE;
        int module = info + START_INFO_SIZE;
        int map = module + MODULE_SIZE;
        int string = map + ranges.size() * MAP_ENTRY_SIZE;
        b.putInt(info, START_MAGIC).putInt(info + 4, 1);
        b.putInt(info + 12, initrd == 0 ? 0 : 1).putLong(info + 16, at + module);
        b.putLong(info + 24, at + string).putLong(info + 32, context.rsdp());
        b.putLong(info + 40, at + map).putInt(info + 48, ranges.size());
        b.putLong(module, initrd).putLong(module + 8, initrd == 0 ? 0 : context.initrd().size());
        for (MemoryMap.Range r : ranges) {
            b.putLong(map, r.start()).putLong(map + 8, r.size()).putInt(map + 16, r.type().number);
            map += MAP_ENTRY_SIZE;
        }
        b.put(string, commandLine);
        context.memory().write(at, b.array(), 0, size);
        StartState.writeGdt(context.memory(), at, StartState.Mode.PROTECTED);
        return new StartState(StartState.Mode.PROTECTED, entryPoint(elf), 0, at, 0, at + info, 0);
    }
}
