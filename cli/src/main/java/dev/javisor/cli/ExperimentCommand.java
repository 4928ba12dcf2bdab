package dev.javisor.cli;

import dev.javisor.cli.experiment.Provocation;
import dev.javisor.cli.experiment.RequeueExperiment;
import dev.javisor.cli.experiment.RequeueReport;
import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.processor.trace.TraceSink;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code javisor experiment}. */
@Command(
        name = "experiment",
        description = "Tries what a hypervisor could do otherwise.",
        subcommands = ExperimentCommand.Requeue.class)
final class ExperimentCommand implements Runnable {
    @ParentCommand
    private Main javisor;

    @Override
    public void run() {
        throw new UserException("name an experiment; javisor experiment --help lists them");
    }

    /** {@code javisor experiment requeue}. */
    @Command(
            name = "requeue",
            sortOptions = false,
            description = "What becomes of an event whose delivery a VM exit has interrupted, when the hypervisor does not deliver it"
                    + " again? Runs guests under each policy of --requeue-hardware-exceptions, and compares what their handlers see.",
            footer = {
                "",
                "Exit status: 0; 1 the policy always, which is the hypervisor's own, loses, duplicates or",
                "reorders an event; 2 wrong usage."
            })
    static final class Requeue implements Callable<Integer> {
        private static final int BROKEN = 1;

        @ParentCommand
        private ExperimentCommand parent;

        @Option(names = "--event", paramLabel = "ID", description = "Class of events (default: all). May be repeated.")
        private List<String> events = new ArrayList<>();

        @Option(names = "--provocation", paramLabel = "ID", description = "What interrupts the delivery (default: all). May be repeated.")
        private List<String> provocations = new ArrayList<>();

        @Option(names = "--policy", paramLabel = "ID", description = "What the hypervisor does then (default: all). May be repeated.")
        private List<String> policies = new ArrayList<>();

        @Option(names = "--format", paramLabel = "text|markdown|json", description = "Form of the tables (default: ${DEFAULT-VALUE}).",
                defaultValue = "text")
        private String format;

        @Option(names = "--trace", description = "Prints the trace of each run, and what the guest saw, in place of tables.")
        private boolean trace;

        @Override
        public Integer call() {
            PrintStream out = parent.javisor.out;
            List<Provocation> ways = provocations.stream().map(Requeue::provocation).toList();
            List<RequeuePolicy> chosen = policies.stream().map(RunCommand::policy).toList();
            if (!List.of("text", "markdown", "json").contains(format)) {
                throw new UserException("--format " + format + ": text, markdown and json are known");
            }
            try {
                if (trace) {
                    RequeueExperiment.trace(events, ways, chosen, new Printer(out));
                    return ExitStatus.OK;
                }
                RequeueReport r = RequeueExperiment.run(events, ways, chosen);
                out.print(format.equals("json") ? r.json() : r.tables(format.equals("markdown")));
                return r.keepsThePromise() ? ExitStatus.OK : BROKEN;
            } catch (IllegalArgumentException e) {
                throw new UserException("--event " + e.getMessage());
            }
        }

        private static Provocation provocation(String id) {
            return Provocation.named(id).orElseThrow(() -> new UserException("--provocation " + id + ": "
                    + Arrays.stream(Provocation.values()).map(Provocation::id).collect(Collectors.joining(", ")) + " are known"));
        }

        private record Printer(PrintStream out) implements RequeueExperiment.RunObserver {
            @Override
            public TraceSink begins(String title) {
                out.println(title);
                return e -> out.println(e.line());
            }

            @Override
            public void ended(String summary) {
                out.println(summary);
            }
        }
    }
}
