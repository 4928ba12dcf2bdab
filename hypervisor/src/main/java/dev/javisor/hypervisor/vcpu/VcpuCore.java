package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.paravirtual.Paravirtual;
import dev.javisor.isa.CpuModel;
import dev.javisor.processor.CpuState;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.event.Boundary;
import dev.javisor.processor.event.EventDelivery;
import dev.javisor.processor.event.Reset;
import dev.javisor.processor.event.SystemManagement;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.paging.Paging;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import dev.javisor.processor.system.PortIo;
import dev.javisor.processor.trace.TraceEntry;
import dev.javisor.processor.trace.TraceSink;
import dev.javisor.processor.trace.TraceText;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * One vcpu, without what its vendor's hardware is like: which event goes next, what is emulated and how, when the guest waits, and what
 * userspace must do.
 */
public final class VcpuCore implements Stateful {
    private static final int RAX = 0;
    private static final long DR7_GD = 0x2000, BREAKPOINTS_ENABLED = 0xFF, DEBUGCTL_BTF = 2;
    private static final VcpuExit INTR = new VcpuExit.Intr();

    public final GuestState state;
    public final EventQueue events = new EventQueue();
    private final Cpu cpu;
    private final Backend backend;
    private final UserAccess user = new UserAccess();
    private final DeviceBus bus;
    private final MsrPolicy msrs;
    private final MsrInstructions msrInstructions;
    private final Emulator emulator;
    /** The local APIC is in the kernel, so that HLT waits in it. */
    private boolean localApic;
    /** What the guest is offered beside what a processor has. */
    private final Paravirtual paravirtual;
    private final Undefined undefined;
    /** The page that the guest needs before it can go on, or -1; and whether an interrupt ends the waiting. */
    private long awaitedPage = -1;

    private boolean awaitsLightly;
    /** What completes the instruction that userspace has been asked about; null when none waits. */
    private Runnable completion;
    /** What a guest that was called back has ended with. */
    private VcpuExit deferred;

    /** What the instruction that has just completed wants of userspace. */
    private VcpuExit wanted;

    private boolean entered;
    private boolean stopped;
    /** Userspace wants to know when an interrupt can be injected. */
    private boolean interruptWindowRequested;
    /** A run ends before the guest is entered. */
    private boolean immediateExit;
    /** Vector of an interrupt of userspace's controller that waits, or -1. */
    private int userInterrupt = -1;
    /** {@link GuestDebug#control} when enabled, else 0; and DR0 to DR7 of the debugger. */
    private int debugControl;

    private long[] debugRegisters = new long[8];
    /** A step that was made in software. */
    private VcpuExit stepped;
    private long emulated;
    /** Is told what happens; null for nobody. */
    private TraceSink trace;
    /** What was last asked of the backend. */
    private boolean interruptWindow, nmiWindow;
    /** Ticks that have to pass: one for each instruction carried out, and for each event delivered, as on the metal. */
    private long owed;

    /** @param backend made for the vcpu, which is not complete yet */
    public VcpuCore(Cpu cpu, Paravirtual paravirtual, DeviceBus bus, MsrPolicy msrs, Function<VcpuCore, Backend> backend) {
        this.cpu = cpu;
        this.paravirtual = paravirtual;
        this.msrs = msrs;
        this.msrInstructions = new MsrInstructions(this, msrs);
        this.bus = bus;
        this.emulator = new Emulator(cpu, user, bus);
        this.undefined = new Undefined(this, cpu, emulator);
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
        this.backend = backend.apply(this);
        hardware[0] = this.backend;
        cpu.requestListener = this.backend::kick;
    }

    /** The state as it is held in software; parts of it may be stale, see {@link GuestState}. */
    public Cpu cpu() {
        return cpu;
    }

    public void setLocalApic(boolean inKernel) {
        localApic = inKernel;
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

    /** Lets the guest go on although it has halted, or keeps it from the next halt. */
    public void kick() {
        paravirtual.kick();
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
        out.put("paravirtual", paravirtual);
        out.putLongs("awaited page", new long[] {awaitedPage, awaitsLightly ? 1 : 0});
        out.putLong("retired", retired());
        out.putLong("ticks owed", owed);
        out.putInt("string elements", cpu.stringElements);
        out.putInt("interrupt", userInterrupt);
    }

    @Override
    public void load(StateInput in) {
        reset();
        state.change(GuestState.ALL);
        CpuState.load(cpu, in);
        backend.setSeed(cpu.rngState);
        in.get("events", events);
        in.get("userspace", user);
        in.get("paravirtual", paravirtual);
        long[] awaited = new long[2];
        in.getLongs("awaited page", awaited);
        awaitedPage = awaited[0];
        awaitsLightly = awaited[1] != 0;
        emulated = in.getLong("retired") - backend.retired();
        owed = in.getLong("ticks owed");
        cpu.stringElements = in.getInt("string elements");
        userInterrupt = in.getInt("interrupt");
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
        completion = null;
        deferred = null;
        stepped = null;
        cpu.stringElements = 0;
        wanted = null;
        userInterrupt = -1;
        owed = 0;
        awaitedPage = -1;
        paravirtual.reset();
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

    /** In the hypervisor. */
    private void tell(Occurrence o) {
        long rip = backend.inGuest() ? backend.rip() : state.load(GuestState.REGISTERS).rip;
        trace.accept(new TraceEntry(cpu.timeline.now(), retired(), cpu.index, 0, rip, o));
    }

    private void openInterruptWindow(boolean open) {
        if (open != interruptWindow) {
            interruptWindow = open;
            if (trace != null) {
                tell(new Occurrence.Window(false, open));
            }
        }
        backend.openInterruptWindow(open);
    }

    private void openNmiWindow(boolean open) {
        if (open != nmiWindow) {
            nmiWindow = open;
            if (trace != null) {
                tell(new Occurrence.Window(true, open));
            }
        }
        backend.openNmiWindow(open);
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
        if (paravirtual.begin()) {
            leaveGuest();
            backend.flushTranslations();
        }
        VcpuExit x = runOn(limit);
        if (x == INTR) {
            paravirtual.end(isWaiting());
        }
        return x;
    }

    private boolean isWaiting() {
        return !backend.inGuest() && (cpu.activity != Cpu.ACTIVE || awaitedPage >= 0);
    }

    private VcpuExit runOn(long limit) {
        VcpuExit x = complete();
        if (x == null && immediateExit) {
            x = INTR;
        }
        while (x == null) {
            if (wanted != null) {
                x = wanted;
                wanted = null;
                break;
            }
            // No event comes in the middle of an instruction.
            if (!backend.inGuest() && cpu.stringElements == 0) {
                passTime();
                x = prepare();
                passTime();
            }
            if (x == null && awaitedPage >= 0) {
                // In the middle of an instruction, which only the page lets go on.
                x = INTR;
            }
            if (x == null && (stopped && cpu.stringElements == 0 || cpu.timeline.now() >= limit)) {
                x = INTR;
            }
            if (x == null) {
                entered = true;
                x = backend.run(limit);
                if (x == null && backend.inGuest()) {
                    x = INTR;
                }
                if (x == null && stepped != null) {
                    x = stepped;
                    stepped = null;
                }
            }
        }
        return x;
    }

    private void passTime() {
        if (owed != 0) {
            cpu.timeline.skipTo(cpu.timeline.now() + owed);
            owed = 0;
        }
    }

    /** Whether {@link #run} would do anything: the guest does not wait, or what it waits for has come. */
    public boolean isRunnable() {
        if (backend.inGuest()) {
            return backend.isRunnable();
        }
        if (awaitedPage >= 0) {
            return awaitsLightly && cpu.requests != 0 && interruptAllowed() && hasInterrupt();
        }
        return owed != 0
                || completion != null
                || deferred != null
                || user.isWaiting()
                || cpu.activity == Cpu.ACTIVE
                || cpu.activity == Cpu.HLT && paravirtual.isKicked()
                || cpu.requests != 0 && wakesByRequest()
                || wakes();
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
        deferred = exit;
    }

    private VcpuExit complete() {
        if (deferred != null) {
            VcpuExit x = deferred;
            deferred = null;
            return x;
        }
        if (completion != null) {
            Runnable c = completion;
            completion = null;
            c.run();
        } else if (user.isWaiting()) {
            user.answer();
            return emulate();
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
        enterSystemManagement();
        if (awaitedPage >= 0 && awaitsLightly && interruptAllowed() && hasInterrupt()) {
            awaitedPage = -1;
        }
        if (awaitedPage >= 0) {
            return INTR;
        }
        if (cpu.activity != Cpu.ACTIVE) {
            if (!(cpu.activity == Cpu.HLT && paravirtual.takeKick()) && !wakes()) {
                return INTR;
            }
            cpu.activity = Cpu.ACTIVE;
            cpu.monitorAddress = -1;
        }
        boolean free = inject();
        if (interruptWindowRequested) {
            if (free && interruptAllowed()) {
                return new VcpuExit.IrqWindowOpen();
            }
            openInterruptWindow(true);
        }
        paravirtual.enter();
        return null;
    }

    private void takeRequests() {
        Cpu c = cpu;
        if ((c.requests & Cpu.INIT_REQUEST) != 0 && !c.inSmm) {
            c.withdraw(Cpu.INIT_REQUEST);
            if (c.activity != Cpu.WAIT_FOR_SIPI) {
                state.change(GuestState.ALL);
                Reset.init(c);
                events.clear();
                paravirtual.reset();
                awaitedPage = -1;
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
        takeArrived();
        c.withdraw(Cpu.BOUNDARY_REQUEST);
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

    /** Something that has arrived, and that {@link #takeRequests} has not looked at, ends the guest's waiting. */
    private boolean wakesByRequest() {
        int r = cpu.requests;
        if (cpu.activity == Cpu.WAIT_FOR_SIPI) {
            return (r & (Cpu.INIT_REQUEST | Cpu.SIPI_REQUEST)) != 0;
        }
        boolean nmi = (r & Cpu.NMI_REQUEST) != 0 && !state.load(GuestState.EVENTS).nmiBlocked;
        return nmi || (r & (Cpu.SMI_REQUEST | Cpu.INIT_REQUEST)) != 0 && !cpu.inSmm;
    }

    /** There is something that ends the guest's waiting. */
    private boolean wakes() {
        if (cpu.activity == Cpu.WAIT_FOR_SIPI) {
            return false;
        }
        Cpu c = state.load(GuestState.REGISTERS | GuestState.EVENTS);
        c.monitor.poll();
        EventQueue q = events;
        boolean injects = q.hasException() || q.nmiInjected || q.interruptInjected || q.tripleFault;
        boolean nmi = q.nmisPending != 0 && !c.nmiBlocked;
        boolean breaks = interruptAllowed() || c.activity == Cpu.MWAIT && c.waitBreaksOnInterrupt;
        return c.activity == Cpu.ACTIVE || injects || nmi || q.smiPending && !c.inSmm || breaks && hasInterrupt();
    }

    // ---- debugging from outside ----

    /** KVM_SET_GUEST_DEBUG. @throws KvmException BUSY when an exception to inject would meet another */
    public void setGuestDebug(GuestDebug debug) {
        boolean injects = (debug.control & (GuestDebug.INJECT_DB | GuestDebug.INJECT_BP)) != 0;
        if (injects && events.hasException()) {
            throw new KvmException(KvmException.Error.BUSY, "an exception waits to be delivered");
        }
        state.change(GuestState.REGISTERS | GuestState.SYSTEM | GuestState.EVENTS);
        if ((debug.control & GuestDebug.INJECT_DB) != 0) {
            events.queue(Event.exception(Event.DB), false);
        } else if ((debug.control & GuestDebug.INJECT_BP) != 0) {
            events.queue(Event.software(Event.SOFTWARE_EXCEPTION, Event.BP, 1));
        }
        debugControl = (debug.control & GuestDebug.ENABLE) != 0 ? debug.control : 0;
        debugRegisters = debug.debugreg.clone();
    }

    /** Whoever debugs the guest uses any of these ({@link GuestDebug}). */
    public boolean debugs(int bits) {
        return (debugControl & bits) != 0;
    }

    /** A debug register as the hardware shall have it: the debugger's, while it uses them, else the guest's. */
    public long effectiveDebugRegister(int i) {
        boolean debuggers = debugs(GuestDebug.USE_HW_BP);
        return i == 7 ? (debuggers ? debugRegisters[7] : cpu.dr7) : debuggers ? debugRegisters[i] : cpu.dr[i];
    }

    /** A debug event for whoever debugs the guest. @param causes of a #DB, positive polarity */
    public VcpuExit.Debug debugExit(int vector, long causes) {
        Cpu c = state.load(GuestState.REGISTERS | GuestState.SYSTEM);
        long pc = c.codeSize64 ? c.rip : c.rip + c.segBase[Cpu.CS] & 0xFFFF_FFFFL;
        return new VcpuExit.Debug(vector, pc, vector == Event.DB ? EventDelivery.mergeDr6(0, causes) : 0, effectiveDebugRegister(7));
    }

    /** An instruction has been carried out in software while its debugger steps the guest. */
    private void stepped() {
        if (debugs(GuestDebug.SINGLESTEP)) {
            stepped = debugExit(Event.DB, Boundary.SINGLE_STEP);
        }
    }

    // ---- events ----

    /**
     * KVM_INTERRUPT: an interrupt of a controller that is userspace's waits until the guest can take it.
     *
     * @throws KvmException ALREADY_EXISTS while another waits
     */
    public void interrupt(int vector) {
        if (userInterrupt >= 0) {
            throw new KvmException(KvmException.Error.ALREADY_EXISTS, "an interrupt waits already");
        }
        userInterrupt = vector;
        backend.kick();
    }

    private boolean hasInterrupt() {
        return hasUserInterrupt() || hasControllerInterrupt();
    }

    /** Of userspace's controller, which a local APIC in the kernel must let through. */
    private boolean hasUserInterrupt() {
        return userInterrupt >= 0 && (!(cpu.apic instanceof LocalApic apic) || apic.acceptsExternal());
    }

    private int acknowledge() {
        if (!hasUserInterrupt()) {
            return Boundary.acknowledge(cpu);
        }
        int vector = userInterrupt;
        userInterrupt = -1;
        return vector;
    }

    /** The next run ends when an interrupt can be injected, until this is taken back. */
    public void requestInterruptWindow(boolean wanted) {
        interruptWindowRequested = wanted;
    }

    /** Runs end before the guest is entered, until this is taken back. */
    public void setImmediateExit(boolean immediate) {
        immediateExit = immediate;
    }

    /** An interrupt of userspace's controller would be delivered at the next entry. */
    public boolean isReadyForInterrupt() {
        boolean free = userInterrupt < 0 && !events.hasException() && !events.nmiInjected && !events.interruptInjected;
        return free && interruptAllowed() && (!(cpu.apic instanceof LocalApic apic) || apic.acceptsExternal());
    }

    /** Ends the run behind the instruction that is being carried out. */
    public void want(VcpuExit exit) {
        wanted = exit;
        backend.kick();
    }

    private boolean hasControllerInterrupt() {
        return (cpu.requests & (Cpu.EXTERNAL_REQUEST | Cpu.APIC_REQUEST)) != 0 && Boundary.hasInterrupt(cpu);
    }

    private boolean interruptAllowed() {
        return Boundary.interruptsEnabled(state.load(GuestState.REGISTERS | GuestState.EVENTS));
    }

    private boolean nmiAllowed() {
        Cpu c = state.load(GuestState.EVENTS);
        return !c.blockingByMovSs && !c.nmiBlocked;
    }

    /** An SMI is delivered by software, between two instructions, when nothing else is on its way. */
    private void enterSystemManagement() {
        EventQueue q = events;
        boolean busy = q.exceptionInjected || q.exceptionPending && !q.hasDebugTrap() || q.nmiInjected || q.interruptInjected;
        if (q.smiPending && !busy && !cpu.inSmm && !debugs(GuestDebug.BLOCKIRQ)) {
            q.smiPending = false;
            if (q.exceptionPending) {
                // It waits in SMRAM, as on the metal.
                state.change(GuestState.EVENTS).pendingDebug = q.exception.payload();
                q.dropPendingException();
            }
            owed++;
            boolean halted = cpu.activity == Cpu.HLT;
            cpu.activity = Cpu.ACTIVE;
            SystemManagement.enter(state.change(GuestState.ALL), halted);
        }
    }

    /**
     * What was being delivered when the guest exited comes first; then one new event, in the order of their priority.
     *
     * @return whether the entry delivers nothing
     */
    private boolean inject() {
        EventQueue q = events;
        boolean open = true;
        if (q.exceptionInjected) {
            again(q.exception);
            open = false;
        } else if (q.exceptionPending) {
            // It arose while the interrupt or NMI was being delivered, and takes its place.
            injectException();
            open = false;
        } else if (q.nmiInjected) {
            again(Event.nmi());
            open = false;
        } else if (q.interruptInjected) {
            again(q.interrupt());
            open = false;
        }
        if (debugs(GuestDebug.BLOCKIRQ)) {
            return open;
        }
        if (q.nmisPending > 0 && open && nmiAllowed()) {
            q.nmisPending--;
            q.nmiInjected = true;
            first(Event.nmi());
            open = false;
        }
        openNmiWindow(q.nmisPending > 0);
        if (hasInterrupt()) {
            if (open && interruptAllowed()) {
                q.queueInterrupt(acknowledge(), false);
                first(q.interrupt());
                open = false;
            }
            openInterruptWindow(hasInterrupt());
        } else {
            openInterruptWindow(false);
        }
        return open;
    }

    private void first(Event e) {
        owed++;
        told(e);
        if (trace != null) {
            tell(new Occurrence.Injected(e, false));
        }
        backend.inject(e, e.instructionLength());
    }

    private void told(Event e) {
        events.tell(e, state.load(GuestState.REGISTERS).rip, backend.retired());
    }

    /** The hardware has begun to deliver an event by itself, and does not come to the end: its time has passed. */
    public void deliveryBegun() {
        owed++;
    }

    private void again(Event e) {
        told(e);
        if (trace != null) {
            tell(new Occurrence.Injected(e, true));
        }
        backend.inject(e, e.isSoftware() ? events.instructionLength : 0);
    }

    /** The exception has its effects on CR2, DR6, DR7 and RF now, and not before. */
    private void injectException() {
        EventQueue q = events;
        Event e = q.exception;
        if (e.type() == Event.HARDWARE_EXCEPTION) {
            if (isFault(e.vector())) {
                Cpu c = state.change(GuestState.REGISTERS);
                Flags.setRflags(c, Flags.rflags(c) | Flags.RF);
            }
            applyPayload();
            if (e.vector() == Event.DB) {
                Cpu c = state.change(GuestState.SYSTEM);
                c.dr7 &= ~DR7_GD;
                c.debugctl &= ~DEBUGCTL_BTF;
            }
        }
        q.exceptionPending = false;
        q.exceptionInjected = true;
        q.exceptionHasPayload = false;
        first(e);
    }

    /** What the exception that waits does to CR2 or DR6 happens now. */
    public void applyPayload() {
        EventQueue q = events;
        Event e = q.exception;
        if (!q.hasException() || !q.exceptionHasPayload || e.type() != Event.HARDWARE_EXCEPTION) {
            return;
        }
        q.exceptionHasPayload = false;
        if (e.vector() == Event.PF) {
            state.change(GuestState.REGISTERS).cr2 = e.payload();
        } else if (e.vector() == Event.DB) {
            Cpu c = state.change(GuestState.SYSTEM);
            c.dr6 = EventDelivery.mergeDr6(c.dr6, e.payload());
        }
    }

    private static boolean isFault(int vector) {
        return switch (vector) {
            case Event.DB, Event.BP, Event.OF, Event.MC -> false;
            default -> true;
        };
    }

    // ---- what exits ask for ----

    /** Triple fault: nothing comes behind it in whose time the ticks of the delivery that failed could pass. */
    public VcpuExit shutDown() {
        passTime();
        return new VcpuExit.Shutdown();
    }

    /** An instruction of known length has been carried out by other means. */
    public void skip(int length) {
        Cpu c = state.change(GuestState.REGISTERS | GuestState.EVENTS);
        long rip = c.rip + length;
        c.rip = state.load(GuestState.SYSTEM).codeSize64 ? rip : rip & 0xFFFF_FFFFL;
        c.blockingBySti = false;
        c.blockingByMovSs = false;
        long flags = Flags.rflags(c);
        if ((flags & Flags.TF) != 0 && (c.debugctl & DEBUGCTL_BTF) == 0) {
            c.pendingDebug |= Boundary.SINGLE_STEP;
        }
        Flags.setRflags(c, flags & ~Flags.RF);
        retire();
        stepped();
        takeDebugTrap();
    }

    /** The guest has exited between two instructions, before a trap that was pending. Returns what ends the run, or null. */
    public VcpuExit pendingTrap() {
        Cpu c = state.load(GuestState.EVENTS);
        if (c.pendingDebug == 0 || c.blockingByMovSs) {
            return null;
        }
        state.change(GuestState.EVENTS);
        if (debugs(GuestDebug.SINGLESTEP | GuestDebug.USE_HW_BP)) {
            VcpuExit x = debugExit(Event.DB, c.pendingDebug);
            c.pendingDebug = 0;
            return x;
        }
        takeDebugTrap();
        return null;
    }

    private void takeDebugTrap() {
        Cpu c = cpu;
        if (c.pendingDebug != 0 && !c.blockingByMovSs) {
            events.queue(Event.debug(c.pendingDebug));
            c.pendingDebug = 0;
        }
    }

    /** INT1 has trapped: its #DB is that of the next instruction. */
    public void trapped(int length) {
        Cpu c = state.change(GuestState.REGISTERS | GuestState.EVENTS);
        long rip = c.rip + length;
        c.rip = state.load(GuestState.SYSTEM).codeSize64 ? rip : rip & 0xFFFF_FFFFL;
        c.blockingBySti = false;
        c.blockingByMovSs = false;
        // Its tick is that of the trap.
        emulated++;
    }

    /** The event whose delivery exited is delivered by software, to its end, with everything that may go wrong on the way. */
    public VcpuExit deliverInSoftware() {
        Event e = events.takeInterrupted();
        state.change(GuestState.ALL);
        if (trace != null) {
            tell(new Occurrence.Emulated("delivery of " + TraceText.of(e)));
        }
        try {
            if (emulator.deliver(e) && e.isSoftware()) {
                emulated++;
            }
        } catch (UserAccess.Needed n) {
            return new VcpuExit.InternalError(VcpuExit.InternalError.EMULATION, List.of());
        }
        return afterDelivery();
    }

    private VcpuExit afterDelivery() {
        takeDebugTrap();
        if (cpu.activity == Cpu.SHUTDOWN) {
            cpu.activity = Cpu.ACTIVE;
            events.tripleFault = true;
        }
        return user.nextStore();
    }

    /** An instruction has been carried out by other means than the hardware's. */
    private void retire() {
        emulated++;
        owed++;
    }

    /** Carries out the instruction at RIP in software. Returns what userspace must do. */
    public VcpuExit emulate() {
        state.load(GuestState.ALL);
        if (trace != null) {
            tell(new Occurrence.Emulated("instruction"));
        }
        int taskPriority = cpu.apic.cr8();
        Emulator.Outcome outcome = emulator.step();
        state.change(emulator.changed());
        return switch (outcome) {
            case COMPLETED -> {
                if (!localApic && cpu.apic.cr8() < taskPriority) {
                    wanted = new VcpuExit.SetTpr();
                }
                retire();
                stepped();
                yield afterDelivery();
            }
            case PARTLY -> user.nextStore();
            case FAULTED -> {
                events.queue(emulator.fault());
                yield null;
            }
            case WAITS -> user.question();
        };
    }

    /** IN or OUT, of AL, AX or EAX. */
    public VcpuExit portIo(int port, int size, boolean in, int length) {
        Cpu c = state.load(GuestState.REGISTERS);
        if (!in) {
            int value = (int) (c.gpr[RAX] & (1L << 8 * size) - 1);
            watch(port, size);
            skip(length);
            if (bus.outInKernel(port, size, value)) {
                return null;
            }
            VcpuExit.Io io = new VcpuExit.Io(VcpuExit.IO_OUT, size, port, 1, new byte[size]);
            io.setValue(value);
            return io;
        }
        if (bus.isKernelPort(port, size)) {
            Emulator.synchronize(cpu);
            finishIn(port, size, bus.in(port, size), length);
            return null;
        }
        VcpuExit.Io io = new VcpuExit.Io(VcpuExit.IO_IN, size, port, 1, new byte[size]);
        completion = () -> finishIn(port, size, io.value(), length);
        return io;
    }

    /** I/O breakpoints, which an instruction that exits has not met. */
    private void watch(int port, int size) {
        if ((cpu.dr7 & BREAKPOINTS_ENABLED) != 0) {
            PortIo.checkBreakpoints(state.change(GuestState.SYSTEM | GuestState.EVENTS), port, size);
        }
    }

    private void finishIn(int port, int size, int value, int length) {
        Cpu c = state.change(GuestState.REGISTERS);
        c.gpr[RAX] = switch (size) {
            case 1 -> c.gpr[RAX] & ~0xFFL | value & 0xFF;
            case 2 -> c.gpr[RAX] & ~0xFFFFL | value & 0xFFFF;
            default -> value & 0xFFFF_FFFFL;
        };
        watch(port, size);
        skip(length);
    }

    /** HLT. */
    public VcpuExit halt(int length) {
        skip(length);
        if (!localApic) {
            return new VcpuExit.Hlt();
        }
        cpu.activity = Cpu.HLT;
        return null;
    }

    /** RDMSR of a register that the hypervisor emulates. */
    public VcpuExit readMsr(int length) {
        return msrInstructions.read(length);
    }

    /** WRMSR to a register that the hypervisor emulates. */
    public VcpuExit writeMsr(int length) {
        return msrInstructions.write(length);
    }

    /** The instruction is completed by the next run, with what userspace has answered. */
    void completeWith(Runnable answer) {
        completion = answer;
    }

    /** Guest-physical memory. */
    public PhysicalMemory guestPhysical() {
        return cpu.memory;
    }

    /** What userspace wants to know of accesses to model-specific registers. */
    public MsrPolicy msrs() {
        return msrs;
    }

    // ---- memory that comes later ----

    /**
     * The guest needs a page that is not there. It is told, if it wants to be and can do something else meanwhile; else it waits.
     *
     * @param vectoring the access was part of an event's delivery
     */
    public void pageMissing(long page, boolean vectoring) {
        awaitsLightly = !vectoring && cpu.stringElements == 0 && !events.isPending() && localApic && interruptAllowed();
        if (awaitsLightly && !paravirtual.waitsFor(page)) {
            state.load(GuestState.SYSTEM);
            long token = paravirtual.pageMissing(page);
            if (token >= 0) {
                events.queue(Event.pageFault(token, 0));
                return;
            }
        }
        awaitedPage = page;
    }

    /** A page is there. */
    public void pageArrived(long page) {
        if (awaitedPage == page) {
            awaitedPage = -1;
        }
        paravirtual.pageArrived(page);
    }
}
