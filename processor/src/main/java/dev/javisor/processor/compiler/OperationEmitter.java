package dev.javisor.processor.compiler;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.integer.Form;
import dev.javisor.processor.integer.Multiplication;
import dev.javisor.processor.integer.Registers;
import dev.javisor.processor.integer.Shift;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.constant.ClassDesc;

/** The frequent instructions that are no branches, as bytecode. They mean what their semantics classes say. */
final class OperationEmitter {
    private static final int RAX = Registers.RAX, RDX = Registers.RDX, RSP = Registers.RSP, RBP = Registers.RBP;
    private static final int A = Emitter.A, B = Emitter.B, R = Emitter.R, ADDRESS = Emitter.ADDRESS, VALUE = Emitter.VALUE,
            CF = Emitter.CF;

    private static final ClassDesc SHIFT = Emitter.describe(Shift.class), MULTIPLICATION = Emitter.describe(Multiplication.class);

    private final Emitter e;
    private final CodeBuilder code;
    private Op o;
    private Instruction i;
    private int site;
    private int rest;
    /** Somebody may see the flags that it sets. */
    private boolean flagsNeeded;

    OperationEmitter(Emitter e) {
        this.e = e;
        this.code = e.code;
    }

    /**
     * @param rest instructions of the block that have not retired, this one included
     * @param flagsNeeded see {@link FlagLiveness}
     * @return false when there is nothing better than to call the semantics
     */
    boolean emit(Op operation, int rest, boolean flagsNeeded) {
        o = operation;
        i = o.instruction;
        site = o.start;
        this.rest = rest;
        this.flagsNeeded = flagsNeeded;
        if (o.executor.isExtended() || o.checked && o.memory && !i.opcode.mnemonic.equals("LEA")) {
            return false;
        }
        String m = i.opcode.mnemonic;
        switch (m) {
            case "NOP" -> {}
            case "MOV" -> {
                return isGeneral(i) && mov();
            }
            case "MOVZX" -> extend(Form.bits(i, 1), false);
            case "MOVSX" -> extend(Form.bits(i, 1), true);
            case "MOVSXD" -> {
                if (i.operandSize != 64) {
                    return false;
                }
                extend(32, true);
            }
            case "LEA" -> {
                e.effectiveAddress(o).store(VALUE);
                e.setRegister(i, o.reg, i.operandSize, VALUE);
            }
            case "ADD", "ADC", "SBB", "OR", "AND", "SUB", "XOR", "CMP", "TEST" -> arithmetic(m);
            case "INC", "DEC", "NEG", "NOT" -> unary(m);
            case "SHL", "SAL", "SHR", "SAR" -> {
                return shift(m);
            }
            case "IMUL" -> {
                return multiply();
            }
            case "CBW" -> widen(RAX, i.operandSize / 2, 0);
            case "CWD" -> widen(RDX, i.operandSize, i.operandSize - 1);
            case "PUSH" -> {
                return push();
            }
            case "POP" -> {
                return pop();
            }
            case "LEAVE" -> {
                return leave();
            }
            default -> {
                return conditional(m);
            }
        }
        return true;
    }

    private int at() {
        return Access.at(site, rest, o.segment);
    }

    private boolean is64() {
        return i.codeSize == CodeSize.BITS64 && i.operandSize == 64;
    }

    /** A move between general registers, memory and immediates. */
    static boolean isGeneral(Instruction i) {
        return "CDST".indexOf(i.opcode.operands.get(0).charAt(0)) < 0 && "CDST".indexOf(i.opcode.operands.get(1).charAt(0)) < 0;
    }

    private void address() {
        e.linearAddress(o).store(ADDRESS);
    }

    // ---- data transfer ----

    private boolean mov() {
        int bits = Form.bits(i);
        switch (Form.of(i)) {
            case RM_REG -> copy(o.rm, o.reg, bits);
            case REG_RM -> copy(o.reg, o.rm, bits);
            case RM_IMM -> {
                e.constant(bits == 32 ? o.imm & 0xFFFFFFFFL : o.imm).store(VALUE);
                set(o.rm, bits);
            }
            case REG_MEM -> {
                address();
                e.loadMemoryUnsigned(bits, at()).store(VALUE);
                set(o.reg, bits);
            }
            case MEM_REG -> {
                address();
                e.register(i, o.reg, bits == 32 ? 64 : bits).store(VALUE);
                e.storeMemory(bits, VALUE, at());
            }
            case MEM_IMM -> {
                address();
                e.constant(o.imm).store(VALUE);
                e.storeMemory(bits, VALUE, at());
            }
        }
        return true;
    }

    /** Writes VALUE, zero-extended, to a register operand. */
    private void set(int register, int bits) {
        if (bits >= 32) {
            e.setExtended(register, bits, VALUE);
        } else {
            e.setRegister(i, register, bits, VALUE);
        }
    }

    private void copy(int to, int from, int bits) {
        if (bits == 32) {
            e.lowHalf(from).store(VALUE);
        } else {
            e.register(i, from, bits).store(VALUE);
        }
        set(to, bits);
    }

    private void extend(int from, boolean signed) {
        if (i.memory) {
            address();
            if (signed) {
                e.loadMemory(from, at(), false);
            } else {
                e.loadMemoryUnsigned(from, at());
            }
        } else {
            e.register(i, o.rm, from);
            if (!signed) {
                e.and((1L << from) - 1);
            }
        }
        e.store(VALUE);
        if (signed) {
            e.setRegister(i, o.reg, i.operandSize, VALUE);
        } else {
            set(o.reg, i.operandSize);
        }
    }

    /** Sign extension of the accumulator's low bits, shifted right. */
    private void widen(int target, int from, int shift) {
        e.register(RAX).signExtend(from);
        if (shift != 0) {
            code.loadConstant(shift).lshr();
        }
        e.store(VALUE);
        e.setRegister(i, target, i.operandSize, VALUE);
    }

    // ---- arithmetic ----

    private void arithmetic(String m) {
        int bits = Form.bits(i);
        boolean compare = m.equals("CMP") || m.equals("TEST");
        Form form = Form.of(i);
        boolean carries = m.equals("ADC") || m.equals("SBB");
        if (!flagsNeeded && !compare && !carries && form != Form.MEM_REG && form != Form.MEM_IMM) {
            if (bits < 32) {
                calculateNarrow(operation(m), form, bits);
            } else {
                calculate(operation(m), form, bits);
            }
            return;
        }
        if (carries) {
            e.carry().store(CF);
        }
        if (i.memory) {
            address();
        }
        switch (form) {
            case RM_REG, RM_IMM -> e.register(i, o.rm, bits).store(A);
            case REG_RM, REG_MEM -> e.register(i, o.reg, bits).store(A);
            case MEM_REG, MEM_IMM -> e.loadMemory(bits, at(), !compare).store(A);
        }
        switch (form) {
            case RM_REG, MEM_REG -> e.register(i, o.reg, bits).store(B);
            case REG_RM -> e.register(i, o.rm, bits).store(B);
            case REG_MEM -> e.loadMemory(bits, at(), false).store(B);
            case RM_IMM, MEM_IMM -> e.constant(o.imm).signExtend(bits).store(B);
        }
        e.load(A).load(B);
        int kind = Flags.LOGIC;
        switch (m) {
            case "ADC" -> {
                code.ladd();
                e.load(CF);
                code.ladd();
                kind = Flags.RESULT;
            }
            case "SBB" -> {
                code.lsub();
                e.load(CF);
                code.lsub();
                kind = Flags.RESULT;
            }
            case "ADD" -> {
                code.ladd();
                kind = Flags.ADD;
            }
            case "SUB", "CMP" -> {
                code.lsub();
                kind = Flags.SUB;
            }
            case "OR" -> code.lor();
            case "XOR" -> code.lxor();
            default -> code.land();
        }
        if (kind != Flags.LOGIC) {
            e.signExtend(bits);
        }
        e.store(R);
        boolean toMemory = form == Form.MEM_REG || form == Form.MEM_IMM;
        if (!compare && !toMemory && e.isOptimized() && (kind == Flags.LOGIC ? bits < 64 : bits == 32 && kind != Flags.RESULT)) {
            e.changeRegister(i, form == Form.REG_RM || form == Form.REG_MEM ? o.reg : o.rm, bits, operation(m));
        } else if (!compare) {
            writeBack(form == Form.REG_RM || form == Form.REG_MEM ? o.reg : o.rm, toMemory, bits);
        }
        if (!flagsNeeded) {
            e.flagsNotSet();
            return;
        }
        if (kind == Flags.RESULT) {
            e.flagBits(Emitter.CARRY, m.equals("ADC") ? "addBits" : "subBits", A, B, R);
        }
        e.setFlags(kind);
    }

    /** Changes a register of 32 or 64 bits by an operation whose flags nobody can see. */
    private void calculate(Opcode operation, Form form, int bits) {
        int register = form == Form.REG_RM || form == Form.REG_MEM ? o.reg : o.rm;
        boolean logical = operation == Opcode.LOR || operation == Opcode.LXOR;
        if (form == Form.REG_MEM) {
            address();
            e.loadMemoryUnsigned(bits, at()).store(B);
        }
        boolean early = bits == 32 && logical && form == Form.REG_MEM && e.isOptimized();
        boolean narrow = e.isNarrow(register);
        // What is loaded often comes last: then nothing is left to be done to the result.
        if (early) {
            e.lowHalf(register);
        } else {
            e.register(register);
        }
        boolean otherNarrow = o.imm >= 0;
        switch (form) {
            case RM_REG -> otherNarrow = e.register(o.reg).isNarrow(o.reg);
            case REG_RM -> otherNarrow = e.register(o.rm).isNarrow(o.rm);
            case REG_MEM -> {
                otherNarrow = true;
                e.load(B);
            }
            default -> e.constant(o.imm);
        }
        e.operate(operation);
        boolean isZeroAbove = operation == Opcode.LAND ? narrow || otherNarrow : logical && narrow && otherNarrow;
        e.and(bits == 32 && !early && !isZeroAbove ? 0xFFFFFFFFL : -1).store(R);
        e.setExtended(register, bits, R);
        e.flagsNotSet();
    }

    /** The same for registers of 8 or 16 bits. */
    private void calculateNarrow(Opcode operation, Form form, int bits) {
        int register = form == Form.REG_RM || form == Form.REG_MEM ? o.reg : o.rm;
        switch (form) {
            case RM_REG -> e.lowest(i, o.reg, bits);
            case REG_RM -> e.lowest(i, o.rm, bits);
            case REG_MEM -> {
                address();
                e.loadMemoryUnsigned(bits, at());
            }
            default -> e.constant(o.imm & (1L << bits) - 1);
        }
        e.store(B);
        if (operation == Opcode.LADD || operation == Opcode.LSUB) {
            e.lowest(i, register, bits).load(B).operate(operation).store(R);
            e.setRegister(i, register, bits, R);
        } else {
            e.changeRegister(i, register, bits, operation);
        }
        e.flagsNotSet();
    }

    private static Opcode operation(String m) {
        return switch (m) {
            case "ADD" -> Opcode.LADD;
            case "SUB" -> Opcode.LSUB;
            case "OR" -> Opcode.LOR;
            case "XOR" -> Opcode.LXOR;
            default -> Opcode.LAND;
        };
    }

    /** A shift of a register of 32 or 64 bits by a constant. */
    static boolean isShiftByConstant(Op o) {
        return !o.memory && Form.bits(o.instruction) >= 32 && !o.instruction.opcode.operands.get(1).equals("CL");
    }

    static int shiftCount(Op o, int bits) {
        return (o.instruction.opcode.operands.get(1).equals("1") ? 1 : (int) o.imm) & bits - 1;
    }

    private boolean shift(String m) {
        int bits = Form.bits(i);
        if (!isShiftByConstant(o)) {
            return false;
        }
        int n = shiftCount(o, bits);
        if (n == 0) {
            copy(o.rm, o.rm, bits);
            return true;
        }
        boolean arithmetic = m.equals("SAR");
        boolean left = m.startsWith("S") && m.charAt(2) == 'L';
        if (arithmetic) {
            e.register(i, o.rm, bits);
        } else if (bits == 32) {
            e.lowHalf(o.rm);
        } else {
            e.register(o.rm);
        }
        if (!flagsNeeded) {
            shiftBy(n, left, arithmetic);
            if (left || arithmetic) {
                setResult(bits);
            } else {
                e.store(R);
                e.setExtended(o.rm, bits, R);
                e.flagsNotSet();
            }
            return true;
        }
        e.store(A);
        e.load(A);
        shiftBy(n, left, arithmetic);
        e.signExtend(bits).store(R);
        e.setRegister(i, o.rm, bits, R);
        e.load(A);
        shiftBy(left ? bits - n : n - 1, false, arithmetic);
        e.and(1).store(B);
        if (left) {
            e.flagBits(SHIFT, "shlBits", B, R);
        } else if (!arithmetic) {
            // The result has a zero in front, so that OF is the bit behind it.
            e.load(R);
            shiftBy(bits - 2, false, false);
            e.and(1).store(VALUE);
            e.flagBits(SHIFT, "shrBits", B, VALUE);
        }
        e.setFlags(Flags.RESULT);
        return true;
    }

    /** The register operand of 32 or 64 bits becomes what is on the Java stack; flags that nobody can see have been left out. */
    private void setResult(int bits) {
        e.and(bits == 32 ? 0xFFFFFFFFL : -1).store(R);
        e.setExtended(o.rm, bits, R);
        e.flagsNotSet();
    }

    private void shiftBy(int n, boolean left, boolean arithmetic) {
        if (n != 0) {
            code.loadConstant(n);
            if (left) {
                code.lshl();
            } else if (arithmetic) {
                code.lshr();
            } else {
                code.lushr();
            }
        }
    }

    /** IMUL with two or three operands. */
    private boolean multiply() {
        int bits = i.operandSize;
        int operands = i.opcode.operands.size();
        if (operands < 2 || bits < 32) {
            return false;
        }
        if (i.memory) {
            address();
            e.loadMemory(bits, at(), false).store(B);
        } else {
            e.register(i, o.rm, bits).store(B);
        }
        if (operands == 3) {
            e.constant(o.imm).store(A);
        } else {
            e.register(i, o.reg, bits).store(A);
        }
        e.load(A).load(B);
        code.lmul();
        e.store(VALUE);
        if (!flagsNeeded) {
            e.setRegister(i, o.reg, bits, VALUE);
            e.flagsNotSet();
            return true;
        }
        e.load(VALUE).signExtend(bits).store(R);
        e.setRegister(i, o.reg, bits, R);
        if (bits == 32) {
            e.flagBits(MULTIPLICATION, "bits32", VALUE);
        } else {
            e.flagBits(MULTIPLICATION, "bits64", A, B, VALUE);
        }
        e.setFlags(Flags.RESULT);
        return true;
    }

    private void writeBack(int register, boolean toMemory, int bits) {
        if (toMemory) {
            e.storeMemory(bits, R, at());
        } else {
            e.setRegister(i, register, bits, R);
        }
    }

    private void unary(String m) {
        int bits = Form.bits(i);
        if (m.equals("NOT")) {
            not(bits);
            return;
        }
        boolean negates = m.equals("NEG");
        if (!flagsNeeded && !i.memory && bits >= 32) {
            if (negates) {
                code.lconst_0();
            }
            e.register(o.rm);
            if (!negates) {
                e.constant(m.equals("INC") ? 1 : -1);
            }
            e.operate(negates ? Opcode.LSUB : Opcode.LADD);
            setResult(bits);
            return;
        }
        if (!negates && flagsNeeded) {
            e.carry().store(CF);
        }
        int operand = negates ? B : A;
        if (i.memory) {
            address();
            e.loadMemory(bits, at(), true).store(operand);
        } else {
            e.register(i, o.rm, bits).store(operand);
        }
        if (negates) {
            e.constant(0).store(A);
            e.load(A).load(B);
            code.lsub();
        } else {
            e.load(A).constant(m.equals("INC") ? 1 : -1);
            code.ladd();
        }
        e.signExtend(bits).store(R);
        writeBack(o.rm, i.memory, bits);
        if (!flagsNeeded) {
            e.flagsNotSet();
        } else if (negates) {
            e.setFlags(Flags.SUB);
        } else {
            e.load(CF).store(B);
            e.setFlags(m.equals("INC") ? Flags.INC : Flags.DEC);
        }
    }

    private void not(int bits) {
        if (i.memory) {
            address();
            e.loadMemory(bits, at(), true);
        } else {
            e.register(i, o.rm, bits);
        }
        e.constant(-1);
        code.lxor();
        e.store(VALUE);
        if (i.memory) {
            e.storeMemory(bits, VALUE, at());
        } else {
            e.setRegister(i, o.rm, bits, VALUE);
        }
    }

    // ---- stack ----

    private int stackAt() {
        return Access.at(site, rest, Cpu.SS);
    }

    private boolean push() {
        if (!is64() || i.opcode.operands.get(0).charAt(1) == 'S') {
            return false;
        }
        if (i.opcode.operands.get(0).indexOf('I') >= 0) {
            e.constant(o.imm).store(VALUE);
        } else if (i.memory) {
            address();
            e.loadMemory(64, at(), false).store(VALUE);
        } else {
            e.register(o.rm).store(VALUE);
        }
        e.push(stackAt());
        return true;
    }

    private boolean pop() {
        if (!is64() || i.memory || i.opcode.operands.get(0).charAt(1) == 'S') {
            return false;
        }
        e.pop(stackAt());
        e.setRegister(i, o.rm, 64, VALUE);
        return true;
    }

    private boolean leave() {
        if (!is64()) {
            return false;
        }
        e.register(RBP).store(ADDRESS);
        e.loadMemory(64, stackAt(), false).store(VALUE);
        e.moveStack(8);
        e.setRegister(i, RBP, 64, VALUE);
        return true;
    }

    // ---- SETcc and CMOVcc ----

    private boolean conditional(String m) {
        int condition = i.opcode.code & 15;
        if (m.startsWith("CMOV") && !i.memory && i.operandSize >= 32) {
            Label not = code.newLabel();
            Label done = code.newLabel();
            e.jumpIf(condition ^ 1, not);
            boolean narrow = e.isNarrow(o.reg);
            copy(o.reg, o.rm, i.operandSize);
            if (i.operandSize == 32) {
                code.goto_(done);
                code.labelBinding(not);
                e.setNarrow(o.reg, narrow);
                copy(o.reg, o.reg, 32);
            } else {
                code.labelBinding(not);
            }
            code.labelBinding(done);
            return true;
        }
        if (m.startsWith("SET") && i.opcode.operands.size() == 1 && i.opcode.operands.get(0).equals("Eb") && !i.memory) {
            Label done = code.newLabel();
            e.constant(1).store(VALUE);
            e.jumpIf(condition, done);
            e.constant(0).store(VALUE);
            code.labelBinding(done);
            e.setRegister(i, o.rm, 8, VALUE);
            return true;
        }
        return false;
    }
}
