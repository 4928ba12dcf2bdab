package dev.javisor.processor.system;

import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Control registers and IA32_EFER: what may be written, and what a write does. Instructions: MOV CR, LMSW, CLTS. */
public final class ControlRegisters {
    /** Bits of CR0 that exist; the others keep reading as zero. */
    private static final long CR0_BITS = Cr.PE | Cr.MP | Cr.EM | Cr.TS | Cr.ET | Cr.NE | Cr.WP | Cr.AM | Cr.NW | Cr.CD | Cr.PG;
    private static final long LMSW_BITS = Cr.PE | Cr.MP | Cr.EM | Cr.TS;
    private static final int TYPE_TSS16 = 1;

    /** A bit and the feature without which it is reserved. */
    private record Gate(long bit, Feature feature) {}

    private static final Gate[] CR4_BITS = {
        new Gate(Cr.VME, Feature.VME),
        new Gate(Cr.PVI, Feature.VME),
        new Gate(Cr.TSD, Feature.TSC),
        new Gate(Cr.DE, Feature.DE),
        new Gate(Cr.PSE, Feature.PSE),
        new Gate(Cr.PAE, Feature.PAE),
        new Gate(Cr.MCE, Feature.MCE),
        new Gate(Cr.PGE, Feature.PGE),
        new Gate(Cr.PCE, Feature.FPU),
        new Gate(Cr.OSFXSR, Feature.FXSR),
        new Gate(Cr.OSXMMEXCPT, Feature.SSE),
        new Gate(Cr.UMIP, Feature.UMIP),
        new Gate(Cr.LA57, Feature.LA57),
        new Gate(Cr.VMXE, Feature.VMX),
        new Gate(Cr.SMXE, Feature.SMX),
        new Gate(Cr.FSGSBASE, Feature.FSGSBASE),
        new Gate(Cr.PCIDE, Feature.PCID),
        new Gate(Cr.OSXSAVE, Feature.XSAVE),
        new Gate(Cr.KL, Feature.KEY_LOCKER),
        new Gate(Cr.SMEP, Feature.SMEP),
        new Gate(Cr.SMAP, Feature.SMAP),
        new Gate(Cr.PKE, Feature.PKU),
        new Gate(Cr.CET, Feature.SHSTK),
        new Gate(Cr.CET, Feature.IBT),
        new Gate(Cr.PKS, Feature.PKS),
        new Gate(Cr.UINTR, Feature.UINTR),
        new Gate(Cr.LASS, Feature.LASS),
        new Gate(Cr.LAM_SUP, Feature.LAM),
        new Gate(Cr.FRED, Feature.FRED),
    };

    private static final Gate[] EFER_BITS = {
        new Gate(Cr.SCE, Feature.SYSCALL),
        new Gate(Cr.LME, Feature.LM),
        new Gate(Cr.LMA, Feature.LM),
        new Gate(Cr.NXE, Feature.NX),
        new Gate(Cr.SVME, Feature.SVM),
        new Gate(Cr.FFXSR, Feature.FXSR_OPT),
        new Gate(Cr.TCE, Feature.TCE),
        new Gate(Cr.AUTOIBRS, Feature.AUTOIBRS),
    };

    /** Changes after which PAE paging loads its page-directory pointers again. */
    private static final long CR0_POINTERS = Cr.CD | Cr.NW | Cr.PG;

    private static final long CR4_POINTERS = Cr.PSE | Cr.PAE | Cr.PGE | Cr.SMEP;

    private ControlRegisters() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "MOV" -> move(i);
            case "LMSW" -> i.memory ? ControlRegisters::lmswMemory : ControlRegisters::lmswRegister;
            case "CLTS" -> ControlRegisters::clts;
            default -> null;
        };
    }

    private static Handler move(Instruction i) {
        if (i.opcode.operands.getFirst().startsWith("C")) {
            return ControlRegisters::movToCr;
        }
        return i.opcode.operands.getLast().startsWith("C") ? ControlRegisters::movFromCr : null;
    }

    // ---- instructions ----

    static void movFromCr(Cpu c, Op o) {
        int cr = number(c, o);
        checkPrivilege(c);
        long value = switch (cr) {
            case 0 -> c.cr0;
            case 2 -> c.cr2;
            case 3 -> c.cr3;
            case 4 -> c.cr4;
            default -> c.apic == null ? 0 : c.apic.cr8();
        };
        if (c.guest != null) {
            value = c.guest.readCr(c, o, cr, value);
        }
        c.gpr[o.rm] = c.codeSize64 ? value : value & 0xFFFFFFFFL;
    }

    static void movToCr(Cpu c, Op o) {
        int cr = number(c, o);
        checkPrivilege(c);
        long value = c.codeSize64 ? c.gpr[o.rm] : c.gpr[o.rm] & 0xFFFFFFFFL;
        if (c.guest != null) {
            if (cr == 8) {
                if (c.guest.writeCr8(c, o, value)) {
                    return;
                }
            } else {
                value = c.guest.writeCr(c, o, cr, value);
            }
        }
        switch (cr) {
            case 0 -> writeCr0(c, value);
            case 2 -> c.cr2 = value;
            case 3 -> writeCr3(c, value);
            case 4 -> writeCr4(c, value);
            default -> writeCr8(c, value);
        }
        if (cr == 0 || cr == 4) {
            c.takeTime(Latency.CONTROL_REGISTER);
        }
    }

    /** The control register an instruction names; AMD's LOCK MOV CR0 is CR8 outside 64-bit mode too. */
    private static int number(Cpu c, Op o) {
        int cr = o.reg;
        if (o.instruction.has(Instruction.LOCK)) {
            if (cr != 0 || !c.has(Feature.CR8_LEGACY)) {
                throw c.ud();
            }
            return 8;
        }
        return switch (cr) {
            case 0, 2, 3, 4, 8 -> cr;
            default -> throw c.ud();
        };
    }

    static void lmswRegister(Cpu c, Op o) {
        checkPrivilege(c);
        lmsw(c, o, c.gpr[o.rm]);
    }

    static void lmswMemory(Cpu c, Op o) {
        checkPrivilege(c);
        lmsw(c, o, Memory.load16(c, Memory.readAddress(c, o, 2), o.segment));
    }

    /** Sets PE, but never clears it. */
    private static void lmsw(Cpu c, Op o, long source) {
        long value = c.cr0 & ~(LMSW_BITS & ~Cr.PE) | source & LMSW_BITS;
        writeCr0(c, c.guest == null ? value : c.guest.lmsw(c, o, source, value));
    }

    static void clts(Cpu c, Op o) {
        checkPrivilege(c);
        if (c.guest == null || c.guest.clts(c, o)) {
            c.cr0 &= ~Cr.TS;
            c.updateMode();
        }
    }

    private static void checkPrivilege(Cpu c) {
        if (c.cpl != 0) {
            throw c.gp0();
        }
    }

    // ---- writes ----

    /** @throws GuestFault #GP(0) when the value or the transition is not allowed */
    public static void writeCr0(Cpu c, long value) {
        long v = value & CR0_BITS | Cr.ET;
        long changed = v ^ c.cr0;
        boolean enabling = (changed & v & Cr.PG) != 0;
        boolean disabling = (changed & c.cr0 & Cr.PG) != 0;
        boolean longMode = (c.efer & Cr.LME) != 0;
        if (value >>> 32 != 0
                || (v & Cr.PG) != 0 && (v & Cr.PE) == 0
                || (v & Cr.NW) != 0 && (v & Cr.CD) == 0
                || (v & c.cr0Required) != c.cr0Required
                || (v & Cr.WP) == 0 && (c.cr4 & Cr.CET) != 0
                || enabling && longMode && !mayActivateLongMode(c)
                || disabling && (c.codeSize64 || (c.cr4 & (Cr.PCIDE | Cr.FRED)) != 0)) {
            throw c.gp0();
        }
        boolean pae = (v & Cr.PG) != 0 && (c.cr4 & Cr.PAE) != 0 && !longMode;
        if (pae && (changed & CR0_POINTERS) != 0) {
            loadPointers(c, c.cr3);
        }
        c.cr0 = v;
        if (enabling && longMode) {
            c.efer |= Cr.LMA;
        } else if (disabling) {
            c.efer &= ~Cr.LMA;
        }
        if ((changed & ~v & Cr.PE) != 0) {
            // In real-address mode the code segment may be written, whatever its descriptor said.
            c.segAccess[Cpu.CS] |= Cpu.REAL_MODE;
        }
        // What WP = 1 does not let be written is found by a walk when WP is 0; the reverse is not.
        if ((changed & Cr.CR0_TRANSLATION) != 0 || (changed & v & Cr.WP) != 0 && c.tlb.filledUnprotected) {
            c.flushTlb();
        }
        c.updateMode();
    }

    /** Mode consistency checks when CR0.PG is set with EFER.LME = 1. */
    private static boolean mayActivateLongMode(Cpu c) {
        boolean tss16 = c.model.vendor() == Vendor.INTEL && (c.segAccess[Cpu.TR] & 0x1D) == TYPE_TSS16;
        return (c.cr4 & Cr.PAE) != 0 && (c.segAccess[Cpu.CS] & Cpu.L) == 0 && !tss16;
    }

    /** @throws GuestFault #GP(0) when a reserved bit is set, also in a page-directory pointer */
    public static void writeCr3(Cpu c, long value) {
        boolean keep = false;
        long v = value;
        if ((c.cr4 & Cr.PCIDE) != 0) {
            keep = (v & Cr.NOFLUSH) != 0;
            v &= ~Cr.NOFLUSH;
        }
        if ((c.efer & Cr.LMA) != 0) {
            long allowed = (1L << c.model.physicalBits()) - 1 | (c.has(Feature.LAM) ? Cr.LAM_U48 | Cr.LAM_U57 : 0);
            if ((v & ~allowed) != 0) {
                throw c.gp0();
            }
        } else if ((c.cr0 & Cr.PG) != 0 && (c.cr4 & Cr.PAE) != 0) {
            loadPointers(c, v);
        }
        c.cr3 = v;
        c.selectAddressSpace(c.pcid(), keep);
    }

    /** @throws GuestFault #GP(0) when the value or the transition is not allowed */
    public static void writeCr4(Cpu c, long value) {
        long changed = value ^ c.cr4;
        long set = changed & value;
        boolean longMode = (c.efer & Cr.LMA) != 0;
        if (!areAvailable(c, CR4_BITS, set)
                || (value & c.cr4Required) != c.cr4Required
                || longMode && ((value & Cr.PAE) == 0 || (changed & Cr.LA57) != 0)
                || (set & Cr.PCIDE) != 0 && (!longMode || (c.cr3 & 0xFFF) != 0)
                || (set & Cr.CET) != 0 && (c.cr0 & Cr.WP) == 0
                || (set & Cr.FRED) != 0 && !c.codeSize64) {
            throw c.gp0();
        }
        if ((c.cr0 & Cr.PG) != 0 && (value & Cr.PAE) != 0 && !longMode && (changed & CR4_POINTERS) != 0) {
            loadPointers(c, c.cr3);
        }
        c.cr4 = value;
        if ((changed & Cr.CR4_TRANSLATION) != 0) {
            c.flushTlb();
        }
        c.updateMode();
    }

    /** CR8: the task priority. @throws GuestFault #GP(0) when bits 63:4 are not zero */
    public static void writeCr8(Cpu c, long value) {
        if ((value & ~0xFL) != 0) {
            throw c.gp0();
        }
        if (c.apic != null) {
            c.apic.setCr8((int) value);
        }
        if (c.requests != 0) {
            c.endSlice();
        }
    }

    /**
     * WRMSR to IA32_EFER. LMA is read-only and ignored.
     *
     * @throws GuestFault #GP(0) for reserved bits, or when LME changes while paging is enabled
     */
    public static void writeEfer(Cpu c, long value) {
        long v = value & ~Cr.LMA | c.efer & Cr.LMA;
        long changed = v ^ c.efer;
        if (!areAvailable(c, EFER_BITS, value) || (changed & Cr.LME) != 0 && (c.cr0 & Cr.PG) != 0) {
            throw c.gp0();
        }
        c.efer = v;
        if ((changed & Cr.NXE) != 0) {
            c.flushTlb();
        }
        c.updateMode();
    }

    /** Bits of CR4 that are not reserved. */
    public static long cr4Bits(Cpu c) {
        return available(c, CR4_BITS);
    }

    /** Bits of IA32_EFER that are not reserved. */
    public static long eferBits(Cpu c) {
        return available(c, EFER_BITS);
    }

    private static long available(Cpu c, Gate[] gates) {
        long bits = 0;
        for (Gate g : gates) {
            if (c.has(g.feature)) {
                bits |= g.bit;
            }
        }
        return bits;
    }

    private static boolean areAvailable(Cpu c, Gate[] gates, long bits) {
        for (Gate g : gates) {
            if ((bits & g.bit) != 0 && c.has(g.feature)) {
                bits &= ~g.bit;
            }
        }
        return bits == 0;
    }

    private static void loadPointers(Cpu c, long cr3) {
        if (!c.translation.loadPointers(c, cr3)) {
            throw c.gp0();
        }
    }
}
