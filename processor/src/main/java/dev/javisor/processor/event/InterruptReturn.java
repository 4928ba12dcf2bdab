package dev.javisor.processor.event;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.segment.DescriptorTables;
import dev.javisor.processor.segment.FarReturn;
import dev.javisor.processor.segment.SegmentRegisters;
import dev.javisor.processor.segment.Stack;
import dev.javisor.processor.segment.TaskSwitch;

/** IRET, in all modes. */
public final class InterruptReturn {
    /** Flags that every IRET loads, and those that take a 32-bit operand size. */
    private static final long LOW = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT, HIGH = Flags.RF | Flags.AC | Flags.ID;

    private InterruptReturn() {}

    public static Handler bind(Instruction i) {
        return i.opcode.mnemonic.equals("IRET") ? InterruptReturn::iret : null;
    }

    static void iret(Cpu c, Op o) {
        // Intel processors end blocking by NMI even when IRET faults
        boolean early = c.model.vendor() == CpuModel.Vendor.INTEL;
        boolean unblocks = c.guest == null || c.guest.unblocksNmi(c);
        if (early && unblocks) {
            c.nmiBlocked = false;
        }
        int size = o.instruction.operandSize / 8;
        if (!c.protectedMode()) {
            real(c, size);
        } else if (c.v86()) {
            virtual8086(c, size);
        } else if ((c.rflags & Flags.NT) != 0) {
            nestedTask(c, o);
        } else {
            protectedMode(c, size);
        }
        if (unblocks) {
            c.nmiBlocked = false;
        }
        if (c.guest != null) {
            c.guest.returned(c);
        }
        // An image of 16 bits does not hold RF, which the end of the instruction clears.
        c.resumeFlagLoaded |= size != 2;
        if (Boundary.isDue(c) || Boundary.mustStepBehindReturn(c)) {
            c.endSlice();
        }
    }

    private static long mask(int size) {
        return size == 2 ? LOW : LOW | HIGH;
    }

    private static void loadFlags(Cpu c, long image, long mask) {
        Flags.setRflags(c, Flags.rflags(c) & ~mask | image & mask | Flags.FIXED);
    }

    private static void real(Cpu c, int size) {
        Stack stack = Stack.current(c, 0);
        long rip = stack.pop(size);
        int cs = (int) stack.pop(size) & 0xFFFF;
        long flags = stack.pop(size);
        if (rip > c.segLimit[Cpu.CS]) {
            throw c.gp0();
        }
        stack.commit();
        SegmentRegisters.setReal(c, Cpu.CS, cs);
        loadFlags(c, flags, mask(size) | Flags.IF | Flags.IOPL);
        c.rip = rip;
        c.updateMode();
    }

    private static void virtual8086(Cpu c, int size) {
        boolean virtualFlag = c.iopl() < 3;
        if (virtualFlag && ((c.cr4 & Cr.VME) == 0 || size != 2)) {
            throw c.gp0();
        }
        Stack stack = Stack.current(c, 0);
        long rip = stack.pop(size);
        int cs = (int) stack.pop(size) & 0xFFFF;
        long flags = stack.pop(size);
        boolean enables = (flags & Flags.IF) != 0;
        if (rip > 0xFFFF || virtualFlag && (enables && (c.rflags & Flags.VIP) != 0 || (flags & Flags.TF) != 0)) {
            throw c.gp0();
        }
        stack.commit();
        SegmentRegisters.setV86(c, Cpu.CS, cs);
        if (virtualFlag) {
            loadFlags(c, flags & ~Flags.VIF | (enables ? Flags.VIF : 0), LOW | Flags.VIF);
        } else {
            loadFlags(c, flags, mask(size) | Flags.IF);
        }
        c.rip = rip;
        c.updateMode();
    }

    private static void nestedTask(Cpu c, Op o) {
        if (c.longMode()) {
            throw c.gp0();
        }
        TaskSwitch.toPreviousTask(c, c.nextRip(o) & 0xFFFFFFFFL);
    }

    private static void protectedMode(Cpu c, int size) {
        Stack stack = Stack.current(c, 0);
        long rip = stack.pop(size);
        int cs = (int) stack.pop(size) & 0xFFFF;
        long flags = stack.pop(size);
        if (size == 4 && (flags & Flags.VM) != 0 && c.cpl == 0 && !c.longMode()) {
            toVirtual8086(c, stack, rip, cs, flags);
            return;
        }
        long code = FarReturn.codeDescriptor(c, cs);
        int cpl = cs & 3;
        long loaded = mask(size);
        if (c.cpl <= c.iopl()) {
            loaded |= Flags.IF;
        }
        if (c.cpl == 0) {
            loaded |= Flags.IOPL | (size == 2 ? 0 : Flags.VIF | Flags.VIP);
        }
        if (cpl == c.cpl && !c.codeSize64) {
            rip = FarReturn.checkedRip(c, code, rip);
            DescriptorTables.setAccessed(c, cs, code);
            stack.commit();
            loadFlags(c, flags, loaded);
            FarReturn.enterSameLevel(c, cs, code, rip);
            return;
        }
        long pointer = stack.pop(size);
        int ss = (int) stack.pop(size) & 0xFFFF;
        long stackSegment = FarReturn.stackDescriptor(c, ss, cpl, code);
        rip = FarReturn.checkedRip(c, code, rip);
        FarReturn.enterOuterLevel(c, cs, code, rip, ss, stackSegment, pointer);
        loadFlags(c, flags, loaded);
        c.updateContext();
    }

    private static void toVirtual8086(Cpu c, Stack stack, long rip, int cs, long flags) {
        long pointer = stack.pop(4);
        int ss = (int) stack.pop(4) & 0xFFFF;
        int es = (int) stack.pop(4) & 0xFFFF;
        int ds = (int) stack.pop(4) & 0xFFFF;
        int fs = (int) stack.pop(4) & 0xFFFF;
        int gs = (int) stack.pop(4) & 0xFFFF;
        if (rip > 0xFFFF) {
            throw c.gp0();
        }
        loadFlags(c, flags, LOW | HIGH | Flags.IF | Flags.IOPL | Flags.VM | Flags.VIF | Flags.VIP);
        SegmentRegisters.setV86(c, Cpu.CS, cs);
        SegmentRegisters.setV86(c, Cpu.SS, ss);
        SegmentRegisters.setV86(c, Cpu.ES, es);
        SegmentRegisters.setV86(c, Cpu.DS, ds);
        SegmentRegisters.setV86(c, Cpu.FS, fs);
        SegmentRegisters.setV86(c, Cpu.GS, gs);
        c.gpr[4] = pointer;
        c.rip = rip;
        c.cpl = 3;
        c.updateMode();
    }
}
