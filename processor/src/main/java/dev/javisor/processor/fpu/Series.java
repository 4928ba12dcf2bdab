package dev.javisor.processor.fpu;

import dev.javisor.processor.softfloat.Unpacked;
import java.math.BigInteger;

/** Elementary functions in fixed point with 256 fractional bits: far more than the 64 that a result keeps. */
final class Series {
    static final int BITS = 256;
    static final BigInteger ONE = BigInteger.ONE.shiftLeft(BITS);
    static final BigInteger PI = new BigInteger("3243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89", 16);
    static final BigInteger LN2 = new BigInteger("b17217f7d1cf79abc9e3b39803f2f6af40f343267298b62d8a0d175b8baafa2b", 16);
    /** The value of pi that argument reduction uses: 66 bits ("Approximation of Pi"). */
    static final BigInteger REDUCTION_PI = new BigInteger("C90FDAA22168C234C", 16).shiftLeft(BITS - 66);

    private Series() {}

    /** The magnitude of a finite number. */
    static BigInteger magnitude(Unpacked u) {
        BigInteger s = new BigInteger(1, bytes(u.significand));
        int shift = u.exponent - 63 + BITS;
        return shift >= 0 ? s.shiftLeft(shift) : s.shiftRight(-shift);
    }

    static BigInteger unsigned(long v) {
        return new BigInteger(1, bytes(v));
    }

    private static byte[] bytes(long v) {
        byte[] b = new byte[8];
        for (int i = 7; i >= 0; i--) {
            b[i] = (byte) v;
            v >>>= 8;
        }
        return b;
    }

    static BigInteger multiply(BigInteger a, BigInteger b) {
        return a.multiply(b).shiftRight(BITS);
    }

    static BigInteger divide(BigInteger a, BigInteger b) {
        return a.shiftLeft(BITS).divide(b);
    }

    /** Sine of |t| up to pi/4. */
    static BigInteger sine(BigInteger t) {
        return alternating(t, t, 1);
    }

    static BigInteger cosine(BigInteger t) {
        return alternating(ONE, t, 0);
    }

    private static BigInteger alternating(BigInteger first, BigInteger t, int n) {
        BigInteger square = multiply(t, t).negate();
        BigInteger term = first;
        BigInteger sum = first;
        for (long k = n; term.signum() != 0; k += 2) {
            term = multiply(term, square).divide(BigInteger.valueOf((k + 1) * (k + 2)));
            sum = sum.add(term);
            if (term.bitLength() <= 2) {
                break;
            }
        }
        return sum;
    }

    /** e^t - 1 for |t| below 1. */
    static BigInteger exponentialMinusOne(BigInteger t) {
        BigInteger term = t;
        BigInteger sum = t;
        for (long k = 2; term.bitLength() > 2; k++) {
            term = multiply(term, t).divide(BigInteger.valueOf(k));
            sum = sum.add(term);
        }
        return sum;
    }

    /** ln((1 + z) / (1 - z)). */
    static BigInteger logarithmOfRatio(BigInteger z) {
        BigInteger square = multiply(z, z);
        BigInteger power = z;
        BigInteger sum = z;
        for (long k = 3; power.bitLength() > 2; k += 2) {
            power = multiply(power, square);
            sum = sum.add(power.divide(BigInteger.valueOf(k)));
        }
        return sum.shiftLeft(1);
    }

    /** Arc tangent of z from 0 to 1. */
    static BigInteger arcTangent(BigInteger z) {
        int halvings = 3;
        for (int i = 0; i < halvings; i++) {
            BigInteger root = ONE.shiftLeft(BITS).add(z.multiply(z)).sqrt();
            z = divide(z, ONE.add(root));
        }
        BigInteger square = multiply(z, z).negate();
        BigInteger power = z;
        BigInteger sum = z;
        for (long k = 3; power.bitLength() > 2; k += 2) {
            power = multiply(power, square);
            sum = sum.add(power.divide(BigInteger.valueOf(k)));
        }
        return sum.shiftLeft(halvings);
    }

    /** u = value * 2^scale, inexact by nature. The value is not zero. */
    static void set(Unpacked u, BigInteger value, int scale) {
        u.kind = Unpacked.FINITE;
        u.denormal = false;
        u.negative = value.signum() < 0;
        BigInteger m = value.abs();
        int length = m.bitLength();
        u.exponent = length - 1 + scale;
        m = length >= 128 ? m.shiftRight(length - 128) : m.shiftLeft(128 - length);
        u.significand = m.shiftRight(64).longValue();
        u.extra = m.longValue() | 1;
    }

    /** Makes the magnitude of an exact number a little smaller, so that it rounds as the irrational number it stands for. */
    static void justBelow(Unpacked u) {
        u.extra = -1L;
        u.significand--;
        if (u.significand >= 0) {
            u.significand = -1L;
            u.exponent--;
        }
    }

    static void justAbove(Unpacked u) {
        u.extra |= 1;
    }
}
