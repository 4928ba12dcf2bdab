package dev.javisor.cli;

import dev.javisor.isa.ExitReason;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.trace.TraceEntry;
import dev.javisor.processor.trace.TraceSink;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Counts VM exits by level and reason, and what passes between an exit and the next entry. */
final class ExitStatistics implements TraceSink {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    /** Of one reason. */
    private static final class Count {
        final ExitReason reason;
        long exits;
        /** During the delivery of an event. */
        long delivering;
        /** Exits behind which the guest was entered again; and, of these, what passed until then. */
        long handled;

        long instructions;
        long nanoseconds;
        long least = Long.MAX_VALUE;
        long most;

        Count(ExitReason reason) {
            this.reason = reason;
        }
    }

    /** An exit that is being handled. */
    private record Handling(Count count, long instructions, long nanoTime) {}

    /** By level. */
    private final Map<Integer, Map<ExitReason, Count>> levels = new TreeMap<>();
    /** By processor. */
    private final Map<Integer, Handling> running = new HashMap<>();
    /** Events that entries have delivered. */
    private long injections;

    private long entries;

    @Override
    public void accept(TraceEntry e) {
        switch (e.what()) {
            case Occurrence.Exit x -> exit(e, x);
            case Occurrence.Entry n -> entry(e, n);
            default -> {
                // is no turn
            }
        }
    }

    private void exit(TraceEntry e, Occurrence.Exit x) {
        Count c = levels.computeIfAbsent(e.level(), l -> new EnumMap<>(ExitReason.class)).computeIfAbsent(x.reason(), Count::new);
        c.exits++;
        c.delivering += x.during() != null ? 1 : 0;
        running.put(e.processor(), new Handling(c, e.instructions(), clock()));
    }

    private void entry(TraceEntry e, Occurrence.Entry n) {
        long now = clock();
        entries++;
        injections += n.injected() != null ? 1 : 0;
        Handling h = running.remove(e.processor());
        if (h != null) {
            Count c = h.count;
            long taken = now - h.nanoTime;
            c.handled++;
            c.instructions += e.instructions() - h.instructions;
            c.nanoseconds += taken;
            c.least = Math.min(c.least, taken);
            c.most = Math.max(c.most, taken);
        }
    }

    /** Time that the machine's thread has had of the host's processors, in nanoseconds. */
    private static long clock() {
        return THREADS.getCurrentThreadCpuTime();
    }

    void print(PrintStream out) {
        if (levels.isEmpty()) {
            out.println("no VM exits");
            return;
        }
        out.printf("VM entries     %,d, of which %,d delivered an event%n", entries, injections);
        levels.forEach((level, counts) -> print(out, level, new ArrayList<>(counts.values())));
    }

    private static void print(PrintStream out, int level, List<Count> counts) {
        long exits = counts.stream().mapToLong(c -> c.exits).sum();
        long time = Math.max(1, counts.stream().mapToLong(c -> c.nanoseconds).sum());
        counts.sort(Comparator.comparingLong((Count c) -> -c.exits).thenComparing(c -> c.reason));
        out.printf("%nVM exits of L%d: %,d%n", level, exits);
        out.printf("%-38s %47s | %s%n", "", "the same in each run", "processor time of the host, up to the next entry");
        out.printf("%-38s %12s %7s %10s %15s | %7s %10s %10s %10s%n",
                "reason", "exits", "share", "delivering", "instructions/ex", "share", "average us", "least us", "most us");
        for (Count c : counts) {
            long handled = Math.max(1, c.handled);
            out.printf("%-38s %,12d %6.2f%% %,10d %,15.1f | %6.2f%% %10.2f %10.2f %10.2f%n",
                    c.reason.text,
                    c.exits,
                    100.0 * c.exits / exits,
                    c.delivering,
                    (double) c.instructions / handled,
                    100.0 * c.nanoseconds / time,
                    c.nanoseconds / 1e3 / handled,
                    c.handled == 0 ? 0 : c.least / 1e3,
                    c.most / 1e3);
        }
    }
}
