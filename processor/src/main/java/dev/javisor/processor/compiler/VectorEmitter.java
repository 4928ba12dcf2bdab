package dev.javisor.processor.compiler;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.simd.SimpleFloat;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.Locale;
import java.util.Set;

/**
 * Frequent SSE instructions as bytecode, for {@link Effort#FULL}: whatever is not simple about them leaves the region. Positions are
 * those in {@link Cpu#vector}.
 */
final class VectorEmitter {
    private static final Set<String> DOUBLE = Set.of(
            "ADDSD", "SUBSD", "MULSD", "DIVSD", "SQRTSD", "CVTSD2SS", "COMISD", "UCOMISD");
    private static final Set<String> SINGLE = Set.of("ADDSS", "SUBSS", "MULSS", "DIVSS", "CVTSS2SD", "COMISS", "UCOMISS");
    private static final Set<String> PACKED = Set.of("ADDPD", "SUBPD", "MULPD", "DIVPD");
    private static final Set<String> ALIGNED = Set.of("MOVDQA", "MOVAPS", "MOVAPD"), UNALIGNED = Set.of("MOVDQU", "MOVUPS", "MOVUPD");
    private static final Set<String> LOGICAL = Set.of(
            "UNPCKLPS", "UNPCKLPD", "UNPCKHPS", "UNPCKHPD", "SHUFPS", "SHUFPD", "ANDPS", "ANDPD", "ANDNPS", "ANDNPD", "ORPS", "ORPD",
            "XORPS", "XORPD");
    private static final ClassDesc SIMPLE = Emitter.describe(SimpleFloat.class);
    private static final MethodTypeDesc OPERATION = MethodTypeDesc.of(
            ConstantDescs.CD_boolean, Emitter.CPU, ConstantDescs.CD_int, ConstantDescs.CD_int);
    private static final int VALUE = Emitter.VALUE;

    private final Emitter e;
    private Op o;
    private int at;

    VectorEmitter(Emitter e) {
        this.e = e;
    }

    /** An instruction without memory operand that is sure to do nothing but to change an SSE register, once SSE can be used. */
    static boolean isQuiet(Op o) {
        Instruction i = o.instruction;
        String m = i.opcode.mnemonic;
        return isLegacy(i) && !o.memory && i.opcode.operands.getFirst().charAt(0) == 'V'
                && (m.startsWith("P") && !m.contains("STR") && !m.contains("TEST") || LOGICAL.contains(m));
    }

    private static boolean isLegacy(Instruction i) {
        return !i.has(Instruction.VEX | Instruction.EVEX) && i.opcode.operands.size() > 1;
    }

    /** @return false when there is nothing better than to call the semantics */
    boolean emit(Op operation, int rest) {
        o = operation;
        Instruction i = o.instruction;
        if (!isLegacy(i) || o.executor.isExtended() || o.checked && o.memory) {
            return false;
        }
        at = Access.at(o.start, rest, o.segment);
        String m = i.opcode.mnemonic;
        boolean loads = i.opcode.operands.getFirst().charAt(0) == 'V';
        char other = i.opcode.operands.get(loads ? 1 : 0).charAt(0);
        if (DOUBLE.contains(m)) {
            calculate(m, 64);
        } else if (SINGLE.contains(m)) {
            calculate(m, 32);
        } else if (PACKED.contains(m) && !o.memory) {
            calculate(m, 64);
        } else if ((ALIGNED.contains(m) || UNALIGNED.contains(m)) && other == 'W') {
            move(loads, ALIGNED.contains(m));
        } else if (m.equals("MOVQ") && other == 'W' || (m.equals("MOVSD") || m.equals("MOVSS")) && other == 'W' && o.memory) {
            moveLow(loads, m.equals("MOVSS") ? 32 : 64, false);
        } else if ((m.equals("MOVD") || m.equals("MOVQ")) && other == 'E' && (loads || i.opcode.operands.get(1).charAt(0) == 'V')) {
            moveLow(loads, i.operandSize == 64 ? 64 : 32, true);
        } else {
            return false;
        }
        return true;
    }

    private void calculate(String m, int bits) {
        int source = o.rm << 3;
        if (o.memory) {
            e.linearAddress(o).store(Emitter.ADDRESS);
            e.loadMemory(bits, at, false).store(VALUE);
            e.setVector(Cpu.VECTOR_OPERAND, VALUE);
            source = Cpu.VECTOR_OPERAND;
        }
        String method = m.toLowerCase(Locale.ROOT);
        boolean compares = m.contains("COMI");
        if (compares) {
            e.flushFlags();
        }
        e.prepareToLeave(at);
        e.code.aload(Emitter.C).loadConstant(o.reg << 3).loadConstant(source);
        e.code.invokestatic(SIMPLE, compares && method.charAt(0) == 'u' ? method.substring(1) : method, OPERATION);
        e.leaveIfNot();
        if (compares) {
            e.forget();
        }
    }

    private void move(boolean loads, boolean aligned) {
        e.requireVectors(at);
        int register = o.reg << 3;
        if (!o.memory) {
            int other = o.rm << 3;
            e.copyVector(loads ? register : other, loads ? other : register);
            e.copyVector((loads ? register : other) + 1, (loads ? other : register) + 1);
            return;
        }
        e.linearAddress(o).store(Emitter.ADDRESS);
        e.host(128, at, !loads, aligned);
        e.store(VALUE);
        for (int half = 0; half < 2; half++) {
            if (loads) {
                e.load(VALUE).constant(8L * half);
                e.code.ladd();
                e.readHost(64);
                e.store(Emitter.A);
                e.setVector(register + half, Emitter.A);
            } else {
                e.load(VALUE).constant(8L * half);
                e.code.ladd();
                e.vector(register + half);
                e.writeHost(64);
            }
        }
    }

    /** Between the low part of a register and memory, or another register: a general one or one of these. */
    private void moveLow(boolean loads, int bits, boolean general) {
        e.requireVectors(at);
        int register = o.reg << 3;
        if (o.memory) {
            e.linearAddress(o).store(Emitter.ADDRESS);
        }
        if (!loads) {
            e.vector(register).store(VALUE);
            if (o.memory) {
                e.storeMemory(bits, VALUE, at);
            } else if (general) {
                e.setRegister(o.instruction, o.rm, bits, VALUE);
            } else {
                setZeroExtended(o.rm << 3);
            }
            return;
        }
        if (o.memory) {
            e.loadMemoryUnsigned(bits, at).store(VALUE);
        } else if (general) {
            e.register(o.rm).and(bits == 32 ? 0xFFFFFFFFL : -1).store(VALUE);
        } else {
            e.vector(o.rm << 3).store(VALUE);
        }
        setZeroExtended(register);
    }

    private void setZeroExtended(int position) {
        e.setVector(position, VALUE);
        e.constant(0).store(VALUE);
        e.setVector(position + 1, VALUE);
    }
}
