package dev.javisor.processor.vmx;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.Msr;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxAbort;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.event.EventDelivery;

/** VM exits: exit information, saving the guest, loading the host ("VM Exits"). */
final class ExitToHost {
    static final long ENTRY_FAILURE = 1L << 31;
    /** The exit reason's bit that says that the guest had asserted a bus lock, too. */
    private static final long BUS_LOCK = 1 << 26;

    /** Bits of CR0 that neither VM entry nor VM exit changes. */
    static final long CR0_KEPT = 0x7FFA_FFD0L;

    private static final long ACCESS_RIGHTS = 0x1_F0FF;
    private static final int DPL = 0x60, DPL_SHIFT = 5;

    private static final int HOST_CODE = 0x809B, HOST_DATA = 0x8093 | Cpu.DB, HOST_TSS = 0x8B;

    private final Vmx vmx;
    private final Cpu cpu;
    private final MsrLists.Entry msr = new MsrLists.Entry();

    ExitToHost(Vmx vmx) {
        this.vmx = vmx;
        this.cpu = vmx.cpu;
    }

    private NonRoot guest() {
        return vmx.nonRoot;
    }

    // ---- the exit as a whole ----

    void leave(VmExit exit) {
        Cpu c = cpu;
        Event during = c.delivering;
        c.delivering = null;
        c.latency = 0;
        if (c.tracer != null) {
            long gpa = exit.hasGuestPhysical ? exit.guestPhysical : -1;
            c.tracer.trace(c, new Occurrence.Exit(exit.reason, exit.qualification, exit.event, during, gpa));
        }
        vmx.stringElements = c.stringElements;
        c.stringElements = 0;
        vmx.monitoredLine = c.monitorAddress;
        vmx.waited = c.activity == Cpu.MWAIT;
        Vmcs vmcs = vmx.current;
        record(vmcs, exit, during);
        vmcs.set(VmcsField.ENTRY_INTERRUPTION_INFO, vmcs.get(VmcsField.ENTRY_INTERRUPTION_INFO) & ~InterruptionInfo.VALID);
        boolean was64 = (c.efer & Cr.LMA) != 0;
        saveGuest(vmcs, exit, during);
        c.suspendTranslations();
        endGuest();
        if (!MsrLists.store(c, vmcs)) {
            abort(VmxAbort.SAVING_GUEST_MSRS);
        } else if (was64 && !guest().on(VmxControl.HOST_ADDRESS_SPACE_SIZE)) {
            abort(VmxAbort.HOST_NOT_IN_64_BIT_MODE);
        } else {
            enterHost(vmcs);
            if (exit.event != null && exit.event.type() == Event.NMI && exit.reason == ExitReason.EXCEPTION_OR_NMI) {
                c.nmiBlocked = true;
            }
        }
    }

    /** A VM entry has failed after the host's state was found good: nothing of the guest is saved. */
    void failEntry(ExitReason reason, long qualification) {
        if (cpu.tracer != null) {
            cpu.tracer.trace(cpu, new Occurrence.FailedEntry(reason, qualification));
        }
        vmx.current.set(VmcsField.EXIT_REASON, reason.number | ENTRY_FAILURE);
        vmx.current.set(VmcsField.EXIT_QUALIFICATION, qualification);
        cpu.flushTlb();
        endGuest();
        enterHost(vmx.current);
    }

    private void endGuest() {
        cpu.guest = null;
        cpu.secondLevel = null;
        cpu.monitorTrap = false;
        cpu.monitorTrapPending = false;
        cpu.withdraw(Cpu.GUEST_REQUEST);
        guest().stopTimer();
        guest().timerExpired = false;
        guest().events.busLock = false;
        cpu.detectsBusLocks = false;
        guest().apic.end();
        vmx.requireFixedBits();
    }

    private void abort(VmxAbort abort) {
        vmx.current.setAbort(abort.number);
        cpu.initBlocked = true;
        cpu.nmiBlocked = true;
        cpu.shutdownReason = "VMX abort " + abort.number + ": " + abort.text;
        cpu.activity = Cpu.SHUTDOWN;
        cpu.endSlice();
    }

    // ---- "Recording VM-Exit Information and Updating VM-Entry Control Fields" ----

    private void record(Vmcs vmcs, VmExit exit, Event during) {
        boolean busLock = guest().events.busLock && exit.reason != ExitReason.BUS_LOCK;
        vmcs.set(VmcsField.EXIT_REASON, exit.reason.number | (busLock ? BUS_LOCK : 0));
        Event e = exit.event;
        boolean doubleFault = e != null && e.type() == Event.HARDWARE_EXCEPTION && e.vector() == Event.DF;
        boolean vectoring = during != null && !doubleFault;
        boolean unblocked = guest().events.unblockedByIret && !vectoring && !doubleFault;
        guest().events.unblockedByIret = false;
        long qualification = exit.qualification;
        if (unblocked && exit.reportsNmiUnblocking()) {
            qualification |= InterruptionInfo.NMI_UNBLOCKING;
        }
        vmcs.set(VmcsField.EXIT_QUALIFICATION, qualification);
        if (e != null) {
            vmcs.set(VmcsField.EXIT_INTERRUPTION_INFO, InterruptionInfo.of(e) | (unblocked ? InterruptionInfo.NMI_UNBLOCKING : 0));
            if (e.hasErrorCode()) {
                vmcs.set(VmcsField.EXIT_INTERRUPTION_ERROR_CODE, e.errorCode());
            }
        } else {
            vmcs.set(VmcsField.EXIT_INTERRUPTION_INFO, 0);
        }
        vmcs.set(VmcsField.IDT_VECTORING_INFO, vectoring ? InterruptionInfo.of(during) : 0);
        if (vectoring && during.hasErrorCode()) {
            vmcs.set(VmcsField.IDT_VECTORING_ERROR_CODE, during.errorCode());
        }
        int length = exit.instructionLength != 0 ? exit.instructionLength : vectoring ? during.instructionLength() : 0;
        if (length != 0) {
            vmcs.set(VmcsField.EXIT_INSTRUCTION_LENGTH, length);
        }
        if (exit.instructionInfo >= 0) {
            vmcs.set(VmcsField.EXIT_INSTRUCTION_INFO, exit.instructionInfo);
        }
        if (exit.hasLinear) {
            vmcs.set(VmcsField.GUEST_LINEAR_ADDRESS, exit.linear);
        }
        if (exit.hasGuestPhysical) {
            vmcs.set(VmcsField.GUEST_PHYSICAL_ADDRESS, exit.guestPhysical);
        }
    }

    // ---- "Saving Guest State" ----

    private void saveGuest(Vmcs vmcs, VmExit exit, Event during) {
        Cpu c = cpu;
        NonRoot guest = guest();
        vmcs.set(VmcsField.GUEST_CR0, c.cr0);
        vmcs.set(VmcsField.GUEST_CR3, c.cr3);
        vmcs.set(VmcsField.GUEST_CR4, c.cr4);
        vmcs.set(VmcsField.GUEST_SYSENTER_CS, c.sysenterCs);
        vmcs.set(VmcsField.GUEST_SYSENTER_ESP, c.sysenterEsp);
        vmcs.set(VmcsField.GUEST_SYSENTER_EIP, c.sysenterEip);
        if (guest.on(VmxControl.SAVE_DEBUG_CONTROLS)) {
            vmcs.set(VmcsField.GUEST_DR7, c.dr7);
            vmcs.set(VmcsField.GUEST_DEBUGCTL, c.debugctl);
        }
        if (guest.on(VmxControl.SAVE_PAT)) {
            vmcs.set(VmcsField.GUEST_PAT, c.msr[Msr.PAT.slot]);
        }
        if (guest.on(VmxControl.SAVE_EFER)) {
            vmcs.set(VmcsField.GUEST_EFER, c.efer);
        }
        if (vmx.capabilities.has(VmxControl.LOAD_PKRS)) {
            vmcs.set(VmcsField.GUEST_PKRS, c.pkrs);
        }
        long entry = vmcs.get(VmcsField.ENTRY_CONTROLS);
        vmcs.set(VmcsField.ENTRY_CONTROLS, c.longMode() ? entry | VmxControl.IA32E_MODE_GUEST.bit
                : entry & ~VmxControl.IA32E_MODE_GUEST.bit);
        for (int s = Cpu.ES; s <= Cpu.TR; s++) {
            vmcs.set(SegmentFields.selector(s), c.selector[s]);
            vmcs.set(SegmentFields.base(s), c.segBase[s]);
            vmcs.set(SegmentFields.limit(s), c.segLimit[s]);
            // The DPL of SS is where the CPL is kept; SYSRET of AMD's processors loads another.
            int access = s == Cpu.SS ? c.segAccess[s] & ~DPL | c.cpl << DPL_SHIFT : c.segAccess[s];
            vmcs.set(SegmentFields.access(s), access & ACCESS_RIGHTS);
        }
        vmcs.set(VmcsField.GUEST_GDTR_BASE, c.gdtBase);
        vmcs.set(VmcsField.GUEST_GDTR_LIMIT, c.gdtLimit);
        vmcs.set(VmcsField.GUEST_IDTR_BASE, c.idtBase);
        vmcs.set(VmcsField.GUEST_IDTR_LIMIT, c.idtLimit);
        vmcs.set(VmcsField.GUEST_RIP, c.rip);
        vmcs.set(VmcsField.GUEST_RSP, c.gpr[4]);
        vmcs.set(VmcsField.GUEST_RFLAGS, savedFlags(exit, during));
        saveNonRegisterState(vmcs, exit, during);
        if (guest.on(VmxControl.ENABLE_EPT) && c.is(Cr.PG) && (c.cr4 & Cr.PAE) != 0 && !c.longMode()) {
            for (int i = 0; i < 4; i++) {
                vmcs.set(VmEntry.PDPTES[i], c.pdpte[i]);
            }
        }
    }

    private long savedFlags(VmExit exit, Event during) {
        if (exit.faultLike) {
            Event image = exit.event != null ? exit.event : during;
            return image != null ? EventDelivery.flagsImage(cpu, image) : Flags.rflags(cpu) | Flags.RF;
        }
        return Flags.rflags(cpu);
    }

    private void saveNonRegisterState(Vmcs vmcs, VmExit exit, Event during) {
        Cpu c = cpu;
        NonRoot guest = guest();
        vmcs.set(VmcsField.GUEST_ACTIVITY, c.activity == Cpu.MWAIT ? Cpu.ACTIVE : c.activity);
        // An event that is being delivered has ended them.
        boolean sti = c.blockingBySti && during == null;
        boolean movSs = c.blockingByMovSs && during == null;
        boolean nmi = guest.on(VmxControl.VIRTUAL_NMIS) ? guest.events.virtualNmiBlocked : c.nmiBlocked;
        vmcs.set(
                VmcsField.GUEST_INTERRUPTIBILITY,
                (sti ? Interruptibility.STI : 0)
                        | (movSs ? Interruptibility.MOV_SS : 0)
                        | (nmi ? Interruptibility.NMI : 0));
        long pending = exit.keepsPendingDebug() || movSs && !exit.isDebugException() ? c.pendingDebug : 0;
        boolean breakpoint = (pending & PendingDebug.BREAKPOINTS) != 0;
        vmcs.set(VmcsField.GUEST_PENDING_DEBUG, pending & PendingDebug.SAVED | (breakpoint ? PendingDebug.ENABLED_BREAKPOINT : 0));
        if (guest.on(VmxControl.SAVE_PREEMPTION_TIMER)) {
            vmcs.set(VmcsField.PREEMPTION_TIMER_VALUE, guest.timerValue());
        }
    }

    // ---- "Loading Host State" ----

    private void enterHost(Vmcs vmcs) {
        if (!loadHost(vmcs)) {
            abort(VmxAbort.HOST_PDPTES);
        } else if (MsrLists.load(cpu, vmcs, VmcsField.EXIT_MSR_LOAD_ADDRESS, VmcsField.EXIT_MSR_LOAD_COUNT, msr) != 0) {
            abort(VmxAbort.LOADING_HOST_MSRS);
        }
    }

    private boolean loadHost(Vmcs vmcs) {
        Cpu c = cpu;
        NonRoot guest = guest();
        boolean wide = guest.on(VmxControl.HOST_ADDRESS_SPACE_SIZE);
        c.cr0 = c.cr0 & CR0_KEPT | vmcs.get(VmcsField.HOST_CR0) & ~CR0_KEPT;
        c.cr3 = vmcs.get(VmcsField.HOST_CR3);
        long cr4 = vmcs.get(VmcsField.HOST_CR4);
        c.cr4 = wide ? cr4 | Cr.PAE : cr4 & ~Cr.PCIDE;
        c.dr7 = 0x400;
        c.debugctl = 0;
        c.sysenterCs = vmcs.get(VmcsField.HOST_SYSENTER_CS);
        c.sysenterEsp = vmcs.get(VmcsField.HOST_SYSENTER_ESP);
        c.sysenterEip = vmcs.get(VmcsField.HOST_SYSENTER_EIP);
        long modes = Cr.LMA | Cr.LME;
        c.efer = guest.on(VmxControl.LOAD_HOST_EFER) ? vmcs.get(VmcsField.HOST_EFER) : wide ? c.efer | modes : c.efer & ~modes;
        if (guest.on(VmxControl.LOAD_HOST_PAT)) {
            c.msr[Msr.PAT.slot] = vmcs.get(VmcsField.HOST_PAT);
        }
        if (guest.on(VmxControl.LOAD_HOST_PKRS)) {
            c.setPkrs(vmcs.get(VmcsField.HOST_PKRS));
        }
        loadHostSegments(vmcs, wide);
        c.gpr[4] = vmcs.get(VmcsField.HOST_RSP);
        c.rip = vmcs.get(VmcsField.HOST_RIP);
        Flags.setRflags(c, Flags.FIXED);
        c.activity = Cpu.ACTIVE;
        c.blockingBySti = false;
        c.blockingByMovSs = false;
        c.pendingDebug = 0;
        c.monitorAddress = -1;
        c.shutdownReason = null;
        c.shadowBegun = true;
        c.resumeFlagLoaded = true;
        c.singleStepDecided = true;
        boolean pae = !wide && c.is(Cr.PG) && (c.cr4 & Cr.PAE) != 0;
        if (pae && !c.translation.loadPointers(c, c.cr3)) {
            return false;
        }
        vmx.resumeTranslations();
        c.updateBreakpoints();
        c.updateMode();
        c.endSlice();
        return true;
    }

    private void loadHostSegments(Vmcs vmcs, boolean wide) {
        Cpu c = cpu;
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            int selector = (int) vmcs.get(SegmentFields.hostSelector(s));
            c.selector[s] = selector;
            c.segBase[s] = 0;
            c.segLimit[s] = 0xFFFF_FFFFL;
            c.segAccess[s] = s == Cpu.CS ? HOST_CODE | (wide ? Cpu.L : Cpu.DB) : selector == 0 ? Cpu.UNUSABLE | HOST_DATA : HOST_DATA;
        }
        c.segBase[Cpu.FS] = vmcs.get(VmcsField.HOST_FS_BASE);
        c.segBase[Cpu.GS] = vmcs.get(VmcsField.HOST_GS_BASE);
        c.selector[Cpu.TR] = (int) vmcs.get(VmcsField.HOST_TR_SELECTOR);
        c.segBase[Cpu.TR] = vmcs.get(VmcsField.HOST_TR_BASE);
        c.segLimit[Cpu.TR] = 0x67;
        c.segAccess[Cpu.TR] = HOST_TSS;
        c.selector[Cpu.LDTR] = 0;
        c.segBase[Cpu.LDTR] = 0;
        c.segLimit[Cpu.LDTR] = 0;
        c.segAccess[Cpu.LDTR] = Cpu.UNUSABLE;
        c.gdtBase = vmcs.get(VmcsField.HOST_GDTR_BASE);
        c.idtBase = vmcs.get(VmcsField.HOST_IDTR_BASE);
        c.gdtLimit = 0xFFFF;
        c.idtLimit = 0xFFFF;
        c.cpl = 0;
    }
}
