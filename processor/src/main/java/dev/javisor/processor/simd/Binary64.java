package dev.javisor.processor.simd;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.softfloat.FloatFormat;
import dev.javisor.processor.softfloat.SoftFloat;

/**
 * SSE operations on double-precision elements. Numbers whose result is normal are left to the host, everything else to the software unit.
 */
final class Binary64 {
    private static final long INFINITY = 0x7FF0000000000000L, MIN_NORMAL = 0x0010000000000000L;
    private static final long SIGN = 1L << 63, QUIET = 0x0008000000000000L;

    private Binary64() {}

    /** Zero or a normal number. */
    static boolean isOrdinary(long bits) {
        long magnitude = bits & ~SIGN;
        return magnitude >= MIN_NORMAL && magnitude < INFINITY || magnitude == 0;
    }

    /** A result that can have raised nothing but the precision exception. */
    static boolean isNormal(long bits) {
        long magnitude = bits & ~SIGN;
        return magnitude > MIN_NORMAL && magnitude < INFINITY;
    }

    static boolean isNan(long bits) {
        return (bits & ~SIGN) > INFINITY;
    }

    private static boolean isSignaling(long bits) {
        return isNan(bits) && (bits & QUIET) == 0;
    }

    static boolean isDenormal(long bits) {
        return (bits & INFINITY) == 0 && bits << 1 != 0;
    }

    private static double value(long bits) {
        return Double.longBitsToDouble(bits);
    }

    private static long finish(Cpu c, boolean exact, long bits) {
        if (!exact) {
            FloatUnit.inexact(c);
        }
        return bits;
    }

    private static long slow(Cpu c, long a, long b, int operation) {
        SoftFloat u = FloatUnit.unit(c);
        boolean daz = FloatUnit.denormalsAreZeros(c);
        u.a.setDouble(a, daz);
        u.b.setDouble(b, daz);
        FloatUnit.operate(u, operation);
        u.round(FloatFormat.DOUBLE);
        return u.r.toDouble();
    }

    static long add(Cpu c, long a, long b) {
        if (FloatUnit.isNearest(c) && isOrdinary(a) && isOrdinary(b)) {
            double x = value(a);
            double y = value(b);
            double r = x + y;
            long bits = Double.doubleToRawLongBits(r);
            if (isNormal(bits) || bits << 1 == 0) {
                return finish(c, !FloatUnit.needsExactness(c) || isExactSum(x, y, r), bits);
            }
        }
        return slow(c, a, b, FloatUnit.ADD);
    }

    static long subtract(Cpu c, long a, long b) {
        if (FloatUnit.isNearest(c) && isOrdinary(a) && isOrdinary(b)) {
            double x = value(a);
            double y = value(b);
            double r = x - y;
            long bits = Double.doubleToRawLongBits(r);
            if (isNormal(bits) || bits << 1 == 0) {
                return finish(c, !FloatUnit.needsExactness(c) || isExactSum(x, -y, r), bits);
            }
        }
        return slow(c, a, b, FloatUnit.SUBTRACT);
    }

    /** The rounding error of a sum is a number itself: it is zero when the sum is exact. */
    private static boolean isExactSum(double x, double y, double r) {
        double z = r - x;
        return x - (r - z) + (y - z) == 0;
    }

    static long multiply(Cpu c, long a, long b) {
        if (FloatUnit.isNearest(c) && isOrdinary(a) && isOrdinary(b)) {
            long bits = Double.doubleToRawLongBits(value(a) * value(b));
            if (a << 1 == 0 || b << 1 == 0) {
                return bits;
            }
            if (isNormal(bits)) {
                return finish(c, !FloatUnit.needsExactness(c) || isExactProduct(a, b), bits);
            }
        }
        return slow(c, a, b, FloatUnit.MULTIPLY);
    }

    private static long significand(long bits) {
        return bits & MIN_NORMAL - 1 | MIN_NORMAL;
    }

    /** Of normal numbers: the product of the significands ends with enough zeros to fit 53 bits. */
    private static boolean isExactProduct(long a, long b) {
        long x = significand(a);
        long y = significand(b);
        int excess = Math.multiplyHigh(x << 10, y << 10) >= 1L << 61 ? 53 : 52;
        return Long.numberOfTrailingZeros(x) + Long.numberOfTrailingZeros(y) >= excess;
    }

    static long divide(Cpu c, long a, long b) {
        if (FloatUnit.isNearest(c) && isOrdinary(a) && isOrdinary(b)) {
            double r = value(a) / value(b);
            long bits = Double.doubleToRawLongBits(r);
            if (a << 1 == 0 && b << 1 != 0) {
                return bits;
            }
            if (isNormal(bits)) {
                return finish(c, !FloatUnit.needsExactness(c) || r * value(b) == value(a) && isExactProduct(bits, b), bits);
            }
        }
        return slow(c, a, b, FloatUnit.DIVIDE);
    }

    /** Of b. */
    static long squareRoot(Cpu c, long a, long b) {
        if (FloatUnit.isNearest(c) && isOrdinary(b) && b > 0) {
            double r = Math.sqrt(value(b));
            long bits = Double.doubleToRawLongBits(r);
            return finish(c, !FloatUnit.needsExactness(c) || r * r == value(b) && isExactProduct(bits, bits), bits);
        }
        return slow(c, b, b, FloatUnit.SQUARE_ROOT);
    }

    /** An operand of a comparison: a denormal is a zero with DAZ. */
    private static long operand(Cpu c, long bits) {
        return isDenormal(bits) && FloatUnit.denormalsAreZeros(c) ? bits & SIGN : bits;
    }

    private static void noteDenormals(Cpu c, long a, long b) {
        if (isDenormal(a) || isDenormal(b)) {
            c.softFloat.flags |= SoftFloat.DE;
        }
    }

    static long min(Cpu c, long a, long b) {
        long x = operand(c, a);
        long y = operand(c, b);
        if (isNan(x) || isNan(y)) {
            c.softFloat.flags |= SoftFloat.IE;
            return y;
        }
        noteDenormals(c, x, y);
        return value(x) < value(y) ? x : y;
    }

    static long max(Cpu c, long a, long b) {
        long x = operand(c, a);
        long y = operand(c, b);
        if (isNan(x) || isNan(y)) {
            c.softFloat.flags |= SoftFloat.IE;
            return y;
        }
        noteDenormals(c, x, y);
        return value(x) > value(y) ? x : y;
    }

    /** -1, 0, 1 or {@link FloatUnit#UNORDERED}. */
    static int order(Cpu c, long a, long b, boolean signaling) {
        long x = operand(c, a);
        long y = operand(c, b);
        if (isNan(x) || isNan(y)) {
            if (signaling || isSignaling(x) || isSignaling(y)) {
                c.softFloat.flags |= SoftFloat.IE;
            }
            return FloatUnit.UNORDERED;
        }
        noteDenormals(c, x, y);
        return value(x) < value(y) ? -1 : value(x) > value(y) ? 1 : 0;
    }

    static long compare(Cpu c, long a, long b, int predicate) {
        return FloatUnit.satisfies(predicate, order(c, a, b, FloatUnit.isSignaling(predicate))) ? -1 : 0;
    }

    // ---- conversion ----

    static long fromInt(int value) {
        return Double.doubleToRawLongBits(value);
    }

    static long fromLong(Cpu c, long value) {
        double r = value;
        boolean exact = r < 0x1p63 && (long) r == value;
        if (exact || FloatUnit.isNearest(c)) {
            return finish(c, exact, Double.doubleToRawLongBits(r));
        }
        SoftFloat u = FloatUnit.unit(c);
        u.r.setLong(value);
        u.round(FloatFormat.DOUBLE);
        return u.r.toDouble();
    }

    static long fromSingle(Cpu c, int bits) {
        if (Binary32.isOrdinary(bits)) {
            return Double.doubleToRawLongBits(Float.intBitsToFloat(bits));
        }
        SoftFloat u = FloatUnit.unit(c);
        u.a.setSingle(bits, FloatUnit.denormalsAreZeros(c));
        Binary32.convert(u);
        u.round(FloatFormat.DOUBLE);
        return u.r.toDouble();
    }

    /** To an integer of 32 or 64 bits, by a rounding control; out of range gives the integer indefinite. */
    static long toInteger(Cpu c, long bits, int width, int rounding) {
        if (isOrdinary(bits)) {
            return FloatUnit.toInteger(c, value(bits), width, rounding);
        }
        SoftFloat u = c.softFloat;
        u.a.setDouble(bits, FloatUnit.denormalsAreZeros(c));
        return u.toInteger(width, rounding);
    }

    /** To an integral number; the control is that of {@link Binary32#round}. */
    static long round(Cpu c, long bits, int control) {
        if (isOrdinary(bits)) {
            return Double.doubleToRawLongBits(FloatUnit.round(c, value(bits), control));
        }
        SoftFloat u = FloatUnit.unit(c);
        u.a.setDouble(bits, FloatUnit.denormalsAreZeros(c));
        Binary32.roundToIntegral(c, u, control);
        u.round(FloatFormat.DOUBLE);
        return u.r.toDouble();
    }
}
