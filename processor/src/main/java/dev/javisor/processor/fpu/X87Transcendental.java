package dev.javisor.processor.fpu;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.X87State;
import dev.javisor.processor.softfloat.FloatFormat;
import dev.javisor.processor.softfloat.SoftFloat;
import dev.javisor.processor.softfloat.Unpacked;
import java.math.BigInteger;

/** Transcendental functions, rounded from far more bits than are kept. */
final class X87Transcendental {
    private static final int SIN = 0, COS = 1, TAN = 2, SINCOS = 3;
    /** Below this exponent the first term of a series decides every bit of the result. */
    private static final int TINY = -66;

    private X87Transcendental() {}

    static void f2xm1(Cpu c, Op o) {
        X87.begin(c);
        SoftFloat u = X87.unit(c);
        if (!X87Arithmetic.operand(c, o, u)) {
            return;
        }
        Unpacked a = u.a;
        Unpacked r = u.r;
        if (a.kind == Unpacked.INFINITY) {
            if (a.negative) {
                r.setLong(-1);
            } else {
                r.setInfinity(false);
            }
        } else if (a.kind == Unpacked.ZERO) {
            r.set(a);
        } else {
            u.flags |= a.denormal ? SoftFloat.DE : 0;
            if (a.exponent >= 0) {
                outOfRange(a, r);
            } else if (a.exponent < TINY) {
                Series.set(r, signed(Series.unsigned(a.significand).multiply(Series.LN2), a.negative), a.exponent - 63 - Series.BITS);
            } else {
                BigInteger t = signed(Series.multiply(Series.magnitude(a), Series.LN2), a.negative);
                Series.set(r, Series.exponentialMinusOne(t), -Series.BITS);
            }
        }
        X87.finish(c.x87, u, 0, FloatFormat.EXTENDED);
    }

    /** 2^x - 1 is defined for -1 to 1; at the ends it is exact, and beyond them x stays as it is. */
    private static void outOfRange(Unpacked a, Unpacked r) {
        r.set(a);
        r.denormal = false;
        if (a.exponent == 0 && a.significand << 1 == 0 && a.negative) {
            r.exponent = -1;
        }
    }

    private static BigInteger signed(BigInteger magnitude, boolean negative) {
        return negative ? magnitude.negate() : magnitude;
    }

    /** Operands ST(0) = x (as b) and ST(1) = y (as a); the result replaces ST(1) and ST(0) is popped. */
    private static boolean pair(Cpu c, Op o, SoftFloat u) {
        X87.begin(c);
        X87State f = c.x87;
        X87.record(c, o);
        if (X87.isEmpty(f, 0) || X87.isEmpty(f, 1)) {
            if (!X87.underflow(f)) {
                X87.put(f, 1, X87.INDEFINITE_SIGN_EXPONENT, X87.INDEFINITE);
                X87.pop(f);
            }
            return false;
        }
        X87.get(f, 1, u.a);
        X87.get(f, 0, u.b);
        if (u.a.kind >= Unpacked.QNAN || u.b.kind >= Unpacked.QNAN) {
            X87.propagate(u);
            finishPair(c, u);
            return false;
        }
        return true;
    }

    private static void finishPair(Cpu c, SoftFloat u) {
        if (X87.finish(c.x87, u, 1, FloatFormat.EXTENDED)) {
            X87.pop(c.x87);
        }
    }

    static void fyl2x(Cpu c, Op o) {
        SoftFloat u = X87.unit(c);
        if (!pair(c, o, u)) {
            return;
        }
        Unpacked y = u.a;
        Unpacked x = u.b;
        boolean denormal = x.denormal || y.denormal;
        if (x.kind == Unpacked.ZERO) {
            if (y.kind == Unpacked.ZERO) {
                u.invalid();
            } else {
                u.flags |= y.kind == Unpacked.FINITE ? SoftFloat.ZE : 0;
                u.r.setInfinity(!y.negative);
            }
        } else if (x.negative) {
            u.invalid();
        } else if (x.kind == Unpacked.INFINITY) {
            if (y.kind == Unpacked.ZERO) {
                u.invalid();
            } else {
                u.r.setInfinity(y.negative);
            }
        } else {
            logarithmTimes(u, x.significand << 1 == 0, x.exponent);
        }
        if (denormal && (u.flags & (SoftFloat.IE | SoftFloat.ZE)) == 0) {
            u.flags |= SoftFloat.DE;
        }
        finishPair(c, u);
    }

    /** r = y * log2(x) for finite positive x in b. */
    private static void logarithmTimes(SoftFloat u, boolean powerOfTwo, int exponent) {
        Unpacked y = u.a;
        if (powerOfTwo) {
            u.b.setLong(exponent);
            u.multiply();
            if (u.r.kind == Unpacked.FINITE) {
                // Processors take even an exact logarithm for a rounded one.
                u.flags |= SoftFloat.PE | (u.r.exponent < FloatFormat.EXTENDED.minExponent ? SoftFloat.UE : 0);
            }
            return;
        }
        boolean negative = exponent < 0 != y.negative;
        if (y.kind == Unpacked.INFINITY) {
            u.r.setInfinity(negative);
        } else if (y.kind == Unpacked.ZERO) {
            u.r.setZero(negative);
        } else {
            Unpacked m = u.b;
            int e = exponent;
            m.exponent = 0;
            if (Long.compareUnsigned(m.significand, 0xB504F333F9DE6484L) > 0) {
                m.exponent = -1;
                e++;
            }
            BigInteger v = Series.magnitude(m);
            BigInteger z = Series.divide(v.subtract(Series.ONE), v.add(Series.ONE));
            BigInteger log = Series.divide(Series.logarithmOfRatio(z), Series.LN2).add(BigInteger.valueOf(e).shiftLeft(Series.BITS));
            times(u, log, -Series.BITS);
        }
    }

    /** r = y * value * 2^scale. */
    private static void times(SoftFloat u, BigInteger value, int scale) {
        Unpacked y = u.a;
        Series.set(u.r, signed(value.multiply(Series.unsigned(y.significand)), y.negative), scale + y.exponent - 63);
    }

    static void fyl2xp1(Cpu c, Op o) {
        SoftFloat u = X87.unit(c);
        if (!pair(c, o, u)) {
            return;
        }
        Unpacked y = u.a;
        Unpacked x = u.b;
        boolean denormal = x.denormal || y.denormal;
        boolean minusOneOrLess = x.negative && (x.kind == Unpacked.INFINITY || x.kind == Unpacked.FINITE && x.exponent >= 0);
        if (minusOneOrLess) {
            u.invalid();
        } else if (x.kind == Unpacked.ZERO) {
            if (y.kind == Unpacked.INFINITY) {
                u.invalid();
            } else {
                u.r.setZero(x.negative != y.negative);
            }
        } else if (x.kind == Unpacked.INFINITY || y.kind == Unpacked.INFINITY) {
            if (y.kind == Unpacked.ZERO) {
                u.invalid();
            } else {
                u.r.setInfinity(x.negative != y.negative);
            }
        } else if (y.kind == Unpacked.ZERO) {
            u.r.setZero(x.negative != y.negative);
        } else if (x.exponent < TINY) {
            BigInteger log = Series.divide(Series.unsigned(x.significand).shiftLeft(Series.BITS - 63), Series.LN2);
            times(u, signed(log, x.negative), x.exponent - Series.BITS);
        } else {
            times(u, logarithmOfOnePlus(x), -Series.BITS);
        }
        if (denormal && (u.flags & SoftFloat.IE) == 0) {
            u.flags |= SoftFloat.DE;
        }
        finishPair(c, u);
    }

    /** log2(1 + x) in fixed point, for any x above -1 with an exponent from {@link #TINY}. */
    private static BigInteger logarithmOfOnePlus(Unpacked x) {
        if (x.exponent < -1) {
            BigInteger v = signed(Series.magnitude(x), x.negative);
            return Series.divide(Series.logarithmOfRatio(Series.divide(v, v.add(Series.ONE.shiftLeft(1)))), Series.LN2);
        }
        // Beyond the operands that the manuals define: 1 + x = m * 2^e with m from 1 to 2; to a huge x the 1 adds nothing.
        boolean huge = x.exponent > Series.BITS / 2;
        int e = huge ? x.exponent : 0;
        x.exponent -= e;
        BigInteger sum = signed(Series.magnitude(x), x.negative).add(huge ? BigInteger.ZERO : Series.ONE);
        int shift = sum.bitLength() - 1 - Series.BITS;
        BigInteger m = sum.shiftRight(shift);
        BigInteger z = Series.divide(m.subtract(Series.ONE), m.add(Series.ONE));
        return Series.divide(Series.logarithmOfRatio(z), Series.LN2).add(BigInteger.valueOf(e + shift).shiftLeft(Series.BITS));
    }

    static void fpatan(Cpu c, Op o) {
        SoftFloat u = X87.unit(c);
        if (!pair(c, o, u)) {
            return;
        }
        Unpacked y = u.a;
        Unpacked x = u.b;
        u.flags |= y.denormal || x.denormal ? SoftFloat.DE : 0;
        boolean negative = y.negative;
        if (y.kind == Unpacked.ZERO || x.kind == Unpacked.INFINITY && y.kind != Unpacked.INFINITY) {
            if (x.negative) {
                Series.set(u.r, Series.PI, -Series.BITS);
            } else {
                u.r.setZero(negative);
            }
        } else if (y.kind == Unpacked.INFINITY && x.kind == Unpacked.INFINITY) {
            Series.set(u.r, x.negative ? Series.PI.multiply(BigInteger.valueOf(3)) : Series.PI, -Series.BITS - 2);
        } else if (y.kind == Unpacked.INFINITY || x.kind == Unpacked.ZERO || y.exponent - x.exponent > 128) {
            Series.set(u.r, Series.PI, -Series.BITS - 1);
        } else if (y.exponent - x.exponent < -128) {
            if (x.negative) {
                Series.set(u.r, Series.PI, -Series.BITS);
            } else {
                u.divide();
                if (u.r.extra != 0) {
                    Series.justAbove(u.r);
                } else {
                    Series.justBelow(u.r);
                }
            }
        } else {
            angle(u, y, x);
        }
        u.r.negative = negative;
        finishPair(c, u);
    }

    /** r = angle of the point (|x| with its sign, |y|), both finite and comparable. */
    private static void angle(SoftFloat u, Unpacked y, Unpacked x) {
        int base = Math.min(y.exponent, x.exponent);
        BigInteger v = Series.unsigned(y.significand).shiftLeft(y.exponent - base);
        BigInteger h = Series.unsigned(x.significand).shiftLeft(x.exponent - base);
        boolean steep = v.compareTo(h) > 0;
        BigInteger angle = Series.arcTangent(steep ? Series.divide(h, v) : Series.divide(v, h));
        if (steep) {
            angle = Series.PI.shiftRight(1).subtract(angle);
        }
        if (x.negative) {
            angle = Series.PI.subtract(angle);
        }
        Series.set(u.r, angle, -Series.BITS);
    }

    static void fsin(Cpu c, Op o) {
        trigonometric(c, o, SIN);
    }

    static void fcos(Cpu c, Op o) {
        trigonometric(c, o, COS);
    }

    static void fptan(Cpu c, Op o) {
        trigonometric(c, o, TAN);
    }

    static void fsincos(Cpu c, Op o) {
        trigonometric(c, o, SINCOS);
    }

    private static void trigonometric(Cpu c, Op o, int function) {
        X87.begin(c);
        X87State f = c.x87;
        SoftFloat u = X87.unit(c);
        X87.record(c, o);
        f.status &= ~X87.C2;
        boolean pushes = function >= TAN;
        if (X87.isEmpty(f, 0) || pushes && !X87.isEmpty(f, 7)) {
            boolean stop = X87.isEmpty(f, 0) ? X87.underflow(f) : X87.overflow(f);
            if (!stop) {
                X87.put(f, 0, X87.INDEFINITE_SIGN_EXPONENT, X87.INDEFINITE);
                if (pushes) {
                    X87.push(f, X87.INDEFINITE_SIGN_EXPONENT, X87.INDEFINITE);
                }
            }
            return;
        }
        X87.get(f, 0, u.a);
        Unpacked a = u.a;
        if (a.kind == Unpacked.FINITE && a.exponent >= 63) {
            f.status |= X87.C2;
            return;
        }
        boolean special = a.kind >= Unpacked.INFINITY;
        if (a.kind == Unpacked.INFINITY) {
            u.invalid();
        } else if (special) {
            X87.propagateOne(u);
        } else {
            u.flags |= a.denormal ? SoftFloat.DE : 0;
            evaluate(u, function == SINCOS ? SIN : function);
        }
        int before = u.flags;
        if (!X87.finish(f, u, 0, FloatFormat.EXTENDED) || !pushes) {
            return;
        }
        if (special) {
            int p = X87.physical(f, 0);
            X87.push(f, f.signExponent[p], f.significand[p]);
        } else if (function == TAN) {
            X87.push(f, 16383, 1L << 63);
        } else {
            u.flags = before;
            u.roundedUp = false;
            evaluate(u, COS);
            u.round(FloatFormat.EXTENDED);
            X87.push(f, u.r);
            X87.raise(f, u.flags);
        }
    }

    /** r = function of finite a below 2^63. */
    private static void evaluate(SoftFloat u, int function) {
        Unpacked a = u.a;
        Unpacked r = u.r;
        if (a.kind == Unpacked.ZERO) {
            if (function == COS) {
                r.setLong(1);
            } else {
                r.setZero(a.negative);
            }
            return;
        }
        if (a.exponent < TINY) {
            r.set(a);
            r.denormal = false;
            if (function == COS) {
                r.setLong(1);
            }
            if (function == TAN) {
                Series.justAbove(r);
            } else {
                Series.justBelow(r);
            }
            return;
        }
        BigInteger x = Series.magnitude(a);
        BigInteger half = Series.REDUCTION_PI.shiftRight(1);
        BigInteger quadrant = x.shiftLeft(1).add(half).divide(Series.REDUCTION_PI);
        BigInteger t = x.subtract(quadrant.multiply(half));
        int q = quadrant.intValue() & 3;
        BigInteger sine = Series.sine(t);
        BigInteger cosine = Series.cosine(t);
        if (function == TAN) {
            BigInteger value = (q & 1) == 0 ? Series.divide(sine, cosine) : Series.divide(cosine, sine).negate();
            Series.set(r, signed(value, a.negative), -Series.BITS);
            return;
        }
        boolean useCosine = (q & 1) != 0 ^ function == COS;
        boolean flip = function == SIN ? q >= 2 : q == 1 || q == 2;
        BigInteger value = useCosine ? cosine : sine;
        Series.set(r, signed(value, flip != (function == SIN && a.negative)), -Series.BITS);
    }
}
