package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.hypervisor.memory.PageSource;
import dev.javisor.hypervisor.paravirtual.Paravirtual;
import dev.javisor.hypervisor.paravirtual.ParavirtualCalls;
import dev.javisor.hypervisor.paravirtual.SystemClock;
import dev.javisor.hypervisor.vcpu.DeviceBus;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.hypervisor.vmx.VmxVm;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.memory.CodeObserver;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import dev.javisor.processor.paging.Paging;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/** A virtual machine: memory slots and vcpus. KVM's VM interface. All calls for one VM come from one thread at a time. */
public final class Vm {
    /** Most vcpus of a VM. */
    public static final int MAXIMUM_VCPUS = 64;

    private final Kvm kvm;
    private final DeviceBus bus = new DeviceBus();
    private final MemorySlots slots;
    private final VmxVm vmx;
    private final List<Vcpu> vcpus = new ArrayList<>();
    private RequeuePolicy requeuePolicy = RequeuePolicy.ALWAYS;
    /** Between local APICs that are in the kernel; null while there are none. */
    private ApicBus interrupts;
    private final SystemClock clock;
    private boolean hypercalls = true;
    private boolean forcedEmulation;
    private boolean fixesHypercalls = true;

    Vm(Kvm kvm) {
        this.kvm = kvm;
        slots = new MemorySlots(kvm.host(), bus);
        vmx = new VmxVm(kvm.host(), slots);
        clock = new SystemClock(kvm.timeline());
    }

    /**
     * KVM_SET_USER_MEMORY_REGION. The memory stays the caller's, and must stay alive; a slot with null or empty memory is deleted.
     *
     * @param flags {@link MemorySlots#LOG_DIRTY_PAGES}, {@link MemorySlots#READONLY}
     * @throws KvmException INVALID_ARGUMENT (no such slot number, unknown flags, not whole pages, not native memory, another size than
     *     before), ALREADY_EXISTS (overlaps another slot), NOT_FOUND (deletes nothing)
     */
    public void setUserMemoryRegion(int slot, int flags, long guestPhysicalAddress, MemorySegment memory) {
        vcpus.forEach(Vcpu::leaveGuest);
        slots.set(slot, flags, guestPhysicalAddress, memory);
    }

    /**
     * KVM_GET_DIRTY_LOG: which pages of a slot were stored to since the last call, one bit for each.
     *
     * @throws KvmException NOT_FOUND when there is no such slot, or it logs nothing
     */
    public long[] getDirtyLog(int slot) {
        MemorySlots.Slot s = slots.slot(slot);
        if (s == null || s.log() == null) {
            throw new KvmException(KvmException.Error.NOT_FOUND, "slot " + slot + " has no dirty log");
        }
        vcpus.forEach(Vcpu::leaveGuest);
        vmx.protect(s);
        return s.log().take();
    }

    /**
     * Makes the page flags of memory that another address space shows common to both, so that a store here finds code that was decoded
     * there. To be called before the memory goes into a slot.
     */
    public void share(Region memory) {
        kvm.host().pin(memory);
    }

    /** Who must be told before a store, by other means than the guest's, to memory that may hold code; by guest-physical address. */
    public CodeObserver codeObserver() {
        return slots;
    }

    /**
     * KVM_CAP_SPLIT_IRQCHIP: vcpus have local APICs in the kernel; I/O APIC and 8259 pair are the caller's.
     *
     * @param acknowledge what answers the interrupt-acknowledge cycle of the 8259 pair with a vector
     * @return the wires by which the caller's controllers reach the local APICs
     * @throws KvmException ALREADY_EXISTS when there are vcpus or local APICs
     */
    public ApicBus createLocalApics(IntSupplier acknowledge) {
        if (interrupts != null || !vcpus.isEmpty()) {
            throw new KvmException(KvmException.Error.ALREADY_EXISTS, "local APICs must be made once, and before the vcpus");
        }
        interrupts = new ApicBus();
        bus.setAcknowledge(acknowledge);
        return interrupts;
    }

    /**
     * KVM_CREATE_VCPU.
     *
     * @param id APIC ID; the vcpu with ID 0 is the bootstrap processor
     * @throws KvmException INVALID_ARGUMENT, ALREADY_EXISTS
     */
    public Vcpu createVcpu(int id) {
        if (id < 0 || id >= MAXIMUM_VCPUS) {
            throw KvmException.invalid("vcpus are numbered 0 to " + (MAXIMUM_VCPUS - 1) + ", not " + id);
        }
        if (vcpus.stream().anyMatch(v -> v.id() == id)) {
            throw new KvmException(KvmException.Error.ALREADY_EXISTS, "there is a vcpu " + id);
        }
        Cpu cpu = new Cpu(kvm.model(), id, slots.view(), kvm.timeline());
        cpu.translation = new Paging(kvm.model(), slots.view());
        cpu.codeObserver = slots;
        cpu.platform = bus;
        LocalApic apic = interrupts == null ? null : new LocalApic(cpu, interrupts);
        VcpuCore core = vmx.createVcpu(cpu, new Paravirtual(cpu, clock, apic), bus, id);
        if (hypercalls) {
            cpu.hypercalls = new ParavirtualCalls(interrupts == null ? new ApicBus() : interrupts, clock, peers(core));
        }
        core.setLocalApic(apic != null);
        core.setForcedEmulation(forcedEmulation);
        core.setFixesHypercalls(fixesHypercalls);
        Vcpu v = new Vcpu(id, core, apic);
        v.setRequeuePolicy(requeuePolicy);
        vcpus.add(v);
        return v;
    }

    /**
     * KVM's parameter {@code pml}: whether dirty logs are filled by the processor's page-modification log (default), or by EPT violations
     * of pages that must not be stored to.
     */
    public void setPageModificationLogging(boolean on) {
        vcpus.forEach(Vcpu::leaveGuest);
        vmx.setPageModificationLogging(on);
    }

    /**
     * What the vcpus deliver again when an exit has interrupted its delivery: {@link RequeuePolicy#ALWAYS}, unless somebody wants to see
     * what goes wrong without.
     */
    public void setRequeuePolicy(RequeuePolicy p) {
        requeuePolicy = p;
        vcpus.forEach(v -> v.setRequeuePolicy(p));
    }

    private ParavirtualCalls.Peers peers(VcpuCore caller) {
        return new ParavirtualCalls.Peers() {
            @Override
            public void kick(long apicId) {
                vcpus.stream().filter(v -> v.id() == apicId).forEach(Vcpu::kick);
            }

            @Override
            public void yield() {
                caller.giveWay();
            }
        };
    }

    // ---- what guests that know KVM are offered; the CPU model says what they are told of ----

    /**
     * Whether vcpus that are made from here on answer hypercalls; at first they do, as KVM's. A vcpu that does not has #UD for them, as a
     * processor without hypervisor has.
     */
    public void setHypercalls(boolean answered) {
        hypercalls = answered;
    }

    /**
     * KVM_X86_QUIRK_FIX_HYPERCALL_INSN, for vcpus that are made from here on; on at first. The other vendor's hypercall instruction is
     * replaced in guest memory by that of the guest's processor; without it, it is #UD.
     */
    public void setFixesHypercalls(boolean on) {
        fixesHypercalls = on;
    }

    /**
     * KVM's module parameter force_emulation_prefix, for vcpus that are made from here on; off at first. An instruction behind the bytes of
     * UD2 and "kvm" is carried out by the emulator, as if nothing stood before it.
     */
    public void setForcedEmulation(boolean on) {
        forcedEmulation = on;
    }

    /** KVM_GET_CLOCK: what kvm-clock shows, in nanoseconds. It follows guest time. */
    public long getClock() {
        return clock.nanoseconds();
    }

    /** KVM_SET_CLOCK. */
    public void setClock(long nanoseconds) {
        clock.set(nanoseconds);
        vcpus.forEach(Vcpu::clockSet);
    }

    /** The time of day when guest time was 0, which guests compute the time of day from. @param nanoseconds since 1970-01-01T00:00Z */
    public void setTimeOfDay(long nanoseconds) {
        clock.setEpoch(nanoseconds);
    }

    /**
     * Says where pages come from that are not there yet, as userfaultfd does for KVM. Guests that know asynchronous page faults do
     * something else while they wait.
     *
     * @param source null when all memory is there
     */
    public void setPageSource(PageSource source) {
        vcpus.forEach(Vcpu::leaveGuest);
        slots.setSource(source);
    }

    /** A page that its source has been asked for is there. */
    public void pageArrived(long guestPhysicalAddress) {
        vcpus.forEach(v -> v.pageArrived(guestPhysicalAddress & -MemorySlots.PAGE));
    }

    public List<Vcpu> vcpus() {
        return List.copyOf(vcpus);
    }

    /**
     * Guest-physical memory, as software beside the guest reads and writes it. Memory that may hold code which has run must be changed
     * through this.
     */
    public PhysicalMemory memory() {
        return slots.view();
    }

    Kvm kvm() {
        return kvm;
    }
}
