package dev.javisor.processor.segment;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** SYSCALL, SYSRET, SYSENTER, SYSEXIT: transfers between levels 3 and 0 to flat segments, without reading descriptors. */
public final class FastCalls {
    private static final int CODE = 0x9B, DATA = 0x93, DPL3 = 0x60;
    private static final int CODE64 = CODE | Cpu.L | Cpu.G, CODE32 = CODE | Cpu.DB | Cpu.G, DATA32 = DATA | Cpu.DB | Cpu.G;
    /** RFLAGS bits that SYSRET loads: all that exist but RF and VM. */
    private static final long SYSRET_FLAGS = 0x3C7FD7;

    private static final long SINGLE_STEP = 1 << 14;

    private FastCalls() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "SYSCALL" -> FastCalls::syscall;
            case "SYSRET" -> FastCalls::sysret;
            case "SYSENTER" -> FastCalls::sysenter;
            case "SYSEXIT" -> FastCalls::sysexit;
            default -> null;
        };
    }

    private static boolean amd(Cpu c) {
        return c.model.vendor() == CpuModel.Vendor.AMD;
    }

    private static void enter(Cpu c, int cs, int ss, boolean wide, int cpl) {
        int dpl = cpl == 3 ? DPL3 : 0;
        SegmentRegisters.setFlat(c, Cpu.CS, cs, (wide ? CODE64 : CODE32) | dpl);
        SegmentRegisters.setFlat(c, Cpu.SS, ss, DATA32 | dpl);
        c.cpl = cpl;
        c.updateMode();
    }

    /** Intel processors have SYSCALL and SYSRET in 64-bit mode only. */
    private static void requireSyscall(Cpu c) {
        if ((c.efer & Cr.SCE) == 0 || !c.codeSize64 && !amd(c)) {
            throw c.ud();
        }
    }

    static void syscall(Cpu c, Op o) {
        requireSyscall(c);
        long flags = Flags.rflags(c);
        int cs = (int) (c.star >>> 32) & 0xFFFC;
        if (c.longMode()) {
            long target = c.codeSize64 ? c.lstar : c.cstar;
            c.gpr[1] = c.nextRip(o) & c.linearWrap;
            c.gpr[11] = flags & ~Flags.RF;
            Flags.setRflags(c, flags & ~(c.sfmask | Flags.RF | Flags.VM) | Flags.FIXED);
            c.rip = target;
            enter(c, cs, cs + 8, true, 0);
        } else {
            c.gpr[1] = c.nextRip(o) & 0xFFFFFFFFL;
            Flags.setRflags(c, flags & ~(Flags.IF | Flags.RF | Flags.VM));
            c.rip = c.star & 0xFFFFFFFFL;
            enter(c, cs, cs + 8, false, 0);
        }
        stepAtEnd(c);
    }

    /** TF as it is at the end of SYSCALL and SYSRET decides on the single-step trap behind them. */
    private static void stepAtEnd(Cpu c) {
        c.singleStepDecided = true;
        if ((c.rflags & Flags.TF) != 0) {
            c.pendingDebug |= SINGLE_STEP;
            c.request(Cpu.BOUNDARY_REQUEST);
        }
        if (c.requests != 0 && (c.rflags & Flags.IF) != 0) {
            c.endSlice();
        }
    }

    static void sysret(Cpu c, Op o) {
        requireSyscall(c);
        if (!c.protectedMode()) {
            throw c.ud();
        }
        if (c.cpl != 0) {
            throw c.gp0();
        }
        boolean wide = o.instruction.operandSize == 64;
        if (wide && !amd(c) && !c.canonical(c.gpr[1])) {
            throw c.gp0();
        }
        int selector = (int) (c.star >>> 48);
        int cs = (wide ? selector + 16 : selector) | 3;
        int ss = selector + 8 | 3;
        c.rip = wide ? c.gpr[1] : c.gpr[1] & 0xFFFFFFFFL;
        if (c.longMode()) {
            Flags.setRflags(c, c.gpr[11] & SYSRET_FLAGS | Flags.FIXED);
        } else {
            Flags.setRflags(c, Flags.rflags(c) | Flags.IF);
        }
        if (amd(c)) {
            // only the selector of SS is loaded: after an interrupt has made SS null it stays unusable
            c.selector[Cpu.SS] = ss & 0xFFFF;
            SegmentRegisters.setFlat(c, Cpu.CS, cs & 0xFFFF, (wide ? CODE64 : CODE32) | DPL3);
            c.cpl = 3;
            c.updateMode();
        } else {
            enter(c, cs & 0xFFFF, ss & 0xFFFF, wide, 3);
        }
        stepAtEnd(c);
    }

    /** AMD processors have SYSENTER and SYSEXIT in legacy mode only. */
    private static void requireSysenter(Cpu c) {
        if (c.longMode() && amd(c)) {
            throw c.ud();
        }
        if (!c.protectedMode() || (c.sysenterCs & 0xFFFC) == 0) {
            throw c.gp0();
        }
    }

    static void sysenter(Cpu c, Op o) {
        requireSysenter(c);
        int cs = (int) c.sysenterCs & 0xFFFC;
        boolean wide = c.longMode();
        Flags.materialize(c);
        c.rflags &= ~(Flags.VM | Flags.IF | Flags.RF);
        c.gpr[4] = wide ? c.sysenterEsp : c.sysenterEsp & 0xFFFFFFFFL;
        c.rip = wide ? c.sysenterEip : c.sysenterEip & 0xFFFFFFFFL;
        enter(c, cs, cs + 8, wide, 0);
    }

    static void sysexit(Cpu c, Op o) {
        requireSysenter(c);
        if (c.cpl != 0) {
            throw c.gp0();
        }
        boolean wide = o.instruction.operandSize == 64;
        if (wide && (!c.canonical(c.gpr[2]) || !c.canonical(c.gpr[1]))) {
            throw c.gp0();
        }
        int cs = (int) c.sysenterCs + (wide ? 32 : 16) | 3;
        c.gpr[4] = wide ? c.gpr[1] : c.gpr[1] & 0xFFFFFFFFL;
        c.rip = wide ? c.gpr[2] : c.gpr[2] & 0xFFFFFFFFL;
        enter(c, cs & 0xFFFF, cs + 8 & 0xFFFF, wide, 3);
    }
}
