package dev.javisor.conformance.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.conformance.vmx.BrokenEntries.Broken;
import dev.javisor.conformance.vmx.VmxHost.Outcome;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.ExitReason;
import dev.javisor.isa.Feature;
import dev.javisor.isa.FeatureSet;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxError;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.vmx.EntryRule;
import dev.javisor.processor.vmx.EntryRules;
import dev.javisor.processor.vmx.VmEntryFailure;
import dev.javisor.processor.vmx.VmEntryFailure.Report;
import dev.javisor.processor.vmx.VmcsExplanation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every rule of VM entries fails the entry that violates it, and is given as the reason. */
class EntryRulesTest {
    private static final long TICKS = 1_000;
    private static final long ENTRY_FAILURE = 1L << 31;

    private final MemorySegment ram = Arena.ofAuto().allocate(VmxHost.RAM, 4096);

    private static CpuModel model(Collection<Feature> more) {
        CpuModel m = CpuModels.parse("max-intel");
        Set<Feature> features = m.features().toSet();
        features.addAll(more);
        return new CpuModel(
                m.name(), m.vendor(), m.family(), m.model(), m.stepping(), m.brand(), m.physicalBits(), m.maxLeaf(), m.maxExtendedLeaf(),
                m.listed(), new FeatureSet(features));
    }

    private VmxHost host(Engine engine, Broken b) {
        VmxHost h = new VmxHost(model(b.features()), engine, ram, b.wide(), b.kind());
        b.damage().accept(h);
        return h;
    }

    private VmxHost host() {
        return new VmxHost(model(List.of()), Engine.INTERPRETER, ram, true, GuestKind.LONG);
    }

    private static List<String> rules(List<VmEntryFailure.Violation> violations) {
        return violations.stream().map(v -> v.rule().id()).toList();
    }

    private static EntryRule rule(String id) {
        return EntryRules.all().stream().filter(r -> r.id().equals(id)).findFirst().orElseThrow();
    }

    /** A rule without a broken entry fails the build. */
    @Test
    void everyRuleHasABrokenEntry() {
        List<String> ids = EntryRules.all().stream().map(EntryRule::id).toList();
        assertThat(ids).doesNotHaveDuplicates();
        assertThat(BrokenEntries.all().stream().map(Broken::rule).collect(Collectors.toSet())).containsExactlyInAnyOrderElementsOf(ids);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void theRuleIsTheReason(Engine engine) {
        for (Broken b : BrokenEntries.all()) {
            VmxHost h = host(engine, b);
            Outcome outcome = h.enter(true, TICKS);
            List<String> expected = new ArrayList<>(b.also());
            expected.add(b.rule());
            assertThat(h.failures).as(b.toString()).hasSize(1);
            VmEntryFailure failure = h.failures.getFirst();
            assertThat(rules(failure.violations())).as(b.toString()).containsExactlyInAnyOrderElementsOf(expected);
            assertThat(failure.reason()).isEmpty();
            assertThat(failure.text()).contains(b.rule(), rule(b.rule()).section(), rule(b.rule()).fields().getFirst().text);
            EntryRule first = failure.violations().getFirst().rule();
            assertThat(failure.report()).as(b.toString()).isEqualTo(report(h, outcome));
            assertThat(group(failure.report())).as(b.toString()).isEqualTo(first.group());
        }
    }

    /** How the guest's host learns of a failure, from flags and fields. */
    private static Report report(VmxHost h, Outcome outcome) {
        if (outcome == Outcome.FAILED) {
            assertThat(Flags.rflags(h.cpu) & Flags.ARITHMETIC).isEqualTo(Flags.ZF);
            return new Report.Valid(VmxError.of((int) h.get(VmcsField.VM_INSTRUCTION_ERROR)));
        }
        assertThat(outcome).isEqualTo(Outcome.EXITED);
        assertThat(h.get(VmcsField.EXIT_REASON) >>> 16).isEqualTo(ENTRY_FAILURE >>> 16);
        return new Report.Exit(h.exitReason(), h.get(VmcsField.EXIT_QUALIFICATION));
    }

    private static EntryRule.Group group(Report r) {
        return switch (r) {
            case Report.Valid(VmxError e) when e == VmxError.ENTRY_INVALID_CONTROLS -> EntryRule.Group.CONTROLS;
            case Report.Valid(VmxError e) when e == VmxError.ENTRY_INVALID_HOST_STATE -> EntryRule.Group.HOST_STATE;
            case Report.Exit(ExitReason e, long _) when e == ExitReason.INVALID_GUEST_STATE -> EntryRule.Group.GUEST_STATE;
            case Report.Exit(ExitReason e, long _) when e == ExitReason.MSR_LOADING -> EntryRule.Group.MSR_LOADING;
            default -> null;
        };
    }

    /** What the listener is told does not change what the guest's host sees. */
    @Test
    void nobodyNoticesTheListener() {
        for (Broken b : BrokenEntries.all()) {
            VmxHost told = host(Engine.INTERPRETER, b);
            Outcome outcome = told.enter(true, TICKS);
            String fields = told.fields().toString();
            VmxHost silent = host(Engine.INTERPRETER, b);
            silent.explain(false);
            assertThat(silent.enter(true, TICKS)).as(b.toString()).isEqualTo(outcome);
            assertThat(silent.fields().toString()).as(b.toString()).isEqualTo(fields);
            assertThat(silent.failures).isEmpty();
        }
    }

    /** A VMCS at rest is explained as one that has failed, but for values that only WRMSR can judge. */
    @Test
    void aVmcsAtRestIsExplainedAlike() {
        for (Broken b : BrokenEntries.all()) {
            // The mode in which the processor is, and its APIC's, are not in the VMCS.
            if (!Set.of("host-size-now", "entry-msr-value", "entry-msr-x2apic", "host-size-guest").contains(b.rule())) {
                VmxHost h = host(Engine.INTERPRETER, b);
                VmcsExplanation e = new VmcsExplanation(h.model(), h.memory, VmxHost.VMCS);
                h.enter(true, TICKS);
                assertThat(rules(e.violations())).as(b.toString()).isEqualTo(rules(h.failures.getFirst().violations()));
            }
        }
    }

    private static Stream<VmxControl> free(VmxHost h, VmxControl.Word... words) {
        return Stream.of(VmxControl.values()).filter(c -> List.of(words).contains(c.word)).filter(h::isFree);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aCorrectEntryIsSilent(Engine engine) {
        for (GuestKind kind : GuestKind.values()) {
            for (boolean wide : new boolean[] {true, false}) {
                if (wide || kind != GuestKind.LONG) {
                    VmxHost h = new VmxHost(model(List.of()), engine, ram, wide, kind);
                    enters(h, kind + " on a host of " + (wide ? 64 : 32) + " bits");
                    assertThat(new VmcsExplanation(h.model(), h.memory, VmxHost.VMCS).text()).contains("VMRESUME would pass all checks.");
                }
            }
        }
    }

    private static void enters(VmxHost h, String what) {
        Outcome outcome = h.enter(true, TICKS);
        assertThat(h.failures).as(what).isEmpty();
        assertThat(outcome).as(what).isEqualTo(Outcome.EXITED);
        assertThat(h.exitReason()).as(what).isEqualTo(ExitReason.CPUID);
    }

    /** Everything on that the processor has and that does not exclude each other. */
    @Test
    void aCorrectEntryWithManyControlsIsSilent() {
        VmxHost h = host();
        Set<VmxControl> exits = Set.of(
                VmxControl.INTERRUPT_WINDOW_EXITING, VmxControl.NMI_WINDOW_EXITING, VmxControl.MONITOR_TRAP_FLAG,
                VmxControl.VIRTUALIZE_X2APIC_MODE, VmxControl.USE_TPR_SHADOW);
        free(h, VmxControl.Word.PIN_BASED, VmxControl.Word.PRIMARY, VmxControl.Word.SECONDARY, VmxControl.Word.EXIT, VmxControl.Word.ENTRY)
                .filter(c -> !exits.contains(c))
                .forEach(h::on);
        h.on(VmxControl.USE_TPR_SHADOW).set(VmcsField.VM_FUNCTION_CONTROLS, 1);
        h.set(VmcsField.VMCS_LINK_POINTER, VmxHost.SHADOW_VMCS);
        h.set(VmcsField.ENTRY_MSR_LOAD_COUNT, 512);
        for (int i = 1; i <= 512; i++) {
            h.msr(VmxHost.ENTRY_MSRS, i, 0x174, i);
        }
        enters(h, "many controls");
    }

    /** In 64-bit mode RIP needs not be canonical, only without differing bits beyond the width of linear addresses. */
    @Test
    void aRipThatIsNotQuiteCanonicalEnters() {
        VmxHost h = host();
        h.set(VmcsField.GUEST_RIP, 1L << h.model().linearBits() - 1).set(VmcsField.EXCEPTION_BITMAP, 1 << 13);
        assertThat(h.enter(true, TICKS)).isEqualTo(Outcome.EXITED);
        assertThat(h.failures).isEmpty();
        assertThat(h.get(VmcsField.EXIT_REASON)).isZero();
        assertThat(h.get(VmcsField.EXIT_INTERRUPTION_INFO)).isEqualTo(1L << 31 | 1 << 11 | 3 << 8 | 13);
    }

    private static VmEntryFailure only(VmxHost h) {
        assertThat(h.failures).hasSize(1);
        assertThat(h.failures.getFirst().violations()).isEmpty();
        return h.failures.getFirst();
    }

    @Test
    void withoutCurrentVmcsTheReasonIsThat() {
        VmxHost h = host();
        h.vmx.vmclear(VmxHost.VMCS);
        assertThat(h.enter(true, TICKS)).isEqualTo(Outcome.FAILED);
        assertThat(only(h).report()).isEqualTo(new Report.Invalid());
        assertThat(only(h).text()).contains("VMLAUNCH", "VMfailInvalid", "no current VMCS");
    }

    @Test
    void aShadowVmcsEntersNothing() {
        VmxHost h = host();
        h.vmx.vmptrld(VmxHost.SHADOW_VMCS);
        assertThat(h.enter(false, TICKS)).isEqualTo(Outcome.FAILED);
        assertThat(only(h).text()).contains("VMRESUME", "VMfailInvalid", "shadow VMCS");
    }

    @Test
    void theLaunchStateIsTheReason() {
        VmxHost h = host();
        assertThat(h.enter(false, TICKS)).isEqualTo(Outcome.FAILED);
        assertThat(only(h).report()).isEqualTo(new Report.Valid(VmxError.VMRESUME_NOT_LAUNCHED));
        assertThat(only(h).text()).contains("VMLAUNCH enters with it");
        h.failures.clear();
        assertThat(h.enter(true, TICKS)).isEqualTo(Outcome.EXITED);
        assertThat(h.failures).isEmpty();
        assertThat(h.enter(true, TICKS)).isEqualTo(Outcome.FAILED);
        assertThat(only(h).report()).isEqualTo(new Report.Valid(VmxError.VMLAUNCH_NOT_CLEAR));
        assertThat(only(h).text()).contains("VMRESUME enters with it");
    }

    @Test
    void blockingByMovSsIsTheReason() {
        VmxHost h = host();
        h.cpu.blockingByMovSs = true;
        assertThat(h.enter(true, TICKS)).isEqualTo(Outcome.FAILED);
        assertThat(only(h).report()).isEqualTo(new Report.Valid(VmxError.ENTRY_MOV_SS));
    }
}
