package dev.javisor.processor.integer;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/**
 * SHLD and SHRD. What a count above 16 shifts into a 16-bit destination is undefined: Intel's processors go on with the destination, AMD's
 * with the source again.
 */
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
        long r = a;
        long carry = 0;
        if (n != 0) {
            if (bits == 16) {
                long beyond = c.model.vendor() == CpuModel.Vendor.INTEL ? a : b;
                long words = left ? a << 32 | b << 16 | beyond : beyond << 32 | b << 16 | a;
                r = (left ? words >>> 32 - n : words >>> n) & 0xFFFF;
                carry = (left ? words >>> 48 - n : words >>> n - 1) & 1;
            } else {
                r = left ? Shift.zeroExtend(a << n, bits) | b >>> bits - n : Shift.zeroExtend(b << bits - n, bits) | a >>> n;
                carry = (left ? a >>> bits - n : a >>> n - 1) & 1;
            }
        }
        if (i.memory) {
            Memory.store(c, la, bits / 8, o.segment, r);
        } else {
            Registers.set(c, o.rm, bits, r);
        }
        if (n != 0) {
            long sign = r >>> bits - 1;
            long overflow = left ? carry ^ sign : sign ^ r >>> bits - 2 & 1;
            Flags.result(c, Shift.signExtend(r, bits), carry | overflow << 11);
        }
    }
}
