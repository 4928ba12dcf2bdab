package dev.javisor.processor.simd;

import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Tlb;
import dev.javisor.processor.memory.HostMemory;

/** 128-bit memory operands. */
public final class VectorMemory {
    private VectorMemory() {}

    /** Linear address of an operand that must be aligned to its 16 bytes, for a read, unless the misaligned exception mask is set. */
    static long operandAddress(Cpu c, Op o) {
        long la = Memory.readAddress(c, o, 16);
        if ((la & 15) != 0 && (c.mxcsr & Mxcsr.MM) == 0) {
            throw c.gp0();
        }
        return la;
    }

    /** Alignment checks look at all 16 bytes on AMD's processors, and at each half on its own on Intel's. */
    private static void checkAlignment(Cpu c, long la, int segment, boolean write) {
        if (c.alignmentCheck && c.model.vendor() == Vendor.AMD) {
            Memory.probeAligned(c, la, 16, segment, write);
        }
    }

    /** Linear address of an operand that must always be aligned to its 16 bytes, for a read. */
    static long alignedReadAddress(Cpu c, Op o) {
        long la = Memory.readAddress(c, o, 16);
        if ((la & 15) != 0) {
            throw c.gp0();
        }
        return la;
    }

    /** Linear address of an operand that must always be aligned to its 16 bytes, for a write. */
    static long alignedWriteAddress(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 16);
        if ((la & 15) != 0) {
            throw c.gp0();
        }
        return la;
    }

    /** Loads 16 bytes into two lanes of {@link Cpu#vector}; neither changes when the access faults. */
    public static void load128(Cpu c, long la, int segment, int at) {
        long[] v = c.vector;
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e) == (la + 15 & ~0xFFFL)) {
            long host = la + HostMemory.getLong(e + Tlb.ADDEND);
            v[at] = HostMemory.getLong(host);
            v[at + 1] = HostMemory.getLong(host + 8);
        } else {
            checkAlignment(c, la, segment, false);
            long low = Memory.load64(c, la, segment);
            v[at + 1] = Memory.load64(c, la + 8 & c.linearWrap, segment);
            v[at] = low;
        }
    }

    /** Stores 16 bytes, all or none. */
    public static void store128(Cpu c, long la, int segment, long low, long high) {
        long e = c.tlbBase + (la >>> 7 & Tlb.INDEX_MASK);
        if (HostMemory.getLong(e + Tlb.WRITE_TAG) == (la + 15 & ~0xFFFL)) {
            long host = la + HostMemory.getLong(e + Tlb.ADDEND);
            HostMemory.putLong(host, low);
            HostMemory.putLong(host + 8, high);
        } else {
            checkAlignment(c, la, segment, true);
            Memory.probe(c, la, 16, segment, true);
            Memory.store64(c, la, segment, low);
            Memory.store64(c, la + 8 & c.linearWrap, segment, high);
        }
    }
}
