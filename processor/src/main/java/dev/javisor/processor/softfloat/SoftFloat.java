package dev.javisor.processor.softfloat;

/**
 * A floating-point unit: operations work on the operands {@link #a} and {@link #b}, leave an unrounded result in {@link #r}, and
 * {@link #round} finishes it. Operations take numbers and infinities; what becomes of NaN operands differs between x87 and SSE and is
 * decided by the caller. Exceptions accumulate in {@link #flags}.
 */
public final class SoftFloat {
    /** Exceptions, at their places in the x87 status word and in MXCSR. */
    public static final int IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32;
    /** Rounding control, as encoded in the x87 control word and in MXCSR. */
    public static final int NEAREST = 0, DOWN = 1, UP = 2, TOWARD_ZERO = 3;

    public final Unpacked a = new Unpacked(), b = new Unpacked(), r = new Unpacked();
    public int rounding;
    /** Masked exceptions, at the places of their flags. */
    public int masked;
    /** A tiny result becomes zero when underflow is masked (MXCSR.FTZ). */
    public boolean flushToZero;

    public int flags;
    /** The last rounding made the magnitude larger (x87's C1). */
    public boolean roundedUp;

    /** r = a + b. */
    public void add() {
        addSigned(b.negative);
    }

    /** r = a - b. */
    public void subtract() {
        addSigned(!b.negative);
    }

    /** r = a + b, b with the given sign. Either operand may use its {@link Unpacked#extra} bits. */
    private void addSigned(boolean bNegative) {
        if (a.kind == Unpacked.INFINITY) {
            if (b.kind == Unpacked.INFINITY && a.negative != bNegative) {
                invalid();
            } else {
                r.setInfinity(a.negative);
            }
        } else if (b.kind == Unpacked.INFINITY) {
            r.setInfinity(bNegative);
        } else if (b.kind == Unpacked.ZERO) {
            if (a.kind == Unpacked.ZERO) {
                r.setZero(a.negative == bNegative ? bNegative : rounding == DOWN);
            } else {
                r.set(a);
            }
        } else if (a.kind == Unpacked.ZERO) {
            r.set(b);
            r.negative = bNegative;
        } else {
            boolean swap = a.exponent < b.exponent;
            Unpacked large = swap ? b : a;
            Unpacked small = swap ? a : b;
            boolean differ = a.negative != bNegative;
            addMagnitudes(large, small, swap ? bNegative : a.negative, differ);
        }
    }

    private void addMagnitudes(Unpacked large, Unpacked small, boolean negative, boolean subtract) {
        int shift = large.exponent - small.exponent;
        long hi = shiftRightHigh(small.significand, shift);
        long lo = shiftRightLow(small.significand, small.extra, shift);
        int exponent = large.exponent;
        if (!subtract) {
            long sumLo = large.extra + lo;
            long carry = Long.compareUnsigned(sumLo, lo) < 0 ? 1 : 0;
            long sumHi = large.significand + hi;
            boolean over = Long.compareUnsigned(sumHi, hi) < 0;
            sumHi += carry;
            over |= carry != 0 && sumHi == 0;
            if (over) {
                sumLo = sumLo >>> 1 | sumLo & 1 | sumHi << 63;
                sumHi = sumHi >>> 1 | 1L << 63;
                exponent++;
            }
            finite(negative, exponent, sumHi, sumLo);
            return;
        }
        long diffLo = large.extra - lo;
        long diffHi = large.significand - hi - (Long.compareUnsigned(large.extra, lo) < 0 ? 1 : 0);
        if (below(large.significand, large.extra, hi, lo)) {
            diffLo = -diffLo;
            diffHi = ~diffHi + (diffLo == 0 ? 1 : 0);
            negative = !negative;
        }
        if ((diffHi | diffLo) == 0) {
            r.setZero(rounding == DOWN);
        } else {
            normalize(negative, exponent, diffHi, diffLo);
        }
    }

    private static boolean below(long hi1, long lo1, long hi2, long lo2) {
        return hi1 == hi2 ? Long.compareUnsigned(lo1, lo2) < 0 : Long.compareUnsigned(hi1, hi2) < 0;
    }

    /** r = a * b, exact. */
    public void multiply() {
        boolean negative = a.negative != b.negative;
        if (a.kind == Unpacked.FINITE && b.kind == Unpacked.FINITE) {
            long high = Math.unsignedMultiplyHigh(a.significand, b.significand);
            normalize(negative, a.exponent + b.exponent + 1, high, a.significand * b.significand);
        } else if (a.kind == Unpacked.INFINITY ? b.kind == Unpacked.ZERO : a.kind == Unpacked.ZERO && b.kind == Unpacked.INFINITY) {
            invalid();
        } else if (a.kind == Unpacked.INFINITY || b.kind == Unpacked.INFINITY) {
            r.setInfinity(negative);
        } else {
            r.setZero(negative);
        }
    }

    /** r = a / b. */
    public void divide() {
        boolean negative = a.negative != b.negative;
        if (a.kind == Unpacked.FINITE && b.kind == Unpacked.FINITE) {
            boolean less = Long.compareUnsigned(a.significand, b.significand) < 0;
            long hi = less ? a.significand : a.significand >>> 1;
            long lo = less ? 0 : a.significand << 63;
            long d = b.significand;
            long q = divide128(hi, lo, d);
            long remainder = lo - q * d;
            long half = Long.compareUnsigned(remainder, d - remainder) >= 0 ? 1L << 63 : 0;
            long rest = half != 0 ? remainder - (d - remainder) : remainder;
            finite(negative, a.exponent - b.exponent - (less ? 1 : 0), q, half | (rest != 0 ? 1 : 0));
        } else if (a.kind == b.kind) {
            invalid();
        } else if (a.kind == Unpacked.INFINITY) {
            r.setInfinity(negative);
        } else if (b.kind == Unpacked.ZERO) {
            flags |= ZE;
            r.setInfinity(negative);
        } else {
            r.setZero(negative);
        }
    }

    /** r = square root of a. */
    public void squareRoot() {
        if (a.kind == Unpacked.ZERO) {
            r.setZero(a.negative);
        } else if (a.negative) {
            invalid();
        } else if (a.kind == Unpacked.INFINITY) {
            r.setInfinity(false);
        } else {
            boolean odd = (a.exponent & 1) != 0;
            long hi = odd ? a.significand : a.significand >>> 1;
            long lo = odd ? 0 : a.significand << 63;
            long root = root128(hi, lo);
            // The remainder takes up to 65 bits; root is at most 64.
            long restHi = hi - Math.unsignedMultiplyHigh(root, root) - (Long.compareUnsigned(lo, root * root) < 0 ? 1 : 0);
            long rest = lo - root * root;
            boolean upperHalf = restHi != 0 || Long.compareUnsigned(rest, root) > 0;
            finite(false, a.exponent >> 1, root, (upperHalf ? 1L << 63 : 0) | ((rest | restHi) != 0 ? 1 : 0));
        }
    }

    /** Quotient of hi:lo by d, both unsigned, hi below d ("multiple-precision division" with 32-bit digits). */
    public static long divide128(long hi, long lo, long d) {
        int shift = Long.numberOfLeadingZeros(d);
        if (shift != 0) {
            d <<= shift;
            hi = hi << shift | lo >>> 64 - shift;
            lo <<= shift;
        }
        long q1 = digit(hi, lo >>> 32, d);
        long middle = (hi << 32 | lo >>> 32) - q1 * d;
        long q0 = digit(middle, lo & 0xFFFFFFFFL, d);
        return (q1 << 32) + q0;
    }

    /** One 32-bit digit of (high:next) / d. */
    private static long digit(long high, long next, long d) {
        long dHigh = d >>> 32;
        long q = Long.divideUnsigned(high, dHigh);
        long rest = high - q * dHigh;
        while (q >>> 32 != 0 || Long.compareUnsigned(q * (d & 0xFFFFFFFFL), rest << 32 | next) > 0) {
            q--;
            rest += dHigh;
            if (rest >>> 32 != 0) {
                break;
            }
        }
        return q;
    }

    /** Integer square root of hi:lo, which is at least 2^126: Newton's step on an estimate, then made exact. */
    public static long root128(long hi, long lo) {
        double estimate = Math.sqrt(((hi >>> 11) * 0x1p11 + (hi & 0x7FF)) * 0x1p64);
        long root = estimate >= 0x1p64 ? -1L : (long) (estimate * 0.5) << 1;
        long restHi = hi - Math.unsignedMultiplyHigh(root, root) - (Long.compareUnsigned(lo, root * root) < 0 ? 1 : 0);
        double rest = restHi * 0x1p64 + ((lo - root * root) >>> 1) * 2.0;
        long step = (long) Math.rint(rest / (2.0 * ((root >>> 1) * 2.0)));
        root = step > 0 && Long.compareUnsigned(root + step, root) < 0 ? -1L : root + step;
        while (below(hi, lo, Math.unsignedMultiplyHigh(root, root), root * root)) {
            root--;
        }
        while (root != -1L && !below(hi, lo, Math.unsignedMultiplyHigh(root + 1, root + 1), (root + 1) * (root + 1))) {
            root++;
        }
        return root;
    }

    /** Invalid operation: r is the indefinite value. */
    public void invalid() {
        flags |= IE;
        r.setIndefinite();
    }

    /** Order of a and b (not NaN): negative, zero or positive. */
    public int compare() {
        boolean aZero = a.kind == Unpacked.ZERO;
        boolean bZero = b.kind == Unpacked.ZERO;
        if (aZero || bZero) {
            return aZero ? bZero ? 0 : b.negative ? 1 : -1 : a.negative ? -1 : 1;
        }
        if (a.negative != b.negative) {
            return a.negative ? -1 : 1;
        }
        int order = a.kind != b.kind ? a.kind - b.kind
                : a.kind == Unpacked.INFINITY ? 0
                : a.exponent != b.exponent ? a.exponent - b.exponent : Long.compareUnsigned(a.significand, b.significand);
        return a.negative ? -order : order;
    }

    private void finite(boolean negative, int exponent, long hi, long lo) {
        r.kind = Unpacked.FINITE;
        r.negative = negative;
        r.exponent = exponent;
        r.significand = hi;
        r.extra = lo;
        r.denormal = false;
    }

    /** hi:lo is not zero. */
    private void normalize(boolean negative, int exponent, long hi, long lo) {
        if (hi == 0) {
            hi = lo;
            lo = 0;
            exponent -= 64;
        }
        int shift = Long.numberOfLeadingZeros(hi);
        if (shift != 0) {
            hi = hi << shift | lo >>> 64 - shift;
            lo <<= shift;
            exponent -= shift;
        }
        finite(negative, exponent, hi, lo);
    }

    private static long shiftRightHigh(long hi, int shift) {
        return shift >= 64 ? 0 : hi >>> shift;
    }

    /** Low half of hi:lo >> shift; what is shifted out stays as sticky bit 0. */
    private static long shiftRightLow(long hi, long lo, int shift) {
        if (shift == 0) {
            return lo;
        }
        if (shift < 64) {
            return hi << 64 - shift | lo >>> shift | (lo << 64 - shift != 0 ? 1 : 0);
        }
        if (shift == 64) {
            return hi | (lo != 0 ? 1 : 0);
        }
        if (shift < 128) {
            return hi >>> shift - 64 | ((hi << 128 - shift | lo) != 0 ? 1 : 0);
        }
        return (hi | lo) != 0 ? 1 : 0;
    }

    /** The discarded part of a positive or negative number calls for the next larger magnitude. */
    private boolean roundsUp(boolean negative, boolean odd, long half, boolean sticky) {
        return switch (rounding) {
            case NEAREST -> half != 0 && (sticky || odd);
            case DOWN -> negative && (half != 0 || sticky);
            case UP -> !negative && (half != 0 || sticky);
            default -> false;
        };
    }

    /**
     * Rounds {@link #r} to a format and raises overflow, underflow (tiny after rounding) and precision. Masked responses are delivered in
     * r; when overflow or underflow is unmasked, r has its exponent wrapped as the x87 delivers it.
     */
    public void round(FloatFormat format) {
        roundedUp = false;
        if (r.kind != Unpacked.FINITE) {
            return;
        }
        long hi = r.significand;
        long lo = r.extra;
        int exponent = r.exponent;
        boolean inexact = roundTo(format.precision);
        if (r.exponent > format.maxExponent) {
            overflow(format, inexact);
        } else if (r.exponent < format.minExponent) {
            underflow(format, hi, lo, exponent, inexact);
        } else if (inexact) {
            flags |= PE;
        }
    }

    /** Rounds r to a number of bits, the exponent being unbounded. */
    private boolean roundTo(int bits) {
        long hi = r.significand;
        long lo = r.extra;
        int cut = 64 - bits;
        long half;
        boolean sticky;
        if (cut == 0) {
            half = lo >>> 63;
            sticky = lo << 1 != 0;
        } else {
            half = hi >>> cut - 1 & 1;
            sticky = (hi & (1L << cut - 1) - 1 | lo) != 0;
            hi = hi >>> cut << cut;
        }
        roundedUp = roundsUp(r.negative, (hi >>> cut & 1) != 0, half, sticky);
        if (roundedUp) {
            hi += 1L << cut;
            if (hi == 0) {
                hi = 1L << 63;
                r.exponent++;
            }
        }
        r.significand = hi;
        r.extra = 0;
        return half != 0 || sticky;
    }

    private void overflow(FloatFormat format, boolean inexact) {
        flags |= OE;
        if ((masked & OE) == 0) {
            r.exponent -= format.wrap;
            flags |= inexact ? PE : 0;
            return;
        }
        flags |= PE;
        if (rounding == NEAREST || rounding == (r.negative ? DOWN : UP)) {
            roundedUp = true;
            r.setInfinity(r.negative);
        } else {
            roundedUp = false;
            r.exponent = format.maxExponent;
            r.significand = -1L << 64 - format.precision;
        }
    }

    private void underflow(FloatFormat format, long hi, long lo, int exponent, boolean inexact) {
        if ((masked & UE) == 0) {
            r.exponent += format.wrap;
            flags |= UE | (inexact ? PE : 0);
        } else if (flushToZero) {
            flags |= UE | PE;
            r.setZero(r.negative);
        } else {
            int shift = format.minExponent - exponent;
            r.exponent = format.minExponent;
            r.significand = shiftRightHigh(hi, shift);
            r.extra = shiftRightLow(hi, lo, shift);
            if (roundTo(format.precision)) {
                flags |= UE | PE;
            }
            if (r.significand == 0) {
                r.setZero(r.negative);
            }
        }
    }

    /** r = a as an integral number in the same format, by the given rounding control. Returns whether that was inexact. */
    public boolean roundToIntegral(int mode) {
        r.set(a);
        roundedUp = false;
        if (a.kind != Unpacked.FINITE || a.exponent >= 63) {
            return false;
        }
        int saved = rounding;
        rounding = mode;
        long integer = integerPart();
        rounding = saved;
        boolean inexact = inexactInteger();
        if (integer == 0) {
            r.setZero(a.negative);
        } else {
            r.setUnsigned(a.negative, integer);
        }
        return inexact;
    }

    /** Magnitude of finite a with exponent below 63, rounded to an integer. */
    private long integerPart() {
        int shift = 63 - a.exponent;
        long integer = shiftRightHigh(a.significand, shift);
        long fraction = shiftRightLow(a.significand, 0, shift);
        roundedUp = roundsUp(a.negative, (integer & 1) != 0, fraction >>> 63, fraction << 1 != 0);
        return integer + (roundedUp ? 1 : 0);
    }

    private boolean inexactInteger() {
        return a.exponent < 0 || a.significand << a.exponent + 1 != 0;
    }

    /**
     * a converted to a signed integer of 16, 32 or 64 bits, by the given rounding control. A NaN or a value out of range raises invalid
     * operation and gives the integer indefinite, the most negative value.
     */
    public long toInteger(int bits, int mode) {
        long indefinite = -1L << bits - 1;
        roundedUp = false;
        if (a.kind == Unpacked.ZERO) {
            return 0;
        }
        if (a.kind == Unpacked.FINITE && a.exponent < 63) {
            int saved = rounding;
            rounding = mode;
            long magnitude = integerPart();
            rounding = saved;
            // 2^63 appears as a negative number here.
            if (a.negative ? Long.compareUnsigned(magnitude, -indefinite) <= 0 : Long.compareUnsigned(magnitude, ~indefinite) <= 0) {
                flags |= inexactInteger() ? PE : 0;
                return a.negative ? -magnitude : magnitude;
            }
        } else if (a.kind == Unpacked.FINITE && bits == 64 && a.negative && a.exponent == 63 && a.significand << 1 == 0) {
            return indefinite;
        }
        roundedUp = false;
        flags |= IE;
        return indefinite;
    }
}
