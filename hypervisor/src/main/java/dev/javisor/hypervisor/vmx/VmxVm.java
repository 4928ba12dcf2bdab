package dev.javisor.hypervisor.vmx;

import dev.javisor.hypervisor.host.Host;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.hypervisor.paravirtual.Paravirtual;
import dev.javisor.hypervisor.vcpu.DeviceBus;
import dev.javisor.hypervisor.vcpu.MsrPolicy;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.processor.core.Cpu;

/** What the vcpus of a VM share on processors with VMX: its extended page tables. */
public final class VmxVm {
    private final Host host;
    private final ExtendedPageTables ept;
    private final MemorySlots slots;

    public VmxVm(Host host, MemorySlots slots) {
        this.host = host;
        this.slots = slots;
        ept = new ExtendedPageTables(slots, host.memory(), host.pages());
        slots.observe(ept::clear);
    }

    /**
     * A vcpu on a processor of its own.
     *
     * @throws dev.javisor.hypervisor.abi.KvmException NOT_SUPPORTED when the processor lacks something
     */
    public VcpuCore createVcpu(Cpu cpu, Paravirtual paravirtual, DeviceBus bus, MsrPolicy msrs, long seed) {
        var root = host.addProcessor();
        root.seed(seed);
        return new VcpuCore(cpu, paravirtual, bus, msrs, core -> new VmxBackend(core, root, host.pages(), ept, slots));
    }

    /** Whether dirty logs are filled by the processor; else by EPT violations. */
    public void setPageModificationLogging(boolean on) {
        ept.setPageModificationLogging(on);
    }

    /** Stores to the pages of a slot are to be seen again. */
    public void protect(MemorySlots.Slot slot) {
        ept.protect(slot);
    }
}
