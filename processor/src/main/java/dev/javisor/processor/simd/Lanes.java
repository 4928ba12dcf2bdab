package dev.javisor.processor.simd;

/**
 * Instructions whose result depends on a whole 128-bit lane, as functions from lanes at a and b to the lane at d of an array; any of them
 * may be the same lane. Named after the instruction they compute.
 */
final class Lanes {
    private Lanes() {}

    private static void set(long[] v, int d, long low, long high) {
        v[d] = low;
        v[d + 1] = high;
    }

    // ---- shifts and alignment ----

    /** Bits n to n + 63 of the 256-bit value high:low:0.. taken from 64-bit parts p3:p2:p1:p0. */
    private static long window(long p0, long p1, long p2, long p3, int bytes) {
        long first = part(p0, p1, p2, p3, bytes >> 3);
        int shift = 8 * (bytes & 7);
        return shift == 0 ? first : first >>> shift | part(p0, p1, p2, p3, (bytes >> 3) + 1) << 64 - shift;
    }

    private static long part(long p0, long p1, long p2, long p3, int k) {
        return switch (k) {
            case 0 -> p0;
            case 1 -> p1;
            case 2 -> p2;
            case 3 -> p3;
            default -> 0;
        };
    }

    static void palignr(long[] v, int d, int a, int b, int imm) {
        long low = window(v[b], v[b + 1], v[a], v[a + 1], imm);
        set(v, d, low, window(v[b], v[b + 1], v[a], v[a + 1], imm + 8));
    }

    static void pslldq(long[] v, int d, int a, int b, int imm) {
        int from = 16 - Math.min(imm, 16);
        long low = window(0, 0, v[b], v[b + 1], from);
        set(v, d, low, window(0, 0, v[b], v[b + 1], from + 8));
    }

    static void psrldq(long[] v, int d, int a, int b, int imm) {
        int from = Math.min(imm, 16);
        long low = window(v[b], v[b + 1], 0, 0, from);
        set(v, d, low, window(v[b], v[b + 1], 0, 0, from + 8));
    }

    // ---- packing, interleaving and horizontal arithmetic: each result half from one source ----

    static void packsswb(long[] v, int d, int a, int b) {
        set(v, d, Swar.packsswb(v[a], v[a + 1]), Swar.packsswb(v[b], v[b + 1]));
    }

    static void packuswb(long[] v, int d, int a, int b) {
        set(v, d, Swar.packuswb(v[a], v[a + 1]), Swar.packuswb(v[b], v[b + 1]));
    }

    static void packssdw(long[] v, int d, int a, int b) {
        set(v, d, Swar.packssdw(v[a], v[a + 1]), Swar.packssdw(v[b], v[b + 1]));
    }

    static void packusdw(long[] v, int d, int a, int b) {
        set(v, d, Swar.packusdw(v[a], v[a + 1]), Swar.packusdw(v[b], v[b + 1]));
    }

    static void punpcklbw(long[] v, int d, int a, int b) {
        set(v, d, Swar.punpcklbw(v[a], v[b]), Swar.punpckhbw(v[a], v[b]));
    }

    static void punpckhbw(long[] v, int d, int a, int b) {
        punpcklbw(v, d, a + 1, b + 1);
    }

    static void punpcklwd(long[] v, int d, int a, int b) {
        set(v, d, Swar.punpcklwd(v[a], v[b]), Swar.punpckhwd(v[a], v[b]));
    }

    static void punpckhwd(long[] v, int d, int a, int b) {
        punpcklwd(v, d, a + 1, b + 1);
    }

    static void punpckldq(long[] v, int d, int a, int b) {
        set(v, d, Swar.punpckldq(v[a], v[b]), Swar.punpckhdq(v[a], v[b]));
    }

    static void punpckhdq(long[] v, int d, int a, int b) {
        punpckldq(v, d, a + 1, b + 1);
    }

    static void punpcklqdq(long[] v, int d, int a, int b) {
        set(v, d, v[a], v[b]);
    }

    static void punpckhqdq(long[] v, int d, int a, int b) {
        set(v, d, v[a + 1], v[b + 1]);
    }

    static void phaddw(long[] v, int d, int a, int b) {
        set(v, d, Swar.phaddw(v[a], v[a + 1]), Swar.phaddw(v[b], v[b + 1]));
    }

    static void phaddd(long[] v, int d, int a, int b) {
        set(v, d, Swar.phaddd(v[a], v[a + 1]), Swar.phaddd(v[b], v[b + 1]));
    }

    static void phaddsw(long[] v, int d, int a, int b) {
        set(v, d, Swar.phaddsw(v[a], v[a + 1]), Swar.phaddsw(v[b], v[b + 1]));
    }

    static void phsubw(long[] v, int d, int a, int b) {
        set(v, d, Swar.phsubw(v[a], v[a + 1]), Swar.phsubw(v[b], v[b + 1]));
    }

    static void phsubd(long[] v, int d, int a, int b) {
        set(v, d, Swar.phsubd(v[a], v[a + 1]), Swar.phsubd(v[b], v[b + 1]));
    }

    static void phsubsw(long[] v, int d, int a, int b) {
        set(v, d, Swar.phsubsw(v[a], v[a + 1]), Swar.phsubsw(v[b], v[b + 1]));
    }

    // ---- shuffles ----

    private static long dword(long[] v, int at, int k) {
        return v[at + (k >> 1 & 1)] >>> 32 * (k & 1) & 0xFFFFFFFFL;
    }

    static void pshufd(long[] v, int d, int a, int b, int imm) {
        long low = dword(v, b, imm) | dword(v, b, imm >> 2) << 32;
        set(v, d, low, dword(v, b, imm >> 4) | dword(v, b, imm >> 6) << 32);
    }

    static void pshuflw(long[] v, int d, int a, int b, int imm) {
        set(v, d, Swar.pshufw(0, v[b], imm), v[b + 1]);
    }

    static void pshufhw(long[] v, int d, int a, int b, int imm) {
        set(v, d, v[b], Swar.pshufw(0, v[b + 1], imm));
    }

    static void shufps(long[] v, int d, int a, int b, int imm) {
        long low = dword(v, a, imm) | dword(v, a, imm >> 2) << 32;
        set(v, d, low, dword(v, b, imm >> 4) | dword(v, b, imm >> 6) << 32);
    }

    static void shufpd(long[] v, int d, int a, int b, int imm) {
        set(v, d, v[a + (imm & 1)], v[b + (imm >> 1 & 1)]);
    }

    static void pshufb(long[] v, int d, int a, int b) {
        long low = gather(v[a], v[a + 1], v[b]);
        set(v, d, low, gather(v[a], v[a + 1], v[b + 1]));
    }

    private static long gather(long low, long high, long selectors) {
        long r = 0;
        for (int k = 0; k < 64; k += 8) {
            int selector = (int) (selectors >>> k);
            if ((selector & 0x80) == 0) {
                r |= (((selector & 8) == 0 ? low : high) >>> 8 * (selector & 7) & 0xFF) << k;
            }
        }
        return r;
    }

    // ---- blends: an element of b where the mask has it, else of a ----

    private static void blend(long[] v, int d, int a, int b, long low, long high) {
        set(v, d, v[a] & ~low | v[b] & low, v[a + 1] & ~high | v[b + 1] & high);
    }

    /** Ones in the words that the low four bits select. */
    static long words(int mask) {
        return (mask & 1) * 0xFFFFL
                | (mask >> 1 & 1) * 0xFFFF0000L
                | (mask >> 2 & 1) * 0xFFFF00000000L
                | (mask >> 3 & 1) * 0xFFFF000000000000L;
    }

    private static long dwords(int mask) {
        return (mask & 1) * 0xFFFFFFFFL | (mask >> 1 & 1) * 0xFFFFFFFF00000000L;
    }

    static void pblendw(long[] v, int d, int a, int b, int imm) {
        blend(v, d, a, b, words(imm), words(imm >> 4));
    }

    static void blendps(long[] v, int d, int a, int b, int imm) {
        blend(v, d, a, b, dwords(imm), dwords(imm >> 2));
    }

    static void blendpd(long[] v, int d, int a, int b, int imm) {
        blend(v, d, a, b, -(imm & 1L), -(imm >> 1 & 1L));
    }

    /** The implicit mask of the legacy forms is XMM0. */
    static void pblendvb(long[] v, int d, int a, int b) {
        blend(v, d, a, b, Swar.pcmpgtb(0, v[0]), Swar.pcmpgtb(0, v[1]));
    }

    static void blendvps(long[] v, int d, int a, int b) {
        blend(v, d, a, b, Swar.pcmpgtd(0, v[0]), Swar.pcmpgtd(0, v[1]));
    }

    static void blendvpd(long[] v, int d, int a, int b) {
        blend(v, d, a, b, v[0] >> 63, v[1] >> 63);
    }

    // ---- sums ----

    /** Four-byte block of b against eight overlapping ones of a: sums of absolute differences. */
    static void mpsadbw(long[] v, int d, int a, int b, int imm) {
        long block = dword(v, b, imm & 3);
        int from = (imm & 4) != 0 ? 4 : 0;
        long low = 0;
        long high = 0;
        for (int k = 0; k < 4; k++) {
            low |= sum(v, a, from + k, block) << 16 * k;
            high |= sum(v, a, from + k + 4, block) << 16 * k;
        }
        set(v, d, low, high);
    }

    private static long sum(long[] v, int a, int offset, long block) {
        return Swar.psadbw(window(v[a], v[a + 1], 0, 0, offset) & 0xFFFFFFFFL, block);
    }

    /** The smallest unsigned word and its position. */
    static void phminposuw(long[] v, int d, int a, int b) {
        long best = 0x10000;
        long position = 0;
        for (int k = 0; k < 8; k++) {
            long word = v[b + (k >> 2)] >>> 16 * (k & 3) & 0xFFFF;
            if (word < best) {
                best = word;
                position = k;
            }
        }
        set(v, d, best | position << 16, 0);
    }
}
