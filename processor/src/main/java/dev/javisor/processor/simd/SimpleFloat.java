package dev.javisor.processor.simd;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.softfloat.SoftFloat;

/**
 * Scalar and packed double-precision instructions on simple operands, between positions in {@link Cpu#vector}: SSE can be used, rounding is
 * to nearest, the precision flag is set already and its exception masked, operands are zeros or normal numbers, and results too. Then the
 * host's arithmetic is all there is to do. Each method does it, or changes nothing and returns false.
 */
public final class SimpleFloat {
    private static final int MODE = 0x7000 | SoftFloat.PE, USUAL_MODE = 0x1000 | SoftFloat.PE;

    private SimpleFloat() {}

    private static boolean isUsual(Cpu c) {
        return c.sseBlocked == 0 && (c.mxcsr & MODE) == USUAL_MODE;
    }

    private static double value(long bits) {
        return Double.longBitsToDouble(bits);
    }

    private static float value(int bits) {
        return Float.intBitsToFloat(bits);
    }

    private static long bits(double x) {
        return Double.doubleToRawLongBits(x);
    }

    private static int bits(float x) {
        return Float.floatToRawIntBits(x);
    }

    private static boolean set(Cpu c, int d, boolean simple, long low) {
        if (simple && isUsual(c)) {
            c.vector[d] = low;
            return true;
        }
        return false;
    }

    private static boolean set(Cpu c, int d, boolean simple, long low, long high) {
        if (simple && isUsual(c)) {
            c.vector[d] = low;
            c.vector[d + 1] = high;
            return true;
        }
        return false;
    }

    private static boolean set(Cpu c, int d, boolean simple, int low) {
        return set(c, d, simple, c.vector[d] & ~0xFFFFFFFFL | low & 0xFFFFFFFFL);
    }

    // ---- double precision ----

    private static boolean isSum(long a, long b, long r) {
        return Binary64.isOrdinary(a) && Binary64.isOrdinary(b) && (Binary64.isNormal(r) || r << 1 == 0);
    }

    private static boolean isProduct(long a, long b, long r) {
        return Binary64.isOrdinary(a) && Binary64.isOrdinary(b) && (Binary64.isNormal(r) || a << 1 == 0 || b << 1 == 0);
    }

    private static boolean isQuotient(long a, long b, long r) {
        return Binary64.isOrdinary(a) && Binary64.isOrdinary(b) && (Binary64.isNormal(r) || a << 1 == 0 && b << 1 != 0);
    }

    public static boolean addsd(Cpu c, int d, int s) {
        long a = c.vector[d];
        long b = c.vector[s];
        long r = bits(value(a) + value(b));
        return set(c, d, isSum(a, b, r), r);
    }

    public static boolean subsd(Cpu c, int d, int s) {
        long a = c.vector[d];
        long b = c.vector[s];
        long r = bits(value(a) - value(b));
        return set(c, d, isSum(a, b, r), r);
    }

    public static boolean mulsd(Cpu c, int d, int s) {
        long a = c.vector[d];
        long b = c.vector[s];
        long r = bits(value(a) * value(b));
        return set(c, d, isProduct(a, b, r), r);
    }

    public static boolean divsd(Cpu c, int d, int s) {
        long a = c.vector[d];
        long b = c.vector[s];
        long r = bits(value(a) / value(b));
        return set(c, d, isQuotient(a, b, r), r);
    }

    public static boolean sqrtsd(Cpu c, int d, int s) {
        long b = c.vector[s];
        return set(c, d, Binary64.isOrdinary(b) && b > 0, bits(Math.sqrt(value(b))));
    }

    public static boolean addpd(Cpu c, int d, int s) {
        long a = c.vector[d];
        long b = c.vector[s];
        long r = bits(value(a) + value(b));
        long a1 = c.vector[d + 1];
        long b1 = c.vector[s + 1];
        long r1 = bits(value(a1) + value(b1));
        return set(c, d, isSum(a, b, r) && isSum(a1, b1, r1), r, r1);
    }

    public static boolean subpd(Cpu c, int d, int s) {
        long a = c.vector[d];
        long b = c.vector[s];
        long r = bits(value(a) - value(b));
        long a1 = c.vector[d + 1];
        long b1 = c.vector[s + 1];
        long r1 = bits(value(a1) - value(b1));
        return set(c, d, isSum(a, b, r) && isSum(a1, b1, r1), r, r1);
    }

    public static boolean mulpd(Cpu c, int d, int s) {
        long a = c.vector[d];
        long b = c.vector[s];
        long r = bits(value(a) * value(b));
        long a1 = c.vector[d + 1];
        long b1 = c.vector[s + 1];
        long r1 = bits(value(a1) * value(b1));
        return set(c, d, isProduct(a, b, r) && isProduct(a1, b1, r1), r, r1);
    }

    public static boolean divpd(Cpu c, int d, int s) {
        long a = c.vector[d];
        long b = c.vector[s];
        long r = bits(value(a) / value(b));
        long a1 = c.vector[d + 1];
        long b1 = c.vector[s + 1];
        long r1 = bits(value(a1) / value(b1));
        return set(c, d, isQuotient(a, b, r) && isQuotient(a1, b1, r1), r, r1);
    }

    // ---- single precision ----

    public static boolean addss(Cpu c, int d, int s) {
        int a = (int) c.vector[d];
        int b = (int) c.vector[s];
        int r = bits(value(a) + value(b));
        return set(c, d, Binary32.isOrdinary(a) && Binary32.isOrdinary(b) && (Binary32.isNormal(r) || r << 1 == 0), r);
    }

    public static boolean subss(Cpu c, int d, int s) {
        int a = (int) c.vector[d];
        int b = (int) c.vector[s];
        int r = bits(value(a) - value(b));
        return set(c, d, Binary32.isOrdinary(a) && Binary32.isOrdinary(b) && (Binary32.isNormal(r) || r << 1 == 0), r);
    }

    public static boolean mulss(Cpu c, int d, int s) {
        int a = (int) c.vector[d];
        int b = (int) c.vector[s];
        int r = bits(value(a) * value(b));
        return set(c, d, Binary32.isOrdinary(a) && Binary32.isOrdinary(b) && (Binary32.isNormal(r) || a << 1 == 0 || b << 1 == 0), r);
    }

    public static boolean divss(Cpu c, int d, int s) {
        int a = (int) c.vector[d];
        int b = (int) c.vector[s];
        int r = bits(value(a) / value(b));
        return set(c, d, Binary32.isOrdinary(a) && Binary32.isOrdinary(b) && (Binary32.isNormal(r) || a << 1 == 0 && b << 1 != 0), r);
    }

    // ---- conversions and comparisons ----

    public static boolean cvtsd2ss(Cpu c, int d, int s) {
        long b = c.vector[s];
        int r = bits((float) value(b));
        return set(c, d, Binary64.isOrdinary(b) && (Binary32.isNormal(r) || b << 1 == 0), r);
    }

    public static boolean cvtss2sd(Cpu c, int d, int s) {
        int b = (int) c.vector[s];
        return set(c, d, Binary32.isOrdinary(b), bits((double) value(b)));
    }

    /** COMISD and UCOMISD. */
    public static boolean comisd(Cpu c, int d, int s) {
        long a = c.vector[d];
        long b = c.vector[s];
        if (c.sseBlocked != 0 || !Binary64.isOrdinary(a) || !Binary64.isOrdinary(b)) {
            return false;
        }
        Flags.setArithmetic(c, value(a) > value(b) ? 0 : value(a) < value(b) ? Flags.CF : Flags.ZF);
        return true;
    }

    /** COMISS and UCOMISS. */
    public static boolean comiss(Cpu c, int d, int s) {
        int a = (int) c.vector[d];
        int b = (int) c.vector[s];
        if (c.sseBlocked != 0 || !Binary32.isOrdinary(a) || !Binary32.isOrdinary(b)) {
            return false;
        }
        Flags.setArithmetic(c, value(a) > value(b) ? 0 : value(a) < value(b) ? Flags.CF : Flags.ZF);
        return true;
    }
}
