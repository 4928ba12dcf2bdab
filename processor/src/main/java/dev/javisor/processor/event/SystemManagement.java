package dev.javisor.processor.event;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestControl.Intercept;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.memory.PhysicalMemory;

/**
 * System-management mode: SMI, RSM and the state-save area.
 *
 * <p>The area has AMD's 64-bit layout ("SMM State-Save Area") for both vendors: it is the one that is published whole, that firmware for
 * virtual machines and KVM expect, and whose register fields lie where Intel's 64-bit map has the published ones (RIP, CR0, SMBASE, the
 * revision identifier).
 */
public final class SystemManagement {
    /** The handler, relative to SMBASE. */
    private static final int ENTRY = 0x8000;

    /** SMBASE relocation and I/O restart are supported; 64-bit layout. */
    private static final int REVISION = 0x30064;

    // Offsets from SMBASE. Segments: selector, attributes, limit, base in 16 bytes each, ES CS SS DS FS GS; then GDTR, LDTR, IDTR, TR.
    private static final int SEGMENTS = 0xFE00, GDTR = 0xFE60, LDTR = 0xFE70, IDTR = 0xFE80, TR = 0xFE90;
    private static final int HALT_RESTART = 0xFEC9, NMI_MASK = 0xFECA, CPL = 0xFECB;
    /** Reserved: the traps that the SMI came before. */
    private static final int PENDING_DEBUG = 0xFECC;
    private static final int EFER = 0xFED0, REVISION_ID = 0xFEFC, SMBASE = 0xFF00;
    private static final int CR4 = 0xFF48, CR3 = 0xFF50, CR0 = 0xFF58, DR7 = 0xFF60, DR6 = 0xFF68, RFLAGS = 0xFF70, RIP = 0xFF78;
    /** R15 first, RAX last. */
    private static final int R15 = 0xFF80;

    private SystemManagement() {}

    public static Handler bind(Instruction i) {
        return i.opcode.mnemonic.equals("RSM") ? SystemManagement::rsm : null;
    }

    /**
     * SMI: saves the state and enters the handler. Not reached while in SMM.
     *
     * @param halted the processor was in HLT: RSM returns to it, unless the handler clears the auto-halt-restart flag
     */
    public static void enter(Cpu c, boolean halted) {
        PhysicalMemory m = c.memory;
        long b = c.smbase;
        m.write(b + REVISION_ID, 4, REVISION);
        m.write(b + SMBASE, 4, b);
        for (int i = 0; i < 16; i++) {
            m.write(b + R15 + 8 * (15 - i), 8, c.gpr[i]);
        }
        m.write(b + RIP, 8, c.rip);
        m.write(b + RFLAGS, 8, Flags.rflags(c));
        m.write(b + DR6, 8, c.dr6);
        m.write(b + DR7, 8, c.dr7);
        m.write(b + CR0, 8, c.cr0);
        m.write(b + CR3, 8, c.cr3);
        m.write(b + CR4, 8, c.cr4);
        m.write(b + EFER, 8, c.efer);
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            saveSegment(c, SEGMENTS + 16 * s, s);
        }
        saveSegment(c, LDTR, Cpu.LDTR);
        saveSegment(c, TR, Cpu.TR);
        m.write(b + GDTR + 4, 4, c.gdtLimit);
        m.write(b + GDTR + 8, 8, c.gdtBase);
        m.write(b + IDTR + 4, 4, c.idtLimit);
        m.write(b + IDTR + 8, 8, c.idtBase);
        m.write(b + CPL, 1, c.cpl);
        m.write(b + NMI_MASK, 1, c.nmiBlocked ? 1 : 0);
        m.write(b + HALT_RESTART, 1, halted ? 1 : 0);
        m.write(b + PENDING_DEBUG, 4, c.pendingDebug);
        c.pendingDebug = 0;

        c.inSmm = true;
        c.nmiBlocked = true;
        c.blockingBySti = false;
        c.blockingByMovSs = false;
        Flags.setRflags(c, Flags.FIXED);
        c.cr0 &= ~(Cr.PE | Cr.EM | Cr.TS | Cr.PG);
        c.cr4 = 0;
        c.efer = 0;
        c.dr7 = 0x400;
        c.cpl = 0;
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            c.selector[s] = 0;
            c.segBase[s] = 0;
            c.segLimit[s] = 0xFFFFFFFFL;
            c.segAccess[s] = 0x8093;
        }
        c.selector[Cpu.CS] = (int) (b >>> 4) & 0xFFFF;
        c.segBase[Cpu.CS] = b;
        c.segAccess[Cpu.CS] = 0x809B | Cpu.REAL_MODE;
        c.rip = ENTRY;
        c.idtBase = 0;
        c.idtLimit = 0;
        modeChanged(c);
    }

    private static void modeChanged(Cpu c) {
        c.flushTlb();
        c.updateBreakpoints();
        c.updateMode();
        c.endSlice();
    }

    private static void saveSegment(Cpu c, int at, int s) {
        int access = c.segAccess[s];
        int attributes = access & 0xFF | access >>> 4 & 0xF00;
        c.memory.write(c.smbase + at, 2, c.selector[s]);
        c.memory.write(c.smbase + at + 2, 2, (access & Cpu.UNUSABLE) != 0 ? attributes & ~Cpu.PRESENT : attributes);
        c.memory.write(c.smbase + at + 4, 4, c.segLimit[s]);
        c.memory.write(c.smbase + at + 8, 8, c.segBase[s]);
    }

    private static void loadSegment(Cpu c, int at, int s) {
        long b = c.smbase;
        int attributes = (int) c.memory.read(b + at + 2, 2);
        int access = attributes & 0xFF | (attributes & 0xF00) << 4;
        c.selector[s] = (int) c.memory.read(b + at, 2);
        c.segAccess[s] = (attributes & Cpu.PRESENT) != 0 ? access : access | Cpu.UNUSABLE;
        c.segLimit[s] = c.memory.read(b + at + 4, 4) & 0xFFFFFFFFL;
        c.segBase[s] = c.memory.read(b + at + 8, 8);
    }

    /** RSM: back to what the area says; an area that describes no valid state shuts the processor down. */
    static void rsm(Cpu c, Op o) {
        if (!c.inSmm) {
            throw c.ud();
        }
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.RSM);
        }
        PhysicalMemory m = c.memory;
        long b = c.smbase;
        long cr0 = m.read(b + CR0, 8) & 0xFFFFFFFFL;
        long cr4 = m.read(b + CR4, 8);
        long efer = m.read(b + EFER, 8);
        boolean paging = (cr0 & Cr.PG) != 0;
        boolean longMode = (efer & Cr.LMA) != 0;
        boolean impossible = paging && (cr0 & Cr.PE) == 0
                || (cr0 & (Cr.NW | Cr.CD)) == Cr.NW
                || longMode && (!paging || (efer & Cr.LME) == 0 || (cr4 & Cr.PAE) == 0)
                || (efer & ~(Cr.SCE | Cr.LME | Cr.LMA | Cr.NXE | Cr.SVME | Cr.LMSLE | Cr.FFXSR)) != 0;
        if (impossible) {
            EventDelivery.shutDown(c, "RSM with invalid state in the SMM state-save area");
            return;
        }
        c.cr0 = cr0 | Cr.ET;
        c.cr4 = cr4;
        c.efer = efer;
        c.cr3 = m.read(b + CR3, 8);
        if (paging && (cr4 & Cr.PAE) != 0 && !longMode) {
            c.translation.loadPointers(c, c.cr3);
        }
        for (int i = 0; i < 16; i++) {
            c.gpr[i] = m.read(b + R15 + 8 * (15 - i), 8);
        }
        c.rip = m.read(b + RIP, 8);
        Flags.setRflags(c, m.read(b + RFLAGS, 8) & 0x3F7FD5 | Flags.FIXED);
        c.dr6 = m.read(b + DR6, 8) & 0xFFFFFFFFL;
        c.dr7 = m.read(b + DR7, 8) & 0xFFFFFFFFL | 0x400;
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            loadSegment(c, SEGMENTS + 16 * s, s);
        }
        loadSegment(c, LDTR, Cpu.LDTR);
        loadSegment(c, TR, Cpu.TR);
        if ((cr0 & Cr.PE) == 0) {
            c.segAccess[Cpu.CS] |= Cpu.REAL_MODE;
        }
        c.gdtLimit = (int) m.read(b + GDTR + 4, 4) & 0xFFFF;
        c.gdtBase = m.read(b + GDTR + 8, 8);
        c.idtLimit = (int) m.read(b + IDTR + 4, 4) & 0xFFFF;
        c.idtBase = m.read(b + IDTR + 8, 8);
        c.cpl = (int) m.read(b + CPL, 1) & 3;
        c.nmiBlocked = (m.read(b + NMI_MASK, 1) & 1) != 0;
        c.pendingDebug = m.read(b + PENDING_DEBUG, 4) & (Boundary.BREAKPOINTS | Boundary.SINGLE_STEP | Boundary.TASK_SWITCH);
        if (c.pendingDebug != 0) {
            c.request(Cpu.BOUNDARY_REQUEST);
        }
        boolean halt = (m.read(b + HALT_RESTART, 1) & 1) != 0;
        c.smbase = m.read(b + SMBASE, 4) & 0xFFFFFFFFL;
        c.inSmm = false;
        c.resumeFlagLoaded = true;
        c.singleStepDecided = true;
        if (halt) {
            c.activity = Cpu.HLT;
        }
        modeChanged(c);
    }
}
