package dev.javisor.cli;

import dev.javisor.machine.Machine;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.vmx.VmEntryFailure;
import dev.javisor.processor.vmx.Vmx;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Prints why VM entries fail: each failure once, and at the end how often those that came again came. */
final class EntryFailures implements Consumer<VmEntryFailure> {
    /** Failures beyond this many different ones are not told apart any more. */
    private static final int MOST = 10_000;

    private final PrintStream out;
    private final Map<Failure, Integer> again = new LinkedHashMap<>();

    /** What makes two failures the same. */
    private record Failure(long rip, boolean launch, VmEntryFailure.Report report, String reason, List<String> rules) {
        static Failure of(VmEntryFailure f) {
            return new Failure(f.rip(), f.launch(), f.report(), f.reason(), f.violations().stream().map(v -> v.rule().id()).toList());
        }
    }

    EntryFailures(PrintStream out) {
        this.out = out;
    }

    void listenTo(Machine machine) {
        for (LogicalProcessor p : machine.processors()) {
            if (p.cpu().virtualization instanceof Vmx v) {
                v.setFailureListener(this);
            }
        }
    }

    @Override
    public void accept(VmEntryFailure f) {
        Failure key = Failure.of(f);
        if (again.size() < MOST && again.merge(key, 1, Integer::sum) == 1) {
            out.print("javisor: " + f.text());
        }
    }

    /** To be called at the end of the run. */
    void summarize() {
        again.forEach((f, n) -> {
            if (n > 1) {
                String what = f.rules.isEmpty() ? f.reason : f.rules.getFirst();
                out.printf("javisor: %s at RIP %#x failed in the same way %d more times: %s%n",
                        f.launch ? "VMLAUNCH" : "VMRESUME", f.rip, n - 1, what);
            }
        });
    }
}
