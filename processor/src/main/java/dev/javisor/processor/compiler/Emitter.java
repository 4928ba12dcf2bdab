package dev.javisor.processor.compiler;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Executor;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.integer.Carry;
import dev.javisor.processor.integer.Registers;
import dev.javisor.processor.memory.HostMemory;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.OperatorInstruction;
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

    /** Locals: this, processor, entry, registers; operands and result of the last flag-setting operation; scratch. */
    static final int THIS = 0, C = 1, ENTRY = 2, GPR = 3, A = 6, B = 8, R = 10, ADDRESS = 12, VALUE = 14, CF = 26;
    private static final int CHANGED = 28;
    /** RIP of the page, unless it is loaded where it is needed, and the budget. */
    private static final int PAGE = 4, BUDGET = 18;
    /**
     * More of them for full effort: the instruction that an access belongs to, and flags that have been set in this block but not stored.
     */
    private static final int KIND = 16, AT = 17, FLAGS_A = 20, FLAGS_B = 22, FLAGS_R = 24;

    private static final ClassDesc HOST_MEMORY = describe(HostMemory.class);
    private static final MethodTypeDesc TEST = MethodTypeDesc.of(BOOLEAN, CPU, LONG, INT), HOST = MethodTypeDesc.of(LONG, CPU, LONG);

    final CodeBuilder code;
    private final ClassDesc self;
    /** See {@link Effort#FULL}; so flags and budget can be in locals. */
    private final boolean full;
    private final boolean optimized;
    /** Where to go to leave the region: for an instruction that is to be interpreted, with flags in locals or not; and with RIP set. */
    private final Label missedWithFlags, missed, out;
    /** Kind of the flags that A, B and R hold, as in {@link Cpu#ccOp}; -1 when they hold none. */
    int flags = -1;
    /** What {@link Cpu#ccOp} is known to be; -1: not known. */
    private int storedKind = -1;
    /** This block has found that SSE instructions are not blocked. */
    private boolean vectorsChecked;
    /** General registers whose upper half is known to be zero. */
    private final boolean[] narrow = new boolean[18];
    /** Flags are in the locals of full effort only. */
    private boolean unstored;

    Emitter(CodeBuilder code, ClassDesc self, Effort effort) {
        this.code = code;
        this.self = self;
        full = effort == Effort.FULL;
        optimized = effort != Effort.QUICK;
        missedWithFlags = code.newLabel();
        missed = code.newLabel();
        out = code.newLabel();
    }

    // ---- entering and leaving ----

    /** First of all. */
    void enter() {
        code.aload(C).getfield(CPU, "gpr", LONG.arrayType()).astore(GPR);
        if (optimized) {
            register(Op.BLOCK_RIP).code.lstore(PAGE);
        } else {
            // Spares the fast compiler a check for each register.
            Label long_ = code.newLabel();
            code.aload(GPR).arraylength().loadConstant(Op.BLOCK_RIP).if_icmpgt(long_).iconst_0().ireturn();
            code.labelBinding(long_);
        }
        loadBudget();
    }

    private void loadBudget() {
        if (full) {
            code.aload(C).getfield(CPU, "budget", INT).istore(BUDGET);
        }
    }

    private void storeBudget() {
        if (full) {
            code.aload(C).iload(BUDGET).putfield(CPU, "budget", INT);
        }
    }

    /** Last of all: how the region is left. */
    void leave() {
        if (!full) {
            return;
        }
        code.labelBinding(missedWithFlags);
        code.aload(C).iload(KIND).putfield(CPU, "ccOp", INT);
        flagField("ccA", FLAGS_A);
        flagField("ccB", FLAGS_B);
        flagField("ccR", FLAGS_R);
        code.labelBinding(missed);
        storeBudget();
        code.aload(C).iload(AT).invokestatic(ACCESS, "leave", MethodTypeDesc.of(VOID, CPU, INT)).iconst_1().ireturn();
        code.labelBinding(out);
        storeBudget();
        code.iconst_0().ireturn();
    }

    /** Leaves the region, RIP being set. */
    void exit() {
        if (full) {
            code.goto_(out);
        } else {
            // A jump more for each exit would cost broad code a place in the host's branch predictors.
            code.iconst_0().ireturn();
        }
    }

    /** Leaves the region when the budget does not suffice for a block. */
    void takeBudget(int instructions, int offset) {
        Label enough = code.newLabel();
        vectorsChecked = false;
        if (!full) {
            code.aload(C).getfield(CPU, "budget", INT).istore(BUDGET);
        }
        code.iload(BUDGET).loadConstant(instructions).if_icmpge(enough);
        setRip(offset);
        exit();
        code.labelBinding(enough);
        code.iinc(BUDGET, -instructions);
        if (!full) {
            code.aload(C).iload(BUDGET).putfield(CPU, "budget", INT);
        }
    }

    static ClassDesc describe(Class<?> type) {
        return type.describeConstable().orElseThrow();
    }

    /** What is known about flags and registers is so no longer: other code comes here too, or has run. */
    void forget() {
        flags = -1;
        storedKind = -1;
        Arrays.fill(narrow, false);
    }

    /** The locals A, B and R have been used for an operation whose flags nobody can see. */
    void flagsNotSet() {
        if (!full) {
            flags = -1;
        }
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

    /** RIP of the page's first byte. */
    Emitter page() {
        return optimized ? load(PAGE) : register(Op.BLOCK_RIP);
    }

    Emitter operate(Opcode operation) {
        code.with(OperatorInstruction.of(operation));
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

    /** A register operand of 8 or 16 bits, zero-extended. */
    Emitter lowest(Instruction i, int r, int bits) {
        boolean high = bits == 8 && i.highByte(r);
        register(high ? r - 4 : r);
        if (high) {
            code.bipush(8).lshr();
        }
        return and((1L << bits) - 1);
    }

    /** A register's low half, zero-extended. */
    Emitter lowHalf(int r) {
        return register(r).and(narrow[r] ? -1 : 0xFFFFFFFFL);
    }

    boolean isNarrow(int r) {
        return narrow[r];
    }

    void setNarrow(int r, boolean isNarrow) {
        narrow[r] = isNarrow;
    }

    /** Writes a local, whose upper half is zero where it is to be, to a register operand of 32 or 64 bits. */
    void setExtended(int r, int bits, int local) {
        write(r, local);
        narrow[r] = bits == 32;
    }

    private void write(int r, int local) {
        code.aload(GPR).loadConstant(r).lload(local).lastore();
    }

    /** Writes a local to a register operand. */
    void setRegister(Instruction i, int r, int bits, int local) {
        boolean high = bits == 8 && i.highByte(r);
        int target = high ? r - 4 : r;
        switch (bits) {
            case 8, 16 -> {
                long mask = high ? 0xFF00 : bits == 8 ? 0xFF : 0xFFFF;
                register(target).and(~mask).load(local);
                if (high) {
                    code.bipush(8).lshl();
                }
                and(mask).operate(Opcode.LOR).store(CHANGED);
                write(target, CHANGED);
            }
            case 32 -> {
                load(local).and(0xFFFFFFFFL).store(CHANGED);
                setExtended(target, 32, CHANGED);
            }
            default -> setExtended(target, 64, local);
        }
    }

    /**
     * Changes a register operand of less than 64 bits by an operation on it and the local B: a shorter way to the next use than from the
     * sign-extended result. 8 and 16 bits: for AND, OR and XOR only.
     */
    void changeRegister(Instruction i, int r, int bits, Opcode operation) {
        boolean high = bits == 8 && i.highByte(r);
        int target = high ? r - 4 : r;
        register(target).load(B);
        if (high) {
            code.bipush(8).lshl();
        }
        long mask = high ? 0xFF00 : (1L << bits) - 1;
        if (bits == 32) {
            operate(operation).and(mask);
        } else {
            if (operation == Opcode.LAND) {
                code.loadConstant(~mask).lor();
            } else {
                and(mask);
            }
            operate(operation);
        }
        store(CHANGED);
        write(target, CHANGED);
        narrow[target] |= bits == 32;
    }

    /** Code for the optimizing compiler. */
    boolean isOptimized() {
        return optimized;
    }

    // ---- memory ----

    /** Effective address of the memory operand. */
    Emitter effectiveAddress(Op o) {
        boolean some = false;
        if (o.base == Op.BLOCK_RIP) {
            page();
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
        if (full) {
            host(bits, at, toChange);
            readHost(bits);
            if (bits < 64) {
                code.i2l();
            }
            return this;
        }
        code.aload(C).lload(ADDRESS).loadConstant(at);
        code.invokestatic(ACCESS, (toChange ? "change" : "load") + bits, MethodTypeDesc.of(bits >= 32 ? LONG : INT, CPU, LONG, INT));
        switch (bits) {
            case 8 -> code.i2b().i2l();
            case 16 -> code.i2s().i2l();
            default -> {}
        }
        return this;
    }

    /** With the address in {@link #ADDRESS}: the value there, zero-extended. */
    Emitter loadMemoryUnsigned(int bits, int at) {
        if (full) {
            host(bits, at, false);
            readHost(bits);
            if (bits < 64) {
                code.i2l();
                and((1L << bits) - 1);
            }
            return this;
        }
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
        if (full) {
            host(bits, at, true);
            code.lload(local);
            if (bits < 64) {
                code.l2i();
            }
            writeHost(bits);
            return;
        }
        code.aload(C).lload(ADDRESS).lload(local);
        if (bits < 32) {
            code.l2i();
        }
        code.loadConstant(at);
        code.invokestatic(ACCESS, "store" + bits, MethodTypeDesc.of(VOID, CPU, LONG, bits >= 32 ? LONG : INT, INT));
    }

    /** Pushes the local VALUE in 64-bit mode. */
    void push(int at) {
        if (optimized) {
            register(Registers.RSP).constant(-8).operate(Opcode.LADD).store(ADDRESS);
            storeMemory(64, VALUE, at);
            setExtended(Registers.RSP, 64, ADDRESS);
        } else {
            code.aload(C).lload(VALUE).loadConstant(at).invokestatic(ACCESS, "push", MethodTypeDesc.of(VOID, CPU, LONG, INT));
            narrow[Registers.RSP] = false;
        }
    }

    /** Pops the local VALUE in 64-bit mode. */
    void pop(int at) {
        if (optimized) {
            register(Registers.RSP).store(ADDRESS);
            loadMemory(64, at, false).store(VALUE);
            moveStack(8);
        } else {
            code.aload(C).loadConstant(at).invokestatic(ACCESS, "pop", MethodTypeDesc.of(LONG, CPU, INT)).lstore(VALUE);
            narrow[Registers.RSP] = false;
        }
    }

    /** Pops a branch target to the local VALUE in 64-bit mode. @param bytes to be released in all */
    void popTarget(int bytes, int at) {
        if (optimized) {
            register(Registers.RSP).store(ADDRESS);
            loadMemory(64, at, false).store(VALUE);
            checkTarget(VALUE, at);
            moveStack(bytes);
        } else {
            code.aload(C).loadConstant(bytes).loadConstant(at);
            code.invokestatic(ACCESS, "popTarget", MethodTypeDesc.of(LONG, CPU, INT, INT)).lstore(VALUE);
        }
    }

    /** RSP becomes the local ADDRESS and some bytes more. */
    void moveStack(int bytes) {
        load(ADDRESS).constant(bytes).operate(Opcode.LADD).store(ADDRESS);
        setExtended(Registers.RSP, 64, ADDRESS);
    }

    /** The instruction may leave the region. */
    void prepareToLeave(int at) {
        code.loadConstant(at).istore(AT);
    }

    /** It does when the truth value on the Java stack is false. */
    void leaveIfNot() {
        code.ifeq(unstored ? missedWithFlags : missed);
    }

    private void leaveIf() {
        code.ifne(unstored ? missedWithFlags : missed);
    }

    private void host(int bits, int at, boolean toWrite) {
        host(bits, at, toWrite, false);
    }

    /** Leaves the region when the address in {@link #ADDRESS} is not simple to access; else gives where it is in host memory. */
    void host(int bits, int at, boolean toWrite, boolean aligned) {
        prepareToLeave(at);
        if (aligned) {
            load(ADDRESS).and(bits / 8 - 1);
            code.l2i();
            leaveIf();
        }
        code.aload(C).lload(ADDRESS).loadConstant(bits / 8 - 1).invokestatic(ACCESS, toWrite ? "cannotStore" : "cannotLoad", TEST);
        leaveIf();
        code.aload(C).lload(ADDRESS).invokestatic(ACCESS, "host", HOST);
    }

    /** Checks the target of a near branch in 64-bit mode. */
    void checkTarget(int local, int at) {
        if (full) {
            prepareToLeave(at);
            code.lload(local).invokestatic(ACCESS, "isCanonical", MethodTypeDesc.of(BOOLEAN, LONG));
            leaveIfNot();
        } else {
            Label canonical = code.newLabel();
            load(local).code.bipush(16).lshl().bipush(16).lshr().lload(local).lcmp().ifeq(canonical);
            code.aload(C).lload(local).loadConstant(at).invokestatic(ACCESS, "checkTarget", MethodTypeDesc.of(VOID, CPU, LONG, INT));
            code.labelBinding(canonical);
        }
    }

    private static final String[] HOST_NAMES = {"Byte", "Short", "Int", null, "Long"};

    private static ClassDesc hostType(int bits) {
        return switch (bits) {
            case 8 -> ConstantDescs.CD_byte;
            case 16 -> ConstantDescs.CD_short;
            case 32 -> INT;
            default -> LONG;
        };
    }

    void writeHost(int bits) {
        code.invokestatic(HOST_MEMORY, "put" + HOST_NAMES[bits / 16], MethodTypeDesc.of(VOID, LONG, hostType(bits)));
    }

    void readHost(int bits) {
        code.invokestatic(HOST_MEMORY, "get" + HOST_NAMES[bits / 16], MethodTypeDesc.of(hostType(bits), LONG));
    }

    // ---- SSE registers ----

    private Emitter vectors() {
        code.aload(C).getfield(CPU, "vector", LONG.arrayType());
        return this;
    }

    /** The lane at a position. */
    Emitter vector(int position) {
        vectors().code.loadConstant(position).laload();
        return this;
    }

    void setVector(int position, int local) {
        vectors().code.loadConstant(position).lload(local).lastore();
    }

    void copyVector(int to, int from) {
        vectors().code.loadConstant(to);
        vector(from).code.lastore();
    }

    /** Leaves the region when SSE instructions are blocked. */
    void requireVectors(int at) {
        if (!vectorsChecked) {
            vectorsChecked = true;
            prepareToLeave(at);
            code.aload(C).getfield(CPU, "sseBlocked", INT);
            leaveIf();
        }
    }

    // ---- flags ----

    private void flagField(String name, int local) {
        code.aload(C).lload(local).putfield(CPU, name, LONG);
    }

    /** The locals A, B and R (of which LOGIC needs R only) are what the flags come from. */
    void setFlags(int kind) {
        flags = kind;
        if (full) {
            code.loadConstant(kind).istore(KIND);
            if (hasA(kind)) {
                code.lload(A).lstore(FLAGS_A);
            } else {
                code.lconst_0().lstore(FLAGS_A);
            }
            if (hasB(kind)) {
                code.lload(B).lstore(FLAGS_B);
            } else {
                code.lconst_0().lstore(FLAGS_B);
            }
            code.lload(R).lstore(FLAGS_R);
            unstored = true;
        } else {
            storeFlags(A, B, R);
        }
    }

    private static boolean hasA(int kind) {
        return kind != Flags.LOGIC && kind != Flags.RESULT;
    }

    private static boolean hasB(int kind) {
        return kind != Flags.LOGIC;
    }

    /** Stores the flags that locals hold, as what comes next demands: other code, or the block's end. */
    void flushFlags() {
        if (unstored) {
            storeFlags(FLAGS_A, FLAGS_B, FLAGS_R);
            unstored = false;
        }
    }

    private void storeFlags(int a, int b, int r) {
        int kind = flags;
        if (storedKind != kind) {
            code.aload(C).loadConstant(kind).putfield(CPU, "ccOp", INT);
        }
        if (hasA(kind)) {
            flagField("ccA", a);
        }
        if (hasB(kind)) {
            flagField("ccB", b);
        }
        flagField("ccR", r);
        storedKind = kind;
    }

    /** Calls a method that says from some locals what CF, AF and OF are (see {@link Flags#RESULT}), to the local B. */
    void flagBits(ClassDesc owner, String method, int... locals) {
        for (int local : locals) {
            code.lload(local);
        }
        ClassDesc[] types = new ClassDesc[locals.length];
        Arrays.fill(types, LONG);
        code.invokestatic(owner, method, MethodTypeDesc.of(LONG, types)).lstore(B);
    }

    private Emitter below(int a, int b) {
        code.lload(a).lload(b).invokestatic(ACCESS, "below", MethodTypeDesc.of(LONG, LONG, LONG));
        return this;
    }

    /** CF as a number. Before the locals A, B and R are used for another operation. */
    Emitter carry() {
        int a = full ? FLAGS_A : A;
        int b = full ? FLAGS_B : B;
        switch (flags) {
            case Flags.LOGIC -> code.lconst_0();
            case Flags.RESULT -> load(b).and(Flags.CF);
            case Flags.INC, Flags.DEC -> load(b);
            case Flags.SUB -> {
                if (full) {
                    below(a, b);
                } else {
                    // The highest bit of ~A & B | (~A | B) & R.
                    load(a).constant(-1).operate(Opcode.LXOR).load(b).operate(Opcode.LOR).load(R).operate(Opcode.LAND);
                    load(a).constant(-1).operate(Opcode.LXOR).load(b).operate(Opcode.LAND).operate(Opcode.LOR);
                    code.bipush(63).lushr();
                }
            }
            case Flags.ADD -> {
                if (full) {
                    below(FLAGS_R, a);
                } else {
                    // The highest bit of A & B | (A | B) & ~R.
                    load(R).constant(-1).operate(Opcode.LXOR).load(a).load(b).operate(Opcode.LOR).operate(Opcode.LAND);
                    load(a).load(b).operate(Opcode.LAND).operate(Opcode.LOR);
                    code.bipush(63).lushr();
                }
            }
            default -> code.aload(C).invokestatic(FLAGS, "carry", MethodTypeDesc.of(LONG, CPU));
        }
        return this;
    }

    /** Jumps when a condition holds. */
    void jumpIf(int condition, Label target) {
        boolean negated = (condition & 1) != 0;
        if (!jumpIfKnown(condition >> 1, negated, target)) {
            if (full) {
                flushFlags();
            }
            code.aload(C).invokestatic(FLAGS, CONDITIONS.get(condition >> 1), CONDITION);
            code.branch(negated ? Opcode.IFEQ : Opcode.IFNE, target);
        }
    }

    /** The same from the locals, where that is simple. */
    private boolean jumpIfKnown(int condition, boolean negated, Label target) {
        boolean sub = flags == Flags.SUB;
        int a = full ? FLAGS_A : A;
        int b = full ? FLAGS_B : B;
        int r = full ? FLAGS_R : R;
        if (flags < 0) {
            return false;
        }
        Opcode when;
        switch (condition) {
            case 1, 3 -> {
                if (!sub) {
                    return false;
                }
                compareUnsigned(a, b);
                when = condition == 1 ? Opcode.IFLT : Opcode.IFLE;
            }
            case 2, 4 -> {
                code.lload(r).lconst_0().lcmp();
                when = condition == 2 ? Opcode.IFEQ : Opcode.IFLT;
            }
            case 6, 7 -> {
                if (!sub && flags != Flags.LOGIC) {
                    return false;
                }
                code.lload(sub ? a : r);
                if (sub) {
                    code.lload(b);
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

    private void compareUnsigned(int a, int b) {
        if (optimized) {
            code.lload(a).lload(b).invokestatic(ConstantDescs.CD_Long, "compareUnsigned", MethodTypeDesc.of(INT, LONG, LONG));
        } else {
            code.lload(a).loadConstant(Long.MIN_VALUE).lxor().lload(b).loadConstant(Long.MIN_VALUE).lxor().lcmp();
        }
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
        code.aload(C);
        page();
        if (offset != 0) {
            code.loadConstant((long) offset).ladd();
        }
        code.putfield(CPU, "rip", LONG);
    }

    /** Runs the operation's own semantics, which change nothing but an SSE register. */
    void callQuietly(int constant) {
        code.getstatic(self, "E" + constant, EXECUTOR).aload(C).getstatic(self, "O" + constant, OP).invokevirtual(EXECUTOR, "execute", RUN);
    }

    /** Runs the operation's own semantics. */
    void call(int constant, int site, int rest) {
        storeBudget();
        flushFlags();
        code.aload(C).loadConstant(site).putfield(CPU, "site", INT);
        code.aload(C).loadConstant(rest).putfield(CPU, "blockLength", INT);
        callQuietly(constant);
        loadBudget();
    }
}
