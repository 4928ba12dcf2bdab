package dev.javisor.processor.compiler;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Instruction;
import dev.javisor.isa.Opcode;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Op;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.AccessFlag;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Makes a {@link Region}: one class with one method, in which jumps within the plan are jumps. */
public final class RegionCompiler {
    /** HotSpot compiles no longer methods. */
    private static final int LONGEST_METHOD = 7900;

    /** Serializing instructions behind which the same mode, privilege and translations of code hold: the region is not left. */
    private static final Set<String> STAYING = Set.of("SWAPGS", "STI", "POPF", "STAC", "CLAC", "RDMSR");

    private static final ClassDesc REGION = Emitter.describe(Region.class), OBJECTS = ConstantDescs.CD_Object.arrayType();
    private static final MethodTypeDesc RUN = MethodTypeDesc.of(ConstantDescs.CD_boolean, Emitter.CPU, ConstantDescs.CD_int);
    private static final int C = Emitter.C, ADDRESS = Emitter.ADDRESS, VALUE = Emitter.VALUE;

    private final Plan plan;
    private final Effort effort;
    private final ClassDesc self;
    private final Map<Integer, Label> labels = new HashMap<>();
    /** Operations whose semantics are called. */
    private final List<Op> called = new ArrayList<>();
    /** All entry points, and those that calls of this region return to. */
    private final List<SwitchCase> entries = new ArrayList<>(), returns = new ArrayList<>();
    private Emitter e;
    private OperationEmitter operations;
    private VectorEmitter vectors;
    private CodeBuilder code;

    private RegionCompiler(Plan plan, Effort effort) {
        this.plan = plan;
        this.effort = effort;
        self = ClassDesc.of(Region.class.getPackageName() + "." + effort.className);
    }

    /** The plan's region, or null when it is too large for one method. */
    public static Region compile(Plan plan, Effort effort) {
        return new RegionCompiler(plan, effort).compile();
    }

    private Region compile() {
        byte[] bytes = ClassFile.of(ClassFile.StackMapsOption.STACK_MAPS_WHEN_REQUIRED).build(self, this::writeClass);
        if (methodLength(bytes) > LONGEST_METHOD) {
            return null;
        }
        Object[] constants = new Object[2 * called.size()];
        for (int k = 0; k < called.size(); k++) {
            constants[2 * k] = called.get(k).executor;
            constants[2 * k + 1] = called.get(k);
        }
        try {
            Region region = (Region) MethodHandles.lookup()
                    .defineHiddenClassWithClassData(bytes, constants, true)
                    .lookupClass()
                    .getDeclaredConstructor()
                    .newInstance();
            region.effort = effort;
            return region;
        } catch (InvocationTargetException | IllegalAccessException | InstantiationException | NoSuchMethodException ex) {
            throw new IllegalStateException(ex);
        }
    }

    private void writeClass(ClassBuilder type) {
        type.withFlags(AccessFlag.FINAL, AccessFlag.SYNTHETIC).withSuperclass(REGION);
        type.withMethodBody(ConstantDescs.INIT_NAME, ConstantDescs.MTD_void, ClassFile.ACC_PUBLIC, b ->
                b.aload(0).invokespecial(REGION, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void).return_());
        type.withMethodBody("run", RUN, ClassFile.ACC_PUBLIC, this::writeRun);
        for (int k = 0; k < called.size(); k++) {
            type.withField("E" + k, Emitter.EXECUTOR, ClassFile.ACC_STATIC | ClassFile.ACC_FINAL);
            type.withField("O" + k, Emitter.OP, ClassFile.ACC_STATIC | ClassFile.ACC_FINAL);
        }
        if (!called.isEmpty()) {
            type.withMethodBody(ConstantDescs.CLASS_INIT_NAME, ConstantDescs.MTD_void, ClassFile.ACC_STATIC, this::writeInitializer);
        }
    }

    private void writeInitializer(CodeBuilder b) {
        b.invokestatic(Emitter.describe(MethodHandles.class), "lookup", MethodTypeDesc.of(ConstantDescs.CD_MethodHandles_Lookup));
        b.loadConstant(ConstantDescs.DEFAULT_NAME).loadConstant(OBJECTS);
        b.invokestatic(
                Emitter.describe(MethodHandles.class),
                "classData",
                MethodTypeDesc.of(
                        ConstantDescs.CD_Object, ConstantDescs.CD_MethodHandles_Lookup, ConstantDescs.CD_String, ConstantDescs.CD_Class));
        b.checkcast(OBJECTS).astore(0);
        for (int k = 0; k < called.size(); k++) {
            b.aload(0).loadConstant(2 * k).aaload().checkcast(Emitter.EXECUTOR).putstatic(self, "E" + k, Emitter.EXECUTOR);
            b.aload(0).loadConstant(2 * k + 1).aaload().checkcast(Emitter.OP).putstatic(self, "O" + k, Emitter.OP);
        }
        b.return_();
    }

    // ---- the method ----

    private void writeRun(CodeBuilder b) {
        code = b;
        called.clear();
        labels.clear();
        entries.clear();
        returns.clear();
        e = new Emitter(b, self, effort);
        operations = new OperationEmitter(e);
        vectors = new VectorEmitter(e);
        Label somewhere = b.newLabel();
        b.iload(Emitter.ENTRY).ifge(somewhere).iconst_0().ireturn();
        b.labelBinding(somewhere);
        e.enter();
        for (Plan.Part p : plan.parts()) {
            Label l = b.newLabel();
            labels.put(p.offset(), l);
            entries.add(SwitchCase.of(p.offset(), l));
        }
        for (Plan.Part p : plan.parts()) {
            Label l = labels.get(p.end());
            if (l != null && p.ops().getLast().instruction.opcode.mnemonic.equals("CALL")) {
                returns.add(SwitchCase.of(p.end(), l));
            }
        }
        Label first = labels.get(plan.parts().getFirst().offset());
        if (entries.size() > 1) {
            b.iload(Emitter.ENTRY).lookupswitch(first, entries);
        } else {
            b.goto_(first);
        }
        for (int k = 0; k < plan.parts().size(); k++) {
            Plan.Part p = plan.parts().get(k);
            writePart(p);
            boolean next = k + 1 < plan.parts().size() && plan.parts().get(k + 1).offset() == p.end();
            if (!isLeft(p.ops().getLast()) && !next) {
                jump(p.end());
            }
        }
        e.leave();
    }

    private static int methodLength(byte[] bytes) {
        return ClassFile.of().parse(bytes).methods().stream()
                .filter(m -> m.methodName().equalsString("run"))
                .map(m -> (CodeAttribute) m.code().orElseThrow())
                .findFirst()
                .orElseThrow()
                .codeLength();
    }

    private void writePart(Plan.Part p) {
        int n = p.ops().size();
        code.labelBinding(labels.get(p.offset()));
        e.forget();
        e.takeBudget(n, p.offset());
        boolean[] flagsNeeded = FlagLiveness.needed(p.ops());
        for (int k = 0; k < n; k++) {
            Op o = p.ops().get(k);
            if (o.instruction.opcode.is(Opcode.BRANCH)) {
                e.flushFlags();
                branch(o, n - k);
            } else if (isLeft(o)) {
                other(o, n - k);
            } else if (endsPart(o)) {
                repeated(o, n - k);
            } else if (effort == Effort.FULL && VectorEmitter.isQuiet(o)) {
                e.requireVectors(Access.at(o.start, n - k, o.segment));
                e.callQuietly(constant(o));
            } else if (!operations.emit(o, n - k, flagsNeeded[k]) && !(effort == Effort.FULL && vectors.emit(o, n - k))) {
                e.call(constant(o), o.start, n - k);
                e.forget();
            }
        }
        e.flushFlags();
    }

    private int constant(Op o) {
        called.add(o);
        return called.size() - 1;
    }

    private static boolean endsPart(Op o) {
        return o.instruction.opcode.is(Opcode.STRING) && o.instruction.has(Instruction.REP | Instruction.REPNE);
    }

    /** Control never goes on behind it. */
    private static boolean isLeft(Op o) {
        Opcode opcode = o.instruction.opcode;
        return opcode.is(Opcode.SERIALIZING) && !STAYING.contains(opcode.mnemonic)
                || opcode.is(Opcode.BRANCH) && !isConditional(o.instruction);
    }

    private static boolean isConditional(Instruction i) {
        return i.opcode.mnemonic.startsWith("J") && !i.opcode.mnemonic.equals("JMP") || i.opcode.mnemonic.startsWith("LOOP");
    }

    /** Goes on at a place of this page. */
    private void jump(int offset) {
        Label l = labels.get(offset);
        if (l != null) {
            code.goto_(l);
        } else {
            e.setRip(offset);
            e.exit();
        }
    }

    // ---- branches ----

    private static boolean is64(Instruction i) {
        return i.codeSize == CodeSize.BITS64 && i.operandSize == 64;
    }

    private void branch(Op o, int rest) {
        Instruction i = o.instruction;
        boolean relative = !i.opcode.operands.isEmpty() && i.opcode.operands.get(0).charAt(0) == 'J';
        int at = Access.at(o.start, rest, Cpu.SS);
        switch (i.opcode.mnemonic) {
            case "JMP" -> {
                if (relative) {
                    jumpRelative(o, at);
                } else {
                    indirect(o, rest, false);
                }
            }
            case "CALL" -> {
                if (!is64(i)) {
                    other(o, rest);
                } else if (relative) {
                    check(target(o), at);
                    e.page().constant(o.end);
                    code.ladd();
                    e.store(VALUE);
                    e.push(at);
                    jumpTo(target(o));
                } else {
                    indirect(o, rest, true);
                }
            }
            case "RET" -> ret(o, rest);
            default -> {
                if (relative && i.opcode.mnemonic.startsWith("J") && !i.opcode.mnemonic.equals("JCXZ")) {
                    Label not = code.newLabel();
                    e.jumpIf(i.opcode.code & 15 ^ 1, not);
                    jumpRelative(o, at);
                    code.labelBinding(not);
                } else {
                    other(o, rest);
                }
            }
        }
    }

    /** A relative target as an offset in this page, which it may be beyond. */
    private static long target(Op o) {
        return o.end + o.imm;
    }

    private void jumpRelative(Op o, int at) {
        long target = target(o);
        Instruction i = o.instruction;
        boolean full = i.operandSize == i.codeSize.bits;
        if (is64(i) || full && target >= 0 && target < 4096) {
            check(target, at);
            jumpTo(target);
        } else {
            other(o, at >>> 3 & 127);
        }
    }

    private void check(long target, int at) {
        if (target < 0 || target >= 4096) {
            e.page().constant(target);
            code.ladd();
            e.store(VALUE);
            e.checkTarget(VALUE, at);
        }
    }

    private void jumpTo(long target) {
        if (target >= 0 && target < 4096) {
            jump((int) target);
        } else {
            code.aload(C);
            e.page().constant(target);
            code.ladd().putfield(Emitter.CPU, "rip", ConstantDescs.CD_long);
            e.exit();
        }
    }

    private void indirect(Op o, int rest, boolean call) {
        Instruction i = o.instruction;
        if (!is64(i)) {
            other(o, rest);
            return;
        }
        if (i.memory) {
            e.linearAddress(o).store(ADDRESS);
            e.loadMemory(64, Access.at(o.start, rest, o.segment), false).store(Emitter.B);
        } else {
            e.register(o.rm).store(Emitter.B);
        }
        int at = Access.at(o.start, rest, Cpu.SS);
        e.checkTarget(Emitter.B, at);
        if (call) {
            e.page().constant(o.end);
            code.ladd();
            e.store(VALUE);
            e.push(at);
        }
        goTo(Emitter.B, effort != Effort.QUICK ? entries : List.of());
    }

    /** Goes on at the RIP in a local: at one of some places of this page, or outside. */
    private void goTo(int rip, List<SwitchCase> places) {
        code.aload(C).lload(rip).putfield(Emitter.CPU, "rip", ConstantDescs.CD_long);
        if (!places.isEmpty()) {
            Label out = code.newLabel();
            e.load(rip).page();
            code.lsub().dup2();
            e.store(VALUE).and(~0xFFFL);
            code.lconst_0().lcmp().ifne(out);
            e.load(VALUE);
            code.l2i().lookupswitch(out, places);
            code.labelBinding(out);
        }
        e.exit();
    }

    private void ret(Op o, int rest) {
        if (!is64(o.instruction)) {
            other(o, rest);
            return;
        }
        int at = Access.at(o.start, rest, Cpu.SS);
        e.popTarget(8 + ((int) o.imm & 0xFFFF), at);
        goTo(VALUE, returns);
    }

    /** What its semantics do, after which another mode or other translations may hold; leaves the region. */
    private void other(Op o, int rest) {
        e.setRip(o.end);
        e.call(constant(o), o.start, rest);
        e.exit();
    }

    /** A repeated string instruction: again, on, or (with a fault) out. */
    private void repeated(Op o, int rest) {
        e.setRip(o.end);
        e.call(constant(o), o.start, rest);
        e.forget();
        Label done = code.newLabel();
        code.aload(C).getfield(Emitter.CPU, "rip", ConstantDescs.CD_long);
        e.page().constant(o.end);
        code.ladd().lcmp().ifeq(done);
        e.exit();
        code.labelBinding(done);
    }
}
