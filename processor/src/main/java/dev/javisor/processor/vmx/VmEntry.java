package dev.javisor.processor.vmx;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.Msr;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxError;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.event.EventDelivery;
import dev.javisor.processor.system.DebugRegisters;

/** VM entries: the checks in their order, loading the guest, injecting an event ("VM Entries"). */
final class VmEntry {
    static final VmcsField[] PDPTES = {VmcsField.GUEST_PDPTE0, VmcsField.GUEST_PDPTE1, VmcsField.GUEST_PDPTE2, VmcsField.GUEST_PDPTE3};

    private final Vmx vmx;
    private final Cpu cpu;
    private final EntryContext context;
    final EntryReports reports;

    VmEntry(Vmx vmx) {
        this.vmx = vmx;
        this.cpu = vmx.cpu;
        this.context = new EntryContext(vmx);
        this.reports = new EntryReports(context);
    }

    // ---- the entry as a whole ----

    /** VMLAUNCH and VMRESUME in VMX root operation. */
    void enter(boolean launch) {
        Vmcs vmcs = vmx.current;
        cpu.requireBoundary();
        reports.begin();
        if (!vmcs.exists() || vmcs.isShadow()) {
            reports.invalid(launch);
            vmx.failInvalid();
        } else if (cpu.blockingByMovSs) {
            fail(launch, VmxError.ENTRY_MOV_SS);
        } else if (launch && vmcs.isLaunched()) {
            fail(launch, VmxError.VMLAUNCH_NOT_CLEAR);
        } else if (!launch && !vmcs.isLaunched()) {
            fail(launch, VmxError.VMRESUME_NOT_LAUNCHED);
        } else {
            context.begin();
            EntryRule violated = EntryRules.firstViolated(context);
            if (violated == null) {
                commit(launch);
            } else {
                reports.violation(launch, violated);
                fail(violated);
            }
        }
    }

    /** Before the checks. */
    private void fail(boolean launch, VmxError error) {
        reports.state(launch, error);
        vmx.failValid(error);
    }

    private void fail(EntryRule violated) {
        switch (violated.group()) {
            case CONTROLS -> vmx.failValid(VmxError.ENTRY_INVALID_CONTROLS);
            case HOST_STATE -> vmx.failValid(VmxError.ENTRY_INVALID_HOST_STATE);
            default -> {
                context.copyControls(vmx.nonRoot.controls);
                vmx.exits.failEntry(ExitReason.INVALID_GUEST_STATE, violated.qualification());
            }
        }
    }

    private void commit(boolean launch) {
        Cpu c = cpu;
        Vmcs vmcs = vmx.current;
        NonRoot guest = vmx.nonRoot;
        context.copyControls(guest.controls);
        c.suspendTranslations();
        loadRegisters();
        loadSegments();
        long failed = MsrLists.load(c, vmcs, VmcsField.ENTRY_MSR_LOAD_ADDRESS, VmcsField.ENTRY_MSR_LOAD_COUNT, context.msr);
        if (failed != 0) {
            reports.msr(launch);
            c.flushTlb();
            vmx.exits.failEntry(ExitReason.MSR_LOADING, failed);
            return;
        }
        if (launch) {
            vmcs.setLaunched(true);
        }
        c.guest = guest;
        c.monitorAddress = -1;
        vmx.requireFixedBits();
        translate();
        loadNonRegisterState();
        guest.apic.begin();
        vmx.resumeTranslations();
        c.detectsBusLocks = guest.on(VmxControl.BUS_LOCK_DETECTION);
        c.updateBreakpoints();
        c.updateMode();
        c.shadowBegun = true;
        c.resumeFlagLoaded = true;
        c.singleStepDecided = true;
        c.delivering = null;
        c.monitorTrap = guest.on(VmxControl.MONITOR_TRAP_FLAG);
        c.monitorTrapStep = false;
        if (guest.on(VmxControl.ACTIVATE_PREEMPTION_TIMER)) {
            guest.startTimer(context.get(VmcsField.PREEMPTION_TIMER_VALUE));
        }
        if (c.tracer != null) {
            c.tracer.trace(c, new Occurrence.Entry(context.injects() ? injected() : null));
        }
        if (context.injects()) {
            inject();
        } else {
            c.pendingDebug = pendingDebug(context.get(VmcsField.GUEST_PENDING_DEBUG));
        }
        if (c.guest != null) {
            guest.events.request();
        }
    }

    private static long pendingDebug(long field) {
        long breakpoints = (field & PendingDebug.ENABLED_BREAKPOINT) != 0 ? field & PendingDebug.BREAKPOINTS : 0;
        return breakpoints | field & PendingDebug.BS;
    }

    private Event injected() {
        return InterruptionInfo.event(
                context.info(), context.get(VmcsField.ENTRY_EXCEPTION_ERROR_CODE), context.get(VmcsField.ENTRY_INSTRUCTION_LENGTH));
    }

    private void inject() {
        Cpu c = cpu;
        c.pendingDebug = 0;
        Event e = injected();
        if (e.type() == Event.OTHER) {
            c.monitorTrapPending = true;
            return;
        }
        c.activity = Cpu.ACTIVE;
        if (e.type() == Event.NMI) {
            if (vmx.nonRoot.on(VmxControl.VIRTUAL_NMIS)) {
                vmx.nonRoot.events.virtualNmiBlocked = true;
            } else {
                c.nmiBlocked = true;
            }
        }
        EventDelivery.inject(c, e);
        if (c.guest != null) {
            c.monitorTrapPending = c.monitorTrap;
        }
    }

    // ---- "Loading Guest State" ----

    private void loadRegisters() {
        Cpu c = cpu;
        c.cr0 = c.cr0 & ExitToHost.CR0_KEPT | context.get(VmcsField.GUEST_CR0) & ~ExitToHost.CR0_KEPT;
        c.cr3 = context.get(VmcsField.GUEST_CR3);
        c.cr4 = context.get(VmcsField.GUEST_CR4);
        if (context.on(VmxControl.LOAD_DEBUG_CONTROLS)) {
            c.dr7 = DebugRegisters.dr7(c, context.get(VmcsField.GUEST_DR7));
            c.debugctl = context.get(VmcsField.GUEST_DEBUGCTL);
        }
        c.sysenterCs = context.get(VmcsField.GUEST_SYSENTER_CS);
        c.sysenterEsp = context.get(VmcsField.GUEST_SYSENTER_ESP);
        c.sysenterEip = context.get(VmcsField.GUEST_SYSENTER_EIP);
        c.efer = efer();
        if (context.on(VmxControl.LOAD_PAT)) {
            c.msr[Msr.PAT.slot] = context.get(VmcsField.GUEST_PAT);
        }
        if (context.on(VmxControl.LOAD_PKRS)) {
            c.setPkrs(context.get(VmcsField.GUEST_PKRS));
        }
        c.gpr[4] = context.get(VmcsField.GUEST_RSP);
        c.rip = context.get(VmcsField.GUEST_RIP);
        Flags.setRflags(c, context.get(VmcsField.GUEST_RFLAGS));
    }

    private long efer() {
        if (context.on(VmxControl.LOAD_EFER)) {
            return context.get(VmcsField.GUEST_EFER);
        }
        if (context.ia32e()) {
            return cpu.efer | Cr.LMA | Cr.LME;
        }
        return cpu.efer & ~(context.guestCr0(Cr.PG) ? Cr.LMA | Cr.LME : Cr.LMA);
    }

    private void loadSegments() {
        Cpu c = cpu;
        for (int s = Cpu.ES; s <= Cpu.TR; s++) {
            c.selector[s] = (int) context.get(SegmentFields.selector(s));
            c.segBase[s] = context.get(SegmentFields.base(s));
            c.segLimit[s] = context.get(SegmentFields.limit(s));
            c.segAccess[s] = (int) context.get(SegmentFields.access(s));
        }
        if (!context.guestCr0(Cr.PE)) {
            c.segAccess[Cpu.CS] |= Cpu.REAL_MODE;
        }
        c.cpl = context.v86() ? 3 : context.dpl(Cpu.SS);
        c.gdtBase = context.get(VmcsField.GUEST_GDTR_BASE);
        c.gdtLimit = (int) context.get(VmcsField.GUEST_GDTR_LIMIT);
        c.idtBase = context.get(VmcsField.GUEST_IDTR_BASE);
        c.idtLimit = (int) context.get(VmcsField.GUEST_IDTR_LIMIT);
    }

    private void translate() {
        boolean ept = context.on(VmxControl.ENABLE_EPT);
        if (ept) {
            vmx.ept.begin();
        }
        if (context.paePaging()) {
            if (ept) {
                for (int i = 0; i < 4; i++) {
                    cpu.pdpte[i] = context.get(PDPTES[i]);
                }
            } else {
                cpu.translation.loadPointers(cpu, cpu.cr3);
            }
        }
        cpu.secondLevel = ept ? vmx.ept : null;
    }

    private void loadNonRegisterState() {
        Cpu c = cpu;
        c.activity = (int) context.get(VmcsField.GUEST_ACTIVITY);
        c.waitBreaksOnInterrupt = false;
        c.shutdownReason = c.activity == Cpu.SHUTDOWN ? "the guest was entered in the shutdown state" : null;
        long state = context.interruptibility();
        c.blockingBySti = (state & Interruptibility.STI) != 0;
        c.blockingByMovSs = (state & Interruptibility.MOV_SS) != 0;
        boolean nmi = (state & Interruptibility.NMI) != 0;
        GuestEvents events = vmx.nonRoot.events;
        events.virtualNmiBlocked = nmi && context.on(VmxControl.VIRTUAL_NMIS);
        if (context.off(VmxControl.VIRTUAL_NMIS)) {
            c.nmiBlocked = nmi;
        }
    }
}
