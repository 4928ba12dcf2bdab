package dev.javisor.processor.compiler;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Executor;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.integer.Carry;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.Arrays;
import java.util.List;

/** Writes bytecode in terms of guest registers, memory and flags. Long values are on the Java stack, or in the locals named here. */
final class Emitter {
    static final ClassDesc CPU = describe(Cpu.class), OP = describe(Op.class), EXECUTOR = describe(Executor.class),
            FLAGS = describe(Flags.class), ACCESS = describe(Access.class), CARRY = describe(Carry.class);
    private static final ClassDesc INT = ConstantDescs.CD_int, LONG = ConstantDescs.CD_long, VOID = ConstantDescs.CD_void,
            BOOLEAN = ConstantDescs.CD_boolean;
    private static final MethodTypeDesc CONDITION = MethodTypeDesc.of(BOOLEAN, CPU), RUN = MethodTypeDesc.of(VOID, CPU, OP);
    private static final List<String> CONDITIONS = List.of("of", "cf", "zf", "belowOrEqual", "sf", "pf", "less", "lessOrEqual");

    /** Locals: this, processor, entry, registers, RIP of the page; operands and result of the last flag-setting operation; scratch. */
    static final int THIS = 0, C = 1, ENTRY = 2, GPR = 3, PAGE = 4, A = 6, B = 8, R = 10, ADDRESS = 12, VALUE = 14;

    final CodeBuilder code;
    private final ClassDesc self;
    /** Kind of the flags that A, B and R hold, as in {@link Cpu#ccOp}; -1 when they hold none. */
    int flags = -1;
    /** What {@link Cpu#ccOp} is known to be; -1: not known. */
    private int storedKind = -1;

    Emitter(CodeBuilder code, ClassDesc self) {
        this.code = code;
        this.self = self;
    }

    static ClassDesc describe(Class<?> type) {
        return type.describeConstable().orElseThrow();
    }

    /** What is known about flags is so no longer: other code comes here too, or has run. */
    void forgetFlags() {
        flags = -1;
        storedKind = -1;
    }

    // ---- constants and locals ----

    Emitter constant(long v) {
        code.loadConstant(v);
        return this;
    }

    Emitter load(int local) {
        code.lload(local);
        return this;
    }

    Emitter store(int local) {
        code.lstore(local);
        return this;
    }

    Emitter and(long mask) {
        if (mask != -1) {
            code.loadConstant(mask).land();
        }
        return this;
    }

    /** Long to long: the value's low bits, sign-extended. */
    Emitter signExtend(int bits) {
        switch (bits) {
            case 8 -> code.l2i().i2b().i2l();
            case 16 -> code.l2i().i2s().i2l();
            case 32 -> code.l2i().i2l();
            default -> {}
        }
        return this;
    }

    // ---- general registers ----

    Emitter register(int r) {
        code.aload(GPR).loadConstant(r).laload();
        return this;
    }

    /** A register operand, sign-extended. */
    Emitter register(Instruction i, int r, int bits) {
        if (bits == 8 && i.highByte(r)) {
            register(r - 4);
            code.bipush(8).lshr();
        } else {
            register(r);
        }
        return signExtend(bits);
    }

    /** Writes a local, whose upper half is zero where it is to be, to a register operand of 32 or 64 bits. */
    void setExtended(int r, int local) {
        code.aload(GPR).loadConstant(r).lload(local).lastore();
    }

    /** Writes a local to a register operand. */
    void setRegister(Instruction i, int r, int bits, int local) {
        boolean high = bits == 8 && i.highByte(r);
        int target = high ? r - 4 : r;
        code.aload(GPR).loadConstant(target);
        switch (bits) {
            case 8, 16 -> {
                long mask = high ? 0xFF00 : bits == 8 ? 0xFF : 0xFFFF;
                register(target).and(~mask).load(local);
                if (high) {
                    code.bipush(8).lshl();
                }
                and(mask);
                code.lor();
            }
            case 32 -> load(local).and(0xFFFFFFFFL);
            default -> load(local);
        }
        code.lastore();
    }

    // ---- memory ----

    /** Effective address of the memory operand. */
    Emitter effectiveAddress(Op o) {
        boolean some = false;
        if (o.base == Op.BLOCK_RIP) {
            load(PAGE);
            some = true;
        } else if (o.base != Op.ZERO) {
            register(o.base);
            some = true;
        }
        if (o.index != Op.ZERO) {
            register(o.index);
            if (o.scale != 0) {
                code.loadConstant(o.scale).lshl();
            }
            if (some) {
                code.ladd();
            }
            some = true;
        }
        if (o.disp != 0 || !some) {
            constant(o.disp);
            if (some) {
                code.ladd();
            }
        }
        return and(o.addressMask);
    }

    /** Linear address of the memory operand, whose segment needs no check. */
    Emitter linearAddress(Op o) {
        effectiveAddress(o);
        boolean wide = o.linearMask == -1;
        if (!wide || o.segment >= Cpu.FS) {
            code.aload(C).getfield(CPU, "eaBase", LONG.arrayType()).loadConstant(o.segment).laload().ladd();
        }
        return and(o.linearMask);
    }

    /** With the address in {@link #ADDRESS}: the value there, sign-extended. */
    Emitter loadMemory(int bits, int at, boolean toChange) {
        code.aload(C).lload(ADDRESS).loadConstant(at);
        code.invokestatic(ACCESS, (toChange ? "change" : "load") + bits, MethodTypeDesc.of(bits == 64 ? LONG : INT, CPU, LONG, INT));
        switch (bits) {
            case 8 -> code.i2b().i2l();
            case 16 -> code.i2s().i2l();
            case 32 -> code.i2l();
            default -> {}
        }
        return this;
    }

    /** With the address in {@link #ADDRESS}: the value there, zero-extended. */
    Emitter loadMemoryUnsigned(int bits, int at) {
        code.aload(C).lload(ADDRESS).loadConstant(at);
        if (bits == 32) {
            code.invokestatic(ACCESS, "load32Extended", MethodTypeDesc.of(LONG, CPU, LONG, INT));
            return this;
        }
        code.invokestatic(ACCESS, "load" + bits, MethodTypeDesc.of(bits == 64 ? LONG : INT, CPU, LONG, INT));
        if (bits < 64) {
            code.i2l();
        }
        return this;
    }

    /** With the address in {@link #ADDRESS}: stores a local there. */
    void storeMemory(int bits, int local, int at) {
        code.aload(C).lload(ADDRESS).lload(local);
        if (bits < 64) {
            code.l2i();
        }
        code.loadConstant(at);
        code.invokestatic(ACCESS, "store" + bits, MethodTypeDesc.of(VOID, CPU, LONG, bits == 64 ? LONG : INT, INT));
    }

    // ---- flags ----

    private void flagField(String name, int local) {
        code.aload(C).lload(local).putfield(CPU, name, LONG);
    }

    /** The locals A, B and R (of which LOGIC needs R only) are what the flags come from. */
    void setFlags(int kind) {
        if (storedKind != kind) {
            code.aload(C).loadConstant(kind).putfield(CPU, "ccOp", INT);
        }
        if (kind != Flags.LOGIC) {
            flagField("ccA", A);
            flagField("ccB", B);
        }
        flagField("ccR", R);
        flags = kind;
        storedKind = kind;
    }

    /** Calls a method that sets the flags itself (to {@link Flags#RESULT}) from the processor and some locals; R is the result. */
    void setFlagsBy(ClassDesc owner, String method, int... locals) {
        code.aload(C);
        for (int local : locals) {
            code.lload(local);
        }
        ClassDesc[] types = new ClassDesc[1 + locals.length];
        Arrays.fill(types, LONG);
        types[0] = CPU;
        code.invokestatic(owner, method, MethodTypeDesc.of(VOID, types));
        resultFlagsSet();
    }

    /** The flags have been set to {@link Flags#RESULT}; R is the result. */
    void resultFlagsSet() {
        flags = Flags.RESULT;
        storedKind = Flags.RESULT;
    }

    /** Adds CF, or subtracts it. */
    void carry(boolean add) {
        code.aload(C).invokestatic(CARRY, "in", MethodTypeDesc.of(INT, CPU)).i2l();
        if (add) {
            code.ladd();
        } else {
            code.lsub();
        }
    }

    /** Jumps when a condition holds. */
    void jumpIf(int condition, Label target) {
        boolean negated = (condition & 1) != 0;
        if (!jumpIfKnown(condition >> 1, negated, target)) {
            code.aload(C).invokestatic(FLAGS, CONDITIONS.get(condition >> 1), CONDITION);
            code.branch(negated ? Opcode.IFEQ : Opcode.IFNE, target);
        }
    }

    /** The same from the locals, where that is simple. */
    private boolean jumpIfKnown(int condition, boolean negated, Label target) {
        boolean sub = flags == Flags.SUB;
        if (flags < 0) {
            return false;
        }
        Opcode when;
        switch (condition) {
            case 1, 3 -> {
                if (!sub) {
                    return false;
                }
                code.lload(A).loadConstant(Long.MIN_VALUE).lxor().lload(B).loadConstant(Long.MIN_VALUE).lxor().lcmp();
                when = condition == 1 ? Opcode.IFLT : Opcode.IFLE;
            }
            case 2, 4 -> {
                code.lload(R).lconst_0().lcmp();
                when = condition == 2 ? Opcode.IFEQ : Opcode.IFLT;
            }
            case 6, 7 -> {
                if (!sub && flags != Flags.LOGIC) {
                    return false;
                }
                code.lload(sub ? A : R);
                if (sub) {
                    code.lload(B);
                } else {
                    code.lconst_0();
                }
                code.lcmp();
                when = condition == 6 ? Opcode.IFLT : Opcode.IFLE;
            }
            default -> {
                return false;
            }
        }
        code.branch(negated ? opposite(when) : when, target);
        return true;
    }

    private static Opcode opposite(Opcode o) {
        return switch (o) {
            case IFLT -> Opcode.IFGE;
            case IFLE -> Opcode.IFGT;
            default -> Opcode.IFNE;
        };
    }

    // ---- leaving ----

    /** RIP is a place of this page. */
    void setRip(int offset) {
        code.aload(C).lload(PAGE);
        if (offset != 0) {
            code.loadConstant((long) offset).ladd();
        }
        code.putfield(CPU, "rip", LONG);
    }

    /** Runs the operation's own semantics. */
    void call(int constant, int site, int rest) {
        code.aload(C).loadConstant(site).putfield(CPU, "site", INT);
        code.aload(C).loadConstant(rest).putfield(CPU, "blockLength", INT);
        code.getstatic(self, "E" + constant, EXECUTOR).aload(C).getstatic(self, "O" + constant, OP).invokevirtual(EXECUTOR, "execute", RUN);
    }
}
