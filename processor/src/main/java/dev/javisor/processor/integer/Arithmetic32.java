package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Binary and unary arithmetic and logic on 32-bit operands, one method for each place of the operands. */
final class Arithmetic32 {
    private Arithmetic32() {}

    static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "ADD" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic32::addRmReg;
                    case REG_RM -> Arithmetic32::addRegRm;
                    case RM_IMM -> Arithmetic32::addRmImm;
                    case REG_MEM -> Arithmetic32::addRegMem;
                    case MEM_REG -> Arithmetic32::addMemReg;
                    case MEM_IMM -> Arithmetic32::addMemImm;
                };
            case "OR" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic32::orRmReg;
                    case REG_RM -> Arithmetic32::orRegRm;
                    case RM_IMM -> Arithmetic32::orRmImm;
                    case REG_MEM -> Arithmetic32::orRegMem;
                    case MEM_REG -> Arithmetic32::orMemReg;
                    case MEM_IMM -> Arithmetic32::orMemImm;
                };
            case "ADC" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic32::adcRmReg;
                    case REG_RM -> Arithmetic32::adcRegRm;
                    case RM_IMM -> Arithmetic32::adcRmImm;
                    case REG_MEM -> Arithmetic32::adcRegMem;
                    case MEM_REG -> Arithmetic32::adcMemReg;
                    case MEM_IMM -> Arithmetic32::adcMemImm;
                };
            case "SBB" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic32::sbbRmReg;
                    case REG_RM -> Arithmetic32::sbbRegRm;
                    case RM_IMM -> Arithmetic32::sbbRmImm;
                    case REG_MEM -> Arithmetic32::sbbRegMem;
                    case MEM_REG -> Arithmetic32::sbbMemReg;
                    case MEM_IMM -> Arithmetic32::sbbMemImm;
                };
            case "AND" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic32::andRmReg;
                    case REG_RM -> Arithmetic32::andRegRm;
                    case RM_IMM -> Arithmetic32::andRmImm;
                    case REG_MEM -> Arithmetic32::andRegMem;
                    case MEM_REG -> Arithmetic32::andMemReg;
                    case MEM_IMM -> Arithmetic32::andMemImm;
                };
            case "SUB" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic32::subRmReg;
                    case REG_RM -> Arithmetic32::subRegRm;
                    case RM_IMM -> Arithmetic32::subRmImm;
                    case REG_MEM -> Arithmetic32::subRegMem;
                    case MEM_REG -> Arithmetic32::subMemReg;
                    case MEM_IMM -> Arithmetic32::subMemImm;
                };
            case "XOR" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic32::xorRmReg;
                    case REG_RM -> Arithmetic32::xorRegRm;
                    case RM_IMM -> Arithmetic32::xorRmImm;
                    case REG_MEM -> Arithmetic32::xorRegMem;
                    case MEM_REG -> Arithmetic32::xorMemReg;
                    case MEM_IMM -> Arithmetic32::xorMemImm;
                };
            case "CMP" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic32::cmpRmReg;
                    case REG_RM -> Arithmetic32::cmpRegRm;
                    case RM_IMM -> Arithmetic32::cmpRmImm;
                    case REG_MEM -> Arithmetic32::cmpRegMem;
                    case MEM_REG -> Arithmetic32::cmpMemReg;
                    case MEM_IMM -> Arithmetic32::cmpMemImm;
                };
            case "TEST" ->
                switch (Form.of(i)) {
                    case RM_REG, REG_RM -> Arithmetic32::testRmReg;
                    case RM_IMM -> Arithmetic32::testRmImm;
                    case REG_MEM, MEM_REG -> Arithmetic32::testMemReg;
                    case MEM_IMM -> Arithmetic32::testMemImm;
                };
            case "INC" -> i.memory ? Arithmetic32::incMem : Arithmetic32::incRm;
            case "DEC" -> i.memory ? Arithmetic32::decMem : Arithmetic32::decRm;
            case "NEG" -> i.memory ? Arithmetic32::negMem : Arithmetic32::negRm;
            case "NOT" -> i.memory ? Arithmetic32::notMem : Arithmetic32::notRm;
            default -> null;
        };
    }

    static void addRmReg(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) c.gpr[o.reg];
        int r = a + b;
        Registers.set32(c, o.rm, r);
        Flags.add(c, a, b, r);
    }

    static void addRegRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = (int) c.gpr[o.rm];
        int r = a + b;
        Registers.set32(c, o.reg, r);
        Flags.add(c, a, b, r);
    }

    static void addRmImm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) o.imm;
        int r = a + b;
        Registers.set32(c, o.rm, r);
        Flags.add(c, a, b, r);
    }

    static void addRegMem(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        int r = a + b;
        Registers.set32(c, o.reg, r);
        Flags.add(c, a, b, r);
    }

    static void addMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) c.gpr[o.reg];
        int r = a + b;
        Memory.store32(c, la, o.segment, r);
        Flags.add(c, a, b, r);
    }

    static void addMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) o.imm;
        int r = a + b;
        Memory.store32(c, la, o.segment, r);
        Flags.add(c, a, b, r);
    }

    static void orRmReg(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) c.gpr[o.reg];
        int r = a | b;
        Registers.set32(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void orRegRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = (int) c.gpr[o.rm];
        int r = a | b;
        Registers.set32(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void orRmImm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) o.imm;
        int r = a | b;
        Registers.set32(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void orRegMem(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        int r = a | b;
        Registers.set32(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void orMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) c.gpr[o.reg];
        int r = a | b;
        Memory.store32(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void orMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) o.imm;
        int r = a | b;
        Memory.store32(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void adcRmReg(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) c.gpr[o.reg];
        int r = a + b + Carry.in(c);
        Registers.set32(c, o.rm, r);
        Carry.add(c, a, b, r);
    }

    static void adcRegRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = (int) c.gpr[o.rm];
        int r = a + b + Carry.in(c);
        Registers.set32(c, o.reg, r);
        Carry.add(c, a, b, r);
    }

    static void adcRmImm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) o.imm;
        int r = a + b + Carry.in(c);
        Registers.set32(c, o.rm, r);
        Carry.add(c, a, b, r);
    }

    static void adcRegMem(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        int r = a + b + Carry.in(c);
        Registers.set32(c, o.reg, r);
        Carry.add(c, a, b, r);
    }

    static void adcMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) c.gpr[o.reg];
        int r = a + b + Carry.in(c);
        Memory.store32(c, la, o.segment, r);
        Carry.add(c, a, b, r);
    }

    static void adcMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) o.imm;
        int r = a + b + Carry.in(c);
        Memory.store32(c, la, o.segment, r);
        Carry.add(c, a, b, r);
    }

    static void sbbRmReg(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) c.gpr[o.reg];
        int r = a - b - Carry.in(c);
        Registers.set32(c, o.rm, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbRegRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = (int) c.gpr[o.rm];
        int r = a - b - Carry.in(c);
        Registers.set32(c, o.reg, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbRmImm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) o.imm;
        int r = a - b - Carry.in(c);
        Registers.set32(c, o.rm, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbRegMem(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        int r = a - b - Carry.in(c);
        Registers.set32(c, o.reg, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) c.gpr[o.reg];
        int r = a - b - Carry.in(c);
        Memory.store32(c, la, o.segment, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) o.imm;
        int r = a - b - Carry.in(c);
        Memory.store32(c, la, o.segment, r);
        Carry.sub(c, a, b, r);
    }

    static void andRmReg(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) c.gpr[o.reg];
        int r = a & b;
        Registers.set32(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void andRegRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = (int) c.gpr[o.rm];
        int r = a & b;
        Registers.set32(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void andRmImm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) o.imm;
        int r = a & b;
        Registers.set32(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void andRegMem(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        int r = a & b;
        Registers.set32(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void andMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) c.gpr[o.reg];
        int r = a & b;
        Memory.store32(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void andMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) o.imm;
        int r = a & b;
        Memory.store32(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void subRmReg(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) c.gpr[o.reg];
        int r = a - b;
        Registers.set32(c, o.rm, r);
        Flags.sub(c, a, b, r);
    }

    static void subRegRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = (int) c.gpr[o.rm];
        int r = a - b;
        Registers.set32(c, o.reg, r);
        Flags.sub(c, a, b, r);
    }

    static void subRmImm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) o.imm;
        int r = a - b;
        Registers.set32(c, o.rm, r);
        Flags.sub(c, a, b, r);
    }

    static void subRegMem(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        int r = a - b;
        Registers.set32(c, o.reg, r);
        Flags.sub(c, a, b, r);
    }

    static void subMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) c.gpr[o.reg];
        int r = a - b;
        Memory.store32(c, la, o.segment, r);
        Flags.sub(c, a, b, r);
    }

    static void subMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) o.imm;
        int r = a - b;
        Memory.store32(c, la, o.segment, r);
        Flags.sub(c, a, b, r);
    }

    static void xorRmReg(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) c.gpr[o.reg];
        int r = a ^ b;
        Registers.set32(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void xorRegRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = (int) c.gpr[o.rm];
        int r = a ^ b;
        Registers.set32(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void xorRmImm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) o.imm;
        int r = a ^ b;
        Registers.set32(c, o.rm, r);
        Flags.logic(c, r);
    }

    static void xorRegMem(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        int r = a ^ b;
        Registers.set32(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void xorMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) c.gpr[o.reg];
        int r = a ^ b;
        Memory.store32(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void xorMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int b = (int) o.imm;
        int r = a ^ b;
        Memory.store32(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void cmpRmReg(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) c.gpr[o.reg];
        int r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void cmpRegRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = (int) c.gpr[o.rm];
        int r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void cmpRmImm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int b = (int) o.imm;
        int r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void cmpRegMem(Cpu c, Op o) {
        int a = (int) c.gpr[o.reg];
        int b = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        int r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void cmpMemReg(Cpu c, Op o) {
        int a = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        int b = (int) c.gpr[o.reg];
        int r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void cmpMemImm(Cpu c, Op o) {
        int a = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        int b = (int) o.imm;
        int r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void testRmReg(Cpu c, Op o) {
        Flags.logic(c, (int) c.gpr[o.rm] & (int) c.gpr[o.reg]);
    }

    static void testRmImm(Cpu c, Op o) {
        Flags.logic(c, (int) c.gpr[o.rm] & (int) o.imm);
    }

    static void testMemReg(Cpu c, Op o) {
        Flags.logic(c, Memory.load32(c, Memory.readAddress(c, o, 4), o.segment) & (int) c.gpr[o.reg]);
    }

    static void testMemImm(Cpu c, Op o) {
        Flags.logic(c, Memory.load32(c, Memory.readAddress(c, o, 4), o.segment) & (int) o.imm);
    }

    static void incRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int r = a + 1;
        Registers.set32(c, o.rm, r);
        Flags.inc(c, a, r);
    }

    static void incMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int r = a + 1;
        Memory.store32(c, la, o.segment, r);
        Flags.inc(c, a, r);
    }

    static void decRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int r = a - 1;
        Registers.set32(c, o.rm, r);
        Flags.dec(c, a, r);
    }

    static void decMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int r = a - 1;
        Memory.store32(c, la, o.segment, r);
        Flags.dec(c, a, r);
    }

    static void negRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int r = -a;
        Registers.set32(c, o.rm, r);
        Flags.sub(c, 0, a, r);
    }

    static void negMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int r = -a;
        Memory.store32(c, la, o.segment, r);
        Flags.sub(c, 0, a, r);
    }

    static void notRm(Cpu c, Op o) {
        int a = (int) c.gpr[o.rm];
        int r = ~a;
        Registers.set32(c, o.rm, r);
    }

    static void notMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 4);
        int a = (int) Memory.loadForWrite(c, la, 4, o.segment);
        int r = ~a;
        Memory.store32(c, la, o.segment, r);
    }
}
