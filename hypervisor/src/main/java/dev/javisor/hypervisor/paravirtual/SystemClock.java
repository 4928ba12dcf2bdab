package dev.javisor.hypervisor.paravirtual;

import dev.javisor.processor.core.Timeline;

/**
 * The clock of one VM, which every vcpu's page of time shows: nanoseconds that follow guest time, and the time of day at which they
 * began. All vcpus show the same line exactly, whenever their pages were written.
 */
public final class SystemClock {
    private static final long NANOSECONDS = 1_000_000_000L;
    /** A multiple of this many ticks is a whole number of nanoseconds. */
    private static final long STEP = Timeline.FREQUENCY / NANOSECONDS;
    /** Nanoseconds of a tick, as a binary fraction of 32 bits. */
    static final long MULTIPLIER = (NANOSECONDS << 32) / Timeline.FREQUENCY;

    private final Timeline timeline;
    private long offset;
    private long epoch;

    public SystemClock(Timeline timeline) {
        this.timeline = timeline;
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
