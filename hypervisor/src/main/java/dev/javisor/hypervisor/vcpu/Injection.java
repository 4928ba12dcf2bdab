package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.event.Boundary;
import dev.javisor.processor.event.EventDelivery;
import dev.javisor.processor.event.SystemManagement;

/**
 * Which event the guest gets at the next entry, in the order of their priority; when it can take one; and what an event does to the guest's
 * registers when it is injected.
 */
public final class Injection {
    private static final long DR7_GD = 0x2000, DEBUGCTL_BTF = 2;

    private final VcpuCore core;
    private final Backend backend;
    private final Cpu cpu;
    /** Userspace wants to know when an interrupt can be injected. */
    private boolean interruptWindowRequested;
    /** Vector of an interrupt of userspace's controller that waits, or -1. */
    private int userInterrupt = -1;
    /** What was last asked of the backend. */
    private boolean interruptWindow, nmiWindow;

    Injection(VcpuCore core, Backend backend) {
        this.core = core;
        this.backend = backend;
        this.cpu = core.cpu();
    }

    void reset() {
        userInterrupt = -1;
    }

    /** All that there is to save: the vector of an interrupt of userspace's controller that waits, or -1. */
    int userInterrupt() {
        return userInterrupt;
    }

    void setUserInterrupt(int vector) {
        userInterrupt = vector;
    }

    private void openInterruptWindow(boolean open) {
        if (open != interruptWindow) {
            interruptWindow = open;
            if (core.isTraced()) {
                core.tell(new Occurrence.Window(false, open));
            }
        }
        backend.openInterruptWindow(open);
    }

    private void openNmiWindow(boolean open) {
        if (open != nmiWindow) {
            nmiWindow = open;
            if (core.isTraced()) {
                core.tell(new Occurrence.Window(true, open));
            }
        }
        backend.openNmiWindow(open);
    }

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

    /** The next run ends when an interrupt can be injected, until this is taken back. */
    public void requestInterruptWindow(boolean wanted) {
        interruptWindowRequested = wanted;
    }

    /** An interrupt of userspace's controller would be delivered at the next entry. */
    public boolean isReadyForInterrupt() {
        boolean free = userInterrupt < 0 && !core.events.hasException() && !core.events.nmiInjected && !core.events.interruptInjected;
        return free && interruptAllowed() && (!(cpu.apic instanceof LocalApic apic) || apic.acceptsExternal());
    }

    /** An interrupt waits that the hardware does not deliver by itself. */
    private boolean mustInject() {
        return backend.deliversInterrupts() ? hasUserInterrupt() || (cpu.requests & Cpu.EXTERNAL_REQUEST) != 0 : hasInterrupt();
    }

    boolean hasInterrupt() {
        return hasUserInterrupt() || hasControllerInterrupt();
    }

    /** Of userspace's controller, which a local APIC in the kernel must let through. */
    private boolean hasUserInterrupt() {
        return userInterrupt >= 0 && (!(cpu.apic instanceof LocalApic apic) || apic.acceptsExternal());
    }

    private boolean hasControllerInterrupt() {
        return (cpu.requests & (Cpu.EXTERNAL_REQUEST | Cpu.APIC_REQUEST)) != 0 && Boundary.hasInterrupt(cpu);
    }

    private int acknowledge() {
        if (!hasUserInterrupt()) {
            return Boundary.acknowledge(cpu);
        }
        int vector = userInterrupt;
        userInterrupt = -1;
        return vector;
    }

    boolean interruptAllowed() {
        return Boundary.interruptsEnabled(core.state.load(GuestState.REGISTERS | GuestState.EVENTS));
    }

    private boolean nmiAllowed() {
        Cpu c = core.state.load(GuestState.EVENTS);
        return !c.blockingByMovSs && !c.nmiBlocked;
    }

    /** An SMI is delivered by software, between two instructions, when nothing else is on its way. */
    void enterSystemManagement() {
        EventQueue q = core.events;
        boolean busy = q.exceptionInjected || q.exceptionPending && !q.hasDebugTrap() || q.nmiInjected || q.interruptInjected;
        if (q.smiPending && !busy && !cpu.inSmm && !core.debugger().uses(GuestDebug.BLOCKIRQ)) {
            q.smiPending = false;
            if (q.exceptionPending) {
                // It waits in SMRAM, as on the metal.
                core.state.change(GuestState.EVENTS).pendingDebug = q.exception.payload();
                q.dropPendingException();
            }
            core.owe();
            boolean halted = cpu.activity == Cpu.HLT;
            cpu.activity = Cpu.ACTIVE;
            SystemManagement.enter(core.state.change(GuestState.ALL), halted);
        }
    }

    /**
     * What was being delivered when the guest exited comes first; then one new event, in the order of their priority.
     *
     * @return whether, instead of the entry, userspace must be told that the interrupt window is open
     */
    boolean inject() {
        boolean open = injectNext();
        if (!interruptWindowRequested) {
            return false;
        }
        if (open && interruptAllowed()) {
            return true;
        }
        openInterruptWindow(true);
        return false;
    }

    /** Returns whether the entry delivers nothing. */
    private boolean injectNext() {
        EventQueue q = core.events;
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
        if (core.debugger().uses(GuestDebug.BLOCKIRQ)) {
            return open;
        }
        if (q.nmisPending > 0 && open && nmiAllowed()) {
            q.nmisPending--;
            q.nmiInjected = true;
            first(Event.nmi());
            open = false;
        }
        openNmiWindow(q.nmisPending > 0);
        if (mustInject()) {
            if (open && interruptAllowed()) {
                q.queueInterrupt(acknowledge(), false);
                first(q.interrupt());
                open = false;
            }
            openInterruptWindow(mustInject());
        } else {
            openInterruptWindow(false);
        }
        return open;
    }

    private void first(Event e) {
        core.owe();
        told(e);
        if (core.isTraced()) {
            core.tell(new Occurrence.Injected(e, false));
        }
        backend.inject(e, e.instructionLength());
    }

    private void told(Event e) {
        core.events.tell(e, core.state.load(GuestState.REGISTERS).rip);
    }

    /** The hardware has begun to deliver an event by itself, and does not come to the end: its time has passed. */
    public void deliveryBegun() {
        core.owe();
    }

    private void again(Event e) {
        told(e);
        if (core.isTraced()) {
            core.tell(new Occurrence.Injected(e, true));
        }
        backend.inject(e, e.isSoftware() ? core.events.instructionLength : 0);
    }

    /** The exception has its effects on CR2, DR6, DR7 and RF now, and not before. */
    private void injectException() {
        EventQueue q = core.events;
        Event e = q.exception;
        if (e.type() == Event.HARDWARE_EXCEPTION && isFault(e.vector())) {
            Cpu c = core.state.change(GuestState.REGISTERS);
            Flags.setRflags(c, Flags.rflags(c) | Flags.RF);
        }
        applyPayload();
        if (e.isDebugException()) {
            Cpu c = core.state.change(GuestState.SYSTEM);
            c.dr7 &= ~DR7_GD;
            c.debugctl &= ~DEBUGCTL_BTF;
        }
        q.instructionLength = e.instructionLength();
        q.exceptionPending = false;
        q.exceptionInjected = true;
        q.exceptionHasPayload = false;
        first(e);
    }

    /** What the exception that waits does to CR2 or DR6 happens now. */
    public void applyPayload() {
        EventQueue q = core.events;
        Event e = q.exception;
        if (!q.hasException() || !q.exceptionHasPayload) {
            return;
        }
        q.exceptionHasPayload = false;
        if (e.type() == Event.HARDWARE_EXCEPTION && e.vector() == Event.PF) {
            core.state.change(GuestState.REGISTERS).cr2 = e.payload();
        } else if (e.isDebugException()) {
            Cpu c = core.state.change(GuestState.SYSTEM);
            c.dr6 = EventDelivery.mergeDr6(c.dr6, e.payload());
        }
    }

    private static boolean isFault(int vector) {
        return switch (vector) {
            case Event.DB, Event.BP, Event.OF, Event.MC -> false;
            default -> true;
        };
    }

    /** The guest has exited between two instructions, before a trap that was pending. Returns what ends the run, or null. */
    public VcpuExit pendingTrap() {
        Cpu c = core.state.load(GuestState.EVENTS);
        if (c.pendingDebug == 0 || c.blockingByMovSs) {
            return null;
        }
        core.state.change(GuestState.EVENTS);
        if (core.debugger().uses(GuestDebug.SINGLESTEP | GuestDebug.USE_HW_BP)) {
            VcpuExit x = core.debugger().exit(Event.DB, c.pendingDebug);
            c.pendingDebug = 0;
            return x;
        }
        takeDebugTrap();
        return null;
    }

    void takeDebugTrap() {
        Cpu c = cpu;
        if (c.pendingDebug != 0 && !c.blockingByMovSs) {
            core.events.queue(Event.debug(c.pendingDebug));
            c.pendingDebug = 0;
        }
    }
}
