package dev.javisor.processor.simd;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Moves between general-purpose, MMX and XMM registers and memory, sign masks, and stores under a mask. */
public final class RegisterMove {
    private RegisterMove() {}

    public static Handler bind(Instruction i) {
        if (i.has(Instruction.VEX | Instruction.EVEX)) {
            return null;
        }
        boolean mmx = Mmx.isOperandOf(i);
        return switch (i.opcode.mnemonic) {
            case "MOVD", "MOVQ" -> mmx ? mmxMove(i) : xmmMove(i);
            case "MOVNTQ" -> RegisterMove::storeMmx;
            case "MOVNTI" -> i.operandSize == 64 ? RegisterMove::movnti64 : RegisterMove::movnti32;
            case "MOVDQ2Q" -> RegisterMove::movdq2q;
            case "MOVQ2DQ" -> RegisterMove::movq2dq;
            case "MOVMSKPS" -> RegisterMove::movmskps;
            case "MOVMSKPD" -> RegisterMove::movmskpd;
            case "PMOVMSKB" -> mmx ? RegisterMove::pmovmskbMmx : RegisterMove::pmovmskb;
            case "MASKMOVQ" -> RegisterMove::maskmovq;
            case "MASKMOVDQU" -> RegisterMove::maskmovdqu;
            case "EMMS" -> Mmx::emms;
            default -> null;
        };
    }

    private static Handler mmxMove(Instruction i) {
        return switch (i.opcode.operands.getFirst().charAt(0)) {
            case 'P' -> i.opcode.operands.getLast().charAt(0) == 'E'
                    ? isWide(i) ? RegisterMove::loadMmxGeneral64 : RegisterMove::loadMmxGeneral32
                    : (c, o) -> Packed.mmx(c, o, (a, b) -> b);
            case 'Q' -> i.memory ? RegisterMove::storeMmx : RegisterMove::moveMmxToRm;
            default -> isWide(i) ? i.memory ? RegisterMove::storeMmx : RegisterMove::movqMmxToGeneral
                    : i.memory ? RegisterMove::storeMmx32 : RegisterMove::movdMmxToGeneral;
        };
    }

    private static Handler xmmMove(Instruction i) {
        return switch (i.opcode.operands.getFirst().charAt(0)) {
            case 'V' -> i.opcode.operands.getLast().charAt(0) != 'E'
                    ? RegisterMove::movq
                    : isWide(i) ? i.memory ? RegisterMove::movq : RegisterMove::movqFromGeneral
                    : i.memory ? DataMove::loadZero32 : RegisterMove::movdFromGeneral;
            case 'W' -> i.memory ? DataMove::storeLow : RegisterMove::movqToRm;
            default -> isWide(i) ? i.memory ? DataMove::storeLow : RegisterMove::movqToGeneral
                    : i.memory ? DataMove::storeLow32 : RegisterMove::movdToGeneral;
        };
    }

    private static boolean isWide(Instruction i) {
        return i.w && i.operandSize == 64;
    }

    static void loadMmxGeneral32(Cpu c, Op o) {
        Mmx.check(c);
        long value = o.memory ? Memory.load32(c, Memory.readAddress(c, o, 4), o.segment) : c.gpr[o.rm];
        Mmx.set(c, o.reg, value & 0xFFFFFFFFL);
    }

    static void loadMmxGeneral64(Cpu c, Op o) {
        Mmx.check(c);
        Mmx.set(c, o.reg, o.memory ? Memory.load64(c, Memory.readAddress(c, o, 8), o.segment) : c.gpr[o.rm]);
    }

    static void storeMmx(Cpu c, Op o) {
        Mmx.check(c);
        Memory.store64(c, Memory.writeAddress(c, o, 8), o.segment, Mmx.destination(c, o));
        Mmx.enter(c);
    }

    static void storeMmx32(Cpu c, Op o) {
        Mmx.check(c);
        Memory.store32(c, Memory.writeAddress(c, o, 4), o.segment, (int) Mmx.destination(c, o));
        Mmx.enter(c);
    }

    static void moveMmxToRm(Cpu c, Op o) {
        Mmx.check(c);
        Mmx.set(c, o.rm, Mmx.destination(c, o));
    }

    static void movqMmxToGeneral(Cpu c, Op o) {
        Mmx.check(c);
        c.gpr[o.rm] = Mmx.destination(c, o);
        Mmx.enter(c);
    }

    static void movdMmxToGeneral(Cpu c, Op o) {
        Mmx.check(c);
        c.gpr[o.rm] = Mmx.destination(c, o) & 0xFFFFFFFFL;
        Mmx.enter(c);
    }

    static void movq(Cpu c, Op o) {
        Xmm.set(c, o, Xmm.source64(c, o), 0);
    }

    static void movqToRm(Cpu c, Op o) {
        Xmm.check(c);
        int d = Xmm.register(o);
        c.vector[d] = c.vector[Xmm.destination(o)];
        c.vector[d + 1] = 0;
    }

    static void movqFromGeneral(Cpu c, Op o) {
        Xmm.check(c);
        Xmm.set(c, o, c.gpr[o.rm], 0);
    }

    static void movdFromGeneral(Cpu c, Op o) {
        Xmm.check(c);
        Xmm.set(c, o, c.gpr[o.rm] & 0xFFFFFFFFL, 0);
    }

    static void movqToGeneral(Cpu c, Op o) {
        Xmm.check(c);
        c.gpr[o.rm] = c.vector[Xmm.destination(o)];
    }

    static void movdToGeneral(Cpu c, Op o) {
        Xmm.check(c);
        c.gpr[o.rm] = c.vector[Xmm.destination(o)] & 0xFFFFFFFFL;
    }

    static void movnti32(Cpu c, Op o) {
        Memory.store32(c, Memory.writeAddress(c, o, 4), o.segment, (int) c.gpr[o.reg]);
    }

    static void movnti64(Cpu c, Op o) {
        Memory.store64(c, Memory.writeAddress(c, o, 8), o.segment, c.gpr[o.reg]);
    }

    static void movdq2q(Cpu c, Op o) {
        Xmm.check(c);
        Mmx.check(c);
        Mmx.set(c, o.reg, c.vector[Xmm.register(o)]);
    }

    static void movq2dq(Cpu c, Op o) {
        Xmm.check(c);
        Mmx.check(c);
        Xmm.set(c, o, Mmx.register(c, o), 0);
        Mmx.enter(c);
    }

    static void movmskps(Cpu c, Op o) {
        Xmm.check(c);
        int s = Xmm.register(o);
        long low = c.vector[s];
        long high = c.vector[s + 1];
        c.gpr[o.reg] = low >>> 31 & 1 | low >>> 62 & 2 | high >>> 29 & 4 | high >>> 60 & 8;
    }

    static void movmskpd(Cpu c, Op o) {
        Xmm.check(c);
        int s = Xmm.register(o);
        c.gpr[o.reg] = c.vector[s] >>> 63 | c.vector[s + 1] >>> 62 & 2;
    }

    static void pmovmskb(Cpu c, Op o) {
        Xmm.check(c);
        int s = Xmm.register(o);
        c.gpr[o.reg] = Swar.signs(c.vector[s]) | Swar.signs(c.vector[s + 1]) << 8;
    }

    static void pmovmskbMmx(Cpu c, Op o) {
        Mmx.check(c);
        c.gpr[o.reg] = Swar.signs(Mmx.register(c, o));
        Mmx.enter(c);
    }

    static void maskmovq(Cpu c, Op o) {
        Mmx.check(c);
        long la = maskedAddress(c, o, 8);
        storeMasked(c, o, la, Mmx.destination(c, o), Swar.signs(Mmx.register(c, o)));
        Mmx.enter(c);
    }

    static void maskmovdqu(Cpu c, Op o) {
        Xmm.check(c);
        int mask = Xmm.register(o);
        int data = Xmm.destination(o);
        long la = maskedAddress(c, o, 16);
        storeMasked(c, o, la, c.vector[data], Swar.signs(c.vector[mask]));
        storeMasked(c, o, la + 8 & c.linearWrap, c.vector[data + 1], Swar.signs(c.vector[mask + 1]));
    }

    /** DS:rDI, or with a segment override; nothing is stored before the whole operand is known to be writable. */
    private static long maskedAddress(Cpu c, Op o, int size) {
        long la = Memory.address(c, o.segment, c.gpr[7] & o.addressMask, size, true);
        Memory.probe(c, la, size, o.segment, true);
        return la;
    }

    private static void storeMasked(Cpu c, Op o, long la, long data, int mask) {
        for (int k = 0; k < 8; k++) {
            if ((mask >>> k & 1) != 0) {
                Memory.store8(c, la + k & c.linearWrap, o.segment, (int) (data >>> 8 * k));
            }
        }
    }
}
