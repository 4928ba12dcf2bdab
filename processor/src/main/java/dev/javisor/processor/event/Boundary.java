package dev.javisor.processor.event;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Opcode;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.core.Op;

/** What happens between instructions: the manual's "Priority Among Concurrent Events" in one place. */
public final class Boundary {
    /** Pending debug causes, positive polarity: B0-B3, BS, BT. */
    public static final long BREAKPOINTS = 0xF, SINGLE_STEP = 1 << 14, TASK_SWITCH = 1 << 15;

    private static final long DEBUGCTL_BTF = 2;

    private Boundary() {}

    /**
     * Delivers the event of highest priority that is due before the next instruction, if there is one. To be called between instructions
     * when {@link Cpu#requests} is not 0.
     *
     * @return true when something was delivered (which takes one tick) or changed: the boundary behind it must be looked at in turn
     */
    public static boolean process(Cpu c) {
        if (!deliverOne(c)) {
            return false;
        }
        c.budget--;
        c.deliveries++;
        pendMonitorTrap(c, c.monitorTrap);
        return true;
    }

    /**
     * The engine must run exactly one instruction, between {@link #beforeStep} and {@link #afterStep}, and then come back to {@link
     * #process}.
     */
    public static boolean mustStep(Cpu c) {
        return (c.rflags & (Flags.TF | Flags.RF)) != 0 || c.blockingBySti || c.blockingByMovSs || c.watchesCode || c.monitorTrap;
    }

    /** Something that is requested may be delivered at the next boundary: more than interrupts while they are disabled. */
    static boolean isDue(Cpu c) {
        int r = c.requests;
        return r != 0 && (c.guest != null || (c.rflags & Flags.IF) != 0 || (r & ~(Cpu.EXTERNAL_REQUEST | Cpu.APIC_REQUEST)) != 0);
    }

    /**
     * As {@link #mustStep}, behind IRET: where nothing but RF asks for a single instruction the engine goes on in its slice, with {@link
     * #endResume} behind that instruction. Faults are returned from that way.
     */
    static boolean mustStepBehindReturn(Cpu c) {
        return c.guest != null && mustStep(c) || (c.rflags & Flags.TF) != 0 || c.blockingBySti || c.blockingByMovSs || c.watchesCode
                || c.monitorTrap;
    }

    /** Before a single instruction: its code breakpoints. False when an event was delivered instead (which takes one tick). */
    public static boolean beforeStep(Cpu c) {
        if (c.watchesCode && codeBreakpoint(c)) {
            c.budget--;
            c.deliveries++;
            pendMonitorTrap(c, c.monitorTrap);
            return false;
        }
        c.monitorTrapStep = c.monitorTrap;
        c.shadowBegun = false;
        c.resumeFlagLoaded = false;
        c.singleStepDecided = false;
        return true;
    }

    /**
     * After a single instruction.
     *
     * @param trace RFLAGS.TF when it started
     * @param retired false when it faulted and the fault was delivered
     */
    public static void afterStep(Cpu c, boolean trace, boolean retired) {
        pendMonitorTrap(c, c.monitorTrapStep);
        if (!retired) {
            return;
        }
        Op o = c.running[0];
        if (!c.shadowBegun) {
            c.blockingBySti = false;
            c.blockingByMovSs = false;
        }
        endResume(c);
        if (trace && !c.singleStepDecided && singleStepTraps(c, o)) {
            c.pendingDebug |= SINGLE_STEP;
        }
        if (c.pendingDebug != 0) {
            c.request(Cpu.BOUNDARY_REQUEST);
        }
    }

    /** RF behind a single instruction, before which {@link Cpu#resumeFlagLoaded} was false. */
    public static void endResume(Cpu c) {
        if (!c.resumeFlagLoaded) {
            Op o = c.running[0];
            boolean betweenIterations = o.instruction.opcode.is(Opcode.STRING) && c.rip == c.ripOf(o);
            c.rflags = betweenIterations ? c.rflags | Flags.RF : c.rflags & ~Flags.RF;
        }
    }

    /** A step of the guest has ended; an exit in it has taken back what its host asked for. */
    private static void pendMonitorTrap(Cpu c, boolean asked) {
        if (asked && c.monitorTrap) {
            c.monitorTrapPending = true;
            c.request(Cpu.GUEST_REQUEST);
        }
    }

    private static boolean singleStepTraps(Cpu c, Op o) {
        boolean onBranchesOnly = (c.debugctl & DEBUGCTL_BTF) != 0;
        return !onBranchesOnly || o.instruction.opcode.is(Opcode.BRANCH) && c.rip != c.nextRip(o);
    }

    /** A request that is pending would end the processor's waiting, as far as can be told without acknowledging anything. */
    public static boolean wakes(Cpu c) {
        if (c.guest != null) {
            return c.guest.wakes(c);
        }
        int r = c.requests;
        if (c.activity == Cpu.WAIT_FOR_SIPI) {
            return (r & (Cpu.SIPI_REQUEST | Cpu.INIT_REQUEST)) != 0;
        }
        if ((r & Cpu.NMI_REQUEST) != 0 && !c.nmiBlocked || (r & Cpu.SMI_REQUEST) != 0 && !c.inSmm || initDue(c)) {
            return true;
        }
        if (c.activity == Cpu.SHUTDOWN) {
            return false;
        }
        boolean open = interruptsEnabled(c) || c.activity == Cpu.MWAIT && c.waitBreaksOnInterrupt;
        return (r & Cpu.MACHINE_CHECK_REQUEST) != 0 || c.pendingDebug != 0 || open && (r & (Cpu.EXTERNAL_REQUEST | Cpu.APIC_REQUEST)) != 0;
    }

    /** Delivers the event of highest priority, if any; returns whether there was one. */
    private static boolean deliverOne(Cpu c) {
        if (c.guest != null) {
            return c.guest.boundary(c);
        }
        int requests = c.requests;
        if ((requests & Cpu.MACHINE_CHECK_REQUEST) != 0 && c.activity != Cpu.SHUTDOWN) {
            return machineCheck(c);
        }
        if (c.activity == Cpu.WAIT_FOR_SIPI) {
            return startedBySipi(c);
        }
        if ((c.pendingDebug & TASK_SWITCH) != 0) {
            deliverDebugTrap(c);
            return true;
        }
        if ((requests & Cpu.SMI_REQUEST) != 0 && !c.inSmm) {
            c.withdraw(Cpu.SMI_REQUEST);
            boolean halted = c.activity == Cpu.HLT;
            wake(c);
            SystemManagement.enter(c, halted);
            return true;
        }
        if (initDue(c)) {
            c.withdraw(Cpu.INIT_REQUEST);
            Reset.init(c);
            return true;
        }
        c.withdraw(Cpu.SIPI_REQUEST);
        if (c.pendingDebug != 0 && !c.blockingByMovSs && c.activity != Cpu.SHUTDOWN) {
            deliverDebugTrap(c);
            return true;
        }
        c.withdraw(Cpu.BOUNDARY_REQUEST);
        if ((requests & Cpu.NMI_REQUEST) != 0 && !c.nmiBlocked && !c.blockingByMovSs) {
            deliverNmi(c);
            return true;
        }
        if ((requests & (Cpu.EXTERNAL_REQUEST | Cpu.APIC_REQUEST)) != 0 && c.activity != Cpu.SHUTDOWN && deliverInterrupt(c)) {
            return true;
        }
        return false;
    }

    private static boolean initDue(Cpu c) {
        return (c.requests & Cpu.INIT_REQUEST) != 0 && !c.inSmm && !c.initBlocked;
    }

    /** Delivers the pending machine check. @return true */
    public static boolean machineCheck(Cpu c) {
        c.withdraw(Cpu.MACHINE_CHECK_REQUEST);
        wake(c);
        if ((c.cr4 & Cr.MCE) != 0) {
            EventDelivery.deliver(c, Event.exception(Event.MC));
        } else {
            EventDelivery.shutDown(c, "machine check while CR4.MCE is clear");
        }
        return true;
    }

    /** Delivers the pending NMI. */
    public static void deliverNmi(Cpu c) {
        c.withdraw(Cpu.NMI_REQUEST);
        wake(c);
        EventDelivery.deliver(c, Event.nmi());
    }

    private static boolean startedBySipi(Cpu c) {
        if ((c.requests & Cpu.INIT_REQUEST) != 0) {
            c.withdraw(Cpu.INIT_REQUEST);
        }
        if ((c.requests & Cpu.SIPI_REQUEST) == 0) {
            return false;
        }
        c.withdraw(Cpu.SIPI_REQUEST);
        Reset.startUp(c, c.sipiVector);
        return true;
    }

    /** Blocking by STI holds off interrupts only; the external controller comes first because it does not wait for a priority. */
    public static boolean deliverInterrupt(Cpu c) {
        boolean open = interruptsEnabled(c);
        boolean breaks = c.activity == Cpu.MWAIT && c.waitBreaksOnInterrupt;
        if (!open && !breaks) {
            return false;
        }
        if (!hasInterrupt(c)) {
            return false;
        }
        wake(c);
        if (!open) {
            return false;
        }
        deliverVector(c, acknowledge(c));
        return true;
    }

    /** Delivers an interrupt that has been acknowledged, or whose vector comes from elsewhere. */
    public static void deliverVector(Cpu c, int vector) {
        wake(c);
        EventDelivery.deliver(c, Event.interrupt(vector));
    }

    /** An interrupt is pending, not only requested. */
    public static boolean hasInterrupt(Cpu c) {
        if ((c.requests & Cpu.EXTERNAL_REQUEST) != 0) {
            return true;
        }
        if (c.apic.pendingVector() < 0) {
            c.withdraw(Cpu.APIC_REQUEST);
            return false;
        }
        return true;
    }

    /** Acknowledges the pending interrupt. @return its vector */
    public static int acknowledge(Cpu c) {
        boolean external = (c.requests & Cpu.EXTERNAL_REQUEST) != 0;
        int vector = external ? c.platform.acknowledgeExternalInterrupt() & 0xFF : c.apic.acknowledge();
        if (c.tracer != null) {
            c.tracer.trace(c, new Occurrence.Acknowledged(vector, external));
        }
        return vector;
    }

    /** Maskable hardware interrupts can be delivered at this boundary. */
    public static boolean interruptsEnabled(Cpu c) {
        return (c.rflags & Flags.IF) != 0 && !c.blockingBySti && !c.blockingByMovSs;
    }

    /** Delivers the #DB trap that is pending. */
    public static void deliverDebugTrap(Cpu c) {
        long causes = c.pendingDebug;
        c.pendingDebug = 0;
        wake(c);
        EventDelivery.deliver(c, Event.debug(causes));
    }

    /** Ends the processor's waiting. */
    public static void wake(Cpu c) {
        c.activity = Cpu.ACTIVE;
        c.monitorAddress = -1;
        c.shutdownReason = null;
    }

    private static boolean codeBreakpoint(Cpu c) {
        long causes = codeBreakpoints(c, c.dr, c.dr7);
        if (causes == 0) {
            return false;
        }
        EventDelivery.deliver(c, Event.debug(causes));
        return true;
    }

    /**
     * Instruction breakpoints of the next instruction: causes of a #DB, or 0. RF holds them off, and blocking by MOV SS on Intel
     * processors.
     *
     * @param dr DR0 to DR3 as they count
     * @param dr7 as it counts
     */
    public static long codeBreakpoints(Cpu c, long[] dr, long dr7) {
        if ((c.rflags & Flags.RF) != 0 || c.blockingByMovSs && c.model.vendor() == CpuModel.Vendor.INTEL) {
            return 0;
        }
        long linear = c.codeSize64 ? c.rip : c.rip + c.segBase[Cpu.CS] & 0xFFFFFFFFL;
        long causes = 0;
        for (int i = 0; i < 4; i++) {
            boolean enabled = (dr7 >>> 2 * i & 3) != 0;
            if (enabled && (dr7 >>> 16 + 4 * i & 15) == 0 && dr[i] == linear) {
                causes |= 1L << i;
            }
        }
        return causes;
    }
}
