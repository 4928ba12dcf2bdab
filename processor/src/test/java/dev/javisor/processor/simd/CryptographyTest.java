package dev.javisor.processor.simd;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Known answers of the standards, computed with the instructions as programs use them. */
class CryptographyTest {
    private final Vectors v = new Vectors();

    /** FIPS 197, appendix "Example Vectors", AES-128; the key schedule by AESKEYGENASSIST as in FIPS 197's example of it. */
    @Test
    void aes128() {
        String[] keys = new String[11];
        keys[0] = "000102030405060708090a0b0c0d0e0f";
        int rcon = 1;
        for (int n = 1; n <= 10; n++) {
            v.xmm(1, keys[n - 1]).run("660f3adfd1" + HexFormat.of().toHexDigits((byte) rcon));
            int assist = (int) (v.high(2) >>> 32);
            int w0 = (int) v.low(1) ^ assist;
            int w1 = (int) (v.low(1) >>> 32) ^ w0;
            int w2 = (int) v.high(1) ^ w1;
            int w3 = (int) (v.high(1) >>> 32) ^ w2;
            v.xmm(1, PackedFloat.pair(w2, w3), PackedFloat.pair(w0, w1));
            keys[n] = v.bytes(1);
            rcon = rcon << 1 ^ (rcon >> 7) * 0x11B;
        }
        assertThat(keys[10]).isEqualTo("13111d7fe3944a17f307a78b4d2b30c5");
        v.xmm(0, "00112233445566778899aabbccddeeff").xmm(1, keys[0]).run("660fefc1");
        for (int n = 1; n < 10; n++) {
            v.xmm(1, keys[n]).run("660f38dcc1");
        }
        v.xmm(1, keys[10]).run("660f38ddc1");
        assertThat(v.bytes(0)).isEqualTo("69c4e0d86a7b0430d8cdb78070b4c55a");
        v.run("660fefc1");
        for (int n = 9; n > 0; n--) {
            v.xmm(1, keys[n]).run("660f38dbc9").run("660f38dec1");
        }
        v.xmm(1, keys[0]).run("660f38dfc1");
        assertThat(v.bytes(0)).isEqualTo("00112233445566778899aabbccddeeff");
    }

    @Test
    void carrylessProductIsThatOfPolynomials() {
        Random random = new Random(1);
        for (int imm : new int[] {0, 1, 0x10, 0x11}) {
            long[] a = {random.nextLong(), -1};
            long[] b = {-1, random.nextLong()};
            v.xmm(0, a[1], a[0]).xmm(1, b[1], b[0]).run("660f3a44c1" + HexFormat.of().toHexDigits((byte) imm));
            BigInteger product = BigInteger.ZERO;
            for (int k = 0; k < 64; k++) {
                if ((b[imm >> 4] >>> k & 1) != 0) {
                    product = product.xor(new BigInteger(Long.toUnsignedString(a[imm & 1])).shiftLeft(k));
                }
            }
            assertThat(v.low(0)).isEqualTo(product.longValue());
            assertThat(v.high(0)).isEqualTo(product.shiftRight(64).longValue());
        }
    }

    /** One block of a message, padded as FIPS 180-4 has it, in words of big-endian bytes. */
    private static int[] block(String message) {
        byte[] b = new byte[64];
        byte[] m = message.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(m, 0, b, 0, m.length);
        b[m.length] = (byte) 0x80;
        b[63] = (byte) (8 * m.length);
        int[] w = new int[16];
        for (int k = 0; k < 16; k++) {
            w[k] = Integer.reverseBytes((int) Vectors.little(Arrays.copyOf(b, 72), 4 * k));
        }
        return w;
    }

    private Vectors dwords(int register, int d3, int d2, int d1, int d0) {
        return v.xmm(register, PackedFloat.pair(d2, d3), PackedFloat.pair(d0, d1));
    }

    private static String hex(int... words) {
        StringBuilder s = new StringBuilder();
        for (int w : words) {
            s.append(HexFormat.of().toHexDigits(w));
        }
        return s.toString();
    }

    private static String digest(String algorithm, String message) throws NoSuchAlgorithmException {
        return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(message.getBytes(StandardCharsets.US_ASCII)));
    }

    @Test
    void sha1() throws NoSuchAlgorithmException {
        int[] w = Arrays.copyOf(block("abc"), 80);
        for (int t = 16; t < 80; t += 4) {
            dwords(1, w[t - 16], w[t - 15], w[t - 14], w[t - 13]);
            dwords(2, w[t - 12], w[t - 11], w[t - 10], w[t - 9]);
            dwords(3, w[t - 8], w[t - 7], w[t - 6], w[t - 5]);
            dwords(4, w[t - 4], w[t - 3], w[t - 2], w[t - 1]);
            v.run("0f38c9ca").run("660fefcb").run("0f38cacc");
            w[t] = (int) (v.high(1) >>> 32);
            w[t + 1] = (int) v.high(1);
            w[t + 2] = (int) (v.low(1) >>> 32);
            w[t + 3] = (int) v.low(1);
        }
        int[] h = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
        dwords(0, h[0], h[1], h[2], h[3]);
        dwords(5, h[4], 0, 0, 0);
        for (int t = 0; t < 80; t += 4) {
            dwords(1, w[t], w[t + 1], w[t + 2], w[t + 3]);
            if (t == 0) {
                v.run("660ffecd");
            } else {
                v.run("0f38c8e9").run("0f28cd");
            }
            v.run("0f28e8").run("0f3accc1" + HexFormat.of().toHexDigits((byte) (t / 20)));
        }
        int e = h[4] + Integer.rotateLeft((int) (v.high(5) >>> 32), 30);
        assertThat(hex(h[0] + (int) (v.high(0) >>> 32), h[1] + (int) v.high(0), h[2] + (int) (v.low(0) >>> 32), h[3] + (int) v.low(0), e))
                .isEqualTo(digest("SHA-1", "abc"));
    }

    @Test
    void sha256() throws NoSuchAlgorithmException {
        int[] k = new int[64];
        int[] h = new int[8];
        for (int n = 0, prime = 2; n < 64; prime++) {
            if (BigInteger.valueOf(prime).isProbablePrime(20)) {
                k[n] = (int) (long) ((Math.cbrt(prime) - Math.floor(Math.cbrt(prime))) * 0x1p32);
                if (n < 8) {
                    h[n] = (int) (long) ((Math.sqrt(prime) - Math.floor(Math.sqrt(prime))) * 0x1p32);
                }
                n++;
            }
        }
        int[] w = Arrays.copyOf(block("abc"), 64);
        for (int t = 16; t < 64; t += 4) {
            dwords(1, w[t - 13], w[t - 14], w[t - 15], w[t - 16]);
            dwords(2, 0, 0, 0, w[t - 12]);
            dwords(3, w[t - 4], w[t - 5], w[t - 6], w[t - 7]);
            dwords(4, w[t - 1], w[t - 2], w[t - 3], w[t - 4]);
            v.run("0f38ccca").run("660ffecb").run("0f38cdcc");
            w[t] = (int) v.low(1);
            w[t + 1] = (int) (v.low(1) >>> 32);
            w[t + 2] = (int) v.high(1);
            w[t + 3] = (int) (v.high(1) >>> 32);
        }
        dwords(1, h[2], h[3], h[6], h[7]);
        dwords(2, h[0], h[1], h[4], h[5]);
        for (int t = 0; t < 64; t += 2) {
            dwords(0, 0, 0, w[t + 1] + k[t + 1], w[t] + k[t]);
            v.run("0f28da").run("0f38cbca").run("0f28d1").run("0f28cb");
        }
        int[] s = {
            h[0] + (int) (v.high(2) >>> 32), h[1] + (int) v.high(2), h[2] + (int) (v.high(1) >>> 32), h[3] + (int) v.high(1),
            h[4] + (int) (v.low(2) >>> 32), h[5] + (int) v.low(2), h[6] + (int) (v.low(1) >>> 32), h[7] + (int) v.low(1)
        };
        assertThat(hex(s)).isEqualTo(digest("SHA-256", "abc"));
    }
}
