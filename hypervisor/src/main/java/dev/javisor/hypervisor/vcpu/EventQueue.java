package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.hypervisor.abi.VcpuEvents;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.event.Boundary;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import java.util.function.Consumer;

/**
 * The events of a vcpu that are decided but not yet known to be delivered. An exception is <em>pending</em> while it has had no effect at
 * all, and
 * <em>injected</em> from the moment its payload has been applied and the hardware was told to deliver it, until the hardware has.
 */
public final class EventQueue implements Stateful {
    /** Exceptions by how two of them combine ("Conditions for Generating a Double Fault"). */
    private static final int CONTRIBUTORY =
            1 << Event.DE | 1 << Event.TS | 1 << Event.NP | 1 << Event.SS | 1 << Event.GP | 1 << Event.CP;

    private static final int LAST_EXCEPTION = 31;

    /** Most NMIs that wait at a time. */
    private static final int MOST_NMIS = 2;

    /** The exception, or null. */
    Event exception;

    boolean exceptionPending;
    boolean exceptionInjected;
    /** The payload of the exception has not been applied. */
    boolean exceptionHasPayload;

    boolean interruptInjected;
    int interruptVector;
    /** INT n rather than an external interrupt. */
    boolean interruptSoft;

    boolean nmiInjected;
    int nmisPending;

    boolean smiPending;
    boolean tripleFault;
    /** What the hardware was told to deliver at the last entry, or null. */
    private Event told;
    /** RIP when it was told, and the time of the entry. */
    private long toldRip, entered;
    /** Length of the instruction behind a software event that must be delivered again. */
    int instructionLength;
    /** What is delivered again when an exit has interrupted its delivery. */
    RequeuePolicy policy = RequeuePolicy.ALWAYS;
    /** Is told what becomes of events; null for nobody. */
    Consumer<Occurrence> trace;

    void clear() {
        clearDelivered();
        exception = null;
        exceptionPending = false;
        nmisPending = 0;
        smiPending = false;
        tripleFault = false;
        told = null;
    }

    /** Forgets what the hardware was told to deliver: it has done so, or says itself what it has not. */
    public void clearDelivered() {
        if (exceptionInjected) {
            exception = null;
            exceptionInjected = false;
            exceptionHasPayload = false;
        }
        interruptInjected = false;
        nmiInjected = false;
    }

    /** Forgets an exception that has had no effect yet. */
    public void dropPendingException() {
        if (exceptionPending) {
            exceptionPending = false;
            exception = null;
        }
    }

    /** The external interrupt that is to be delivered, or -1. */
    public int interruptVector() {
        return interruptInjected && !interruptSoft ? interruptVector : -1;
    }

    boolean hasException() {
        return exceptionPending || exceptionInjected;
    }

    /** A #DB that comes behind an instruction waits, and may wait longer. */
    boolean hasDebugTrap() {
        if (!exceptionPending || !exceptionHasPayload || exception.type() != Event.HARDWARE_EXCEPTION || exception.vector() != Event.DB) {
            return false;
        }
        long causes = exception.payload();
        return causes != 0 && (causes & ~(Boundary.BREAKPOINTS | Boundary.SINGLE_STEP)) == 0;
    }

    /** Takes back the #DB of breakpoints that waits, if there is one. @return its causes */
    public long holdOffBreakpoints() {
        if (!hasDebugTrap() || (exception.payload() & ~Boundary.BREAKPOINTS) != 0) {
            return 0;
        }
        long causes = exception.payload();
        dropPendingException();
        return causes;
    }

    /** An exception was raised, by the guest or on its behalf; its payload is applied when it is injected. */
    public void queue(Event e) {
        queue(e, true);
    }

    /** @param payload whether it is to be applied */
    void queue(Event e, boolean payload) {
        if (trace != null) {
            trace.accept(new Occurrence.Queued(e));
        }
        if (!hasException()) {
            set(e, payload);
            return;
        }
        Event first = exception;
        if (first.vector() == Event.DF && first.type() == Event.HARDWARE_EXCEPTION) {
            tripleFault = true;
            exception = null;
            exceptionPending = false;
            exceptionInjected = false;
            combined(first, e, null);
        } else if (makesDoubleFault(first, e)) {
            exceptionInjected = false;
            set(Event.exception(Event.DF, 0), false);
            combined(first, e, exception);
        } else {
            // The first one's instruction raises it again.
            exceptionInjected = false;
            set(e, payload);
            combined(first, e, e);
        }
    }

    private void combined(Event first, Event second, Event result) {
        if (trace != null) {
            trace.accept(new Occurrence.Combined(first, second, result));
        }
    }

    private void set(Event e, boolean payload) {
        exception = e;
        exceptionPending = true;
        exceptionInjected = false;
        exceptionHasPayload = payload;
    }

    /**
     * The hardware began to deliver an event and did not come to the end.
     *
     * @return whether it is to be delivered again; it is forgotten otherwise
     */
    public boolean requeues(Event e) {
        boolean again = policy.requeues(e);
        if (trace != null) {
            trace.accept(again ? new Occurrence.Requeued(e) : new Occurrence.Dropped(e, "the policy is " + policy.id()));
        }
        return again;
    }

    /** The hardware began to deliver the exception and did not come to the end: again, without payload, which it has had. */
    public void requeue(Event e, int length) {
        instructionLength = length;
        exception = e;
        exceptionPending = false;
        exceptionInjected = true;
        exceptionHasPayload = false;
    }

    static boolean makesDoubleFault(Event first, Event second) {
        boolean firstFault = isPageFault(first);
        return isContributory(first) && isContributory(second)
                || firstFault && (isContributory(second) || isPageFault(second));
    }

    private static boolean isPageFault(Event e) {
        return e.type() == Event.HARDWARE_EXCEPTION && (e.vector() == Event.PF || e.vector() == Event.VE);
    }

    private static boolean isContributory(Event e) {
        return e.type() == Event.HARDWARE_EXCEPTION && (CONTRIBUTORY >>> e.vector() & 1) != 0;
    }

    /** Nothing can be delivered any more: the guest shuts down. */
    public void shutDown() {
        tripleFault = true;
    }

    /** An NMI arrived. At most two wait; one while NMIs are blocked or one is being delivered. */
    void nmi(boolean blocked) {
        int most = blocked || nmiInjected ? MOST_NMIS - 1 : MOST_NMIS;
        nmisPending = Math.min(nmisPending + 1, most);
    }

    /** As {@link #requeue}: an NMI. */
    public void requeueNmi() {
        nmiInjected = true;
    }

    /** As {@link #requeue}: an external interrupt, or INT n. */
    public void requeueInterrupt(int vector, boolean soft, int length) {
        instructionLength = length;
        queueInterrupt(vector, soft);
    }

    /** The interrupt, or INT n, that is to be delivered. */
    Event interrupt() {
        return interruptSoft
                ? Event.software(Event.SOFTWARE_INTERRUPT, interruptVector, instructionLength)
                : Event.interrupt(interruptVector);
    }

    /** The hardware is told to deliver an event at the next entry. */
    void tell(Event e, long rip) {
        told = e;
        toldRip = rip;
    }

    /** The guest is entered. */
    public void enter(long time) {
        entered = time;
    }

    /**
     * The delivery that an exit has interrupted is that of the event which the hardware was told, or of one that came of it: whatever comes
     * behind that is elsewhere, or takes time.
     *
     * @param rip and time at the exit
     */
    public boolean isOfTold(long rip, long time) {
        return told != null && rip == toldRip && time == entered;
    }

    /** Causes of the #DB that the hardware was told to deliver. */
    public long toldCauses() {
        return told != null && told.isDebugException() ? told.payload() : 0;
    }

    /** Causes of breakpoints that the #DB of INT1 brings along; 0 when there is none. */
    public long causesOfInt1() {
        return hasException() && exception.type() == Event.PRIVILEGED_SOFTWARE_EXCEPTION ? exception.payload() : 0;
    }

    /** The guest has exited: nothing is on its way any more, but for what is queued again. */
    public void entryOver() {
        told = null;
    }

    /** The delivery of an event has begun, and the guest has not come to its handler. */
    boolean isDelivering() {
        return exceptionInjected || nmiInjected || interruptInjected;
    }

    void queueInterrupt(int vector, boolean soft) {
        interruptInjected = true;
        interruptVector = vector;
        interruptSoft = soft;
    }

    /** The event that the hardware has not delivered to its end, which is no longer queued; null when there is none. */
    Event takeInterrupted() {
        Event e = exceptionInjected
                ? exception
                : nmiInjected
                        ? Event.nmi()
                        : interruptInjected ? interrupt() : null;
        clearDelivered();
        return e;
    }

    /** The event that {@link #takeInterrupted} has given is still not delivered. */
    void putBack(Event e) {
        switch (e.type()) {
            case Event.NMI -> nmiInjected = true;
            case Event.EXTERNAL_INTERRUPT, Event.SOFTWARE_INTERRUPT -> queueInterrupt(e.vector(), e.type() == Event.SOFTWARE_INTERRUPT);
            default -> requeue(e, instructionLength);
        }
    }

    /** Something waits to be injected, or to be delivered again. */
    boolean isPending() {
        return hasException() || interruptInjected || nmiInjected || nmisPending != 0 || smiPending || tripleFault;
    }

    // ---- KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS ----

    /** INT1, INT3 and INTO are not told: the instruction raises them again. Nor is INT n, for the same reason. */
    public void describe(VcpuEvents v) {
        boolean told = exception != null && exception.type() == Event.HARDWARE_EXCEPTION;
        v.exceptionInjected = told && exceptionInjected;
        v.exceptionPending = told && exceptionPending;
        if (told) {
            v.exceptionNr = exception.vector();
            v.exceptionHasErrorCode = exception.hasErrorCode();
            v.exceptionErrorCode = exception.errorCode();
            v.exceptionHasPayload = exceptionHasPayload;
            v.exceptionPayload = exceptionHasPayload ? exception.payload() : 0;
        }
        v.interruptInjected = interruptInjected && !interruptSoft;
        v.interruptNr = v.interruptInjected ? interruptVector : 0;
        v.nmiInjected = nmiInjected;
        v.nmiPending = nmisPending;
        v.smiPending = smiPending;
        v.tripleFaultPending = tripleFault;
    }

    /**
     * Replaces the events by those of a structure. Without its payload flag an exception that is given as injected or pending has had its
     * effects, or has none.
     *
     * @throws KvmException INVALID_ARGUMENT for a vector that no exception has
     */
    public void replace(VcpuEvents v) {
        boolean payload = (v.flags & VcpuEvents.VALID_PAYLOAD) != 0;
        boolean pending = payload && v.exceptionPending;
        boolean present = pending || v.exceptionInjected;
        if (present && (v.exceptionNr > LAST_EXCEPTION || v.exceptionNr == Event.NMI_VECTOR)) {
            throw KvmException.invalid("there is no exception with vector " + v.exceptionNr);
        }
        int pendingNmis = nmisPending;
        boolean pendingSmi = smiPending;
        clear();
        nmisPending = (v.flags & VcpuEvents.VALID_NMI_PENDING) != 0 ? Math.min(v.nmiPending, MOST_NMIS) : pendingNmis;
        smiPending = (v.flags & VcpuEvents.VALID_SMM) != 0 ? v.smiPending : pendingSmi;
        tripleFault = (v.flags & VcpuEvents.VALID_TRIPLE_FAULT) != 0 && v.tripleFaultPending;
        if (present) {
            boolean effects = pending && v.exceptionHasPayload;
            long data = effects ? v.exceptionPayload : 0;
            int code = v.exceptionHasErrorCode ? v.exceptionErrorCode : 0;
            exception = new Event(Event.HARDWARE_EXCEPTION, v.exceptionNr, v.exceptionHasErrorCode, code, 0, data, false);
            exceptionPending = pending;
            exceptionInjected = !pending;
            exceptionHasPayload = effects;
        }
        interruptInjected = v.interruptInjected;
        interruptVector = v.interruptNr;
        interruptSoft = v.interruptSoft;
        nmiInjected = v.nmiInjected;
    }

    // ---- state ----

    @Override
    public void save(StateOutput out) {
        Event e = exception == null ? Event.exception(0) : exception;
        out.putLongs("exception", new long[] {
            exception == null ? 0 : 1, e.type(), e.vector(), e.hasErrorCode() ? 1 : 0, e.errorCode(), e.instructionLength(), e.payload(),
            e.nested() ? 1 : 0
        });
        boolean software = exceptionInjected && e.isSoftware() || interruptInjected && interruptSoft;
        out.putLongs("flags", new long[] {
            flag(exceptionPending), flag(exceptionInjected), flag(exceptionHasPayload), flag(interruptInjected),
            interruptInjected ? interruptVector : 0, flag(interruptInjected && interruptSoft), flag(nmiInjected), nmisPending,
            flag(smiPending), flag(tripleFault), software ? instructionLength : 0
        });
    }

    private static long flag(boolean b) {
        return b ? 1 : 0;
    }

    @Override
    public void load(StateInput in) {
        long[] e = new long[8];
        in.getLongs("exception", e);
        exception = e[0] == 0 ? null : new Event((int) e[1], (int) e[2], e[3] != 0, (int) e[4], (int) e[5], e[6], e[7] != 0);
        long[] f = new long[11];
        in.getLongs("flags", f);
        exceptionPending = f[0] != 0;
        exceptionInjected = f[1] != 0;
        exceptionHasPayload = f[2] != 0;
        interruptInjected = f[3] != 0;
        interruptVector = (int) f[4];
        interruptSoft = f[5] != 0;
        nmiInjected = f[6] != 0;
        nmisPending = (int) f[7];
        smiPending = f[8] != 0;
        tripleFault = f[9] != 0;
        instructionLength = (int) f[10];
    }
}
