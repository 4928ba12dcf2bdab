package dev.javisor.processor.compiler;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Tlb;
import dev.javisor.processor.integer.ControlTransfer;
import dev.javisor.processor.integer.Registers;
import dev.javisor.processor.memory.HostMemory;

/**
 * What compiled code calls: memory accesses and near branches whose slow paths first tell which instruction is running. The constant
 * {@code at} says it, see {@link #at}; so the fast paths need not store anything.
 */
public final class Access {
    private static final int REST_SHIFT = 3, SITE_SHIFT = 10;

    private Access() {}

    /**
     * @param site offset of the instruction in its page
     * @param rest instructions of the block that have not retired, this one included
     * @param segment segment register of the access
     */
    static int at(int site, int rest, int segment) {
        return site << SITE_SHIFT | rest << REST_SHIFT | segment;
    }

    private static void enter(Cpu c, int at) {
        c.slowAccesses++;
        c.site = at >>> SITE_SHIFT;
        c.blockLength = at >>> REST_SHIFT & (1 << SITE_SHIFT - REST_SHIFT) - 1;
    }

    private static int segment(int at) {
        return at & (1 << REST_SHIFT) - 1;
    }

    // ---- loads ----

    public static int load8(Cpu c, long la, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e) == (la & ~0xFFFL)) {
            return HostMemory.getByte(la + HostMemory.getLong(e + Tlb.ADDEND)) & 0xFF;
        }
        return (int) loadSlow(c, la, 1, at);
    }

    public static int load16(Cpu c, long la, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e) == (la + 1 & ~0xFFFL)) {
            return HostMemory.getShort(la + HostMemory.getLong(e + Tlb.ADDEND)) & 0xFFFF;
        }
        return (int) loadSlow(c, la, 2, at);
    }

    /** Sign-extended. */
    public static long load32(Cpu c, long la, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e) == (la + 3 & ~0xFFFL)) {
            return HostMemory.getInt(la + HostMemory.getLong(e + Tlb.ADDEND));
        }
        return (int) loadSlow(c, la, 4, at);
    }

    public static long load32Extended(Cpu c, long la, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e) == (la + 3 & ~0xFFFL)) {
            return HostMemory.getInt(la + HostMemory.getLong(e + Tlb.ADDEND)) & 0xFFFFFFFFL;
        }
        return loadSlow(c, la, 4, at) & 0xFFFFFFFFL;
    }

    public static long load64(Cpu c, long la, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e) == (la + 7 & ~0xFFFL)) {
            return HostMemory.getLong(la + HostMemory.getLong(e + Tlb.ADDEND));
        }
        return loadSlow(c, la, 8, at);
    }

    private static long loadSlow(Cpu c, long la, int size, int at) {
        enter(c, at);
        return Memory.load(c, la, size, segment(at));
    }

    // ---- stores ----

    public static void store8(Cpu c, long la, int value, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la & ~0xFFFL)) {
            HostMemory.putByte(la + HostMemory.getLong(e + Tlb.ADDEND), (byte) value);
        } else {
            storeSlow(c, la, 1, value, at);
        }
    }

    public static void store16(Cpu c, long la, int value, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la + 1 & ~0xFFFL)) {
            HostMemory.putShort(la + HostMemory.getLong(e + Tlb.ADDEND), (short) value);
        } else {
            storeSlow(c, la, 2, value, at);
        }
    }

    /** @param value of which the low half is stored */
    public static void store32(Cpu c, long la, long value, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la + 3 & ~0xFFFL)) {
            HostMemory.putInt(la + HostMemory.getLong(e + Tlb.ADDEND), (int) value);
        } else {
            storeSlow(c, la, 4, value, at);
        }
    }

    public static void store64(Cpu c, long la, long value, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la + 7 & ~0xFFFL)) {
            HostMemory.putLong(la + HostMemory.getLong(e + Tlb.ADDEND), value);
        } else {
            storeSlow(c, la, 8, value, at);
        }
    }

    private static void storeSlow(Cpu c, long la, int size, long value, int at) {
        enter(c, at);
        Memory.store(c, la, size, segment(at), value);
    }

    // ---- the first half of a read-modify-write ----

    public static int change8(Cpu c, long la, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la & ~0xFFFL)) {
            return HostMemory.getByte(la + HostMemory.getLong(e + Tlb.ADDEND)) & 0xFF;
        }
        return (int) changeSlow(c, la, 1, at);
    }

    public static int change16(Cpu c, long la, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la + 1 & ~0xFFFL)) {
            return HostMemory.getShort(la + HostMemory.getLong(e + Tlb.ADDEND)) & 0xFFFF;
        }
        return (int) changeSlow(c, la, 2, at);
    }

    /** Sign-extended. */
    public static long change32(Cpu c, long la, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la + 3 & ~0xFFFL)) {
            return HostMemory.getInt(la + HostMemory.getLong(e + Tlb.ADDEND));
        }
        return (int) changeSlow(c, la, 4, at);
    }

    public static long change64(Cpu c, long la, int at) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la + 7 & ~0xFFFL)) {
            return HostMemory.getLong(la + HostMemory.getLong(e + Tlb.ADDEND));
        }
        return changeSlow(c, la, 8, at);
    }

    private static long changeSlow(Cpu c, long la, int size, int at) {
        enter(c, at);
        return Memory.loadForWrite(c, la, size, segment(at));
    }

    // ---- the stack in 64-bit mode ----

    public static void push(Cpu c, long value, int at) {
        long la = c.gpr[Registers.RSP] - 8;
        store64(c, la, value, at);
        c.gpr[Registers.RSP] = la;
    }

    public static long pop(Cpu c, int at) {
        long la = c.gpr[Registers.RSP];
        long value = load64(c, la, at);
        c.gpr[Registers.RSP] = la + 8;
        return value;
    }

    /** Pops the target of a near branch, and {@code bytes} in all. */
    public static long popTarget(Cpu c, int bytes, int at) {
        long la = c.gpr[Registers.RSP];
        long target = load64(c, la, at);
        if (!isCanonical(target)) {
            checkTarget(c, target, at);
        }
        c.gpr[Registers.RSP] = la + bytes;
        return target;
    }

    // ---- accesses that compiled code leaves to the interpreter when they are not simple ----

    /** Reading some bytes is not simple. */
    public static boolean cannotLoad(Cpu c, long la, int beyond) {
        return HostMemory.getLong(c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK)) != (la + beyond & ~0xFFFL);
    }

    /** Writing some bytes is not simple. @param beyond bytes but one */
    public static boolean cannotStore(Cpu c, long la, int beyond) {
        return HostMemory.getLong(c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK) + Tlb.WRITE_TAG) != (la + beyond & ~0xFFFL);
    }

    /** Where in host memory they are, if that is so. */
    public static long host(Cpu c, long la) {
        return la + HostMemory.getLong(c.tlbAddends + (la >>> 7 & Tlb.INDEX_MASK));
    }

    /** Back to the start of the instruction. */
    public static void leave(Cpu c, int at) {
        c.rip = c.gpr[Op.BLOCK_RIP] + (at >>> SITE_SHIFT);
        c.budget += at >>> REST_SHIFT & (1 << SITE_SHIFT - REST_SHIFT) - 1;
    }

    // ---- flags ----

    /** As a number: is the one below the other, unsigned? */
    public static long below(long a, long b) {
        return Long.compareUnsigned(a, b) < 0 ? 1 : 0;
    }

    // ---- branches in 64-bit mode ----

    public static boolean isCanonical(long target) {
        return target << 16 >> 16 == target;
    }

    /** What follows when that is not so. */
    public static void checkTarget(Cpu c, long target, int at) {
        enter(c, at);
        ControlTransfer.checkTarget(c, target);
    }
}
