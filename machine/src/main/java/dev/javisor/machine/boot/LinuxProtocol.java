package dev.javisor.machine.boot;

import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.processor.memory.PhysicalMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The Linux/x86 boot protocol behind the setup header: boot parameters ("zero page"), command line, initial RAM disk, and the 32-bit and
 * 64-bit entry conditions.
 */
final class LinuxProtocol {
    /** Where descriptor table, page tables and boot parameters go, if nothing is in the way. */
    static final long STRUCTURES = 0x7000;

    /** Offsets in the boot parameters. */
    static final int ACPI_RSDP = 0x70, EXT_RAMDISK_IMAGE = 0xC0, EXT_RAMDISK_SIZE = 0xC4, E820_ENTRIES = 0x1E8, SETUP_HEADER = 0x1F1,
            SYSSIZE = 0x1F4, BOOT_FLAG = 0x1FE,
            HEADER = 0x202, VERSION = 0x206, TYPE_OF_LOADER = 0x210, LOADFLAGS = 0x211, CODE32_START = 0x214,
            RAMDISK_IMAGE = 0x218, RAMDISK_SIZE = 0x21C, CMD_LINE_PTR = 0x228, INITRD_ADDR_MAX = 0x22C, KERNEL_ALIGNMENT = 0x230,
            RELOCATABLE_KERNEL = 0x234,
            XLOADFLAGS = 0x236, CMDLINE_SIZE = 0x238, PREF_ADDRESS = 0x258, INIT_SIZE = 0x260, E820_TABLE = 0x2D0;

    private static final int E820_MAXIMUM = 128, PARAMETERS_SIZE = 4096;
    private static final int UNDEFINED_LOADER = 0xFF;
    /** PML4, one page-directory-pointer table, four page directories: the first 4 GiB, identity-mapped by 2-MiB pages. */
    private static final int PAGE_TABLES = 6 * 4096;

    private static final long PRESENT_WRITABLE = 3, LARGE = 0x80;

    private LinuxProtocol() {}

    /** Copies the initial RAM disk; returns its address, or 0 when there is none. */
    static long placeInitrd(BootContext context, Placement room, long maximum) {
        ImageFile initrd = context.initrd();
        if (initrd == null || initrd.size() == 0) {
            return 0;
        }
        long at = room.highest(initrd.size(), maximum + 1, 4096);
        if (at < 0) {
            throw new BadImageException(
                    initrd,
                    "has " + initrd.size() + " bytes and does not fit into memory beside the kernel ("
                            + context.map().megabytes() + " MiB of RAM)");
        }
        context.memory().write(at, initrd.content(), 0, initrd.size());
        return at;
    }

    /**
     * Completes the boot parameters and everything they point to.
     *
     * @param image for messages
     * @param setup boot parameters that hold the kernel's setup header and nothing else
     * @param room knows where the kernel is
     * @param initrdMaximum highest address the initial RAM disk may occupy
     * @param entry guest-physical entry point
     */
    static StartState start(
            BootContext context, ImageFile image, byte[] setup, Placement room, long initrdMaximum, StartState.Mode mode, long entry) {
        byte[] commandLine = (context.commandLine() + "\0").getBytes(StandardCharsets.UTF_8);
        int size = 4096 + PAGE_TABLES + PARAMETERS_SIZE + commandLine.length;
        long gdt = room.lowest(size, STRUCTURES, 4096);
        if (gdt < 0 || gdt + size > MemoryMap.CONVENTIONAL_END) {
            throw new BadImageException(image, "leaves no room for the boot parameters below 640 KiB");
        }
        long tables = gdt + 4096;
        long parameters = tables + PAGE_TABLES;
        long string = parameters + PARAMETERS_SIZE;
        long initrd = placeInitrd(context, room, initrdMaximum);
        ByteBuffer b = ByteBuffer.wrap(setup).order(ByteOrder.LITTLE_ENDIAN);
        b.put(TYPE_OF_LOADER, (byte) UNDEFINED_LOADER);
        b.putInt(CMD_LINE_PTR, (int) string);
        b.putLong(ACPI_RSDP, context.rsdp());
        if (initrd != 0) {
            b.putInt(RAMDISK_IMAGE, (int) initrd).putInt(EXT_RAMDISK_IMAGE, (int) (initrd >>> 32));
            b.putInt(RAMDISK_SIZE, context.initrd().size());
        }
        List<MemoryMap.Range> ranges = context.map().ranges();
        int count = Math.min(E820_MAXIMUM, ranges.size());
        b.put(E820_ENTRIES, (byte) count);
        for (int i = 0; i < count; i++) {
            MemoryMap.Range r = ranges.get(i);
            int p = E820_TABLE + 20 * i;
            b.putLong(p, r.start()).putLong(p + 8, r.size()).putInt(p + 16, r.type().number);
        }
        PhysicalMemory memory = context.memory();
        memory.write(parameters, setup, 0, PARAMETERS_SIZE);
        memory.write(string, commandLine, 0, commandLine.length);
        StartState.writeGdt(memory, gdt, mode);
        if (mode == StartState.Mode.LONG) {
            writePageTables(memory, tables);
        }
        return new StartState(mode, entry, mode == StartState.Mode.LONG ? tables : 0, gdt, 0, 0, parameters);
    }

    private static void writePageTables(PhysicalMemory memory, long at) {
        ByteBuffer b = ByteBuffer.allocate(PAGE_TABLES).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(0, at + 4096 | PRESENT_WRITABLE);
        for (int i = 0; i < 4; i++) {
            b.putLong(4096 + 8 * i, at + 8192 + 4096L * i | PRESENT_WRITABLE);
        }
        for (int i = 0; i < 4 * 512; i++) {
            b.putLong(8192 + 8 * i, (long) i << 21 | LARGE | PRESENT_WRITABLE);
        }
        memory.write(at, b.array(), 0, PAGE_TABLES);
    }

    /** The mode that a kernel starts in. @throws BadImageException if it cannot start in the one that is asked for */
    static StartState.Mode mode(BootContext context, ImageFile image, boolean has32, boolean has64) {
        boolean wants64 = context.entry() == BootContext.EntryChoice.LONG
                || context.entry() == BootContext.EntryChoice.BEST && has64 && context.longMode();
        if (wants64 && !context.longMode()) {
            throw new BadImageException(image, "shall start in 64-bit mode, which the CPU model does not have");
        }
        if (wants64 ? !has64 : !has32) {
            throw new BadImageException(image, "has no " + (wants64 ? "64" : "32") + "-bit entry point that this CPU model can use");
        }
        return wants64 ? StartState.Mode.LONG : StartState.Mode.PROTECTED;
    }
}
