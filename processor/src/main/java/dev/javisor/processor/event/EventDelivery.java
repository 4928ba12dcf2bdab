package dev.javisor.processor.event;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestExit;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Occurrence;

/**
 * How an event reaches its handler: payload, combination with an event whose delivery it interrupted, delivery. The one place through which
 * every event passes.
 */
public final class EventDelivery {
    private static final long DEBUGCTL_BTF = 2, DR7_GD = 0x2000;
    /** Bits of DR6 that read as 1 while their cause is absent. */
    private static final long DR6_ACTIVE_LOW = 0xFFFF0FF0L;

    private static final long GENERAL_DETECT = 1 << 13;
    /** Events that follow from one another; more than any chain that ends has. */
    private static final int MOST_ATTEMPTS = 8;

    private EventDelivery() {}

    /**
     * Delivers an event; whatever goes wrong on the way ends in another event or in shutdown, never in a Java exception. {@link Cpu#rip} is
     * the instruction that faulted, raised the software event, or comes next.
     */
    static void deliver(Cpu c, Event event) {
        Event e = event;
        for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
            Event during = c.delivering;
            e = during == null ? e : nested(e);
            try {
                // a second exception that causes an exit neither becomes a double fault nor a shutdown
                GuestExit exit = exit(c, e, during);
                if (exit == null && during != null) {
                    Event raised = e;
                    e = combine(during, raised);
                    if (e != raised && raised.vector() == Event.PF) {
                        // "Page-Fault Exception": CR2 is that of the last page fault, though no handler may be called for it
                        c.cr2 = raised.payload();
                    }
                    if (c.tracer != null) {
                        c.tracer.trace(c, new Occurrence.Combined(during, raised, e));
                    }
                    if (e == null) {
                        shutDown(c, tripleFault(c, during));
                        return;
                    }
                    exit = e == raised ? null : exit(c, e, during);
                }
                if (exit != null) {
                    c.guest.leave(c, exit);
                    return;
                }
                c.delivering = e;
                deliverOnce(c, e);
                return;
            } catch (GuestExit exit) {
                c.guest.leave(c, exit);
                return;
            } catch (GuestFault fault) {
                e = fault.event;
            }
        }
        // benign exceptions without end, such as #AC on a misaligned user stack: the instruction raises the first one again
        GuestExit exit = c.guest != null ? c.guest.endlessDelivery(c) : null;
        if (exit != null) {
            c.guest.leave(c, exit);
            return;
        }
        c.delivering = null;
        c.endSlice();
    }

    /** The running instruction, which has been taken back to its start, raised an exception or ended the guest's turn. */
    public static void deliver(Cpu c, GuestFault fault) {
        if (fault instanceof GuestExit exit) {
            c.guest.leave(c, exit);
        } else {
            deliver(c, fault.event);
        }
    }

    /**
     * Delivers an event that the host injects into the guest: without exit, payload, or effect on debug state. What goes wrong on the way
     * is an event of the guest. The instruction behind a software event counts as retired, but has taken its time before.
     *
     * @return whether the event itself was delivered
     */
    public static boolean inject(Cpu c, Event e) {
        c.injecting = true;
        c.delivering = e;
        try {
            deliverOnce(c, e);
            c.injecting = false;
            c.otherTime -= e.isSoftware() ? 1 : 0;
            return true;
        } catch (GuestFault fault) {
            c.injecting = false;
            deliver(c, fault);
            return false;
        }
    }

    /** What the exception causes in place of its delivery, or null. */
    private static GuestExit exit(Cpu c, Event e, Event during) {
        return c.guest != null && isException(e) ? c.guest.exception(c, e, during) : null;
    }

    /**
     * Delivers the software event of the running instruction. A fault on the way is the instruction's fault, for the engine to deliver;
     * {@link Cpu#delivering} tells what it interrupted.
     */
    static void deliverSoftware(Cpu c, Event e) {
        if (c.guest != null) {
            c.requireBoundary();
        }
        GuestExit exit = exit(c, e, null);
        if (exit != null) {
            throw exit;
        }
        c.delivering = e;
        deliverOnce(c, e);
    }

    private static void deliverOnce(Cpu c, Event e) {
        if (!c.injecting) {
            applyPayload(c, e);
            if (e.type() == Event.NMI) {
                c.nmiBlocked = true;
            }
        }
        long from = c.rip;
        IdtDelivery.deliver(c, e);
        if (c.tracer != null) {
            c.tracer.trace(c, new Occurrence.Delivered(e, from));
        }
        c.delivering = null;
        c.blockingBySti = false;
        c.blockingByMovSs = false;
        c.singleStepDecided = true;
        c.resumeFlagLoaded = true;
        if (c.pendingDebug != 0) {
            c.request(Cpu.BOUNDARY_REQUEST);
        }
        if (Boundary.isDue(c) || Boundary.mustStep(c)) {
            c.endSlice();
        }
    }

    private static boolean isException(Event e) {
        return e.type() == Event.HARDWARE_EXCEPTION || e.type() == Event.SOFTWARE_EXCEPTION
                || e.type() == Event.PRIVILEGED_SOFTWARE_EXCEPTION;
    }

    // ---- payload ----

    private static void applyPayload(Cpu c, Event e) {
        long pending = c.pendingDebug;
        // a trap held off by MOV SS outlives INT n and INT3 only; a single-step trap is not held off across an event
        c.pendingDebug = e.type() == Event.SOFTWARE_INTERRUPT || e.type() == Event.SOFTWARE_EXCEPTION ? pending & Boundary.BREAKPOINTS : 0;
        if (e.type() == Event.HARDWARE_EXCEPTION && e.vector() == Event.PF) {
            c.cr2 = e.payload();
        } else if (e.isDebugException()) {
            c.dr6 = mergeDr6(c.dr6, e.payload() | pending & Boundary.BREAKPOINTS);
            c.dr7 &= ~DR7_GD;
            c.debugctl &= ~DEBUGCTL_BTF;
        }
    }

    /** B0-B3, RTM and BLD are those of the newest #DB; BD, BS and BT stay set until software clears them. */
    public static long mergeDr6(long dr6, long payload) {
        return (dr6 & ~Boundary.BREAKPOINTS | DR6_ACTIVE_LOW | payload) & ~(payload & DR6_ACTIVE_LOW) & ~0x1000L;
    }

    /**
     * RFLAGS as the frame shows it: RF is set for faults, so that the instruction's breakpoints do not trigger again when it is retried,
     * and clear behind an instruction that has completed.
     */
    public static long flagsImage(Cpu c, Event e) {
        long flags = Flags.rflags(c);
        if (c.injecting) {
            return flags;
        }
        if (e.isSoftware()) {
            return flags & ~Flags.RF;
        }
        return e.type() == Event.HARDWARE_EXCEPTION && isFault(e) ? flags | Flags.RF : flags;
    }

    private static boolean isFault(Event e) {
        return switch (e.vector()) {
            case Event.DB -> (e.payload() & GENERAL_DETECT) != 0;
            // that of the fault which became a double fault
            case Event.DF -> true;
            case Event.BP, Event.OF, Event.MC -> false;
            default -> true;
        };
    }

    // ---- "Conditions for Generating a Double Fault" ----

    private static boolean contributory(Event e) {
        return e.type() == Event.HARDWARE_EXCEPTION
                && switch (e.vector()) {
                    case Event.DE, Event.TS, Event.NP, Event.SS, Event.GP, Event.CP -> true;
                    default -> false;
                };
    }

    private static boolean pageFault(Event e) {
        return e.type() == Event.HARDWARE_EXCEPTION && (e.vector() == Event.PF || e.vector() == Event.VE);
    }

    /** What becomes of an exception raised while {@code first} is being delivered; null means shutdown. */
    private static Event combine(Event first, Event second) {
        if (first.type() == Event.HARDWARE_EXCEPTION && first.vector() == Event.DF) {
            return null;
        }
        if (contributory(first) && contributory(second) || pageFault(first) && (contributory(second) || pageFault(second))) {
            return Event.exception(Event.DF, 0);
        }
        return second;
    }

    private static Event nested(Event e) {
        return new Event(e.type(), e.vector(), e.hasErrorCode(), e.errorCode(), e.instructionLength(), e.payload(), true);
    }

    private static String tripleFault(Cpu c, Event last) {
        return "triple fault: delivery of vector " + last.vector() + " failed at CS:RIP " + Integer.toHexString(c.selector[Cpu.CS]) + ":"
                + Long.toHexString(c.rip);
    }

    /**
     * Shutdown, unless virtualization makes an exit of it. RF is clear: it belongs to an instruction that would be tried again, and depends
     * on how often it has been.
     */
    static void shutDown(Cpu c, String reason) {
        c.delivering = null;
        c.rflags &= ~Flags.RF;
        if (c.guest != null && c.guest.shutdown(c)) {
            return;
        }
        if (c.tracer != null) {
            c.tracer.trace(c, new Occurrence.ShutDown(reason));
        }
        c.shutdownReason = reason;
        c.activity = Cpu.SHUTDOWN;
        c.endSlice();
    }
}
