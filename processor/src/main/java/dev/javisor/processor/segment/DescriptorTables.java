package dev.javisor.processor.segment;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Memory;

/** Descriptors in the GDT and LDT. */
public final class DescriptorTables {
    private DescriptorTables() {}

    /** Error code that names a selector. */
    public static int errorCode(int selector, int ext) {
        return selector & 0xFFFC | ext;
    }

    /** Bits 15:2 are 0. */
    public static boolean isNull(int selector) {
        return (selector & 0xFFFC) == 0;
    }

    /** The selector lies within its table. */
    public static boolean inTable(Cpu c, int selector, int bytes) {
        long last = (selector & 0xFFF8) + bytes - 1;
        if ((selector & 4) == 0) {
            return last <= c.gdtLimit;
        }
        return (c.segAccess[Cpu.LDTR] & Cpu.UNUSABLE) == 0 && last <= c.segLimit[Cpu.LDTR];
    }

    /** Linear address of the descriptor. */
    public static long address(Cpu c, int selector) {
        return systemAddress(c, ((selector & 4) == 0 ? c.gdtBase : c.segBase[Cpu.LDTR]) + (selector & 0xFFF8));
    }

    /** A linear address of a system structure: 32 bits outside IA-32e mode. */
    public static long systemAddress(Cpu c, long linear) {
        return c.longMode() ? linear : linear & 0xFFFFFFFFL;
    }

    /**
     * The descriptor that a selector names.
     *
     * @param vector what is raised with the selector as error code when it lies outside its table
     * @param ext EXT bit of that error code
     */
    public static long read(Cpu c, int selector, int vector, int ext) {
        if (!inTable(c, selector, 8)) {
            throw c.fault(vector, errorCode(selector, ext));
        }
        return Memory.loadSystem(c, address(c, selector), 8);
    }

    /** Bits 63:32 of a system segment's base, and what follows, in IA-32e mode. */
    public static long readUpper(Cpu c, int selector, int vector, int ext) {
        if (!inTable(c, selector, 16)) {
            throw c.fault(vector, errorCode(selector, ext));
        }
        return Memory.loadSystem(c, address(c, selector) + 8, 8);
    }

    /** Sets the accessed bit in memory, if it is clear. */
    public static void setAccessed(Cpu c, int selector, long d) {
        if ((d >>> 40 & 1) == 0) {
            Memory.storeSystem(c, address(c, selector) + 5, 1, d >>> 40 & 0xFF | 1);
        }
    }

    /** Sets or clears the busy bit of a TSS descriptor in memory. */
    public static void setBusy(Cpu c, int selector, boolean busy) {
        long at = address(c, selector) + 5;
        long type = Memory.loadSystem(c, at, 1);
        Memory.storeSystem(c, at, 1, busy ? type | 2 : type & ~2);
    }
}
