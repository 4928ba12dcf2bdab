package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Binary and unary arithmetic and logic on 64-bit operands, one method for each place of the operands. */
final class Arithmetic64 {
    private Arithmetic64() {}

    static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "ADD" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic64::addRmReg;
                    case REG_RM -> Arithmetic64::addRegRm;
                    case RM_IMM -> Arithmetic64::addRmImm;
                    case REG_MEM -> Arithmetic64::addRegMem;
                    case MEM_REG -> Arithmetic64::addMemReg;
                    case MEM_IMM -> Arithmetic64::addMemImm;
                };
            case "OR" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic64::orRmReg;
                    case REG_RM -> Arithmetic64::orRegRm;
                    case RM_IMM -> Arithmetic64::orRmImm;
                    case REG_MEM -> Arithmetic64::orRegMem;
                    case MEM_REG -> Arithmetic64::orMemReg;
                    case MEM_IMM -> Arithmetic64::orMemImm;
                };
            case "ADC" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic64::adcRmReg;
                    case REG_RM -> Arithmetic64::adcRegRm;
                    case RM_IMM -> Arithmetic64::adcRmImm;
                    case REG_MEM -> Arithmetic64::adcRegMem;
                    case MEM_REG -> Arithmetic64::adcMemReg;
                    case MEM_IMM -> Arithmetic64::adcMemImm;
                };
            case "SBB" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic64::sbbRmReg;
                    case REG_RM -> Arithmetic64::sbbRegRm;
                    case RM_IMM -> Arithmetic64::sbbRmImm;
                    case REG_MEM -> Arithmetic64::sbbRegMem;
                    case MEM_REG -> Arithmetic64::sbbMemReg;
                    case MEM_IMM -> Arithmetic64::sbbMemImm;
                };
            case "AND" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic64::andRmReg;
                    case REG_RM -> Arithmetic64::andRegRm;
                    case RM_IMM -> Arithmetic64::andRmImm;
                    case REG_MEM -> Arithmetic64::andRegMem;
                    case MEM_REG -> Arithmetic64::andMemReg;
                    case MEM_IMM -> Arithmetic64::andMemImm;
                };
            case "SUB" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic64::subRmReg;
                    case REG_RM -> Arithmetic64::subRegRm;
                    case RM_IMM -> Arithmetic64::subRmImm;
                    case REG_MEM -> Arithmetic64::subRegMem;
                    case MEM_REG -> Arithmetic64::subMemReg;
                    case MEM_IMM -> Arithmetic64::subMemImm;
                };
            case "XOR" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic64::xorRmReg;
                    case REG_RM -> Arithmetic64::xorRegRm;
                    case RM_IMM -> Arithmetic64::xorRmImm;
                    case REG_MEM -> Arithmetic64::xorRegMem;
                    case MEM_REG -> Arithmetic64::xorMemReg;
                    case MEM_IMM -> Arithmetic64::xorMemImm;
                };
            case "CMP" ->
                switch (Form.of(i)) {
                    case RM_REG -> Arithmetic64::cmpRmReg;
                    case REG_RM -> Arithmetic64::cmpRegRm;
                    case RM_IMM -> Arithmetic64::cmpRmImm;
                    case REG_MEM -> Arithmetic64::cmpRegMem;
                    case MEM_REG -> Arithmetic64::cmpMemReg;
                    case MEM_IMM -> Arithmetic64::cmpMemImm;
                };
            case "TEST" ->
                switch (Form.of(i)) {
                    case RM_REG, REG_RM -> Arithmetic64::testRmReg;
                    case RM_IMM -> Arithmetic64::testRmImm;
                    case REG_MEM, MEM_REG -> Arithmetic64::testMemReg;
                    case MEM_IMM -> Arithmetic64::testMemImm;
                };
            case "INC" -> i.memory ? Arithmetic64::incMem : Arithmetic64::incRm;
            case "DEC" -> i.memory ? Arithmetic64::decMem : Arithmetic64::decRm;
            case "NEG" -> i.memory ? Arithmetic64::negMem : Arithmetic64::negRm;
            case "NOT" -> i.memory ? Arithmetic64::notMem : Arithmetic64::notRm;
            default -> null;
        };
    }

    static void addRmReg(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = c.gpr[o.reg];
        long r = a + b;
        c.gpr[o.rm] = r;
        Flags.add(c, a, b, r);
    }

    static void addRegRm(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = c.gpr[o.rm];
        long r = a + b;
        c.gpr[o.reg] = r;
        Flags.add(c, a, b, r);
    }

    static void addRmImm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = o.imm;
        long r = a + b;
        c.gpr[o.rm] = r;
        Flags.add(c, a, b, r);
    }

    static void addRegMem(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
        long r = a + b;
        c.gpr[o.reg] = r;
        Flags.add(c, a, b, r);
    }

    static void addMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = c.gpr[o.reg];
        long r = a + b;
        Memory.store64(c, la, o.segment, r);
        Flags.add(c, a, b, r);
    }

    static void addMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = o.imm;
        long r = a + b;
        Memory.store64(c, la, o.segment, r);
        Flags.add(c, a, b, r);
    }

    static void orRmReg(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = c.gpr[o.reg];
        long r = a | b;
        c.gpr[o.rm] = r;
        Flags.logic(c, r);
    }

    static void orRegRm(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = c.gpr[o.rm];
        long r = a | b;
        c.gpr[o.reg] = r;
        Flags.logic(c, r);
    }

    static void orRmImm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = o.imm;
        long r = a | b;
        c.gpr[o.rm] = r;
        Flags.logic(c, r);
    }

    static void orRegMem(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
        long r = a | b;
        c.gpr[o.reg] = r;
        Flags.logic(c, r);
    }

    static void orMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = c.gpr[o.reg];
        long r = a | b;
        Memory.store64(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void orMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = o.imm;
        long r = a | b;
        Memory.store64(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void adcRmReg(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = c.gpr[o.reg];
        long r = a + b + Carry.in(c);
        c.gpr[o.rm] = r;
        Carry.add(c, a, b, r);
    }

    static void adcRegRm(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = c.gpr[o.rm];
        long r = a + b + Carry.in(c);
        c.gpr[o.reg] = r;
        Carry.add(c, a, b, r);
    }

    static void adcRmImm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = o.imm;
        long r = a + b + Carry.in(c);
        c.gpr[o.rm] = r;
        Carry.add(c, a, b, r);
    }

    static void adcRegMem(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
        long r = a + b + Carry.in(c);
        c.gpr[o.reg] = r;
        Carry.add(c, a, b, r);
    }

    static void adcMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = c.gpr[o.reg];
        long r = a + b + Carry.in(c);
        Memory.store64(c, la, o.segment, r);
        Carry.add(c, a, b, r);
    }

    static void adcMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = o.imm;
        long r = a + b + Carry.in(c);
        Memory.store64(c, la, o.segment, r);
        Carry.add(c, a, b, r);
    }

    static void sbbRmReg(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = c.gpr[o.reg];
        long r = a - b - Carry.in(c);
        c.gpr[o.rm] = r;
        Carry.sub(c, a, b, r);
    }

    static void sbbRegRm(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = c.gpr[o.rm];
        long r = a - b - Carry.in(c);
        c.gpr[o.reg] = r;
        Carry.sub(c, a, b, r);
    }

    static void sbbRmImm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = o.imm;
        long r = a - b - Carry.in(c);
        c.gpr[o.rm] = r;
        Carry.sub(c, a, b, r);
    }

    static void sbbRegMem(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
        long r = a - b - Carry.in(c);
        c.gpr[o.reg] = r;
        Carry.sub(c, a, b, r);
    }

    static void sbbMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = c.gpr[o.reg];
        long r = a - b - Carry.in(c);
        Memory.store64(c, la, o.segment, r);
        Carry.sub(c, a, b, r);
    }

    static void sbbMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = o.imm;
        long r = a - b - Carry.in(c);
        Memory.store64(c, la, o.segment, r);
        Carry.sub(c, a, b, r);
    }

    static void andRmReg(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = c.gpr[o.reg];
        long r = a & b;
        c.gpr[o.rm] = r;
        Flags.logic(c, r);
    }

    static void andRegRm(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = c.gpr[o.rm];
        long r = a & b;
        c.gpr[o.reg] = r;
        Flags.logic(c, r);
    }

    static void andRmImm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = o.imm;
        long r = a & b;
        c.gpr[o.rm] = r;
        Flags.logic(c, r);
    }

    static void andRegMem(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
        long r = a & b;
        c.gpr[o.reg] = r;
        Flags.logic(c, r);
    }

    static void andMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = c.gpr[o.reg];
        long r = a & b;
        Memory.store64(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void andMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = o.imm;
        long r = a & b;
        Memory.store64(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void subRmReg(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = c.gpr[o.reg];
        long r = a - b;
        c.gpr[o.rm] = r;
        Flags.sub(c, a, b, r);
    }

    static void subRegRm(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = c.gpr[o.rm];
        long r = a - b;
        c.gpr[o.reg] = r;
        Flags.sub(c, a, b, r);
    }

    static void subRmImm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = o.imm;
        long r = a - b;
        c.gpr[o.rm] = r;
        Flags.sub(c, a, b, r);
    }

    static void subRegMem(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
        long r = a - b;
        c.gpr[o.reg] = r;
        Flags.sub(c, a, b, r);
    }

    static void subMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = c.gpr[o.reg];
        long r = a - b;
        Memory.store64(c, la, o.segment, r);
        Flags.sub(c, a, b, r);
    }

    static void subMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = o.imm;
        long r = a - b;
        Memory.store64(c, la, o.segment, r);
        Flags.sub(c, a, b, r);
    }

    static void xorRmReg(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = c.gpr[o.reg];
        long r = a ^ b;
        c.gpr[o.rm] = r;
        Flags.logic(c, r);
    }

    static void xorRegRm(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = c.gpr[o.rm];
        long r = a ^ b;
        c.gpr[o.reg] = r;
        Flags.logic(c, r);
    }

    static void xorRmImm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = o.imm;
        long r = a ^ b;
        c.gpr[o.rm] = r;
        Flags.logic(c, r);
    }

    static void xorRegMem(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
        long r = a ^ b;
        c.gpr[o.reg] = r;
        Flags.logic(c, r);
    }

    static void xorMemReg(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = c.gpr[o.reg];
        long r = a ^ b;
        Memory.store64(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void xorMemImm(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long b = o.imm;
        long r = a ^ b;
        Memory.store64(c, la, o.segment, r);
        Flags.logic(c, r);
    }

    static void cmpRmReg(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = c.gpr[o.reg];
        long r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void cmpRegRm(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = c.gpr[o.rm];
        long r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void cmpRmImm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long b = o.imm;
        long r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void cmpRegMem(Cpu c, Op o) {
        long a = c.gpr[o.reg];
        long b = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
        long r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void cmpMemReg(Cpu c, Op o) {
        long a = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
        long b = c.gpr[o.reg];
        long r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void cmpMemImm(Cpu c, Op o) {
        long a = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
        long b = o.imm;
        long r = a - b;
        Flags.sub(c, a, b, r);
    }

    static void testRmReg(Cpu c, Op o) {
        Flags.logic(c, c.gpr[o.rm] & c.gpr[o.reg]);
    }

    static void testRmImm(Cpu c, Op o) {
        Flags.logic(c, c.gpr[o.rm] & o.imm);
    }

    static void testMemReg(Cpu c, Op o) {
        Flags.logic(c, Memory.load64(c, Memory.readAddress(c, o, 8), o.segment) & c.gpr[o.reg]);
    }

    static void testMemImm(Cpu c, Op o) {
        Flags.logic(c, Memory.load64(c, Memory.readAddress(c, o, 8), o.segment) & o.imm);
    }

    static void incRm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long r = a + 1;
        c.gpr[o.rm] = r;
        Flags.inc(c, a, r);
    }

    static void incMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long r = a + 1;
        Memory.store64(c, la, o.segment, r);
        Flags.inc(c, a, r);
    }

    static void decRm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long r = a - 1;
        c.gpr[o.rm] = r;
        Flags.dec(c, a, r);
    }

    static void decMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long r = a - 1;
        Memory.store64(c, la, o.segment, r);
        Flags.dec(c, a, r);
    }

    static void negRm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long r = -a;
        c.gpr[o.rm] = r;
        Flags.sub(c, 0, a, r);
    }

    static void negMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long r = -a;
        Memory.store64(c, la, o.segment, r);
        Flags.sub(c, 0, a, r);
    }

    static void notRm(Cpu c, Op o) {
        long a = c.gpr[o.rm];
        long r = ~a;
        c.gpr[o.rm] = r;
    }

    static void notMem(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        long r = ~a;
        Memory.store64(c, la, o.segment, r);
    }
}
