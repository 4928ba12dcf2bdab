package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.SegmentCheck;

/** BT, BTS, BTR, BTC. CF takes the bit; the other flags are kept. */
public final class BitTest {
    private static final int TEST = 0, SET = 1, RESET = 2, COMPLEMENT = 3;

    private BitTest() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "BT" -> bind(i, TEST);
            case "BTS" -> bind(i, SET);
            case "BTR" -> bind(i, RESET);
            case "BTC" -> bind(i, COMPLEMENT);
            default -> null;
        };
    }

    private static Handler bind(Instruction i, int operation) {
        int bits = i.operandSize;
        if (Form.of(i) == Form.MEM_REG) {
            return (c, o) -> memory(c, o, operation, bits, Shift.signExtend(c.gpr[o.reg], bits));
        }
        if (Form.of(i) == Form.MEM_IMM) {
            return (c, o) -> memory(c, o, operation, bits, o.imm & bits - 1);
        }
        if (Form.of(i) == Form.RM_IMM) {
            return (c, o) -> register(c, o, operation, bits, (int) o.imm & bits - 1);
        }
        return (c, o) -> register(c, o, operation, bits, (int) c.gpr[o.reg] & bits - 1);
    }

    private static void register(Cpu c, Op o, int operation, int bits, int n) {
        long a = c.gpr[o.rm];
        if (operation != TEST) {
            Registers.set(c, o.rm, bits, change(a, operation, n));
        }
        carry(c, a >>> n & 1);
    }

    /** The bit offset is signed and reaches beyond the operand: the word that holds the bit is accessed. */
    private static void memory(Cpu c, Op o, int operation, int bits, long offset) {
        int size = bits / 8;
        boolean write = operation != TEST;
        long ea = Memory.effectiveAddress(c, o) + (offset & -bits) / 8 & o.addressMask;
        if (o.checked) {
            SegmentCheck.check(c, o.segment, ea, size, write);
        }
        long la = ea + c.eaBase[o.segment] & o.linearMask;
        int n = (int) offset & bits - 1;
        long a;
        if (write) {
            a = Memory.loadForWrite(c, la, size, o.segment);
            Memory.store(c, la, size, o.segment, change(a, operation, n));
        } else {
            a = Memory.load(c, la, size, o.segment);
        }
        carry(c, a >>> n & 1);
    }

    private static long change(long a, int operation, int n) {
        return switch (operation) {
            case SET -> a | 1L << n;
            case RESET -> a & ~(1L << n);
            default -> a ^ 1L << n;
        };
    }

    private static void carry(Cpu c, long bit) {
        Flags.materialize(c);
        c.rflags = c.rflags & ~Flags.CF | bit;
    }
}
