package dev.javisor.processor.integer;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Tlb;
import dev.javisor.processor.memory.HostMemory;

/**
 * Forward REP MOVS and REP STOS a page at a time. Only where nothing can happen in between: translated pages on the fast path, no page,
 * segment or address-size limit within the piece. Elsewhere the answer is 0 and the caller handles one element.
 */
final class BlockMove {
    /** Pieces shorter than this many bytes are not worth a call. */
    private static final int SHORT = 64;

    private BlockMove() {}

    /** Copies up to {@code n} elements from segment:RSI to ES:RDI without changing registers. @return how many */
    static int copy(Cpu c, Op o, int size, int n) {
        long source = c.gpr[Registers.RSI] & o.addressMask;
        long target = c.gpr[Registers.RDI] & o.addressMask;
        long bytes = Math.min(room(c, o, o.segment, source, false), room(c, o, Cpu.ES, target, true));
        bytes = Math.min(bytes, (long) n * size) & -size;
        if (bytes <= 0) {
            return 0;
        }
        long sourceAddress = linear(c, o.segment, source);
        long targetAddress = linear(c, Cpu.ES, target);
        long from = host(c, sourceAddress, 0);
        long to = host(c, targetAddress, Tlb.WRITE_TAG);
        if ((from == 0 || to == 0) && compete(c, sourceAddress, targetAddress)) {
            // One after the other, as an element's accesses are; the first translation holds although it leaves the TLB again.
            Memory.probe(c, sourceAddress, 1, o.segment, false);
            from = host(c, sourceAddress, 0);
            if (from != 0) {
                Memory.probe(c, targetAddress, 1, Cpu.ES, true);
                to = host(c, targetAddress, Tlb.WRITE_TAG);
            }
        }
        if (from == 0 || to == 0) {
            return 0;
        }
        boolean feeds = to > from && to < from + bytes;
        if (feeds || bytes < SHORT) {
            copyElements(from, to, size, bytes);
        } else {
            HostMemory.copy(from, to, bytes);
        }
        return (int) bytes / size;
    }

    /** Two pages of which the TLB holds only one. */
    private static boolean compete(Cpu c, long a, long b) {
        return c.context != Tlb.NONE && (a ^ b) >>> 12 != 0 && Tlb.entry(c.tlbBase, a) == Tlb.entry(c.tlbBase, b);
    }

    /** Fills up to {@code n} elements at ES:RDI with the accumulator. @return how many */
    static int fill(Cpu c, Op o, int size, int n) {
        long target = c.gpr[Registers.RDI] & o.addressMask;
        long bytes = Math.min(room(c, o, Cpu.ES, target, true), (long) n * size) & -size;
        if (bytes <= 0) {
            return 0;
        }
        long to = host(c, linear(c, Cpu.ES, target), Tlb.WRITE_TAG);
        if (to == 0) {
            return 0;
        }
        long value = c.gpr[Registers.RAX];
        if (bytes >= SHORT && (size == 1 || Shift.zeroExtend(value, 8 * size) == 0)) {
            HostMemory.fill(to, bytes, (byte) value);
        } else {
            fillElements(to, size, bytes, value);
        }
        return (int) bytes / size;
    }

    private static long linear(Cpu c, int segment, long offset) {
        return offset + c.eaBase[segment] & c.linearWrap;
    }

    /** Bytes from an offset up to the end of its page, of its segment or of the address size; 0 where a segment needs a closer look. */
    private static long room(Cpu c, Op o, int segment, long offset, boolean write) {
        long page = 0x1000 - (linear(c, segment, offset) & 0xFFF);
        if (c.codeSize64) {
            return o.addressMask == -1L ? page : Math.min(page, o.addressMask - offset + 1);
        }
        int access = c.segAccess[segment];
        boolean simple = (access & Cpu.UNUSABLE) == 0 && (access & 8) == 0 && (access & 4) == 0 && (!write || (access & 2) != 0);
        long last = simple ? Math.min(c.segLimit[segment], o.addressMask) : -1;
        return Math.min(page, last - offset + 1);
    }

    /**
     * Host address of a byte whose page is on the fast path, or 0.
     *
     * @param tag offset of the entry's tag: 0 for reads, {@link Tlb#WRITE_TAG} for writes
     */
    static long host(Cpu c, long la, int tag) {
        long e = Tlb.entry(c.tlbBase, la);
        return HostMemory.getLong(e + tag) == (la & ~0xFFFL) ? la + HostMemory.getLong(e + Tlb.ADDEND) : 0;
    }

    /** Element by element, as a copy that reads what it wrote must be. */
    private static void copyElements(long from, long to, int size, long bytes) {
        for (long n = 0; n < bytes; n += size) {
            switch (size) {
                case 1 -> HostMemory.putByte(to + n, HostMemory.getByte(from + n));
                case 2 -> HostMemory.putShort(to + n, HostMemory.getShort(from + n));
                case 4 -> HostMemory.putInt(to + n, HostMemory.getInt(from + n));
                default -> HostMemory.putLong(to + n, HostMemory.getLong(from + n));
            }
        }
    }

    private static void fillElements(long to, int size, long bytes, long value) {
        for (long n = 0; n < bytes; n += size) {
            switch (size) {
                case 1 -> HostMemory.putByte(to + n, (byte) value);
                case 2 -> HostMemory.putShort(to + n, (short) value);
                case 4 -> HostMemory.putInt(to + n, (int) value);
                default -> HostMemory.putLong(to + n, value);
            }
        }
    }
}
