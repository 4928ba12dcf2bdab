package dev.javisor.processor.vmx;

import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxControl.Word;
import dev.javisor.isa.VmxError;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Virtualization;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.system.ControlRegisters;
import java.util.function.Consumer;

/** The VMX state of one logical processor beside its VMCS regions, and the parts that work on it. */
public final class Vmx implements Virtualization {
    final Cpu cpu;
    final VmxCapabilities capabilities;
    /** In VMX operation, since VMXON. */
    boolean operation;
    /** Physical address of the VMXON region, or {@link Vmcs#NONE}. */
    long vmxonPointer = Vmcs.NONE;
    /** The current VMCS. */
    final Vmcs current;

    final NonRoot nonRoot;
    final VmEntry entry;
    final ExitToHost exits;
    final Ept ept;
    /** See {@link #stringElements()}. */
    int stringElements;
    /** See {@link #monitoredLine()} and {@link #hasWaited()}. */
    long monitoredLine = -1;

    boolean waited;

    public Vmx(Cpu cpu) {
        this.cpu = cpu;
        capabilities = new VmxCapabilities(cpu.model.features());
        current = new Vmcs(cpu.memory, Vmcs.NONE);
        cpu.memory.observeMapping(current::mappingChanged);
        ept = new Ept(this);
        exits = new ExitToHost(this);
        nonRoot = new NonRoot(this);
        entry = new VmEntry(this);
    }

    static Vmx of(Cpu c) {
        return (Vmx) c.virtualization;
    }

    /** From here on somebody is told why VM entries fail; null for nobody. */
    public void setFailureListener(Consumer<VmEntryFailure> listener) {
        entry.reports.tell(listener);
    }

    /** Physical address of the current VMCS, or {@link Vmcs#NONE}. */
    public long currentVmcs() {
        return current.address();
    }

    /** In VMX non-root operation. */
    boolean isNonRoot() {
        return cpu.guest != null;
    }

    /**
     * Elements of a repeated string instruction that the last exit interrupted, whose tick is not over. For a host that lets the guest go
     * on in it.
     */
    public int stringElements() {
        return stringElements;
    }

    /** Physical address of the line that the guest had armed the monitor for when it exited, or -1. For such a host too. */
    public long monitoredLine() {
        return monitoredLine;
    }

    /** A trap-like exit of an access to the local APIC is due. For a host that ends the guest's turn before. */
    public boolean hasTrap() {
        return cpu.guest != null && nonRoot.apic.hasTrap();
    }

    /** The exit has ended a wait of the guest (MWAIT, UMWAIT, TPAUSE). For such a host too. */
    public boolean hasWaited() {
        return waited;
    }

    /** The bits of CR4 that the processor supports. */
    long cr4Bits() {
        return ControlRegisters.cr4Bits(cpu);
    }

    @Override
    public long capability(Cpu c, int index) {
        if (!capabilities.exists(index)) {
            throw c.gp0();
        }
        return capabilities.register(index, cr4Bits());
    }

    // ---- operation ----

    void enterOperation(long region) {
        operation = true;
        vmxonPointer = region;
        current.moveTo(Vmcs.NONE);
        cpu.initBlocked = true;
        requireFixedBits();
    }

    void leaveOperation() {
        operation = false;
        vmxonPointer = Vmcs.NONE;
        current.moveTo(Vmcs.NONE);
        cpu.initBlocked = false;
        requireFixedBits();
        cpu.endSlice();
    }

    /** MOV to CR0 and CR4 must keep the bits that VMX operation fixes. */
    void requireFixedBits() {
        boolean unrestricted = isNonRoot() && nonRoot.on(VmxControl.UNRESTRICTED_GUEST);
        cpu.cr0Required = !operation ? 0 : VmxCapabilities.CR0_FIXED0 & ~(unrestricted ? EntryContext.CR0_UNRESTRICTED : 0);
        cpu.cr4Required = operation ? VmxCapabilities.CR4_FIXED0 : 0;
    }

    // ---- "Caching Translation Information" ----

    /** The processor runs somebody else from here on, as control registers, VPID and EPT pointer are now. */
    void resumeTranslations() {
        boolean guest = isNonRoot();
        long tables = guest && nonRoot.on(VmxControl.ENABLE_EPT) ? ept.tag() : 0;
        long vpid = guest && nonRoot.on(VmxControl.ENABLE_VPID) ? current.get(VmcsField.VIRTUAL_PROCESSOR_ID) : 0;
        cpu.resumeTranslations(vpid, tables);
        if (!nonRoot.on(VmxControl.ENABLE_VPID)) {
            // VM entries and VM exits forget everything of the host's VPID, which is the guest's too.
            cpu.flushTlb();
        }
    }

    // ---- "Conventions": how instructions report their success ----

    void succeed() {
        Flags.setArithmetic(cpu, 0);
    }

    void failInvalid() {
        Flags.setArithmetic(cpu, Flags.CF);
    }

    void failValid(VmxError error) {
        Flags.setArithmetic(cpu, Flags.ZF);
        current.set(VmcsField.VM_INSTRUCTION_ERROR, error.number);
    }

    void fail(VmxError error) {
        if (current.exists()) {
            failValid(error);
        } else {
            failInvalid();
        }
    }

    // ---- fields ----

    /** The field that software means, if the processor has it; else null. */
    VmcsField field(long encoding) {
        VmcsField f = VmcsField.of(encoding);
        return f != null && capabilities.has(f) ? f : null;
    }

    /** VMWRITE. @param wide the operand has 64 bits. */
    void write(Vmcs vmcs, VmcsField f, long encoding, long value, boolean wide) {
        long v = value;
        if ((encoding & 1) != 0) {
            v = vmcs.get(f) & 0xFFFF_FFFFL | value << 32;
        } else if (!wide && f.width == VmcsField.Width.BITS64) {
            v = vmcs.get(f) & ~0xFFFF_FFFFL | value & 0xFFFF_FFFFL;
        }
        vmcs.set(f, v);
    }

    /** Canonical for the widest linear addresses of the processor. */
    boolean isCanonical(long linear) {
        int unused = 64 - cpu.model.linearBits();
        return linear << unused >> unused == linear;
    }

    // ---- state ----

    @Override
    public void reset(Cpu c) {
        operation = false;
        vmxonPointer = Vmcs.NONE;
        current.moveTo(Vmcs.NONE);
        nonRoot.reset();
        c.guest = null;
        c.secondLevel = null;
        c.initBlocked = false;
        c.monitorTrap = false;
        c.monitorTrapPending = false;
        c.detectsBusLocks = false;
        resumeTranslations();
        requireFixedBits();
    }

    @Override
    public void save(StateOutput out) {
        out.putBoolean("operation", operation);
        out.putLong("VMXON region", vmxonPointer);
        out.putLong("current VMCS", current.address());
        out.putBoolean("non-root", isNonRoot());
        out.putBoolean("INIT blocked", cpu.initBlocked);
        out.putBoolean("monitor trap", cpu.monitorTrap);
        out.putBoolean("monitor trap pending", cpu.monitorTrapPending);
        out.put("guest", nonRoot);
    }

    @Override
    public void load(StateInput in) {
        operation = in.getBoolean("operation");
        vmxonPointer = in.getLong("VMXON region");
        current.moveTo(in.getLong("current VMCS"));
        cpu.guest = in.getBoolean("non-root") ? nonRoot : null;
        cpu.initBlocked = in.getBoolean("INIT blocked");
        cpu.monitorTrap = in.getBoolean("monitor trap");
        cpu.monitorTrapPending = in.getBoolean("monitor trap pending");
        in.get("guest", nonRoot);
        boolean nested = isNonRoot() && nonRoot.on(VmxControl.ENABLE_EPT);
        if (nested) {
            ept.begin();
        }
        cpu.secondLevel = nested ? ept : null;
        cpu.detectsBusLocks = isNonRoot() && nonRoot.on(VmxControl.BUS_LOCK_DETECTION);
        resumeTranslations();
        requireFixedBits();
    }

    /** The control words of the current VMCS as they act: those that are not activated are zero. */
    void readControls(long[] words) {
        words[Word.PIN_BASED.ordinal()] = current.get(VmcsField.PIN_CONTROLS);
        long primary = current.get(VmcsField.PRIMARY_CONTROLS);
        words[Word.PRIMARY.ordinal()] = primary;
        words[Word.SECONDARY.ordinal()] = (primary & VmxControl.ACTIVATE_SECONDARY.bit) != 0 ? current.get(VmcsField.SECONDARY_CONTROLS)
                : 0;
        words[Word.TERTIARY.ordinal()] = (primary & VmxControl.ACTIVATE_TERTIARY.bit) != 0 ? current.get(VmcsField.TERTIARY_CONTROLS) : 0;
        long exit = current.get(VmcsField.EXIT_CONTROLS);
        words[Word.EXIT.ordinal()] = exit;
        words[Word.SECONDARY_EXIT.ordinal()] = (exit & VmxControl.ACTIVATE_SECONDARY_EXIT.bit) != 0
                ? current.get(VmcsField.SECONDARY_EXIT_CONTROLS) : 0;
        words[Word.ENTRY.ordinal()] = current.get(VmcsField.ENTRY_CONTROLS);
    }
}
