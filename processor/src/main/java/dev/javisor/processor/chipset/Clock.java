package dev.javisor.processor.chipset;

import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/** An oscillator of a device: counts periods of its own frequency on the machine's timeline, exactly and without drift. */
public final class Clock {
    private final Timeline timeline;
    private final long frequency;

    /** @param frequency Hz, 1 to 1 GHz */
    public Clock(Timeline timeline, long frequency) {
        this.timeline = timeline;
        this.frequency = frequency;
    }

    /** Whole periods since the machine was made. */
    public long now() {
        return ticksAt(timeline.now());
    }

    /** Schedules {@code d} for the start of period {@code tick}. */
    public void schedule(Timeline.Deadline d, long tick) {
        timeline.schedule(d, timeOf(tick));
    }

    public void cancel(Timeline.Deadline d) {
        timeline.cancel(d);
    }

    private long ticksAt(long time) {
        return time / Timeline.FREQUENCY * frequency + time % Timeline.FREQUENCY * frequency / Timeline.FREQUENCY;
    }

    /** First time at which {@link #ticksAt} is {@code tick}. */
    private long timeOf(long tick) {
        long seconds = Math.floorDiv(tick, frequency);
        long rest = Math.floorMod(tick, frequency);
        if (seconds > Long.MAX_VALUE / Timeline.FREQUENCY - 1) {
            return Long.MAX_VALUE;
        }
        return seconds * Timeline.FREQUENCY + (rest * Timeline.FREQUENCY + frequency - 1) / frequency;
    }

    /** Saves whether and for when {@code d} is scheduled. */
    public static void save(StateOutput out, String name, Timeline.Deadline d) {
        out.putLong(name, d.isScheduled() ? d.when() : -1);
    }

    public void load(StateInput in, String name, Timeline.Deadline d) {
        load(timeline, in, name, d);
    }

    public static void load(Timeline timeline, StateInput in, String name, Timeline.Deadline d) {
        long when = in.getLong(name);
        if (when < 0) {
            timeline.cancel(d);
        } else {
            timeline.schedule(d, when);
        }
    }
}
