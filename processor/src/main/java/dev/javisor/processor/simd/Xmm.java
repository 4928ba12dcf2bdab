package dev.javisor.processor.simd;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/**
 * Operands of SSE instructions, as positions in {@link Cpu#vector}. A source in memory is brought to {@link Cpu#VECTOR_OPERAND}. Legacy SSE
 * instructions leave the lanes above bit 127 alone.
 */
final class Xmm {
    private Xmm() {}

    /** @throws dev.javisor.processor.core.GuestFault #UD or #NM, as CR0.EM, CR4.OSFXSR and CR0.TS have it */
    static void check(Cpu c) {
        if (c.sseBlocked != 0) {
            throw c.fault(c.sseBlocked);
        }
    }

    /** Position of the destination, ModRM.reg. */
    static int destination(Op o) {
        return o.reg << 3;
    }

    /** Position of the register ModRM.rm. */
    static int register(Op o) {
        return o.rm << 3;
    }

    /** Checks, and gives the position of the 128-bit source, in memory aligned unless the misaligned exception mask is set. */
    static int source(Cpu c, Op o) {
        check(c);
        if (o.memory) {
            VectorMemory.load128(c, VectorMemory.operandAddress(c, o), o.segment, Cpu.VECTOR_OPERAND);
            return Cpu.VECTOR_OPERAND;
        }
        return o.rm << 3;
    }

    /** Checks, and gives the position of a 128-bit source of any alignment. */
    static int sourceUnaligned(Cpu c, Op o) {
        check(c);
        if (o.memory) {
            VectorMemory.load128(c, Memory.readAddress(c, o, 16), o.segment, Cpu.VECTOR_OPERAND);
            return Cpu.VECTOR_OPERAND;
        }
        return o.rm << 3;
    }

    /** Checks, and gives the low 64 bits of register or memory. */
    static long source64(Cpu c, Op o) {
        check(c);
        return o.memory ? Memory.load64(c, Memory.readAddress(c, o, 8), o.segment) : c.vector[o.rm << 3];
    }

    /** Checks, and gives the low 32 bits of register or memory. */
    static int source32(Cpu c, Op o) {
        check(c);
        return o.memory ? Memory.load32(c, Memory.readAddress(c, o, 4), o.segment) : (int) c.vector[o.rm << 3];
    }

    /** Checks, and gives the low 16 bits of register or memory. */
    static int source16(Cpu c, Op o) {
        check(c);
        return o.memory ? Memory.load16(c, Memory.readAddress(c, o, 2), o.segment) : (int) c.vector[o.rm << 3] & 0xFFFF;
    }

    static void set(Cpu c, Op o, long low, long high) {
        int d = o.reg << 3;
        c.vector[d] = low;
        c.vector[d + 1] = high;
    }

    static void setLow(Cpu c, Op o, long low) {
        c.vector[o.reg << 3] = low;
    }

    /** Replaces the low 32 bits. */
    static void setLow32(Cpu c, Op o, int low) {
        int d = o.reg << 3;
        c.vector[d] = c.vector[d] & 0xFFFFFFFF00000000L | low & 0xFFFFFFFFL;
    }
}
