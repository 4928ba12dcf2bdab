package dev.javisor.machine.console;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * What the host wants of a running machine, from any thread: input, or an end. The machine takes it between two slices of execution;
 * this is the only way in which anything that the guest did not cause reaches it.
 */
public final class HostEvents {
    private final LinkedBlockingQueue<Runnable> waiting = new LinkedBlockingQueue<>();
    private volatile boolean live;

    /** Hands in an action that the machine's thread is to run. */
    public void post(Runnable action) {
        waiting.add(action);
    }

    /**
     * Says whether somebody may act at any time. A machine that idles then waits in real time; otherwise guest time skips what nobody would
     * see passing.
     */
    public void setLive(boolean value) {
        live = value;
        post(() -> {});
    }

    public boolean isLive() {
        return live;
    }

    /** Runs what has been handed in. */
    public void run() {
        for (Runnable r = waiting.poll(); r != null; r = waiting.poll()) {
            r.run();
        }
    }

    /**
     * Waits until something is handed in, at most {@code nanoseconds}, and runs it.
     *
     * @return whether there was something
     */
    public boolean await(long nanoseconds) throws InterruptedException {
        Runnable r = waiting.poll(nanoseconds, TimeUnit.NANOSECONDS);
        if (r == null) {
            return false;
        }
        r.run();
        run();
        return true;
    }
}
