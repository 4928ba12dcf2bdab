package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Binary and unary arithmetic and logic on 8-bit operands, one method for each place of the operands. */
final class Arithmetic8 {
    private Arithmetic8() {}

    static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "ADD" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic8::addRmReg;
                    case REG_RM -> Arithmetic8::addRegRm;
                    case RM_IMM -> Arithmetic8::addRmImm;
                    case REG_MEM -> Arithmetic8::addRegMem;
                    case MEM_REG -> Arithmetic8::addMemReg;
                    case MEM_IMM -> Arithmetic8::addMemImm;
                };
            case "OR" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic8::orRmReg;
                    case REG_RM -> Arithmetic8::orRegRm;
                    case RM_IMM -> Arithmetic8::orRmImm;
                    case REG_MEM -> Arithmetic8::orRegMem;
                    case MEM_REG -> Arithmetic8::orMemReg;
                    case MEM_IMM -> Arithmetic8::orMemImm;
                };
            case "ADC" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic8::adcRmReg;
                    case REG_RM -> Arithmetic8::adcRegRm;
                    case RM_IMM -> Arithmetic8::adcRmImm;
                    case REG_MEM -> Arithmetic8::adcRegMem;
                    case MEM_REG -> Arithmetic8::adcMemReg;
                    case MEM_IMM -> Arithmetic8::adcMemImm;
                };
            case "SBB" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic8::sbbRmReg;
                    case REG_RM -> Arithmetic8::sbbRegRm;
                    case RM_IMM -> Arithmetic8::sbbRmImm;
                    case REG_MEM -> Arithmetic8::sbbRegMem;
                    case MEM_REG -> Arithmetic8::sbbMemReg;
                    case MEM_IMM -> Arithmetic8::sbbMemImm;
                };
            case "AND" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic8::andRmReg;
                    case REG_RM -> Arithmetic8::andRegRm;
                    case RM_IMM -> Arithmetic8::andRmImm;
                    case REG_MEM -> Arithmetic8::andRegMem;
                    case MEM_REG -> Arithmetic8::andMemReg;
                    case MEM_IMM -> Arithmetic8::andMemImm;
                };
            case "SUB" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic8::subRmReg;
                    case REG_RM -> Arithmetic8::subRegRm;
                    case RM_IMM -> Arithmetic8::subRmImm;
                    case REG_MEM -> Arithmetic8::subRegMem;
                    case MEM_REG -> Arithmetic8::subMemReg;
                    case MEM_IMM -> Arithmetic8::subMemImm;
                };
            case "XOR" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic8::xorRmReg;
                    case REG_RM -> Arithmetic8::xorRegRm;
                    case RM_IMM -> Arithmetic8::xorRmImm;
                    case REG_MEM -> Arithmetic8::xorRegMem;
                    case MEM_REG -> Arithmetic8::xorMemReg;
                    case MEM_IMM -> Arithmetic8::xorMemImm;
                };
            case "CMP" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic8::cmpRmReg;
                    case REG_RM -> Arithmetic8::cmpRegRm;
                    case RM_IMM -> Arithmetic8::cmpRmImm;
                    case REG_MEM -> Arithmetic8::cmpRegMem;
                    case MEM_REG -> Arithmetic8::cmpMemReg;
                    case MEM_IMM -> Arithmetic8::cmpMemImm;
                };
            case "TEST" ->
                switch (Form.of(i)) {
                    case RM_REG, REG_RM -> Arithmetic8::testRmReg;
                    case RM_IMM -> Arithmetic8::testRmImm;
                    case REG_MEM, MEM_REG -> Arithmetic8::testMemReg;
                    case MEM_IMM -> Arithmetic8::testMemImm;
                };
            case "INC" -> i.memory ? Arithmetic8::incMem : Arithmetic8::incRm;
            case "DEC" -> i.memory ? Arithmetic8::decMem : Arithmetic8::decRm;
            case "NEG" -> i.memory ? Arithmetic8::negMem : Arithmetic8::negRm;
            case "NOT" -> i.memory ? Arithmetic8::notMem : Arithmetic8::notRm;
            default -> null;
        };
    }

    static void addRmReg(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a + b);
        Registers.set8(c, o, o.rm, r);
        Flags.add(c, a, b, r);
    }

    static void addRegRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = Registers.get8(c, o, o.rm);
        int r = (byte) (a + b);
        Registers.set8(c, o, o.reg, r);
        Flags.add(c, a, b, r);
    }

    static void addRmImm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = (byte) o.imm;
        int r = (byte) (a + b);
        Registers.set8(c, o, o.rm, r);
        Flags.add(c, a, b, r);
    }

    static void addRegMem(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
        int r = (byte) (a + b);
        Registers.set8(c, o, o.reg, r);
        Flags.add(c, a, b, r);
    }

    static void addMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a + b);
        Memory.store8(c, la, o.segment, r);
        Flags.add(c, a, b, r);
    }

    static void addMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = (byte) o.imm;
        int r = (byte) (a + b);
        Memory.store8(c, la, o.segment, r);
        Flags.add(c, a, b, r);
    }

    static void orRmReg(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a | b);
        Registers.set8(c, o, o.rm, r);
        Flags.logic(c, r);
    }

    static void orRegRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = Registers.get8(c, o, o.rm);
        int r = (byte) (a | b);
        Registers.set8(c, o, o.reg, r);
        Flags.logic(c, r);
    }

    static void orRmImm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = (byte) o.imm;
        int r = (byte) (a | b);
        Registers.set8(c, o, o.rm, r);
        Flags.logic(c, r);
    }

    static void orRegMem(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
        int r = (byte) (a | b);
        Registers.set8(c, o, o.reg, r);
        Flags.logic(c, r);
    }

    static void orMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a | b);
        Memory.store8(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void orMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = (byte) o.imm;
        int r = (byte) (a | b);
        Memory.store8(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void adcRmReg(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a + b + Carry.in(c));
        Registers.set8(c, o, o.rm, r);
        Carry.add(c, a, b, r);
    }

    static void adcRegRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = Registers.get8(c, o, o.rm);
        int r = (byte) (a + b + Carry.in(c));
        Registers.set8(c, o, o.reg, r);
        Carry.add(c, a, b, r);
    }

    static void adcRmImm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = (byte) o.imm;
        int r = (byte) (a + b + Carry.in(c));
        Registers.set8(c, o, o.rm, r);
        Carry.add(c, a, b, r);
    }

    static void adcRegMem(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
        int r = (byte) (a + b + Carry.in(c));
        Registers.set8(c, o, o.reg, r);
        Carry.add(c, a, b, r);
    }

    static void adcMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a + b + Carry.in(c));
        Memory.store8(c, la, o.segment, r);
        Carry.add(c, a, b, r);
    }

    static void adcMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = (byte) o.imm;
        int r = (byte) (a + b + Carry.in(c));
        Memory.store8(c, la, o.segment, r);
        Carry.add(c, a, b, r);
    }

    static void sbbRmReg(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a - b - Carry.in(c));
        Registers.set8(c, o, o.rm, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbRegRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = Registers.get8(c, o, o.rm);
        int r = (byte) (a - b - Carry.in(c));
        Registers.set8(c, o, o.reg, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbRmImm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = (byte) o.imm;
        int r = (byte) (a - b - Carry.in(c));
        Registers.set8(c, o, o.rm, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbRegMem(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
        int r = (byte) (a - b - Carry.in(c));
        Registers.set8(c, o, o.reg, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a - b - Carry.in(c));
        Memory.store8(c, la, o.segment, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = (byte) o.imm;
        int r = (byte) (a - b - Carry.in(c));
        Memory.store8(c, la, o.segment, r);
        Carry.sub(c, a, b, r);
    }

    static void andRmReg(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a & b);
        Registers.set8(c, o, o.rm, r);
        Flags.logic(c, r);
    }

    static void andRegRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = Registers.get8(c, o, o.rm);
        int r = (byte) (a & b);
        Registers.set8(c, o, o.reg, r);
        Flags.logic(c, r);
    }

    static void andRmImm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = (byte) o.imm;
        int r = (byte) (a & b);
        Registers.set8(c, o, o.rm, r);
        Flags.logic(c, r);
    }

    static void andRegMem(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
        int r = (byte) (a & b);
        Registers.set8(c, o, o.reg, r);
        Flags.logic(c, r);
    }

    static void andMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a & b);
        Memory.store8(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void andMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = (byte) o.imm;
        int r = (byte) (a & b);
        Memory.store8(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void subRmReg(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a - b);
        Registers.set8(c, o, o.rm, r);
        Flags.sub(c, a, b, r);
    }

    static void subRegRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = Registers.get8(c, o, o.rm);
        int r = (byte) (a - b);
        Registers.set8(c, o, o.reg, r);
        Flags.sub(c, a, b, r);
    }

    static void subRmImm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = (byte) o.imm;
        int r = (byte) (a - b);
        Registers.set8(c, o, o.rm, r);
        Flags.sub(c, a, b, r);
    }

    static void subRegMem(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
        int r = (byte) (a - b);
        Registers.set8(c, o, o.reg, r);
        Flags.sub(c, a, b, r);
    }

    static void subMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a - b);
        Memory.store8(c, la, o.segment, r);
        Flags.sub(c, a, b, r);
    }

    static void subMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = (byte) o.imm;
        int r = (byte) (a - b);
        Memory.store8(c, la, o.segment, r);
        Flags.sub(c, a, b, r);
    }

    static void xorRmReg(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a ^ b);
        Registers.set8(c, o, o.rm, r);
        Flags.logic(c, r);
    }

    static void xorRegRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = Registers.get8(c, o, o.rm);
        int r = (byte) (a ^ b);
        Registers.set8(c, o, o.reg, r);
        Flags.logic(c, r);
    }

    static void xorRmImm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = (byte) o.imm;
        int r = (byte) (a ^ b);
        Registers.set8(c, o, o.rm, r);
        Flags.logic(c, r);
    }

    static void xorRegMem(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
        int r = (byte) (a ^ b);
        Registers.set8(c, o, o.reg, r);
        Flags.logic(c, r);
    }

    static void xorMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a ^ b);
        Memory.store8(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void xorMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int b = (byte) o.imm;
        int r = (byte) (a ^ b);
        Memory.store8(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void cmpRmReg(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void cmpRegRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = Registers.get8(c, o, o.rm);
        int r = (byte) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void cmpRmImm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int b = (byte) o.imm;
        int r = (byte) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void cmpRegMem(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.reg);
        int b = (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
        int r = (byte) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void cmpMemReg(Cpu c, Op o) {
        int a = (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
        int b = Registers.get8(c, o, o.reg);
        int r = (byte) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void cmpMemImm(Cpu c, Op o) {
        int a = (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
        int b = (byte) o.imm;
        int r = (byte) (a - b);
        Flags.sub(c, a, b, r);
    }

    static void testRmReg(Cpu c, Op o) {
        Flags.logic(c, Registers.get8(c, o, o.rm) & Registers.get8(c, o, o.reg));
    }

    static void testRmImm(Cpu c, Op o) {
        Flags.logic(c, Registers.get8(c, o, o.rm) & (byte) o.imm);
    }

    static void testMemReg(Cpu c, Op o) {
        Flags.logic(c, (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment) & Registers.get8(c, o, o.reg));
    }

    static void testMemImm(Cpu c, Op o) {
        Flags.logic(c, (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment) & (byte) o.imm);
    }

    static void incRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int r = (byte) (a + 1);
        Registers.set8(c, o, o.rm, r);
        Flags.inc(c, a, r);
    }

    static void incMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int r = (byte) (a + 1);
        Memory.store8(c, la, o.segment, r);
        Flags.inc(c, a, r);
    }

    static void decRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int r = (byte) (a - 1);
        Registers.set8(c, o, o.rm, r);
        Flags.dec(c, a, r);
    }

    static void decMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int r = (byte) (a - 1);
        Memory.store8(c, la, o.segment, r);
        Flags.dec(c, a, r);
    }

    static void negRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int r = (byte) -a;
        Registers.set8(c, o, o.rm, r);
        Flags.sub(c, 0, a, r);
    }

    static void negMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int r = (byte) -a;
        Memory.store8(c, la, o.segment, r);
        Flags.sub(c, 0, a, r);
    }

    static void notRm(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        int r = ~a;
        Registers.set8(c, o, o.rm, r);
    }

    static void notMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 1);
        int a = (byte) Memory.loadForWrite(c, la, 1, o.segment);
        int r = ~a;
        Memory.store8(c, la, o.segment, r);
    }
}
