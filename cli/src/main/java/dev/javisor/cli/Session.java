package dev.javisor.cli;

import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.console.Script;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.execution.CompilerStatistics;
import dev.javisor.processor.trace.TraceSink;
import dev.javisor.processor.vmx.Vmcs;
import dev.javisor.processor.vmx.Vmx;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.ToIntFunction;

/** One run of a machine from the command line, from power-on to the exit status. */
final class Session {
    private final MachineConfiguration configuration;
    private final PrintStream messages;
    private int inputPort = -1;
    private Script script = new Script();
    private int scriptPort = -1;
    private long limit = Long.MAX_VALUE;
    private ToIntFunction<MachineExit> statuses = ExitStatus::of;
    private boolean statistics;
    private boolean stateHash;
    private boolean screen;
    private EntryFailures failures;
    private final List<String> explained = new ArrayList<>();
    private TraceSink trace;
    private MachineConfiguration reference;
    private Script referenceScript;

    Session(MachineConfiguration configuration, PrintStream messages) {
        this.configuration = configuration;
        this.messages = messages;
    }

    /** Standard input goes to this console. */
    Session input(int port) {
        inputPort = port;
        return this;
    }

    /** The script types to this console. */
    Session script(Script value, int port) {
        script = value;
        scriptPort = port;
        return this;
    }

    /** The machine runs beside this one, which interprets all code, and stops where they differ. */
    Session lockstep(MachineConfiguration interpreted, Script itsScript) {
        reference = interpreted;
        referenceScript = itsScript;
        return this;
    }

    /** Exit statuses other than the usual. */
    Session statuses(ToIntFunction<MachineExit> value) {
        statuses = value;
        return this;
    }

    Session limit(long instructions) {
        limit = instructions;
        return this;
    }

    Session statistics(boolean print) {
        statistics = print;
        return this;
    }

    Session stateHash(boolean print) {
        stateHash = print;
        return this;
    }

    /** Prints the text on the guest's screen at the end. */
    Session screen(boolean print) {
        screen = print;
        return this;
    }

    /** Somebody is told what happens to events. */
    Session trace(TraceSink sink) {
        trace = sink;
        return this;
    }

    /** Says why VM entries fail. */
    Session explain(boolean print) {
        failures = print ? new EntryFailures(messages) : null;
        return this;
    }

    /** Puts VMCSs into words at the end: {@code @ADDRESS}, or {@code current} for the current ones of all processors. */
    Session explainVmcs(List<String> which) {
        explained.addAll(which);
        return this;
    }

    int run() {
        long start = System.nanoTime();
        try (Machine machine = new Machine(configuration)) {
            if (failures != null) {
                failures.listenTo(machine);
            }
            if ((failures != null || !explained.isEmpty()) && machine.processors().isEmpty()) {
                messages.println("javisor: nothing to explain: the hypervisor does not offer VMX to its guests yet");
            }
            if (trace != null) {
                machine.trace(trace);
            }
            CountDownLatch finished = new CountDownLatch(1);
            Thread hook = Thread.ofPlatform().unstarted(() -> interrupt(machine, finished));
            Runtime.getRuntime().addShutdownHook(hook);
            MachineExit exit;
            try {
                exit = run(machine);
                if (exit == null) {
                    return ExitStatus.INTERNAL_ERROR;
                }
                String why = exit instanceof MachineExit.Shutdown s ? shutdown(machine, s) : ExitStatus.describe(exit);
                if (why != null) {
                    messages.println("javisor: " + why);
                }
                if (failures != null) {
                    failures.summarize();
                }
                explained.forEach(which -> explainVmcs(machine, which));
                if (screen) {
                    printScreen(machine.screen());
                }
                if (statistics) {
                    new Statistics(machine, System.nanoTime() - start).print(messages);
                }
                if (stateHash) {
                    messages.println("state-hash: " + machine.stateHash());
                }
            } finally {
                finished.countDown();
                forget(hook);
            }
            return statuses.applyAsInt(exit);
        } finally {
            configuration.closeFiles();
        }
    }

    private MachineExit run(Machine machine) {
        if (scriptPort >= 0) {
            script.start(machine.input(scriptPort)::add);
        }
        if (reference != null) {
            return runLockstep(machine);
        }
        HostConsole console = inputPort < 0 ? null : HostConsole.connect(machine, inputPort);
        try {
            return machine.run(limit);
        } finally {
            if (console != null) {
                console.close();
            }
        }
    }

    private MachineExit runLockstep(Machine machine) {
        try (Machine interpreted = new Machine(reference)) {
            if (scriptPort >= 0) {
                referenceScript.start(interpreted.input(scriptPort)::add);
            }
            return new Lockstep(machine, interpreted, messages).run(limit);
        }
    }

    private void explainVmcs(Machine machine, String which) {
        if (!which.equals("current")) {
            explainVmcs(machine, ExplainCommand.address(which.substring(1)), which);
            return;
        }
        for (LogicalProcessor p : machine.processors()) {
            long address = p.cpu().virtualization instanceof Vmx v ? v.currentVmcs() : Vmcs.NONE;
            if (address == Vmcs.NONE) {
                messages.println("javisor: processor " + p.cpu().index + " has no current VMCS");
            } else {
                explainVmcs(machine, address, "@%#x, current on processor %d".formatted(address, p.cpu().index));
            }
        }
    }

    /** The run is over and has its status, whether there is a VMCS or not. */
    private void explainVmcs(Machine machine, long address, String where) {
        try {
            messages.print(ExplainCommand.vmcs(configuration.model(), machine.memory(), address, where));
        } catch (UserException e) {
            messages.println("javisor: " + e.getMessage());
        }
    }

    /** Up to the last line that is not empty. */
    private void printScreen(List<String> lines) {
        int end = lines.size();
        while (end > 0 && lines.get(end - 1).isEmpty()) {
            end--;
        }
        lines.subList(0, end).forEach(messages::println);
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // It is what ended the run.
        }
    }

    /** With the reason that a processor on the metal has for it: a triple fault, or a VMX abort. */
    private static String shutdown(Machine machine, MachineExit.Shutdown s) {
        List<LogicalProcessor> processors = machine.processors();
        String reason = s.processor() < processors.size() ? processors.get(s.processor()).cpu().shutdownReason : null;
        return ExitStatus.describe(s) + (reason == null ? "" : ": " + reason);
    }

    /** Ctrl-C: the machine ends between two instructions, and says what it has to say. The Java machine sets the exit status. */
    private static void interrupt(Machine machine, CountDownLatch finished) {
        if (finished.getCount() > 0) {
            machine.interrupt();
            try {
                finished.await(5, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** What {@code --stat} prints. */
    private record Statistics(Machine machine, long nanoseconds) {
        void print(PrintStream out) {
            double seconds = nanoseconds / 1e9;
            long retired = machine.retired();
            Runtime r = Runtime.getRuntime();
            out.printf("instructions   %,d%n", retired);
            out.printf("wall time      %.3f s%n", seconds);
            out.printf("speed          %.1f MIPS%n", retired / seconds / 1e6);
            out.printf("guest time     %.3f s%n", machine.seconds());
            compiled(out, retired);
            exits(out);
            out.printf("guest memory   %d MiB%n", machine.configuration().memory() >> 20);
            out.printf("Java heap      %d MiB%n", r.totalMemory() - r.freeMemory() >> 20);
        }

        private void exits(PrintStream out) {
            Map<String, Long> exits = machine.exits();
            exits.entrySet().stream()
                    .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                    .forEach(e -> out.printf("VM exits       %,12d  %s%n", e.getValue(), e.getKey()));
        }

        private void compiled(PrintStream out, long retired) {
            CompilerStatistics s = machine.compilerStatistics();
            if (s == null) {
                return;
            }
            long instructions = machine.compiledInstructions();
            long entries = machine.regionEntries();
            double share = 100.0 * instructions / Math.max(1, retired);
            double length = (double) instructions / Math.max(1, entries);
            out.printf("compiled code  %.1f %% of the instructions, %.1f for each entry%n", share, length);
            out.printf(
                    "regions        %,d of %,d instructions, made in %.3f s; %,d again with full effort, %,d too late, %,d evicted%n",
                    s.regions(), s.instructions(), s.seconds(), s.improved(), s.stale(), s.evicted());
        }
    }
}
