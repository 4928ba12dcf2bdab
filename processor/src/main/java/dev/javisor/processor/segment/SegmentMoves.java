package dev.javisor.processor.segment;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.InterruptShadow;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import java.util.List;

/** MOV, PUSH and POP of segment registers, LDS and its kind, LKGS, SWAPGS. */
public final class SegmentMoves {
    private static final List<String> NAMES = List.of("ES", "CS", "SS", "DS", "FS", "GS");

    private SegmentMoves() {}

    public static Handler bind(Instruction i) {
        List<String> operands = i.opcode.operands;
        return switch (i.opcode.mnemonic) {
            case "MOV" -> operands.get(0).equals("Sw") ? load(i) : operands.size() > 1 && operands.get(1).equals("Sw") ? store(i) : null;
            case "PUSH" -> bindStack(i, true);
            case "POP" -> bindStack(i, false);
            case "LES" -> (c, o) -> loadPointer(c, o, Cpu.ES);
            case "LDS" -> (c, o) -> loadPointer(c, o, Cpu.DS);
            case "LSS" -> (c, o) -> loadPointer(c, o, Cpu.SS);
            case "LFS" -> (c, o) -> loadPointer(c, o, Cpu.FS);
            case "LGS" -> (c, o) -> loadPointer(c, o, Cpu.GS);
            case "LKGS" -> SegmentMoves::lkgs;
            case "SWAPGS" -> SegmentMoves::swapgs;
            default -> null;
        };
    }

    private static Handler load(Instruction i) {
        if (i.reg == Cpu.CS || i.reg > Cpu.GS) {
            return SegmentMoves::undefined;
        }
        return i.memory ? SegmentMoves::loadMemory : SegmentMoves::loadRegister;
    }

    private static Handler store(Instruction i) {
        if (i.reg > Cpu.GS) {
            return SegmentMoves::undefined;
        }
        return i.memory ? SegmentMoves::storeMemory : i.operandSize == 16 ? SegmentMoves::storeRegister16 : SegmentMoves::storeRegister;
    }

    private static Handler bindStack(Instruction i, boolean push) {
        int s = NAMES.indexOf(i.opcode.operands.get(0));
        if (s < 0) {
            return null;
        }
        int size = i.operandSize / 8;
        if (push) {
            return (c, o) -> push(c, s, size);
        }
        return (c, o) -> pop(c, s, size);
    }

    static void undefined(Cpu c, Op o) {
        throw c.ud();
    }

    static void loadRegister(Cpu c, Op o) {
        SegmentRegisters.load(c, o.reg, (int) c.gpr[o.rm] & 0xFFFF);
        if (o.reg == Cpu.SS) {
            InterruptShadow.beginMovSs(c);
        }
    }

    static void loadMemory(Cpu c, Op o) {
        SegmentRegisters.load(c, o.reg, Memory.load16(c, Memory.readAddress(c, o, 2), o.segment));
        if (o.reg == Cpu.SS) {
            InterruptShadow.beginMovSs(c);
        }
    }

    static void storeRegister16(Cpu c, Op o) {
        c.gpr[o.rm] = c.gpr[o.rm] & ~0xFFFFL | c.selector[o.reg];
    }

    static void storeRegister(Cpu c, Op o) {
        c.gpr[o.rm] = c.selector[o.reg];
    }

    static void storeMemory(Cpu c, Op o) {
        Memory.store16(c, Memory.writeAddress(c, o, 2), o.segment, c.selector[o.reg]);
    }

    /** With a 32-bit operand size Intel processors write 16 bits only and leave the upper half of the stack's doubleword. */
    private static void push(Cpu c, int s, int size) {
        int written = size == 4 && c.model.vendor() == CpuModel.Vendor.INTEL ? 2 : size;
        long offset = c.gpr[4] - size & c.stackMask;
        Memory.store(c, Memory.address(c, Cpu.SS, offset, written, true), written, Cpu.SS, c.selector[s]);
        setPointer(c, offset);
    }

    private static void pop(Cpu c, int s, int size) {
        long offset = c.gpr[4] & c.stackMask;
        int selector = (int) Memory.load(c, Memory.address(c, Cpu.SS, offset, size, false), size, Cpu.SS) & 0xFFFF;
        long pointer = offset + size & c.stackMask;
        boolean narrow = c.stackMask == 0xFFFF;
        SegmentRegisters.load(c, s, selector);
        c.gpr[4] = narrow ? c.gpr[4] & ~0xFFFFL | pointer : pointer;
        if (s == Cpu.SS) {
            InterruptShadow.beginMovSs(c);
        }
    }

    private static void setPointer(Cpu c, long pointer) {
        c.gpr[4] = c.stackMask == 0xFFFF ? c.gpr[4] & ~0xFFFFL | pointer : pointer;
    }

    private static void loadPointer(Cpu c, Op o, int s) {
        int size = FarTransfer.offsetSize(o);
        long la = Memory.readAddress(c, o, size + 2);
        long offset = Memory.load(c, la, size, o.segment);
        int selector = Memory.load16(c, la + size & c.linearWrap, o.segment);
        SegmentRegisters.load(c, s, selector);
        c.gpr[o.reg] = size == 2 ? c.gpr[o.reg] & ~0xFFFFL | offset : offset;
    }

    /** Like MOV to GS, but the descriptor's base goes to IA32_KERNEL_GS_BASE. */
    static void lkgs(Cpu c, Op o) {
        if (c.cpl != 0) {
            throw c.ud();
        }
        int selector = o.instruction.memory ? Memory.load16(c, Memory.readAddress(c, o, 2), o.segment) : (int) c.gpr[o.rm] & 0xFFFF;
        long base = c.segBase[Cpu.GS];
        SegmentRegisters.load(c, Cpu.GS, selector);
        c.kernelGsBase = c.segBase[Cpu.GS];
        c.segBase[Cpu.GS] = base;
        c.eaBase[Cpu.GS] = base;
    }

    static void swapgs(Cpu c, Op o) {
        if (c.cpl != 0) {
            throw c.gp0();
        }
        long base = c.segBase[Cpu.GS];
        c.segBase[Cpu.GS] = c.kernelGsBase;
        c.eaBase[Cpu.GS] = c.kernelGsBase;
        c.kernelGsBase = base;
    }
}
