package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** MOV between general registers, memory and immediates; MOVNTI and MOVDIRI, which store like MOV. */
public final class Move {
    private Move() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "MOV" -> isGeneral(i) ? mov(i) : null;
            case "MOVNTI", "MOVDIRI" -> mov(i);
            default -> null;
        };
    }

    /** Not a control, debug or segment register on either side. */
    private static boolean isGeneral(Instruction i) {
        return "CDST".indexOf(i.opcode.operands.get(0).charAt(0)) < 0 && "CDST".indexOf(i.opcode.operands.get(1).charAt(0)) < 0;
    }

    private static Handler mov(Instruction i) {
        return switch (Form.bits(i)) {
            case 8 ->
                switch (Form.of(i)) {
                    case RM_REG -> Move::mov8RmReg;
                    case REG_RM -> Move::mov8RegRm;
                    case RM_IMM -> Move::mov8RmImm;
                    case REG_MEM -> Move::mov8RegMem;
                    case MEM_REG -> Move::mov8MemReg;
                    case MEM_IMM -> Move::mov8MemImm;
                };
            case 16 ->
                switch (Form.of(i)) {
                    case RM_REG -> Move::mov16RmReg;
                    case REG_RM -> Move::mov16RegRm;
                    case RM_IMM -> Move::mov16RmImm;
                    case REG_MEM -> Move::mov16RegMem;
                    case MEM_REG -> Move::mov16MemReg;
                    case MEM_IMM -> Move::mov16MemImm;
                };
            case 32 ->
                switch (Form.of(i)) {
                    case RM_REG -> Move::mov32RmReg;
                    case REG_RM -> Move::mov32RegRm;
                    case RM_IMM -> Move::mov32RmImm;
                    case REG_MEM -> Move::mov32RegMem;
                    case MEM_REG -> Move::mov32MemReg;
                    case MEM_IMM -> Move::mov32MemImm;
                };
            default ->
                switch (Form.of(i)) {
                    case RM_REG -> Move::mov64RmReg;
                    case REG_RM -> Move::mov64RegRm;
                    case RM_IMM -> Move::mov64RmImm;
                    case REG_MEM -> Move::mov64RegMem;
                    case MEM_REG -> Move::mov64MemReg;
                    case MEM_IMM -> Move::mov64MemImm;
                };
        };
    }

    static void mov8RmReg(Cpu c, Op o) {
        Registers.set8(c, o, o.rm, Registers.get8(c, o, o.reg));
    }

    static void mov8RegRm(Cpu c, Op o) {
        Registers.set8(c, o, o.reg, Registers.get8(c, o, o.rm));
    }

    static void mov8RmImm(Cpu c, Op o) {
        Registers.set8(c, o, o.rm, (int) o.imm);
    }

    static void mov8RegMem(Cpu c, Op o) {
        Registers.set8(c, o, o.reg, Memory.load8(c, Memory.readAddress(c, o, 1), o.segment));
    }

    static void mov8MemReg(Cpu c, Op o) {
        Memory.store8(c, Memory.writeAddress(c, o, 1), o.segment, Registers.get8(c, o, o.reg));
    }

    static void mov8MemImm(Cpu c, Op o) {
        Memory.store8(c, Memory.writeAddress(c, o, 1), o.segment, (int) o.imm);
    }

    static void mov16RmReg(Cpu c, Op o) {
        Registers.set16(c, o.rm, (int) c.gpr[o.reg]);
    }

    static void mov16RegRm(Cpu c, Op o) {
        Registers.set16(c, o.reg, (int) c.gpr[o.rm]);
    }

    static void mov16RmImm(Cpu c, Op o) {
        Registers.set16(c, o.rm, (int) o.imm);
    }

    static void mov16RegMem(Cpu c, Op o) {
        Registers.set16(c, o.reg, Memory.load16(c, Memory.readAddress(c, o, 2), o.segment));
    }

    static void mov16MemReg(Cpu c, Op o) {
        Memory.store16(c, Memory.writeAddress(c, o, 2), o.segment, (int) c.gpr[o.reg]);
    }

    static void mov16MemImm(Cpu c, Op o) {
        Memory.store16(c, Memory.writeAddress(c, o, 2), o.segment, (int) o.imm);
    }

    static void mov32RmReg(Cpu c, Op o) {
        Registers.set32(c, o.rm, (int) c.gpr[o.reg]);
    }

    static void mov32RegRm(Cpu c, Op o) {
        Registers.set32(c, o.reg, (int) c.gpr[o.rm]);
    }

    static void mov32RmImm(Cpu c, Op o) {
        Registers.set32(c, o.rm, (int) o.imm);
    }

    static void mov32RegMem(Cpu c, Op o) {
        Registers.set32(c, o.reg, Memory.load32(c, Memory.readAddress(c, o, 4), o.segment));
    }

    static void mov32MemReg(Cpu c, Op o) {
        Memory.store32(c, Memory.writeAddress(c, o, 4), o.segment, (int) c.gpr[o.reg]);
    }

    static void mov32MemImm(Cpu c, Op o) {
        Memory.store32(c, Memory.writeAddress(c, o, 4), o.segment, (int) o.imm);
    }

    static void mov64RmReg(Cpu c, Op o) {
        c.gpr[o.rm] = c.gpr[o.reg];
    }

    static void mov64RegRm(Cpu c, Op o) {
        c.gpr[o.reg] = c.gpr[o.rm];
    }

    static void mov64RmImm(Cpu c, Op o) {
        c.gpr[o.rm] = o.imm;
    }

    static void mov64RegMem(Cpu c, Op o) {
        c.gpr[o.reg] = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
    }

    static void mov64MemReg(Cpu c, Op o) {
        Memory.store64(c, Memory.writeAddress(c, o, 8), o.segment, c.gpr[o.reg]);
    }

    static void mov64MemImm(Cpu c, Op o) {
        Memory.store64(c, Memory.writeAddress(c, o, 8), o.segment, o.imm);
    }
}
