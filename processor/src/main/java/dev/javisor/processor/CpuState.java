package dev.javisor.processor;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.X87State;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.Arrays;

/** Everything of a {@link Cpu} that a save carries: all that is not derived by updateMode, and is not a cache. */
public final class CpuState {
    private CpuState() {}

    public static void save(Cpu c, StateOutput out) {
        out.putLongs("gpr", Arrays.copyOf(c.gpr, 16));
        out.putLong("rip", c.rip);
        out.putLong("rflags", Flags.rflags(c));
        out.putInts("selector", c.selector);
        out.putLongs("segment base", c.segBase);
        out.putLongs("segment limit", c.segLimit);
        out.putInts("segment access", c.segAccess);
        out.putLongs("tables", new long[] {c.gdtBase, c.gdtLimit, c.idtBase, c.idtLimit, c.cpl});
        out.putLongs("control", new long[] {c.cr0, c.cr2, c.cr3, c.cr4, c.efer, c.xcr0, c.dr6, c.dr7, c.pkru});
        out.putLongs("debug", c.dr);
        out.putLongs("pdpte", c.pdpte);
        out.putLongs(
                "system",
                new long[] {
                    c.star, c.lstar, c.cstar, c.sfmask, c.kernelGsBase, c.tscAux, c.sysenterCs, c.sysenterEsp, c.sysenterEip, c.tscOffset,
                    c.debugctl, c.pkrs, c.xss, c.miscEnable, c.apicBaseMsr, c.smbase
                });
        out.putLongs("msr", c.msr);
        out.putLongs("clocks", new long[] {c.tscAdjust, c.notRunning, c.stoppedAt, c.mperfOffset, c.aperfOffset, c.tscMultiplier});
        X87State f = c.x87;
        out.putLongs("x87 significand", f.significand);
        out.putInts("x87 sign and exponent", f.signExponent);
        out.putLongs(
                "x87",
                new long[] {
                    f.control, f.status, f.valid, f.lastOpcode, f.lastInstruction, f.lastInstructionSelector, f.lastData, f.lastDataSelector
                });
        out.putLongs("vector", Arrays.copyOf(c.vector, Cpu.VECTOR_OPERAND));
        out.putInt("mxcsr", c.mxcsr);
        out.putLong("random", c.rngState);
        out.putLongs(
                "activity",
                new long[] {
                    c.activity, flag(c.blockingBySti), flag(c.blockingByMovSs), flag(c.nmiBlocked), flag(c.inSmm), c.pendingDebug,
                    c.requests, c.sipiVector, c.monitorAddress, c.retired, c.deliveries
                });
        out.put("monitor", c.monitor);
        out.putString("shutdown reason", c.shutdownReason == null ? "" : c.shutdownReason);
        if (c.apic != null) {
            out.put("local APIC", c.apic);
        }
        if (c.virtualization != null) {
            out.put("virtualization", c.virtualization);
        }
    }

    public static void load(Cpu c, StateInput in) {
        long[] gpr = new long[16];
        in.getLongs("gpr", gpr);
        System.arraycopy(gpr, 0, c.gpr, 0, 16);
        c.rip = in.getLong("rip");
        Flags.setRflags(c, in.getLong("rflags"));
        in.getInts("selector", c.selector);
        in.getLongs("segment base", c.segBase);
        in.getLongs("segment limit", c.segLimit);
        in.getInts("segment access", c.segAccess);
        long[] t = new long[5];
        in.getLongs("tables", t);
        c.gdtBase = t[0];
        c.gdtLimit = (int) t[1];
        c.idtBase = t[2];
        c.idtLimit = (int) t[3];
        c.cpl = (int) t[4];
        long[] k = new long[9];
        in.getLongs("control", k);
        c.cr0 = k[0];
        c.cr2 = k[1];
        c.cr3 = k[2];
        c.cr4 = k[3];
        c.efer = k[4];
        c.xcr0 = k[5];
        c.dr6 = k[6];
        c.dr7 = k[7];
        c.pkru = (int) k[8];
        in.getLongs("debug", c.dr);
        in.getLongs("pdpte", c.pdpte);
        long[] s = new long[16];
        in.getLongs("system", s);
        c.star = s[0];
        c.lstar = s[1];
        c.cstar = s[2];
        c.sfmask = s[3];
        c.kernelGsBase = s[4];
        c.tscAux = s[5];
        c.sysenterCs = s[6];
        c.sysenterEsp = s[7];
        c.sysenterEip = s[8];
        c.tscOffset = s[9];
        c.debugctl = s[10];
        c.pkrs = s[11];
        c.xss = s[12];
        c.miscEnable = s[13];
        c.apicBaseMsr = s[14];
        c.smbase = s[15];
        in.getLongs("msr", c.msr);
        long[] clocks = new long[6];
        in.getLongs("clocks", clocks);
        c.tscAdjust = clocks[0];
        c.notRunning = clocks[1];
        c.stoppedAt = clocks[2];
        c.mperfOffset = clocks[3];
        c.aperfOffset = clocks[4];
        c.tscMultiplier = clocks[5];
        X87State f = c.x87;
        in.getLongs("x87 significand", f.significand);
        in.getInts("x87 sign and exponent", f.signExponent);
        long[] x = new long[8];
        in.getLongs("x87", x);
        f.control = (int) x[0];
        f.status = (int) x[1];
        f.valid = (int) x[2];
        f.lastOpcode = (int) x[3];
        f.lastInstruction = x[4];
        f.lastInstructionSelector = (int) x[5];
        f.lastData = x[6];
        f.lastDataSelector = (int) x[7];
        long[] vector = new long[Cpu.VECTOR_OPERAND];
        in.getLongs("vector", vector);
        System.arraycopy(vector, 0, c.vector, 0, vector.length);
        c.mxcsr = in.getInt("mxcsr");
        c.rngState = in.getLong("random");
        long[] a = new long[11];
        in.getLongs("activity", a);
        c.activity = (int) a[0];
        c.blockingBySti = a[1] != 0;
        c.blockingByMovSs = a[2] != 0;
        c.nmiBlocked = a[3] != 0;
        c.inSmm = a[4] != 0;
        c.pendingDebug = a[5];
        c.requests = (int) a[6];
        c.sipiVector = (int) a[7];
        c.monitorAddress = a[8];
        c.retired = a[9];
        c.deliveries = a[10];
        in.get("monitor", c.monitor);
        String reason = in.getString("shutdown reason");
        c.shutdownReason = reason.isEmpty() ? null : reason;
        if (c.apic != null) {
            in.get("local APIC", c.apic);
        }
        if (c.virtualization != null) {
            in.get("virtualization", c.virtualization);
        }
        c.flushTlb();
        c.updateBreakpoints();
        c.updateMode();
    }

    private static long flag(boolean b) {
        return b ? 1 : 0;
    }
}
