package dev.javisor.processor.fpu;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.X87State;
import dev.javisor.processor.softfloat.FloatFormat;
import dev.javisor.processor.softfloat.SoftFloat;
import dev.javisor.processor.softfloat.Unpacked;

/** Basic arithmetic: add, subtract, multiply, divide, square root, remainder, scale, extract, round. */
final class X87Arithmetic {
    /** Added to or taken from the exponent when an unmasked underflow or overflow delivers its result. */
    private static final int BIAS_ADJUST = 24576;

    static final int ADD = 0, MUL = 1, SUB = 2, SUBR = 3, DIV = 4, DIVR = 5;

    private X87Arithmetic() {}

    /** ST(0) = ST(0) op memory. */
    static Handler memory(int operation, int source) {
        return (c, o) -> {
            X87.begin(c);
            long value = X87Move.read(c, o, source);
            X87.record(c, o);
            X87State f = c.x87;
            if (X87.isEmpty(f, 0)) {
                underflow(f, 0, false);
                return;
            }
            SoftFloat u = X87.unit(c);
            X87Move.unpack(u.b, source, value);
            int p = X87.physical(f, 0);
            boolean done = u.b.kind == Unpacked.FINITE && !u.b.denormal && NormalNumbers.compute(
                    f, operation, p, f.signExponent[p], f.significand[p], u.b.toSignExponent(), u.b.significand);
            if (!done) {
                X87.get(f, 0, u.a);
                compute(c, u, operation, 0, false);
            }
        };
    }

    /** ST(0) = ST(0) op ST(i). */
    static Handler toTop(int operation) {
        return (c, o) -> registers(c, o, operation, 0, o.instruction.rm & 7, false);
    }

    /** ST(i) = ST(i) op ST(0). */
    static Handler fromTop(int operation, boolean pop) {
        return (c, o) -> registers(c, o, operation, o.instruction.rm & 7, 0, pop);
    }

    private static void registers(Cpu c, Op o, int operation, int target, int source, boolean pop) {
        X87.begin(c);
        X87.record(c, o);
        X87State f = c.x87;
        if (X87.isEmpty(f, target) || X87.isEmpty(f, source)) {
            underflow(f, target, pop);
            return;
        }
        int a = X87.physical(f, target);
        int b = X87.physical(f, source);
        if (NormalNumbers.compute(f, operation, a, f.signExponent[a], f.significand[a], f.signExponent[b], f.significand[b])) {
            if (pop) {
                X87.pop(f);
            }
            return;
        }
        SoftFloat u = X87.unit(c);
        X87.get(f, target, u.a);
        X87.get(f, source, u.b);
        compute(c, u, operation, target, pop);
    }

    private static void underflow(X87State f, int target, boolean pop) {
        if (!X87.underflow(f)) {
            X87.put(f, target, X87.INDEFINITE_SIGN_EXPONENT, X87.INDEFINITE);
            if (pop) {
                X87.pop(f);
            }
        }
    }

    private static void compute(Cpu c, SoftFloat u, int operation, int target, boolean pop) {
        FloatFormat format = X87.precision(c);
        if (u.a.kind >= Unpacked.QNAN || u.b.kind >= Unpacked.QNAN) {
            X87.propagate(u);
        } else {
            boolean denormal = u.a.denormal || u.b.denormal;
            switch (operation) {
                case ADD -> u.add();
                case MUL -> u.multiply();
                case SUB -> u.subtract();
                case DIV -> u.divide();
                default -> reversed(u, operation);
            }
            denormal(u, denormal);
        }
        if (X87.finish(c.x87, u, target, format) && pop) {
            X87.pop(c.x87);
        }
    }

    private static void reversed(SoftFloat u, int operation) {
        Unpacked t = u.r;
        t.set(u.a);
        u.a.set(u.b);
        u.b.set(t);
        if (operation == SUBR) {
            u.subtract();
        } else {
            u.divide();
        }
    }

    /** A denormal operand is reported unless the operation is invalid or divides by zero. */
    private static void denormal(SoftFloat u, boolean denormal) {
        if (denormal && (u.flags & (SoftFloat.IE | SoftFloat.ZE)) == 0) {
            u.flags |= SoftFloat.DE;
        }
    }

    /** Common start of operations on ST(0) alone; false when it is empty or NaN and everything is done. */
    static boolean operand(Cpu c, Op o, SoftFloat u) {
        X87State f = c.x87;
        X87.record(c, o);
        if (X87.isEmpty(f, 0)) {
            underflow(f, 0, false);
            return false;
        }
        X87.get(f, 0, u.a);
        if (u.a.kind >= Unpacked.QNAN) {
            X87.propagateOne(u);
            X87.finish(f, u, 0, FloatFormat.EXTENDED);
            return false;
        }
        return true;
    }

    /** Common start of operations on ST(0) and ST(1) with the result in ST(0); false when everything is done. */
    static boolean operands(Cpu c, Op o, SoftFloat u) {
        X87State f = c.x87;
        X87.record(c, o);
        if (X87.isEmpty(f, 0) || X87.isEmpty(f, 1)) {
            underflow(f, 0, false);
            return false;
        }
        X87.get(f, 0, u.a);
        X87.get(f, 1, u.b);
        if (u.a.kind >= Unpacked.QNAN || u.b.kind >= Unpacked.QNAN) {
            X87.propagate(u);
            X87.finish(f, u, 0, FloatFormat.EXTENDED);
            return false;
        }
        return true;
    }

    static void fsqrt(Cpu c, Op o) {
        X87.begin(c);
        X87State f = c.x87;
        if (!X87.isEmpty(f, 0) && NormalNumbers.isUsualRoot(f)) {
            X87.record(c, o);
            NormalNumbers.squareRoot(f);
            return;
        }
        SoftFloat u = X87.unit(c);
        if (operand(c, o, u)) {
            u.squareRoot();
            denormal(u, u.a.denormal);
            X87.finish(f, u, 0, X87.precision(c));
        }
    }

    static void frndint(Cpu c, Op o) {
        X87.begin(c);
        SoftFloat u = X87.unit(c);
        if (operand(c, o, u)) {
            boolean inexact = u.roundToIntegral(u.rounding);
            boolean up = u.roundedUp;
            u.flags |= (inexact ? SoftFloat.PE : 0) | (u.a.denormal ? SoftFloat.DE : 0);
            if (X87.finish(c.x87, u, 0, FloatFormat.EXTENDED) && up) {
                c.x87.status |= X87.C1;
            }
        }
    }

    static void fscale(Cpu c, Op o) {
        X87.begin(c);
        SoftFloat u = X87.unit(c);
        if (!operands(c, o, u)) {
            return;
        }
        Unpacked a = u.a;
        Unpacked b = u.b;
        if (b.kind == Unpacked.INFINITY) {
            if (a.kind == Unpacked.INFINITY ? b.negative : a.kind == Unpacked.ZERO && !b.negative) {
                u.invalid();
            } else if (b.negative) {
                u.r.setZero(a.negative);
            } else {
                u.r.setInfinity(a.negative);
            }
        } else {
            u.r.set(a);
            u.r.denormal = false;
            if (a.kind == Unpacked.FINITE && b.kind == Unpacked.FINITE && b.exponent >= 0) {
                int steps = b.exponent > 16 ? 0x20000 : (int) (b.significand >>> 63 - b.exponent);
                u.r.exponent += b.negative ? -steps : steps;
            }
        }
        denormal(u, a.denormal || b.denormal);
        boolean massive = u.r.kind == Unpacked.FINITE && Math.abs(u.r.exponent) > BIAS_ADJUST + 16383;
        if (massive && (u.flags & ~c.x87.control & X87.BEFORE) == 0
                && (u.r.exponent > 0 ? unmasked(c, SoftFloat.OE) : unmasked(c, SoftFloat.UE))) {
            scaleBeyond(c, u);
        } else {
            X87.finish(c.x87, u, 0, FloatFormat.EXTENDED);
        }
    }

    private static boolean unmasked(Cpu c, int exception) {
        return (c.x87.control & exception) == 0;
    }

    /** An unmasked overflow or underflow so large that no adjusted exponent can represent it gives infinity or zero. */
    private static void scaleBeyond(Cpu c, SoftFloat u) {
        boolean overflow = u.r.exponent > 0;
        if (overflow) {
            u.r.setInfinity(u.r.negative);
        } else {
            u.r.setZero(u.r.negative);
        }
        X87.put(c.x87, 0, u.r);
        X87.raise(c.x87, u.flags | SoftFloat.PE | (overflow ? SoftFloat.OE : SoftFloat.UE));
        c.x87.status |= overflow ? X87.C1 : 0;
    }

    static void fxtract(Cpu c, Op o) {
        X87.begin(c);
        X87State f = c.x87;
        SoftFloat u = X87.unit(c);
        X87.record(c, o);
        if (X87.isEmpty(f, 0) || !X87.isEmpty(f, 7)) {
            boolean stop = X87.isEmpty(f, 0) ? X87.underflow(f) : X87.overflow(f);
            if (!stop) {
                X87.put(f, 0, X87.INDEFINITE_SIGN_EXPONENT, X87.INDEFINITE);
                X87.push(f, X87.INDEFINITE_SIGN_EXPONENT, X87.INDEFINITE);
            }
            return;
        }
        X87.get(f, 0, u.a);
        Unpacked a = u.a;
        Unpacked significand = u.b;
        if (a.kind >= Unpacked.QNAN) {
            X87.propagateOne(u);
            significand.set(u.r);
        } else if (a.kind == Unpacked.ZERO) {
            u.flags |= SoftFloat.ZE;
            significand.set(a);
            u.r.setInfinity(true);
        } else if (a.kind == Unpacked.INFINITY) {
            significand.set(a);
            u.r.setInfinity(false);
        } else {
            u.flags |= a.denormal ? SoftFloat.DE : 0;
            u.r.setLong(a.exponent);
            significand.set(a);
            significand.exponent = 0;
        }
        if ((u.flags & ~f.control & X87.BEFORE) == 0) {
            X87.put(f, 0, u.r);
            X87.push(f, significand);
        }
        X87.raise(f, u.flags);
    }

    static void fprem(Cpu c, Op o) {
        remainder(c, o, false);
    }

    static void fprem1(Cpu c, Op o) {
        remainder(c, o, true);
    }

    private static void remainder(Cpu c, Op o, boolean nearest) {
        X87.begin(c);
        X87State f = c.x87;
        SoftFloat u = X87.unit(c);
        f.status &= ~X87.C2;
        if (!operands(c, o, u)) {
            return;
        }
        Unpacked a = u.a;
        Unpacked b = u.b;
        boolean denormal = a.denormal || b.denormal;
        int conditions = 0;
        if (a.kind == Unpacked.INFINITY || b.kind == Unpacked.ZERO) {
            u.invalid();
        } else if (a.kind == Unpacked.ZERO || b.kind == Unpacked.INFINITY) {
            u.r.set(a);
        } else {
            conditions = reduce(u, nearest);
        }
        denormal(u, denormal);
        u.r.denormal = false;
        boolean invalid = (u.flags & SoftFloat.IE) != 0;
        if (X87.finish(f, u, 0, FloatFormat.EXTENDED) && !invalid) {
            X87.condition(f, conditions);
        }
    }

    /** r = remainder of a by b, both finite; returns the condition codes. */
    private static int reduce(SoftFloat u, boolean nearest) {
        Unpacked a = u.a;
        Unpacked b = u.b;
        int distance = a.exponent - b.exponent;
        boolean negative = a.negative;
        if (distance < -1 || distance < 0 && !nearest) {
            u.r.set(a);
            return 0;
        }
        boolean partial = distance >= 64;
        int steps = partial ? distance & 0x1F | 0x20 : distance;
        int exponent = b.exponent + distance - steps;
        long d = b.significand;
        long rest = a.significand;
        long quotient = 0;
        boolean carry = false;
        for (int i = steps; i >= 0; i--) {
            if (carry || Long.compareUnsigned(rest, d) >= 0) {
                rest -= d;
                quotient |= 1;
            }
            if (i > 0) {
                carry = rest < 0;
                rest <<= 1;
                quotient <<= 1;
            }
        }
        if (distance == -1) {
            // a is below b: only the nearest multiple 0 or 1 is in question. In units of a's last bit, b is 2d.
            exponent = a.exponent;
            rest = a.significand;
            quotient = 0;
            if (Long.compareUnsigned(rest, d) > 0) {
                rest = d - rest + d;
                negative = !negative;
                quotient = 1;
            }
        } else if (nearest && !partial) {
            int order = Long.compareUnsigned(rest, d - rest);
            if (order > 0 || order == 0 && (quotient & 1) != 0) {
                rest = d - rest;
                negative = !negative;
                quotient++;
            }
        }
        if (rest == 0) {
            u.r.setZero(a.negative);
        } else {
            u.r.setUnsigned(negative, rest);
            u.r.exponent += exponent - 63;
        }
        if (partial) {
            return X87.C2;
        }
        return ((quotient & 4) != 0 ? X87.C0 : 0) | ((quotient & 2) != 0 ? X87.C3 : 0) | ((quotient & 1) != 0 ? X87.C1 : 0);
    }

    static void fchs(Cpu c, Op o) {
        sign(c, o, 0x8000, 0x8000);
    }

    static void fabs(Cpu c, Op o) {
        sign(c, o, 0, 0x8000);
    }

    private static void sign(Cpu c, Op o, int flip, int touch) {
        X87.begin(c);
        X87.record(c, o);
        X87State f = c.x87;
        if (X87.isEmpty(f, 0)) {
            underflow(f, 0, false);
            return;
        }
        int p = X87.physical(f, 0);
        int s = f.signExponent[p];
        f.signExponent[p] = flip != 0 ? s ^ touch : s & ~touch;
    }
}
