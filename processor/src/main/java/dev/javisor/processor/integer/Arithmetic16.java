package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Binary and unary arithmetic and logic on 16-bit operands, one method for each place of the operands. */
final class Arithmetic16 {
    private Arithmetic16() {}

    static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "ADD" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic16::addRmReg;
                    case REG_RM -> Arithmetic16::addRegRm;
                    case RM_IMM -> Arithmetic16::addRmImm;
                    case REG_MEM -> Arithmetic16::addRegMem;
                    case MEM_REG -> Arithmetic16::addMemReg;
                    case MEM_IMM -> Arithmetic16::addMemImm;
                };
            case "OR" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic16::orRmReg;
                    case REG_RM -> Arithmetic16::orRegRm;
                    case RM_IMM -> Arithmetic16::orRmImm;
                    case REG_MEM -> Arithmetic16::orRegMem;
                    case MEM_REG -> Arithmetic16::orMemReg;
                    case MEM_IMM -> Arithmetic16::orMemImm;
                };
            case "ADC" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic16::adcRmReg;
                    case REG_RM -> Arithmetic16::adcRegRm;
                    case RM_IMM -> Arithmetic16::adcRmImm;
                    case REG_MEM -> Arithmetic16::adcRegMem;
                    case MEM_REG -> Arithmetic16::adcMemReg;
                    case MEM_IMM -> Arithmetic16::adcMemImm;
                };
            case "SBB" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic16::sbbRmReg;
                    case REG_RM -> Arithmetic16::sbbRegRm;
                    case RM_IMM -> Arithmetic16::sbbRmImm;
                    case REG_MEM -> Arithmetic16::sbbRegMem;
                    case MEM_REG -> Arithmetic16::sbbMemReg;
                    case MEM_IMM -> Arithmetic16::sbbMemImm;
                };
            case "AND" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic16::andRmReg;
                    case REG_RM -> Arithmetic16::andRegRm;
                    case RM_IMM -> Arithmetic16::andRmImm;
                    case REG_MEM -> Arithmetic16::andRegMem;
                    case MEM_REG -> Arithmetic16::andMemReg;
                    case MEM_IMM -> Arithmetic16::andMemImm;
                };
            case "SUB" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic16::subRmReg;
                    case REG_RM -> Arithmetic16::subRegRm;
                    case RM_IMM -> Arithmetic16::subRmImm;
                    case REG_MEM -> Arithmetic16::subRegMem;
                    case MEM_REG -> Arithmetic16::subMemReg;
                    case MEM_IMM -> Arithmetic16::subMemImm;
                };
            case "XOR" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic16::xorRmReg;
                    case REG_RM -> Arithmetic16::xorRegRm;
                    case RM_IMM -> Arithmetic16::xorRmImm;
                    case REG_MEM -> Arithmetic16::xorRegMem;
                    case MEM_REG -> Arithmetic16::xorMemReg;
                    case MEM_IMM -> Arithmetic16::xorMemImm;
                };
            case "CMP" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic16::cmpRmReg;
                    case REG_RM -> Arithmetic16::cmpRegRm;
                    case RM_IMM -> Arithmetic16::cmpRmImm;
                    case REG_MEM -> Arithmetic16::cmpRegMem;
                    case MEM_REG -> Arithmetic16::cmpMemReg;
                    case MEM_IMM -> Arithmetic16::cmpMemImm;
                };
            case "TEST" ->
                switch (Form.of(i)) {
                    case RM_REG, REG_RM -> Arithmetic16::testRmReg;
                    case RM_IMM -> Arithmetic16::testRmImm;
                    case REG_MEM, MEM_REG -> Arithmetic16::testMemReg;
                    case MEM_IMM -> Arithmetic16::testMemImm;
                };
            case "INC" -> i.memory ? Arithmetic16::incMem : Arithmetic16::incRm;
            case "DEC" -> i.memory ? Arithmetic16::decMem : Arithmetic16::decRm;
            case "NEG" -> i.memory ? Arithmetic16::negMem : Arithmetic16::negRm;
            case "NOT" -> i.memory ? Arithmetic16::notMem : Arithmetic16::notRm;
            default -> null;
        };
    }

    static void addRmReg(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) c.gpr[o.reg];
        int r = (short) (a + b);
        Registers.set16(c, o.rm, r);
        Flags.add(c, a, b, r);
    }

    static void addRegRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) c.gpr[o.rm];
        int r = (short) (a + b);
        Registers.set16(c, o.reg, r);
        Flags.add(c, a, b, r);
    }

    static void addRmImm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) o.imm;
        int r = (short) (a + b);
        Registers.set16(c, o.rm, r);
        Flags.add(c, a, b, r);
    }

    static void addRegMem(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
        int r = (short) (a + b);
        Registers.set16(c, o.reg, r);
        Flags.add(c, a, b, r);
    }

    static void addMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) c.gpr[o.reg];
        int r = (short) (a + b);
        Memory.store16(c, la, o.segment, r);
        Flags.add(c, a, b, r);
    }

    static void addMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) o.imm;
        int r = (short) (a + b);
        Memory.store16(c, la, o.segment, r);
        Flags.add(c, a, b, r);
    }

    static void orRmReg(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) c.gpr[o.reg];
        int r = (short) (a | b);
        Registers.set16(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void orRegRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) c.gpr[o.rm];
        int r = (short) (a | b);
        Registers.set16(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void orRmImm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) o.imm;
        int r = (short) (a | b);
        Registers.set16(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void orRegMem(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
        int r = (short) (a | b);
        Registers.set16(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void orMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) c.gpr[o.reg];
        int r = (short) (a | b);
        Memory.store16(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void orMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) o.imm;
        int r = (short) (a | b);
        Memory.store16(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void adcRmReg(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) c.gpr[o.reg];
        int r = (short) (a + b + Carry.in(c));
        Registers.set16(c, o.rm, r);
        Carry.add(c, a, b, r);
    }

    static void adcRegRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) c.gpr[o.rm];
        int r = (short) (a + b + Carry.in(c));
        Registers.set16(c, o.reg, r);
        Carry.add(c, a, b, r);
    }

    static void adcRmImm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) o.imm;
        int r = (short) (a + b + Carry.in(c));
        Registers.set16(c, o.rm, r);
        Carry.add(c, a, b, r);
    }

    static void adcRegMem(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
        int r = (short) (a + b + Carry.in(c));
        Registers.set16(c, o.reg, r);
        Carry.add(c, a, b, r);
    }

    static void adcMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) c.gpr[o.reg];
        int r = (short) (a + b + Carry.in(c));
        Memory.store16(c, la, o.segment, r);
        Carry.add(c, a, b, r);
    }

    static void adcMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) o.imm;
        int r = (short) (a + b + Carry.in(c));
        Memory.store16(c, la, o.segment, r);
        Carry.add(c, a, b, r);
    }

    static void sbbRmReg(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) c.gpr[o.reg];
        int r = (short) (a - b - Carry.in(c));
        Registers.set16(c, o.rm, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbRegRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) c.gpr[o.rm];
        int r = (short) (a - b - Carry.in(c));
        Registers.set16(c, o.reg, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbRmImm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) o.imm;
        int r = (short) (a - b - Carry.in(c));
        Registers.set16(c, o.rm, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbRegMem(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
        int r = (short) (a - b - Carry.in(c));
        Registers.set16(c, o.reg, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) c.gpr[o.reg];
        int r = (short) (a - b - Carry.in(c));
        Memory.store16(c, la, o.segment, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) o.imm;
        int r = (short) (a - b - Carry.in(c));
        Memory.store16(c, la, o.segment, r);
        Carry.sub(c, a, b, r);
    }

    static void andRmReg(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) c.gpr[o.reg];
        int r = (short) (a & b);
        Registers.set16(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void andRegRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) c.gpr[o.rm];
        int r = (short) (a & b);
        Registers.set16(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void andRmImm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) o.imm;
        int r = (short) (a & b);
        Registers.set16(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void andRegMem(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
        int r = (short) (a & b);
        Registers.set16(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void andMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) c.gpr[o.reg];
        int r = (short) (a & b);
        Memory.store16(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void andMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) o.imm;
        int r = (short) (a & b);
        Memory.store16(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void subRmReg(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) c.gpr[o.reg];
        int r = (short) (a - b);
        Registers.set16(c, o.rm, r);
        Flags.sub(c, a, b, r);
    }

    static void subRegRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) c.gpr[o.rm];
        int r = (short) (a - b);
        Registers.set16(c, o.reg, r);
        Flags.sub(c, a, b, r);
    }

    static void subRmImm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) o.imm;
        int r = (short) (a - b);
        Registers.set16(c, o.rm, r);
        Flags.sub(c, a, b, r);
    }

    static void subRegMem(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
        int r = (short) (a - b);
        Registers.set16(c, o.reg, r);
        Flags.sub(c, a, b, r);
    }

    static void subMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) c.gpr[o.reg];
        int r = (short) (a - b);
        Memory.store16(c, la, o.segment, r);
        Flags.sub(c, a, b, r);
    }

    static void subMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) o.imm;
        int r = (short) (a - b);
        Memory.store16(c, la, o.segment, r);
        Flags.sub(c, a, b, r);
    }

    static void xorRmReg(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) c.gpr[o.reg];
        int r = (short) (a ^ b);
        Registers.set16(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void xorRegRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) c.gpr[o.rm];
        int r = (short) (a ^ b);
        Registers.set16(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void xorRmImm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) o.imm;
        int r = (short) (a ^ b);
        Registers.set16(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void xorRegMem(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
        int r = (short) (a ^ b);
        Registers.set16(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void xorMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) c.gpr[o.reg];
        int r = (short) (a ^ b);
        Memory.store16(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void xorMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int b = (short) o.imm;
        int r = (short) (a ^ b);
        Memory.store16(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void cmpRmReg(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) c.gpr[o.reg];
        int r = (short) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void cmpRegRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) c.gpr[o.rm];
        int r = (short) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void cmpRmImm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int b = (short) o.imm;
        int r = (short) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void cmpRegMem(Cpu c, Op o) {
        int a = (short) c.gpr[o.reg];
        int b = (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
        int r = (short) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void cmpMemReg(Cpu c, Op o) {
        int a = (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
        int b = (short) c.gpr[o.reg];
        int r = (short) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void cmpMemImm(Cpu c, Op o) {
        int a = (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
        int b = (short) o.imm;
        int r = (short) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void testRmReg(Cpu c, Op o) {
        Flags.logic(c, (short) c.gpr[o.rm] & (short) c.gpr[o.reg]);
    }

    static void testRmImm(Cpu c, Op o) {
        Flags.logic(c, (short) c.gpr[o.rm] & (short) o.imm);
    }

    static void testMemReg(Cpu c, Op o) {
        Flags.logic(c, (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment) & (short) c.gpr[o.reg]);
    }

    static void testMemImm(Cpu c, Op o) {
        Flags.logic(c, (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment) & (short) o.imm);
    }

    static void incRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int r = (short) (a + 1);
        Registers.set16(c, o.rm, r);
        Flags.inc(c, a, r);
    }

    static void incMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int r = (short) (a + 1);
        Memory.store16(c, la, o.segment, r);
        Flags.inc(c, a, r);
    }

    static void decRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int r = (short) (a - 1);
        Registers.set16(c, o.rm, r);
        Flags.dec(c, a, r);
    }

    static void decMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int r = (short) (a - 1);
        Memory.store16(c, la, o.segment, r);
        Flags.dec(c, a, r);
    }

    static void negRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int r = (short) -a;
        Registers.set16(c, o.rm, r);
        Flags.sub(c, 0, a, r);
    }

    static void negMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int r = (short) -a;
        Memory.store16(c, la, o.segment, r);
        Flags.sub(c, 0, a, r);
    }

    static void notRm(Cpu c, Op o) {
        int a = (short) c.gpr[o.rm];
        int r = ~a;
        Registers.set16(c, o.rm, r);
    }

    static void notMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 2);
        int a = (short) Memory.loadForWrite(c, la, 2, o.segment);
        int r = ~a;
        Memory.store16(c, la, o.segment, r);
    }
}
