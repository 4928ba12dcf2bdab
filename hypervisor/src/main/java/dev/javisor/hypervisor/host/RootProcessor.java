package dev.javisor.hypervisor.host;

import dev.javisor.isa.Msr;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Monitor;
import dev.javisor.processor.core.X87State;
import dev.javisor.processor.event.Boundary;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.system.Msrs;
import dev.javisor.processor.trace.TraceSink;
import dev.javisor.processor.vmx.VmEntryFailure;
import dev.javisor.processor.vmx.Vmx;
import dev.javisor.processor.vmx.VmxOperations;

/**
 * A processor as software in VMX root operation has it: the general registers, those that VMX does not switch, model-specific registers,
 * and the VMX instructions. The only class of the hypervisor that touches a processor of the host; whatever is not here the hypervisor
 * does not know.
 *
 * <p>The hypervisor is not made of instructions, so that what it does takes no guest time, and the registers hold the guest's values
 * between two runs.
 */
public final class RootProcessor {
    /** Vector with which other processors say that they have posted interrupts. */
    public static final int POSTED_VECTOR = 0xF1;

    private static final long LOCKED_AND_ENABLED = 5;
    private static final int CODE = Cpu.L | Cpu.G | Cpu.PRESENT | Cpu.S | 0xB, DATA = Cpu.DB | Cpu.G | Cpu.PRESENT | Cpu.S | 3;
    private static final int TSS = Cpu.PRESENT | 0xB;
    private static final int CODE_SELECTOR = 8, DATA_SELECTOR = 16, TSS_SELECTOR = 24, TSS_LIMIT = 0x67;

    private final LogicalProcessor processor;
    private final HostBoard board;
    private final Cpu cpu;
    private final Vmx unit;
    private final VmxOperations vmx;
    private VmEntryFailure entryFailure;
    private boolean setsCounters;
    private long mperf, aperf;

    RootProcessor(LogicalProcessor processor, HostBoard board, HostPages pages) {
        this.processor = processor;
        this.board = board;
        this.cpu = processor.cpu();
        this.unit = (Vmx) cpu.virtualization;
        this.vmx = VmxOperations.of(unit);
        unit.setFailureListener(f -> entryFailure = f);
        board.onAcknowledge(this::acknowledged);
        processor.reset();
        // A guest's counter is an offset to the processor's, which counts guest time.
        cpu.tscOffset = 0;
        enterLongMode();
        cpu.msr[Msr.FEATURE_CONTROL.slot] = LOCKED_AND_ENABLED;
        long region = pages.allocate();
        cpu.memory.write(region, 4, VmxCapabilities.REVISION);
        vmx.vmxon(region);
        check("VMXON");
    }

    private void acknowledged(boolean back) {
        cpu.withdraw(Cpu.EXTERNAL_REQUEST);
        if (!back) {
            // The notification is no event of the guest's: it takes no tick.
            cpu.budget++;
            cpu.deliveries--;
        }
    }

    /** What firmware and a kernel do before a hypervisor can start. */
    private void enterLongMode() {
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            segment(s, s == Cpu.CS ? CODE_SELECTOR : DATA_SELECTOR, s == Cpu.CS ? CODE : DATA, 0xFFFF_FFFFL);
        }
        segment(Cpu.TR, TSS_SELECTOR, TSS, TSS_LIMIT);
        cpu.cr0 = Cr.PE | Cr.MP | Cr.ET | Cr.NE | Cr.WP | Cr.PG;
        cpu.cr4 = Cr.PAE | Cr.VMXE;
        cpu.efer = Cr.LME | Cr.LMA;
        cpu.activity = Cpu.ACTIVE;
        cpu.updateMode();
    }

    private void segment(int s, int selector, int access, long limit) {
        cpu.selector[s] = selector;
        cpu.segBase[s] = 0;
        cpu.segLimit[s] = limit;
        cpu.segAccess[s] = access;
    }

    // ---- registers that VMX does not switch ----

    public long gpr(int r) {
        return cpu.gpr[r];
    }

    public void setGpr(int r, long value) {
        cpu.gpr[r] = value;
    }

    /** The general registers, RAX to R15. RSP is the host's. */
    public long[] gprs() {
        return cpu.gpr;
    }

    public long cr2() {
        return cpu.cr2;
    }

    public void setCr2(long value) {
        cpu.cr2 = value;
    }

    public long dr(int i) {
        return i == 6 ? cpu.dr6 : cpu.dr[i];
    }

    /** MOV to DR0-DR3 and DR6. */
    public void setDr(int i, long value) {
        if (i == 6) {
            cpu.dr6 = value;
        } else {
            cpu.dr[i] = value;
            cpu.updateBreakpoints();
        }
    }

    public long xcr0() {
        return cpu.xcr0;
    }

    /** XSETBV. */
    public void setXcr0(long value) {
        cpu.xcr0 = value;
    }

    public int pkru() {
        return cpu.pkru;
    }

    public void setPkru(int value) {
        cpu.setPkru(value);
    }

    /** IA32_PKRS. */
    public long pkrs() {
        return cpu.pkrs;
    }

    public void setPkrs(long value) {
        cpu.setPkrs(value);
    }

    /** IA32_XSS. */
    public long xss() {
        return cpu.xss;
    }

    public void setXss(long value) {
        cpu.xss = value;
    }

    /** The x87 state, as FXSAVE and FXRSTOR move it. */
    public X87State x87() {
        return cpu.x87;
    }

    /** The vector registers, as XSAVE and XRSTOR move them. */
    public long[] vectors() {
        return cpu.vector;
    }

    public int mxcsr() {
        return cpu.mxcsr;
    }

    public void setMxcsr(int value) {
        cpu.mxcsr = value;
    }

    /** RDMSR of a register that exists. */
    public long rdmsr(int index) {
        return Msrs.read(cpu, index);
    }

    /** WRMSR of a value that the register takes. */
    public void wrmsr(int index, long value) {
        Msrs.write(cpu, index, value);
    }

    /** WRMSR of the counters that stand still while the processor waits (RDPRU shows them), immediately before the next entry. */
    public void setRunningCounters(long mperf, long aperf) {
        this.mperf = mperf;
        this.aperf = aperf;
        setsCounters = true;
    }

    /** Seeds what RDRAND and RDSEED return. */
    public void seed(long value) {
        cpu.rngState = value;
    }

    public long seed() {
        return cpu.rngState;
    }

    /** PAUSE in a guest ends its turn. */
    public void setPauseYields(boolean yields) {
        cpu.pauseYields = yields;
    }

    public PhysicalMemory memory() {
        return cpu.memory;
    }

    // ---- VMX ----

    public long vmread(VmcsField f) {
        return vmx.vmread(f);
    }

    public void vmwrite(VmcsField f, long value) {
        vmx.vmwrite(f, value);
    }

    public void vmclear(long vmcs) {
        vmx.vmclear(vmcs);
        check("VMCLEAR");
    }

    public void vmptrld(long vmcs) {
        vmx.vmptrld(vmcs);
        check("VMPTRLD");
    }

    public void invept(long type, long pointer) {
        vmx.invept(type, pointer);
        check("INVEPT");
    }

    public void invvpid(long type, long vpid) {
        vmx.invvpid(type, vpid, 0);
        check("INVVPID");
    }

    private boolean failed() {
        return (Flags.rflags(cpu) & (Flags.CF | Flags.ZF)) != 0;
    }

    private void check(String instruction) {
        if (failed()) {
            throw new IllegalStateException(instruction + " failed");
        }
    }

    /** RDMSR of a VMX capability register; {@code index} counts from IA32_VMX_BASIC. */
    public long capability(int index) {
        return cpu.virtualization.capability(cpu, index);
    }

    /** Registers of the host as VM exits shall load them. */
    public long hostCr0() {
        return cpu.cr0;
    }

    public long hostCr4() {
        return cpu.cr4;
    }

    public long hostEfer() {
        return cpu.efer;
    }

    public int hostSelector(int segment) {
        return cpu.selector[segment];
    }

    /** In VMX non-root operation: the guest's turn has ended without a VM exit. */
    public boolean inGuest() {
        return cpu.guest != null;
    }

    /**
     * VMLAUNCH or VMRESUME, and the guest up to its VM exit, or until {@code limit} without one.
     *
     * @param stringElements elements that the repeated string instruction at RIP has handled in the tick that is under way
     * @param latency ticks that those take, which pass at the instruction's end
     * @param armed the monitor for the line at {@code line}, unless that is -1
     * @return false when the entry failed with an error number, which the VMCS holds
     */
    public boolean enter(boolean launch, int stringElements, int latency, Monitor armed, long line, long limit) {
        // What has called since the last exit has been seen.
        cpu.withdraw(Cpu.EXTERNAL_REQUEST | Cpu.INIT_REQUEST);
        boolean[] entered = new boolean[1];
        processor.runGuest(limit, () -> {
            Flags.setArithmetic(cpu, 0);
            if (setsCounters) {
                wrmsr(Msr.MPERF.index, mperf);
                wrmsr(Msr.APERF.index, aperf);
            }
            if (launch) {
                vmx.vmlaunch();
            } else {
                vmx.vmresume();
            }
            entered[0] = inGuest() || !failed();
            cpu.stringElements = stringElements;
            cpu.latency = latency;
            if (line != -1 && inGuest()) {
                cpu.monitor.takeOver(armed, line, false);
            }
        });
        return entered[0];
    }

    /** Elements that a repeated string instruction has handled in the tick that is under way: the exit interrupted it. */
    public int stringElements() {
        return unit.stringElements();
    }

    /** The monitor as the exit has left it. */
    public Monitor monitor() {
        return cpu.monitor;
    }

    /** Physical address of the line that the guest had armed the monitor for when it exited, or -1. */
    public long monitoredLine() {
        return unit.monitoredLine();
    }

    /** The exit has ended a wait of the guest (MWAIT, UMWAIT, TPAUSE), which hardware does not go on with. */
    public boolean hasWaited() {
        return unit.hasWaited();
    }

    /** In words, which checks the last entry that failed did not pass. */
    public String entryFailure() {
        return entryFailure == null ? "" : entryFailure.text();
    }

    /** Goes on with a guest whose turn had ended without a VM exit. */
    public void resume(long limit) {
        processor.runGuest(limit, null);
    }

    /** Whether a guest whose turn ended without a VM exit has something to do. */
    public boolean isRunnable() {
        return processor.isRunnable();
    }

    /** The guest gave way to others with PAUSE, or {@link #stop} was called. */
    public boolean hasYielded() {
        return processor.hasYielded();
    }

    /** Ends {@link #enter} behind the instruction that is running, without a VM exit. */
    public void stop() {
        processor.stop();
    }

    /** The interrupt with which another processor calls this one back from its guest; blocking by STI and MOV SS hold it off. */
    public void kick() {
        board.kick();
        cpu.request(Cpu.EXTERNAL_REQUEST);
    }

    /** The notification that interrupts have been posted for the guest. */
    public void post() {
        cpu.request(Cpu.EXTERNAL_REQUEST);
    }

    /** As {@link #kick}, with the signal that nothing holds off: INIT. */
    public void kickAtOnce() {
        cpu.request(Cpu.INIT_REQUEST);
    }

    /** Takes a guest whose turn has ended to its VM exit, which takes no guest time. */
    public void callBack() {
        while (inGuest()) {
            kickAtOnce();
            Boundary.process(cpu);
        }
        cpu.withdraw(Cpu.INIT_REQUEST);
    }

    /** Takes the exit behind an access of the guest to its local APIC, if the guest's turn has ended before it. It takes no guest time. */
    public void takeTrap() {
        while (unit.hasTrap()) {
            Boundary.process(cpu);
        }
    }

    /** Instructions that guests have retired here. */
    public long retired() {
        return cpu.retiredNow();
    }

    /** RIP, in VMX non-root operation. */
    public long rip() {
        return cpu.rip;
    }

    /** From here on somebody is told what the processor does with events; null for nobody. */
    public void trace(TraceSink sink) {
        processor.trace(sink);
    }

    public long regionEntries() {
        return processor.regionEntries();
    }

    public long compiledInstructions() {
        return processor.compiledInstructions();
    }
}
