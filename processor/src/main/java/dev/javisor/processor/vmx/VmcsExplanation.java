package dev.javisor.processor.vmx;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmcsText;
import dev.javisor.isa.VmxAbort;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.vmx.VmEntryFailure.Violation;
import java.util.List;

/**
 * A VMCS region in words: every field that the processor has, and the rules that a VM entry with it would violate. Rules about memory
 * that is not there (virtual-APIC page, VMCS link pointer, PDPTEs, MSR lists) are taken to hold. Changes nothing.
 */
public final class VmcsExplanation {
    private static final int NAME = 50, INDENT = 4, COLUMNS = 132;

    private final Vmcs vmcs;
    private final EntryContext context;
    private final List<Violation> violations;

    /**
     * @param model whose capabilities count; has VMX
     * @param region physical address of the region
     */
    public VmcsExplanation(CpuModel model, PhysicalMemory memory, long region) {
        Cpu cpu = new Cpu(model, 0, memory, new Timeline());
        Vmx vmx = new Vmx(cpu);
        vmx.current.moveTo(region);
        vmcs = vmx.current;
        context = new EntryContext(vmx);
        context.begin();
        // The host that wrote it enters in the mode to which exits return.
        cpu.efer = context.on(VmxControl.HOST_ADDRESS_SPACE_SIZE) ? Cr.LMA | Cr.LME : 0;
        violations = EntryReports.violations(context, null);
    }

    /** The region begins with the revision identifier of Javisor's processors. */
    public boolean hasRevision() {
        return vmcs.hasRevision();
    }

    /** The first 4 bytes of the region without the shadow-VMCS indicator. */
    public int revision() {
        return vmcs.revision() & ~Vmcs.SHADOW;
    }

    /** What a VM entry with this VMCS would fail at, in the order of the checks. */
    public List<Violation> violations() {
        return violations;
    }

    /** The fields by area, then what an entry would fail at. Every line ends with a line feed. */
    public String text() {
        StringBuilder t = new StringBuilder();
        t.append("revision ").append(revision());
        t.append(vmcs.isShadow() ? ", shadow VMCS" : "").append(vmcs.isLaunched() ? ", launched" : ", clear");
        VmxAbort abort = VmxAbort.of(vmcs.abort());
        t.append(vmcs.abort() == 0 ? "" : ", VMX abort " + vmcs.abort() + (abort == null ? "" : ": " + abort.text)).append('\n');
        area(t, "Control fields", VmcsField.Type.CONTROL);
        area(t, "Guest-state area", VmcsField.Type.GUEST);
        area(t, "Host-state area", VmcsField.Type.HOST);
        area(t, "VM-exit information fields", VmcsField.Type.READ_ONLY);
        t.append('\n').append(verdict()).append('\n');
        violations.forEach(v -> v.print(t));
        return t.toString();
    }

    private String verdict() {
        if (vmcs.isShadow()) {
            return "Nothing is entered with a shadow VMCS: VMfailInvalid.";
        }
        String entry = vmcs.isLaunched() ? "VMRESUME" : "VMLAUNCH";
        if (violations.isEmpty()) {
            return entry + " would pass all checks.";
        }
        return entry + " would fail, " + violations.getFirst().rule().group().text + ":";
    }

    private void area(StringBuilder t, String title, VmcsField.Type type) {
        t.append('\n').append(title).append('\n');
        for (VmcsField f : VmcsField.values()) {
            if (f.type == type && context.vmx.capabilities.has(f)) {
                line(t, f);
            }
        }
    }

    private void line(StringBuilder t, VmcsField f) {
        int start = t.length();
        t.append("  %04XH %-49s %#18x".formatted(f.encoding, f.text, vmcs.get(f)));
        String words = VmcsText.describe(f, vmcs::get);
        int column = t.length() - start;
        boolean first = true;
        for (String part : words.isEmpty() ? new String[0] : words.split("(?<=,) ")) {
            if (column + 2 + part.length() > COLUMNS) {
                t.append('\n').repeat(' ', NAME + INDENT);
                column = NAME + INDENT;
            }
            t.append(first ? "  " : " ").append(part);
            column += part.length() + 1;
            first = false;
        }
        t.append('\n');
    }
}
