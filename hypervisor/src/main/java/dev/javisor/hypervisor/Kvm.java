package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.ClockData;
import dev.javisor.hypervisor.abi.CpuidEntry;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.MsrEntry;
import dev.javisor.hypervisor.abi.Xsave;
import dev.javisor.hypervisor.host.Host;
import dev.javisor.hypervisor.memory.DirtyRing;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.hypervisor.vcpu.GuestCpuid;
import dev.javisor.hypervisor.vcpu.UserLocalApic;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Msr;
import dev.javisor.isa.FeatureSet;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.CompilerStatistics;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.memory.PhysicalMemory;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** The hypervisor, as a program opens it: KVM's system interface. */
public final class Kvm implements AutoCloseable {
    /** KVM_API_VERSION. */
    public static final int API_VERSION = 12;
    /** What a time-stamp counter counts that is not scaled: guest time. */
    static final int TSC_KHZ = (int) (Timeline.FREQUENCY / 1000);

    private final Host host;
    private final CpuModel model;
    private final ReentrantLock caller = new ReentrantLock();

    private Kvm(CpuModel model, Timeline timeline, Engine engine) {
        this.model = guestModel(model);
        this.host = new Host(model, timeline, engine);
    }

    /** On a host with the default processors, and time of its own. */
    public static Kvm open() {
        return open(CpuModels.parse(CpuModels.DEFAULT), new Timeline(), Engine.INTERPRETER);
    }

    /**
     * @param model of the guests' processors
     * @param timeline the time in which guests run
     * @param engine what runs their code
     */
    public static Kvm open(CpuModel model, Timeline timeline, Engine engine) {
        return new Kvm(model, timeline, engine);
    }

    /** A model as guests have it: without VMX and SVM, which the hypervisor keeps for itself. */
    public static CpuModel guestModel(CpuModel m) {
        EnumSet<Feature> features = m.features().toSet();
        features.removeIf(f -> f == Feature.VMX || f == Feature.SVM || f.name().startsWith("VMX_"));
        return new CpuModel(
                m.name(), m.vendor(), m.family(), m.model(), m.stepping(), m.brand(), m.physicalBits(), m.maxLeaf(), m.maxExtendedLeaf(),
                m.listed(), new FeatureSet(features));
    }

    /** KVM_GET_API_VERSION. */
    public int getApiVersion() {
        return API_VERSION;
    }

    /** KVM_CHECK_EXTENSION: 0 when there is no such capability, else 1 or what KVM says about it. */
    public int checkExtension(int number) {
        Capability c = Capability.of(number);
        return c == null ? 0 : checkExtension(c);
    }

    /** KVM_CHECK_EXTENSION. */
    public int checkExtension(Capability capability) {
        return switch (capability) {
            case NR_VCPUS, MAX_VCPUS, MAX_VCPU_ID -> Vm.MAXIMUM_VCPUS;
            case NR_MEMSLOTS -> MemorySlots.SLOTS;
            case COALESCED_MMIO -> 1;
            case XSAVE2 -> Xsave.SIZE;
            case X86_USER_SPACE_MSR ->
                    Capability.MSR_EXIT_REASON_INVAL | Capability.MSR_EXIT_REASON_UNKNOWN | Capability.MSR_EXIT_REASON_FILTER;
            case EXIT_HYPERCALL -> (int) Capability.EXIT_HYPERCALL_ALL;
            case X2APIC_API -> Capability.X2APIC_API_ALL;
            case ADJUST_CLOCK -> ClockData.ALL;
            case MANUAL_DIRTY_LOG_PROTECT2 -> Capability.DIRTY_LOG_MANUAL_PROTECT_ENABLE | Capability.DIRTY_LOG_INITIALLY_SET;
            case X86_DISABLE_EXITS -> Capability.DISABLE_EXITS_ALL;
            case DISABLE_QUIRKS2 -> Capability.QUIRKS_ALL;
            case DIRTY_LOG_RING, DIRTY_LOG_RING_ACQ_REL -> DirtyRing.MOST * DirtyRing.ENTRY;
            case X86_BUS_LOCK_EXIT -> host.model().features().has(Feature.VMX_BUS_LOCK_DETECTION) ? Capability.BUS_LOCK_DETECTION_ALL : 0;
            case X86_NOTIFY_VMEXIT -> host.model().features().has(Feature.VMX_NOTIFY_EXITING) ? Capability.NOTIFY_VMEXIT_ALL : 0;
            case MCE -> model.features().has(Feature.MCA) ? Msr.MACHINE_CHECK_BANKS : 0;
            case XCRS, XSAVE -> model.features().has(Feature.XSAVE) ? 1 : 0;
            case TSC_CONTROL, VM_TSC_CONTROL -> host.model().features().has(Feature.VMX_TSC_SCALING) ? 1 : 0;
            case TSC_DEADLINE_TIMER -> model.features().has(Feature.TSC_DEADLINE_TIMER) ? 1 : 0;
            default -> 1;
        };
    }

    /** KVM_GET_SUPPORTED_CPUID: what CPUID may answer; the entries are the caller's to change. */
    public List<CpuidEntry> getSupportedCpuid() {
        Cpu c = new Cpu(model, 0, new PhysicalMemory(), host.timeline());
        new UserLocalApic(c);
        return GuestCpuid.supported(c);
    }

    /** KVM_GET_MSR_INDEX_LIST: the registers that make up a guest's state. */
    public int[] getMsrIndexList() {
        return MsrAccess.guestState(model);
    }

    /** KVM_GET_MSR_FEATURE_INDEX_LIST: the registers that tell what the processor has. */
    public int[] getMsrFeatureIndexList() {
        return MsrAccess.features(model);
    }

    /**
     * KVM_GET_MSRS, of the registers that tell what the processor has: fills in the values, up to the first that is none of them.
     *
     * @return how many were filled in
     * @throws KvmException TOO_BIG for more than 256
     */
    public int getMsrs(MsrEntry... entries) {
        MsrAccess.checkCount(entries.length);
        return MsrAccess.features(model, entries);
    }

    /** A frequency that a time-stamp counter can have; 0 stands for that of guest time. */
    int checkTscKhz(int khz) {
        if (khz < 0) {
            throw KvmException.invalid("no time-stamp counter counts " + khz + " kHz");
        }
        int frequency = khz == 0 ? TSC_KHZ : khz;
        if (frequency != TSC_KHZ && !host.model().features().has(Feature.VMX_TSC_SCALING)) {
            throw new KvmException(KvmException.Error.NOT_SUPPORTED, "the processor cannot scale the time-stamp counter");
        }
        return frequency;
    }

    /** KVM_CREATE_VM. */
    public Vm createVm() {
        return alone(() -> new Vm(this));
    }

    /** The model of the guests' processors. */
    public CpuModel model() {
        return model;
    }

    public Timeline timeline() {
        return host.timeline();
    }

    /** What has been compiled; null when everything is interpreted. */
    public CompilerStatistics compilerStatistics() {
        return host.compilerStatistics();
    }

    /** A call begins that nobody else's may interrupt. @throws KvmException BUSY while another thread is in a call */
    void enter() {
        if (!caller.tryLock()) {
            throw new KvmException(KvmException.Error.BUSY, "another thread is using the hypervisor");
        }
    }

    void leave() {
        caller.unlock();
    }

    /** A call that nobody else's may interrupt. @throws KvmException BUSY while another thread is in a call */
    <T> T alone(Supplier<T> call) {
        enter();
        try {
            return call.get();
        } finally {
            leave();
        }
    }

    /** As {@link #alone}. */
    void act(Runnable call) {
        enter();
        try {
            call.run();
        } finally {
            leave();
        }
    }

    /**
     * Nothing runs, as all guests wait: guest time passes up to the next timer, which fires.
     *
     * @return false when there is no timer: they wait for the caller, or for ever
     */
    public boolean waitForTimer() {
        return alone(() -> {
            Timeline timeline = timeline();
            if (timeline.next() == Long.MAX_VALUE) {
                return false;
            }
            timeline.skipTo(timeline.next());
            timeline.runDue();
            return true;
        });
    }

    Host host() {
        return host;
    }

    /** Frees the host's memory. No VM of it can be used any more. */
    @Override
    public void close() {
        host.close();
    }
}
