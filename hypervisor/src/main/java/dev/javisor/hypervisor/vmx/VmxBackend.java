package dev.javisor.hypervisor.vmx;

import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.MsrFilter;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.host.HostPages;
import dev.javisor.hypervisor.host.RootProcessor;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.hypervisor.vcpu.Backend;
import dev.javisor.hypervisor.vcpu.EventQueue;
import dev.javisor.hypervisor.vcpu.GuestState;
import dev.javisor.hypervisor.vcpu.MsrPolicy;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.isa.ExitReason;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Msr;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.system.TimeStamp;
import dev.javisor.processor.trace.TraceSink;
import java.util.LinkedHashMap;
import java.util.Map;

/** A vcpu on a processor with VMX: its VMCS, entries, events as VMX injects them, and what it says about those that it did not deliver. */
public final class VmxBackend implements Backend {
    // Interruption information
    private static final long VALID = 1L << 31, HAS_ERROR_CODE = 1 << 11, NMI_UNBLOCKING = 1 << 12;

    // Exit reason
    private static final long ENTRY_FAILURE = 1L << 31, BUS_LOCK = 1 << 26;
    private static final long INVEPT_SINGLE = 1, INVVPID_SINGLE = 1;
    /** Index of the page-modification log when it is empty. */
    private static final int LAST_LOGGED = 511;

    private final VcpuCore core;
    private final Cpu cpu;
    private final RootProcessor root;
    private final ExtendedPageTables ept;
    private final VmcsTransfer transfer;
    private final VmxExits exits;
    private final HostPages pages;
    private final VmcsSetup setup;
    /** Null when the local APIC is not virtualized. */
    private final VmxApic apic;

    private int msrFilter;
    private final MemorySlots slots;
    /** HLT exits; else the guest halts in hardware, up to an exit. */
    private boolean haltsExit = true;

    private boolean notifiesUserspace;
    private boolean launched;
    /** Software has changed, or may have changed, what the guest's translations rest on. */
    private boolean staleTranslations;

    /** The page-modification log, once there has been one; and whether it is in use. */
    private long modificationLog;

    private boolean logging;
    private long eptGeneration;
    private long tscOffset, tscMultiplier;
    /** The guest has the debug registers: it accesses them without exit until the next one. */
    private boolean guestOwnsDebugRegisters;
    /** What the VMCS says, so that it need not be read. */
    private long primaryControls;

    private long exceptionBitmap;
    /** Ticks that the elements take which software has handled of the repeated string instruction that the entry goes on with. */
    private int elementLatency;
    /** Exits by reason. */
    private final long[] exitCounts = new long[128];

    VmxBackend(VcpuCore core, RootProcessor root, HostPages pages, ExtendedPageTables ept, MemorySlots slots, VmxVm vm) {
        this.core = core;
        this.cpu = core.cpu();
        this.root = root;
        this.ept = ept;
        this.pages = pages;
        this.slots = slots;
        this.transfer = new VmcsTransfer(core, root);
        this.exits = new VmxExits(core, this, ept);
        setup = new VmcsSetup(root, pages);
        setup.create();
        if (vm.virtualizesApics() && cpu.apic instanceof LocalApic && VmxApic.isPossible(setup)) {
            apic = new VmxApic(core, root, setup, pages, vm);
            vm.add(apic, core);
        } else {
            apic = null;
        }
        modelChanged();
        root.vmwrite(VmcsField.EPT_POINTER, ept.pointer());
        primaryControls = root.vmread(VmcsField.PRIMARY_CONTROLS);
        control(VmxControl.HLT_EXITING, vm.haltsExit());
        haltsExit = vm.haltsExit();
        if (vm.busLocksExit()) {
            setup.set(VmxControl.BUS_LOCK_DETECTION, true);
        }
        if (vm.notifyWindow() >= 0) {
            setup.set(VmxControl.INSTRUCTION_TIMEOUT, true);
            root.vmwrite(VmcsField.INSTRUCTION_TIMEOUT_CONTROL, vm.notifyWindow());
        }
        notifiesUserspace = vm.notifiesUserspace();
    }

    /** Userspace is told of each instruction timeout. */
    boolean notifiesUserspace() {
        return notifiesUserspace;
    }

    @Override
    public void modelChanged() {
        transfer.modelChanged();
        root.vmwrite(VmcsField.CR4_MASK, transfer.cr4Mask());
        setup.modelChanged(cpu.model);
        filterMsrs();
    }

    /** The registers that need no exits have none, unless userspace filters them. */
    private void filterMsrs() {
        MsrPolicy policy = core.msrs();
        msrFilter = policy.generation();
        for (Msr m : transfer.withoutExit()) {
            setup.intercept(m, !policy.allows(m.index, MsrFilter.READ), !policy.allows(m.index, MsrFilter.WRITE));
        }
        if (apic != null) {
            apic.interceptRegisters();
        }
    }

    long vmread(VmcsField f) {
        return root.vmread(f);
    }

    int instructionLength() {
        return (int) root.vmread(VmcsField.EXIT_INSTRUCTION_LENGTH);
    }

    // ---- state ----

    @Override
    public void fetch(int parts) {
        transfer.fetch(parts);
    }

    @Override
    public void store(int parts) {
        transfer.store(parts);
        staleTranslations |= (parts & GuestState.SYSTEM) != 0;
    }

    @Override
    public void flushTranslations() {
        staleTranslations = true;
    }

    private void control(VmxControl c, boolean on) {
        long next = on ? primaryControls | c.bit : primaryControls & ~c.bit;
        if (next != primaryControls) {
            primaryControls = next;
            root.vmwrite(VmcsField.PRIMARY_CONTROLS, next);
        }
    }

    // ---- running ----

    @Override
    public VcpuExit run(long limit) {
        if (root.inGuest()) {
            root.resume(limit);
        } else {
            prepareEntry();
            long line = cpu.monitorAddress == -1 ? -1 : slots.hostPhysical(cpu.monitorAddress);
            core.events.enter(cpu.timeline.now());
            elementLatency = cpu.latency;
            cpu.latency = 0;
            if (!root.enter(!launched, cpu.stringElements, elementLatency, cpu.monitor, line, limit)) {
                if (apic != null) {
                    apic.takeBack();
                }
                return new VcpuExit.FailEntry(root.vmread(VmcsField.VM_INSTRUCTION_ERROR), root.entryFailure());
            }
        }
        // The access has its effect in the turn that it belongs to.
        root.takeTrap();
        return root.inGuest() ? null : exited();
    }

    private void prepareEntry() {
        if (core.debugger().uses(GuestDebug.SINGLESTEP)) {
            core.state.change(GuestState.REGISTERS | GuestState.EVENTS);
        }
        core.state.flush();
        if (apic != null) {
            apic.handOver();
            control(VmxControl.USE_TPR_SHADOW, apic.isOn());
            control(VmxControl.CR8_LOAD_EXITING, !apic.isOn());
            control(VmxControl.CR8_STORE_EXITING, !apic.isOn());
        }
        if (staleTranslations && setup.tagsTranslations()) {
            root.invvpid(INVVPID_SINGLE, VmcsSetup.VPID);
        }
        staleTranslations = false;
        if (cpu.tscOffset != tscOffset) {
            tscOffset = cpu.tscOffset;
            root.vmwrite(VmcsField.TSC_OFFSET, tscOffset);
        }
        if (cpu.has(Feature.RDPRU)) {
            core.instructions().synchronize();
            root.setRunningCounters(TimeStamp.mperf(cpu), TimeStamp.aperf(cpu));
        }
        if (cpu.tscMultiplier != tscMultiplier) {
            tscMultiplier = cpu.tscMultiplier;
            root.vmwrite(VmcsField.TSC_MULTIPLIER, tscMultiplier);
        }
        if (ept.generation() != eptGeneration) {
            eptGeneration = ept.generation();
            root.vmwrite(VmcsField.EPT_POINTER, ept.pointer());
            root.invept(INVEPT_SINGLE, ept.pointer());
            logModifications(ept.isLogging());
        }
        if (core.msrs().generation() != msrFilter) {
            filterMsrs();
        }
        loadDebugRegisters();
        long undefined = core.undefined().exits() ? 1 << Event.UD : 0;
        // VMX operation wants CR0.NE, without which the guest has no #MF.
        long floatingPoint = (cpu.cr0 & Cr.NE) == 0 ? 1 << Event.MF : 0;
        long exceptions = 1 << Event.DB | undefined | floatingPoint | (core.debugger().uses(GuestDebug.USE_SW_BP) ? 1 << Event.BP : 0);
        if (exceptions != exceptionBitmap) {
            exceptionBitmap = exceptions;
            root.vmwrite(VmcsField.EXCEPTION_BITMAP, exceptions);
        }
    }

    private void logModifications(boolean on) {
        if (on == logging) {
            return;
        }
        logging = on;
        long secondary = root.vmread(VmcsField.SECONDARY_CONTROLS) & ~VmxControl.ENABLE_PML.bit;
        root.vmwrite(VmcsField.SECONDARY_CONTROLS, secondary | (on ? VmxControl.ENABLE_PML.bit : 0));
        if (on) {
            modificationLog = modificationLog == 0 ? pages.allocate() : modificationLog;
            root.vmwrite(VmcsField.PML_ADDRESS, modificationLog);
            root.vmwrite(VmcsField.PML_INDEX, LAST_LOGGED);
        }
    }

    /** The processor fills its log from the end. */
    private void emptyModificationLog() {
        long index = root.vmread(VmcsField.PML_INDEX);
        if (index == LAST_LOGGED) {
            return;
        }
        for (long i = index > LAST_LOGGED ? 0 : index + 1; i <= LAST_LOGGED; i++) {
            ept.modified(root.memory().read(modificationLog + 8 * i, 8));
        }
        root.vmwrite(VmcsField.PML_INDEX, LAST_LOGGED);
    }

    private VcpuExit exited() {
        core.state.invalidate();
        if (apic != null) {
            apic.takeBack();
        }
        if (logging) {
            emptyModificationLog();
        }
        cpu.stringElements = root.stringElements();
        // Otherwise the hardware has come to the end of the instruction, and the time has passed.
        cpu.latency = cpu.stringElements == 0 ? 0 : elementLatency;
        if (!haltsExit && root.vmread(VmcsField.GUEST_ACTIVITY) == Cpu.HLT) {
            // The guest goes on waiting, in software.
            root.vmwrite(VmcsField.GUEST_ACTIVITY, Cpu.ACTIVE);
            cpu.activity = Cpu.HLT;
        }
        takeMonitor();
        saveDebugRegisters();
        long reason = root.vmread(VmcsField.EXIT_REASON);
        if ((reason & ENTRY_FAILURE) != 0) {
            return new VcpuExit.FailEntry(reason, root.entryFailure());
        }
        launched = true;
        exitCounts[(int) reason & 0x7F]++;
        completeEvents((int) reason & 0xFFFF);
        core.exited();
        ExitReason r = ExitReason.of((int) reason & 0xFFFF);
        VcpuExit x = exits.handle(r, reason);
        if (r != ExitReason.BUS_LOCK && (reason & BUS_LOCK) == 0) {
            return x;
        }
        core.busLocked();
        return x == null ? new VcpuExit.BusLock() : x;
    }

    /** A guest that waited goes on waiting, in software. */
    private void takeMonitor() {
        long line = root.monitoredLine();
        if (root.hasWaited()) {
            core.state.change(GuestState.REGISTERS);
        }
        if (line != -1 || root.hasWaited()) {
            cpu.monitor.takeOver(root.monitor(), line == -1 ? -1 : slots.guestPhysical(line), root.hasWaited());
        } else {
            cpu.monitorAddress = -1;
        }
    }

    @Override
    public boolean inGuest() {
        return root.inGuest();
    }

    @Override
    public void callBack() {
        root.callBack();
        VcpuExit x = exited();
        if (x != null) {
            core.defer(x);
        }
    }

    @Override
    public void kick() {
        boolean interrupt = (cpu.requests & ~(Cpu.EXTERNAL_REQUEST | Cpu.APIC_REQUEST | Cpu.BOUNDARY_REQUEST)) == 0;
        if (root.inGuest() && interrupt) {
            if (apic == null || (cpu.requests & Cpu.EXTERNAL_REQUEST) != 0 || !apic.post()) {
                root.kick();
            }
        } else if (root.inGuest()) {
            root.kickAtOnce();
        }
    }

    @Override
    public boolean deliversInterrupts() {
        return apic != null && apic.delivers();
    }

    VmxApic apic() {
        return apic;
    }

    @Override
    public boolean isRunnable() {
        return root.isRunnable();
    }

    @Override
    public void stop() {
        root.stop();
    }

    @Override
    public boolean hasYielded() {
        return root.hasYielded();
    }

    @Override
    public void setPauseYields(boolean yields) {
        root.setPauseYields(yields);
    }

    @Override
    public long seed() {
        return root.seed();
    }

    @Override
    public void setSeed(long seed) {
        root.seed(seed);
    }

    @Override
    public void trace(TraceSink sink) {
        root.trace(sink);
    }

    @Override
    public long rip() {
        return root.rip();
    }

    @Override
    public long retired() {
        return root.retired();
    }

    @Override
    public Map<String, Long> exits() {
        Map<String, Long> exits = new LinkedHashMap<>();
        for (ExitReason r : ExitReason.values()) {
            if (exitCounts[r.number] != 0) {
                exits.put(r.text, exitCounts[r.number]);
            }
        }
        return exits;
    }

    @Override
    public long compiledInstructions() {
        return root.compiledInstructions();
    }

    @Override
    public long regionEntries() {
        return root.regionEntries();
    }

    // ---- debug registers: in the processor only while the guest uses them ----

    /** The guest's next accesses of debug registers, up to an exit, are the processor's. */
    void giveDebugRegisters() {
        guestOwnsDebugRegisters = true;
        control(VmxControl.MOV_DR_EXITING, false);
    }

    private void loadDebugRegisters() {
        boolean breakpoints = (core.debugger().register(7) & 0xFF) != 0;
        if (guestOwnsDebugRegisters || breakpoints) {
            for (int i = 0; i < 4; i++) {
                root.setDr(i, core.debugger().register(i));
            }
        }
        if (guestOwnsDebugRegisters) {
            root.setDr(6, cpu.dr6);
        }
    }

    private void saveDebugRegisters() {
        if (guestOwnsDebugRegisters) {
            for (int i = 0; i < 4; i++) {
                cpu.dr[i] = root.dr(i);
            }
            cpu.dr6 = root.dr(6);
            cpu.dr7 = root.vmread(VmcsField.GUEST_DR7);
            cpu.updateBreakpoints();
            guestOwnsDebugRegisters = false;
            control(VmxControl.MOV_DR_EXITING, true);
        }
    }

    // ---- events ----

    @Override
    public void inject(Event e, int instructionLength) {
        cpu.stringElements = 0;
        if (e.type() == Event.EXTERNAL_INTERRUPT || e.type() == Event.NMI) {
            cpu.monitorAddress = -1;
        }
        boolean coded = e.hasErrorCode() && (core.state.load(GuestState.SYSTEM).cr0 & 1) != 0;
        if (coded) {
            root.vmwrite(VmcsField.ENTRY_EXCEPTION_ERROR_CODE, e.errorCode() & 0xFFFF);
        }
        if (e.isSoftware()) {
            root.vmwrite(VmcsField.ENTRY_INSTRUCTION_LENGTH, instructionLength);
        }
        root.vmwrite(VmcsField.ENTRY_INTERRUPTION_INFO, VALID | (coded ? HAS_ERROR_CODE : 0) | (long) e.type() << 8 | e.vector());
    }

    @Override
    public void openInterruptWindow(boolean open) {
        control(VmxControl.INTERRUPT_WINDOW_EXITING, open);
    }

    @Override
    public void openNmiWindow(boolean open) {
        control(VmxControl.NMI_WINDOW_EXITING, open);
    }

    /** What was to be delivered has been, unless the IDT-vectoring information says otherwise: that comes again. */
    private void completeEvents(int reason) {
        EventQueue q = core.events;
        long vectoring = root.vmread(VmcsField.IDT_VECTORING_INFO);
        boolean interrupted = (vectoring & VALID) != 0;
        if (!interrupted && endedNmiBlocking(reason)) {
            core.state.change(GuestState.EVENTS).nmiBlocked = true;
        }
        q.clearDelivered();
        if (interrupted) {
            requeue(q, vectoring);
        } else if (reason == ExitReason.TRIPLE_FAULT.number && !q.isOfTold(root.vmread(VmcsField.GUEST_RIP), cpu.timeline.now())) {
            core.injection().deliveryBegun();
        }
        q.entryOver();
    }

    /** The exit interrupted an IRET that had ended blocking by NMI: blocking goes on. */
    private boolean endedNmiBlocking(int reason) {
        boolean qualified = reason == ExitReason.EPT_VIOLATION.number
                || reason == ExitReason.PAGE_MODIFICATION_LOG_FULL.number
                || reason == ExitReason.INSTRUCTION_TIMEOUT.number;
        if (qualified) {
            return (root.vmread(VmcsField.EXIT_QUALIFICATION) & NMI_UNBLOCKING) != 0;
        }
        long info = root.vmread(VmcsField.EXIT_INTERRUPTION_INFO);
        return (info & VALID) != 0 && (info & NMI_UNBLOCKING) != 0 && (info & 0xFF) != Event.DF;
    }

    private void requeue(EventQueue q, long info) {
        int vector = (int) info & 0xFF;
        int type = (int) (info >>> 8) & 7;
        if (type == Event.OTHER) {
            // RIP is still at SYSCALL or SYSENTER.
            return;
        }
        boolean coded = (info & HAS_ERROR_CODE) != 0;
        int length = (int) root.vmread(VmcsField.EXIT_INSTRUCTION_LENGTH);
        int code = coded ? (int) root.vmread(VmcsField.IDT_VECTORING_ERROR_CODE) : 0;
        long causes = type == Event.PRIVILEGED_SOFTWARE_EXCEPTION ? q.toldCauses() : 0;
        Event e = new Event(type, vector, coded, code, type >= Event.SOFTWARE_INTERRUPT ? length : 0, causes, false);
        if (!q.requeues(e)) {
            return;
        }
        if (!q.isOfTold(root.vmread(VmcsField.GUEST_RIP), cpu.timeline.now())) {
            core.injection().deliveryBegun();
        }
        switch (type) {
            case Event.NMI -> {
                q.requeueNmi();
                core.state.change(GuestState.EVENTS).nmiBlocked = false;
            }
            case Event.HARDWARE_EXCEPTION, Event.SOFTWARE_EXCEPTION, Event.PRIVILEGED_SOFTWARE_EXCEPTION -> q.requeue(e, length);
            case Event.SOFTWARE_INTERRUPT -> q.requeueInterrupt(vector, true, length);
            case Event.EXTERNAL_INTERRUPT -> q.requeueInterrupt(vector, false, 0);
            default -> throw new IllegalStateException("no event has type " + type);
        }
    }
}
