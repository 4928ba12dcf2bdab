package dev.javisor.processor.chipset;

import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.state.StateInput;

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

    /** Schedules {@code d}, or cancels it, as it was saved. */
    public void load(StateInput in, String name, Timeline.Deadline d) {
        d.load(timeline, in, name);
    }
}
