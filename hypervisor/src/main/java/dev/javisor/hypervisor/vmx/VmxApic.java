package dev.javisor.hypervisor.vmx;

import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.host.HostPages;
import dev.javisor.hypervisor.host.RootProcessor;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.apic.ApicHandOver;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.memory.HostMemory;
import dev.javisor.processor.memory.Region;

/**
 * The local APIC of a vcpu while its guest runs: its registers are in the virtual-APIC page, from which the processor delivers interrupts
 * without exit; those that arrive meanwhile are posted. Between two runs everything is in the {@link LocalApic}.
 */
final class VmxApic {
    /** What the guest has: no APIC that can be virtualized, or one in xAPIC or x2APIC mode. */
    private enum Mode {
        OFF,
        XAPIC,
        X2APIC
    }

    // Registers, and rows of them
    private static final int TPR = 0x80, ISR = 0x100, TMR = 0x180, IRR = 0x200, ICR = 0x300, ICR_HIGH = 0x310, SELF_IPI = 0x3F0;
    private static final int STEP = 16, WORDS = 4, REGISTER = 4;
    /** Posted-interrupt descriptor: the outstanding-notification bit is behind the requests. */
    private static final int OUTSTANDING = 32;

    private static final int FIRST_MSR = 0x800, TPR_MSR = 0x808, EOI_MSR = 0x80B, ICR_MSR = 0x830, SELF_IPI_MSR = 0x83F;
    private static final int CURRENT_COUNT_MSR = 0x839, LAST_MSR = 0x83F;
    private static final long MODE_BITS = 0xC00, XAPIC_MODE = 0x800;

    private final VcpuCore core;
    private final Cpu cpu;
    private final RootProcessor root;
    private final VmcsSetup setup;
    private final VmxVm vm;
    private final long page;
    private final long descriptor;
    private Mode mode = Mode.OFF;
    /** The state of the local APIC is in the page. */
    private boolean handedOver;
    /** {@link LocalApic#changes} when the registers were last written to the page. */
    private long written = -1;

    private final long[] levels = new long[WORDS];
    /** What the page holds of requests, interrupts in service and level-triggered ones, while {@link #rowsKnown}. */
    private final long[] irr = new long[WORDS], isr = new long[WORDS], tmr = new long[WORDS];

    private boolean rowsKnown;
    /** Requests have been posted since the entry. */
    private boolean posted;
    /** IA32_APIC_BASE when it was last looked at. */
    private long base = -1;
    /** The host's memory that the page is in, and where. */
    private final Region region;

    private final long host;

    VmxApic(VcpuCore core, RootProcessor root, VmcsSetup setup, HostPages pages, VmxVm vm) {
        this.core = core;
        this.cpu = core.cpu();
        this.root = root;
        this.setup = setup;
        this.vm = vm;
        page = pages.allocate();
        descriptor = pages.allocate();
        region = root.memory().regionAt(page);
        host = region.host + (page - region.start);
        root.vmwrite(VmcsField.VIRTUAL_APIC_ADDRESS, page);
        root.vmwrite(VmcsField.POSTED_INTERRUPT_DESCRIPTOR, descriptor);
        root.vmwrite(VmcsField.POSTED_INTERRUPT_VECTOR, RootProcessor.POSTED_VECTOR);
        root.vmwrite(VmcsField.APIC_ACCESS_ADDRESS, vm.apicAccessPage());
        registers().setRefresh(this::refresh);
    }

    /** Whether a processor has all that this class uses. */
    static boolean isPossible(VmcsSetup setup) {
        return setup.has(VmxControl.USE_TPR_SHADOW)
                && setup.has(VmxControl.VIRTUALIZE_APIC_ACCESSES)
                && setup.has(VmxControl.VIRTUALIZE_X2APIC_MODE)
                && setup.has(VmxControl.APIC_REGISTER_VIRTUALIZATION)
                && setup.has(VmxControl.VIRTUAL_INTERRUPT_DELIVERY)
                && setup.has(VmxControl.PROCESS_POSTED_INTERRUPTS);
    }

    private LocalApic apic() {
        return (LocalApic) cpu.apic;
    }

    private ApicHandOver registers() {
        return apic().handOver();
    }

    /** The register page is where every vcpu of the VM has it, if it is to be virtualized. */
    boolean isAtDefault() {
        return (cpu.apicBaseMsr & MODE_BITS) == XAPIC_MODE && cpu.apic.base() == LocalApic.DEFAULT_BASE;
    }

    private Mode wanted() {
        if (cpu.apicBaseMsr != base) {
            base = cpu.apicBaseMsr;
            vm.apicMoved();
        }
        if (core.debugger().uses(GuestDebug.BLOCKIRQ)) {
            return Mode.OFF;
        }
        if ((cpu.apicBaseMsr & MODE_BITS) == MODE_BITS) {
            return Mode.X2APIC;
        }
        return vm.mapsApicPage() ? Mode.XAPIC : Mode.OFF;
    }

    /** The processor delivers the local APIC's interrupts from the next entry on. */
    boolean delivers() {
        return wanted() != Mode.OFF;
    }

    // ---- entry ----

    /** The guest is about to be entered. */
    void handOver() {
        Mode next = wanted();
        vm.placeApicPage();
        if (next != mode) {
            mode = next;
            setControls();
        }
        if (mode == Mode.OFF) {
            return;
        }
        ApicHandOver a = registers();
        if (a.changes() != written) {
            written = a.changes();
            writeRegisters(a);
        }
        write(TPR, a.taskPriority());
        writeRow(ISR, a.inService(), isr);
        writeRow(TMR, a.levelTriggered(), tmr);
        for (int i = 0; i < WORDS; i++) {
            long w = a.levelTriggered()[i];
            if (w != levels[i]) {
                levels[i] = w;
                root.vmwrite(VmcsField.of(VmcsField.EOI_EXIT_BITMAP_0.encoding + 2 * i), w);
            }
        }
        long[] requests = a.takeRequests();
        writeRow(IRR, requests, irr);
        rowsKnown = true;
        root.vmwrite(VmcsField.GUEST_INTERRUPT_STATUS, Math.max(0, highest(requests)) | (long) Math.max(0, highest(a.inService())) << 8);
        apic().setQuiet(true);
        handedOver = true;
    }

    private static int highest(long[] words) {
        for (int i = WORDS - 1; i >= 0; i--) {
            if (words[i] != 0) {
                return Long.SIZE * i + Long.SIZE - 1 - Long.numberOfLeadingZeros(words[i]);
            }
        }
        return -1;
    }

    private void setControls() {
        boolean on = mode != Mode.OFF;
        setup.set(VmxControl.PROCESS_POSTED_INTERRUPTS, on);
        setup.set(VmxControl.APIC_REGISTER_VIRTUALIZATION, on);
        setup.set(VmxControl.VIRTUAL_INTERRUPT_DELIVERY, on);
        setup.set(VmxControl.VIRTUALIZE_APIC_ACCESSES, mode == Mode.XAPIC);
        setup.set(VmxControl.VIRTUALIZE_X2APIC_MODE, mode == Mode.X2APIC);
        interceptRegisters();
        written = -1;
    }

    /** TPR shadow on, and no exits for CR8. */
    boolean isOn() {
        return mode != Mode.OFF;
    }

    /** In x2APIC mode the registers are read, and some are written, without exit. */
    void interceptRegisters() {
        boolean open = mode == Mode.X2APIC;
        for (int index = FIRST_MSR; index <= LAST_MSR; index++) {
            boolean reads = open && index != CURRENT_COUNT_MSR && registers().isReadable(index - FIRST_MSR);
            boolean writes = open && (index == TPR_MSR || index == EOI_MSR || index == SELF_IPI_MSR);
            setup.intercept(index, !reads, !writes);
        }
    }

    private void writeRegisters(ApicHandOver a) {
        rowsKnown = false;
        for (int offset = 0; offset < LocalApic.PAGE_BYTES; offset += STEP) {
            root.memory().write(page + offset, 8, 0);
            if (a.hasRegister(offset / STEP)) {
                write(offset, a.register(offset / STEP));
            }
        }
        if (mode == Mode.X2APIC) {
            root.memory().write(page + ICR, 8, apic().readMsr(ICR_MSR - FIRST_MSR));
        }
    }

    private void write(int register, int value) {
        if (region.flags[region.flag(page)] == 0) {
            HostMemory.putInt(host + register, value);
        } else {
            // Somebody waits for the page to change.
            root.memory().write(page + register, REGISTER, value);
        }
    }

    private int read(int register) {
        return HostMemory.getInt(host + register);
    }

    /** @param held what the page holds of the row */
    private void writeRow(int row, long[] words, long[] held) {
        for (int i = 0; i < WORDS; i++) {
            if (words[i] != held[i] || !rowsKnown) {
                held[i] = words[i];
                write(row + 2 * STEP * i, (int) words[i]);
                write(row + 2 * STEP * i + STEP, (int) (words[i] >>> 32));
            }
        }
    }

    private void readRow(int row, long[] words) {
        for (int i = 0; i < WORDS; i++) {
            words[i] = read(row + 2 * STEP * i) & 0xFFFF_FFFFL | (long) read(row + 2 * STEP * i + STEP) << 32;
        }
    }

    // ---- while the guest runs ----

    /**
     * Something has arrived at the local APIC.
     *
     * @return whether the guest gets it without exit
     */
    boolean post() {
        if (!handedOver || registers().hasLevelRequest()) {
            return false;
        }
        writeRow(TMR, registers().levelTriggered(), tmr);
        long[] requests = registers().takeRequests();
        posted = true;
        long any = 0;
        for (int i = 0; i < WORDS; i++) {
            any |= requests[i];
            root.memory().write(descriptor + 8 * i, 8, root.memory().read(descriptor + 8 * i, 8) | requests[i]);
        }
        if (any != 0) {
            root.memory().write(descriptor + OUTSTANDING, 1, 1);
            root.post();
        }
        return any != 0;
    }

    /** Somebody wants to know the priority of a processor whose guest runs. */
    private void refresh() {
        if (handedOver) {
            readPriorities();
        }
    }

    private void readPriorities() {
        registers().setTaskPriority(read(TPR));
        readRow(ISR, isr);
        System.arraycopy(isr, 0, registers().inService(), 0, WORDS);
    }

    // ---- exit ----

    /** The guest has exited. */
    void takeBack() {
        if (!handedOver) {
            return;
        }
        handedOver = false;
        readPriorities();
        readRow(IRR, irr);
        long[] requests = irr.clone();
        if (posted) {
            posted = false;
            for (int i = 0; i < WORDS; i++) {
                requests[i] |= root.memory().read(descriptor + 8 * i, 8);
                root.memory().write(descriptor + 8 * i, 8, 0);
            }
            root.memory().write(descriptor + OUTSTANDING, 1, 0);
        }
        if (mode == Mode.XAPIC) {
            registers().setCommand(read(ICR), read(ICR_HIGH));
        }
        apic().setQuiet(false);
        registers().giveBack(requests);
    }

    /** Exit "APIC write": the guest has written a register, whose effects are software's. */
    void written(int offset) {
        if (offset == SELF_IPI) {
            apic().writeMsr(SELF_IPI_MSR - FIRST_MSR, read(offset));
        } else {
            registers().writeBehind(offset, read(offset) & 0xFFFF_FFFFL);
        }
        written = -1;
        cpu.latency += latency();
    }

    /** Exit "virtualized EOI": the guest has ended an interrupt that somebody waits for. */
    void ended(int vector) {
        registers().endedElsewhere(vector);
        cpu.latency += latency();
    }

    /** Of the write that has exited, which the processor has left to this side. */
    private int latency() {
        return mode == Mode.X2APIC ? Latency.WRMSR : Latency.LOCAL_APIC;
    }
}
