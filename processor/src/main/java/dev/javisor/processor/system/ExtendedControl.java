package dev.javisor.processor.system;

import dev.javisor.isa.Instruction;
import dev.javisor.isa.XsaveComponent;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.GuestControl.Intercept;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** Extended control registers: XSETBV ("Extended Control Registers (Including XCR0)"). */
public final class ExtendedControl {
    private static final int RAX = 0, RCX = 1, RDX = 2;

    // State components of XCR0
    private static final long X87 = 1, SSE = 2, AVX = 4, MPX = 0x18, AVX512 = 0xE0, TILE = 0x60000;

    private ExtendedControl() {}

    public static Handler bind(Instruction i) {
        return i.opcode.mnemonic.equals("XSETBV") ? ExtendedControl::xsetbv : null;
    }

    static void xsetbv(Cpu c, Op o) {
        if ((c.cr4 & Cr.OSXSAVE) == 0) {
            throw c.ud();
        }
        if (c.cpl != 0) {
            throw c.gp0();
        }
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.XSETBV);
        }
        long value = c.gpr[RDX] << 32 | c.gpr[RAX] & 0xFFFFFFFFL;
        if ((int) c.gpr[RCX] != 0 || !isLegal(c, value)) {
            throw c.gp0();
        }
        c.xcr0 = value;
        c.updateMode();
    }

    /** Whether XCR0 takes a value: only components of the model, x87 always, and those that belong together only together. */
    public static boolean isLegal(Cpu c, long value) {
        return (value & ~userState(c)) == 0
                && (value & X87) != 0
                && ((value & AVX) == 0 || (value & SSE) != 0)
                && ((value & AVX512) == 0 || (value & (AVX512 | AVX)) == (AVX512 | AVX))
                && ((value & MPX) == 0 || (value & MPX) == MPX)
                && ((value & TILE) == 0 || (value & TILE) == TILE);
    }

    /** State components that software may enable in XCR0. */
    public static long userState(Cpu c) {
        long mask = 0;
        for (XsaveComponent x : XsaveComponent.values()) {
            if (!x.supervisor && c.has(x.feature)) {
                mask |= x.bit();
            }
        }
        return mask;
    }
}
