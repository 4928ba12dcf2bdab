package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** Bit scans and counts, BMI1 and BMI2. */
public final class BitManipulation {
    private BitManipulation() {}

    public static Handler bind(Instruction i) {
        boolean wide = i.operandSize == 64;
        return switch (i.opcode.mnemonic) {
            case "BSF" -> BitManipulation::bsf;
            case "BSR" -> BitManipulation::bsr;
            case "TZCNT" -> BitManipulation::tzcnt;
            case "LZCNT" -> BitManipulation::lzcnt;
            case "POPCNT" -> BitManipulation::popcnt;
            case "ANDN" -> wide ? BitManipulation::andn64 : BitManipulation::andn32;
            case "BEXTR" -> wide ? BitManipulation::bextr64 : BitManipulation::bextr32;
            case "BLSI" -> wide ? BitManipulation::blsi64 : BitManipulation::blsi32;
            case "BLSMSK" -> wide ? BitManipulation::blsmsk64 : BitManipulation::blsmsk32;
            case "BLSR" -> wide ? BitManipulation::blsr64 : BitManipulation::blsr32;
            case "BZHI" -> wide ? BitManipulation::bzhi64 : BitManipulation::bzhi32;
            case "MULX" -> wide ? BitManipulation::mulx64 : BitManipulation::mulx32;
            case "PDEP" -> wide ? BitManipulation::pdep64 : BitManipulation::pdep32;
            case "PEXT" -> wide ? BitManipulation::pext64 : BitManipulation::pext32;
            case "RORX" -> wide ? BitManipulation::rorx64 : BitManipulation::rorx32;
            case "SARX" -> wide ? BitManipulation::sarx64 : BitManipulation::sarx32;
            case "SHLX" -> wide ? BitManipulation::shlx64 : BitManipulation::shlx32;
            case "SHRX" -> wide ? BitManipulation::shrx64 : BitManipulation::shrx32;
            default -> null;
        };
    }

    /** Source operand of the operand size, zero-extended. */
    private static long source(Cpu c, Op o) {
        return switch (o.instruction.operandSize) {
            case 16 -> Source.operand16(c, o) & 0xFFFF;
            case 32 -> Source.operand32(c, o) & 0xFFFFFFFFL;
            default -> Source.operand64(c, o);
        };
    }

    private static void destination(Cpu c, Op o, long value) {
        Registers.set(c, o.reg, o.instruction.operandSize, value);
    }

    // ---- scans and counts ----

    private static final long ZERO_SOURCE = Flags.ZF | Flags.PF;

    /** A source of zero leaves the destination alone. The undefined flags are cleared, but PF follows the result. */
    static void bsf(Cpu c, Op o) {
        long a = source(c, o);
        if (a == 0) {
            Flags.setArithmetic(c, ZERO_SOURCE);
        } else {
            found(c, o, Long.numberOfTrailingZeros(a));
        }
    }

    /** A source of zero leaves the destination alone. The undefined flags are cleared, but PF follows the result. */
    static void bsr(Cpu c, Op o) {
        long a = source(c, o);
        if (a == 0) {
            Flags.setArithmetic(c, ZERO_SOURCE);
        } else {
            found(c, o, 63 - Long.numberOfLeadingZeros(a));
        }
    }

    private static void found(Cpu c, Op o, int position) {
        destination(c, o, position);
        Flags.setArithmetic(c, (Integer.bitCount(position) & 1) == 0 ? Flags.PF : 0);
    }

    static void tzcnt(Cpu c, Op o) {
        int bits = o.instruction.operandSize;
        counted(c, o, Math.min(bits, Long.numberOfTrailingZeros(source(c, o))));
    }

    static void lzcnt(Cpu c, Op o) {
        int bits = o.instruction.operandSize;
        counted(c, o, Long.numberOfLeadingZeros(source(c, o)) - (64 - bits));
    }

    private static void counted(Cpu c, Op o, int count) {
        destination(c, o, count);
        Flags.setArithmetic(c, (count == o.instruction.operandSize ? Flags.CF : 0) | (count == 0 ? Flags.ZF : 0));
    }

    static void popcnt(Cpu c, Op o) {
        int count = Long.bitCount(source(c, o));
        destination(c, o, count);
        Flags.setArithmetic(c, count == 0 ? Flags.ZF : 0);
    }

    // ---- BMI1: SF, ZF and PF follow the result, AF and OF are cleared ----

    static void andn32(Cpu c, Op o) {
        int r = ~(int) c.gpr[o.instruction.vvvv] & Source.operand32(c, o);
        Registers.set32(c, o.reg, r);
        Flags.logic(c, r);
    }

    static void andn64(Cpu c, Op o) {
        long r = ~c.gpr[o.instruction.vvvv] & Source.operand64(c, o);
        c.gpr[o.reg] = r;
        Flags.logic(c, r);
    }

    static void bextr32(Cpu c, Op o) {
        int r = (int) extract(Source.operand32(c, o) & 0xFFFFFFFFL, c.gpr[o.instruction.vvvv]);
        Registers.set32(c, o.reg, r);
        bextrFlags(c, r);
    }

    static void bextr64(Cpu c, Op o) {
        long r = extract(Source.operand64(c, o), c.gpr[o.instruction.vvvv]);
        c.gpr[o.reg] = r;
        bextrFlags(c, r);
    }

    /** Control: first bit in 7:0, number of bits in 15:8. */
    private static long extract(long a, long control) {
        int start = (int) control & 0xFF;
        int length = (int) control >>> 8 & 0xFF;
        long field = start < 64 ? a >>> start : 0;
        return length < 64 ? field & (1L << length) - 1 : field;
    }

    private static void bextrFlags(Cpu c, long r) {
        Flags.setArithmetic(c, (r == 0 ? Flags.ZF : 0) | ((Integer.bitCount((int) r & 0xFF) & 1) == 0 ? Flags.PF : 0));
    }

    static void blsi32(Cpu c, Op o) {
        int a = Source.operand32(c, o);
        lowest32(c, o, -a & a, a != 0);
    }

    static void blsi64(Cpu c, Op o) {
        long a = Source.operand64(c, o);
        lowest64(c, o, -a & a, a != 0);
    }

    /** ZF is cleared by nature: the result is never zero. */
    static void blsmsk32(Cpu c, Op o) {
        int a = Source.operand32(c, o);
        lowest32(c, o, a - 1 ^ a, a == 0);
    }

    static void blsmsk64(Cpu c, Op o) {
        long a = Source.operand64(c, o);
        lowest64(c, o, a - 1 ^ a, a == 0);
    }

    static void blsr32(Cpu c, Op o) {
        int a = Source.operand32(c, o);
        lowest32(c, o, a - 1 & a, a == 0);
    }

    static void blsr64(Cpu c, Op o) {
        long a = Source.operand64(c, o);
        lowest64(c, o, a - 1 & a, a == 0);
    }

    private static void lowest32(Cpu c, Op o, int r, boolean carry) {
        Registers.set32(c, o.instruction.vvvv, r);
        Flags.result(c, r, carry ? Flags.CF : 0);
    }

    private static void lowest64(Cpu c, Op o, long r, boolean carry) {
        c.gpr[o.instruction.vvvv] = r;
        Flags.result(c, r, carry ? Flags.CF : 0);
    }

    // ---- BMI2 ----

    static void bzhi32(Cpu c, Op o) {
        int n = (int) c.gpr[o.instruction.vvvv] & 0xFF;
        int a = Source.operand32(c, o);
        int r = n < 32 ? a & (1 << n) - 1 : a;
        Registers.set32(c, o.reg, r);
        Flags.result(c, r, n > 31 ? Flags.CF : 0);
    }

    static void bzhi64(Cpu c, Op o) {
        int n = (int) c.gpr[o.instruction.vvvv] & 0xFF;
        long a = Source.operand64(c, o);
        long r = n < 64 ? a & (1L << n) - 1 : a;
        c.gpr[o.reg] = r;
        Flags.result(c, r, n > 63 ? Flags.CF : 0);
    }

    /** RDX times the source; the low half is written first, so that the high half wins when both go to one register. */
    static void mulx32(Cpu c, Op o) {
        long r = (c.gpr[Registers.RDX] & 0xFFFFFFFFL) * (Source.operand32(c, o) & 0xFFFFFFFFL);
        Registers.set32(c, o.instruction.vvvv, (int) r);
        c.gpr[o.reg] = r >>> 32;
    }

    static void mulx64(Cpu c, Op o) {
        long a = c.gpr[Registers.RDX];
        long b = Source.operand64(c, o);
        c.gpr[o.instruction.vvvv] = a * b;
        c.gpr[o.reg] = Math.unsignedMultiplyHigh(a, b);
    }

    static void pdep32(Cpu c, Op o) {
        Registers.set32(c, o.reg, Integer.expand((int) c.gpr[o.instruction.vvvv], Source.operand32(c, o)));
    }

    static void pdep64(Cpu c, Op o) {
        c.gpr[o.reg] = Long.expand(c.gpr[o.instruction.vvvv], Source.operand64(c, o));
    }

    static void pext32(Cpu c, Op o) {
        Registers.set32(c, o.reg, Integer.compress((int) c.gpr[o.instruction.vvvv], Source.operand32(c, o)));
    }

    static void pext64(Cpu c, Op o) {
        c.gpr[o.reg] = Long.compress(c.gpr[o.instruction.vvvv], Source.operand64(c, o));
    }

    static void rorx32(Cpu c, Op o) {
        Registers.set32(c, o.reg, Integer.rotateRight(Source.operand32(c, o), (int) o.imm));
    }

    static void rorx64(Cpu c, Op o) {
        c.gpr[o.reg] = Long.rotateRight(Source.operand64(c, o), (int) o.imm);
    }

    static void sarx32(Cpu c, Op o) {
        Registers.set32(c, o.reg, Source.operand32(c, o) >> (int) c.gpr[o.instruction.vvvv]);
    }

    static void sarx64(Cpu c, Op o) {
        c.gpr[o.reg] = Source.operand64(c, o) >> c.gpr[o.instruction.vvvv];
    }

    static void shlx32(Cpu c, Op o) {
        Registers.set32(c, o.reg, Source.operand32(c, o) << (int) c.gpr[o.instruction.vvvv]);
    }

    static void shlx64(Cpu c, Op o) {
        c.gpr[o.reg] = Source.operand64(c, o) << c.gpr[o.instruction.vvvv];
    }

    static void shrx32(Cpu c, Op o) {
        Registers.set32(c, o.reg, Source.operand32(c, o) >>> (int) c.gpr[o.instruction.vvvv]);
    }

    static void shrx64(Cpu c, Op o) {
        c.gpr[o.reg] = Source.operand64(c, o) >>> c.gpr[o.instruction.vvvv];
    }
}
