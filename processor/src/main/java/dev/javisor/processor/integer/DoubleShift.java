package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** SHLD and SHRD. A 16-bit operand with a count above 16 turns on through the destination again. */
public final class DoubleShift {
    private DoubleShift() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "SHLD" -> bind(i, true);
            case "SHRD" -> bind(i, false);
            default -> null;
        };
    }

    private static Handler bind(Instruction i, boolean left) {
        boolean immediate = i.opcode.operands.get(2).charAt(0) == 'I';
        return (c, o) -> shift(c, o, left, (int) (immediate ? o.imm : c.gpr[Registers.RCX]));
    }

    private static void shift(Cpu c, Op o, boolean left, int count) {
        Instruction i = o.instruction;
        int bits = i.operandSize;
        int n = count & (bits == 64 ? 63 : 31);
        long la = i.memory ? Memory.writeAddress(c, o, bits / 8) : 0;
        long a = i.memory ? Memory.loadForWrite(c, la, bits / 8, o.segment) : Shift.zeroExtend(c.gpr[o.rm], bits);
        long b = Shift.zeroExtend(c.gpr[o.reg], bits);
        long r = n == 0 ? a : left ? shiftLeft(a, b, n, bits) : shiftRight(a, b, n, bits);
        if (i.memory) {
            Memory.store(c, la, bits / 8, o.segment, r);
        } else {
            Registers.set(c, o.rm, bits, r);
        }
        if (n != 0) {
            long carry = left ? carryLeft(a, b, n, bits) : carryRight(a, b, n, bits);
            long sign = r >>> bits - 1;
            long overflow = left ? carry ^ sign : sign ^ r >>> bits - 2 & 1;
            Flags.result(c, Shift.signExtend(r, bits), carry | overflow << 11);
        }
    }

    private static long shiftLeft(long a, long b, int n, int bits) {
        return bits == 16 ? thrice(a, b) >>> 32 - n & 0xFFFF : Shift.zeroExtend(a << n, bits) | b >>> bits - n;
    }

    private static long shiftRight(long a, long b, int n, int bits) {
        return bits == 16 ? thrice(a, b) >>> n & 0xFFFF : Shift.zeroExtend(b << bits - n, bits) | a >>> n;
    }

    private static long carryLeft(long a, long b, int n, int bits) {
        return (bits == 16 ? thrice(a, b) >>> 48 - n : a >>> bits - n) & 1;
    }

    private static long carryRight(long a, long b, int n, int bits) {
        return (bits == 16 ? thrice(a, b) : a) >>> n - 1 & 1;
    }

    /** a:b:a, words. */
    private static long thrice(long a, long b) {
        return a << 32 | b << 16 | a;
    }
}
