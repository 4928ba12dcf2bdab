package dev.javisor.processor.vmx;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxError;
import java.util.List;
import java.util.Map;

/**
 * Why a VM entry failed: every rule that the VMCS violates, not only the one that the processor reports.
 *
 * @param processor position in the machine, 0 for the bootstrap processor
 * @param rip of the instruction that entered
 * @param launch VMLAUNCH, else VMRESUME
 * @param vmcs physical address of the current VMCS, or {@link Vmcs#NONE}
 * @param report how software learns of the failure
 * @param reason in words, when no rule is violated; else empty
 * @param violations in the order of the checks; the first of them is the one that the processor reports
 */
public record VmEntryFailure(
        int processor, long rip, boolean launch, long vmcs, Report report, String reason, List<Violation> violations) {

    /** How software learns of a failed VM entry. */
    public sealed interface Report {
        /** VMfailInvalid: CF. */
        record Invalid() implements Report {}

        /** VMfailValid: ZF, and a number in the VM-instruction error field. */
        record Valid(VmxError error) implements Report {}

        /** A VM exit that says that the entry has failed. */
        record Exit(ExitReason reason, long qualification) implements Report {}
    }

    /**
     * A rule that does not hold.
     *
     * @param values of the rule's fields, in their order, with what they mean
     * @param remedy what would make it hold; empty when the rule says that
     */
    public record Violation(EntryRule rule, List<Value> values, String remedy) {
        /** In words, lines of a paragraph. */
        void print(StringBuilder t) {
            t.append("  ").append(rule.id()).append(" (\"").append(rule.section()).append("\")\n");
            t.append("    ").append(rule.requirement()).append('\n');
            for (Value v : values) {
                t.append("    ").append(v.name).append(" = ").append(v.text).append('\n');
            }
            if (!remedy.isEmpty()) {
                t.append("    to pass: ").append(remedy).append('\n');
            }
        }
    }

    /** A field, or what else a rule looks at, with its value in hexadecimal and in words. */
    public record Value(String name, String text) {
        static Value of(VmcsField f, long value, String meaning) {
            String words = meaning.isEmpty() ? "" : ": " + meaning;
            return new Value("%s (%04XH)".formatted(f.text, f.encoding), "%#x".formatted(value) + words);
        }
    }

    private static final Map<EntryRule.Group, String> LATER = Map.of(
            EntryRule.Group.CONTROLS, "Also violated:",
            EntryRule.Group.HOST_STATE, "Also violated, of the host's state:",
            EntryRule.Group.GUEST_STATE, "Also violated, of the guest's state:",
            EntryRule.Group.MSR_LOADING, "Would fail too, when MSRs are loaded:");

    /** In words: a line for the failure, and for each rule its paragraph. Every line ends with a line feed. */
    public String text() {
        StringBuilder t = new StringBuilder();
        t.append(launch ? "VMLAUNCH" : "VMRESUME").append(String.format(" at RIP %#x on processor %d failed, ", rip, processor));
        t.append(vmcs == Vmcs.NONE ? "no current VMCS" : String.format("current VMCS %#x", vmcs));
        t.append(": ").append(meaning()).append('\n');
        if (!reason.isEmpty()) {
            t.append("  ").append(reason).append('\n');
        }
        EntryRule.Group last = null;
        for (int i = 0; i < violations.size(); i++) {
            EntryRule.Group group = violations.get(i).rule.group();
            if (i > 0 && (i == 1 || group != last)) {
                t.append("  ").append(group == violations.getFirst().rule.group() ? "Also violated:" : LATER.get(group)).append('\n');
            }
            last = group;
            violations.get(i).print(t);
        }
        return t.toString();
    }

    private String meaning() {
        return switch (report) {
            case Report.Invalid() -> "VMfailInvalid";
            case Report.Valid(VmxError e) -> "VMfailValid, error " + e.number + " (" + e.text + ")";
            case Report.Exit(ExitReason r, long qualification) ->
                "exit reason " + r.number + " (" + r.text + "), qualification " + qualification;
        };
    }
}
