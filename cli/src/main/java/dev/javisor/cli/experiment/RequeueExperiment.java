package dev.javisor.cli.experiment;

import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.processor.trace.TraceSink;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Must the hypervisor deliver an event again whose delivery a VM exit has interrupted? Runs a guest for each class of events, each way to
 * make exits happen during the delivery, and each policy, and looks at what the guest's handlers have seen.
 */
public final class RequeueExperiment {
    /**
     * One run.
     *
     * @param expected what the same guest sees, under the same policy, when nothing interrupts the delivery
     */
    record Run(
            EventCase event, Provocation provocation, RequeuePolicy policy, Trial.Result result, Verdict verdict, Trial.Result expected) {
        /** A delivery was interrupted: the policy had something to decide. */
        boolean isProvoked() {
            return result.interrupting() > 0;
        }

        /** The command that shows what happened. */
        String command() {
            return "javisor experiment requeue --event " + event.id() + " --provocation " + provocation.id() + " --policy " + policy.id()
                    + " --trace";
        }
    }

    private final List<EventCase> events;
    private final List<Provocation> provocations;
    private final List<RequeuePolicy> policies;

    private RequeueExperiment(List<EventCase> events, List<Provocation> provocations, List<RequeuePolicy> policies) {
        this.events = events;
        this.provocations = provocations;
        this.policies = policies;
    }

    /**
     * Runs it.
     *
     * @param events ids of classes of events; none means all
     * @param provocations none means all
     * @param policies none means all
     * @throws IllegalArgumentException for an event that does not exist
     */
    public static RequeueReport run(Collection<String> events, List<Provocation> provocations, List<RequeuePolicy> policies) {
        List<RequeuePolicy> p = policies.isEmpty() ? List.of(RequeuePolicy.values()) : policies;
        return new RequeueReport(new RequeueExperiment(named(events), orAll(provocations), p).run(), p);
    }

    /** As {@link #run}, telling what happens in each run, with what its guest has seen. */
    public static void trace(
            Collection<String> events, List<Provocation> provocations, List<RequeuePolicy> policies, RunObserver observer) {
        for (EventCase e : named(events)) {
            Trial.Setting calm = new Trial.Setting(e, Provocation.CALM);
            for (Provocation w : orAll(provocations)) {
                Trial.Setting setting = new Trial.Setting(e, w);
                for (RequeuePolicy p : policies.isEmpty() ? List.of(RequeuePolicy.values()) : policies) {
                    Trial.Result expected = calm.run(p, null);
                    TraceSink sink = observer.begins(e.id() + " (" + e.text() + "), " + w.text + ", policy " + p.id());
                    Trial.Result r = setting.run(p, sink);
                    observer.ended(RequeueReport.describe(new Run(e, w, p, r, Verdict.of(expected, r), expected)));
                }
            }
        }
    }

    /** Who looks at runs. */
    public interface RunObserver {
        /** A run begins. @return who is told what happens in it */
        TraceSink begins(String title);

        /** It has ended. */
        void ended(String summary);
    }

    /** Ids of all classes of events. */
    public static List<String> events() {
        return EventCase.ALL.stream().map(EventCase::id).toList();
    }

    private static List<EventCase> named(Collection<String> ids) {
        for (String id : ids) {
            if (!events().contains(id)) {
                throw new IllegalArgumentException(id + ": " + String.join(", ", events()) + " are known");
            }
        }
        return EventCase.ALL.stream().filter(e -> ids.isEmpty() || ids.contains(e.id())).toList();
    }

    private static List<Provocation> orAll(List<Provocation> chosen) {
        return chosen.isEmpty() ? List.of(Provocation.values()) : chosen;
    }

    private List<Run> run() {
        List<Run> runs = new ArrayList<>();
        for (EventCase e : events) {
            Trial.Setting calm = new Trial.Setting(e, Provocation.CALM);
            List<Trial.Setting> settings = provocations.stream().map(w -> new Trial.Setting(e, w)).toList();
            for (RequeuePolicy p : policies) {
                Trial.Result expected = calm.run(p, null);
                for (Trial.Setting s : settings) {
                    Trial.Result r = s.run(p, null);
                    runs.add(new Run(e, s.provocation(), p, r, Verdict.of(expected, r), expected));
                }
            }
        }
        return runs;
    }
}
