package dev.javisor.processor.segment;

import static dev.javisor.processor.segment.DescriptorTables.errorCode;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Memory;

/** The current task-state segment. */
public final class Tss {
    /** Offset of the I/O map base address in a 32-bit or 64-bit TSS. */
    private static final int IO_MAP_BASE = 0x66;

    private Tss() {}

    /** The current TSS is a 16-bit one. */
    public static boolean is16(Cpu c) {
        int type = c.segAccess[Cpu.TR] & 15;
        return type == Descriptor.TSS16_BUSY || type == Descriptor.TSS16_AVAILABLE;
    }

    /** Linear address of a field that lies within the limit. */
    private static long field(Cpu c, long offset, int size, int ext) {
        if (offset + size - 1 > c.segLimit[Cpu.TR]) {
            throw c.fault(Event.TS, errorCode(c.selector[Cpu.TR], ext));
        }
        return DescriptorTables.systemAddress(c, c.segBase[Cpu.TR] + offset);
    }

    /** Stack pointer for privilege level {@code cpl}: 16, 32 or, in IA-32e mode, 64 bits. */
    static long stackPointer(Cpu c, int cpl, int ext) {
        if (c.longMode()) {
            return Memory.loadSystem(c, field(c, 4 + 8 * cpl, 8, ext), 8);
        }
        return is16(c) ? Memory.loadSystem(c, field(c, 2 + 4 * cpl, 4, ext), 2) : Memory.loadSystem(c, field(c, 4 + 8 * cpl, 8, ext), 4);
    }

    /** Stack segment selector for privilege level {@code cpl}, outside IA-32e mode. */
    static int stackSelector(Cpu c, int cpl, int ext) {
        long offset = is16(c) ? 4 + 4 * cpl : 8 + 8 * cpl;
        return (int) Memory.loadSystem(c, field(c, offset, 2, ext), 2);
    }

    /** Entry 1 to 7 of the interrupt stack table. */
    public static long interruptStack(Cpu c, int entry, int ext) {
        return Memory.loadSystem(c, field(c, 0x1C + 8 * entry, 8, ext), 8);
    }

    /** Stack pointer for privilege level {@code cpl} in IA-32e mode. */
    public static long stackPointer64(Cpu c, int cpl, int ext) {
        return stackPointer(c, cpl, ext);
    }

    /**
     * A bit of the interrupt redirection bitmap, which lies in the 32 bytes below the I/O map ("Interrupt and Exception Handling in
     * Virtual-8086 Mode").
     *
     * @return true when the vector goes to the protected-mode handler
     */
    public static boolean redirectsToProtectedMode(Cpu c, int vector) {
        long map = ioMapBase(c);
        if (map < 0 || map < 32) {
            throw c.gp0();
        }
        long offset = map - 32 + (vector >> 3);
        if (offset > c.segLimit[Cpu.TR]) {
            throw c.gp0();
        }
        return (Memory.loadSystem(c, field(c, offset, 1, 0), 1) >>> (vector & 7) & 1) != 0;
    }

    /** The I/O permission bitmap allows an access of {@code size} ports (1, 2, 4) from {@code port} on. */
    public static boolean allowsPorts(Cpu c, int port, int size) {
        long map = ioMapBase(c);
        long offset = map + (port >> 3);
        if (map < 0 || offset + 1 > c.segLimit[Cpu.TR]) {
            return false;
        }
        long bits = Memory.loadSystem(c, field(c, offset, 2, 0), 2);
        return (bits >>> (port & 7) & (1 << size) - 1) == 0;
    }

    /** I/O map base address, or -1 when the TSS has none. */
    private static long ioMapBase(Cpu c) {
        if ((c.segAccess[Cpu.TR] & Cpu.UNUSABLE) != 0 || is16(c) || c.segLimit[Cpu.TR] < IO_MAP_BASE + 1) {
            return -1;
        }
        return Memory.loadSystem(c, field(c, IO_MAP_BASE, 2, 0), 2);
    }

    /** The stack that the current TSS names for an inner privilege level, outside IA-32e mode; all checks made. */
    public static InnerStack innerStack(Cpu c, int cpl, int ext) {
        int selector = stackSelector(c, cpl, ext);
        long pointer = stackPointer(c, cpl, ext);
        if (DescriptorTables.isNull(selector)) {
            throw c.fault(Event.TS, ext);
        }
        long d = SegmentRegisters.stackDescriptor(c, selector, cpl, Event.TS, ext);
        return new InnerStack(selector, d, Stack.of(c, d, pointer, cpl, errorCode(selector, ext)));
    }

    /** A stack segment that is about to be switched to. */
    public record InnerStack(int selector, long descriptor, Stack stack) {}
}
