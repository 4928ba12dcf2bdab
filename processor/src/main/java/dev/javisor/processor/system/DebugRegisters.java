package dev.javisor.processor.system;

import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** Debug registers: MOV DR, and what DR6 and DR7 hold. */
public final class DebugRegisters {
    /** DR6: causes that software may write (B0-3, BLD, BD, BS, BT, RTM), and bits that read as one. */
    private static final long DR6_WRITABLE = 0x1E80F, DR6_ONES = 0xFFFE07F0L;
    /** DR6 bits that are zero while their cause is present, and one for ever without the feature. */
    private static final long DR6_BLD = 0x800, DR6_RTM = 0x10000;

    private static final long DR7_WRITABLE = 0xFFFF2BFFL, DR7_ONES = 0x400, DR7_RTM = 0x800, DR7_GD = 0x2000;
    /** Payload of the #DB of general detection. */
    private static final long BD = 0x2000;

    private DebugRegisters() {}

    public static Handler bind(Instruction i) {
        if (!i.opcode.mnemonic.equals("MOV")) {
            return null;
        }
        if (i.opcode.operands.getFirst().startsWith("D")) {
            return DebugRegisters::movToDr;
        }
        return i.opcode.operands.getLast().startsWith("D") ? DebugRegisters::movFromDr : null;
    }

    static void movFromDr(Cpu c, Op o) {
        int dr = number(c, o, true);
        long value = switch (dr) {
            case 6 -> c.dr6;
            case 7 -> c.dr7;
            default -> c.dr[dr];
        };
        c.gpr[o.rm] = c.codeSize64 ? value : value & 0xFFFFFFFFL;
    }

    static void movToDr(Cpu c, Op o) {
        int dr = number(c, o, false);
        long value = c.codeSize64 ? c.gpr[o.rm] : c.gpr[o.rm] & 0xFFFFFFFFL;
        if (dr >= 6 && value >>> 32 != 0) {
            throw c.gp0();
        }
        switch (dr) {
            case 6 -> c.dr6 = dr6(c, value);
            case 7 -> c.dr7 = dr7(c, value);
            default -> c.dr[dr] = value;
        }
        if (dr != 6) {
            c.updateBreakpoints();
        }
    }

    /** The register an instruction names, after every check that does not look at the value; Intel looks at DR7.GD before the privilege. */
    private static int number(Cpu c, Op o, boolean read) {
        int dr = o.reg;
        if (c.guest != null) {
            c.guest.moveDr(c, o, dr, read, false);
        }
        if (dr > 7 || (dr | 1) == 5 && (c.cr4 & Cr.DE) != 0) {
            throw c.ud();
        }
        boolean detected = (c.dr7 & DR7_GD) != 0;
        if (detected && c.model.vendor() == Vendor.INTEL) {
            throw new GuestFault(Event.debug(BD));
        }
        if (c.cpl != 0) {
            throw c.gp0();
        }
        if (detected) {
            throw new GuestFault(Event.debug(BD));
        }
        if (c.guest != null) {
            c.guest.moveDr(c, o, dr, read, true);
        }
        return (dr | 1) == 5 ? dr + 2 : dr;
    }

    /** DR6 as it reads after a value was written. */
    public static long dr6(Cpu c, long value) {
        return value & DR6_WRITABLE
                | DR6_ONES
                | (c.has(Feature.RTM) ? 0 : DR6_RTM)
                | (c.has(Feature.BUS_LOCK_DETECT) ? 0 : DR6_BLD);
    }

    /** DR7 as it reads after a value was written. */
    public static long dr7(Cpu c, long value) {
        return value & DR7_WRITABLE & ~(c.has(Feature.RTM) ? 0 : DR7_RTM) | DR7_ONES;
    }
}
