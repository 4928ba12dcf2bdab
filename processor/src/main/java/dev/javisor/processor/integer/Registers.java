package dev.javisor.processor.integer;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Op;

/**
 * Parts of the general registers. A 64-bit register is {@code c.gpr[r]} itself; a 32-bit write clears the upper half, smaller ones keep
 * the rest.
 */
public final class Registers {
    public static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;

    private Registers() {}

    /** A byte register operand, sign-extended; AH to BH where the encoding means them. */
    public static int get8(Cpu c, Op o, int r) {
        return r >= 4 && o.instruction.highByte(r) ? (byte) (c.gpr[r - 4] >>> 8) : (byte) c.gpr[r];
    }

    /** Writes a byte register operand; AH to BH where the encoding means them. */
    public static void set8(Cpu c, Op o, int r, int value) {
        if (r >= 4 && o.instruction.highByte(r)) {
            c.gpr[r - 4] = c.gpr[r - 4] & ~0xFF00L | (value & 0xFF) << 8;
        } else {
            c.gpr[r] = c.gpr[r] & ~0xFFL | value & 0xFF;
        }
    }

    public static void set16(Cpu c, int r, int value) {
        c.gpr[r] = c.gpr[r] & ~0xFFFFL | value & 0xFFFF;
    }

    public static void set32(Cpu c, int r, int value) {
        c.gpr[r] = value & 0xFFFFFFFFL;
    }

    /** Writes the low {@code bits} (16, 32 or 64) of a register as an operand of that size. */
    public static void set(Cpu c, int r, int bits, long value) {
        switch (bits) {
            case 16 -> set16(c, r, (int) value);
            case 32 -> set32(c, r, (int) value);
            default -> c.gpr[r] = value;
        }
    }
}
