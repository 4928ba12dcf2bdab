package dev.javisor.cli;

import dev.javisor.processor.trace.TraceEntry;
import dev.javisor.processor.trace.TraceSink;
import java.io.PrintStream;
import java.util.ArrayDeque;
import java.util.Deque;

/** Keeps the last entries of a trace, up to a moment and from there on the next ones. */
final class RecentTrace implements TraceSink {
    private static final int BEFORE = 12, AFTER = 8;

    private final Deque<TraceEntry> entries = new ArrayDeque<>();
    /** Entries behind the moment that may still come; -1 before it. */
    private int room = -1;

    @Override
    public void accept(TraceEntry e) {
        if (room != 0) {
            entries.add(e);
        }
        if (room > 0) {
            room--;
        } else if (room < 0 && entries.size() > BEFORE) {
            entries.remove();
        }
    }

    /** The moment is now. */
    void mark() {
        room = AFTER;
    }

    void print(PrintStream out) {
        if (entries.isEmpty()) {
            out.println("  none");
        }
        entries.forEach(e -> out.println(e.line()));
    }
}
