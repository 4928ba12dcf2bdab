package dev.javisor.cli;

import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.trace.TraceClass;
import dev.javisor.processor.trace.TraceEntry;
import dev.javisor.processor.trace.TraceText;
import java.io.PrintStream;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * A trace in Chrome's JSON format, which Perfetto reads: a process for each processor, a thread for each level, a slice for each turn of a
 * guest and for what the hypervisor does between two turns, and an instant for everything else. Time is that of the guest.
 */
final class PerfettoTrace implements TraceWriter {
    private static final double TICKS = Timeline.FREQUENCY / 1e6;

    private final PrintStream out;
    /** By processor: the level whose slice is open. */
    private final Map<Integer, Integer> open = new HashMap<>();
    /** Processors and levels that have names. */
    private final Map<Integer, Integer> named = new HashMap<>();
    private boolean first = true;
    private double last;

    PerfettoTrace(PrintStream out) {
        this.out = out;
        out.print("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    }

    @Override
    public void accept(TraceEntry e) {
        last = Math.max(last, e.time() / TICKS);
        name(e.processor(), e.level());
        switch (e.what()) {
            case Occurrence.Entry x -> turn(e, e.level(), "L" + e.level());
            case Occurrence.Exit x -> turn(e, e.level() - 1, x.reason().text);
            default -> event(e.processor(), e.level(), "i", TraceText.verb(e.what()) + " " + TraceText.of(e.what()), e);
        }
    }

    /** Another level goes on. */
    private void turn(TraceEntry e, int level, String name) {
        Integer before = open.put(e.processor(), level);
        if (before != null) {
            event(e.processor(), before, "E", "", null);
        }
        name(e.processor(), level);
        event(e.processor(), level, "B", name, e);
    }

    private void name(int processor, int level) {
        Integer levels = named.get(processor);
        if (levels == null) {
            metadata("process_name", processor, 0, "processor " + processor);
        }
        if (levels == null || (levels >> level & 1) == 0) {
            named.merge(processor, 1 << level, (a, b) -> a | b);
            metadata("thread_name", processor, level, "L" + level);
        }
    }

    private void metadata(String what, int processor, int level, String name) {
        print("\"ph\":\"M\",\"name\":\"%s\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":\"%s\"}", what, processor + 1, level, name);
    }

    private void event(int processor, int level, String phase, String name, TraceEntry e) {
        String arguments = e == null
                ? ""
                : String.format(
                        Locale.ROOT,
                        ",\"cat\":\"%s\",\"name\":\"%s\",\"args\":{\"what\":\"%s\",\"instructions\":%d,\"rip\":\"%#x\"}",
                        TraceClass.of(e.what()).id(),
                        escape(name),
                        escape(TraceText.of(e.what())),
                        e.instructions(),
                        e.rip());
        String scope = phase.equals("i") ? ",\"s\":\"t\"" : "";
        print("\"ph\":\"%s\",\"ts\":%.4f,\"pid\":%d,\"tid\":%d%s%s", phase, last, processor + 1, level, scope, arguments);
    }

    private void print(String format, Object... values) {
        out.print(first ? "\n{" : ",\n{");
        first = false;
        out.print(String.format(Locale.ROOT, format, values));
        out.print('}');
    }

    private static String escape(String s) {
        return s.replace("\\", "\\\\").replace("\"", "\\\"");
    }

    @Override
    public void close() {
        open.forEach((processor, level) -> event(processor, level, "E", "", null));
        out.print("\n]}\n");
        out.close();
    }
}
