package dev.javisor.processor.trace;

/** Takes the entries of a trace, in the order in which they happen. */
@FunctionalInterface
public interface TraceSink {
    void accept(TraceEntry e);
}
