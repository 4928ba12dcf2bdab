package dev.javisor.conformance;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Runs work that consists of short steps, and gives up with a {@link Stall} when a step does not end. Time is the processor time of the
 * working thread, so that a loaded host does no harm, or a large multiple of it on the clock, should the thread be blocked.
 */
public final class Watchdog {
    private static final long POLL_MILLISECONDS = 50;
    private static final int CLOCK_FACTOR = 12;

    private volatile Supplier<String> description = () -> "start";
    private volatile long step;

    private Watchdog() {}

    /** Work in steps; it calls {@link #step} at the beginning of each. */
    @FunctionalInterface
    public interface Work {
        void run(Watchdog watchdog) throws Exception;
    }

    /** A step that did not end; its stack trace is where it was, its message what. */
    public static final class Stall extends RuntimeException {
        private static final long serialVersionUID = 1;

        Stall(String message, StackTraceElement[] where) {
            super(message, null, false, true);
            setStackTrace(where);
        }
    }

    /**
     * Runs work on a thread of its own to its end.
     *
     * @param seconds what a step may take
     * @throws Stall if a step took longer; its thread is left to itself
     * @throws Exception whatever the work throws
     */
    public static void run(int seconds, Work work) throws Exception {
        Watchdog watchdog = new Watchdog();
        Throwable[] failure = new Throwable[1];
        Thread thread = new Thread(() -> {
            try {
                work.run(watchdog);
            } catch (Throwable t) {
                failure[0] = t;
            }
        });
        thread.setDaemon(true);
        thread.start();
        watchdog.watch(thread, TimeUnit.SECONDS.toNanos(seconds));
        switch (failure[0]) {
            case null -> {}
            case Error e -> throw e;
            case Exception e -> throw e;
            case Throwable t -> throw new AssertionError(t);
        }
    }

    /** A new step begins. */
    public void step(Supplier<String> what) {
        description = what;
        step++;
    }

    private void watch(Thread thread, long bound) throws InterruptedException {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long seen = step;
        long begin = System.nanoTime();
        long used = Math.max(0, threads.getThreadCpuTime(thread.threadId()));
        while (!thread.join(Duration.ofMillis(POLL_MILLISECONDS))) {
            long now = System.nanoTime();
            long time = threads.getThreadCpuTime(thread.threadId());
            if (step != seen) {
                seen = step;
                begin = now;
                used = time;
            } else if (time - used > bound || now - begin > CLOCK_FACTOR * bound) {
                long waited = TimeUnit.NANOSECONDS.toSeconds(now - begin);
                throw new Stall("no end after " + waited + " s: " + description.get(), thread.getStackTrace());
            }
        }
    }
}
