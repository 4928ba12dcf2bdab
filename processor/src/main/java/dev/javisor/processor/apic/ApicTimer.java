package dev.javisor.processor.apic;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.InterruptController;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.core.TscScale;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/**
 * The timer of a local APIC: counts down at the core crystal clock over the divisor (one-shot, periodic), or waits for a value of the
 * time-stamp counter (TSC deadline).
 */
final class ApicTimer implements Stateful {
    static final int ONE_SHOT = 0, PERIODIC = 1, TSC_DEADLINE = 2;

    private static final long TICKS_PER_CLOCK = Timeline.FREQUENCY / InterruptController.CRYSTAL_FREQUENCY;

    private final Cpu cpu;
    private final Timeline.Deadline deadline;
    private final Runnable interrupt;

    private int mode;
    private int initialCount;
    private int divideConfiguration;
    /** Timeline ticks in one count. */
    private long ticksPerCount = 2 * TICKS_PER_CLOCK;
    /** When the count reaches zero; meaningful while the deadline is scheduled. */
    private long expiry;

    private long tscDeadline;
    private int lag;

    ApicTimer(Cpu cpu, Runnable interrupt) {
        this.cpu = cpu;
        this.interrupt = interrupt;
        this.deadline = new Timeline.Deadline(this::expire);
    }

    void reset() {
        stop();
        mode = ONE_SHOT;
        initialCount = 0;
        tscDeadline = 0;
        setDivideConfiguration(0);
    }

    /** From here on, what is written counts from the instruction that has written it, so many ticks ago. */
    void setLag(int ticks) {
        lag = ticks;
    }

    private long now() {
        return cpu.timeline.now() - lag;
    }

    /** LVT timer bits 18:17. Going to or from TSC-deadline mode disarms the timer; between the others it counts on. */
    void setMode(int value) {
        if (value == mode) {
            return;
        }
        boolean counting = value <= PERIODIC && mode <= PERIODIC;
        mode = value;
        if (!counting) {
            stop();
            initialCount = 0;
            tscDeadline = 0;
        }
    }

    int divideConfiguration() {
        return divideConfiguration;
    }

    /** Takes effect on the running count, whose value stays. */
    void setDivideConfiguration(int value) {
        int left = currentCount();
        divideConfiguration = value;
        int code = value & 3 | (value & 8) >> 1;
        ticksPerCount = TICKS_PER_CLOCK * (code == 7 ? 1 : 2L << code);
        if (left != 0) {
            start(left);
        }
    }

    int initialCount() {
        return mode == TSC_DEADLINE ? 0 : initialCount;
    }

    /** Starts the count; 0 stops it. Ignored in TSC-deadline mode. */
    void setInitialCount(int value) {
        if (mode > PERIODIC) {
            return;
        }
        initialCount = value;
        if (value == 0) {
            stop();
        } else {
            start(value);
        }
    }

    /** The count goes on from here; 0 stops it. */
    void setCurrentCount(int value) {
        if (mode > PERIODIC) {
            return;
        }
        if (value == 0) {
            stop();
        } else {
            start(value);
        }
    }

    int currentCount() {
        if (mode > PERIODIC || !deadline.isScheduled()) {
            return 0;
        }
        long left = Math.max(0, expiry - now());
        return (int) ((left + ticksPerCount - 1) / ticksPerCount);
    }

    long tscDeadline() {
        return tscDeadline;
    }

    /** Arms the timer for a value of the time-stamp counter; one that has passed fires at once, 0 disarms. Ignored in other modes. */
    void setTscDeadline(long value) {
        if (mode != TSC_DEADLINE) {
            return;
        }
        stop();
        tscDeadline = value;
        arm();
    }

    /** The time-stamp counter jumped. */
    void tscChanged() {
        if (mode == TSC_DEADLINE) {
            stop();
            arm();
        }
    }

    private void arm() {
        if (tscDeadline == 0) {
            return;
        }
        long now = now();
        long tsc = TscScale.scale(now, cpu.tscMultiplier) + cpu.tscOffset;
        long wait = tscDeadline - tsc;
        if (Long.compareUnsigned(tscDeadline, tsc) <= 0) {
            expire();
        } else if (cpu.tscMultiplier != TscScale.ONE) {
            long when = TscScale.firstTime(tscDeadline - cpu.tscOffset, cpu.tscMultiplier);
            if (when != Long.MAX_VALUE) {
                schedule(when);
            }
        } else if (wait > 0 && now + wait > 0) {
            schedule(now + wait);
        }
        // otherwise it lies beyond the end of time
    }

    private void schedule(long when) {
        expiry = when;
        cpu.timeline.schedule(deadline, when);
    }

    private void start(int count) {
        expiry = now() + (count & 0xFFFFFFFFL) * ticksPerCount;
        cpu.timeline.schedule(deadline, expiry);
    }

    private void stop() {
        cpu.timeline.cancel(deadline);
    }

    private void expire() {
        if (mode == TSC_DEADLINE) {
            tscDeadline = 0;
        } else if (mode == PERIODIC && initialCount != 0) {
            expiry += (initialCount & 0xFFFFFFFFL) * ticksPerCount;
            cpu.timeline.schedule(deadline, expiry);
        }
        interrupt.run();
    }

    @Override
    public void save(StateOutput out) {
        out.putInt("mode", mode);
        out.putInt("initial count", initialCount);
        out.putInt("divide configuration", divideConfiguration);
        deadline.save(out, "expiry");
        out.putLong("TSC deadline", tscDeadline);
    }

    @Override
    public void load(StateInput in) {
        stop();
        mode = in.getInt("mode");
        initialCount = in.getInt("initial count");
        setDivideConfiguration(in.getInt("divide configuration"));
        deadline.load(cpu.timeline, in, "expiry");
        expiry = deadline.isScheduled() ? deadline.when() : 0;
        tscDeadline = in.getLong("TSC deadline");
    }
}
