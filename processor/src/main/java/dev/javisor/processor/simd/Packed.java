package dev.javisor.processor.simd;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/**
 * The shapes of packed instructions. What an instruction computes is a function of 64-bit or 128-bit lanes that knows neither registers nor
 * encodings, so that MMX, SSE and wider forms share it; the shapes fetch the operands, apply it, and write the result. Every use names its
 * function as a constant, which the compiler inlines.
 */
final class Packed {
    /** A result lane of 64 bits from the same lane of destination and source. */
    @FunctionalInterface
    interface Quadword {
        long apply(long a, long b);
    }

    /** A result lane of 64 bits from those of destination and source, and the immediate byte. */
    @FunctionalInterface
    interface QuadwordImmediate {
        long apply(long a, long b, int imm);
    }

    /** A 128-bit lane v[d], v[d + 1] from those at a and b, any of which may be the same. */
    @FunctionalInterface
    interface Lane {
        void apply(long[] v, int d, int a, int b);
    }

    /** As {@link Lane}, with the immediate byte. */
    @FunctionalInterface
    interface LaneImmediate {
        void apply(long[] v, int d, int a, int b, int imm);
    }

    private Packed() {}

    /** Of an instruction that exists for both kinds of register, the form in hand. */
    static Handler form(Instruction i, Handler mmx, Handler xmm) {
        return Mmx.isOperandOf(i) ? mmx : xmm;
    }

    static void mmx(Cpu c, Op o, Quadword f) {
        long b = Mmx.source(c, o);
        Mmx.set(c, o.reg, f.apply(Mmx.destination(c, o), b));
    }

    /** The memory operand has 32 bits. */
    static void mmx32(Cpu c, Op o, Quadword f) {
        long b = Mmx.source32(c, o);
        Mmx.set(c, o.reg, f.apply(Mmx.destination(c, o), b));
    }

    static void mmx(Cpu c, Op o, QuadwordImmediate f) {
        long b = Mmx.source(c, o);
        Mmx.set(c, o.reg, f.apply(Mmx.destination(c, o), b, (int) o.imm & 0xFF));
    }

    /** Shift of ModRM.rm by the immediate byte. */
    static void mmxByImmediate(Cpu c, Op o, Quadword f) {
        Mmx.check(c);
        Mmx.set(c, o.rm, f.apply(Mmx.register(c, o), o.imm & 0xFF));
    }

    static void xmm(Cpu c, Op o, Quadword f) {
        int b = Xmm.source(c, o);
        int d = Xmm.destination(o);
        long[] v = c.vector;
        v[d] = f.apply(v[d], v[b]);
        v[d + 1] = f.apply(v[d + 1], v[b + 1]);
    }

    /** Both lanes take their second operand from the low lane of the source: shifts by a count. */
    static void xmmByCount(Cpu c, Op o, Quadword f) {
        int b = Xmm.source(c, o);
        int d = Xmm.destination(o);
        long[] v = c.vector;
        long count = v[b];
        v[d] = f.apply(v[d], count);
        v[d + 1] = f.apply(v[d + 1], count);
    }

    /** Shift of ModRM.rm by the immediate byte. */
    static void xmmByImmediate(Cpu c, Op o, Quadword f) {
        Xmm.check(c);
        int d = Xmm.register(o);
        long[] v = c.vector;
        v[d] = f.apply(v[d], o.imm & 0xFF);
        v[d + 1] = f.apply(v[d + 1], o.imm & 0xFF);
    }

    /** As {@link #xmmByImmediate(Cpu, Op, Quadword)}, for functions of the whole lane. */
    static void xmmByImmediate(Cpu c, Op o, LaneImmediate f) {
        Xmm.check(c);
        int d = Xmm.register(o);
        f.apply(c.vector, d, d, d, (int) o.imm & 0xFF);
    }

    static void xmm(Cpu c, Op o, Lane f) {
        int b = Xmm.source(c, o);
        int d = Xmm.destination(o);
        f.apply(c.vector, d, d, b);
    }

    static void xmm(Cpu c, Op o, LaneImmediate f) {
        int b = Xmm.source(c, o);
        int d = Xmm.destination(o);
        f.apply(c.vector, d, d, b, (int) o.imm & 0xFF);
    }
}
