package dev.javisor.processor.event;

import dev.javisor.isa.Msr;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import java.util.Arrays;

/** Processor state after power-up, RESET, INIT and start-up IPI ("Processor State After Reset"). */
public final class Reset {
    /** IA32_APIC_BASE: bootstrap processor. */
    private static final long BSP = 0x100;

    private static final long APIC_BASE = 0xFEE00800L;
    private static final int LDT_ACCESS = 0x82, TSS_ACCESS = 0x8B;
    private static final int REAL_DATA = 0x93, REAL_CODE = 0x9B | Cpu.REAL_MODE;

    private Reset() {}

    /** Power-up or RESET: everything, model-specific registers included. Processors other than the first wait for a start-up IPI. */
    public static void reset(Cpu c) {
        architectural(c);
        c.cr0 = Cr.CD | Cr.NW | Cr.ET;
        c.xcr0 = 1;
        c.pkru = 0;
        c.star = 0;
        c.lstar = 0;
        c.cstar = 0;
        c.sfmask = 0;
        c.kernelGsBase = 0;
        c.tscAux = 0;
        c.sysenterCs = 0;
        c.sysenterEsp = 0;
        c.sysenterEip = 0;
        c.tscOffset = -c.timeline.now();
        c.tscAdjust = 0;
        c.miscEnable = Msr.MISC_ENABLE.reset;
        c.pkrs = 0;
        c.xss = 0;
        c.apicBaseMsr = APIC_BASE | (c.bootstrap ? BSP : 0);
        c.smbase = 0x30000;
        c.inSmm = false;
        Arrays.fill(c.x87.significand, 0);
        Arrays.fill(c.x87.signExponent, 0);
        c.x87.control = 0x40;
        c.x87.status = 0;
        c.x87.valid = 0xFF;
        c.x87.lastOpcode = 0;
        c.x87.lastInstruction = 0;
        c.x87.lastInstructionSelector = 0;
        c.x87.lastData = 0;
        c.x87.lastDataSelector = 0;
        Arrays.fill(c.vector, 0);
        c.mxcsr = 0x1F80;
        c.requests = 0;
        Msr.reset(c.msr);
        if (c.apic != null) {
            c.apic.reset();
        }
        if (c.virtualization != null) {
            c.virtualization.reset(c);
        }
        finish(c);
    }

    /** INIT: FPU, vector and model-specific registers (and the cache bits of CR0) keep their values. */
    public static void init(Cpu c) {
        long cacheBits = c.cr0 & (Cr.CD | Cr.NW);
        architectural(c);
        c.cr0 = cacheBits | Cr.ET;
        if (c.apic != null) {
            c.apic.init();
        }
        finish(c);
    }

    private static void finish(Cpu c) {
        c.activity = (c.apicBaseMsr & BSP) != 0 ? Cpu.ACTIVE : Cpu.WAIT_FOR_SIPI;
        c.flushTlb();
        c.updateBreakpoints();
        c.updateMode();
        c.endSlice();
    }

    private static void architectural(Cpu c) {
        Arrays.fill(c.gpr, 0, 16, 0);
        c.gpr[2] = c.model.signature();
        Flags.setRflags(c, Flags.FIXED);
        c.rip = 0xFFF0;
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            segment(c, s, 0, 0, s == Cpu.CS ? REAL_CODE : REAL_DATA);
        }
        segment(c, Cpu.CS, 0xF000, 0xFFFF0000L, REAL_CODE);
        segment(c, Cpu.LDTR, 0, 0, LDT_ACCESS);
        segment(c, Cpu.TR, 0, 0, TSS_ACCESS);
        c.cpl = 0;
        c.gdtBase = 0;
        c.gdtLimit = 0xFFFF;
        c.idtBase = 0;
        c.idtLimit = 0xFFFF;
        c.cr2 = 0;
        c.cr3 = 0;
        c.cr4 = 0;
        c.efer = 0;
        Arrays.fill(c.dr, 0);
        c.dr6 = 0xFFFF0FF0L;
        c.dr7 = 0x400;
        c.debugctl = 0;
        Arrays.fill(c.pdpte, 0);
        c.blockingBySti = false;
        c.blockingByMovSs = false;
        c.nmiBlocked = false;
        c.pendingDebug = 0;
        c.monitorAddress = -1;
        c.delivering = null;
        c.shutdownReason = null;
    }

    private static void segment(Cpu c, int s, int selector, long base, int access) {
        c.selector[s] = selector;
        c.segBase[s] = base;
        c.segLimit[s] = 0xFFFF;
        c.segAccess[s] = access;
    }

    /** Start-up IPI: real-address mode at page {@code vector}. */
    public static void startUp(Cpu c, int vector) {
        c.selector[Cpu.CS] = vector << 8;
        c.segBase[Cpu.CS] = (long) vector << 12;
        c.rip = 0;
        c.activity = Cpu.ACTIVE;
        c.updateMode();
    }
}
