package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.ClockData;
import dev.javisor.hypervisor.abi.CoalescedMmio;
import dev.javisor.hypervisor.abi.IrqChip;
import dev.javisor.hypervisor.abi.IrqRoutingEntry;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.Msi;
import dev.javisor.hypervisor.abi.MsrFilter;
import dev.javisor.hypervisor.abi.PitState;
import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.irqchip.IrqRouting;
import dev.javisor.hypervisor.irqchip.KernelIrqChip;
import dev.javisor.hypervisor.memory.DirtyRing;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.hypervisor.memory.PageSource;
import dev.javisor.hypervisor.paravirtual.Paravirtual;
import dev.javisor.hypervisor.paravirtual.ParavirtualCalls;
import dev.javisor.hypervisor.paravirtual.SystemClock;
import dev.javisor.hypervisor.vcpu.DeviceBus;
import dev.javisor.hypervisor.vcpu.MsrPolicy;
import dev.javisor.hypervisor.vcpu.UserLocalApic;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.hypervisor.vmx.VmxVm;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.chipset.IoApic;
import dev.javisor.processor.chipset.Pit8254;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.memory.CodeObserver;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import dev.javisor.processor.paging.Paging;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntSupplier;

/**
 * A virtual machine: memory slots, vcpus and what is in the kernel beside them. KVM's VM interface. Calls come from one thread at a time:
 * a second one is refused as BUSY, also one of another VM of the same {@link Kvm}, with which it shares time.
 */
public final class Vm implements Stateful {
    /** Most vcpus of a VM. */
    public static final int MAXIMUM_VCPUS = 64;
    /** KVM_PIT_SPEAKER_DUMMY, a flag of {@link #createPit2}. */
    public static final int PIT_SPEAKER_DUMMY = 1;

    private static final int NO_VECTOR = 0xFF;
    private static final long MOST_TSS_ADDRESS = 0xFFFF_CFFFL;

    private final Kvm kvm;
    private final DeviceBus bus = new DeviceBus();
    private final MemorySlots slots;
    private final VmxVm vmx;
    private final List<Vcpu> vcpus = new ArrayList<>();
    private RequeuePolicy requeuePolicy = RequeuePolicy.ALWAYS;
    /** Between local APICs that are in the kernel; null while there are none. */
    private ApicBus interrupts;
    /** Null unless all controllers are in the kernel. */
    private KernelIrqChip irqchip;
    /** Null without local APICs in the kernel. */
    private IrqRouting routing;
    /** Who is told the end of an interrupt, by GSI. */
    private final Map<Integer, List<Runnable>> resamplers = new HashMap<>();
    private Pit8254 pit;
    /** Dirty logs are cleared by {@link #clearDirtyLog}. */
    private boolean manualProtection;
    private final SystemClock clock;
    private boolean hypercalls = true;
    private long hypercallExits;
    private boolean forcedEmulation;
    private boolean fixesHypercalls = true;
    private final MsrPolicy msrs = new MsrPolicy();
    private final DirtyRings rings;
    private final EarlyCapabilities early;
    private int bootCpuId;
    private boolean exceptionPayload = true;
    private boolean tripleFaultEvent = true;
    private int tscKhz = Kvm.TSC_KHZ;

    Vm(Kvm kvm) {
        this.kvm = kvm;
        slots = new MemorySlots(kvm.host(), bus);
        vmx = new VmxVm(kvm.host(), slots);
        rings = new DirtyRings(slots, vmx);
        early = new EarlyCapabilities(kvm, vmx, rings);
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
        kvm.act(() -> {
            vcpus.forEach(Vcpu::leaveGuest);
            slots.set(slot, flags, guestPhysicalAddress, memory);
        });
    }

    /** Several calls of {@link #setUserMemoryRegion}, whose consequences are drawn once: for many slots that is faster. */
    public void changeMemory(Runnable calls) {
        slots.together(calls);
    }

    /**
     * KVM_GET_DIRTY_LOG: which pages of a slot were stored to since the last call, one bit for each.
     *
     * @throws KvmException NOT_FOUND when there is no such slot, or it logs nothing; NO_DEVICE when vcpus have dirty rings
     */
    public long[] getDirtyLog(int slot) {
        return kvm.alone(() -> {
            MemorySlots.Slot s = loggedSlot(slot);
            vcpus.forEach(Vcpu::leaveGuest);
            if (manualProtection) {
                return s.log().copy();
            }
            vmx.protect(s);
            return s.log().take();
        });
    }

    private MemorySlots.Slot loggedSlot(int slot) {
        if (rings.areEnabled()) {
            throw new KvmException(KvmException.Error.NO_DEVICE, "pages that are stored to are in the vcpus' dirty rings");
        }
        MemorySlots.Slot s = slots.slot(slot);
        if (s == null || s.log() == null) {
            throw new KvmException(KvmException.Error.NOT_FOUND, "slot " + slot + " has no dirty log");
        }
        return s;
    }

    /**
     * KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: from here on {@link #getDirtyLog} leaves the log as it is, and {@link #clearDirtyLog} clears it.
     *
     * @param initiallySet pages of logs that begin count as stored to
     */
    public void setManualDirtyLogProtection(boolean manual, boolean initiallySet) {
        manualProtection = manual;
        slots.setLogsBeginSet(manual && initiallySet);
    }

    /**
     * KVM_CLEAR_DIRTY_LOG: pages that have a bit in the bitmap count as not stored to.
     *
     * @param firstPage page of the slot that the bitmap begins with
     * @param pages of the bitmap
     * @throws KvmException NOT_FOUND and NO_DEVICE as {@link #getDirtyLog}; INVALID_ARGUMENT when {@code firstPage} or {@code pages} is no
     *     multiple of 64 (but for pages up to the end of the slot), leaves the slot, or the bitmap has another size
     */
    public void clearDirtyLog(int slot, long firstPage, long pages, long[] bitmap) {
        kvm.act(() -> {
            MemorySlots.Slot s = loggedSlot(slot);
            long all = s.log().pages();
            boolean inside = firstPage >= 0 && pages > 0 && firstPage <= all && pages <= all - firstPage;
            boolean words = inside && (firstPage & 63) == 0 && ((pages & 63) == 0 || firstPage + pages == all);
            if (!words || bitmap.length != pages + 63 >> 6) {
                throw KvmException.invalid("pages " + firstPage + " to " + (firstPage + pages) + " are no range of the dirty log");
            }
            vcpus.forEach(Vcpu::leaveGuest);
            s.log().clear(firstPage, bitmap);
            vmx.protect(s);
        });
    }

    /**
     * KVM_RESET_DIRTY_RINGS: the pages that {@link Vcpu#harvestDirtyRing} has given count as not stored to, and their places are free.
     *
     * @return how many they are
     * @throws KvmException INVALID_ARGUMENT without the capability DIRTY_LOG_RING
     */
    public int resetDirtyRings() {
        if (!rings.areEnabled()) {
            throw KvmException.invalid("the vcpus have no dirty rings");
        }
        return kvm.alone(() -> {
            vcpus.forEach(Vcpu::leaveGuest);
            return rings.reset();
        });
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
        routing = new IrqRouting(interrupts, null);
        interrupts.onEoiOf(this::ended);
        return interrupts;
    }

    /** The local APICs are the kernel's, the I/O APIC is not: whoever emulates it is told the end of its interrupts. */
    private void ended(int processor, int vector) {
        if (irqchip == null && routing.isLevelTriggered(vector)) {
            vcpus.stream().filter(v -> v.id() == processor).forEach(v -> v.want(new VcpuExit.IoApicEoi(vector)));
        }
    }

    // ---- interrupt controllers in the kernel ----

    /**
     * KVM_CREATE_IRQCHIP: a pair of 8259s, an I/O APIC and a local APIC for each vcpu are in the kernel. HLT waits there.
     *
     * @throws KvmException ALREADY_EXISTS when there are interrupt controllers, INVALID_ARGUMENT when there are vcpus
     */
    public void createIrqchip() {
        if (interrupts != null) {
            throw new KvmException(KvmException.Error.ALREADY_EXISTS, "there are interrupt controllers in the kernel");
        }
        if (!vcpus.isEmpty()) {
            throw KvmException.invalid("interrupt controllers must be made before the vcpus");
        }
        interrupts = new ApicBus();
        irqchip = new KernelIrqChip(interrupts, bus.ports());
        routing = new IrqRouting(interrupts, irqchip);
        irqchip.onEnd(this::inputEnded);
        bus.setAcknowledge(irqchip::acknowledge);
        bus.addRange(IoApic.DEFAULT_BASE, IoApic.SIZE, irqchip.ioApic());
    }

    /**
     * KVM_CREATE_PIT2: an 8254 that drives GSI 0 is in the kernel.
     *
     * @param flags {@link #PIT_SPEAKER_DUMMY}: port 61H is in the kernel too
     * @throws KvmException ALREADY_EXISTS, NOT_FOUND without {@link #createIrqchip}, INVALID_ARGUMENT for unknown flags
     */
    public void createPit2(int flags) {
        if ((flags & ~PIT_SPEAKER_DUMMY) != 0) {
            throw KvmException.invalid("unknown flags of the interval timer: " + flags);
        }
        if (pit != null) {
            throw new KvmException(KvmException.Error.ALREADY_EXISTS, "there is an interval timer");
        }
        if (irqchip == null) {
            throw new KvmException(KvmException.Error.NOT_FOUND, "the interrupt controllers are not in the kernel");
        }
        pit = new Pit8254(kvm.timeline(), level -> routing.drive(KernelIrqChip.TIMER, 0, level));
        if ((flags & PIT_SPEAKER_DUMMY) != 0) {
            pit.connect(bus.ports());
        } else {
            pit.connectCounters(bus.ports());
        }
    }

    private Pit8254 pit() {
        if (pit == null) {
            throw new KvmException(KvmException.Error.NO_DEVICE, "the interval timer is not in the kernel");
        }
        return pit;
    }

    /** KVM_GET_PIT2. @throws KvmException NO_DEVICE without {@link #createPit2} */
    public PitState getPit2() {
        return kvm.alone(() -> PitAccess.get(pit()));
    }

    /**
     * KVM_SET_PIT2. Channels go on counting where they were, if guest time is as it was; where a count would begin in the future it begins
     * now.
     *
     * @throws KvmException NO_DEVICE without {@link #createPit2}, INVALID_ARGUMENT for flags, and for a state that the timer cannot be in
     */
    public void setPit2(PitState state) {
        kvm.act(() -> PitAccess.set(pit(), state));
    }

    private KernelIrqChip irqchip() {
        if (irqchip == null) {
            throw new KvmException(KvmException.Error.NO_DEVICE, "the interrupt controllers are not in the kernel");
        }
        return irqchip;
    }

    private IrqRouting routing() {
        if (routing == null) {
            throw new KvmException(KvmException.Error.NO_DEVICE, "the local APICs are not in the kernel");
        }
        return routing;
    }

    /**
     * KVM_IRQ_LINE: drives a GSI; true means that it is asserted, whatever the polarity that the guest has programmed.
     *
     * @throws KvmException NO_DEVICE when the interrupt controllers are not in the kernel
     */
    public void irqLine(int gsi, boolean level) {
        irqchip();
        kvm.act(() -> routing.drive(KernelIrqChip.USERSPACE, gsi, level));
    }

    /**
     * KVM_IRQFD: a line that drives a GSI, for devices.
     *
     * @throws KvmException NO_DEVICE when the local APICs are not in the kernel, INVALID_ARGUMENT when there is no such GSI
     */
    public InterruptLine irqfd(int gsi) {
        IrqRouting r = routing();
        if (gsi < 0 || gsi >= IrqRouting.MOST) {
            throw KvmException.invalid("there is no GSI " + gsi);
        }
        return level -> kvm.act(() -> r.drive(KernelIrqChip.USERSPACE, gsi, level));
    }

    /**
     * KVM_IRQFD with its flag RESAMPLE: as {@link #irqfd(int)}, for a level-triggered interrupt. The line falls when the guest ends it in
     * the I/O APIC, and {@code ended} is run, who raises it again if the device still wants that.
     *
     * @throws KvmException INVALID_ARGUMENT when there is no such GSI, or the I/O APIC is not in the kernel
     */
    public InterruptLine irqfd(int gsi, Runnable ended) {
        Objects.requireNonNull(ended);
        if (irqchip == null || gsi < 0 || gsi >= IrqRouting.MOST) {
            throw KvmException.invalid("no I/O APIC in the kernel tells the end of GSI " + gsi);
        }
        resamplers.computeIfAbsent(gsi, g -> new ArrayList<>()).add(ended);
        return level -> kvm.act(() -> routing.drive(KernelIrqChip.RESAMPLER, gsi, level));
    }

    /** The interrupt of an input of the I/O APIC in the kernel has ended. */
    private void inputEnded(int pin) {
        for (int gsi : resamplers.isEmpty() ? List.<Integer>of() : routing.gsisOf(pin)) {
            if (resamplers.containsKey(gsi)) {
                routing.drive(KernelIrqChip.RESAMPLER, gsi, false);
                resamplers.get(gsi).forEach(Runnable::run);
            }
        }
    }

    /**
     * KVM_SET_GSI_ROUTING: where GSIs lead, in place of all that was set before. With {@link #createIrqchip} they lead to begin with to the
     * input of the same number of the I/O APIC, and 0 to 15 to the 8259s as well.
     *
     * @throws KvmException NO_DEVICE when the local APICs are not in the kernel, INVALID_ARGUMENT as {@link IrqRouting#set} says
     */
    public void setGsiRouting(List<IrqRoutingEntry> routes) {
        kvm.act(() -> routing().set(routes));
    }

    /**
     * KVM_SIGNAL_MSI. The high half of the address counts with the capability X2APIC_API only: its bits 31 to 8 are those of the APIC ID.
     *
     * @return whether a local APIC took it
     * @throws KvmException NO_DEVICE when the local APICs are not in the kernel; INVALID_ARGUMENT for flags, and for other bits of that
     *     half
     */
    public boolean signalMsi(Msi msi) {
        return kvm.alone(() -> routing().signal(msi));
    }

    boolean hasWideApicIds() {
        return routing != null && routing.hasWideIds();
    }

    /** KVM_GET_IRQCHIP. @throws KvmException NO_DEVICE, INVALID_ARGUMENT when there is no controller of this number */
    public IrqChip getIrqchip(int chipId) {
        return irqchip().get(chipId);
    }

    /** KVM_SET_IRQCHIP. @throws KvmException NO_DEVICE, INVALID_ARGUMENT for a state that the controller cannot be in */
    public void setIrqchip(IrqChip chip) {
        kvm.act(() -> irqchip().set(chip));
    }

    // ---- capabilities ----

    /** KVM_CHECK_EXTENSION: 0 when there is no such capability, else 1 or what KVM says about it. */
    public int checkExtension(int number) {
        Capability c = Capability.of(number);
        return c == null ? 0 : checkExtension(c);
    }

    /** KVM_CHECK_EXTENSION. */
    public int checkExtension(Capability capability) {
        return kvm.checkExtension(capability);
    }

    /**
     * KVM_ENABLE_CAP, for SPLIT_IRQCHIP (the I/O APIC and 8259 pair are the caller's, who injects the latter's interrupts with {@link
     * Vcpu#interrupt}), X86_USER_SPACE_MSR, EXIT_HYPERCALL, X2APIC_API, MANUAL_DIRTY_LOG_PROTECT2, EXCEPTION_PAYLOAD and
     * X86_TRIPLE_FAULT_EVENT (both on unless they are turned off with argument 0), DISABLE_QUIRKS and DISABLE_QUIRKS2, and
     * EXIT_ON_EMULATION_FAILURE, which is always so; and before there are vcpus, X86_DISABLE_EXITS, X86_BUS_LOCK_EXIT,
     * X86_NOTIFY_VMEXIT, DIRTY_LOG_RING and DIRTY_LOG_RING_ACQ_REL (bytes of each vcpu's ring).
     *
     * @throws KvmException INVALID_ARGUMENT for any other, for unknown bits, and for vcpus where there must be none; ALREADY_EXISTS;
     *     TOO_BIG
     */
    public void enableCap(Capability capability, long argument) {
        switch (capability) {
            case SPLIT_IRQCHIP -> {
                checkArgument(capability, argument, argument >= 0 && argument <= IrqRouting.MOST);
                createLocalApics(() -> NO_VECTOR);
            }
            case X86_USER_SPACE_MSR -> {
                int all = Capability.MSR_EXIT_REASON_INVAL | Capability.MSR_EXIT_REASON_UNKNOWN | Capability.MSR_EXIT_REASON_FILTER;
                checkArgument(capability, argument, (argument & ~all) == 0);
                msrs.setExits((int) argument);
            }
            case EXIT_HYPERCALL -> {
                checkArgument(capability, argument, (argument & ~Capability.EXIT_HYPERCALL_ALL) == 0);
                hypercallExits = argument;
                vcpus.forEach(v -> v.setHypercallExits(argument));
            }
            case X2APIC_API -> {
                checkArgument(capability, argument, (argument & ~Capability.X2APIC_API_ALL) == 0);
                boolean ids = (argument & Capability.X2APIC_API_USE_32BIT_IDS) != 0;
                routing().setWideIds(ids, (argument & Capability.X2APIC_API_DISABLE_BROADCAST_QUIRK) != 0);
            }
            case MANUAL_DIRTY_LOG_PROTECT2 -> {
                boolean manual = (argument & Capability.DIRTY_LOG_MANUAL_PROTECT_ENABLE) != 0;
                boolean set = (argument & Capability.DIRTY_LOG_INITIALLY_SET) != 0;
                checkArgument(capability, argument, argument >= 0 && argument <= 3 && (manual || !set));
                setManualDirtyLogProtection(manual, set);
            }
            case DISABLE_QUIRKS, DISABLE_QUIRKS2 -> {
                boolean known = (argument & ~Capability.QUIRKS_ALL) == 0;
                checkArgument(capability, argument, known || capability == Capability.DISABLE_QUIRKS);
                if ((argument & Capability.QUIRK_FIX_HYPERCALL_INSN) != 0) {
                    fixesHypercalls = false;
                    vcpus.forEach(v -> v.setFixesHypercalls(false));
                }
            }
            case EXIT_ON_EMULATION_FAILURE -> checkArgument(capability, argument, (argument & ~1) == 0);
            case EXCEPTION_PAYLOAD -> exceptionPayload = argument != 0;
            case X86_TRIPLE_FAULT_EVENT -> tripleFaultEvent = argument != 0;
            default -> checkArgument(capability, argument, vcpus.isEmpty() && early.enable(capability, argument));
        }
    }

    private static void checkArgument(Capability capability, long argument, boolean possible) {
        if (!possible) {
            throw KvmException.invalid(capability + " cannot be enabled now, or not with " + Long.toHexString(argument));
        }
    }

    boolean hasExceptionPayload() {
        return exceptionPayload;
    }

    boolean hasTripleFaultEvent() {
        return tripleFaultEvent;
    }

    /**
     * KVM_X86_SET_MSR_FILTER: accesses that the filter does not allow are #GP(0), or exit when X86_USER_SPACE_MSR says so. Replaces the
     * filter before.
     */
    public void setMsrFilter(MsrFilter filter) {
        kvm.act(() -> {
            vcpus.forEach(Vcpu::leaveGuest);
            msrs.setFilter(Objects.requireNonNull(filter));
        });
    }

    /**
     * KVM_SET_TSS_ADDR: guest-physical pages that KVM may need on processors that cannot run real mode; here they stay the caller's.
     *
     * @throws KvmException INVALID_ARGUMENT beyond 4 GiB
     */
    public void setTssAddr(long address) {
        if (address < 0 || address > MOST_TSS_ADDRESS) {
            throw KvmException.invalid("three pages from " + Long.toHexString(address) + " on are not below 4 GiB");
        }
    }

    /** KVM_SET_IDENTITY_MAP_ADDR: as {@link #setTssAddr}. @throws KvmException INVALID_ARGUMENT when there are vcpus */
    public void setIdentityMapAddr(long address) {
        if (!vcpus.isEmpty()) {
            throw KvmException.invalid("the identity map must be placed before the vcpus are made");
        }
    }

    // ---- stores that need no exit ----

    /**
     * KVM_IOEVENTFD: a store by the guest runs an action, and is not seen by anybody else.
     *
     * @param pio a port rather than a physical address
     * @param length bytes of the store: 1, 2, 4, or 8 (not for a port), or 0 for any
     * @param datamatch the value that must be stored, or null for any
     * @throws KvmException INVALID_ARGUMENT, ALREADY_EXISTS when an action for the same store is there
     */
    public void ioeventfd(boolean pio, long address, int length, Long datamatch, Runnable action) {
        StoreRanges.checkStore(pio, address, length, datamatch);
        if (!bus.addFastStore(pio, address, length, datamatch, Objects.requireNonNull(action))) {
            throw new KvmException(KvmException.Error.ALREADY_EXISTS, "another action is there for this store");
        }
    }

    /** KVM_IOEVENTFD with its flag DEASSIGN. @throws KvmException INVALID_ARGUMENT, NOT_FOUND */
    public void removeIoeventfd(boolean pio, long address, int length, Long datamatch) {
        StoreRanges.checkStore(pio, address, length, datamatch);
        if (!bus.removeFastStore(pio, address, length, datamatch)) {
            throw new KvmException(KvmException.Error.NOT_FOUND, "no action is there for this store");
        }
    }

    /**
     * KVM_REGISTER_COALESCED_MMIO: stores in a range wait until {@link #coalescedRing} is read. Without room they exit.
     *
     * @throws KvmException INVALID_ARGUMENT when there is no such range
     */
    public void registerCoalescedMmio(boolean pio, long address, long size) {
        StoreRanges.checkZone(pio, address, size);
        bus.addZone(pio, address, size);
    }

    /** KVM_UNREGISTER_COALESCED_MMIO: for all ranges that hold this one. @throws KvmException INVALID_ARGUMENT */
    public void unregisterCoalescedMmio(boolean pio, long address, long size) {
        StoreRanges.checkZone(pio, address, size);
        bus.removeZones(pio, address, size);
    }

    /**
     * The stores that wait, in their order; they wait no more. To be read after each exit, and before anything that could depend on them.
     */
    public List<CoalescedMmio> coalescedRing() {
        return bus.takeRing();
    }

    /**
     * KVM_SET_BOOT_CPU_ID: which vcpu is the bootstrap processor; 0 at first.
     *
     * @throws KvmException INVALID_ARGUMENT when no vcpu can have this ID; BUSY when there are vcpus
     */
    public void setBootCpuId(int id) {
        if (id < 0 || id >= MAXIMUM_VCPUS) {
            throw KvmException.invalid("vcpus are numbered 0 to " + (MAXIMUM_VCPUS - 1) + ", not " + id);
        }
        if (!vcpus.isEmpty()) {
            throw new KvmException(KvmException.Error.BUSY, "the bootstrap processor must be chosen before the vcpus are made");
        }
        bootCpuId = id;
    }

    /**
     * KVM_CREATE_VCPU.
     *
     * @param id APIC ID; the vcpu with ID 0, or that of {@link #setBootCpuId}, is the bootstrap processor
     * @throws KvmException INVALID_ARGUMENT, ALREADY_EXISTS
     */
    public Vcpu createVcpu(int id) {
        return kvm.alone(() -> newVcpu(id));
    }

    private Vcpu newVcpu(int id) {
        if (id < 0 || id >= MAXIMUM_VCPUS) {
            throw KvmException.invalid("vcpus are numbered 0 to " + (MAXIMUM_VCPUS - 1) + ", not " + id);
        }
        if (vcpus.stream().anyMatch(v -> v.id() == id)) {
            throw new KvmException(KvmException.Error.ALREADY_EXISTS, "there is a vcpu " + id);
        }
        Cpu cpu = new Cpu(kvm.model(), id, slots.guestView(), kvm.timeline());
        cpu.bootstrap = id == bootCpuId;
        cpu.translation = new Paging(kvm.model(), slots.guestView());
        cpu.codeObserver = slots;
        cpu.platform = bus;
        LocalApic apic = interrupts == null ? null : new LocalApic(cpu, interrupts);
        if (apic == null) {
            new UserLocalApic(cpu);
        }
        VcpuCore core = vmx.createVcpu(cpu, new Paravirtual(cpu, clock, apic), bus, msrs, id);
        if (hypercalls) {
            ParavirtualCalls calls = new ParavirtualCalls(interrupts == null ? new ApicBus() : interrupts, clock, peers(core));
            calls.setAsksUserspace(hypercallExits != 0);
            cpu.hypercalls = calls;
        }
        core.undefined().setHypercallExits(hypercallExits);
        core.setLocalApic(apic != null);
        core.undefined().setForcedEmulation(forcedEmulation);
        core.undefined().setFixesHypercalls(fixesHypercalls);
        DirtyRing ring = rings.create();
        core.setDirtyRing(ring);
        Vcpu v = new Vcpu(this, id, core, apic, irqchip == null, ring);
        v.setRequeuePolicy(requeuePolicy);
        v.setTscKhz(tscKhz);
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
     * KVM's parameter {@code enable_apicv}, for vcpus that are made from here on; on at first. While the guest runs the registers of its
     * local APIC are the processor's, which delivers interrupts without exits, if it can do that. Guests see the same either way.
     */
    public void setApicVirtualization(boolean on) {
        vmx.setApicVirtualization(on);
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

    /** KVM_GET_CLOCK: what kvm-clock shows, which follows guest time; with the time of day, and guest time. */
    public ClockData getClock() {
        return kvm.alone(() -> {
            ClockData d = new ClockData();
            d.clock = clock.nanoseconds();
            d.flags = ClockData.ALL;
            d.realtime = clock.timeOfDay();
            d.hostTsc = kvm.timeline().now();
            return d;
        });
    }

    /**
     * KVM_SET_CLOCK. With {@link ClockData#REALTIME} the time of day that has passed since {@code realtime} is added.
     *
     * @throws KvmException INVALID_ARGUMENT for unknown flags
     */
    public void setClock(ClockData d) {
        if ((d.flags & ~ClockData.ALL) != 0) {
            throw KvmException.invalid("unknown flags of the clock: " + Integer.toHexString(d.flags));
        }
        kvm.act(() -> {
            vcpus.forEach(Vcpu::leaveGuest);
            long passed = (d.flags & ClockData.REALTIME) != 0 ? clock.timeOfDay() - d.realtime : 0;
            clock.set(d.clock + Math.max(0, passed));
            vcpus.forEach(Vcpu::clockSet);
        });
    }

    /** KVM_GET_TSC_KHZ: of vcpus that are made from here on. */
    public int getTscKhz() {
        return tscKhz;
    }

    /** KVM_SET_TSC_KHZ: of vcpus that are made from here on; see {@link Vcpu#setTscKhz}. */
    public void setTscKhz(int khz) {
        tscKhz = kvm.checkTscKhz(khz);
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

    /**
     * The state of all that is in the kernel: guest time, interrupt controllers, timer, clock and vcpus. The memory slots with their
     * content, GSI routes and what else the caller has set up are not among it: {@link #load} wants a VM that was set up in the same way.
     */
    @Override
    public void save(StateOutput out) {
        kvm.act(() -> {
            vcpus.forEach(Vcpu::leaveGuest);
            out.putLong("time", kvm.timeline().now());
            if (irqchip != null) {
                out.put("interrupt controllers", irqchip);
            }
            if (pit != null) {
                out.put("timer", pit);
            }
            out.putLong("clock", clock.nanoseconds());
            out.put("stores", bus);
            vcpus.forEach(v -> out.put("vcpu " + v.id(), v));
        });
    }

    @Override
    public void load(StateInput in) {
        kvm.act(() -> {
            vcpus.forEach(Vcpu::leaveGuest);
            kvm.timeline().setTime(in.getLong("time"));
            if (irqchip != null) {
                in.get("interrupt controllers", irqchip);
            }
            if (pit != null) {
                in.get("timer", pit);
            }
            clock.set(in.getLong("clock"));
            in.get("stores", bus);
            vcpus.forEach(v -> in.get("vcpu " + v.id(), v));
        });
    }

    Kvm kvm() {
        return kvm;
    }

    MemorySlots slots() {
        return slots;
    }
}
