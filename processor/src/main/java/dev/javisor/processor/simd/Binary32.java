package dev.javisor.processor.simd;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.softfloat.FloatFormat;
import dev.javisor.processor.softfloat.SoftFloat;

/**
 * SSE operations on single-precision elements. Numbers whose result is normal are left to the host, everything else to the software unit.
 */
final class Binary32 {
    private static final int INFINITY = 0x7F800000, MIN_NORMAL = 0x00800000, SIGN = 0x80000000, QUIET = 0x00400000;

    private Binary32() {}

    /** Zero or a normal number. */
    static boolean isOrdinary(int bits) {
        int magnitude = bits & ~SIGN;
        return magnitude >= MIN_NORMAL && magnitude < INFINITY || magnitude == 0;
    }

    /** A result that can have raised nothing but the precision exception. */
    static boolean isNormal(int bits) {
        int magnitude = bits & ~SIGN;
        return magnitude > MIN_NORMAL && magnitude < INFINITY;
    }

    static boolean isNan(int bits) {
        return (bits & ~SIGN) > INFINITY;
    }

    private static boolean isSignaling(int bits) {
        return isNan(bits) && (bits & QUIET) == 0;
    }

    static boolean isDenormal(int bits) {
        return (bits & INFINITY) == 0 && bits << 1 != 0;
    }

    private static float value(int bits) {
        return Float.intBitsToFloat(bits);
    }

    private static int finish(Cpu c, boolean exact, int bits) {
        if (!exact) {
            FloatUnit.inexact(c);
        }
        return bits;
    }

    private static int slow(Cpu c, int a, int b, int operation) {
        SoftFloat u = FloatUnit.unit(c);
        boolean daz = FloatUnit.denormalsAreZeros(c);
        u.a.setSingle(a, daz);
        u.b.setSingle(b, daz);
        FloatUnit.operate(u, operation);
        u.round(FloatFormat.SINGLE);
        return u.r.toSingle();
    }

    static int add(Cpu c, int a, int b) {
        if (FloatUnit.isNearest(c) && isOrdinary(a) && isOrdinary(b)) {
            float x = value(a);
            float y = value(b);
            float r = x + y;
            int bits = Float.floatToRawIntBits(r);
            if (isNormal(bits) || bits << 1 == 0) {
                return finish(c, !FloatUnit.needsExactness(c) || isExactSum(x, y, r), bits);
            }
        }
        return slow(c, a, b, FloatUnit.ADD);
    }

    static int subtract(Cpu c, int a, int b) {
        if (FloatUnit.isNearest(c) && isOrdinary(a) && isOrdinary(b)) {
            float x = value(a);
            float y = value(b);
            float r = x - y;
            int bits = Float.floatToRawIntBits(r);
            if (isNormal(bits) || bits << 1 == 0) {
                return finish(c, !FloatUnit.needsExactness(c) || isExactSum(x, -y, r), bits);
            }
        }
        return slow(c, a, b, FloatUnit.SUBTRACT);
    }

    /** The rounding error of a sum is a number itself: it is zero when the sum is exact. */
    private static boolean isExactSum(float x, float y, float r) {
        float z = r - x;
        return x - (r - z) + (y - z) == 0;
    }

    static int multiply(Cpu c, int a, int b) {
        if (FloatUnit.isNearest(c) && isOrdinary(a) && isOrdinary(b)) {
            float r = value(a) * value(b);
            int bits = Float.floatToRawIntBits(r);
            if (isNormal(bits) || a << 1 == 0 || b << 1 == 0) {
                return finish(c, !FloatUnit.needsExactness(c) || (double) value(a) * value(b) == r, bits);
            }
        }
        return slow(c, a, b, FloatUnit.MULTIPLY);
    }

    static int divide(Cpu c, int a, int b) {
        if (FloatUnit.isNearest(c) && isOrdinary(a) && isOrdinary(b)) {
            float r = value(a) / value(b);
            int bits = Float.floatToRawIntBits(r);
            if (isNormal(bits) || a << 1 == 0 && b << 1 != 0) {
                return finish(c, !FloatUnit.needsExactness(c) || (double) r * value(b) == value(a), bits);
            }
        }
        return slow(c, a, b, FloatUnit.DIVIDE);
    }

    /** Of b. */
    static int squareRoot(Cpu c, int a, int b) {
        if (FloatUnit.isNearest(c) && isOrdinary(b) && b > 0) {
            float r = (float) Math.sqrt(value(b));
            return finish(c, !FloatUnit.needsExactness(c) || (double) r * r == value(b), Float.floatToRawIntBits(r));
        }
        return slow(c, b, b, FloatUnit.SQUARE_ROOT);
    }

    /** An operand of a comparison: a denormal is a zero with DAZ. */
    private static int operand(Cpu c, int bits) {
        return isDenormal(bits) && FloatUnit.denormalsAreZeros(c) ? bits & SIGN : bits;
    }

    private static void noteDenormals(Cpu c, int a, int b) {
        if (isDenormal(a) || isDenormal(b)) {
            c.softFloat.flags |= SoftFloat.DE;
        }
    }

    static int min(Cpu c, int a, int b) {
        int x = operand(c, a);
        int y = operand(c, b);
        if (isNan(x) || isNan(y)) {
            c.softFloat.flags |= SoftFloat.IE;
            return y;
        }
        noteDenormals(c, x, y);
        return value(x) < value(y) ? x : y;
    }

    static int max(Cpu c, int a, int b) {
        int x = operand(c, a);
        int y = operand(c, b);
        if (isNan(x) || isNan(y)) {
            c.softFloat.flags |= SoftFloat.IE;
            return y;
        }
        noteDenormals(c, x, y);
        return value(x) > value(y) ? x : y;
    }

    /** -1, 0, 1 or {@link FloatUnit#UNORDERED}. */
    static int order(Cpu c, int a, int b, boolean signaling) {
        int x = operand(c, a);
        int y = operand(c, b);
        if (isNan(x) || isNan(y)) {
            if (signaling || isSignaling(x) || isSignaling(y)) {
                c.softFloat.flags |= SoftFloat.IE;
            }
            return FloatUnit.UNORDERED;
        }
        noteDenormals(c, x, y);
        return value(x) < value(y) ? -1 : value(x) > value(y) ? 1 : 0;
    }

    static int compare(Cpu c, int a, int b, int predicate) {
        return FloatUnit.satisfies(predicate, order(c, a, b, FloatUnit.isSignaling(predicate))) ? -1 : 0;
    }

    // ---- conversion ----

    static int fromLong(Cpu c, long value) {
        float r = value;
        boolean exact = r < 0x1p63f && (long) r == value;
        if (exact || FloatUnit.isNearest(c)) {
            return finish(c, exact, Float.floatToRawIntBits(r));
        }
        SoftFloat u = FloatUnit.unit(c);
        u.r.setLong(value);
        u.round(FloatFormat.SINGLE);
        return u.r.toSingle();
    }

    static int fromDouble(Cpu c, long bits) {
        if (FloatUnit.isNearest(c) && Binary64.isOrdinary(bits)) {
            double x = Double.longBitsToDouble(bits);
            int r = Float.floatToRawIntBits((float) x);
            if (isNormal(r) || x == 0) {
                return finish(c, !FloatUnit.needsExactness(c) || (float) x == x, r);
            }
        }
        SoftFloat u = FloatUnit.unit(c);
        u.a.setDouble(bits, FloatUnit.denormalsAreZeros(c));
        convert(u);
        u.round(FloatFormat.SINGLE);
        return u.r.toSingle();
    }

    /** r = a, for conversion to another format. */
    static void convert(SoftFloat u) {
        u.b.set(u.a);
        if (!FloatUnit.propagateNan(u)) {
            u.r.set(u.a);
            u.flags |= u.a.denormal ? SoftFloat.DE : 0;
        }
    }

    /** To an integer of 32 or 64 bits, by a rounding control; out of range gives the integer indefinite. */
    static long toInteger(Cpu c, int bits, int width, int rounding) {
        if (isOrdinary(bits)) {
            return FloatUnit.toInteger(c, value(bits), width, rounding);
        }
        SoftFloat u = c.softFloat;
        u.a.setSingle(bits, FloatUnit.denormalsAreZeros(c));
        return u.toInteger(width, rounding);
    }

    /**
     * To an integral number.
     *
     * @param control as in the immediate of ROUNDPS: 1:0 rounding control, 2 take it from MXCSR, 3 no precision exception
     */
    static int round(Cpu c, int bits, int control) {
        if (isOrdinary(bits)) {
            return Float.floatToRawIntBits((float) FloatUnit.round(c, value(bits), control));
        }
        SoftFloat u = FloatUnit.unit(c);
        u.a.setSingle(bits, FloatUnit.denormalsAreZeros(c));
        roundToIntegral(c, u, control);
        u.round(FloatFormat.SINGLE);
        return u.r.toSingle();
    }

    static void roundToIntegral(Cpu c, SoftFloat u, int control) {
        if (u.a.isNan()) {
            u.b.set(u.a);
            FloatUnit.propagateNan(u);
        } else if (u.roundToIntegral(FloatUnit.selectedRounding(c, control)) && (control & 8) == 0) {
            u.flags |= SoftFloat.PE;
        }
    }

    // ---- approximations: 12 bits, no exceptions ----

    /** Rounds to 12 bits of significand; a tiny result is zero. */
    private static int approximate(double x) {
        int bits = Float.floatToRawIntBits((float) x) + 0x800 & ~0xFFF;
        return (bits & INFINITY) == 0 ? bits & SIGN : bits;
    }

    static int reciprocal(Cpu c, int a, int b) {
        if (isNan(b)) {
            return b | QUIET;
        }
        return (b & INFINITY) == 0 ? b & SIGN | INFINITY : approximate(1.0 / value(b));
    }

    static int reciprocalSquareRoot(Cpu c, int a, int b) {
        if (isNan(b)) {
            return b | QUIET;
        }
        if ((b & INFINITY) == 0) {
            return b & SIGN | INFINITY;
        }
        return b < 0 ? SIGN | INFINITY | QUIET : approximate(1.0 / Math.sqrt(value(b)));
    }
}
