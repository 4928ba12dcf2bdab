package dev.javisor.processor.simd;

import static dev.javisor.processor.simd.Packed.xmm;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Handler;

/** PCLMULQDQ. */
public final class CarrylessMultiply {
    /** Every fourth bit: products of such numbers have room between their bits for the sums of up to 15 ones. */
    private static final long M0 = 0x1111111111111111L, M1 = M0 << 1, M2 = M0 << 2, M3 = M0 << 3;

    private CarrylessMultiply() {}

    public static Handler bind(Instruction i) {
        boolean legacy = !i.has(Instruction.VEX | Instruction.EVEX);
        return legacy && i.opcode.mnemonic.equals("PCLMULQDQ") ? (c, o) -> xmm(c, o, CarrylessMultiply::pclmulqdq) : null;
    }

    static void pclmulqdq(long[] v, int d, int a, int b, int imm) {
        long x = v[a + (imm & 1)];
        long y = v[b + (imm >> 4 & 1)];
        v[d] = low(x, y);
        v[d + 1] = high(x, y);
    }

    /** Bits 63:0 of the product. Sixteen ones can only meet in the topmost place, whose carry leaves the number. */
    private static long low(long x, long y) {
        long x0 = x & M0;
        long x1 = x & M1;
        long x2 = x & M2;
        long x3 = x & M3;
        long y0 = y & M0;
        long y1 = y & M1;
        long y2 = y & M2;
        long y3 = y & M3;
        return (x0 * y0 ^ x1 * y3 ^ x2 * y2 ^ x3 * y1) & M0
                | (x0 * y1 ^ x1 * y0 ^ x2 * y3 ^ x3 * y2) & M1
                | (x0 * y2 ^ x1 * y1 ^ x2 * y0 ^ x3 * y3) & M2
                | (x0 * y3 ^ x1 * y2 ^ x2 * y1 ^ x3 * y0) & M3;
    }

    /** Bits 127:64: the product of the mirrored operands is the mirrored product. */
    private static long high(long x, long y) {
        return Long.reverse(low(Long.reverse(x), Long.reverse(y))) >>> 1;
    }
}
