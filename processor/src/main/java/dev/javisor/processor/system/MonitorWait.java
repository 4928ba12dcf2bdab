package dev.javisor.processor.system;

import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.isa.Msr;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestControl.Intercept;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Translation;
import dev.javisor.processor.core.TscScale;

/** Waiting for a store: MONITOR, MWAIT, MONITORX, MWAITX, UMONITOR, UMWAIT; waiting for a time: TPAUSE. */
public final class MonitorWait {
    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3;

    private static final long MISC_ENABLE_MONITOR = 1 << 18;

    // Extensions in ECX
    private static final long BREAK_ON_INTERRUPT = 1, TIMER = 2;

    /** IA32_UMWAIT_CONTROL: longest wait in TSC ticks. */
    private static final long UMWAIT_LIMIT = 0xFFFF_FFFCL;

    private MonitorWait() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "MONITOR" -> MonitorWait::monitor;
            case "MWAIT" -> MonitorWait::mwait;
            case "MONITORX" -> MonitorWait::monitorx;
            case "MWAITX" -> MonitorWait::mwaitx;
            case "UMONITOR" -> MonitorWait::umonitor;
            case "UMWAIT" -> MonitorWait::umwait;
            case "TPAUSE" -> MonitorWait::tpause;
            default -> null;
        };
    }

    // ---- arming ----

    static void monitor(Cpu c, Op o) {
        checkSupervisor(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.MONITOR);
        }
        monitorx(c, o);
    }

    static void monitorx(Cpu c, Op o) {
        if (extensions(c) != 0) {
            throw c.gp0();
        }
        arm(c, o, c.gpr[RAX]);
    }

    static void umonitor(Cpu c, Op o) {
        checkWaitPackage(c);
        arm(c, o, c.gpr[o.rm]);
    }

    /** Checked and translated like a load of one byte. */
    private static void arm(Cpu c, Op o, long address) {
        long la = Memory.address(c, o.segment, address & o.addressMask, 1, false);
        Memory.load8(c, la, o.segment);
        la = c.translation.untag(c, c.context, la, o.segment, Translation.READ);
        c.monitor.arm(c.translation.translate(c, c.context, la, Translation.READ));
    }

    // ---- waiting ----

    static void mwait(Cpu c, Op o) {
        checkSupervisor(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.MWAIT);
        }
        long extensions = extensions(c);
        if ((extensions & ~BREAK_ON_INTERRUPT) != 0) {
            throw c.gp0();
        }
        if (c.monitor.isArmed()) {
            c.monitor.waitForEvent((extensions & BREAK_ON_INTERRUPT) != 0, Long.MAX_VALUE, false);
        }
    }

    static void mwaitx(Cpu c, Op o) {
        long extensions = extensions(c);
        if ((extensions & ~(BREAK_ON_INTERRUPT | TIMER)) != 0) {
            throw c.gp0();
        }
        if (c.monitor.isArmed()) {
            long most = c.gpr[RBX] & 0xFFFFFFFFL;
            boolean timed = (extensions & TIMER) != 0 && most != 0;
            c.monitor.waitForEvent((extensions & BREAK_ON_INTERRUPT) != 0, timed ? most : Long.MAX_VALUE, false);
        }
    }

    static void umwait(Cpu c, Op o) {
        checkWait(c, o);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.UMWAIT);
        }
        waitUntil(c, c.monitor.isArmed());
    }

    static void tpause(Cpu c, Op o) {
        checkWait(c, o);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.TPAUSE);
        }
        c.monitorAddress = -1;
        waitUntil(c, true);
    }

    /** Waits until the time-stamp counter reaches EDX:EAX, but no longer than the operating system allows; CF tells which. */
    private static void waitUntil(Cpu c, boolean waits) {
        Flags.setArithmetic(c, 0);
        long deadline = c.gpr[RDX] << 32 | c.gpr[RAX] & 0xFFFFFFFFL;
        long tsc = TimeStamp.timeStamp(c);
        long delay = deadline - tsc;
        if (!waits || Long.compareUnsigned(deadline, tsc) <= 0) {
            return;
        }
        delay = delay < 0 ? Long.MAX_VALUE : delay;
        long limit = c.msr[Msr.UMWAIT_CONTROL.slot] & UMWAIT_LIMIT;
        boolean limited = limit != 0 && limit < delay;
        c.monitor.waitForEvent(true, TscScale.unscale(limited ? limit : delay, TimeStamp.multiplier(c)), limited);
    }

    // ---- checks ----

    /** MONITOR and MWAIT are for CPL 0, and on Intel for when IA32_MISC_ENABLE has them on. */
    private static void checkSupervisor(Cpu c) {
        boolean off = c.model.isIntel() && (c.miscEnable & MISC_ENABLE_MONITOR) == 0;
        if (c.cpl != 0 || off || !c.has(Feature.MONITOR)) {
            throw c.ud();
        }
    }

    private static void checkWaitPackage(Cpu c) {
        if (c.guestLacks(Feature.WAITPKG)) {
            throw c.ud();
        }
    }

    private static void checkWait(Cpu c, Op o) {
        checkWaitPackage(c);
        if ((c.cr4 & Cr.TSD) != 0 && c.cpl != 0 || (c.gpr[o.rm] & 0xFFFFFFFEL) != 0) {
            throw c.gp0();
        }
    }

    private static long extensions(Cpu c) {
        return c.codeSize64 ? c.gpr[RCX] : c.gpr[RCX] & 0xFFFFFFFFL;
    }
}
