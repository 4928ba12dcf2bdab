package dev.javisor.processor.simd;

import static dev.javisor.processor.simd.PackedFloat.pair;

import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** The SHA extensions, after FIPS 180-4. */
public final class Sha {
    private static final int[] SHA1_K = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};

    private Sha() {}

    public static Handler bind(Instruction i) {
        if (i.has(Instruction.VEX | Instruction.EVEX)) {
            return null;
        }
        return switch (i.opcode.mnemonic) {
            case "SHA1RNDS4" -> (c, o) -> sha(c, o, Sha::sha1rnds4);
            case "SHA1NEXTE" -> (c, o) -> sha(c, o, Sha::sha1nexte);
            case "SHA1MSG1" -> (c, o) -> sha(c, o, Sha::sha1msg1);
            case "SHA1MSG2" -> (c, o) -> sha(c, o, Sha::sha1msg2);
            case "SHA256RNDS2" -> (c, o) -> sha(c, o, Sha::sha256rnds2);
            case "SHA256MSG1" -> (c, o) -> sha(c, o, Sha::sha256msg1);
            case "SHA256MSG2" -> (c, o) -> sha(c, o, Sha::sha256msg2);
            default -> null;
        };
    }

    private static void sha(Cpu c, Op o, Packed.Lane f) {
        int b = source(c, o);
        int d = Xmm.destination(o);
        f.apply(c.vector, d, d, b);
    }

    private static void sha(Cpu c, Op o, Packed.LaneImmediate f) {
        int b = source(c, o);
        int d = Xmm.destination(o);
        f.apply(c.vector, d, d, b, (int) o.imm & 0xFF);
    }

    /** Only Intel's processors want an aligned operand. */
    private static int source(Cpu c, Op o) {
        return c.model.vendor() == Vendor.AMD ? Xmm.sourceUnaligned(c, o) : Xmm.source(c, o);
    }

    /** Doubleword 0 to 3 of a lane. */
    private static int dword(long[] v, int at, int k) {
        return (int) (v[at + (k >> 1)] >>> 32 * (k & 1));
    }

    private static void set(long[] v, int d, int d3, int d2, int d1, int d0) {
        v[d] = pair(d0, d1);
        v[d + 1] = pair(d2, d3);
    }

    private static int f(int function, int b, int c, int d) {
        return switch (function) {
            case 0 -> b & c ^ ~b & d;
            case 2 -> b & c ^ b & d ^ c & d;
            default -> b ^ c ^ d;
        };
    }

    static void sha1rnds4(long[] v, int dst, int s1, int s2, int imm) {
        int function = imm & 3;
        int a = dword(v, s1, 3);
        int b = dword(v, s1, 2);
        int c = dword(v, s1, 1);
        int d = dword(v, s1, 0);
        int e = 0;
        for (int k = 3; k >= 0; k--) {
            int next = f(function, b, c, d) + Integer.rotateLeft(a, 5) + dword(v, s2, k) + e + SHA1_K[function];
            e = d;
            d = c;
            c = Integer.rotateLeft(b, 30);
            b = a;
            a = next;
        }
        set(v, dst, a, b, c, d);
    }

    static void sha1nexte(long[] v, int d, int a, int b) {
        int e = dword(v, b, 3) + Integer.rotateLeft(dword(v, a, 3), 30);
        set(v, d, e, dword(v, b, 2), dword(v, b, 1), dword(v, b, 0));
    }

    static void sha1msg1(long[] v, int d, int a, int b) {
        long low = v[a] ^ v[b + 1];
        v[d + 1] = v[a + 1] ^ v[a];
        v[d] = low;
    }

    static void sha1msg2(long[] v, int d, int a, int b) {
        int w16 = Integer.rotateLeft(dword(v, a, 3) ^ dword(v, b, 2), 1);
        int w17 = Integer.rotateLeft(dword(v, a, 2) ^ dword(v, b, 1), 1);
        int w18 = Integer.rotateLeft(dword(v, a, 1) ^ dword(v, b, 0), 1);
        set(v, d, w16, w17, w18, Integer.rotateLeft(dword(v, a, 0) ^ w16, 1));
    }

    /** Two rounds; the words to be added, W + K, are implicitly in XMM0. */
    static void sha256rnds2(long[] v, int dst, int s1, int s2) {
        int a = dword(v, s2, 3);
        int b = dword(v, s2, 2);
        int c = dword(v, s1, 3);
        int d = dword(v, s1, 2);
        int e = dword(v, s2, 1);
        int f = dword(v, s2, 0);
        int g = dword(v, s1, 1);
        int h = dword(v, s1, 0);
        for (int k = 0; k < 2; k++) {
            int sum1 = Integer.rotateRight(e, 6) ^ Integer.rotateRight(e, 11) ^ Integer.rotateRight(e, 25);
            int t1 = h + sum1 + (e & f ^ ~e & g) + dword(v, 0, k);
            int sum0 = Integer.rotateRight(a, 2) ^ Integer.rotateRight(a, 13) ^ Integer.rotateRight(a, 22);
            int t2 = sum0 + (a & b ^ a & c ^ b & c);
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
        }
        set(v, dst, a, b, e, f);
    }

    private static int sigma0(int w) {
        return Integer.rotateRight(w, 7) ^ Integer.rotateRight(w, 18) ^ w >>> 3;
    }

    private static int sigma1(int w) {
        return Integer.rotateRight(w, 17) ^ Integer.rotateRight(w, 19) ^ w >>> 10;
    }

    static void sha256msg1(long[] v, int d, int a, int b) {
        int w4 = dword(v, b, 0);
        int w3 = dword(v, a, 3);
        int w2 = dword(v, a, 2);
        int w1 = dword(v, a, 1);
        set(v, d, w3 + sigma0(w4), w2 + sigma0(w3), w1 + sigma0(w2), dword(v, a, 0) + sigma0(w1));
    }

    static void sha256msg2(long[] v, int d, int a, int b) {
        int w16 = dword(v, a, 0) + sigma1(dword(v, b, 2));
        int w17 = dword(v, a, 1) + sigma1(dword(v, b, 3));
        int w18 = dword(v, a, 2) + sigma1(w16);
        set(v, d, dword(v, a, 3) + sigma1(w17), w18, w17, w16);
    }
}
