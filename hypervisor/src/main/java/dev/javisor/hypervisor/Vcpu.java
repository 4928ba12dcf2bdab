package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.CpuidEntry;
import dev.javisor.hypervisor.abi.DebugRegs;
import dev.javisor.hypervisor.abi.DirtyGfn;
import dev.javisor.hypervisor.abi.Fpu;
import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.MpState;
import dev.javisor.hypervisor.abi.MsrEntry;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.hypervisor.abi.Sregs2;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.Translation;
import dev.javisor.hypervisor.abi.VcpuEvents;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.abi.X86Mce;
import dev.javisor.hypervisor.abi.Xcrs;
import dev.javisor.hypervisor.abi.Xsave;
import dev.javisor.hypervisor.memory.DirtyRing;
import dev.javisor.hypervisor.paravirtual.ParavirtualCalls;
import dev.javisor.hypervisor.vcpu.GuestCpuid;
import dev.javisor.hypervisor.vcpu.GuestState;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.TscScale;
import dev.javisor.processor.event.Reset;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import dev.javisor.processor.trace.TraceSink;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A virtual processor: KVM's vcpu interface. One thread at a time calls the vcpus of a host, which share its time; a call meanwhile by
 * another thread, or one that needs a vcpu which runs, is refused as BUSY.
 */
public final class Vcpu implements Stateful {
    private final Vm vm;
    private final Kvm kvm;
    private final int id;
    private final VcpuCore core;
    /** Null when it is not in the kernel. */
    private final LocalApic apic;
    /** An 8259 pair outside may give interrupts. */
    private final boolean userInterrupts;

    /** Null without the capability DIRTY_LOG_RING. */
    private final DirtyRing ring;

    private boolean running;

    Vcpu(Vm vm, int id, VcpuCore core, LocalApic apic, boolean userInterrupts, DirtyRing ring) {
        this.vm = vm;
        this.ring = ring;
        this.kvm = vm.kvm();
        this.userInterrupts = userInterrupts;
        this.apic = apic;
        this.id = id;
        this.core = core;
        reset();
    }

    /** The APIC ID. */
    public int id() {
        return id;
    }

    /** Power-up: the state in which KVM creates a vcpu. */
    public void reset() {
        act(() -> {
            Reset.reset(core.state.change(GuestState.ALL));
            if (apic == null) {
                // Who runs, and who waits for INIT and start-up IPIs, is the caller's matter.
                core.cpu().activity = Cpu.ACTIVE;
            }
            core.reset();
        });
    }

    void leaveGuest() {
        DirtyRing before = vm.slots().setWriter(ring);
        try {
            core.leaveGuest();
        } finally {
            vm.slots().setWriter(before);
        }
    }

    /**
     * The pages that the guest has stored to through this vcpu, in slots with LOG_DIRTY_PAGES, and that were not harvested yet. They are
     * not given again before {@link Vm#resetDirtyRings}.
     *
     * @throws KvmException NO_DEVICE without the capability DIRTY_LOG_RING
     */
    public List<DirtyGfn> harvestDirtyRing() {
        if (ring == null) {
            throw new KvmException(KvmException.Error.NO_DEVICE, "the vcpus have no dirty rings");
        }
        return get(ring::harvest);
    }

    void setFixesHypercalls(boolean on) {
        core.undefined().setFixesHypercalls(on);
    }

    void kick() {
        core.kick();
    }

    void setHypercallExits(long numbers) {
        core.undefined().setHypercallExits(numbers);
        if (core.cpu().hypercalls instanceof ParavirtualCalls calls) {
            calls.setAsksUserspace(numbers != 0);
        }
    }

    void clockSet() {
        core.paravirtual().clockSet();
    }

    void pageArrived(long page) {
        core.waiting().pageArrived(page);
    }

    /**
     * KVM_KVMCLOCK_CTRL: tells the guest, in its page of time, that it has not been running for a while.
     *
     * @throws KvmException INVALID_ARGUMENT when the guest does not use kvm-clock
     */
    public void kvmclockCtrl() {
        checkStopped();
        if (!core.paravirtual().tellStopped()) {
            throw KvmException.invalid("the guest on vcpu " + id + " does not use kvm-clock");
        }
    }

    // ---- running ----

    /** KVM_RUN, without limit: runs until something is the caller's to do. */
    public VcpuExit run() {
        return run(Long.MAX_VALUE);
    }

    /**
     * KVM_RUN: runs until something is the caller's to do, or until guest time {@code limit}, which is an {@link VcpuExit.Intr}.
     *
     * @throws KvmException BUSY when the vcpu runs already
     */
    public VcpuExit run(long limit) {
        kvm.enter();
        try {
            return runAlone(limit);
        } finally {
            kvm.leave();
        }
    }

    private VcpuExit runAlone(long limit) {
        if (running) {
            throw new KvmException(KvmException.Error.BUSY, "vcpu " + id + " runs already");
        }
        running = true;
        vm.slots().setWriter(ring);
        try {
            return core.run(limit);
        } finally {
            vm.slots().setWriter(null);
            running = false;
        }
    }

    /** {@code kvm_run.flags}, bit KVM_RUN_X86_BUS_LOCK: the guest has locked the bus in the last {@link #run}, whatever has ended it. */
    public boolean hasBusLock() {
        return core.hasBusLock();
    }

    /** Ends {@link #run} behind the instruction that is running, with {@link VcpuExit.Intr}. */
    public void stop() {
        core.stop();
    }

    /** The last {@link #run} ended because the guest gave way (PAUSE), or {@link #stop} was called. */
    public boolean hasYielded() {
        return core.hasYielded();
    }

    /** From here on PAUSE ends a run: other vcpus have the same thread. */
    public void setPauseYields(boolean yields) {
        core.setPauseYields(yields);
    }

    /** KVM_SET_CPUID2 for the topology: processors of the machine, all in one package. */
    public void setProcessors(int count) {
        core.cpu().processors = count;
    }

    /**
     * KVM_SET_CPUID2: what CPUID answers, which without is what the processor's model says. What the answers do not enumerate is not there
     * for the guest: bits of control registers, model-specific registers, and those instructions that the processor can intercept.
     *
     * @throws KvmException TOO_BIG for more than 256 entries; INVALID_ARGUMENT for two answers to one input, for another vendor or features
     *     than the processor's, for impossible widths of addresses, and for other answers than before when the vcpu has run
     */
    public void setCpuid2(List<CpuidEntry> entries) {
        act(() -> {
            GuestCpuid table = new GuestCpuid(entries, kvm.model());
            if (!core.hasRun()) {
                core.setCpuid(table, table.model(kvm.model()));
            } else if (core.cpuid() == null || !core.cpuid().isSame(table)) {
                throw KvmException.invalid("CPUID must not change when the vcpu has run");
            }
        });
    }

    /** KVM_GET_CPUID2: what {@link #setCpuid2} has set; empty before. */
    public List<CpuidEntry> getCpuid2() {
        return get(() -> core.cpuid() == null ? List.of() : core.cpuid().entries());
    }

    /** Seeds what RDRAND and RDSEED give the guest. */
    public void setSeed(long seed) {
        core.setSeed(seed);
    }

    /** Whether {@link #run} would do anything: the guest does not wait for an event. */
    public boolean isRunnable() {
        return core.isRunnable();
    }

    /** It waits in HLT. Unlike {@link #getMpState} this takes no start-up IPI that has come. */
    public boolean isHalted() {
        return get(() -> core.cpu().activity == Cpu.HLT);
    }

    /** From here on somebody is told what happens to events and to the guest, in hardware and in the hypervisor; null for nobody. */
    public void trace(TraceSink sink) {
        core.trace(sink);
    }

    void setRequeuePolicy(RequeuePolicy policy) {
        core.setRequeuePolicy(policy);
    }

    /** Instructions that the guest has retired. */
    public long retired() {
        return core.retired();
    }

    /** How often the guest has exited to the hypervisor, by the manual's name of the reason; in the order of their numbers. */
    public Map<String, Long> exits() {
        return core.exits();
    }

    /** Of those, instructions retired by compiled code. */
    public long compiledInstructions() {
        return core.compiledInstructions();
    }

    /** How often compiled code was entered. */
    public long regionEntries() {
        return core.regionEntries();
    }

    // ---- state ----

    /** A call that needs the whole state, and the vcpu for itself. */
    private <T> T get(Supplier<T> call) {
        return kvm.alone(() -> {
            checkStopped();
            return call.get();
        });
    }

    private void act(Runnable call) {
        get(() -> {
            call.run();
            return null;
        });
    }

    private void checkStopped() {
        if (running) {
            throw new KvmException(KvmException.Error.BUSY, "vcpu " + id + " is running");
        }
        leaveGuest();
    }

    /** KVM_GET_REGS. */
    public Regs getRegs() {
        return get(() -> StateAccess.regs(core.state));
    }

    /** KVM_SET_REGS. With another RIP an instruction that waits for the caller's answer is not completed. */
    public void setRegs(Regs r) {
        act(() -> StateAccess.setRegs(core, r));
    }

    /** KVM_GET_SREGS. */
    public Sregs getSregs() {
        return get(() -> StateAccess.sregs(core));
    }

    /** KVM_SET_SREGS. @throws KvmException INVALID_ARGUMENT for a state that no processor can be in */
    public void setSregs(Sregs s) {
        act(() -> StateAccess.setSregs(core, s, vm.memory()));
    }

    /**
     * KVM_GET_MSRS, for one.
     *
     * @throws KvmException INVALID_ARGUMENT when there is no such register to read
     */
    public long getMsr(int index) {
        return get(() -> MsrAccess.get(core.state, index));
    }

    /**
     * KVM_SET_MSRS, for one.
     *
     * @throws KvmException INVALID_ARGUMENT when there is no such register to write, or when it does not take the value
     */
    public void setMsr(int index, long value) {
        act(() -> MsrAccess.set(core.state, index, value));
    }

    /**
     * KVM_GET_MSRS: fills in the values, up to the first register that there is not.
     *
     * @return how many were filled in
     * @throws KvmException TOO_BIG for more than 256
     */
    public int getMsrs(MsrEntry... entries) {
        return get(() -> MsrAccess.get(core.state, entries));
    }

    /**
     * KVM_SET_MSRS: writes registers in their order, up to the first that does not take its value.
     *
     * @return how many were written
     * @throws KvmException TOO_BIG for more than 256
     */
    public int setMsrs(MsrEntry... entries) {
        return get(() -> MsrAccess.set(core.state, entries));
    }

    /** KVM_GET_SREGS2. */
    public Sregs2 getSregs2() {
        return get(() -> StateAccess.sregs2(core));
    }

    /** KVM_SET_SREGS2. @throws KvmException INVALID_ARGUMENT for a state that no processor can be in, and for unknown flags */
    public void setSregs2(Sregs2 s) {
        act(() -> StateAccess.setSregs2(core, s, vm.memory()));
    }

    /** KVM_TRANSLATE: what a linear address is translated to now, for a supervisor's read. Has no effect on the guest. */
    public Translation translate(long linearAddress) {
        return get(() -> StateAccess.translate(core, linearAddress, vm.memory()));
    }

    /** KVM_GET_XSAVE, and KVM_GET_XSAVE2. */
    public Xsave getXsave() {
        return get(() -> XsaveAccess.get(core.state));
    }

    /**
     * KVM_SET_XSAVE.
     *
     * @throws KvmException INVALID_ARGUMENT for components that the processor does not have, and reserved bits of the header or MXCSR
     */
    public void setXsave(Xsave x) {
        act(() -> XsaveAccess.set(core.state, x));
    }

    /** KVM_GET_XCRS. */
    public Xcrs getXcrs() {
        return get(() -> XsaveAccess.xcrs(core.state));
    }

    /** KVM_SET_XCRS. @throws KvmException INVALID_ARGUMENT for flags, more than 16 registers, and a value that XCR0 does not take */
    public void setXcrs(Xcrs x) {
        act(() -> XsaveAccess.setXcrs(core.state, x));
    }

    /** KVM_GET_TSC_KHZ. */
    public int getTscKhz() {
        return get(() -> (int) TscScale.frequency(core.cpu().tscMultiplier, Kvm.TSC_KHZ));
    }

    /**
     * KVM_SET_TSC_KHZ: how fast the time-stamp counter counts. It jumps to what it would show if it had done so since its offset was set.
     * TSC deadlines and kvm-clock follow; what CPUID says of frequencies is the caller's.
     *
     * @param khz kHz; 0 for that of guest time
     * @throws KvmException INVALID_ARGUMENT for a negative frequency; NOT_SUPPORTED when the processor cannot scale the counter
     */
    public void setTscKhz(int khz) {
        int frequency = kvm.checkTscKhz(khz);
        act(() -> {
            core.cpu().tscMultiplier = TscScale.multiplier(frequency, Kvm.TSC_KHZ);
            core.cpu().apic.tscChanged();
        });
    }

    /** KVM_VCPU_TSC_OFFSET: ticks of the time-stamp counter ahead of guest time. */
    public long getTscOffset() {
        return get(() -> core.cpu().tscOffset);
    }

    /** KVM_VCPU_TSC_OFFSET. */
    public void setTscOffset(long offset) {
        act(() -> {
            core.cpu().tscOffset = offset;
            core.cpu().apic.tscChanged();
        });
    }

    /** KVM_GET_DEBUGREGS. */
    public DebugRegs getDebugRegs() {
        return get(() -> StateAccess.debugRegs(core.state));
    }

    /** KVM_SET_DEBUGREGS. @throws KvmException INVALID_ARGUMENT for flags, or bits above 31 of DR6 and DR7 */
    public void setDebugRegs(DebugRegs d) {
        act(() -> StateAccess.setDebugRegs(core.state, d));
    }

    /** KVM_GET_VCPU_EVENTS. */
    public VcpuEvents getVcpuEvents() {
        return get(() -> StateAccess.events(core, vm.hasExceptionPayload(), vm.hasTripleFaultEvent()));
    }

    /**
     * KVM_SET_VCPU_EVENTS.
     *
     * @throws KvmException INVALID_ARGUMENT for flags that are unknown or whose capability is off, and for a vector that no exception has
     */
    public void setVcpuEvents(VcpuEvents v) {
        act(() -> StateAccess.setEvents(core, v, vm.hasExceptionPayload(), vm.hasTripleFaultEvent()));
    }

    /**
     * KVM_SET_GUEST_DEBUG.
     *
     * @throws KvmException INVALID_ARGUMENT for unknown bits, BUSY when an exception to inject would meet another
     */
    public void setGuestDebug(GuestDebug debug) {
        if ((debug.control & ~GuestDebug.ALL) != 0) {
            throw KvmException.invalid("unknown bits in the control of guest debugging: " + Integer.toHexString(debug.control));
        }
        act(() -> core.debugger().set(debug));
    }

    /**
     * KVM_INTERRUPT: an interrupt of the caller's own controller. It waits until the guest can take it.
     *
     * @throws KvmException INVALID_ARGUMENT for a vector beyond 255, NO_DEVICE when the interrupt controllers are in the kernel,
     *     ALREADY_EXISTS while another waits
     */
    public void interrupt(int vector) {
        if (vector < 0 || vector > 255) {
            throw KvmException.invalid("there is no vector " + vector);
        }
        if (!userInterrupts) {
            throw new KvmException(KvmException.Error.NO_DEVICE, "the interrupt controllers are in the kernel");
        }
        act(() -> core.injection().interrupt(vector));
    }

    /** {@code kvm_run.request_interrupt_window}: runs end with {@link VcpuExit.IrqWindowOpen} while an interrupt could be injected. */
    public void setRequestInterruptWindow(boolean request) {
        act(() -> core.injection().requestInterruptWindow(request));
    }

    /** {@code kvm_run.ready_for_interrupt_injection}: {@link #interrupt} would be delivered at once. */
    public boolean isReadyForInterruptInjection() {
        return get(() -> core.injection().isReadyForInterrupt());
    }

    /** {@code kvm_run.if_flag}: RFLAGS.IF. */
    public boolean getIfFlag() {
        return get(() -> (Flags.rflags(core.state.load(GuestState.REGISTERS)) & Flags.IF) != 0);
    }

    /** {@code kvm_run.cr8}: the task priority, 0 to 15. */
    public int getCr8() {
        return get(() -> core.cpu().apic.cr8());
    }

    /** {@code kvm_run.cr8}, for whose local APIC is the caller's. @throws KvmException INVALID_ARGUMENT when it is not 0 to 15 */
    public void setCr8(int value) {
        if (value < 0 || value > 15) {
            throw KvmException.invalid("there is no task priority " + value);
        }
        act(() -> core.cpu().apic.setCr8(value));
    }

    /** {@code kvm_run.apic_base}. */
    public long getApicBase() {
        return get(() -> core.cpu().apicBaseMsr);
    }

    /**
     * The exit that waits for the caller's answer, which the next {@link #run} completes: what {@code kvm_run} still shows. Part of the
     * {@link #save whole state}: after {@link #load} it is here, with what had been answered when it was saved. KVM's structures do not
     * hold it; who saves those completes the access first, by a run with {@link #setImmediateExit}.
     *
     * @return null when nothing waits for an answer
     */
    public VcpuExit getPendingExit() {
        return get(core::pendingExit);
    }

    /**
     * {@code kvm_run.immediate_exit}: while it is set {@link #run} completes the access that the caller has answered, and ends with {@link
     * VcpuExit.Intr}.
     */
    public void setImmediateExit(boolean immediate) {
        core.setImmediateExit(immediate);
    }

    /** KVM_SMI: also from within a run. */
    public void smi() {
        request(Cpu.SMI_REQUEST);
    }

    private void request(int bit) {
        kvm.act(() -> {
            core.cpu().request(bit);
            if (!running) {
                leaveGuest();
                core.takeArrived();
            }
        });
    }

    void want(VcpuExit exit) {
        core.want(exit);
    }

    /** KVM_NMI: also from within a run. Two can wait at a time. */
    public void nmi() {
        request(Cpu.NMI_REQUEST);
    }

    /**
     * KVM_X86_SET_MCE: a machine check.
     *
     * @throws KvmException INVALID_ARGUMENT for a bank that the model does not have, and for a status that is not valid
     */
    public void setMce(X86Mce m) {
        act(() -> MachineChecks.report(core, m));
    }

    /** XCR0, of KVM_GET_XCRS. */
    public long getXcr0() {
        return getXcrs().value[0];
    }

    /** KVM_GET_FPU. */
    public Fpu getFpu() {
        return get(() -> FpuAccess.get(core.state));
    }

    /** KVM_SET_FPU. */
    public void setFpu(Fpu fpu) {
        act(() -> FpuAccess.set(core.state, fpu));
    }

    /** KVM_GET_MP_STATE. Without local APIC in the kernel it is always RUNNABLE: the caller knows who waits. */
    public MpState getMpState() {
        return get(() -> StateAccess.mpState(core));
    }

    /**
     * KVM_SET_MP_STATE.
     *
     * @throws KvmException INVALID_ARGUMENT for another state than RUNNABLE when the local APIC is not in the kernel, and for a vcpu that
     *     shall wait for a start-up IPI but is in system-management mode, where INIT is held off
     */
    public void setMpState(MpState state) {
        act(() -> StateAccess.setMpState(core, state));
    }

    /**
     * KVM_GET_LAPIC: the registers of the local APIC, as its register page shows them.
     *
     * @throws KvmException NO_DEVICE when it is not in the kernel
     */
    public byte[] getLapic() {
        return get(() -> localApic().handOver().page(vm.hasWideApicIds()));
    }

    /**
     * KVM_SET_LAPIC.
     *
     * @throws KvmException NO_DEVICE when it is not in the kernel; INVALID_ARGUMENT when there are not 1024 bytes, and for another ID in
     *     x2APIC mode
     */
    public void setLapic(byte[] page) {
        if (page.length != LocalApic.PAGE_BYTES) {
            throw KvmException.invalid("the registers of a local APIC have " + LocalApic.PAGE_BYTES + " bytes");
        }
        act(() -> {
            if (!localApic().setPage(page, vm.hasWideApicIds())) {
                throw KvmException.invalid("the ID of a local APIC in x2APIC mode cannot change");
            }
        });
    }

    private LocalApic localApic() {
        if (apic == null) {
            throw new KvmException(KvmException.Error.NO_DEVICE, "the local APIC is not in the kernel");
        }
        return apic;
    }

    // ---- all of it ----

    /** The whole state: what the guest sees, its events, and what is under way. */
    @Override
    public void save(StateOutput out) {
        act(() -> core.save(out));
    }

    @Override
    public void load(StateInput in) {
        act(() -> core.load(in));
    }
}
