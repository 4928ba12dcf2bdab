package dev.javisor.conformance.host;

import java.util.SplittableRandom;

/** Operand values where instructions get interesting: boundaries, denormals, infinities, NaNs, and values close to one another. */
final class Values {
    private final SplittableRandom random;
    /** Exponents of a case lie close together often enough to meet in additions; relative to the bias. */
    private int exponent;

    Values(SplittableRandom random) {
        this.random = random;
    }

    /** A new case. */
    void next() {
        exponent = switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> random.nextInt(-70, 70);
            case 2 -> random.nextInt(-1100, 1100);
            case 3 -> random.nextInt(-150, 150);
            default -> random.nextInt(-4, 5);
        };
    }

    long integer() {
        long v = switch (random.nextInt(8)) {
            case 0 -> random.nextInt(-3, 4);
            case 1 -> random.nextInt(-300, 300);
            case 2 -> (1L << random.nextInt(64)) + random.nextInt(-1, 2);
            case 3 -> (-1L >>> random.nextInt(64)) + random.nextInt(-1, 2);
            case 4 -> 0x0101010101010101L * random.nextInt(256);
            case 5 -> boundary(8 << random.nextInt(4));
            default -> random.nextLong();
        };
        return random.nextInt(8) == 0 ? v << random.nextInt(64) : v;
    }

    private long boundary(int bits) {
        long lanes = bits == 8 ? 0x0101010101010101L : bits == 16 ? 0x0001000100010001L : bits == 32 ? 0x100000001L : 1;
        long value = (1L << bits - 1) + random.nextInt(-1, 2) & -1L >>> 64 - bits;
        return lanes * value;
    }

    /** A fraction of so many bits. */
    private long fraction(int bits) {
        long all = (1L << bits) - 1;
        return switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> all;
            case 2 -> 1L << random.nextInt(bits);
            case 3 -> all & -1L << random.nextInt(bits);
            default -> random.nextLong() & all;
        };
    }

    /** Biased exponent of a format with so large a bias. */
    private int exponent(int bias) {
        int all = 2 * bias + 1;
        return switch (random.nextInt(10)) {
            case 0 -> all;
            case 1 -> 0;
            case 2 -> random.nextInt(1, 3);
            case 3 -> all - random.nextInt(1, 3);
            case 4 -> random.nextInt(all + 1);
            case 5 -> bias + random.nextInt(66);
            default -> Math.clamp(bias + (long) exponent + random.nextInt(-3, 4), 0, all);
        };
    }

    private int sign() {
        return random.nextInt(2);
    }

    int binary32() {
        return sign() << 31 | exponent(127) << 23 | (int) fraction(23);
    }

    long binary64() {
        return (long) sign() << 63 | (long) exponent(1023) << 52 | fraction(52);
    }

    /** Sign and exponent of a double extended-precision value. */
    int extendedHigh() {
        return sign() << 15 | exponent(16383);
    }

    /** Significand of a double extended-precision value; rarely without its integer bit. */
    long extendedLow(int high) {
        boolean zero = (high & 0x7FFF) == 0;
        boolean integerBit = random.nextInt(20) == 0 ? sign() != 0 : !zero;
        return (integerBit ? Long.MIN_VALUE : 0) | fraction(63);
    }

    /** A word of a vector, of kind 0 to 3: binary64, a pair of binary32, integer, any. */
    long word(int kind) {
        return switch (kind) {
            case 0 -> binary64();
            case 1 -> binary32() & 0xFFFFFFFFL | (long) binary32() << 32;
            case 2 -> integer();
            default -> random.nextLong();
        };
    }
}
