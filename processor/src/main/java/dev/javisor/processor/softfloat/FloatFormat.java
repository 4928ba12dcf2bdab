package dev.javisor.processor.softfloat;

/** What a result is rounded to: bits of significand (the integer bit among them) and the range of exponents of normal numbers. */
public enum FloatFormat {
    SINGLE(24, 127),
    DOUBLE(53, 1023),
    EXTENDED(64, 16383),
    /** x87 register with precision control "double": its range stays that of the extended format. */
    EXTENDED_TO_DOUBLE(53, 16383),
    /** x87 register with precision control "single". */
    EXTENDED_TO_SINGLE(24, 16383);

    public final int precision;
    public final int minExponent, maxExponent;
    /** What is added to the exponent on unmasked underflow and taken off on unmasked overflow. */
    public final int wrap;

    FloatFormat(int precision, int maxExponent) {
        this.precision = precision;
        this.maxExponent = maxExponent;
        this.minExponent = 1 - maxExponent;
        this.wrap = 3 * (maxExponent + 1) / 2;
    }
}
