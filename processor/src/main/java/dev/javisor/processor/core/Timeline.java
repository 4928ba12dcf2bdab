package dev.javisor.processor.core;

import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.Arrays;

/**
 * Guest time: one tick for each retired instruction of any processor of the machine, plus what
 * instructions wait for ({@link Latency}, PAUSE) and what is skipped when all are
 * idle. No wall clock. Deadlines run between instructions, in order of time, then of scheduling.
 */
public final class Timeline {
    /** Ticks in a second of guest time: the nominal TSC frequency. */
    public static final long FREQUENCY = 2_000_000_000L;

    /** Something that happens at a time. One object can be scheduled once at a time; its owner saves and restores it. */
    public static final class Deadline {
        private final Runnable action;
        /** Where it is, or was last, scheduled. */
        private Timeline timeline;
        private long when;
        private long order;
        private int position = -1;

        public Deadline(Runnable action) {
            this.action = action;
        }

        public boolean isScheduled() {
            return position >= 0;
        }

        /** Time it is scheduled for; meaningless when it is not. */
        public long when() {
            return when;
        }

        /** Saves whether it is scheduled, when, and behind how many others of the same time. */
        public void save(StateOutput out, String name) {
            out.putLongs(name, isScheduled() ? new long[] {when, timeline.before(this)} : new long[] {-1, 0});
        }

        /** Schedules it, or cancels it, as it was saved. */
        public void load(Timeline on, StateInput in, String name) {
            long[] saved = new long[2];
            in.getLongs(name, saved);
            on.cancel(this);
            if (saved[0] >= 0) {
                on.schedule(this, saved[0], RESTORED + saved[1]);
            }
        }
    }

    /** Orders from here on are those of restored deadlines, which come before what is scheduled later. */
    private static final long RESTORED = Long.MIN_VALUE;

    private Deadline[] heap = new Deadline[16];
    private int size;
    private long orders;
    private long time;
    private Cpu active;

    /** Ticks since the machine was made. Exact at every instruction, also in the middle of a block. */
    public long now() {
        return active == null ? time : active.now();
    }

    /** The processor that runs from here on starts its slice; null when none runs. Its time becomes the machine's time. */
    public void activate(Cpu cpu) {
        if (active != null) {
            time = active.now();
        }
        active = cpu;
    }

    /** Time that passes while no processor runs. */
    public void skipTo(long when) {
        if (active != null) {
            throw new IllegalStateException("a processor is running");
        }
        time = Math.max(time, when);
    }

    /** Lets ticks pass in which no instruction retires, between two instructions; deadlines run when they are due. */
    public void pass(long ticks) {
        long end = now() + ticks;
        for (long now = now(); now < end; now = now()) {
            long step = Math.clamp(next() - now, 0, end - now);
            if (active == null) {
                time += step;
            } else {
                active.idle(step);
            }
            runDue();
        }
    }

    public void schedule(Deadline d, long when) {
        schedule(d, when, orders++);
    }

    private void schedule(Deadline d, long when, long order) {
        cancel(d);
        if (size == heap.length) {
            heap = Arrays.copyOf(heap, 2 * size);
        }
        d.timeline = this;
        d.when = when;
        d.order = order;
        d.position = size;
        heap[size++] = d;
        up(d.position);
        if (active != null && heap[0] == d) {
            active.limitSlice(when);
        }
    }

    public void cancel(Deadline d) {
        int p = d.position;
        if (p < 0) {
            return;
        }
        d.position = -1;
        Deadline moved = heap[--size];
        heap[size] = null;
        if (moved != d) {
            moved.position = p;
            heap[p] = moved;
            up(p);
            down(moved.position);
        }
    }

    /** Time of the next deadline, or {@link Long#MAX_VALUE}. */
    public long next() {
        return size == 0 ? Long.MAX_VALUE : heap[0].when;
    }

    /** Runs every deadline that has come. */
    public void runDue() {
        while (size > 0 && heap[0].when <= now()) {
            Deadline d = heap[0];
            cancel(d);
            d.action.run();
        }
    }

    /** Restores the time; every owner then schedules its deadlines again. */
    public void setTime(long value) {
        if (active != null) {
            throw new IllegalStateException("a processor is running");
        }
        time = value;
    }

    /** How many deadlines of the same time come before one. */
    private int before(Deadline d) {
        int n = 0;
        for (int i = 0; i < size; i++) {
            if (heap[i].when == d.when && heap[i].order < d.order) {
                n++;
            }
        }
        return n;
    }

    private static boolean before(Deadline a, Deadline b) {
        return a.when < b.when || a.when == b.when && a.order < b.order;
    }

    private void up(int p) {
        while (p > 0 && before(heap[p], heap[(p - 1) / 2])) {
            swap(p, (p - 1) / 2);
            p = (p - 1) / 2;
        }
    }

    private void down(int p) {
        for (; ; ) {
            int child = 2 * p + 1;
            if (child >= size) {
                return;
            }
            if (child + 1 < size && before(heap[child + 1], heap[child])) {
                child++;
            }
            if (!before(heap[child], heap[p])) {
                return;
            }
            swap(p, child);
            p = child;
        }
    }

    private void swap(int a, int b) {
        Deadline t = heap[a];
        heap[a] = heap[b];
        heap[b] = t;
        heap[a].position = a;
        heap[b].position = b;
    }
}
