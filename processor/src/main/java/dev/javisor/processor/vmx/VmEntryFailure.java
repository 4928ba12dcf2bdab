package dev.javisor.processor.vmx;

import dev.javisor.isa.VmcsField;
import java.util.List;

/**
 * Why a VM entry failed: every rule that the VMCS violates, not only the one that the processor reports.
 *
 * @param rip of the instruction that entered
 * @param launch VMLAUNCH, else VMRESUME
 * @param vmcs physical address of the current VMCS
 * @param group what the failure is reported as
 * @param violations in the order of the checks; the first of them is the one that the processor reports
 */
public record VmEntryFailure(long rip, boolean launch, long vmcs, EntryRule.Group group, List<Violation> violations) {
    /**
     * A rule that does not hold.
     *
     * @param values of the rule's fields, in their order
     */
    public record Violation(EntryRule rule, List<Long> values) {}

    /** In words, one line for each rule and one for each of its fields. */
    public String text() {
        StringBuilder t = new StringBuilder();
        t.append(launch ? "VMLAUNCH" : "VMRESUME").append(String.format(" at RIP %#x, VMCS %#x, failed: ", rip, vmcs)).append(meaning())
                .append('\n');
        for (Violation v : violations) {
            t.append("  ").append(v.rule.id()).append(": ").append(v.rule.requirement()).append(" (\"").append(v.rule.section())
                    .append("\")\n");
            for (int i = 0; i < v.values.size(); i++) {
                VmcsField f = v.rule.fields().get(i);
                t.append(String.format("    %s (%04XH) = %#x%n", f.text, f.encoding, v.values.get(i)));
            }
        }
        return t.toString();
    }

    private String meaning() {
        return switch (group) {
            case CONTROLS -> "VMfail, error 7 (" + VmxError.ENTRY_INVALID_CONTROLS.text + ")";
            case HOST_STATE -> "VMfail, error 8 (" + VmxError.ENTRY_INVALID_HOST_STATE.text + ")";
            case GUEST_STATE -> "exit reason 33 (invalid guest state), qualification " + violations.getFirst().rule.qualification();
            case MSR_LOADING -> "exit reason 34 (MSR loading)";
        };
    }
}
