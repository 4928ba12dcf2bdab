package dev.javisor.processor.simd;

import static dev.javisor.processor.simd.PackedFloat.pair;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.softfloat.SoftFloat;

/** Conversions between integers, single and double precision ("SSE Conversion Instructions", "SSE2 Conversion Instructions"). */
public final class FloatConversion {
    private static final int TRUNCATE = SoftFloat.TOWARD_ZERO;

    private FloatConversion() {}

    public static Handler bind(Instruction i) {
        if (i.has(Instruction.VEX | Instruction.EVEX)) {
            return null;
        }
        boolean wide = i.operandSize == 64;
        return switch (i.opcode.mnemonic) {
            case "CVTSI2SS" -> wide ? FloatConversion::cvtsi2ss64 : FloatConversion::cvtsi2ss;
            case "CVTSI2SD" -> wide ? FloatConversion::cvtsi2sd64 : FloatConversion::cvtsi2sd;
            case "CVTSS2SI" -> wide ? (c, o) -> toGeneral64(c, o, rounding(c)) : (c, o) -> toGeneral32(c, o, rounding(c));
            case "CVTTSS2SI" -> wide ? (c, o) -> toGeneral64(c, o, TRUNCATE) : (c, o) -> toGeneral32(c, o, TRUNCATE);
            case "CVTSD2SI" -> wide ? (c, o) -> doubleToGeneral64(c, o, rounding(c)) : (c, o) -> doubleToGeneral32(c, o, rounding(c));
            case "CVTTSD2SI" -> wide ? (c, o) -> doubleToGeneral64(c, o, TRUNCATE) : (c, o) -> doubleToGeneral32(c, o, TRUNCATE);
            case "CVTSS2SD" -> FloatConversion::cvtss2sd;
            case "CVTSD2SS" -> FloatConversion::cvtsd2ss;
            case "CVTPS2PD" -> FloatConversion::cvtps2pd;
            case "CVTPD2PS" -> FloatConversion::cvtpd2ps;
            case "CVTDQ2PS" -> FloatConversion::cvtdq2ps;
            case "CVTDQ2PD" -> FloatConversion::cvtdq2pd;
            case "CVTPS2DQ" -> (c, o) -> singlesToDwords(c, o, rounding(c));
            case "CVTTPS2DQ" -> (c, o) -> singlesToDwords(c, o, TRUNCATE);
            case "CVTPD2DQ" -> (c, o) -> Xmm.set(c, o, doublesToDwords(c, Xmm.source(c, o), rounding(c)), 0);
            case "CVTTPD2DQ" -> (c, o) -> Xmm.set(c, o, doublesToDwords(c, Xmm.source(c, o), TRUNCATE), 0);
            case "CVTPI2PS" -> FloatConversion::cvtpi2ps;
            case "CVTPI2PD" -> FloatConversion::cvtpi2pd;
            case "CVTPS2PI" -> (c, o) -> singlesToMmx(c, o, rounding(c));
            case "CVTTPS2PI" -> (c, o) -> singlesToMmx(c, o, TRUNCATE);
            case "CVTPD2PI" -> (c, o) -> doublesToMmx(c, o, rounding(c));
            case "CVTTPD2PI" -> (c, o) -> doublesToMmx(c, o, TRUNCATE);
            default -> null;
        };
    }

    private static int rounding(Cpu c) {
        return FloatUnit.rounding(c);
    }

    private static int general32(Cpu c, Op o) {
        Xmm.check(c);
        return o.memory ? Memory.load32(c, Memory.readAddress(c, o, 4), o.segment) : (int) c.gpr[o.rm];
    }

    private static long general64(Cpu c, Op o) {
        Xmm.check(c);
        return o.memory ? Memory.load64(c, Memory.readAddress(c, o, 8), o.segment) : c.gpr[o.rm];
    }

    static void cvtsi2ss(Cpu c, Op o) {
        int value = general32(c, o);
        FloatUnit.begin(c);
        int r = Binary32.fromLong(c, value);
        FloatUnit.commit(c);
        Xmm.setLow32(c, o, r);
    }

    static void cvtsi2ss64(Cpu c, Op o) {
        long value = general64(c, o);
        FloatUnit.begin(c);
        int r = Binary32.fromLong(c, value);
        FloatUnit.commit(c);
        Xmm.setLow32(c, o, r);
    }

    static void cvtsi2sd(Cpu c, Op o) {
        Xmm.setLow(c, o, Binary64.fromInt(general32(c, o)));
    }

    static void cvtsi2sd64(Cpu c, Op o) {
        long value = general64(c, o);
        FloatUnit.begin(c);
        long r = Binary64.fromLong(c, value);
        FloatUnit.commit(c);
        Xmm.setLow(c, o, r);
    }

    private static void toGeneral32(Cpu c, Op o, int rounding) {
        int s = Xmm.source32(c, o);
        FloatUnit.begin(c);
        long r = Binary32.toInteger(c, s, 32, rounding);
        FloatUnit.commit(c);
        c.gpr[o.reg] = r & 0xFFFFFFFFL;
    }

    private static void toGeneral64(Cpu c, Op o, int rounding) {
        int s = Xmm.source32(c, o);
        FloatUnit.begin(c);
        long r = Binary32.toInteger(c, s, 64, rounding);
        FloatUnit.commit(c);
        c.gpr[o.reg] = r;
    }

    private static void doubleToGeneral32(Cpu c, Op o, int rounding) {
        long s = Xmm.source64(c, o);
        FloatUnit.begin(c);
        long r = Binary64.toInteger(c, s, 32, rounding);
        FloatUnit.commit(c);
        c.gpr[o.reg] = r & 0xFFFFFFFFL;
    }

    private static void doubleToGeneral64(Cpu c, Op o, int rounding) {
        long s = Xmm.source64(c, o);
        FloatUnit.begin(c);
        long r = Binary64.toInteger(c, s, 64, rounding);
        FloatUnit.commit(c);
        c.gpr[o.reg] = r;
    }

    static void cvtss2sd(Cpu c, Op o) {
        int s = Xmm.source32(c, o);
        FloatUnit.begin(c);
        long r = Binary64.fromSingle(c, s);
        FloatUnit.commit(c);
        Xmm.setLow(c, o, r);
    }

    static void cvtsd2ss(Cpu c, Op o) {
        long s = Xmm.source64(c, o);
        FloatUnit.begin(c);
        int r = Binary32.fromDouble(c, s);
        FloatUnit.commit(c);
        Xmm.setLow32(c, o, r);
    }

    static void cvtps2pd(Cpu c, Op o) {
        long s = Xmm.source64(c, o);
        FloatUnit.begin(c);
        long low = Binary64.fromSingle(c, (int) s);
        long high = Binary64.fromSingle(c, (int) (s >>> 32));
        FloatUnit.commit(c);
        Xmm.set(c, o, low, high);
    }

    static void cvtpd2ps(Cpu c, Op o) {
        int s = Xmm.source(c, o);
        FloatUnit.begin(c);
        int low = Binary32.fromDouble(c, c.vector[s]);
        int high = Binary32.fromDouble(c, c.vector[s + 1]);
        FloatUnit.commit(c);
        Xmm.set(c, o, pair(low, high), 0);
    }

    private static long dwordsToSingles(Cpu c, long dwords) {
        int low = Binary32.fromLong(c, (int) dwords);
        return pair(low, Binary32.fromLong(c, (int) (dwords >>> 32)));
    }

    static void cvtdq2ps(Cpu c, Op o) {
        int s = Xmm.source(c, o);
        FloatUnit.begin(c);
        long low = dwordsToSingles(c, c.vector[s]);
        long high = dwordsToSingles(c, c.vector[s + 1]);
        FloatUnit.commit(c);
        Xmm.set(c, o, low, high);
    }

    static void cvtdq2pd(Cpu c, Op o) {
        long s = Xmm.source64(c, o);
        Xmm.set(c, o, Binary64.fromInt((int) s), Binary64.fromInt((int) (s >>> 32)));
    }

    private static long singlesToDwords(Cpu c, long singles, int rounding) {
        int low = (int) Binary32.toInteger(c, (int) singles, 32, rounding);
        return pair(low, (int) Binary32.toInteger(c, (int) (singles >>> 32), 32, rounding));
    }

    private static void singlesToDwords(Cpu c, Op o, int rounding) {
        int s = Xmm.source(c, o);
        FloatUnit.begin(c);
        long low = singlesToDwords(c, c.vector[s], rounding);
        long high = singlesToDwords(c, c.vector[s + 1], rounding);
        FloatUnit.commit(c);
        Xmm.set(c, o, low, high);
    }

    private static long doublesToDwords(Cpu c, int s, int rounding) {
        FloatUnit.begin(c);
        int low = (int) Binary64.toInteger(c, c.vector[s], 32, rounding);
        int high = (int) Binary64.toInteger(c, c.vector[s + 1], 32, rounding);
        FloatUnit.commit(c);
        return pair(low, high);
    }

    // ---- with MMX operands: the transition to MMX state comes before the floating-point exceptions ----

    static void cvtpi2ps(Cpu c, Op o) {
        Xmm.check(c);
        long s = dwords(c, o);
        enterMmx(c, o);
        FloatUnit.begin(c);
        long r = dwordsToSingles(c, s);
        FloatUnit.commit(c);
        Xmm.setLow(c, o, r);
    }

    /** With a memory operand these are no MMX instructions: they neither wait for x87 exceptions nor touch the x87 state. */
    private static long dwords(Cpu c, Op o) {
        return o.memory ? Memory.load64(c, Memory.readAddress(c, o, 8), o.segment) : Mmx.source(c, o);
    }

    private static void enterMmx(Cpu c, Op o) {
        if (!o.memory) {
            Mmx.enter(c);
        }
    }

    static void cvtpi2pd(Cpu c, Op o) {
        Xmm.check(c);
        long s = dwords(c, o);
        enterMmx(c, o);
        Xmm.set(c, o, Binary64.fromInt((int) s), Binary64.fromInt((int) (s >>> 32)));
    }

    private static void singlesToMmx(Cpu c, Op o, int rounding) {
        Mmx.check(c);
        long s = Xmm.source64(c, o);
        Mmx.enter(c);
        FloatUnit.begin(c);
        long r = singlesToDwords(c, s, rounding);
        FloatUnit.commit(c);
        Mmx.set(c, o.reg, r);
    }

    private static void doublesToMmx(Cpu c, Op o, int rounding) {
        Mmx.check(c);
        int s = Xmm.source(c, o);
        Mmx.enter(c);
        Mmx.set(c, o.reg, doublesToDwords(c, s, rounding));
    }
}
