package dev.javisor.processor.core;

import java.math.BigInteger;

/**
 * How many ticks a time-stamp counter counts in one tick of time: a multiplier with 48 binary places, as "TSC multiplier" in the VMCS.
 */
public final class TscScale {
    /** Binary places. */
    public static final int PLACES = 48;
    /** The counter counts time itself. */
    public static final long ONE = 1L << PLACES;

    private TscScale() {}

    /** The multiplier of a counter with {@code frequency}, where time has {@code base}; rounded down. */
    public static long multiplier(long frequency, long base) {
        return BigInteger.valueOf(frequency).shiftLeft(PLACES).divide(BigInteger.valueOf(base)).longValue();
    }

    /** The frequency that a {@link #multiplier} was made of. */
    public static long frequency(long multiplier, long base) {
        BigInteger scaled = new BigInteger(Long.toUnsignedString(multiplier)).multiply(BigInteger.valueOf(base));
        return scaled.add(BigInteger.ONE.shiftLeft(PLACES - 1)).shiftRight(PLACES).longValue();
    }

    /** What the counter counts in a time. */
    public static long scale(long ticks, long multiplier) {
        return multiplier == ONE
                ? ticks
                : Math.unsignedMultiplyHigh(ticks, multiplier) << Long.SIZE - PLACES | ticks * multiplier >>> PLACES;
    }

    /** The time in which the counter counts so much, rounded down; at most {@link Long#MAX_VALUE}. */
    public static long unscale(long counts, long multiplier) {
        if (multiplier == ONE) {
            return counts < 0 ? Long.MAX_VALUE : counts;
        }
        return divide(counts, multiplier, BigInteger.ZERO);
    }

    /** The first time at which the counter, which began with 0, has counted so much; at most {@link Long#MAX_VALUE}. */
    public static long firstTime(long counts, long multiplier) {
        BigInteger up = new BigInteger(Long.toUnsignedString(multiplier)).subtract(BigInteger.ONE);
        return divide(counts, multiplier, up);
    }

    private static long divide(long counts, long multiplier, BigInteger round) {
        BigInteger n = new BigInteger(Long.toUnsignedString(counts)).shiftLeft(PLACES).add(round);
        BigInteger q = n.divide(new BigInteger(Long.toUnsignedString(multiplier)));
        return q.bitLength() >= Long.SIZE ? Long.MAX_VALUE : q.longValue();
    }
}
