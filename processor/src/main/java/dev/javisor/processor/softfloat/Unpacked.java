package dev.javisor.processor.softfloat;

/** A floating-point number taken apart. Mutable, so that arithmetic does not allocate. */
public final class Unpacked {
    /** {@link #kind}; NaNs and unsupported operands compare greater than the others. */
    public static final int ZERO = 0, FINITE = 1, INFINITY = 2, QNAN = 3, SNAN = 4;
    /** Unnormals, pseudo-NaNs and pseudo-infinities of the extended format. */
    public static final int UNSUPPORTED = 5;

    private static final long INTEGER_BIT = 1L << 63, QUIET_BIT = 1L << 62;

    public int kind;
    public boolean negative;
    /** Unbiased exponent of bit 63 of the significand. */
    public int exponent;
    /**
     * FINITE: normalised, bit 63 set (after rounding to a denormal result: not normalised). NaN: left-aligned as in the extended format,
     * the quiet bit at 62.
     */
    public long significand;
    /** 64 bits below {@link #significand}; bit 0 also stands for everything below (sticky). Zero in operands. */
    public long extra;
    /** The operand was denormal (or pseudo-denormal). */
    public boolean denormal;

    public boolean isNan() {
        return kind >= QNAN;
    }

    public void set(Unpacked other) {
        kind = other.kind;
        negative = other.negative;
        exponent = other.exponent;
        significand = other.significand;
        extra = other.extra;
        denormal = other.denormal;
    }

    public void setZero(boolean negative) {
        set(ZERO, negative, 0, 0);
    }

    public void setInfinity(boolean negative) {
        set(INFINITY, negative, 0, INTEGER_BIT);
    }

    /** The QNaN floating-point indefinite. */
    public void setIndefinite() {
        set(QNAN, true, 0, INTEGER_BIT | QUIET_BIT);
    }

    /** A NaN operand becomes the quiet NaN of the same payload. */
    public void quiet() {
        kind = QNAN;
        significand |= QUIET_BIT;
    }

    private void set(int kind, boolean negative, int exponent, long significand) {
        this.kind = kind;
        this.negative = negative;
        this.exponent = exponent;
        this.significand = significand;
        extra = 0;
        denormal = false;
    }

    /** @param denormalsAreZeros a denormal is taken as a zero of its sign */
    public void setSingle(int bits, boolean denormalsAreZeros) {
        setInterchange(bits < 0, bits >>> 23 & 0xFF, 0xFF, (long) bits << 41 >>> 1, 127, denormalsAreZeros);
    }

    /** @param denormalsAreZeros a denormal is taken as a zero of its sign */
    public void setDouble(long bits, boolean denormalsAreZeros) {
        setInterchange(bits < 0, (int) (bits >>> 52) & 0x7FF, 0x7FF, bits << 12 >>> 1, 1023, denormalsAreZeros);
    }

    /** @param fraction left-aligned below bit 63 */
    private void setInterchange(boolean negative, int biased, int special, long fraction, int bias, boolean denormalsAreZeros) {
        if (biased == special) {
            set(fraction == 0 ? INFINITY : (fraction & QUIET_BIT) != 0 ? QNAN : SNAN, negative, 0, INTEGER_BIT | fraction);
        } else if (biased != 0) {
            set(FINITE, negative, biased - bias, INTEGER_BIT | fraction);
        } else if (fraction == 0 || denormalsAreZeros) {
            setZero(negative);
        } else {
            setDenormal(negative, 1 - bias, fraction);
        }
    }

    private void setDenormal(boolean negative, int exponent, long significand) {
        int shift = Long.numberOfLeadingZeros(significand);
        set(FINITE, negative, exponent - shift, significand << shift);
        denormal = true;
    }

    /** @param signExponent sign in bit 15, biased exponent below */
    public void setExtended(int signExponent, long significand) {
        boolean sign = (signExponent & 0x8000) != 0;
        int biased = signExponent & 0x7FFF;
        if (biased == 0) {
            if (significand == 0) {
                setZero(sign);
            } else {
                setDenormal(sign, -16382, significand);
            }
        } else if (significand >= 0) {
            set(UNSUPPORTED, sign, 0, significand);
        } else if (biased != 0x7FFF) {
            set(FINITE, sign, biased - 16383, significand);
        } else {
            set(significand << 1 == 0 ? INFINITY : (significand & QUIET_BIT) != 0 ? QNAN : SNAN, sign, 0, significand);
        }
    }

    public void setLong(long value) {
        if (value == 0) {
            setZero(false);
        } else {
            setUnsigned(value < 0, value < 0 ? -value : value);
        }
    }

    /** @param magnitude unsigned, not zero */
    public void setUnsigned(boolean negative, long magnitude) {
        int shift = Long.numberOfLeadingZeros(magnitude);
        set(FINITE, negative, 63 - shift, magnitude << shift);
    }

    /** Encodes a number that {@link SoftFloat#round} has rounded to {@link FloatFormat#SINGLE}, or a NaN, which is cut. */
    public int toSingle() {
        int sign = negative ? 0x80000000 : 0;
        return switch (kind) {
            case ZERO -> sign;
            case FINITE -> sign | biasedExponent(127) << 23 | (int) (significand << 1 >>> 41);
            default -> sign | 0x7F800000 | (int) (significand << 1 >>> 41);
        };
    }

    /** Encodes a number that {@link SoftFloat#round} has rounded to {@link FloatFormat#DOUBLE}, or a NaN, which is cut. */
    public long toDouble() {
        long sign = negative ? INTEGER_BIT : 0;
        return switch (kind) {
            case ZERO -> sign;
            case FINITE -> sign | (long) biasedExponent(1023) << 52 | significand << 1 >>> 12;
            default -> sign | 0x7FF0000000000000L | significand << 1 >>> 12;
        };
    }

    /** Sign and biased exponent of the extended format; {@link #significand} is the other half, except that of zero. */
    public int toSignExponent() {
        int sign = negative ? 0x8000 : 0;
        return switch (kind) {
            case ZERO -> sign;
            case FINITE -> sign | biasedExponent(16383);
            default -> sign | 0x7FFF;
        };
    }

    private int biasedExponent(int bias) {
        return significand < 0 ? exponent + bias : 0;
    }
}
