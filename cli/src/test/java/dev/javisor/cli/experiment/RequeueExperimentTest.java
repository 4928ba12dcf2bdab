package dev.javisor.cli.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.javisor.cli.Main;
import dev.javisor.cli.experiment.RequeueExperiment.Run;
import dev.javisor.hypervisor.abi.RequeuePolicy;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class RequeueExperimentTest {
    /** Nothing would raise these again: traps, aborts, and what userspace decided; and the DR7.GD that delivery has cleared. */
    private static final Set<String> NOT_REPEATED = Set.of(
            "db-step", "db-data", "db-migrated", "db-general-detect", "mc", "pf-synthetic", "gp-userspace", "df-synthetic");

    /** An instruction raises these again, or the hypervisor does when it emulates the instruction again. */
    private static final Set<String> REPEATED = Set.of("db-code", "int1", "pf", "ud", "gp", "gp-emulated", "df", "int-n", "int3", "into");

    private static List<Run> run(Collection<String> events, Provocation provocation, RequeuePolicy... policies) {
        List<Provocation> ways = provocation == null ? List.of() : List.of(provocation);
        return RequeueExperiment.run(events, ways, Arrays.asList(policies)).runs();
    }

    private static Set<String> events(List<Run> runs, String outcome) {
        return runs.stream()
                .filter(r -> r.isProvoked() && r.verdict().text().equals(outcome))
                .map(r -> r.event().id())
                .collect(Collectors.toSet());
    }

    @Test
    void requeueingLosesDuplicatesAndReordersNothing() {
        List<Run> runs = run(List.of(), null, RequeuePolicy.ALWAYS);
        assertThat(runs).allSatisfy(r -> assertThat(r.verdict().isRight()).as(r.command()).isTrue());
        assertThat(runs).filteredOn(Run::isProvoked).hasSizeGreaterThan(RequeueExperiment.events().size() * 6);
    }

    @Test
    void withoutItTrapsAbortsAndWhatNobodyRepeatsIsLost() {
        List<Run> runs = run(List.of(), Provocation.STACK, RequeuePolicy.NEVER);
        assertThat(runs).allMatch(Run::isProvoked);
        assertThat(events(runs, "1 lost")).containsAll(NOT_REPEATED);
        assertThat(events(runs, "ok")).containsAll(REPEATED).contains("nmi", "interrupt");
    }

    @Test
    void aPageThatBecomesPresentMakesItsFaultGoAway() {
        assertThat(events(run(List.of("pf-repaired"), Provocation.STACK, RequeuePolicy.NEVER), "1 lost")).hasSize(1);
    }

    @Test
    void aFaultThatIsNotRequeuedLetsAnInterruptOvertakeIt() {
        List<Run> runs = run(List.of("order"), Provocation.STACK, RequeuePolicy.NEVER, RequeuePolicy.ALL_BUT_FAULTS);
        assertThat(runs).hasSize(2).allMatch(r -> r.verdict().reordered() && r.verdict().lost() == 0);
    }

    @Test
    void faultsOnlyLosesTrapsAndAborts() {
        List<Run> runs = run(List.of(), Provocation.STACK, RequeuePolicy.FAULTS_ONLY);
        assertThat(events(runs, "1 lost")).containsExactlyInAnyOrder(
                "db-step", "db-data", "db-migrated", "db-general-detect", "mc", "df-synthetic");
    }

    @Test
    void aLostTrapLeavesItsBitInDr6() {
        Verdict v = run(List.of("db-step"), Provocation.STACK, RequeuePolicy.NEVER).getFirst().verdict();
        assertThat(v.remarks()).anyMatch(r -> r.startsWith("DR6 0xffff4ff1, not 0xffff0ff1"));
    }

    @Test
    void lostInterruptsAndNmisBlockTheNextOnes() {
        List<Run> runs = run(List.of("nmi", "interrupt"), Provocation.STACK, RequeuePolicy.NOTHING);
        assertThat(runs).allMatch(r -> r.verdict().lost() == 2);
    }

    @Test
    void theResultIsTheSameEachTime() {
        List<String> events = List.of("db-step", "pf", "interrupt");
        String once = RequeueExperiment.run(events, List.of(), List.of()).json();
        assertThat(RequeueExperiment.run(events, List.of(), List.of()).json()).isEqualTo(once);
    }

    @Test
    void theCommandOfALossShowsIt() {
        Run loss = run(List.of("mc"), Provocation.IDT, RequeuePolicy.NEVER).getFirst();
        String[] args = loss.command().split(" ");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int status = Main.execute(Arrays.copyOfRange(args, 1, args.length), new PrintStream(out), System.err);
        assertThat(status).isZero();
        assertThat(out.toString()).contains("drop       #MC: the policy is never").contains("the guest saw:         nothing");
    }

    @Test
    void eventsThatDoNotExistAreRefused() {
        assertThatThrownBy(() -> run(List.of("zz"), Provocation.STACK)).isInstanceOf(IllegalArgumentException.class);
    }
}
