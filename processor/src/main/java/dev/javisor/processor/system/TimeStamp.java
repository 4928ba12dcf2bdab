package dev.javisor.processor.system;

import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.GuestControl.Intercept;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** Counters: RDTSC, RDTSCP, RDPMC, RDPRU, and the clocks that count only while the processor runs. */
public final class TimeStamp {
    private static final int RAX = 0, RCX = 1, RDX = 2;

    /** RDPRU register numbers. */
    static final int MPERF = 0, APERF = 1;

    private static final int AMD_COUNTERS = 4;

    private TimeStamp() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "RDTSC" -> TimeStamp::rdtsc;
            case "RDTSCP" -> TimeStamp::rdtscp;
            case "RDPMC" -> TimeStamp::rdpmc;
            case "RDPRU" -> TimeStamp::rdpru;
            default -> null;
        };
    }

    static void rdtsc(Cpu c, Op o) {
        checkTimeStampDisable(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.RDTSC);
        }
        result(c, timeStamp(c));
    }

    static void rdtscp(Cpu c, Op o) {
        if (c.guestLacks(Feature.RDTSCP)) {
            throw c.ud();
        }
        checkTimeStampDisable(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.RDTSCP);
        }
        result(c, timeStamp(c));
        c.gpr[RCX] = c.tscAux & 0xFFFFFFFFL;
    }

    /** Intel models have no performance counters, so that whatever ECX selects does not exist; those of AMD models stay at zero. */
    static void rdpmc(Cpu c, Op o) {
        if ((c.cr4 & Cr.PCE) == 0 && c.cpl != 0) {
            throw c.gp0();
        }
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.RDPMC);
        }
        boolean exists = !c.model.isIntel() && (c.gpr[RCX] & 0xFFFFFFFFL) < AMD_COUNTERS;
        if (!exists) {
            throw c.gp0();
        }
        result(c, 0);
    }

    static void rdpru(Cpu c, Op o) {
        checkTimeStampDisable(c);
        int register = (int) c.gpr[RCX];
        result(c, register == MPERF ? mperf(c) : register == APERF ? aperf(c) : 0);
    }

    private static void checkTimeStampDisable(Cpu c) {
        if ((c.cr4 & Cr.TSD) != 0 && c.cpl != 0) {
            throw c.gp0();
        }
    }

    /** The time-stamp counter as software sees it. */
    public static long timeStamp(Cpu c) {
        return c.guest == null ? c.tsc() : c.guest.tsc(c, c.tsc());
    }

    /** Ticks of that counter in one of time. */
    static long multiplier(Cpu c) {
        return c.guest == null ? c.tscMultiplier : c.guest.tscMultiplier(c);
    }

    private static void result(Cpu c, long value) {
        c.gpr[RAX] = value & 0xFFFFFFFFL;
        c.gpr[RDX] = value >>> 32;
    }

    /** Ticks of the nominal clock while the processor was not waiting. */
    public static long mperf(Cpu c) {
        return running(c) + c.mperfOffset;
    }

    /** Ticks of the actual clock, which never differs from the nominal one. */
    public static long aperf(Cpu c) {
        return running(c) + c.aperfOffset;
    }

    static void setMperf(Cpu c, long value) {
        c.mperfOffset = value - running(c);
    }

    static void setAperf(Cpu c, long value) {
        c.aperfOffset = value - running(c);
    }

    private static long running(Cpu c) {
        return c.now() - c.notRunning;
    }
}
