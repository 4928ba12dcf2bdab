package dev.javisor.hypervisor.vmx;

import dev.javisor.hypervisor.host.Host;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.hypervisor.paravirtual.Paravirtual;
import dev.javisor.hypervisor.vcpu.DeviceBus;
import dev.javisor.hypervisor.vcpu.MsrPolicy;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.processor.core.Cpu;
import java.util.ArrayList;
import java.util.List;

/** What the vcpus of a VM share on processors with VMX: its extended page tables. */
public final class VmxVm {
    private final Host host;
    private final ExtendedPageTables ept;
    private final MemorySlots slots;
    private final List<VmxApic> apics = new ArrayList<>();
    private final List<VcpuCore> cores = new ArrayList<>();
    private int vcpus;
    /** Whether {@link #mapsApicPage}, unless an APIC has moved or a vcpu come since that was looked at. */
    private boolean mapsApicPage;

    private boolean apicsMoved = true;
    private boolean virtualizesApics = true;
    private boolean haltsExit = true;
    private boolean busLocksExit;
    /** Time without boundary that a guest may take; -1 for any. */
    private long notifyWindow = -1;

    private boolean notifiesUserspace;
    private long apicAccessPage;

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
        vcpus++;
        apicsMoved = true;
        return new VcpuCore(cpu, paravirtual, bus, msrs, core -> new VmxBackend(core, root, host.pages(), ept, slots, this));
    }

    // ---- what exits, for vcpus that are made from here on ----

    public void setHaltsExit(boolean exit) {
        haltsExit = exit;
    }

    public void setBusLocksExit(boolean exit) {
        busLocksExit = exit;
    }

    /** @param window time without a boundary between instructions, unsigned @param tellsUserspace of each */
    public void setNotifyWindow(long window, boolean tellsUserspace) {
        notifyWindow = window;
        notifiesUserspace = tellsUserspace;
    }

    boolean haltsExit() {
        return haltsExit;
    }

    boolean busLocksExit() {
        return busLocksExit;
    }

    long notifyWindow() {
        return notifyWindow;
    }

    boolean notifiesUserspace() {
        return notifiesUserspace;
    }

    // ---- the register page of the local APICs ----

    /** KVM's parameter enable_apicv, for vcpus that are made from here on. */
    public void setApicVirtualization(boolean on) {
        virtualizesApics = on;
    }

    boolean virtualizesApics() {
        return virtualizesApics;
    }

    /** The page of the host that stands for the registers of all vcpus; accesses to it are virtualized. */
    long apicAccessPage() {
        if (apicAccessPage == 0) {
            apicAccessPage = host.pages().allocate();
        }
        return apicAccessPage;
    }

    void add(VmxApic apic, VcpuCore core) {
        apics.add(apic);
        cores.add(core);
        apicsMoved = true;
    }

    /** All vcpus have their registers at the same place, and it is virtualized. */
    boolean mapsApicPage() {
        if (apicsMoved) {
            apicsMoved = false;
            mapsApicPage = apics.size() == vcpus && apics.stream().allMatch(VmxApic::isAtDefault);
        }
        return mapsApicPage;
    }

    /** Some local APIC has another base address or mode. */
    void apicMoved() {
        apicsMoved = true;
    }

    /** The extended page tables have the page while it {@link #mapsApicPage is virtualized}. */
    void placeApicPage() {
        long wanted = mapsApicPage() ? apicAccessPage() : -1;
        if (wanted != ept.apicPage()) {
            cores.forEach(VcpuCore::leaveGuest);
            ept.setApicPage(wanted);
        }
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
