package dev.javisor.processor.trace;

import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Occurrence;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** What entries of a trace are sorted into, to be chosen from. */
public enum TraceClass {
    ENTRY("VM entries"),
    EXIT("VM exits"),
    EXCEPTION("exceptions and software interrupts that reach their handlers, and are decided by the hypervisor"),
    PAGEFAULT("of these, page faults"),
    INTERRUPT("interrupts and NMIs: accepted, acknowledged, delivered, ended"),
    INJECT("events that an entry shall deliver"),
    REQUEUE("events whose delivery was interrupted, and which stay injected"),
    MERGE("exceptions during deliveries: what becomes of the two, double and triple faults"),
    DROP("events that are given up"),
    WINDOW("interrupt and NMI windows that are asked for"),
    EMULATE("instructions and deliveries that are carried out in software");

    /** What is in it. */
    public final String text;

    TraceClass(String text) {
        this.text = text;
    }

    /** As users write it. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static Optional<TraceClass> named(String id) {
        return Arrays.stream(values()).filter(c -> c.id().equals(id)).findFirst();
    }

    public static TraceClass of(Occurrence o) {
        return switch (o) {
            case Occurrence.Entry e -> ENTRY;
            case Occurrence.FailedEntry e -> ENTRY;
            case Occurrence.Exit e -> EXIT;
            case Occurrence.Delivered d -> of(d.event());
            case Occurrence.Queued q -> of(q.event());
            case Occurrence.Combined c -> MERGE;
            case Occurrence.ShutDown s -> MERGE;
            case Occurrence.Accepted a -> INTERRUPT;
            case Occurrence.Acknowledged a -> INTERRUPT;
            case Occurrence.Ended e -> INTERRUPT;
            case Occurrence.Injected i -> INJECT;
            case Occurrence.Requeued r -> REQUEUE;
            case Occurrence.Dropped d -> DROP;
            case Occurrence.Window w -> WINDOW;
            case Occurrence.Emulated e -> EMULATE;
        };
    }

    private static TraceClass of(Event e) {
        return switch (e.type()) {
            case Event.EXTERNAL_INTERRUPT, Event.NMI -> INTERRUPT;
            case Event.HARDWARE_EXCEPTION -> e.vector() == Event.PF ? PAGEFAULT : EXCEPTION;
            default -> EXCEPTION;
        };
    }
}
