package dev.javisor.cli;

import dev.javisor.processor.trace.TraceSink;
import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Collection;

/** Writes a trace in one of its forms. */
interface TraceWriter extends TraceSink, AutoCloseable {
    /** Writes what is missing at the end. */
    @Override
    void close();

    /**
     * Opens a file for a trace.
     *
     * @param used files of the machine that must not be overwritten
     * @throws UserException if it cannot be written
     */
    static PrintStream file(String name, Collection<String> used) {
        return new PrintStream(new BufferedOutputStream(Output.create(name, used), 1 << 16), false, StandardCharsets.UTF_8);
    }
}
