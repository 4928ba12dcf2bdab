package dev.javisor.cli;

import dev.javisor.processor.trace.TraceEntry;
import java.io.PrintStream;

/** A trace in lines. */
record TextTrace(PrintStream out) implements TraceWriter {
    @Override
    public void accept(TraceEntry e) {
        out.println(e.line());
    }

    @Override
    public void close() {
        out.flush();
    }
}
