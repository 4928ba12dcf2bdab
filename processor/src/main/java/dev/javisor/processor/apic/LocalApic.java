package dev.javisor.processor.apic;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.InterruptController;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The local APIC of one processor, in xAPIC and x2APIC mode ("Advanced Programmable Interrupt Controller (APIC)"). */
public final class LocalApic implements InterruptController {
    /** Bytes of the register page that hold registers. */
    public static final int PAGE_BYTES = 1024;

    /** Where the register page is after power-up. */
    public static final long DEFAULT_BASE = 0xFEE00000L;

    // IA32_APIC_BASE
    private static final long BSP = 0x100, EXTD = 0x400, ENABLE = 0x800;

    // Spurious-interrupt vector register
    private static final int SOFTWARE_ENABLE = 0x100, SUPPRESS_EOI_BROADCAST = 0x1000;

    // Local vector table entries
    static final int MASKED = 0x10000, LEVEL = 0x8000, REMOTE_IRR = 0x4000, ACTIVE_LOW = 0x2000, DELIVERY_PENDING = 0x1000;

    // Error status register
    private static final int SEND_ILLEGAL_VECTOR = 0x20, RECEIVE_ILLEGAL_VECTOR = 0x40, ILLEGAL_REGISTER = 0x80;

    private static final ApicRegister[] LVT = {
        ApicRegister.LVT_CMCI,
        ApicRegister.LVT_TIMER,
        ApicRegister.LVT_THERMAL,
        ApicRegister.LVT_PERFORMANCE,
        ApicRegister.LVT_LINT0,
        ApicRegister.LVT_LINT1,
        ApicRegister.LVT_ERROR
    };
    private static final int TIMER = 1, LINT0 = 4, LINT1 = 5, ERROR = 6;

    private final Cpu cpu;
    private final ApicBus bus;
    final ApicTimer timer;

    final VectorSet requested = new VectorSet();
    final VectorSet inService = new VectorSet();
    final VectorSet levelTriggered = new VectorSet();

    private final int[] lvt = new int[LVT.length];
    private int id;
    int taskPriority;
    private int logicalDestination;
    private int destinationFormat;
    private int spuriousVector;
    private int errorStatus;
    /** Errors since software last wrote the error status register. */
    private int errors;

    int command;
    int commandDestination;
    /** Levels of the wires. */
    private boolean lint0, lint1;
    /** An ExtINT message came from an I/O APIC; it asks until the 8259 pair withdraws its request. */
    private boolean externalMessage;
    private final ApicHandOver handOver;
    /** See {@link ApicHandOver#changes}. */
    long changes;
    /** See {@link #setQuiet}; whoever sets it keeps it. */
    private boolean quiet;

    /** Attaches a new local APIC to its processor and to the bus, in the state after power-up. */
    public LocalApic(Cpu cpu, ApicBus bus) {
        this.cpu = cpu;
        this.bus = bus;
        this.timer = new ApicTimer(cpu, () -> local(TIMER));
        this.handOver = new ApicHandOver(this);
        cpu.apic = this;
        bus.attach(this);
        reset();
    }

    @Override
    public void reset() {
        cpu.apicBaseMsr = DEFAULT_BASE | ENABLE | (cpu.bootstrap ? BSP : 0);
        id = cpu.index & 0xFF;
        init();
    }

    @Override
    public void init() {
        clearRegisters();
        update();
        updateExternal();
    }

    private void clearRegisters() {
        changes++;
        requested.clear();
        inService.clear();
        levelTriggered.clear();
        taskPriority = 0;
        logicalDestination = 0;
        destinationFormat = -1;
        spuriousVector = 0xFF;
        errorStatus = 0;
        errors = 0;
        command = 0;
        commandDestination = 0;
        externalMessage = false;
        timer.reset();
        for (int i = 0; i < lvt.length; i++) {
            lvt[i] = MASKED;
        }
    }

    /**
     * Programs LINT0 as ExtINT and LINT1 as NMI on the bootstrap processor, as firmware leaves it: virtual wire mode. For machines that
     * start an operating system without running firmware.
     */
    public void setVirtualWireMode() {
        spuriousVector |= SOFTWARE_ENABLE;
        lvt[LINT0] = DeliveryMode.EXTINT << 8;
        lvt[LINT1] = DeliveryMode.NMI << 8;
        updateExternal();
    }

    // ---- modes ----

    private boolean enabled() {
        return (cpu.apicBaseMsr & ENABLE) != 0;
    }

    boolean x2apic() {
        return (cpu.apicBaseMsr & (ENABLE | EXTD)) == (ENABLE | EXTD);
    }

    boolean softwareEnabled() {
        return enabled() && (spuriousVector & SOFTWARE_ENABLE) != 0;
    }

    @Override
    public long base() {
        return cpu.apicBaseMsr & ~0xFFFL;
    }

    @Override
    public boolean mmioEnabled() {
        return (cpu.apicBaseMsr & (ENABLE | EXTD)) == ENABLE;
    }

    @Override
    public long baseMsr() {
        return cpu.apicBaseMsr;
    }

    @Override
    public void setBaseMsr(long value) {
        boolean hasX2 = cpu.has(Feature.X2APIC);
        long reserved = cpu.model.physicalReserved() | 0x2FF & ~BSP | (hasX2 ? 0 : EXTD);
        long oldMode = cpu.apicBaseMsr & (ENABLE | EXTD);
        long newMode = value & (ENABLE | EXTD);
        boolean leavesX2 = oldMode == (ENABLE | EXTD) && newMode == ENABLE;
        boolean jumpsToX2 = oldMode == 0 && newMode == (ENABLE | EXTD);
        if ((value & reserved) != 0 || newMode == EXTD || leavesX2 || jumpsToX2) {
            throw cpu.gp0();
        }
        changes++;
        boolean moved = ((cpu.apicBaseMsr ^ value) & ~0xFFFL) != 0;
        cpu.apicBaseMsr = value;
        if (newMode == 0 && oldMode != 0) {
            id = cpu.index & 0xFF;
            clearRegisters();
        } else if (newMode == (ENABLE | EXTD) && oldMode == ENABLE) {
            commandDestination = 0;
        }
        if (moved || newMode != oldMode) {
            cpu.flushTlb();
        }
        update();
        updateExternal();
    }

    // ---- addresses ----

    int x2apicId() {
        return cpu.index;
    }

    private int logicalId() {
        return x2apic() ? x2apicId() >> 4 << 16 | 1 << (x2apicId() & 15) : logicalDestination;
    }

    /** Whether a message to this destination is for this local APIC; broadcasts are the bus's matter. */
    boolean matches(int destination, boolean logical) {
        if (!logical) {
            return destination == (x2apic() ? x2apicId() : id);
        }
        if (x2apic()) {
            int own = logicalId();
            return destination >>> 16 == own >>> 16 && (destination & own & 0xFFFF) != 0;
        }
        int own = logicalDestination >>> 24;
        return switch (destinationFormat >>> 28) {
            case 0xF -> (destination & own) != 0;
            case 0 -> (destination & 0xF0) == (own & 0xF0) && (destination & own & 0xF) != 0;
            default -> false;
        };
    }

    // ---- messages in ----

    /** A message arrives. @return whether it did anything */
    boolean accept(int mode, int vector, boolean level, boolean assertion) {
        if (!enabled()) {
            return false;
        }
        switch (mode) {
            case DeliveryMode.FIXED -> {
                return acceptFixed(vector, level);
            }
            case DeliveryMode.SMI -> cpu.request(Cpu.SMI_REQUEST);
            case DeliveryMode.NMI -> cpu.request(Cpu.NMI_REQUEST);
            case DeliveryMode.INIT -> {
                if (!assertion) {
                    return false;
                }
                cpu.request(Cpu.INIT_REQUEST);
            }
            case DeliveryMode.STARTUP -> {
                if ((cpu.requests & Cpu.SIPI_REQUEST) == 0) {
                    cpu.sipiVector = vector;
                }
                cpu.request(Cpu.SIPI_REQUEST);
            }
            case DeliveryMode.EXTINT -> {
                externalMessage = true;
                updateExternal();
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean acceptFixed(int vector, boolean level) {
        if (!softwareEnabled()) {
            return false;
        }
        if (vector < 16) {
            error(RECEIVE_ILLEGAL_VECTOR);
            return false;
        }
        if (cpu.tracer != null) {
            cpu.tracer.trace(cpu, new Occurrence.Accepted(vector, level));
        }
        requested.set(vector);
        levelTriggered.assign(vector, level);
        update();
        return true;
    }

    /** An event of the local vector table. */
    private void local(int entry) {
        int e = lvt[entry];
        if ((e & MASKED) == 0 && enabled()) {
            boolean pin = entry == LINT0 || entry == LINT1;
            int mode = entry == TIMER || entry == ERROR ? DeliveryMode.FIXED : e >>> 8 & 7;
            boolean level = entry == LINT0 && (e & LEVEL) != 0 && mode == DeliveryMode.FIXED;
            if (accept(mode, e & 0xFF, pin && level, true) && level) {
                lvt[entry] |= REMOTE_IRR;
                changes++;
            }
        }
    }

    private void error(int bit) {
        changes++;
        if ((errors & bit) == 0) {
            errors |= bit;
            if ((lvt[ERROR] & MASKED) == 0 && (lvt[ERROR] & 0xFF) < 16) {
                errors |= RECEIVE_ILLEGAL_VECTOR;
            } else {
                local(ERROR);
            }
        }
    }

    /** INTR of the 8259 pair. */
    void setLint0(boolean level) {
        if (!level) {
            externalMessage = false;
        }
        boolean rises = pinActive(LINT0, level) && !pinActive(LINT0, lint0);
        lint0 = level;
        pinChanged(LINT0, rises, pinActive(LINT0, level));
        updateExternal();
    }

    void setLint1(boolean level) {
        boolean rises = pinActive(LINT1, level) && !pinActive(LINT1, lint1);
        lint1 = level;
        pinChanged(LINT1, rises, pinActive(LINT1, level));
        if (!enabled() && rises) {
            cpu.request(Cpu.NMI_REQUEST);
        }
    }

    private boolean pinActive(int entry, boolean level) {
        return level != ((lvt[entry] & ACTIVE_LOW) != 0 && enabled());
    }

    private void pinChanged(int entry, boolean rises, boolean active) {
        int mode = lvt[entry] >>> 8 & 7;
        if (mode == DeliveryMode.EXTINT) {
            return;
        }
        boolean level = entry == LINT0 && (lvt[entry] & LEVEL) != 0 && mode == DeliveryMode.FIXED;
        if (level ? active && (lvt[entry] & REMOTE_IRR) == 0 : rises) {
            local(entry);
        }
    }

    /** The request of the 8259 pair passes LINT0 in ExtINT mode, and to the bootstrap processor also when the APIC is disabled. */
    private void updateExternal() {
        boolean passes = false;
        for (int entry = LINT0; entry <= LINT1; entry++) {
            boolean open = (lvt[entry] & (MASKED | 0x700)) == DeliveryMode.EXTINT << 8;
            passes |= open && enabled() && pinActive(entry, entry == LINT0 ? lint0 : lint1);
        }
        passes |= !enabled() && lint0 && (cpu.apicBaseMsr & BSP) != 0;
        if (passes || externalMessage) {
            cpu.request(Cpu.EXTERNAL_REQUEST);
        } else {
            cpu.withdraw(Cpu.EXTERNAL_REQUEST);
        }
    }

    /** A request of the 8259 pair would pass LINT0. */
    public boolean acceptsExternal() {
        boolean open = (lvt[LINT0] & (MASKED | 0x700)) == DeliveryMode.EXTINT << 8;
        return enabled() ? open : (cpu.apicBaseMsr & BSP) != 0;
    }

    // ---- priorities ----

    /** PPR: the higher of task priority and the class of the highest interrupt in service. */
    int processorPriority() {
        int service = Math.max(0, inService.highest());
        return (taskPriority & 0xF0) >= (service & 0xF0) ? taskPriority : service & 0xF0;
    }

    private int arbitrationPriority() {
        int request = Math.max(0, requested.highest()) >> 4;
        int service = Math.max(0, inService.highest()) >> 4;
        int task = taskPriority >> 4;
        return task >= request && task > service ? taskPriority : Math.max(task & service, request) << 4;
    }

    @Override
    public int pendingVector() {
        int v = requested.highest();
        return v >= 0 && v >> 4 > processorPriority() >> 4 ? v : -1;
    }

    @Override
    public int acknowledge() {
        int v = pendingVector();
        if (v < 0) {
            update();
            return spuriousVector & 0xFF;
        }
        requested.clear(v);
        inService.set(v);
        update();
        return v;
    }

    void update() {
        if (pendingVector() >= 0 || quiet && requested.highest() >= 0) {
            cpu.request(Cpu.APIC_REQUEST);
        } else {
            cpu.withdraw(Cpu.APIC_REQUEST);
        }
    }

    private void endOfInterrupt() {
        int v = inService.highest();
        if (v < 0) {
            return;
        }
        if (cpu.tracer != null) {
            cpu.tracer.trace(cpu, new Occurrence.Ended(v));
        }
        inService.clear(v);
        endedElsewhere(v);
        update();
    }

    void endedElsewhere(int vector) {
        if (levelTriggered.has(vector)) {
            endLevel(vector);
            if ((spuriousVector & SUPPRESS_EOI_BROADCAST) == 0) {
                bus.endOfInterrupt(cpu.index, vector);
            }
        }
    }

    private void endLevel(int vector) {
        if ((lvt[LINT0] & REMOTE_IRR) != 0 && (lvt[LINT0] & 0xFF) == vector) {
            lvt[LINT0] &= ~REMOTE_IRR;
            changes++;
            pinChanged(LINT0, false, pinActive(LINT0, lint0));
        }
    }

    // ---- for a hypervisor that lets its guest end interrupts without telling ----

    /** The end of the highest interrupt in service concerns nobody else, and no interrupt waits for it. */
    public boolean endsWithoutConsequence() {
        int v = inService.highest();
        return v >= 0 && !levelTriggered.has(v) && requested.highest() < 0;
    }

    /**
     * The interrupt in service may have been ended without {@link #end}: until this is taken back every interrupt that arrives is
     * announced, whatever the priorities say.
     */
    public void setQuiet(boolean on) {
        quiet = on;
    }

    /** Ends the highest interrupt in service. */
    public void end() {
        endOfInterrupt();
    }

    /** Enabled by hardware and software. */
    public boolean isEnabled() {
        return softwareEnabled();
    }

    /** An interrupt for this processor alone. */
    public void interrupt(int vector) {
        if (isEnabled()) {
            acceptFixed(vector, false);
        }
    }

    // ---- for a hypervisor whose processor has the registers while the guest runs ----

    /** The registers, to be exchanged with a processor. */
    public ApicHandOver handOver() {
        return handOver;
    }

    /** Somebody is about to ask for priorities. */
    void refresh() {
        handOver.refresh();
    }

    @Override
    public int cr8() {
        return taskPriority >> 4;
    }

    @Override
    public void setCr8(int value) {
        taskPriority = (value & 15) << 4;
        update();
    }

    // ---- time ----

    @Override
    public long tscDeadline() {
        return timer.tscDeadline();
    }

    @Override
    public void setTscDeadline(long value) {
        timer.setTscDeadline(value);
    }

    @Override
    public void tscChanged() {
        timer.tscChanged();
    }

    // ---- register access ----

    /** Reads within the four bytes of a register give their bytes; the other twelve read as zero. */
    @Override
    public long read(long offset, int size) {
        int shift = 8 * (int) (offset & 15);
        if (shift + 8 * Math.min(size, 4) > 32) {
            return 0;
        }
        int index = (int) offset >> 4;
        ApicRegister r = ApicRegister.at(index);
        if (isAbsent(r)) {
            error(ILLEGAL_REGISTER);
            return 0;
        }
        if (!r.readable(false)) {
            return 0;
        }
        long value = (readRegister(r, index) & 0xFFFFFFFFL) >>> shift;
        return size >= 4 ? value : value & (1L << 8 * size) - 1;
    }

    /** Only aligned 32-bit writes reach a register. */
    @Override
    public void write(long offset, int size, long value) {
        if (size != 4 || (offset & 15) != 0) {
            return;
        }
        ApicRegister r = ApicRegister.at((int) offset >> 4);
        if (isAbsent(r)) {
            error(ILLEGAL_REGISTER);
        } else if (r.writable(false)) {
            writeRegister(r, (int) value);
        }
    }

    @Override
    public long readMsr(int index) {
        ApicRegister r = ApicRegister.at(index);
        if (!x2apic() || r == null || !r.readable(true) || r == ApicRegister.LVT_CMCI && !hasCmci()) {
            throw cpu.gp0();
        }
        if (r == ApicRegister.COMMAND) {
            return command & 0xFFFFFFFFL | (long) commandDestination << 32;
        }
        return readRegister(r, index) & 0xFFFFFFFFL;
    }

    @Override
    public void writeMsr(int index, long value) {
        ApicRegister r = ApicRegister.at(index);
        if (!x2apic() || r == null || !r.writable(true) || r == ApicRegister.LVT_CMCI && !hasCmci()) {
            throw cpu.gp0();
        }
        long writable = (writable(r) | readOnly(r)) & 0xFFFFFFFFL | (r == ApicRegister.COMMAND ? 0xFFFFFFFFL << 32 : 0);
        if ((value & ~writable) != 0) {
            throw cpu.gp0();
        }
        if (r == ApicRegister.COMMAND) {
            commandDestination = (int) (value >>> 32);
        }
        writeRegister(r, (int) value);
    }

    /** Reserved in the register page. */
    boolean isAbsent(ApicRegister r) {
        return r == null || !r.readable(false) && !r.writable(false) || r == ApicRegister.LVT_CMCI && !hasCmci();
    }

    boolean hasCmci() {
        return cpu.model.isIntel();
    }

    /** The version register of a model's local APICs: version number in bits 7:0, what else they have above. */
    public static int version(CpuModel model) {
        return model.isIntel() ? 0x1060015 : 0x50010;
    }

    int writable(ApicRegister r) {
        return switch (r) {
            case SPURIOUS_VECTOR -> r.writable | (cpu.model.isIntel() ? SUPPRESS_EOI_BROADCAST : 0);
            case LVT_TIMER -> r.writable & ~(cpu.has(Feature.TSC_DEADLINE_TIMER) ? 0 : 0x40000);
            default -> r.writable;
        };
    }

    /** Bits that a write ignores, also in x2APIC mode. */
    private static int readOnly(ApicRegister r) {
        return switch (r) {
            case LVT_LINT0, LVT_LINT1 -> DELIVERY_PENDING | REMOTE_IRR;
            case LVT_CMCI, LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_ERROR -> DELIVERY_PENDING;
            default -> 0;
        };
    }

    private static int entry(ApicRegister r) {
        for (int i = 0; i < LVT.length; i++) {
            if (LVT[i] == r) {
                return i;
            }
        }
        throw new IllegalArgumentException(r.name());
    }

    int readRegister(ApicRegister r, int index) {
        return switch (r) {
            case ID -> x2apic() ? x2apicId() : id << 24;
            case VERSION -> version(cpu.model);
            case TASK_PRIORITY -> taskPriority;
            case ARBITRATION_PRIORITY -> arbitrationPriority();
            case PROCESSOR_PRIORITY -> processorPriority();
            case LOGICAL_DESTINATION -> logicalId();
            case DESTINATION_FORMAT -> destinationFormat;
            case SPURIOUS_VECTOR -> spuriousVector;
            case IN_SERVICE -> inService.register(index & 7);
            case TRIGGER_MODE -> levelTriggered.register(index & 7);
            case REQUEST -> requested.register(index & 7);
            case ERROR_STATUS -> errorStatus;
            case COMMAND -> command;
            case COMMAND_HIGH -> commandDestination << 24;
            case INITIAL_COUNT -> timer.initialCount();
            case CURRENT_COUNT -> timer.currentCount();
            case DIVIDE_CONFIGURATION -> timer.divideConfiguration();
            case EOI, REMOTE_READ, SELF_IPI -> 0;
            case LVT_CMCI, LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR -> lvt[entry(r)];
        };
    }

    private void writeRegister(ApicRegister r, int value) {
        int v = value & writable(r);
        changes++;
        switch (r) {
            case ID -> id = v >>> 24;
            case TASK_PRIORITY -> {
                taskPriority = v;
                update();
            }
            case EOI -> endOfInterrupt();
            case LOGICAL_DESTINATION -> logicalDestination = v;
            case DESTINATION_FORMAT -> destinationFormat = v | 0x0FFFFFFF;
            case SPURIOUS_VECTOR -> setSpuriousVector(v);
            case ERROR_STATUS -> {
                errorStatus = errors;
                errors = 0;
            }
            case COMMAND -> {
                command = v & ~DELIVERY_PENDING;
                execute();
            }
            case COMMAND_HIGH -> commandDestination = v >>> 24;
            case INITIAL_COUNT -> timer.setInitialCount(v);
            case DIVIDE_CONFIGURATION -> timer.setDivideConfiguration(v);
            case SELF_IPI -> sendSelf(v);
            case LVT_CMCI, LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR -> setLvt(entry(r), v, readOnly(r));
            case VERSION, ARBITRATION_PRIORITY, PROCESSOR_PRIORITY, REMOTE_READ, IN_SERVICE, TRIGGER_MODE, REQUEST, CURRENT_COUNT -> {
                // read-only
            }
        }
    }

    private void setSpuriousVector(int value) {
        spuriousVector = value;
        if ((value & SOFTWARE_ENABLE) == 0) {
            for (int i = 0; i < lvt.length; i++) {
                lvt[i] |= MASKED;
            }
            updateExternal();
        }
    }

    private void setLvt(int entry, int value, int readOnly) {
        boolean wasActive = entry == LINT0 && pinActive(LINT0, lint0) && (lvt[LINT0] & MASKED) == 0;
        int e = value | lvt[entry] & readOnly;
        if ((spuriousVector & SOFTWARE_ENABLE) == 0) {
            e |= MASKED;
        }
        lvt[entry] = e;
        if (entry == TIMER) {
            timer.setMode(e >>> 17 & 3);
        } else if (entry == LINT0 || entry == LINT1) {
            if (entry == LINT0) {
                pinChanged(LINT0, false, !wasActive && pinActive(LINT0, lint0));
            }
            updateExternal();
        }
    }

    // ---- messages out ----

    /** Sends what the interrupt command register says. */
    private void execute() {
        int mode = command >>> 8 & 7;
        int vector = command & 0xFF;
        boolean level = (command & LEVEL) != 0;
        boolean assertion = !(level && (command & 0x4000) == 0);
        if (mode <= DeliveryMode.LOWEST_PRIORITY && vector < 16) {
            error(SEND_ILLEGAL_VECTOR);
            return;
        }
        // Only an INIT level de-assert is level-triggered as an IPI; everything else is sent as edge.
        switch (command >>> 18 & 3) {
            case 0 -> bus.send(commandDestination, (command & 0x800) != 0, !x2apic(), mode, vector, false, assertion);
            case 1 -> accept(mode == DeliveryMode.LOWEST_PRIORITY ? DeliveryMode.FIXED : mode, vector, false, assertion);
            case 2 -> bus.sendAll(null, mode, vector, false, assertion);
            default -> bus.sendAll(this, mode, vector, false, assertion);
        }
    }

    private void sendSelf(int vector) {
        if (vector < 16) {
            error(SEND_ILLEGAL_VECTOR);
        } else {
            acceptFixed(vector, false);
        }
    }

    // ---- the registers as a page ----

    /**
     * Sets all registers, those that software cannot write included, to what {@link ApicHandOver#page} gave. A count that runs begins anew.
     *
     * @return false, and nothing has changed, when the ID is not the processor's in x2APIC mode, where it cannot change
     */
    public boolean setPage(byte[] page, boolean wideIds) {
        ByteBuffer b = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
        if (x2apic() && b.getInt(ApicRegister.ID.offset) != (wideIds ? x2apicId() : x2apicId() << 24)) {
            return false;
        }
        clearRegisters();
        // The local vector table stays masked while the APIC is disabled by software.
        spuriousVector = SOFTWARE_ENABLE;
        for (int index = 0; index < PAGE_BYTES >> 4; index++) {
            ApicRegister r = ApicRegister.at(index);
            int value = b.getInt(index << 4);
            if (isAbsent(r)) {
                continue;
            }
            switch (r) {
                case ID -> id = x2apic() ? id : value >>> 24;
                case TASK_PRIORITY -> taskPriority = value & writable(r);
                case LOGICAL_DESTINATION -> logicalDestination = value & writable(r);
                case DESTINATION_FORMAT -> destinationFormat = value | 0x0FFFFFFF;
                case ERROR_STATUS -> errorStatus = value;
                case COMMAND -> command = value & writable(r) & ~DELIVERY_PENDING;
                case COMMAND_HIGH -> commandDestination = x2apic() ? value : value >>> 24;
                case IN_SERVICE -> inService.setRegister(index & 7, value);
                case TRIGGER_MODE -> levelTriggered.setRegister(index & 7, value);
                case REQUEST -> requested.setRegister(index & 7, value);
                case LVT_CMCI, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR ->
                        lvt[entry(r)] = value & (writable(r) | readOnly(r));
                case LVT_TIMER -> writeRegister(r, value);
                default -> { }
            }
        }
        timer.setDivideConfiguration(b.getInt(ApicRegister.DIVIDE_CONFIGURATION.offset));
        timer.setInitialCount(b.getInt(ApicRegister.INITIAL_COUNT.offset));
        timer.setCurrentCount(b.getInt(ApicRegister.CURRENT_COUNT.offset));
        setSpuriousVector(b.getInt(ApicRegister.SPURIOUS_VECTOR.offset) & writable(ApicRegister.SPURIOUS_VECTOR));
        update();
        updateExternal();
        return true;
    }

    // ---- state ----

    @Override
    public void save(StateOutput out) {
        out.putLongs("IRR", requested.words);
        out.putLongs("ISR", inService.words);
        out.putLongs("TMR", levelTriggered.words);
        out.putInts("LVT", lvt);
        out.putInts(
                "registers",
                new int[] {
                    id, taskPriority, logicalDestination, destinationFormat, spuriousVector, errorStatus, errors, command,
                    commandDestination
                });
        out.putBoolean("LINT0", lint0);
        out.putBoolean("LINT1", lint1);
        out.putBoolean("ExtINT message", externalMessage);
        out.put("timer", timer);
    }

    @Override
    public void load(StateInput in) {
        changes++;
        in.getLongs("IRR", requested.words);
        in.getLongs("ISR", inService.words);
        in.getLongs("TMR", levelTriggered.words);
        in.getInts("LVT", lvt);
        int[] r = new int[9];
        in.getInts("registers", r);
        id = r[0];
        taskPriority = r[1];
        logicalDestination = r[2];
        destinationFormat = r[3];
        spuriousVector = r[4];
        errorStatus = r[5];
        errors = r[6];
        command = r[7];
        commandDestination = r[8];
        lint0 = in.getBoolean("LINT0");
        lint1 = in.getBoolean("LINT1");
        externalMessage = in.getBoolean("ExtINT message");
        in.get("timer", timer);
    }
}
