package dev.javisor.processor.simd;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Op;

/** The shapes of floating-point instructions: packed and scalar, single and double. The exceptions of all elements take effect together. */
final class PackedFloat {
    /** A result element from the elements of destination and source. */
    @FunctionalInterface
    interface SingleOperation {
        int apply(Cpu c, int a, int b);
    }

    /** A result element from the elements of destination and source. */
    @FunctionalInterface
    interface DoubleOperation {
        long apply(Cpu c, long a, long b);
    }

    /** As {@link SingleOperation}, with the immediate byte. */
    @FunctionalInterface
    interface SingleImmediate {
        int apply(Cpu c, int a, int b, int imm);
    }

    /** As {@link DoubleOperation}, with the immediate byte. */
    @FunctionalInterface
    interface DoubleImmediate {
        long apply(Cpu c, long a, long b, int imm);
    }

    private PackedFloat() {}

    static long pair(int low, int high) {
        return (long) high << 32 | low & 0xFFFFFFFFL;
    }

    /** Two single-precision elements of a 64-bit lane. */
    static long both(Cpu c, long a, long b, SingleOperation f) {
        int low = f.apply(c, (int) a, (int) b);
        return pair(low, f.apply(c, (int) (a >>> 32), (int) (b >>> 32)));
    }

    static void ps(Cpu c, Op o, SingleOperation f) {
        int s = Xmm.source(c, o);
        int d = Xmm.destination(o);
        long[] v = c.vector;
        FloatUnit.begin(c);
        long low = both(c, v[d], v[s], f);
        long high = both(c, v[d + 1], v[s + 1], f);
        FloatUnit.commit(c);
        Xmm.set(c, o, low, high);
    }

    static void ps(Cpu c, Op o, SingleImmediate f) {
        int imm = (int) o.imm & 0xFF;
        int s = Xmm.source(c, o);
        int d = Xmm.destination(o);
        long[] v = c.vector;
        FloatUnit.begin(c);
        int r0 = f.apply(c, (int) v[d], (int) v[s], imm);
        int r1 = f.apply(c, (int) (v[d] >>> 32), (int) (v[s] >>> 32), imm);
        int r2 = f.apply(c, (int) v[d + 1], (int) v[s + 1], imm);
        int r3 = f.apply(c, (int) (v[d + 1] >>> 32), (int) (v[s + 1] >>> 32), imm);
        FloatUnit.commit(c);
        Xmm.set(c, o, pair(r0, r1), pair(r2, r3));
    }

    static void ss(Cpu c, Op o, SingleOperation f) {
        int b = Xmm.source32(c, o);
        FloatUnit.begin(c);
        int r = f.apply(c, (int) c.vector[Xmm.destination(o)], b);
        FloatUnit.commit(c);
        Xmm.setLow32(c, o, r);
    }

    static void ss(Cpu c, Op o, SingleImmediate f) {
        int b = Xmm.source32(c, o);
        FloatUnit.begin(c);
        int r = f.apply(c, (int) c.vector[Xmm.destination(o)], b, (int) o.imm & 0xFF);
        FloatUnit.commit(c);
        Xmm.setLow32(c, o, r);
    }

    static void pd(Cpu c, Op o, DoubleOperation f) {
        int s = Xmm.source(c, o);
        int d = Xmm.destination(o);
        long[] v = c.vector;
        FloatUnit.begin(c);
        long low = f.apply(c, v[d], v[s]);
        long high = f.apply(c, v[d + 1], v[s + 1]);
        FloatUnit.commit(c);
        Xmm.set(c, o, low, high);
    }

    static void pd(Cpu c, Op o, DoubleImmediate f) {
        int imm = (int) o.imm & 0xFF;
        int s = Xmm.source(c, o);
        int d = Xmm.destination(o);
        long[] v = c.vector;
        FloatUnit.begin(c);
        long low = f.apply(c, v[d], v[s], imm);
        long high = f.apply(c, v[d + 1], v[s + 1], imm);
        FloatUnit.commit(c);
        Xmm.set(c, o, low, high);
    }

    static void sd(Cpu c, Op o, DoubleOperation f) {
        long b = Xmm.source64(c, o);
        FloatUnit.begin(c);
        long r = f.apply(c, c.vector[Xmm.destination(o)], b);
        FloatUnit.commit(c);
        Xmm.setLow(c, o, r);
    }

    static void sd(Cpu c, Op o, DoubleImmediate f) {
        long b = Xmm.source64(c, o);
        FloatUnit.begin(c);
        long r = f.apply(c, c.vector[Xmm.destination(o)], b, (int) o.imm & 0xFF);
        FloatUnit.commit(c);
        Xmm.setLow(c, o, r);
    }
}
