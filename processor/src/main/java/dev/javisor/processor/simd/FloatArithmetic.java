package dev.javisor.processor.simd;

import static dev.javisor.processor.simd.PackedFloat.pd;
import static dev.javisor.processor.simd.PackedFloat.ps;
import static dev.javisor.processor.simd.PackedFloat.sd;
import static dev.javisor.processor.simd.PackedFloat.ss;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** Floating-point arithmetic, comparison and rounding of SSE to SSE4.1. */
public final class FloatArithmetic {
    private FloatArithmetic() {}

    public static Handler bind(Instruction i) {
        if (i.has(Instruction.VEX | Instruction.EVEX)) {
            return null;
        }
        return switch (i.opcode.mnemonic) {
            case "ADDPS" -> (c, o) -> ps(c, o, Binary32::add);
            case "ADDSS" -> (c, o) -> ss(c, o, Binary32::add);
            case "ADDPD" -> (c, o) -> pd(c, o, Binary64::add);
            case "ADDSD" -> (c, o) -> sd(c, o, Binary64::add);
            case "SUBPS" -> (c, o) -> ps(c, o, Binary32::subtract);
            case "SUBSS" -> (c, o) -> ss(c, o, Binary32::subtract);
            case "SUBPD" -> (c, o) -> pd(c, o, Binary64::subtract);
            case "SUBSD" -> (c, o) -> sd(c, o, Binary64::subtract);
            case "MULPS" -> (c, o) -> ps(c, o, Binary32::multiply);
            case "MULSS" -> (c, o) -> ss(c, o, Binary32::multiply);
            case "MULPD" -> (c, o) -> pd(c, o, Binary64::multiply);
            case "MULSD" -> (c, o) -> sd(c, o, Binary64::multiply);
            case "DIVPS" -> (c, o) -> ps(c, o, Binary32::divide);
            case "DIVSS" -> (c, o) -> ss(c, o, Binary32::divide);
            case "DIVPD" -> (c, o) -> pd(c, o, Binary64::divide);
            case "DIVSD" -> (c, o) -> sd(c, o, Binary64::divide);
            case "SQRTPS" -> (c, o) -> ps(c, o, Binary32::squareRoot);
            case "SQRTSS" -> (c, o) -> ss(c, o, Binary32::squareRoot);
            case "SQRTPD" -> (c, o) -> pd(c, o, Binary64::squareRoot);
            case "SQRTSD" -> (c, o) -> sd(c, o, Binary64::squareRoot);
            case "MINPS" -> (c, o) -> ps(c, o, Binary32::min);
            case "MINSS" -> (c, o) -> ss(c, o, Binary32::min);
            case "MINPD" -> (c, o) -> pd(c, o, Binary64::min);
            case "MINSD" -> (c, o) -> sd(c, o, Binary64::min);
            case "MAXPS" -> (c, o) -> ps(c, o, Binary32::max);
            case "MAXSS" -> (c, o) -> ss(c, o, Binary32::max);
            case "MAXPD" -> (c, o) -> pd(c, o, Binary64::max);
            case "MAXSD" -> (c, o) -> sd(c, o, Binary64::max);
            case "RCPPS" -> (c, o) -> ps(c, o, Binary32::reciprocal);
            case "RCPSS" -> (c, o) -> ss(c, o, Binary32::reciprocal);
            case "RSQRTPS" -> (c, o) -> ps(c, o, Binary32::reciprocalSquareRoot);
            case "RSQRTSS" -> (c, o) -> ss(c, o, Binary32::reciprocalSquareRoot);
            case "CMPPS" -> (c, o) -> ps(c, o, Binary32::compare);
            case "CMPSS" -> (c, o) -> ss(c, o, Binary32::compare);
            case "CMPPD" -> (c, o) -> pd(c, o, Binary64::compare);
            case "CMPSD" -> DataMove.isVector(i) ? (c, o) -> sd(c, o, Binary64::compare) : null;
            case "ROUNDPS" -> (c, o) -> ps(c, o, (k, a, b, imm) -> Binary32.round(k, b, imm));
            case "ROUNDSS" -> (c, o) -> ss(c, o, (k, a, b, imm) -> Binary32.round(k, b, imm));
            case "ROUNDPD" -> (c, o) -> pd(c, o, (k, a, b, imm) -> Binary64.round(k, b, imm));
            case "ROUNDSD" -> (c, o) -> sd(c, o, (k, a, b, imm) -> Binary64.round(k, b, imm));
            case "COMISS" -> FloatArithmetic::comiss;
            case "UCOMISS" -> FloatArithmetic::ucomiss;
            case "COMISD" -> FloatArithmetic::comisd;
            case "UCOMISD" -> FloatArithmetic::ucomisd;
            case "ADDSUBPS" -> FloatArithmetic::addsubps;
            case "ADDSUBPD" -> FloatArithmetic::addsubpd;
            case "HADDPS" -> (c, o) -> horizontal(c, o, Binary32::add);
            case "HSUBPS" -> (c, o) -> horizontal(c, o, Binary32::subtract);
            case "HADDPD" -> (c, o) -> horizontalDouble(c, o, Binary64::add);
            case "HSUBPD" -> (c, o) -> horizontalDouble(c, o, Binary64::subtract);
            case "DPPS" -> FloatArithmetic::dpps;
            case "DPPD" -> FloatArithmetic::dppd;
            default -> null;
        };
    }

    static void comiss(Cpu c, Op o) {
        int b = Xmm.source32(c, o);
        FloatUnit.begin(c);
        setOrder(c, Binary32.order(c, (int) c.vector[Xmm.destination(o)], b, true));
    }

    static void ucomiss(Cpu c, Op o) {
        int b = Xmm.source32(c, o);
        FloatUnit.begin(c);
        setOrder(c, Binary32.order(c, (int) c.vector[Xmm.destination(o)], b, false));
    }

    static void comisd(Cpu c, Op o) {
        long b = Xmm.source64(c, o);
        FloatUnit.begin(c);
        setOrder(c, Binary64.order(c, c.vector[Xmm.destination(o)], b, true));
    }

    static void ucomisd(Cpu c, Op o) {
        long b = Xmm.source64(c, o);
        FloatUnit.begin(c);
        setOrder(c, Binary64.order(c, c.vector[Xmm.destination(o)], b, false));
    }

    private static void setOrder(Cpu c, int order) {
        FloatUnit.commit(c);
        Flags.setArithmetic(c, switch (order) {
            case 0 -> Flags.ZF;
            case -1 -> Flags.CF;
            case 1 -> 0;
            default -> Flags.ZF | Flags.PF | Flags.CF;
        });
    }

    static void addsubps(Cpu c, Op o) {
        int s = Xmm.source(c, o);
        int d = Xmm.destination(o);
        FloatUnit.begin(c);
        long low = addSubtract(c, c.vector[d], c.vector[s]);
        long high = addSubtract(c, c.vector[d + 1], c.vector[s + 1]);
        FloatUnit.commit(c);
        Xmm.set(c, o, low, high);
    }

    private static long addSubtract(Cpu c, long a, long b) {
        int even = Binary32.subtract(c, (int) a, (int) b);
        return PackedFloat.pair(even, Binary32.add(c, (int) (a >>> 32), (int) (b >>> 32)));
    }

    static void addsubpd(Cpu c, Op o) {
        int s = Xmm.source(c, o);
        int d = Xmm.destination(o);
        FloatUnit.begin(c);
        long low = Binary64.subtract(c, c.vector[d], c.vector[s]);
        long high = Binary64.add(c, c.vector[d + 1], c.vector[s + 1]);
        FloatUnit.commit(c);
        Xmm.set(c, o, low, high);
    }

    private static void horizontal(Cpu c, Op o, PackedFloat.SingleOperation f) {
        int s = Xmm.source(c, o);
        int d = Xmm.destination(o);
        FloatUnit.begin(c);
        long low = neighbours(c, d, f);
        long high = neighbours(c, s, f);
        FloatUnit.commit(c);
        Xmm.set(c, o, low, high);
    }

    private static long neighbours(Cpu c, int at, PackedFloat.SingleOperation f) {
        long low = c.vector[at];
        long high = c.vector[at + 1];
        int first = f.apply(c, (int) low, (int) (low >>> 32));
        return PackedFloat.pair(first, f.apply(c, (int) high, (int) (high >>> 32)));
    }

    private static void horizontalDouble(Cpu c, Op o, PackedFloat.DoubleOperation f) {
        int s = Xmm.source(c, o);
        int d = Xmm.destination(o);
        FloatUnit.begin(c);
        long low = f.apply(c, c.vector[d], c.vector[d + 1]);
        long high = f.apply(c, c.vector[s], c.vector[s + 1]);
        FloatUnit.commit(c);
        Xmm.set(c, o, low, high);
    }

    /** Exceptions of the multiplications, then those of each addition, are detected in this order. */
    static void dpps(Cpu c, Op o) {
        int s = Xmm.source(c, o);
        int d = Xmm.destination(o);
        int imm = (int) o.imm & 0xFF;
        FloatUnit.begin(c);
        int p0 = product(c, d, s, 0, imm);
        int p1 = product(c, d, s, 1, imm);
        int p2 = product(c, d, s, 2, imm);
        int p3 = product(c, d, s, 3, imm);
        FloatUnit.commit(c);
        int low = Binary32.add(c, p0, p1);
        int high = Binary32.add(c, p2, p3);
        FloatUnit.commit(c);
        int sum = Binary32.add(c, low, high);
        FloatUnit.commit(c);
        long low64 = PackedFloat.pair(-(imm & 1) & sum, -(imm >> 1 & 1) & sum);
        Xmm.set(c, o, low64, PackedFloat.pair(-(imm >> 2 & 1) & sum, -(imm >> 3 & 1) & sum));
    }

    private static int product(Cpu c, int d, int s, int k, int imm) {
        if ((imm >> 4 + k & 1) == 0) {
            return 0;
        }
        int lane = k >> 1;
        int shift = 32 * (k & 1);
        return Binary32.multiply(c, (int) (c.vector[d + lane] >>> shift), (int) (c.vector[s + lane] >>> shift));
    }

    static void dppd(Cpu c, Op o) {
        int s = Xmm.source(c, o);
        int d = Xmm.destination(o);
        int imm = (int) o.imm & 0xFF;
        FloatUnit.begin(c);
        long low = (imm & 0x10) == 0 ? 0 : Binary64.multiply(c, c.vector[d], c.vector[s]);
        long high = (imm & 0x20) == 0 ? 0 : Binary64.multiply(c, c.vector[d + 1], c.vector[s + 1]);
        FloatUnit.commit(c);
        long sum = Binary64.add(c, low, high);
        FloatUnit.commit(c);
        Xmm.set(c, o, (imm & 1) == 0 ? 0 : sum, (imm & 2) == 0 ? 0 : sum);
    }
}
