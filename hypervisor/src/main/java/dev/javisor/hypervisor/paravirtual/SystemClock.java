package dev.javisor.hypervisor.paravirtual;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.core.TscScale;
import java.math.BigInteger;

/**
 * The clock of one VM, which every vcpu's page of time shows: nanoseconds that follow guest time, and the time of day at which they
 * began. All vcpus show the same line exactly, whenever their pages were written.
 */
public final class SystemClock {
    private static final long NANOSECONDS = 1_000_000_000L;
    /** A multiple of this many ticks is a whole number of nanoseconds. */
    private static final long STEP = Timeline.FREQUENCY / NANOSECONDS;
    /** Bits of the number that tells guests the nanoseconds of a tick. */
    private static final int MULTIPLIER_BITS = 32;

    private final Timeline timeline;
    private long offset;
    private long epoch;

    public SystemClock(Timeline timeline) {
        this.timeline = timeline;
    }

    /**
     * The moment at which a page shows the time, in ticks: the last one at which the clock showed a whole nanosecond. Where the counter is
     * scaled a guest computes with rounding errors, which are the same on all vcpus only when all begin at the same moment.
     */
    long reference(Cpu c) {
        return c.tscMultiplier == TscScale.ONE ? reference() : 0;
    }

    /** The time-stamp counter at a moment. */
    static long counter(Cpu c, long reference) {
        return TscScale.scale(reference, c.tscMultiplier) + c.tscOffset;
    }

    /**
     * Nanoseconds of a tick of the counter as a page tells them: a multiplier with as many bits as there is room for, and by how many bits
     * the ticks are shifted to the left before.
     */
    record Rate(long multiplier, int shift) {
        static Rate of(Cpu c) {
            BigInteger one = BigInteger.valueOf(NANOSECONDS).shiftLeft(MULTIPLIER_BITS + TscScale.PLACES);
            BigInteger exact = one.divide(BigInteger.valueOf(Timeline.FREQUENCY)).divide(BigInteger.valueOf(c.tscMultiplier));
            int shift = exact.bitLength() - MULTIPLIER_BITS;
            return new Rate((shift >= 0 ? exact.shiftRight(shift) : exact.shiftLeft(-shift)).longValue(), shift);
        }
    }

    /** The last moment at which the clock showed a whole nanosecond, in ticks. */
    long reference() {
        long now = timeline.now();
        return now - now % STEP;
    }

    /** What the clock shows at a {@link #reference}. */
    long nanoseconds(long reference) {
        return reference / STEP + offset;
    }

    /** What the clock shows, in nanoseconds. */
    public long nanoseconds() {
        return nanoseconds(reference());
    }

    /** Sets the clock. */
    public void set(long nanoseconds) {
        offset += nanoseconds - nanoseconds();
    }

    /** The time of day when guest time was 0. @param nanoseconds since 1970-01-01T00:00Z */
    public void setEpoch(long nanoseconds) {
        epoch = nanoseconds;
    }

    /** The time of day, in nanoseconds since 1970-01-01T00:00Z. */
    public long timeOfDay() {
        return timeOfDay(reference());
    }

    /** As {@link #timeOfDay()}, at a moment. */
    long timeOfDay(long reference) {
        return epoch + reference / STEP;
    }

    /** The time of day when the clock showed 0. */
    long timeOfDayAtZero() {
        return epoch - offset;
    }

    /** Ticks as nanoseconds, rounded down. */
    static long toNanoseconds(long ticks) {
        return ticks / STEP;
    }
}
