package dev.javisor.processor.simd;

/**
 * Packed integer arithmetic on the bytes, words and doublewords of one 64-bit lane, "SIMD within a register". Functions are named after
 * the instruction they compute.
 */
final class Swar {
    // The sign bit of every element, and the element's width less one.
    private static final long B = 0x8080808080808080L, W = 0x8000800080008000L, D = 0x8000000080000000L;
    private static final int B7 = 7, W15 = 15, D31 = 31;

    private Swar() {}

    // ---- building blocks: h has the sign bits of the elements, n is their width less one ----

    private static long add(long a, long b, long h) {
        return (a & ~h) + (b & ~h) ^ (a ^ b) & h;
    }

    private static long subtract(long a, long b, long h) {
        return (a | h) - (b & ~h) ^ (a ^ ~b) & h;
    }

    /** All ones in every element whose sign bit is set in m, which has no other bits. */
    private static long spread(long m, int n) {
        return m - (m >>> n) | m;
    }

    /** Sign bits of the elements that are not zero. */
    private static long nonZero(long a, long h) {
        return ((a & ~h) + ~h | a) & h;
    }

    /** Sign bits of the elements where a is below b, unsigned. */
    private static long below(long a, long b, long h) {
        return (~a & b | ~(a ^ b) & subtract(a, b, h)) & h;
    }

    private static long select(long mask, long a, long b) {
        return a & mask | b & ~mask;
    }

    private static long addUnsignedSaturated(long a, long b, long h, int n) {
        long r = add(a, b, h);
        return r | spread((a & b | (a | b) & ~r) & h, n);
    }

    private static long subtractUnsignedSaturated(long a, long b, long h, int n) {
        return subtract(a, b, h) & ~spread(below(a, b, h), n);
    }

    /** r, but the limit on a's side where the sign bits of overflow are set. */
    private static long saturate(long a, long r, long overflow, long h, int n) {
        return select(spread(overflow & h, n), ~h + ((a & h) >>> n), r);
    }

    private static long addSaturated(long a, long b, long h, int n) {
        long r = add(a, b, h);
        return saturate(a, r, ~(a ^ b) & (a ^ r), h, n);
    }

    private static long subtractSaturated(long a, long b, long h, int n) {
        long r = subtract(a, b, h);
        return saturate(a, r, (a ^ b) & (a ^ r), h, n);
    }

    private static long equal(long a, long b, long h, int n) {
        return ~spread(nonZero(a ^ b, h), n);
    }

    private static long greater(long a, long b, long h, int n) {
        return spread(below(b ^ h, a ^ h, h), n);
    }

    private static long average(long a, long b, long h) {
        return (a | b) - ((a ^ b) >>> 1 & ~h);
    }

    private static long absolute(long a, long h, int n) {
        long m = spread(a & h, n);
        return subtract(a ^ m, m, h);
    }

    private static long sign(long a, long b, long h, int n) {
        long m = spread(b & h, n);
        return subtract(a ^ m, m, h) & spread(nonZero(b, h), n);
    }

    /** The sign bits of the eight bytes, as PMOVMSKB gathers them. */
    static int signs(long a) {
        return (int) ((a >>> 7 & 0x0101010101010101L) * 0x0102040810204080L >>> 56);
    }

    // ---- addition and subtraction ----

    static long paddb(long a, long b) {
        return add(a, b, B);
    }

    static long paddw(long a, long b) {
        return add(a, b, W);
    }

    static long paddd(long a, long b) {
        return add(a, b, D);
    }

    static long paddq(long a, long b) {
        return a + b;
    }

    static long psubb(long a, long b) {
        return subtract(a, b, B);
    }

    static long psubw(long a, long b) {
        return subtract(a, b, W);
    }

    static long psubd(long a, long b) {
        return subtract(a, b, D);
    }

    static long psubq(long a, long b) {
        return a - b;
    }

    static long paddsb(long a, long b) {
        return addSaturated(a, b, B, B7);
    }

    static long paddsw(long a, long b) {
        return addSaturated(a, b, W, W15);
    }

    static long psubsb(long a, long b) {
        return subtractSaturated(a, b, B, B7);
    }

    static long psubsw(long a, long b) {
        return subtractSaturated(a, b, W, W15);
    }

    static long paddusb(long a, long b) {
        return addUnsignedSaturated(a, b, B, B7);
    }

    static long paddusw(long a, long b) {
        return addUnsignedSaturated(a, b, W, W15);
    }

    static long psubusb(long a, long b) {
        return subtractUnsignedSaturated(a, b, B, B7);
    }

    static long psubusw(long a, long b) {
        return subtractUnsignedSaturated(a, b, W, W15);
    }

    static long pavgb(long a, long b) {
        return average(a, b, B);
    }

    static long pavgw(long a, long b) {
        return average(a, b, W);
    }

    // ---- logic ----

    static long pand(long a, long b) {
        return a & b;
    }

    static long pandn(long a, long b) {
        return ~a & b;
    }

    static long por(long a, long b) {
        return a | b;
    }

    static long pxor(long a, long b) {
        return a ^ b;
    }

    // ---- comparison ----

    static long pcmpeqb(long a, long b) {
        return equal(a, b, B, B7);
    }

    static long pcmpeqw(long a, long b) {
        return equal(a, b, W, W15);
    }

    static long pcmpeqd(long a, long b) {
        return equal(a, b, D, D31);
    }

    static long pcmpeqq(long a, long b) {
        return a == b ? -1 : 0;
    }

    static long pcmpgtb(long a, long b) {
        return greater(a, b, B, B7);
    }

    static long pcmpgtw(long a, long b) {
        return greater(a, b, W, W15);
    }

    static long pcmpgtd(long a, long b) {
        return greater(a, b, D, D31);
    }

    static long pcmpgtq(long a, long b) {
        return a > b ? -1 : 0;
    }

    static long pminsb(long a, long b) {
        return select(pcmpgtb(a, b), b, a);
    }

    static long pminsw(long a, long b) {
        return select(pcmpgtw(a, b), b, a);
    }

    static long pminsd(long a, long b) {
        return select(pcmpgtd(a, b), b, a);
    }

    static long pmaxsb(long a, long b) {
        return select(pcmpgtb(a, b), a, b);
    }

    static long pmaxsw(long a, long b) {
        return select(pcmpgtw(a, b), a, b);
    }

    static long pmaxsd(long a, long b) {
        return select(pcmpgtd(a, b), a, b);
    }

    static long pminub(long a, long b) {
        return select(spread(below(a, b, B), B7), a, b);
    }

    static long pminuw(long a, long b) {
        return select(spread(below(a, b, W), W15), a, b);
    }

    static long pminud(long a, long b) {
        return select(spread(below(a, b, D), D31), a, b);
    }

    static long pmaxub(long a, long b) {
        return select(spread(below(a, b, B), B7), b, a);
    }

    static long pmaxuw(long a, long b) {
        return select(spread(below(a, b, W), W15), b, a);
    }

    static long pmaxud(long a, long b) {
        return select(spread(below(a, b, D), D31), b, a);
    }

    // ---- sign ----

    static long pabsb(long a, long b) {
        return absolute(b, B, B7);
    }

    static long pabsw(long a, long b) {
        return absolute(b, W, W15);
    }

    static long pabsd(long a, long b) {
        return absolute(b, D, D31);
    }

    static long psignb(long a, long b) {
        return sign(a, b, B, B7);
    }

    static long psignw(long a, long b) {
        return sign(a, b, W, W15);
    }

    static long psignd(long a, long b) {
        return sign(a, b, D, D31);
    }

    // ---- shifts: the second operand is the count, all of its bits ----

    private static final long EVERY_WORD = 0x0001000100010001L, EVERY_DWORD = 0x0000000100000001L;

    static long psllw(long a, long count) {
        return (count & ~15L) != 0 ? 0 : a << count & (0xFFFFL << count & 0xFFFF) * EVERY_WORD;
    }

    static long pslld(long a, long count) {
        return (count & ~31L) != 0 ? 0 : a << count & (0xFFFFFFFFL << count & 0xFFFFFFFFL) * EVERY_DWORD;
    }

    static long psllq(long a, long count) {
        return (count & ~63L) != 0 ? 0 : a << count;
    }

    static long psrlw(long a, long count) {
        return (count & ~15L) != 0 ? 0 : a >>> count & (0xFFFFL >>> count) * EVERY_WORD;
    }

    static long psrld(long a, long count) {
        return (count & ~31L) != 0 ? 0 : a >>> count & (0xFFFFFFFFL >>> count) * EVERY_DWORD;
    }

    static long psrlq(long a, long count) {
        return (count & ~63L) != 0 ? 0 : a >>> count;
    }

    static long psraw(long a, long count) {
        long n = (count & ~15L) != 0 ? 15 : count;
        return psrlw(a, n) | spread(a & W, W15) & ~((0xFFFFL >>> n) * EVERY_WORD);
    }

    static long psrad(long a, long count) {
        long n = (count & ~31L) != 0 ? 31 : count;
        return psrld(a, n) | spread(a & D, D31) & ~((0xFFFFFFFFL >>> n) * EVERY_DWORD);
    }

    // ---- multiplication ----

    private static int word(long a, int k) {
        return (short) (a >>> 16 * k);
    }

    static long pmullw(long a, long b) {
        long r = 0;
        for (int k = 0; k < 4; k++) {
            r |= (word(a, k) * word(b, k) & 0xFFFFL) << 16 * k;
        }
        return r;
    }

    static long pmulhw(long a, long b) {
        long r = 0;
        for (int k = 0; k < 4; k++) {
            r |= (word(a, k) * word(b, k) >> 16 & 0xFFFFL) << 16 * k;
        }
        return r;
    }

    static long pmulhuw(long a, long b) {
        long r = 0;
        for (int k = 0; k < 4; k++) {
            r |= ((word(a, k) & 0xFFFF) * (word(b, k) & 0xFFFF) >>> 16 & 0xFFFFL) << 16 * k;
        }
        return r;
    }

    static long pmulhrsw(long a, long b) {
        long r = 0;
        for (int k = 0; k < 4; k++) {
            r |= ((word(a, k) * word(b, k) >> 14) + 1 >> 1 & 0xFFFFL) << 16 * k;
        }
        return r;
    }

    static long pmaddwd(long a, long b) {
        int low = word(a, 0) * word(b, 0) + word(a, 1) * word(b, 1);
        int high = word(a, 2) * word(b, 2) + word(a, 3) * word(b, 3);
        return (long) high << 32 | low & 0xFFFFFFFFL;
    }

    /** Unsigned bytes of a times signed bytes of b. */
    static long pmaddubsw(long a, long b) {
        long r = 0;
        for (int k = 0; k < 64; k += 16) {
            int sum = (int) (a >>> k & 0xFF) * (byte) (b >>> k) + (int) (a >>> k + 8 & 0xFF) * (byte) (b >>> k + 8);
            r |= (saturateToWord(sum) & 0xFFFFL) << k;
        }
        return r;
    }

    static long pmulld(long a, long b) {
        return (a >>> 32) * (b >>> 32) << 32 | a * b & 0xFFFFFFFFL;
    }

    static long pmuludq(long a, long b) {
        return (a & 0xFFFFFFFFL) * (b & 0xFFFFFFFFL);
    }

    static long pmuldq(long a, long b) {
        return (long) (int) a * (int) b;
    }

    static long psadbw(long a, long b) {
        long d = pmaxub(a, b) - pminub(a, b);
        long sum = (d & 0x00FF00FF00FF00FFL) + (d >>> 8 & 0x00FF00FF00FF00FFL);
        return sum * EVERY_WORD >>> 48;
    }

    // ---- horizontal: two lanes give one ----

    static long phaddw(long a, long b) {
        long even = evenWords(a, b);
        return paddw(even, evenWords(a >>> 16, b >>> 16));
    }

    static long phaddd(long a, long b) {
        return paddd(a & 0xFFFFFFFFL | b << 32, a >>> 32 | b & 0xFFFFFFFF00000000L);
    }

    static long phaddsw(long a, long b) {
        return paddsw(evenWords(a, b), evenWords(a >>> 16, b >>> 16));
    }

    static long phsubw(long a, long b) {
        return psubw(evenWords(a, b), evenWords(a >>> 16, b >>> 16));
    }

    static long phsubd(long a, long b) {
        return psubd(a & 0xFFFFFFFFL | b << 32, a >>> 32 | b & 0xFFFFFFFF00000000L);
    }

    static long phsubsw(long a, long b) {
        return psubsw(evenWords(a, b), evenWords(a >>> 16, b >>> 16));
    }

    private static long evenWords(long a, long b) {
        return a & 0xFFFF | a >>> 16 & 0xFFFF0000L | (b & 0xFFFF) << 32 | (b & 0xFFFF00000000L) << 16;
    }

    // ---- packing: two lanes give one ----

    private static int saturateToWord(int x) {
        return x == (short) x ? x : x >> 31 ^ 0x7FFF;
    }

    static long packssdw(long a, long b) {
        return saturateToWord((int) a) & 0xFFFFL
                | (saturateToWord((int) (a >> 32)) & 0xFFFFL) << 16
                | (saturateToWord((int) b) & 0xFFFFL) << 32
                | (long) saturateToWord((int) (b >> 32)) << 48;
    }

    static long packusdw(long a, long b) {
        return clamp((int) a, 0xFFFF)
                | clamp((int) (a >> 32), 0xFFFF) << 16
                | clamp((int) b, 0xFFFF) << 32
                | clamp((int) (b >> 32), 0xFFFF) << 48;
    }

    private static long clamp(int x, int limit) {
        return Math.clamp(x, 0, limit);
    }

    static long packsswb(long a, long b) {
        return signedBytes(a) | signedBytes(b) << 32;
    }

    private static long signedBytes(long words) {
        long r = 0;
        for (int k = 0; k < 4; k++) {
            r |= (Math.clamp(word(words, k), -128, 127) & 0xFFL) << 8 * k;
        }
        return r;
    }

    static long packuswb(long a, long b) {
        return unsignedBytes(a) | unsignedBytes(b) << 32;
    }

    private static long unsignedBytes(long words) {
        long r = 0;
        for (int k = 0; k < 4; k++) {
            r |= clamp(word(words, k), 255) << 8 * k;
        }
        return r;
    }

    // ---- interleaving: the low or high halves of two lanes give one ----

    static long punpcklbw(long a, long b) {
        return everyOtherByte(a) | everyOtherByte(b) << 8;
    }

    static long punpckhbw(long a, long b) {
        return punpcklbw(a >>> 32, b >>> 32);
    }

    /** The low four bytes, each followed by a zero byte. */
    private static long everyOtherByte(long a) {
        a = (a & 0xFFFFFFFFL | a << 16) & 0x0000FFFF0000FFFFL;
        return (a | a << 8) & 0x00FF00FF00FF00FFL;
    }

    static long punpcklwd(long a, long b) {
        return everyOtherWord(a) | everyOtherWord(b) << 16;
    }

    static long punpckhwd(long a, long b) {
        return punpcklwd(a >>> 32, b >>> 32);
    }

    private static long everyOtherWord(long a) {
        return (a & 0xFFFFFFFFL | a << 16) & 0x0000FFFF0000FFFFL;
    }

    static long punpckldq(long a, long b) {
        return a & 0xFFFFFFFFL | b << 32;
    }

    static long punpckhdq(long a, long b) {
        return a >>> 32 | b & 0xFFFFFFFF00000000L;
    }

    // ---- shuffling within one lane ----

    static long pshufb(long a, long b) {
        long r = 0;
        for (int k = 0; k < 64; k += 8) {
            int selector = (int) (b >>> k);
            if ((selector & 0x80) == 0) {
                r |= (a >>> 8 * (selector & 7) & 0xFF) << k;
            }
        }
        return r;
    }

    static long palignr(long a, long b, int imm) {
        int n = 8 * imm;
        return n == 0 ? b : n < 64 ? b >>> n | a << 64 - n : n < 128 ? a >>> n - 64 : 0;
    }

    /** Words of b in the order of the immediate byte. */
    static long pshufw(long a, long b, int imm) {
        return b >>> 16 * (imm & 3) & 0xFFFF
                | (b >>> 16 * (imm >> 2 & 3) & 0xFFFF) << 16
                | (b >>> 16 * (imm >> 4 & 3) & 0xFFFF) << 32
                | b >>> 16 * (imm >> 6) << 48;
    }
}
