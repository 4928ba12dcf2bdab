package dev.javisor.processor.simd;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.softfloat.SoftFloat;
import dev.javisor.processor.softfloat.Unpacked;

/**
 * What all SSE floating-point instructions share: the exceptions of an instruction are collected in {@link SoftFloat#flags} and take effect
 * together, when all elements are known; NaN operands; and operations on the software unit for what the host's arithmetic cannot do.
 */
final class FloatUnit {
    static final int ADD = 0, SUBTRACT = 1, MULTIPLY = 2, DIVIDE = 3, SQUARE_ROOT = 4;

    private static final int PRE_COMPUTATION = SoftFloat.IE | SoftFloat.DE | SoftFloat.ZE;
    private static final int ROUNDING_AND_PM = 0x7000, NEAREST_AND_MASKED = 0x1000;
    private static final int RC_SHIFT = 13, MASK_SHIFT = 7;

    private FloatUnit() {}

    /** An instruction begins: no exception yet. */
    static void begin(Cpu c) {
        c.softFloat.flags = 0;
    }

    /**
     * The exceptions of all elements take effect. An unmasked pre-computation exception keeps the others from being detected.
     *
     * @throws dev.javisor.processor.core.GuestFault #XM, or #UD while CR4.OSXMMEXCPT is clear
     */
    static void commit(Cpu c) {
        int flags = c.softFloat.flags;
        if (flags != 0) {
            int unmasked = flags & ~(c.mxcsr >>> MASK_SHIFT);
            if (unmasked != 0) {
                c.mxcsr |= (unmasked & PRE_COMPUTATION) != 0 ? flags & PRE_COMPUTATION : flags;
                throw c.fault((c.cr4 & Cr.OSXMMEXCPT) != 0 ? Event.XM : Event.UD);
            }
            c.mxcsr |= flags;
        }
    }

    /** Rounding control is "to nearest" and the precision exception is masked: the host's arithmetic can be used. */
    static boolean isNearest(Cpu c) {
        return (c.mxcsr & ROUNDING_AND_PM) == NEAREST_AND_MASKED;
    }

    /** The precision flag is clear, so that somebody must find out whether a result is exact. */
    static boolean needsExactness(Cpu c) {
        return (c.mxcsr & SoftFloat.PE) == 0;
    }

    static void inexact(Cpu c) {
        c.softFloat.flags |= SoftFloat.PE;
    }

    static int rounding(Cpu c) {
        return c.mxcsr >>> RC_SHIFT & 3;
    }

    static boolean denormalsAreZeros(Cpu c) {
        return (c.mxcsr & Mxcsr.DAZ) != 0;
    }

    /** A number of any size as an integral number, by a rounding control; zeros keep the sign. */
    static double integral(double x, int rounding) {
        return switch (rounding) {
            case SoftFloat.NEAREST -> Math.rint(x);
            case SoftFloat.DOWN -> Math.floor(x);
            case SoftFloat.UP -> Math.ceil(x);
            default -> x < 0 ? Math.ceil(x) : Math.floor(x);
        };
    }

    /** An ordinary number is converted to an integer, out of range included. */
    static long toInteger(Cpu c, double x, int width, int rounding) {
        double r = integral(x, rounding);
        double limit = width == 32 ? 0x1p31 : 0x1p63;
        if (r >= limit || r < -limit) {
            c.softFloat.flags |= SoftFloat.IE;
            return -1L << width - 1;
        }
        c.softFloat.flags |= r == x ? 0 : SoftFloat.PE;
        return (long) r;
    }

    /** The rounding control that the immediate of ROUNDPS and the like selects. */
    static int selectedRounding(Cpu c, int control) {
        return (control & 4) != 0 ? rounding(c) : control & 3;
    }

    /** As {@link #integral}, with the precision exception unless bit 3 of the control suppresses it. */
    static double round(Cpu c, double x, int control) {
        double r = integral(x, selectedRounding(c, control));
        if (r != x && (control & 8) == 0) {
            inexact(c);
        }
        return r;
    }

    /** The software unit, working as MXCSR says. */
    static SoftFloat unit(Cpu c) {
        SoftFloat u = c.softFloat;
        u.rounding = rounding(c);
        u.masked = c.mxcsr >>> MASK_SHIFT;
        u.flushToZero = (c.mxcsr & Mxcsr.FTZ) != 0;
        return u;
    }

    /** An operation of one element on operands a and b of the unit; the result, not yet rounded, is in r. */
    static void operate(SoftFloat u, int operation) {
        if (operation == SQUARE_ROOT) {
            u.b.set(u.a);
        }
        if (propagateNan(u)) {
            return;
        }
        boolean denormal = u.a.denormal || u.b.denormal;
        int earlier = u.flags;
        u.flags = 0;
        switch (operation) {
            case ADD -> u.add();
            case SUBTRACT -> u.subtract();
            case MULTIPLY -> u.multiply();
            case DIVIDE -> u.divide();
            default -> u.squareRoot();
        }
        if (denormal && (u.flags & (SoftFloat.IE | SoftFloat.ZE)) == 0) {
            u.flags |= SoftFloat.DE;
        }
        u.flags |= earlier;
    }

    /** A NaN operand decides the result: the first of them, made quiet. A signaling one is an invalid operation. */
    static boolean propagateNan(SoftFloat u) {
        if (!u.a.isNan() && !u.b.isNan()) {
            return false;
        }
        if (u.a.kind == Unpacked.SNAN || u.b.kind == Unpacked.SNAN) {
            u.flags |= SoftFloat.IE;
        }
        u.r.set(u.a.isNan() ? u.a : u.b);
        u.r.quiet();
        return true;
    }

    /** Comparison predicates of CMPPS and the like, bits 2:0 of the immediate: is it satisfied by an order (2: unordered)? */
    static boolean satisfies(int predicate, int order) {
        boolean holds = switch (predicate & 3) {
            case 0 -> order == 0;
            case 1 -> order < 0;
            case 2 -> order <= 0;
            default -> order == UNORDERED;
        };
        return holds ^ (predicate & 4) != 0;
    }

    static final int UNORDERED = 2;

    /** LT, LE and their negations signal for quiet NaNs too. */
    static boolean isSignaling(int predicate) {
        int p = predicate & 3;
        return p == 1 || p == 2;
    }
}
