package dev.javisor.processor.fpu;

import dev.javisor.processor.core.X87State;
import dev.javisor.processor.softfloat.SoftFloat;

/**
 * The usual case of the basic operations: operands and result are normal numbers, all exceptions are masked, results are rounded to
 * nearest. Whatever is not usual is left, with nothing changed, to {@link SoftFloat}, which gives the same results.
 */
final class NormalNumbers {
    private static final int SIGN = 0x8000, EXPONENT = 0x7FFF, BIAS = 16383, LARGEST = 0x7FFE;
    /** Rounding control and exception masks; what they are in the usual case. */
    private static final int MODE = 0xC3F, USUAL = 0x3F;

    private static final int DOUBLE_BIAS = 1023, DOUBLE_LARGEST = 0x7FE, DOUBLE_CUT = 11;
    private static final long INTEGER_BIT = 1L << 63;

    private NormalNumbers() {}

    static boolean isUsual(X87State f) {
        return (f.control & MODE) == USUAL;
    }

    private static boolean isNormal(int signExponent, long significand) {
        return significand < 0 && (signExponent & EXPONENT) - 1 >>> 1 < LARGEST >> 1;
    }

    /** Bits of a significand that precision control takes away. */
    private static int cut(X87State f) {
        return switch (f.control >> 8 & 3) {
            case 0 -> 40;
            case 2 -> DOUBLE_CUT;
            default -> 0;
        };
    }

    /**
     * Physical register {@code p} = a operation b.
     *
     * @return false when that is no usual case
     */
    static boolean compute(X87State f, int operation, int p, int aSign, long a, int bSign, long b) {
        if (!isUsual(f) || !isNormal(aSign, a) || !isNormal(bSign, b)) {
            return false;
        }
        return switch (operation) {
            case X87Arithmetic.ADD -> add(f, p, aSign, a, bSign, b);
            case X87Arithmetic.SUB -> add(f, p, aSign, a, bSign ^ SIGN, b);
            case X87Arithmetic.SUBR -> add(f, p, bSign, b, aSign ^ SIGN, a);
            case X87Arithmetic.MUL -> multiply(f, p, aSign, a, bSign, b);
            case X87Arithmetic.DIV -> divide(f, p, aSign, a, bSign, b);
            default -> divide(f, p, bSign, b, aSign, a);
        };
    }

    private static boolean add(X87State f, int p, int aSign, long a, int bSign, long b) {
        int distance = (aSign & EXPONENT) - (bSign & EXPONENT);
        return distance > 0 || distance == 0 && Long.compareUnsigned(a, b) >= 0
                ? addSmaller(f, p, aSign, a, bSign, b, distance) : addSmaller(f, p, bSign, b, aSign, a, -distance);
    }

    /** The magnitude of b is not above that of a. */
    private static boolean addSmaller(X87State f, int p, int aSign, long a, int bSign, long b, int distance) {
        int exponent = aSign & EXPONENT;
        long hi = distance < 64 ? b >>> distance : 0;
        long lo = below(b, distance);
        if (((aSign ^ bSign) & SIGN) == 0) {
            long sum = a + hi;
            if (Long.compareUnsigned(sum, a) < 0) {
                lo = lo >>> 1 | lo & 1 | sum << 63;
                sum = sum >>> 1 | INTEGER_BIT;
                exponent++;
            }
            return finish(f, p, aSign & SIGN, exponent, sum, lo);
        }
        long difference = a - hi - (lo != 0 ? 1 : 0);
        lo = -lo;
        if (difference == 0) {
            return false;
        }
        int shift = Long.numberOfLeadingZeros(difference);
        if (shift != 0) {
            difference = difference << shift | lo >>> 64 - shift;
            lo <<= shift;
        }
        return finish(f, p, aSign & SIGN, exponent - shift, difference, lo);
    }

    /** 64 bits below b >>> distance; bit 0 also stands for everything below. */
    private static long below(long b, int distance) {
        if (distance <= 64) {
            return distance == 0 ? 0 : distance == 64 ? b : b << 64 - distance;
        }
        return distance < 128 ? b >>> distance - 64 | (b << 128 - distance != 0 ? 1 : 0) : 1;
    }

    private static boolean multiply(X87State f, int p, int aSign, long a, int bSign, long b) {
        long hi = Math.unsignedMultiplyHigh(a, b);
        long lo = a * b;
        int exponent = (aSign & EXPONENT) + (bSign & EXPONENT) - BIAS + 1;
        if (hi >= 0) {
            hi = hi << 1 | lo >>> 63;
            lo <<= 1;
            exponent--;
        }
        return finish(f, p, (aSign ^ bSign) & SIGN, exponent, hi, lo);
    }

    private static boolean divide(X87State f, int p, int aSign, long a, int bSign, long b) {
        boolean less = Long.compareUnsigned(a, b) < 0;
        long low = less ? 0 : a << 63;
        long quotient = SoftFloat.divide128(less ? a : a >>> 1, low, b);
        long rest = low - quotient * b;
        // twice the rest, compared with the divisor
        boolean upperHalf = Long.compareUnsigned(rest, b - rest) >= 0;
        boolean inHalf = upperHalf ? rest != b - rest : rest != 0;
        int exponent = (aSign & EXPONENT) - (bSign & EXPONENT) + BIAS - (less ? 1 : 0);
        return finish(f, p, (aSign ^ bSign) & SIGN, exponent, quotient, (upperHalf ? INTEGER_BIT : 0) | (inHalf ? 1 : 0));
    }

    /** The discarded part calls for the next larger magnitude. @param half first bit of it, @param rest zero when all others are */
    private static boolean roundsUp(boolean half, long rest, boolean odd) {
        return half && (rest != 0 || odd);
    }

    /** Rounds hi:lo, in which bit 63 of hi is set, to what precision control says, and stores it. */
    private static boolean finish(X87State f, int p, int sign, int exponent, long hi, long lo) {
        int cut = cut(f);
        boolean inexact;
        boolean up;
        if (cut == 0) {
            inexact = lo != 0;
            up = roundsUp(lo < 0, lo << 1, (hi & 1) != 0);
        } else {
            long rest = hi & (1L << cut) - 1;
            inexact = (rest | lo) != 0;
            up = roundsUp((rest >>> cut - 1) != 0, rest & (1L << cut - 1) - 1 | lo, (hi >>> cut & 1) != 0);
            hi -= rest;
        }
        if (up) {
            hi += 1L << cut;
        }
        if (hi == 0) {
            hi = INTEGER_BIT;
            exponent++;
        }
        // A result that would be tiny without rounding, or too large with it, is not usual.
        if (exponent > LARGEST || exponent - (up && hi == INTEGER_BIT ? 1 : 0) < 1) {
            return false;
        }
        f.signExponent[p] = sign | exponent;
        f.significand[p] = hi;
        f.status |= (inexact ? SoftFloat.PE : 0) | (up ? X87.C1 : 0);
        return true;
    }

    /** ST(0) is a positive normal number, whose square root is one too. */
    static boolean isUsualRoot(X87State f) {
        int p = X87.physical(f, 0);
        return isUsual(f) && isNormal(f.signExponent[p], f.significand[p]) && (f.signExponent[p] & SIGN) == 0;
    }

    /** ST(0) becomes its square root. */
    static void squareRoot(X87State f) {
        int p = X87.physical(f, 0);
        int exponent = f.signExponent[p];
        long a = f.significand[p];
        boolean odd = (exponent - BIAS & 1) != 0;
        long hi = odd ? a : a >>> 1;
        long lo = odd ? 0 : a << 63;
        long root = SoftFloat.root128(hi, lo);
        long restHigh = hi - Math.unsignedMultiplyHigh(root, root) - (Long.compareUnsigned(lo, root * root) < 0 ? 1 : 0);
        long rest = lo - root * root;
        boolean upperHalf = restHigh != 0 || Long.compareUnsigned(rest, root) > 0;
        long below = (upperHalf ? INTEGER_BIT : 0) | ((rest | restHigh) != 0 ? 1 : 0);
        finish(f, p, 0, (exponent - BIAS >> 1) + BIAS, root, below);
    }

    // ---- loads and stores ----

    /** Pushes a double-precision number. @return false when that is no usual case */
    static boolean push(X87State f, long bits) {
        int exponent = (int) (bits >>> 52) & 0x7FF;
        if (exponent - 1 >>> 1 >= DOUBLE_LARGEST >> 1) {
            return false;
        }
        X87.push(f, (int) (bits >>> 48) & SIGN | exponent + BIAS - DOUBLE_BIAS, INTEGER_BIT | bits << DOUBLE_CUT);
        return true;
    }

    /** The bits of ST(0) as a double-precision number, not rounded, are usual: what {@link #toDouble} gives is right. */
    static boolean isDouble(X87State f) {
        int p = X87.physical(f, 0);
        int exponent = (f.signExponent[p] & EXPONENT) - BIAS + DOUBLE_BIAS;
        return isUsual(f) && f.significand[p] < 0 && exponent >= 1 && exponent < DOUBLE_LARGEST;
    }

    private static boolean roundsUpToDouble(long significand) {
        long rest = significand & (1L << DOUBLE_CUT) - 1;
        return roundsUp(rest >>> DOUBLE_CUT - 1 != 0, rest & (1L << DOUBLE_CUT - 1) - 1, (significand >>> DOUBLE_CUT & 1) != 0);
    }

    /** ST(0) rounded to double precision. */
    static long toDouble(X87State f) {
        int p = X87.physical(f, 0);
        long sign = (long) (f.signExponent[p] & SIGN) << 48;
        long exponent = (f.signExponent[p] & EXPONENT) - BIAS + DOUBLE_BIAS;
        long s = f.significand[p];
        // a carry out of the fraction makes the exponent larger
        return sign | (exponent << 52) + (s << 1 >>> DOUBLE_CUT + 1) + (roundsUpToDouble(s) ? 1 : 0);
    }

    /** Exceptions, and C1, of that rounding. */
    static int doubleFlags(X87State f) {
        long s = f.significand[X87.physical(f, 0)];
        return (s << 64 - DOUBLE_CUT != 0 ? SoftFloat.PE : 0) | (roundsUpToDouble(s) ? X87.C1 : 0);
    }

    // ---- comparison ----

    /** Both are normal numbers. */
    static boolean areNormal(int aSign, long a, int bSign, long b) {
        return isNormal(aSign, a) && isNormal(bSign, b);
    }

    /** Order of two normal numbers: negative, zero or positive. */
    static int compare(int aSign, long a, int bSign, long b) {
        if (((aSign ^ bSign) & SIGN) != 0) {
            return (aSign & SIGN) != 0 ? -1 : 1;
        }
        int order = aSign != bSign ? Integer.compare(aSign, bSign) : Long.compareUnsigned(a, b);
        return (aSign & SIGN) != 0 ? -order : order;
    }
}
