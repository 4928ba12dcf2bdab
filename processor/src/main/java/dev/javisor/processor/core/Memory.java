package dev.javisor.processor.core;

import dev.javisor.processor.memory.HostMemory;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.memory.Region;

/**
 * Memory as instructions see it: linear addresses, with the rights of the current privilege. A hit in the {@link Tlb} costs a compare and
 * an add; everything else (misses, page crossings, devices, code pages, watchpoints, alignment checks) takes the slow path. The segment is
 * passed only to tell #SS from #GP for non-canonical addresses.
 */
public final class Memory {
    private Memory() {}

    /** Linear address of an operation's memory operand for a read of {@code size} bytes; checks the segment where needed. */
    public static long readAddress(Cpu c, Op o, int size) {
        long ea = c.gpr[o.base] + (c.gpr[o.index] << o.scale) + o.disp & o.addressMask;
        if (o.checked) {
            SegmentCheck.check(c, o.segment, ea, size, false);
        }
        return ea + c.eaBase[o.segment] & o.linearMask;
    }

    /** Linear address of an operation's memory operand for a write (or read-modify-write). */
    public static long writeAddress(Cpu c, Op o, int size) {
        long ea = c.gpr[o.base] + (c.gpr[o.index] << o.scale) + o.disp & o.addressMask;
        if (o.checked) {
            SegmentCheck.check(c, o.segment, ea, size, true);
        }
        return ea + c.eaBase[o.segment] & o.linearMask;
    }

    /** Effective address (offset) of the memory operand, as LEA computes it. */
    public static long effectiveAddress(Cpu c, Op o) {
        return c.gpr[o.base] + (c.gpr[o.index] << o.scale) + o.disp & o.addressMask;
    }

    /** Linear address of segment:offset for string operations, implicit operands and the like. */
    public static long address(Cpu c, int segment, long offset, int size, boolean write) {
        if (c.codeSize64) {
            return offset + c.eaBase[segment];
        }
        SegmentCheck.check(c, segment, offset, size, write);
        return offset + c.eaBase[segment] & 0xFFFFFFFFL;
    }

    /** Zero-extended. */
    public static int load8(Cpu c, long la, int segment) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e) == (la & ~0xFFFL)) {
            return HostMemory.getByte(la + HostMemory.getLong(e + Tlb.ADDEND)) & 0xFF;
        }
        return (int) loadSlow(c, c.context, la, 1, segment);
    }

    /** Zero-extended. */
    public static int load16(Cpu c, long la, int segment) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e) == (la + 1 & ~0xFFFL)) {
            return HostMemory.getShort(la + HostMemory.getLong(e + Tlb.ADDEND)) & 0xFFFF;
        }
        return (int) loadSlow(c, c.context, la, 2, segment);
    }

    public static int load32(Cpu c, long la, int segment) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e) == (la + 3 & ~0xFFFL)) {
            return HostMemory.getInt(la + HostMemory.getLong(e + Tlb.ADDEND));
        }
        return (int) loadSlow(c, c.context, la, 4, segment);
    }

    public static long load64(Cpu c, long la, int segment) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e) == (la + 7 & ~0xFFFL)) {
            return HostMemory.getLong(la + HostMemory.getLong(e + Tlb.ADDEND));
        }
        return loadSlow(c, c.context, la, 8, segment);
    }

    public static void store8(Cpu c, long la, int segment, int value) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la & ~0xFFFL)) {
            HostMemory.putByte(la + HostMemory.getLong(e + Tlb.ADDEND), (byte) value);
        } else {
            storeSlow(c, c.context, la, 1, segment, value);
        }
    }

    public static void store16(Cpu c, long la, int segment, int value) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la + 1 & ~0xFFFL)) {
            HostMemory.putShort(la + HostMemory.getLong(e + Tlb.ADDEND), (short) value);
        } else {
            storeSlow(c, c.context, la, 2, segment, value);
        }
    }

    public static void store32(Cpu c, long la, int segment, int value) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la + 3 & ~0xFFFL)) {
            HostMemory.putInt(la + HostMemory.getLong(e + Tlb.ADDEND), value);
        } else {
            storeSlow(c, c.context, la, 4, segment, value);
        }
    }

    public static void store64(Cpu c, long la, int segment, long value) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la + 7 & ~0xFFFL)) {
            HostMemory.putLong(la + HostMemory.getLong(e + Tlb.ADDEND), value);
        } else {
            storeSlow(c, c.context, la, 8, segment, value);
        }
    }

    /** First half of a read-modify-write: needs write permission, returns the value (zero-extended). */
    public static long loadForWrite(Cpu c, long la, int size, int segment) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la + size - 1 & ~0xFFFL)) {
            return hostLoad(la + HostMemory.getLong(e + Tlb.ADDEND), size);
        }
        return loadForWriteSlow(c, la, size, segment);
    }

    /** Any size of 1, 2, 4, 8; zero-extended. */
    public static long load(Cpu c, long la, int size, int segment) {
        return switch (size) {
            case 1 -> load8(c, la, segment);
            case 2 -> load16(c, la, segment);
            case 4 -> load32(c, la, segment) & 0xFFFFFFFFL;
            default -> load64(c, la, segment);
        };
    }

    public static void store(Cpu c, long la, int size, int segment, long value) {
        switch (size) {
            case 1 -> store8(c, la, segment, (int) value);
            case 2 -> store16(c, la, segment, (int) value);
            case 4 -> store32(c, la, segment, (int) value);
            default -> store64(c, la, segment, value);
        }
    }

    /**
     * Checks that {@code size} bytes can be accessed (faulting as the access itself would), without accessing them. For instructions that
     * store more than one value and must not store the first when the last faults.
     */
    public static void probe(Cpu c, long la, int size, int segment, boolean write) {
        int access = write ? Translation.WRITE : Translation.READ;
        translateFor(c, c.context, la, 1, segment, access);
        if ((la & 0xFFF) + size > 0x1000) {
            translateFor(c, c.context, nextPage(c, la), 1, segment, access);
        }
    }

    /** Whether an address that has just been written lies in no RAM. */
    public static boolean isDevice(Cpu c, long la, int segment) {
        return c.memory.hostAddress(translateFor(c, c.context, la, 1, segment, Translation.WRITE)) == 0;
    }

    /** As {@link #probe}, for a value of 2, 4, 8 or 16 bytes whose access is checked for alignment. */
    public static void probeAligned(Cpu c, long la, int size, int segment, boolean write) {
        checkAlignment(c, c.context, la, size, segment, write ? Translation.WRITE : Translation.READ);
        probe(c, la, size, segment, write);
    }

    /** Implicit supervisor-mode access (descriptor tables, TSS, ...) whatever the CPL. */
    public static long loadSystem(Cpu c, long la, int size) {
        int context = c.systemContext;
        long e = Tlb.entry(c.tlb.base(context), la);
        if (HostMemory.getLong(e) == (la + size - 1 & ~0xFFFL)) {
            return hostLoad(la + HostMemory.getLong(e + Tlb.ADDEND), size);
        }
        return loadSlow(c, context, la, size, Cpu.DS);
    }

    public static void storeSystem(Cpu c, long la, int size, long value) {
        storeSlow(c, c.systemContext, la, size, Cpu.DS, value);
    }

    // ---- slow paths ----

    private static long hostLoad(long host, int size) {
        return switch (size) {
            case 1 -> HostMemory.getByte(host) & 0xFFL;
            case 2 -> HostMemory.getShort(host) & 0xFFFFL;
            case 4 -> HostMemory.getInt(host) & 0xFFFFFFFFL;
            default -> HostMemory.getLong(host);
        };
    }

    /** Guest-physical address for an access that does not cross a page. */
    private static long translateFor(Cpu c, int context, long la, int size, int segment, int access) {
        la = c.translation.untag(c, context, la, segment, access);
        long e = Tlb.entry(c.tlb.base(context), la);
        boolean write = access == Translation.WRITE;
        if (Tlb.holds(e, la, write)) {
            if (write) {
                c.translation.settle(c, la, e);
            }
            return Tlb.physical(e) & ~0xFFFL | la & 0xFFF;
        }
        long gpa = c.translation.find(c, context, la, access);
        if (gpa == Translation.FAULTED) {
            throw c.pageFault();
        }
        return gpa;
    }

    /** First byte of the next page: what a fault reports when an access crosses into it. */
    private static long nextPage(Cpu c, long la) {
        long next = (la | 0xFFF) + 1;
        return next >>> 32 == 1 ? next & c.linearWrap : next;
    }

    /** An address that is not canonical is reported before one that is not aligned. */
    private static void checkAlignment(Cpu c, int context, long la, int size, int segment, int access) {
        if (c.alignmentCheck && context == Tlb.NONE && (la & size - 1) != 0) {
            c.translation.untag(c, context, la, segment, access);
            throw c.fault(Event.AC, 0);
        }
    }

    private static long loadSlow(Cpu c, int context, long la, int size, int segment) {
        checkAlignment(c, context, la, size, segment, Translation.READ);
        if ((la & 0xFFF) + size > 0x1000) {
            int first = (int) (0x1000 - (la & 0xFFF));
            long second = la + first & c.linearWrap;
            long low = loadPart(c, context, la, first, segment);
            return low | loadPart(c, context, second, size - first, segment) << 8 * first;
        }
        return loadPart(c, context, la, size, segment);
    }

    /** 1 to 8 bytes within a page. */
    private static long loadPart(Cpu c, int context, long la, int size, int segment) {
        long gpa = translateFor(c, context, la, size, segment, Translation.READ);
        if (c.watchesData) {
            c.watch(la, size, false);
        }
        return loadPhysical(c, gpa, size);
    }

    private static long loadPhysical(Cpu c, long gpa, int size) {
        if (apicAccess(c, gpa)) {
            c.requireBoundary();
            c.takeTime(Latency.LOCAL_APIC);
            return c.guest.loadApic(c, (int) gpa & 0xFFF, size);
        }
        long host = apicPage(c, gpa) ? 0 : c.memory.hostAddress(gpa);
        if (host == 0) {
            c.requireBoundary();
        }
        if ((size & size - 1) == 0) {
            return host != 0 ? hostLoad(host, size) : deviceLoad(c, gpa, size);
        }
        long v = 0;
        for (int i = size - 1; i >= 0; i--) {
            v = v << 8 | (host != 0 ? HostMemory.getByte(host + i) & 0xFF : deviceLoad(c, gpa + i, 1));
        }
        return v;
    }

    /** The page stands for the local APIC's in a guest. */
    private static boolean apicAccess(Cpu c, long gpa) {
        return (gpa & ~0xFFFL) == c.apicAccessPage;
    }

    private static boolean apicPage(Cpu c, long gpa) {
        return c.apic != null && c.apic.mmioEnabled() && (gpa & ~0xFFFL) == c.apic.base();
    }

    private static long deviceLoad(Cpu c, long gpa, int size) {
        if (apicPage(c, gpa)) {
            c.takeTime(Latency.LOCAL_APIC);
            return c.apic.read(gpa & 0xFFF, size);
        }
        waitForDevice(c, gpa);
        return c.memory.read(gpa, size);
    }

    /** What is not memory takes its time. */
    private static void waitForDevice(Cpu c, long gpa) {
        Region r = c.memory.regionAt(gpa);
        if (r == null || r.device != null && r.device.takesTime()) {
            c.takeTime(Latency.DEVICE);
        }
    }

    private static long loadForWriteSlow(Cpu c, long la, int size, int segment) {
        checkAlignment(c, c.context, la, size, segment, Translation.WRITE);
        if ((la & 0xFFF) + size > 0x1000) {
            translateFor(c, c.context, la, 1, segment, Translation.WRITE);
            translateFor(c, c.context, nextPage(c, la), 1, segment, Translation.WRITE);
            return loadSlow(c, c.context, la, size, segment);
        }
        long gpa = translateFor(c, c.context, la, size, segment, Translation.WRITE);
        if (apicAccess(c, gpa)) {
            c.requireBoundary();
            c.guest.checkApicStore(c, (int) gpa & 0xFFF, size);
        }
        if (c.watchesData) {
            c.watch(la, size, true);
        }
        return loadPhysical(c, gpa, size);
    }

    private static void storeSlow(Cpu c, int context, long la, int size, int segment, long value) {
        checkAlignment(c, context, la, size, segment, Translation.WRITE);
        if ((la & 0xFFF) + size > 0x1000) {
            int first = (int) (0x1000 - (la & 0xFFF));
            long second = la + first & c.linearWrap;
            long gpa1 = translateFor(c, context, la, 1, segment, Translation.WRITE);
            long gpa2 = translateFor(c, context, second, 1, segment, Translation.WRITE);
            prepareStore(c, gpa1, first);
            prepareStore(c, gpa2, size - first);
            if (c.watchesData) {
                c.watch(la, first, true);
                c.watch(second, size - first, true);
            }
            storePart(c, gpa1, first, value);
            storePart(c, gpa2, size - first, value >>> 8 * first);
            return;
        }
        long gpa = translateFor(c, context, la, size, segment, Translation.WRITE);
        prepareStore(c, gpa, size);
        if (c.watchesData) {
            c.watch(la, size, true);
        }
        storePart(c, gpa, size, value);
    }

    /** Everything that may abort the store, before anything is stored. */
    private static void prepareStore(Cpu c, long gpa, int size) {
        if (apicAccess(c, gpa)) {
            c.requireBoundary();
            c.guest.checkApicStore(c, (int) gpa & 0xFFF, size);
            return;
        }
        Region r = apicPage(c, gpa) ? null : c.memory.regionAt(gpa);
        if (r == null || r.device != null || r.stores != null) {
            c.requireBoundary();
        } else if ((r.flags[r.flag(gpa & c.memory.a20Mask())] & Region.CODE) != 0
                && c.codeObserver.holdsCode(gpa & c.memory.a20Mask(), size)) {
            c.requireBoundary();
        }
    }

    private static void storePart(Cpu c, long gpa, int size, long value) {
        if (apicAccess(c, gpa)) {
            c.takeTime(Latency.LOCAL_APIC);
            c.guest.storeApic(c, (int) gpa & 0xFFF, size, value);
        } else if (apicPage(c, gpa)) {
            c.takeTime(Latency.LOCAL_APIC);
            c.apic.write(gpa & 0xFFF, size, value);
        } else if ((size & size - 1) == 0) {
            waitForDevice(c, gpa);
            c.memory.write(gpa, size, value);
        } else {
            for (int i = 0; i < size; i++) {
                waitForDevice(c, gpa + i);
                c.memory.write(gpa + i, 1, value >>> 8 * i & 0xFF);
            }
        }
    }

    /** The APIC and other devices behind a register page are reached through this when the processor is known. */
    public static boolean isDevice(Cpu c, long gpa) {
        return apicPage(c, gpa) || !(c.memory.regionAt(gpa) instanceof Region r) || r.device instanceof MmioHandler;
    }
}
