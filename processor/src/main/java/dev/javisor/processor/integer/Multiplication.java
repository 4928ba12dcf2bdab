package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** MUL and IMUL. CF and OF say whether the upper half is significant; SF, ZF and PF follow the lower half, AF is cleared. */
public final class Multiplication {
    private static final int RAX = Registers.RAX, RDX = Registers.RDX;
    private static final long OVERFLOW = Flags.CF | Flags.OF;

    private Multiplication() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "MUL" -> mul(i);
            case "IMUL" -> switch (i.opcode.operands.size()) {
                case 3 -> imul3(i);
                case 2 -> imul2(i);
                default -> imul(i);
            };
            default -> null;
        };
    }

    private static Handler mul(Instruction i) {
        return switch (Form.bits(i)) {
            case 8 -> Multiplication::mul8;
            case 16 -> Multiplication::mul16;
            case 32 -> Multiplication::mul32;
            default -> Multiplication::mul64;
        };
    }

    private static Handler imul(Instruction i) {
        return switch (Form.bits(i)) {
            case 8 -> Multiplication::imul8;
            case 16 -> Multiplication::imul16;
            case 32 -> Multiplication::imul32;
            default -> Multiplication::imul64;
        };
    }

    private static Handler imul2(Instruction i) {
        return switch (i.operandSize) {
            case 16 -> (c, o) -> product16(c, o, (short) c.gpr[o.reg], Source.operand16(c, o));
            case 32 -> i.memory ? Multiplication::imul32RegMem : Multiplication::imul32RegRm;
            default -> i.memory ? Multiplication::imul64RegMem : Multiplication::imul64RegRm;
        };
    }

    private static Handler imul3(Instruction i) {
        return switch (i.operandSize) {
            case 16 -> (c, o) -> product16(c, o, Source.operand16(c, o), (int) o.imm);
            case 32 -> i.memory ? Multiplication::imul32MemImm : Multiplication::imul32RmImm;
            default -> i.memory ? Multiplication::imul64MemImm : Multiplication::imul64RmImm;
        };
    }

    private static void flags(Cpu c, long low, boolean overflow) {
        Flags.result(c, low, overflow ? OVERFLOW : 0);
    }

    // ---- MUL: the accumulator times the operand, double width ----

    static void mul8(Cpu c, Op o) {
        int r = (Source.operand8(c, o) & 0xFF) * ((int) c.gpr[RAX] & 0xFF);
        Registers.set16(c, RAX, r);
        flags(c, (byte) r, r >>> 8 != 0);
    }

    static void mul16(Cpu c, Op o) {
        int r = (Source.operand16(c, o) & 0xFFFF) * ((int) c.gpr[RAX] & 0xFFFF);
        Registers.set16(c, RAX, r);
        Registers.set16(c, RDX, r >>> 16);
        flags(c, (short) r, r >>> 16 != 0);
    }

    static void mul32(Cpu c, Op o) {
        long r = (Source.operand32(c, o) & 0xFFFFFFFFL) * (c.gpr[RAX] & 0xFFFFFFFFL);
        c.gpr[RAX] = r & 0xFFFFFFFFL;
        c.gpr[RDX] = r >>> 32;
        flags(c, (int) r, r >>> 32 != 0);
    }

    static void mul64(Cpu c, Op o) {
        long a = c.gpr[RAX];
        long b = Source.operand64(c, o);
        long high = Math.unsignedMultiplyHigh(a, b);
        c.gpr[RAX] = a * b;
        c.gpr[RDX] = high;
        flags(c, a * b, high != 0);
    }

    // ---- IMUL: the accumulator times the operand, double width ----

    static void imul8(Cpu c, Op o) {
        int r = Source.operand8(c, o) * (byte) c.gpr[RAX];
        Registers.set16(c, RAX, r);
        flags(c, (byte) r, r != (byte) r);
    }

    static void imul16(Cpu c, Op o) {
        int r = Source.operand16(c, o) * (short) c.gpr[RAX];
        Registers.set16(c, RAX, r);
        Registers.set16(c, RDX, r >> 16);
        flags(c, (short) r, r != (short) r);
    }

    static void imul32(Cpu c, Op o) {
        long r = (long) Source.operand32(c, o) * (int) c.gpr[RAX];
        c.gpr[RAX] = r & 0xFFFFFFFFL;
        c.gpr[RDX] = r >>> 32;
        flags(c, (int) r, r != (int) r);
    }

    static void imul64(Cpu c, Op o) {
        long a = c.gpr[RAX];
        long b = Source.operand64(c, o);
        long high = Math.multiplyHigh(a, b);
        c.gpr[RAX] = a * b;
        c.gpr[RDX] = high;
        flags(c, a * b, high != a * b >> 63);
    }

    // ---- IMUL with two and three operands: the product is cut to the operand size ----

    private static void product16(Cpu c, Op o, int a, int b) {
        int r = a * b;
        Registers.set16(c, o.reg, r);
        flags(c, (short) r, r != (short) r);
    }

    /** What a product of two sign-extended doublewords does to CF, AF and OF, see {@link Flags#RESULT}. */
    public static long bits32(long r) {
        return r == (int) r ? 0 : OVERFLOW;
    }

    /** The same for quadwords. @param r their product */
    public static long bits64(long a, long b, long r) {
        return Math.multiplyHigh(a, b) == r >> 63 ? 0 : OVERFLOW;
    }

    private static void product32(Cpu c, Op o, long a, long b) {
        long r = a * b;
        Flags.result(c, (int) r, bits32(r));
        c.gpr[o.reg] = r & 0xFFFFFFFFL;
    }

    private static void product64(Cpu c, Op o, long a, long b) {
        long r = a * b;
        Flags.result(c, r, bits64(a, b, r));
        c.gpr[o.reg] = r;
    }

    static void imul32RegRm(Cpu c, Op o) {
        product32(c, o, (int) c.gpr[o.reg], (int) c.gpr[o.rm]);
    }

    static void imul32RegMem(Cpu c, Op o) {
        product32(c, o, (int) c.gpr[o.reg], Memory.load32(c, Memory.readAddress(c, o, 4), o.segment));
    }

    static void imul32RmImm(Cpu c, Op o) {
        product32(c, o, (int) c.gpr[o.rm], o.imm);
    }

    static void imul32MemImm(Cpu c, Op o) {
        product32(c, o, Memory.load32(c, Memory.readAddress(c, o, 4), o.segment), o.imm);
    }

    static void imul64RegRm(Cpu c, Op o) {
        product64(c, o, c.gpr[o.reg], c.gpr[o.rm]);
    }

    static void imul64RegMem(Cpu c, Op o) {
        product64(c, o, c.gpr[o.reg], Memory.load64(c, Memory.readAddress(c, o, 8), o.segment));
    }

    static void imul64RmImm(Cpu c, Op o) {
        product64(c, o, c.gpr[o.rm], o.imm);
    }

    static void imul64MemImm(Cpu c, Op o) {
        product64(c, o, Memory.load64(c, Memory.readAddress(c, o, 8), o.segment), o.imm);
    }
}
