package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.memory.DirtyRing;
import dev.javisor.hypervisor.memory.MissingPage;
import dev.javisor.hypervisor.paravirtual.Paravirtual;
import dev.javisor.isa.CpuModel;
import dev.javisor.processor.CpuState;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.event.Reset;
import dev.javisor.processor.paging.Paging;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import dev.javisor.processor.trace.TraceEntry;
import dev.javisor.processor.trace.TraceSink;
import java.util.Map;
import java.util.function.Function;

/**
 * One vcpu, without what its vendor's hardware is like: when it runs, and what of a run is userspace's to do. Which event goes next is
 * decided by {@link Injection}, what exits and what is emulated is carried out by {@link Instructions}.
 */
public final class VcpuCore implements Stateful {
    private static final VcpuExit INTR = new VcpuExit.Intr();

    public final GuestState state;
    public final EventQueue events = new EventQueue();
    private final Cpu cpu;
    private final Backend backend;
    private final UserAccess user = new UserAccess();
    private final MsrPolicy msrs;
    private final Emulator emulator;
    private final Instructions instructions;
    private final Injection injection;
    private final Debugger debugger;
    private final Waiting waiting;
    /** The local APIC is in the kernel, so that HLT waits in it. */
    private boolean localApic;
    /** What the guest is offered beside what a processor has. */
    private final Paravirtual paravirtual;
    private final Undefined undefined;
    private final Unsettled unsettled = new Unsettled();
    private boolean entered;
    private boolean stopped;
    /** It waits for a start-up IPI because of an INIT, not since power-up. */
    private boolean init;
    /** A run ends before the guest is entered. */
    private boolean immediateExit;
    /** Instructions carried out by other means than the hardware's. */
    private long emulated;
    /** Is told what happens; null for nobody. */
    private TraceSink trace;
    /** Where pages go that the guest stores to; null when they are logged by slot. */
    private DirtyRing ring;
    /** A bus lock was seen in the run. */
    private boolean busLock;
    /** Ticks that have to pass: one for each instruction carried out, and for each event delivered, as on the metal. */
    private long owed;

    /** @param backend made for the vcpu, which is not complete yet */
    public VcpuCore(Cpu cpu, Paravirtual paravirtual, DeviceBus bus, MsrPolicy msrs, Function<VcpuCore, Backend> backend) {
        this.cpu = cpu;
        this.paravirtual = paravirtual;
        this.msrs = msrs;
        // The backend looks at the vcpu when it runs, not before.
        GuestState.Hardware[] hardware = new GuestState.Hardware[1];
        this.state = new GuestState(cpu, new GuestState.Hardware() {
            @Override
            public void fetch(int parts) {
                hardware[0].fetch(parts);
            }

            @Override
            public void store(int parts) {
                hardware[0].store(parts);
            }
        });
        this.emulator = new Emulator(state, user, bus);
        this.undefined = new Undefined(this, cpu, emulator);
        this.instructions = new Instructions(this, user, bus, emulator, msrs);
        this.debugger = new Debugger(this);
        this.waiting = new Waiting(this);
        this.backend = backend.apply(this);
        hardware[0] = this.backend;
        this.injection = new Injection(this, this.backend);
        cpu.requestListener = this.backend::kick;
    }

    /** The state as it is held in software; parts of it may be stale, see {@link GuestState}. */
    public Cpu cpu() {
        return cpu;
    }

    public void setDirtyRing(DirtyRing pages) {
        ring = pages;
    }

    /** The guest has locked the bus in the last run. */
    public boolean hasBusLock() {
        return busLock;
    }

    /** The guest has locked the bus. */
    public void busLocked() {
        busLock = true;
    }

    public void setLocalApic(boolean inKernel) {
        localApic = inKernel;
    }

    /** A local APIC is in the kernel. */
    public boolean hasLocalApic() {
        return localApic;
    }

    public Instructions instructions() {
        return instructions;
    }

    public Injection injection() {
        return injection;
    }

    public Debugger debugger() {
        return debugger;
    }

    public Waiting waiting() {
        return waiting;
    }

    /** Hypercalls, and instructions that only the hypervisor knows. */
    public Undefined undefined() {
        return undefined;
    }

    public Paravirtual paravirtual() {
        return paravirtual;
    }

    /** Ends {@link #run} behind the instruction that is running. */
    public void stop() {
        stopped = true;
        backend.stop();
    }

    /** Ends the turn of a guest that has exited. */
    public void giveWay() {
        stopped = true;
    }

    /** As {@link #giveWay}, of a guest that does not get on: it has taken a tick. */
    public void waste() {
        owed++;
        stopped = true;
    }

    /** Lets the guest go on although it has halted, or keeps it from the next halt. */
    public void kick() {
        paravirtual.kick();
        if (backend.inGuest() && !backend.isRunnable()) {
            leaveGuest();
        }
    }

    /** The last run ended because the guest gave way, or because of {@link #stop}. */
    public boolean hasYielded() {
        return stopped || backend.hasYielded();
    }

    public void setPauseYields(boolean yields) {
        backend.setPauseYields(yields);
    }

    public void setSeed(long seed) {
        backend.setSeed(seed);
        cpu.rngState = seed;
    }

    // ---- state ----

    @Override
    public void save(StateOutput out) {
        state.load(GuestState.ALL);
        cpu.rngState = backend.seed();
        CpuState.save(cpu, out);
        out.put("events", events);
        out.put("userspace", user);
        out.put("unsettled", unsettled);
        out.putBoolean("not told", unsettled.isDeferred(user.question()));
        out.put("paravirtual", paravirtual);
        waiting.save(out);
        out.putLong("retired", retired());
        out.putLong("ticks owed", owed);
        out.putInt("latency", cpu.latency);
        out.putInt("string elements", cpu.stringElements);
        out.putInt("interrupt", injection.userInterrupt());
        out.putBoolean("init", init);
    }

    @Override
    public void load(StateInput in) {
        reset();
        state.change(GuestState.ALL);
        CpuState.load(cpu, in);
        backend.setSeed(cpu.rngState);
        in.get("events", events);
        in.get("userspace", user);
        in.get("unsettled", unsettled);
        if (in.getBoolean("not told")) {
            unsettled.defer(user.question());
        }
        in.get("paravirtual", paravirtual);
        waiting.load(in);
        emulated = in.getLong("retired") - backend.retired();
        owed = in.getLong("ticks owed");
        cpu.latency = in.getInt("latency");
        cpu.stringElements = in.getInt("string elements");
        injection.setUserInterrupt(in.getInt("interrupt"));
        init = in.getBoolean("init");
    }

    /** The guest has been entered. */
    public boolean hasRun() {
        return entered;
    }

    /** Chooses what CPUID answers. */
    public void setCpuid(GuestCpuid table, CpuModel model) {
        cpu.cpuid = table;
        cpu.model = model;
        cpu.translation = new Paging(model, cpu.memory);
        emulator.modelChanged();
        backend.modelChanged();
    }

    /** What CPUID answers; null while the model does. */
    public GuestCpuid cpuid() {
        return (GuestCpuid) cpu.cpuid;
    }

    /** Forgets what was under way: the state has been set to that after power-up. */
    public void reset() {
        events.clear();
        user.begin();
        user.end();
        unsettled.clear();
        cpu.stringElements = 0;
        injection.reset();
        owed = 0;
        cpu.latency = 0;
        init = false;
        waiting.reset();
        paravirtual.reset();
    }

    /** A vcpu that waits for a start-up IPI does so because of an INIT. */
    public boolean hasInit() {
        return init;
    }

    public void setInit(boolean received) {
        init = received;
    }

    /** Instructions that the guest has retired, in hardware and emulated. */
    public long retired() {
        return backend.retired() + emulated;
    }

    public Map<String, Long> exits() {
        return backend.exits();
    }

    public long compiledInstructions() {
        return backend.compiledInstructions();
    }

    public long regionEntries() {
        return backend.regionEntries();
    }

    /** What is delivered again when an exit has interrupted its delivery. */
    public void setRequeuePolicy(RequeuePolicy policy) {
        events.policy = policy;
    }

    // ---- tracing ----

    /** From here on somebody is told what happens to events and to the guest; null for nobody. */
    public void trace(TraceSink sink) {
        trace = sink;
        events.trace = sink == null ? null : this::tell;
        cpu.tracer = sink == null ? null : (c, o) -> tell(o);
        backend.trace(
                sink == null
                        ? null
                        : e -> sink.accept(
                                new TraceEntry(e.time(), e.instructions() + emulated, cpu.index, e.level(), e.rip(), e.what())));
    }

    boolean isTraced() {
        return trace != null;
    }

    /** Something has happened in the hypervisor, and {@link #isTraced}. */
    void tell(Occurrence o) {
        long rip = backend.inGuest() ? backend.rip() : state.load(GuestState.REGISTERS).rip;
        trace.accept(new TraceEntry(cpu.timeline.now(), retired(), cpu.index, 0, rip, o));
    }

    // ---- running ----

    /** Runs until something is userspace's to do, or until machine time {@code limit}. */
    public VcpuExit run(long limit) {
        cpu.notRunning += cpu.timeline.now() - cpu.stoppedAt;
        VcpuExit x = runGuest(limit);
        cpu.stoppedAt = cpu.timeline.now();
        return x;
    }

    private VcpuExit runGuest(long limit) {
        stopped = false;
        busLock = false;
        if (paravirtual.begin()) {
            leaveGuest();
            backend.flushTranslations();
        }
        VcpuExit x;
        try {
            x = runOn(limit);
        } catch (MissingPage m) {
            // What software did for the guest is done again when the page is there.
            waiting.forPage(m.page());
            x = INTR;
        }
        if (x == INTR) {
            paravirtual.end(isWaiting());
        }
        return x;
    }

    private boolean isWaiting() {
        return !backend.inGuest() && (cpu.activity != Cpu.ACTIVE || waiting.awaitsPage());
    }

    private VcpuExit runOn(long limit) {
        VcpuExit x = complete();
        if (x == null && immediateExit) {
            x = INTR;
        }
        while (x == null) {
            x = unsettled.takeWanted();
            if (x == null && ring != null && ring.isFull() && cpu.stringElements == 0) {
                leaveGuest();
                x = new VcpuExit.DirtyRingFull();
            }
            if (x != null) {
                break;
            }
            // No event comes in the middle of an instruction.
            if (!backend.inGuest() && cpu.stringElements == 0) {
                passTime();
                // A delivery whose tick has passed comes to its end in the turn that it belongs to.
                x = stopped || cpu.timeline.now() >= limit && !events.isDelivering() ? INTR : prepare();
                passTime();
            }
            if (x == null && waiting.awaitsPage()) {
                // In the middle of an instruction, which only the page lets go on.
                x = INTR;
            }
            boolean over = cpu.timeline.now() >= limit && (backend.inGuest() || !events.isDelivering());
            if (x == null && (stopped && cpu.stringElements == 0 || over)) {
                x = INTR;
            }
            if (x == null) {
                entered = true;
                x = backend.run(limit);
                if (x == null && backend.inGuest()) {
                    x = INTR;
                }
                if (x == null) {
                    x = unsettled.takeStep();
                }
            }
        }
        return x;
    }

    /** The tick of an instruction carried out, or of an event delivered, has to pass. */
    void owe() {
        owed++;
    }

    void countEmulated() {
        emulated++;
    }

    private void passTime() {
        if (owed != 0) {
            cpu.timeline.skipTo(cpu.timeline.now() + owed);
            owed = 0;
        }
        if (cpu.latency != 0) {
            int ticks = cpu.latency;
            cpu.latency = 0;
            cpu.timeline.pass(ticks);
        }
    }

    /** Whether {@link #run} would do anything: the guest does not wait, or what it waits for has come. */
    public boolean isRunnable() {
        if (backend.inGuest()) {
            return backend.isRunnable();
        }
        if (waiting.awaitsPage()) {
            return cpu.requests != 0 && waiting.isInterrupted();
        }
        return owed != 0
                || cpu.latency != 0
                || unsettled.isPending()
                || user.isWaiting()
                || cpu.activity == Cpu.ACTIVE
                || cpu.activity == Cpu.HLT && paravirtual.isKicked()
                || cpu.requests != 0 && waiting.wakesByRequest()
                || waiting.wakes();
    }

    /** Makes the guest's whole state available: one whose turn had ended exits. */
    public void leaveGuest() {
        if (backend.inGuest()) {
            backend.callBack();
        }
        paravirtual.exited();
    }

    /** The guest has exited; nobody has looked at its state yet. */
    public void exited() {
        paravirtual.exited();
    }

    /** Keeps what an exit wants of userspace for the next run. */
    public void defer(VcpuExit exit) {
        unsettled.defer(exit);
    }

    Unsettled unsettled() {
        return unsettled;
    }

    /** What userspace has been asked and the next run completes with its answer; null when nothing waits for one. */
    public VcpuExit pendingExit() {
        return unsettled.asked() != null ? unsettled.asked() : user.question();
    }

    /** The instruction that waits for an answer of userspace is not gone on with: the guest goes on elsewhere. */
    public void abandonInstruction() {
        if (unsettled.isDeferred(user.question())) {
            unsettled.takeDeferred();
        }
        unsettled.abandon();
        user.abandon();
        cpu.stringElements = 0;
    }

    private VcpuExit complete() {
        VcpuExit late = unsettled.takeDeferred();
        if (late != null) {
            return late;
        }
        if (unsettled.asked() != null) {
            instructions.complete();
        } else if (user.isWaiting()) {
            user.answer();
            return instructions.emulate();
        } else if (user.hasAnswers() && !waiting.awaitsPage()) {
            // It had to wait for a page.
            return instructions.emulate();
        }
        return user.nextStore();
    }

    /** Before an entry: requests from outside, and the event to inject. Returns what ends the run instead. */
    private VcpuExit prepare() {
        paravirtual.prepareEntry();
        if (cpu.requests != 0) {
            takeRequests();
        }
        if (events.tripleFault) {
            events.tripleFault = false;
            return shutDown();
        }
        injection.enterSystemManagement();
        if (waiting.awaitsPage() && waiting.isInterrupted()) {
            waiting.reset();
        }
        if (waiting.awaitsPage()) {
            return INTR;
        }
        if (cpu.activity != Cpu.ACTIVE) {
            if (!(cpu.activity == Cpu.HLT && paravirtual.takeKick()) && !waiting.wakes()) {
                return INTR;
            }
            cpu.activity = Cpu.ACTIVE;
            cpu.monitorAddress = -1;
        }
        if (injection.inject()) {
            return new VcpuExit.IrqWindowOpen();
        }
        if (!backend.deliversInterrupts()) {
            paravirtual.enter();
        }
        return null;
    }

    private void takeRequests() {
        takeStartUp();
        takeArrived();
        cpu.withdraw(Cpu.BOUNDARY_REQUEST);
    }

    /** INIT and the start-up IPI have their effects. */
    public void takeStartUp() {
        Cpu c = cpu;
        if ((c.requests & Cpu.INIT_REQUEST) != 0 && !c.inSmm) {
            c.withdraw(Cpu.INIT_REQUEST);
            init = true;
            if (c.activity != Cpu.WAIT_FOR_SIPI) {
                state.change(GuestState.ALL);
                Reset.init(c);
                events.clear();
                paravirtual.reset();
                waiting.reset();
                owed++;
            }
        }
        if ((c.requests & Cpu.SIPI_REQUEST) != 0) {
            c.withdraw(Cpu.SIPI_REQUEST);
            if (c.activity == Cpu.WAIT_FOR_SIPI) {
                state.change(GuestState.ALL);
                Reset.startUp(c, c.sipiVector);
                owed++;
            }
        }
    }

    /** SMI and NMI become events of the queue. */
    public void takeArrived() {
        Cpu c = cpu;
        if ((c.requests & Cpu.SMI_REQUEST) != 0 && c.activity != Cpu.WAIT_FOR_SIPI) {
            c.withdraw(Cpu.SMI_REQUEST);
            events.smiPending = true;
        }
        if ((c.requests & Cpu.NMI_REQUEST) != 0 && c.activity != Cpu.WAIT_FOR_SIPI) {
            c.withdraw(Cpu.NMI_REQUEST);
            events.nmi(state.load(GuestState.EVENTS).nmiBlocked);
        }
    }

    /** Runs end before the guest is entered, until this is taken back. */
    public void setImmediateExit(boolean immediate) {
        immediateExit = immediate;
    }

    /** Ends the run behind the instruction that is being carried out. */
    public void want(VcpuExit exit) {
        unsettled.want(exit);
        backend.kick();
    }

    /** Triple fault: nothing comes behind it in whose time the ticks of the delivery that failed could pass. */
    public VcpuExit shutDown() {
        passTime();
        return new VcpuExit.Shutdown();
    }

    /** What userspace wants to know of accesses to model-specific registers. */
    public MsrPolicy msrs() {
        return msrs;
    }
}
