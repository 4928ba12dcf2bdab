package dev.javisor.processor.simd;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Insertion and extraction of single elements, conversion of integers to wider ones, PTEST. */
public final class ElementMove {
    /** A lane of wide elements from as many narrow ones in the low bits of the argument. */
    @FunctionalInterface
    private interface Widening {
        long apply(long narrow);
    }

    private ElementMove() {}

    public static Handler bind(Instruction i) {
        if (i.has(Instruction.VEX | Instruction.EVEX)) {
            return null;
        }
        boolean wide = i.w && i.operandSize == 64;
        boolean m = i.memory;
        return switch (i.opcode.mnemonic) {
            case "PINSRB" -> ElementMove::pinsrb;
            case "PINSRW" -> Mmx.isOperandOf(i) ? ElementMove::pinsrwMmx : ElementMove::pinsrw;
            case "PINSRD", "PINSRQ" -> wide ? ElementMove::pinsrq : ElementMove::pinsrd;
            case "INSERTPS" -> ElementMove::insertps;
            case "PEXTRB" -> m ? ElementMove::pextrbStore : ElementMove::pextrb;
            case "PEXTRW" -> Mmx.isOperandOf(i) ? ElementMove::pextrwMmx
                    : i.opcode.operands.getFirst().charAt(0) == 'G' ? ElementMove::pextrwToReg
                    : m ? ElementMove::pextrwStore : ElementMove::pextrw;
            case "PEXTRD", "PEXTRQ" -> wide
                    ? m ? ElementMove::pextrqStore : ElementMove::pextrq
                    : m ? ElementMove::pextrdStore : ElementMove::pextrd;
            case "EXTRACTPS" -> m ? ElementMove::pextrdStore : ElementMove::pextrd;
            case "PMOVSXBW" -> (c, o) -> widen64(c, o, ElementMove::sxbw);
            case "PMOVSXBD" -> (c, o) -> widen32(c, o, ElementMove::sxbd);
            case "PMOVSXBQ" -> (c, o) -> widen16(c, o, x -> (byte) x);
            case "PMOVSXWD" -> (c, o) -> widen64(c, o, ElementMove::sxwd);
            case "PMOVSXWQ" -> (c, o) -> widen32(c, o, x -> (short) x);
            case "PMOVSXDQ" -> (c, o) -> widen64(c, o, x -> (int) x);
            case "PMOVZXBW" -> (c, o) -> widen64(c, o, x -> Swar.punpcklbw(x, 0));
            case "PMOVZXBD" -> (c, o) -> widen32(c, o, x -> x & 0xFF | (x & 0xFF00) << 24);
            case "PMOVZXBQ" -> (c, o) -> widen16(c, o, x -> x & 0xFF);
            case "PMOVZXWD" -> (c, o) -> widen64(c, o, x -> Swar.punpcklwd(x, 0));
            case "PMOVZXWQ" -> (c, o) -> widen32(c, o, x -> x & 0xFFFF);
            case "PMOVZXDQ" -> (c, o) -> widen64(c, o, x -> x & 0xFFFFFFFFL);
            case "PTEST" -> ElementMove::ptest;
            default -> null;
        };
    }

    private static void widen64(Cpu c, Op o, Widening f) {
        long s = Xmm.source64(c, o);
        Xmm.set(c, o, f.apply(s), f.apply(s >>> 32));
    }

    private static void widen32(Cpu c, Op o, Widening f) {
        int s = Xmm.source32(c, o);
        Xmm.set(c, o, f.apply(s), f.apply(s >>> 16));
    }

    private static void widen16(Cpu c, Op o, Widening f) {
        int s = Xmm.source16(c, o);
        Xmm.set(c, o, f.apply(s), f.apply(s >>> 8));
    }

    private static long sxbw(long x) {
        long words = Swar.punpcklbw(x, 0);
        return words | Swar.psllw(Swar.pcmpgtw(words, 0x007F007F007F007FL), 8);
    }

    private static long sxbd(long x) {
        return (byte) x & 0xFFFFFFFFL | (long) (byte) (x >>> 8) << 32;
    }

    private static long sxwd(long x) {
        return (short) x & 0xFFFFFFFFL | (long) (short) (x >>> 16) << 32;
    }

    /** Replaces the bits of {@code mask}, shifted left by {@code shift}, in the 64-bit lane at {@code lane}. */
    private static void insert(Cpu c, int lane, long mask, int shift, long value) {
        c.vector[lane] = c.vector[lane] & ~(mask << shift) | (value & mask) << shift;
    }

    static void pinsrb(Cpu c, Op o) {
        Xmm.check(c);
        long value = o.memory ? Memory.load8(c, Memory.readAddress(c, o, 1), o.segment) : c.gpr[o.rm];
        insert(c, Xmm.destination(o) + ((int) o.imm >> 3 & 1), 0xFF, 8 * ((int) o.imm & 7), value);
    }

    static void pinsrw(Cpu c, Op o) {
        Xmm.check(c);
        long value = o.memory ? Memory.load16(c, Memory.readAddress(c, o, 2), o.segment) : c.gpr[o.rm];
        insert(c, Xmm.destination(o) + ((int) o.imm >> 2 & 1), 0xFFFF, 16 * ((int) o.imm & 3), value);
    }

    static void pinsrwMmx(Cpu c, Op o) {
        Mmx.check(c);
        long value = o.memory ? Memory.load16(c, Memory.readAddress(c, o, 2), o.segment) : c.gpr[o.rm];
        int shift = 16 * ((int) o.imm & 3);
        Mmx.set(c, o.reg, Mmx.destination(c, o) & ~(0xFFFFL << shift) | (value & 0xFFFF) << shift);
    }

    static void pinsrd(Cpu c, Op o) {
        Xmm.check(c);
        long value = o.memory ? Memory.load32(c, Memory.readAddress(c, o, 4), o.segment) : c.gpr[o.rm];
        insert(c, Xmm.destination(o) + ((int) o.imm >> 1 & 1), 0xFFFFFFFFL, 32 * ((int) o.imm & 1), value);
    }

    static void pinsrq(Cpu c, Op o) {
        Xmm.check(c);
        long value = o.memory ? Memory.load64(c, Memory.readAddress(c, o, 8), o.segment) : c.gpr[o.rm];
        c.vector[Xmm.destination(o) + ((int) o.imm & 1)] = value;
    }

    static void insertps(Cpu c, Op o) {
        int imm = (int) o.imm & 0xFF;
        long value;
        if (o.memory) {
            value = Xmm.source32(c, o);
        } else {
            Xmm.check(c);
            value = c.vector[Xmm.register(o) + (imm >> 7)] >>> 32 * (imm >> 6 & 1);
        }
        int d = Xmm.destination(o);
        insert(c, d + (imm >> 5 & 1), 0xFFFFFFFFL, 32 * (imm >> 4 & 1), value);
        for (int k = 0; k < 4; k++) {
            if ((imm >> k & 1) != 0) {
                insert(c, d + (k >> 1), 0xFFFFFFFFL, 32 * (k & 1), 0);
            }
        }
    }

    private static int byteAt(Cpu c, Op o) {
        Xmm.check(c);
        return (int) (c.vector[Xmm.destination(o) + ((int) o.imm >> 3 & 1)] >>> 8 * ((int) o.imm & 7)) & 0xFF;
    }

    private static int wordAt(Cpu c, Op o, int register) {
        Xmm.check(c);
        return (int) (c.vector[register + ((int) o.imm >> 2 & 1)] >>> 16 * ((int) o.imm & 3)) & 0xFFFF;
    }

    private static int dwordAt(Cpu c, Op o) {
        Xmm.check(c);
        return (int) (c.vector[Xmm.destination(o) + ((int) o.imm >> 1 & 1)] >>> 32 * ((int) o.imm & 1));
    }

    private static long qwordAt(Cpu c, Op o) {
        Xmm.check(c);
        return c.vector[Xmm.destination(o) + ((int) o.imm & 1)];
    }

    static void pextrb(Cpu c, Op o) {
        c.gpr[o.rm] = byteAt(c, o);
    }

    static void pextrbStore(Cpu c, Op o) {
        int value = byteAt(c, o);
        Memory.store8(c, Memory.writeAddress(c, o, 1), o.segment, value);
    }

    static void pextrw(Cpu c, Op o) {
        c.gpr[o.rm] = wordAt(c, o, Xmm.destination(o));
    }

    static void pextrwStore(Cpu c, Op o) {
        int value = wordAt(c, o, Xmm.destination(o));
        Memory.store16(c, Memory.writeAddress(c, o, 2), o.segment, value);
    }

    static void pextrwToReg(Cpu c, Op o) {
        c.gpr[o.reg] = wordAt(c, o, Xmm.register(o));
    }

    static void pextrwMmx(Cpu c, Op o) {
        Mmx.check(c);
        c.gpr[o.reg] = Mmx.register(c, o) >>> 16 * ((int) o.imm & 3) & 0xFFFF;
        Mmx.enter(c);
    }

    static void pextrd(Cpu c, Op o) {
        c.gpr[o.rm] = dwordAt(c, o) & 0xFFFFFFFFL;
    }

    static void pextrdStore(Cpu c, Op o) {
        int value = dwordAt(c, o);
        Memory.store32(c, Memory.writeAddress(c, o, 4), o.segment, value);
    }

    static void pextrq(Cpu c, Op o) {
        c.gpr[o.rm] = qwordAt(c, o);
    }

    static void pextrqStore(Cpu c, Op o) {
        long value = qwordAt(c, o);
        Memory.store64(c, Memory.writeAddress(c, o, 8), o.segment, value);
    }

    static void ptest(Cpu c, Op o) {
        int s = Xmm.source(c, o);
        int d = Xmm.destination(o);
        long[] v = c.vector;
        boolean allZero = (v[d] & v[s] | v[d + 1] & v[s + 1]) == 0;
        boolean allOne = (~v[d] & v[s] | ~v[d + 1] & v[s + 1]) == 0;
        Flags.setArithmetic(c, (allZero ? Flags.ZF : 0) | (allOne ? Flags.CF : 0));
    }
}
