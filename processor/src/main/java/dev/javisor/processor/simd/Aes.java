package dev.javisor.processor.simd;

import static dev.javisor.processor.simd.Packed.xmm;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Handler;

/** The AES New Instructions, after FIPS 197. A lane is the state, column by column; the least significant byte is row 0 of column 0. */
public final class Aes {
    private static final int POLYNOMIAL = 0x11B;
    /** SubBytes and its inverse; then a column of MixColumns (of its inverse) for an element of row 0 that went through them. */
    private static final byte[] SBOX = new byte[256], INVERSE_SBOX = new byte[256];

    private static final int[] ENCRYPT = new int[256], DECRYPT = new int[256], INVERSE_MIX = new int[256];

    static {
        // 3 generates the multiplicative group, F6 is its inverse.
        int p = 1;
        int q = 1;
        do {
            p = multiply(p, 3);
            q = multiply(q, 0xF6);
            int s = q ^ rotate(q, 1) ^ rotate(q, 2) ^ rotate(q, 3) ^ rotate(q, 4) ^ 0x63;
            SBOX[p] = (byte) s;
        } while (p != 1);
        SBOX[0] = 0x63;
        for (int x = 0; x < 256; x++) {
            int s = SBOX[x] & 0xFF;
            INVERSE_SBOX[s] = (byte) x;
            ENCRYPT[x] = column(s, 2, 1, 1, 3);
            DECRYPT[s] = column(x, 14, 9, 13, 11);
            INVERSE_MIX[x] = column(x, 14, 9, 13, 11);
        }
    }

    private Aes() {}

    private static int multiply(int a, int b) {
        int r = 0;
        for (; b != 0; b >>= 1) {
            r ^= (b & 1) != 0 ? a : 0;
            a = a << 1 ^ ((a & 0x80) != 0 ? POLYNOMIAL : 0);
        }
        return r;
    }

    private static int rotate(int b, int n) {
        return (b << n | b >> 8 - n) & 0xFF;
    }

    private static int column(int x, int row0, int row1, int row2, int row3) {
        return multiply(x, row0) | multiply(x, row1) << 8 | multiply(x, row2) << 16 | multiply(x, row3) << 24;
    }

    public static Handler bind(Instruction i) {
        if (i.has(Instruction.VEX | Instruction.EVEX)) {
            return null;
        }
        return switch (i.opcode.mnemonic) {
            case "AESENC" -> (c, o) -> xmm(c, o, Aes::aesenc);
            case "AESENCLAST" -> (c, o) -> xmm(c, o, Aes::aesenclast);
            case "AESDEC" -> (c, o) -> xmm(c, o, Aes::aesdec);
            case "AESDECLAST" -> (c, o) -> xmm(c, o, Aes::aesdeclast);
            case "AESIMC" -> (c, o) -> xmm(c, o, Aes::aesimc);
            case "AESKEYGENASSIST" -> (c, o) -> xmm(c, o, Aes::aeskeygenassist);
            default -> null;
        };
    }

    /** One column after a whole round without the key, from the columns that ShiftRows takes rows 0 to 3 from. */
    private static int mixed(int[] table, int c0, int c1, int c2, int c3) {
        return table[c0 & 0xFF]
                ^ Integer.rotateLeft(table[c1 >> 8 & 0xFF], 8)
                ^ Integer.rotateLeft(table[c2 >> 16 & 0xFF], 16)
                ^ Integer.rotateLeft(table[c3 >>> 24], 24);
    }

    /** As {@link #mixed}, for the last round, which has no MixColumns. */
    private static int substituted(byte[] box, int c0, int c1, int c2, int c3) {
        return box[c0 & 0xFF] & 0xFF | (box[c1 >> 8 & 0xFF] & 0xFF) << 8 | (box[c2 >> 16 & 0xFF] & 0xFF) << 16 | box[c3 >>> 24] << 24;
    }

    private static void set(long[] v, int d, int c0, int c1, int c2, int c3, long low, long high) {
        v[d] = PackedFloat.pair(c0, c1) ^ low;
        v[d + 1] = PackedFloat.pair(c2, c3) ^ high;
    }

    static void aesenc(long[] v, int d, int a, int b) {
        int s0 = (int) v[a];
        int s1 = (int) (v[a] >>> 32);
        int s2 = (int) v[a + 1];
        int s3 = (int) (v[a + 1] >>> 32);
        int c0 = mixed(ENCRYPT, s0, s1, s2, s3);
        int c1 = mixed(ENCRYPT, s1, s2, s3, s0);
        int c2 = mixed(ENCRYPT, s2, s3, s0, s1);
        set(v, d, c0, c1, c2, mixed(ENCRYPT, s3, s0, s1, s2), v[b], v[b + 1]);
    }

    static void aesenclast(long[] v, int d, int a, int b) {
        int s0 = (int) v[a];
        int s1 = (int) (v[a] >>> 32);
        int s2 = (int) v[a + 1];
        int s3 = (int) (v[a + 1] >>> 32);
        int c0 = substituted(SBOX, s0, s1, s2, s3);
        int c1 = substituted(SBOX, s1, s2, s3, s0);
        int c2 = substituted(SBOX, s2, s3, s0, s1);
        set(v, d, c0, c1, c2, substituted(SBOX, s3, s0, s1, s2), v[b], v[b + 1]);
    }

    static void aesdec(long[] v, int d, int a, int b) {
        int s0 = (int) v[a];
        int s1 = (int) (v[a] >>> 32);
        int s2 = (int) v[a + 1];
        int s3 = (int) (v[a + 1] >>> 32);
        int c0 = mixed(DECRYPT, s0, s3, s2, s1);
        int c1 = mixed(DECRYPT, s1, s0, s3, s2);
        int c2 = mixed(DECRYPT, s2, s1, s0, s3);
        set(v, d, c0, c1, c2, mixed(DECRYPT, s3, s2, s1, s0), v[b], v[b + 1]);
    }

    static void aesdeclast(long[] v, int d, int a, int b) {
        int s0 = (int) v[a];
        int s1 = (int) (v[a] >>> 32);
        int s2 = (int) v[a + 1];
        int s3 = (int) (v[a + 1] >>> 32);
        int c0 = substituted(INVERSE_SBOX, s0, s3, s2, s1);
        int c1 = substituted(INVERSE_SBOX, s1, s0, s3, s2);
        int c2 = substituted(INVERSE_SBOX, s2, s1, s0, s3);
        set(v, d, c0, c1, c2, substituted(INVERSE_SBOX, s3, s2, s1, s0), v[b], v[b + 1]);
    }

    static void aesimc(long[] v, int d, int a, int b) {
        long low = inverseMixColumns(v[b]);
        v[d + 1] = inverseMixColumns(v[b + 1]);
        v[d] = low;
    }

    private static long inverseMixColumns(long columns) {
        int c0 = (int) columns;
        int c1 = (int) (columns >>> 32);
        return PackedFloat.pair(mixed(INVERSE_MIX, c0, c0, c0, c0), mixed(INVERSE_MIX, c1, c1, c1, c1));
    }

    static void aeskeygenassist(long[] v, int d, int a, int b, int imm) {
        int x1 = subWord((int) (v[b] >>> 32));
        int x3 = subWord((int) (v[b + 1] >>> 32));
        v[d] = PackedFloat.pair(x1, Integer.rotateRight(x1, 8) ^ imm);
        v[d + 1] = PackedFloat.pair(x3, Integer.rotateRight(x3, 8) ^ imm);
    }

    private static int subWord(int x) {
        return substituted(SBOX, x, x, x, x);
    }
}
