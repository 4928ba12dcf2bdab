package dev.javisor.processor.vmx;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmcsText;
import dev.javisor.isa.VmxError;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.vmx.VmEntryFailure.Report;
import dev.javisor.processor.vmx.VmEntryFailure.Value;
import dev.javisor.processor.vmx.VmEntryFailure.Violation;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Tells whoever wants to know why VM entries fail. Costs nothing as long as nobody does. */
final class EntryReports {
    private final EntryContext context;
    /** Null for nobody. */
    private Consumer<VmEntryFailure> listener;
    /** Of the instruction that enters. */
    private long rip;

    EntryReports(EntryContext context) {
        this.context = context;
    }

    void tell(Consumer<VmEntryFailure> whom) {
        listener = whom;
    }

    /** An entry begins; the host's state is still there. */
    void begin() {
        if (listener != null) {
            Cpu c = context.cpu;
            rip = c.running == null ? c.rip : c.ripOf(c.running[c.position]);
        }
    }

    private void send(boolean launch, Report report, String reason, List<Violation> violations) {
        listener.accept(new VmEntryFailure(context.cpu.index, rip, launch, context.vmcs.address(), report, reason, violations));
    }

    /** VMfailInvalid. */
    void invalid(boolean launch) {
        if (listener != null) {
            String reason = !context.vmcs.exists()
                    ? "There is no current VMCS: VMPTRLD makes one current; VMXON, and VMCLEAR of the current one, leave none."
                    : "The current VMCS is a shadow VMCS (bit 31 of its first 4 bytes), with which nothing is entered.";
            send(launch, new Report.Invalid(), reason, List.of());
        }
    }

    /** An error that comes before the checks. */
    void state(boolean launch, VmxError error) {
        if (listener != null) {
            String reason = switch (error) {
                case VMLAUNCH_NOT_CLEAR -> "The launch state of the VMCS is launched: VMRESUME enters with it, or VMCLEAR makes it clear.";
                case VMRESUME_NOT_LAUNCHED -> "The launch state of the VMCS is clear: VMLAUNCH enters with it first, also after VMCLEAR.";
                default -> "MOV SS or POP SS stands right before: it blocks events during the next instruction, and with it VM entries.";
            };
            send(launch, new Report.Valid(error), reason, List.of());
        }
    }

    /** A check before anything of the guest is loaded. */
    void violation(boolean launch, EntryRule first) {
        if (listener != null) {
            Report report = switch (first.group()) {
                case CONTROLS -> new Report.Valid(VmxError.ENTRY_INVALID_CONTROLS);
                case HOST_STATE -> new Report.Valid(VmxError.ENTRY_INVALID_HOST_STATE);
                default -> new Report.Exit(ExitReason.INVALID_GUEST_STATE, first.qualification());
            };
            send(launch, report, "", violations(context, first));
        }
    }

    /** Loading MSRs. */
    void msr(boolean launch) {
        if (listener != null) {
            List<Violation> violations = new ArrayList<>();
            addViolations(context, EntryRule.Group.MSR_LOADING, null, violations);
            send(launch, new Report.Exit(ExitReason.MSR_LOADING, context.msr.number), "", violations);
        }
    }

    /**
     * All rules that do not hold.
     *
     * @param first a rule that is known not to hold, or null
     */
    static List<Violation> violations(EntryContext x, EntryRule first) {
        List<Violation> violations = new ArrayList<>();
        x.explaining = true;
        try {
            if (x.isMsrList(VmcsField.ENTRY_MSR_LOAD_ADDRESS, VmcsField.ENTRY_MSR_LOAD_COUNT)) {
                MsrLists.examine(x);
            }
            for (EntryRule.Group g : EntryRule.Group.values()) {
                addViolations(x, g, first, violations);
            }
        } finally {
            x.explaining = false;
        }
        return List.copyOf(violations);
    }

    private static void addViolations(EntryContext x, EntryRule.Group group, EntryRule first, List<Violation> violations) {
        for (EntryRule r : EntryRules.all()) {
            if (r.group() == group && (r == first || !r.holdsIn(x))) {
                violations.add(new Violation(r, values(x, r), r.remedy().apply(x)));
            }
        }
    }

    private static List<Value> values(EntryContext x, EntryRule r) {
        List<Value> values = new ArrayList<>();
        for (VmcsField f : r.fields()) {
            values.add(Value.of(f, x.get(f), f.type == VmcsField.Type.CONTROL ? "" : VmcsText.describe(f, x::get)));
        }
        if (r.group() == EntryRule.Group.MSR_LOADING) {
            values.add(new Value(
                    "entry " + x.msr.number, "MSR %XH, bits 63:32 %#x, value %#x".formatted(x.msr.index, x.msr.reserved, x.msr.value)));
        }
        return values;
    }
}
