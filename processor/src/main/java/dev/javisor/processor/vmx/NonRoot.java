package dev.javisor.processor.vmx;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.isa.Opcode;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxControl.Word;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestControl;
import dev.javisor.processor.core.GuestExit;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.core.TscScale;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/** VMX non-root operation: which instructions exit, and what the others do differently ("VMX Non-Root Operation"). */
final class NonRoot implements GuestControl, Stateful {
    private static final int RAX = 0, RDX = 2, RSI = 6, RDI = 7;

    // Exit qualification of control-register accesses: access type, operand of LMSW
    private static final long MOV_FROM_CR = 1 << 4, CLTS = 2 << 4, LMSW = 3 << 4, LMSW_MEMORY = 1 << 6;
    private static final long LMSW_BITS = Cr.PE | Cr.MP | Cr.EM | Cr.TS;

    private static final long MOV_FROM_DR = 1 << 4;

    // Exit qualification of I/O instructions
    private static final long IO_IN = 1 << 3, IO_STRING = 1 << 4, IO_REP = 1 << 5, IO_IMMEDIATE = 1 << 6;

    // MSR bitmaps: a page of four
    private static final int MSR_LOW = 0x1FFF, MSR_HIGH = 0xC000_0000, HIGH_BITMAP = 0x400, WRITE_BITMAP = 0x800;

    private static final int TSC = 0x10;

    final Vmx vmx;
    private final Cpu cpu;
    /** The control words of the VMCS, by {@link Word}; those that are not activated are zero. */
    final long[] controls = new long[Word.values().length];

    final VmExit exit = new VmExit();
    final GuestEvents events;
    final VirtualApic apic;

    /** Ticks of the PAUSE that began the loop, and of the last one. */
    private long firstPause, lastPause;

    private final Timeline.Deadline timer = new Timeline.Deadline(this::timerExpires);
    /** The timer has reached zero. */
    boolean timerExpired;

    NonRoot(Vmx vmx) {
        this.vmx = vmx;
        this.cpu = vmx.cpu;
        this.apic = new VirtualApic(this);
        this.events = new GuestEvents(this);
    }

    boolean on(VmxControl control) {
        return (controls[control.word.ordinal()] & control.bit) != 0;
    }

    /** A bit of a bitmap page. */
    boolean bit(VmcsField bitmap, int number) {
        return (cpu.memory.read(vmx.current.get(bitmap) + (number >>> 3), 1) >>> (number & 7) & 1) != 0;
    }

    // ---- exits of instructions ----

    VmExit instructionExit(Op o, ExitReason reason, long qualification) {
        exit.of(reason, qualification);
        exit.instructionLength = o.length();
        return exit;
    }

    /** Bytes of the instruction that runs, 0 between instructions. Compiled code does not know: there it must run alone. */
    int runningLength() {
        if (cpu.site >= 0) {
            cpu.requireBoundary();
        }
        return cpu.blockLength > 0 ? cpu.running[cpu.position].length() : 0;
    }

    private void exitIf(VmxControl control, Op o, ExitReason reason) {
        if (on(control)) {
            throw instructionExit(o, reason, 0);
        }
    }

    private void operandExit(Op o, ExitReason reason, long info) {
        VmExit e = instructionExit(o, reason, OperandInfo.displacement(cpu, o));
        e.instructionInfo = info;
        throw e;
    }

    private void descriptorTable(Op o, ExitReason reason, int identity) {
        if (on(VmxControl.DESCRIPTOR_TABLE_EXITING)) {
            operandExit(o, reason, OperandInfo.descriptorTable(o, identity));
        }
    }

    @Override
    public boolean has(Feature f) {
        return switch (f) {
            case RDTSCP -> on(VmxControl.ENABLE_RDTSCP);
            case INVPCID -> on(VmxControl.ENABLE_INVPCID);
            case XSAVES -> on(VmxControl.ENABLE_XSAVES);
            case WAITPKG -> on(VmxControl.ENABLE_USER_WAIT_AND_PAUSE);
            default -> true;
        };
    }

    @Override
    public void instruction(Cpu c, Op o, Intercept what) {
        switch (what) {
            case CPUID -> throw instructionExit(o, ExitReason.CPUID, 0);
            case INVD -> throw instructionExit(o, ExitReason.INVD, 0);
            case XSETBV -> throw instructionExit(o, ExitReason.XSETBV, 0);
            case RSM -> throw instructionExit(o, ExitReason.RSM, 0);
            case HLT -> exitIf(VmxControl.HLT_EXITING, o, ExitReason.HLT);
            case WBINVD -> exitIf(VmxControl.WBINVD_EXITING, o, ExitReason.WBINVD);
            case RDPMC -> exitIf(VmxControl.RDPMC_EXITING, o, ExitReason.RDPMC);
            case RDTSC -> exitIf(VmxControl.RDTSC_EXITING, o, ExitReason.RDTSC);
            case RDTSCP -> exitIf(VmxControl.RDTSC_EXITING, o, ExitReason.RDTSCP);
            case MONITOR -> exitIf(VmxControl.MONITOR_EXITING, o, ExitReason.MONITOR);
            case PAUSE -> pause(o);
            case MWAIT -> {
                if (on(VmxControl.MWAIT_EXITING)) {
                    throw instructionExit(o, ExitReason.MWAIT, c.monitor.isArmed() ? 1 : 0);
                }
            }
            case INVLPG -> {
                if (on(VmxControl.INVLPG_EXITING)) {
                    long linear = Memory.effectiveAddress(c, o) + c.eaBase[o.segment] & o.linearMask;
                    throw instructionExit(o, ExitReason.INVLPG, linear);
                }
            }
            case INVPCID -> {
                if (on(VmxControl.INVLPG_EXITING)) {
                    operandExit(o, ExitReason.INVPCID, OperandInfo.memory(o));
                }
            }
            case UMWAIT -> waits(o, ExitReason.UMWAIT);
            case TPAUSE -> waits(o, ExitReason.TPAUSE);
            case RDRAND -> random(VmxControl.RDRAND_EXITING, o, ExitReason.RDRAND);
            case RDSEED -> random(VmxControl.RDSEED_EXITING, o, ExitReason.RDSEED);
            case XSAVES -> supervisorState(o, ExitReason.XSAVES);
            case XRSTORS -> supervisorState(o, ExitReason.XRSTORS);
            case SGDT -> descriptorTable(o, ExitReason.ACCESS_TO_GDTR_OR_IDTR, 0);
            case SIDT -> descriptorTable(o, ExitReason.ACCESS_TO_GDTR_OR_IDTR, 1);
            case LGDT -> descriptorTable(o, ExitReason.ACCESS_TO_GDTR_OR_IDTR, 2);
            case LIDT -> descriptorTable(o, ExitReason.ACCESS_TO_GDTR_OR_IDTR, 3);
            case SLDT -> descriptorTable(o, ExitReason.ACCESS_TO_LDTR_OR_TR, 0);
            case STR -> descriptorTable(o, ExitReason.ACCESS_TO_LDTR_OR_TR, 1);
            case LLDT -> descriptorTable(o, ExitReason.ACCESS_TO_LDTR_OR_TR, 2);
            case LTR -> descriptorTable(o, ExitReason.ACCESS_TO_LDTR_OR_TR, 3);
        }
    }

    private void waits(Op o, ExitReason reason) {
        if (on(VmxControl.RDTSC_EXITING)) {
            VmExit e = instructionExit(o, reason, 0);
            e.instructionInfo = (long) o.rm << 3;
            throw e;
        }
    }

    private void random(VmxControl control, Op o, ExitReason reason) {
        if (on(control)) {
            VmExit e = instructionExit(o, reason, 0);
            e.instructionInfo = OperandInfo.register(o);
            throw e;
        }
    }

    private void supervisorState(Op o, ExitReason reason) {
        long requested = cpu.gpr[RDX] << 32 | cpu.gpr[RAX] & 0xFFFF_FFFFL;
        if ((requested & cpu.xss & vmx.current.get(VmcsField.XSS_EXITING_BITMAP)) != 0) {
            operandExit(o, reason, OperandInfo.memory(o) & 0x0FFF_FFFFL);
        }
    }

    /** PAUSE-loop exiting: a loop is a row of PAUSEs no further apart than the gap; it may go on for the window. */
    private void pause(Op o) {
        exitIf(VmxControl.PAUSE_EXITING, o, ExitReason.PAUSE);
        if (on(VmxControl.PAUSE_LOOP_EXITING) && cpu.cpl == 0) {
            long now = cpu.now();
            if (now - lastPause > vmx.current.get(VmcsField.PLE_GAP)) {
                firstPause = now;
            } else if (now - firstPause > vmx.current.get(VmcsField.PLE_WINDOW)) {
                firstPause = now;
                lastPause = now;
                throw instructionExit(o, ExitReason.PAUSE, 0);
            }
            lastPause = now;
        }
    }

    // ---- I/O and model-specific registers ----

    @Override
    public void portIo(Cpu c, Op o, int port, int size, boolean in) {
        if (!on(VmxControl.USE_IO_BITMAPS) ? !on(VmxControl.UNCONDITIONAL_IO_EXITING) : !anyPortExits(port, size)) {
            return;
        }
        boolean string = o.instruction.opcode.is(Opcode.STRING);
        boolean immediate = !string && o.instruction.opcode.operands.contains("Ib");
        boolean rep = string && (o.instruction.prefixes & (Instruction.REP | Instruction.REPNE)) != 0;
        VmExit e = instructionExit(
                o,
                ExitReason.IO_INSTRUCTION,
                size - 1 | (in ? IO_IN : 0) | (string ? IO_STRING : 0) | (rep ? IO_REP : 0) | (immediate ? IO_IMMEDIATE : 0)
                | (long) port << 16);
        if (string) {
            int segment = in ? Cpu.ES : o.segment;
            e.linear = (c.gpr[in ? RDI : RSI] & o.addressMask) + c.eaBase[segment] & o.linearMask;
            e.hasLinear = true;
            e.instructionInfo = OperandInfo.string(o, segment);
        }
        throw e;
    }

    private boolean anyPortExits(int port, int size) {
        if (port + size > 0x10000) {
            return true;
        }
        for (int p = port; p < port + size; p++) {
            if (bit(p < 0x8000 ? VmcsField.IO_BITMAP_A : VmcsField.IO_BITMAP_B, p & 0x7FFF)) {
                return true;
            }
        }
        return false;
    }

    private boolean msrExits(int index, boolean write) {
        if (!on(VmxControl.USE_MSR_BITMAPS)) {
            return true;
        }
        boolean high = (index & ~MSR_LOW) == MSR_HIGH;
        if (!high && (index & ~MSR_LOW) != 0) {
            return true;
        }
        int offset = (high ? HIGH_BITMAP : 0) + (write ? WRITE_BITMAP : 0);
        return bit(VmcsField.MSR_BITMAPS, 8 * offset + (index & MSR_LOW));
    }

    @Override
    public boolean readMsr(Cpu c, Op o, int index) {
        if (msrExits(index, false)) {
            throw instructionExit(o, ExitReason.RDMSR, 0);
        }
        if (apic.virtualizesRead(index)) {
            long value = apic.readMsr(index);
            c.gpr[RAX] = value & 0xFFFF_FFFFL;
            c.gpr[RDX] = value >>> 32;
            return true;
        }
        return false;
    }

    @Override
    public boolean writeMsr(Cpu c, Op o, int index, long value) {
        if (msrExits(index, true)) {
            throw instructionExit(o, ExitReason.WRMSR, 0);
        }
        return apic.writeMsr(index, value);
    }

    @Override
    public long tsc(Cpu c, long tsc) {
        if (!on(VmxControl.USE_TSC_OFFSETTING)) {
            return tsc;
        }
        long t = tsc;
        if (on(VmxControl.USE_TSC_SCALING)) {
            t = TscScale.scale(tsc, vmx.current.get(VmcsField.TSC_MULTIPLIER));
        }
        return t + vmx.current.get(VmcsField.TSC_OFFSET);
    }

    @Override
    public long tscMultiplier(Cpu c) {
        boolean scaled = on(VmxControl.USE_TSC_OFFSETTING) && on(VmxControl.USE_TSC_SCALING);
        return scaled ? vmx.current.get(VmcsField.TSC_MULTIPLIER) : TscScale.ONE;
    }

    // ---- control and debug registers ----

    private static long masked(long mask, long shadow, long value) {
        return shadow & mask | value & ~mask;
    }

    @Override
    public long readCr(Cpu c, Op o, int cr, long value) {
        switch (cr) {
            case 0:
                return masked(vmx.current.get(VmcsField.CR0_MASK), vmx.current.get(VmcsField.CR0_READ_SHADOW), value);
            case 4:
                return masked(vmx.current.get(VmcsField.CR4_MASK), vmx.current.get(VmcsField.CR4_READ_SHADOW), value);
            case 3:
                if (on(VmxControl.CR3_STORE_EXITING)) {
                    throw crExit(o, cr, MOV_FROM_CR);
                }
                return value;
            case 8:
                if (on(VmxControl.CR8_STORE_EXITING)) {
                    throw crExit(o, cr, MOV_FROM_CR);
                }
                return on(VmxControl.USE_TPR_SHADOW) ? apic.cr8() : value;
            default:
                return value;
        }
    }

    private VmExit crExit(Op o, int cr, long access) {
        return instructionExit(o, ExitReason.CONTROL_REGISTER_ACCESS, cr | access | (long) o.rm << 8);
    }

    @Override
    public long writeCr(Cpu c, Op o, int cr, long value) {
        switch (cr) {
            case 0:
                return writeMasked(o, 0, value, VmcsField.CR0_MASK, VmcsField.CR0_READ_SHADOW, c.cr0);
            case 4:
                return writeMasked(o, 4, value, VmcsField.CR4_MASK, VmcsField.CR4_READ_SHADOW, c.cr4);
            case 3:
                if (on(VmxControl.CR3_LOAD_EXITING) && !isCr3Target(value)) {
                    throw crExit(o, cr, 0);
                }
                return value;
            default:
                return value;
        }
    }

    private long writeMasked(Op o, int cr, long value, VmcsField maskField, VmcsField shadow, long present) {
        long mask = vmx.current.get(maskField);
        if ((mask & (value ^ vmx.current.get(shadow))) != 0) {
            throw crExit(o, cr, 0);
        }
        return masked(mask, present, value);
    }

    private static final VmcsField[] CR3_TARGETS =
            {VmcsField.CR3_TARGET_0, VmcsField.CR3_TARGET_1, VmcsField.CR3_TARGET_2, VmcsField.CR3_TARGET_3};

    private boolean isCr3Target(long value) {
        long count = vmx.current.get(VmcsField.CR3_TARGET_COUNT);
        for (int i = 0; i < count; i++) {
            if (vmx.current.get(CR3_TARGETS[i]) == value) {
                return true;
            }
        }
        return false;
    }

    @Override
    public boolean writeCr8(Cpu c, Op o, long value) {
        if (on(VmxControl.CR8_LOAD_EXITING)) {
            throw crExit(o, 8, 0);
        }
        if (!on(VmxControl.USE_TPR_SHADOW)) {
            return false;
        }
        if ((value & ~0xFL) != 0) {
            throw c.gp0();
        }
        apic.setCr8(value);
        return true;
    }

    @Override
    public long lmsw(Cpu c, Op o, long source, long value) {
        long mask = vmx.current.get(VmcsField.CR0_MASK);
        long shadow = vmx.current.get(VmcsField.CR0_READ_SHADOW);
        boolean exits = (mask & (source ^ shadow) & LMSW_BITS & ~Cr.PE) != 0 || (mask & source & ~shadow & Cr.PE) != 0;
        if (exits) {
            VmExit e = instructionExit(
                    o, ExitReason.CONTROL_REGISTER_ACCESS, LMSW | (o.memory ? LMSW_MEMORY : 0) | (source & 0xFFFF) << 16);
            if (o.memory) {
                e.linear = Memory.effectiveAddress(c, o) + c.eaBase[o.segment] & o.linearMask;
                e.hasLinear = true;
            }
            throw e;
        }
        return masked(mask, c.cr0, value);
    }

    @Override
    public boolean clts(Cpu c, Op o) {
        boolean owned = (vmx.current.get(VmcsField.CR0_MASK) & Cr.TS) != 0;
        if (owned && (vmx.current.get(VmcsField.CR0_READ_SHADOW) & Cr.TS) != 0) {
            throw instructionExit(o, ExitReason.CONTROL_REGISTER_ACCESS, CLTS);
        }
        return !owned;
    }

    @Override
    public void moveDr(Cpu c, Op o, int dr, boolean read, boolean checked) {
        if (!checked && on(VmxControl.MOV_DR_EXITING)) {
            throw instructionExit(o, ExitReason.MOV_DR, dr & 7 | (read ? MOV_FROM_DR : 0) | (long) o.rm << 8);
        }
    }

    // ---- the APIC-access page ----

    @Override
    public long loadApic(Cpu c, int offset, int size) {
        return apic.load(offset, size);
    }

    @Override
    public void checkApicStore(Cpu c, int offset, int size) {
        apic.checkStore(offset, size);
    }

    @Override
    public void storeApic(Cpu c, int offset, int size, long value) {
        apic.store(offset, size, value);
    }

    @Override
    public void fetchApic(Cpu c, int offset) {
        throw apic.fetchExit(offset);
    }

    // ---- events ----

    @Override
    public boolean intercepts(Event e) {
        return events.exits(e);
    }

    @Override
    public GuestExit exception(Cpu c, Event e, Event during) {
        return events.exception(e);
    }

    @Override
    public boolean boundary(Cpu c) {
        return events.boundary();
    }

    @Override
    public boolean holdsInterrupt(Cpu c) {
        return on(VmxControl.INTERRUPT_WINDOW_EXITING) && (c.rflags & Flags.IF) == 0;
    }

    @Override
    public boolean wakes(Cpu c) {
        return events.wakes();
    }

    @Override
    public boolean shutdown(Cpu c) {
        c.delivering = null;
        vmx.exits.leave(exit.of(ExitReason.TRIPLE_FAULT, 0));
        return true;
    }

    @Override
    public void taskSwitch(Cpu c, int selector, int source, boolean hasErrorCode, int errorCode) {
        exit.of(ExitReason.TASK_SWITCH, (selector & 0xFFFF) | (long) source << 30);
        Event e = c.delivering;
        exit.instructionLength = e != null ? e.instructionLength() : runningLength();
        exit.faultLike = e != null;
        throw exit;
    }

    @Override
    public boolean unblocksNmi(Cpu c) {
        return events.unblocksNmi();
    }

    @Override
    public void returned(Cpu c) {
        events.unblockedByIret = false;
    }

    @Override
    public void leave(Cpu c, GuestExit e) {
        vmx.exits.leave((VmExit) e);
    }

    /** However long the instruction timeout is, an endless loop outlasts it. */
    @Override
    public GuestExit endlessDelivery(Cpu c) {
        if (!on(VmxControl.INSTRUCTION_TIMEOUT)) {
            return null;
        }
        exit.of(ExitReason.INSTRUCTION_TIMEOUT, 0).faultLike = true;
        return exit;
    }

    @Override
    public void busLock(Cpu c) {
        events.busLock = true;
        c.request(Cpu.GUEST_REQUEST);
    }

    // ---- VMX-preemption timer ----

    private static final int TIMER_RATE = VmxCapabilities.PREEMPTION_TIMER_RATE;

    /** The timer counts down whenever bit {@link #TIMER_RATE} of the time-stamp counter changes. */
    void startTimer(long value) {
        timerExpired = value == 0;
        if (!timerExpired) {
            long phase = cpu.tsc() & (1 << TIMER_RATE) - 1;
            cpu.timeline.schedule(timer, cpu.now() - phase + (value << TIMER_RATE));
        }
    }

    private void timerExpires() {
        timerExpired = true;
        cpu.request(Cpu.GUEST_REQUEST);
    }

    void stopTimer() {
        cpu.timeline.cancel(timer);
    }

    /** What is left to count. */
    long timerValue() {
        return timerExpired ? 0 : Math.max(0, timer.when() - cpu.now() + (1 << TIMER_RATE) - 1 >> TIMER_RATE);
    }

    // ---- state ----

    void reset() {
        stopTimer();
        timerExpired = false;
        events.reset();
        apic.end();
    }

    @Override
    public void save(StateOutput out) {
        out.putLongs("controls", controls);
        out.putLongs("PAUSE loop", new long[] {firstPause, lastPause});
        out.putBoolean("timer expired", timerExpired);
        timer.save(out, "timer");
        out.put("events", events);
        out.put("virtual APIC", apic);
    }

    @Override
    public void load(StateInput in) {
        in.getLongs("controls", controls);
        long[] pauses = new long[2];
        in.getLongs("PAUSE loop", pauses);
        firstPause = pauses[0];
        lastPause = pauses[1];
        timerExpired = in.getBoolean("timer expired");
        timer.load(cpu.timeline, in, "timer");
        in.get("events", events);
        in.get("virtual APIC", apic);
    }
}
