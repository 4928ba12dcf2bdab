package dev.javisor.cli;

import dev.javisor.processor.trace.TraceClass;
import dev.javisor.processor.trace.TraceEntry;
import dev.javisor.processor.trace.TraceSink;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code javisor trace}: what happens to the events of a guest. */
@Command(
        name = "trace",
        sortOptions = false,
        description = "Runs a guest as run does, and tells what happens to its events.",
        footer = {
            "",
            "Takes the options of run, of which --limit-instructions ends the trace too. A line says how many",
            "instructions the processor had retired, the processor, the level (L0: the hypervisor, or what runs",
            "on the metal; L1: its guest), what happened, and RIP. The guest does the same with and without."
        })
class TraceCommand extends RunCommand {
    @Option(names = "--text", paramLabel = "FILE", description = "Writes lines to FILE (default: standard error, if no other output).")
    private String text;

    @Option(names = "--perfetto", paramLabel = "FILE", description = "Writes a file that Perfetto and chrome://tracing open.")
    private String perfetto;

    @Option(names = "--events", paramLabel = "CLASS,...",
            description = "What to tell, of: entry, exit, exception, pagefault, interrupt, inject, requeue, merge, drop, window,"
                    + " emulate (default: all). A - in front leaves the class out.")
    private String events;

    @Option(names = "--from", paramLabel = "N", description = "Begins when a processor has retired N instructions.", defaultValue = "0")
    private long from;

    @Override
    public Integer call() {
        Set<TraceClass> classes = classes(events);
        List<TraceWriter> writers = new ArrayList<>();
        try {
            if (text != null) {
                writers.add(new TextTrace(TraceWriter.file(text, files())));
            } else if (perfetto == null) {
                writers.add(new TextTrace(javisor.err));
            }
            if (perfetto != null) {
                writers.add(new PerfettoTrace(TraceWriter.file(perfetto, files())));
            }
            TraceSink sink = e -> {
                if (e.instructions() >= from && classes.contains(TraceClass.of(e.what()))) {
                    tell(writers, e);
                }
            };
            return prepare().trace(sink).run();
        } finally {
            writers.forEach(TraceWriter::close);
        }
    }

    private static void tell(List<TraceWriter> writers, TraceEntry e) {
        for (TraceWriter w : writers) {
            w.accept(e);
        }
    }

    /** The classes that a list chooses; one that begins with a class that is left out begins with all. */
    static Set<TraceClass> classes(String list) {
        Set<TraceClass> chosen = EnumSet.allOf(TraceClass.class);
        if (list == null) {
            return chosen;
        }
        if (!list.startsWith("-")) {
            chosen.clear();
        }
        for (String id : list.split(",", -1)) {
            boolean out = id.startsWith("-");
            TraceClass c = TraceClass.named(out ? id.substring(1) : id).orElseThrow(() -> new UserException("--events " + id + ": "
                    + Arrays.stream(TraceClass.values()).map(TraceClass::id).collect(Collectors.joining(", ")) + " are known"));
            if (out) {
                chosen.remove(c);
            } else {
                chosen.add(c);
            }
        }
        return chosen;
    }
}
