package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Tlb;

/**
 * XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B. A memory operand is always written, also when a comparison fails; a register then keeps even
 * its upper half.
 */
public final class Exchange {
    private static final int RAX = Registers.RAX, RCX = Registers.RCX, RDX = Registers.RDX, RBX = Registers.RBX;

    private Exchange() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "XCHG" -> i.memory ? Exchange::xchgMem : Form.bits(i) == 8 ? Exchange::xchg8 : Exchange::xchgRm;
            case "XADD" -> xadd(i);
            case "CMPXCHG" -> cmpxchg(i);
            case "CMPXCHG8B" -> Exchange::cmpxchg8b;
            case "CMPXCHG16B" -> Exchange::cmpxchg16b;
            default -> null;
        };
    }

    private static Handler xadd(Instruction i) {
        int bits = Form.bits(i);
        return i.memory ? (c, o) -> xaddMem(c, o, bits) : (c, o) -> xaddRm(c, o, bits);
    }

    private static Handler cmpxchg(Instruction i) {
        int bits = Form.bits(i);
        return i.memory ? (c, o) -> cmpxchgMem(c, o, bits) : (c, o) -> cmpxchgRm(c, o, bits);
    }

    /** A register operand of any size, sign-extended. */
    private static long get(Cpu c, Op o, int r, int bits) {
        return bits == 8 ? Registers.get8(c, o, r) : Shift.signExtend(c.gpr[r], bits);
    }

    private static void set(Cpu c, Op o, int r, int bits, long value) {
        if (bits == 8) {
            Registers.set8(c, o, r, (int) value);
        } else {
            Registers.set(c, r, bits, value);
        }
    }

    // ---- XCHG ----

    static void xchg8(Cpu c, Op o) {
        int a = Registers.get8(c, o, o.rm);
        Registers.set8(c, o, o.rm, Registers.get8(c, o, o.reg));
        Registers.set8(c, o, o.reg, a);
    }

    static void xchgRm(Cpu c, Op o) {
        int bits = o.instruction.operandSize;
        long a = c.gpr[o.rm];
        Registers.set(c, o.rm, bits, c.gpr[o.reg]);
        Registers.set(c, o.reg, bits, a);
    }

    static void xchgMem(Cpu c, Op o) {
        int bits = Form.bits(o.instruction);
        long la = Memory.writeAddress(c, o, bits / 8);
        long a = Memory.loadForWrite(c, la, bits / 8, o.segment);
        Memory.store(c, la, bits / 8, o.segment, get(c, o, o.reg, bits));
        set(c, o, o.reg, bits, a);
    }

    // ---- XADD ----

    private static void xaddRm(Cpu c, Op o, int bits) {
        long a = get(c, o, o.rm, bits);
        long b = get(c, o, o.reg, bits);
        long r = Shift.signExtend(a + b, bits);
        set(c, o, o.reg, bits, a);
        set(c, o, o.rm, bits, r);
        Flags.add(c, a, b, r);
    }

    private static void xaddMem(Cpu c, Op o, int bits) {
        long la = Memory.writeAddress(c, o, bits / 8);
        long a = Shift.signExtend(Memory.loadForWrite(c, la, bits / 8, o.segment), bits);
        long b = get(c, o, o.reg, bits);
        long r = Shift.signExtend(a + b, bits);
        Memory.store(c, la, bits / 8, o.segment, r);
        set(c, o, o.reg, bits, a);
        Flags.add(c, a, b, r);
    }

    // ---- CMPXCHG ----

    private static void cmpxchgRm(Cpu c, Op o, int bits) {
        long accumulator = Shift.signExtend(c.gpr[RAX], bits);
        long a = get(c, o, o.rm, bits);
        if (a == accumulator) {
            set(c, o, o.rm, bits, get(c, o, o.reg, bits));
        } else {
            setAccumulator(c, bits, a);
        }
        Flags.sub(c, accumulator, a, Shift.signExtend(accumulator - a, bits));
    }

    private static void cmpxchgMem(Cpu c, Op o, int bits) {
        long accumulator = Shift.signExtend(c.gpr[RAX], bits);
        long la = Memory.writeAddress(c, o, bits / 8);
        long a = Shift.signExtend(Memory.loadForWrite(c, la, bits / 8, o.segment), bits);
        Memory.store(c, la, bits / 8, o.segment, a == accumulator ? get(c, o, o.reg, bits) : a);
        if (a != accumulator) {
            setAccumulator(c, bits, a);
        }
        Flags.sub(c, accumulator, a, Shift.signExtend(accumulator - a, bits));
    }

    private static void setAccumulator(Cpu c, int bits, long value) {
        if (bits == 8) {
            c.gpr[RAX] = c.gpr[RAX] & ~0xFFL | value & 0xFF;
        } else {
            Registers.set(c, RAX, bits, value);
        }
    }

    static void cmpxchg8b(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 8);
        long a = Memory.loadForWrite(c, la, 8, o.segment);
        boolean equal = a == (c.gpr[RDX] << 32 | c.gpr[RAX] & 0xFFFFFFFFL);
        Memory.store64(c, la, o.segment, equal ? c.gpr[RCX] << 32 | c.gpr[RBX] & 0xFFFFFFFFL : a);
        if (!equal) {
            Registers.set32(c, RAX, (int) a);
            c.gpr[RDX] = a >>> 32;
        }
        zero(c, equal);
    }

    static void cmpxchg16b(Cpu c, Op o) {
        long la = Memory.writeAddress(c, o, 16);
        if ((la & 15) != 0) {
            throw c.gp0();
        }
        long low = Memory.loadForWrite(c, la, 8, o.segment);
        long high = Memory.loadForWrite(c, la + 8, 8, o.segment);
        boolean equal = low == c.gpr[RAX] && high == c.gpr[RDX];
        if (equal && BlockMove.host(c, la, Tlb.WRITE_TAG) == 0) {
            // Should the second store require to run again alone, the first one must not have been made.
            c.requireBoundary();
        }
        Memory.store64(c, la, o.segment, equal ? c.gpr[RBX] : low);
        Memory.store64(c, la + 8, o.segment, equal ? c.gpr[RCX] : high);
        if (!equal) {
            c.gpr[RAX] = low;
            c.gpr[RDX] = high;
        }
        zero(c, equal);
    }

    private static void zero(Cpu c, boolean equal) {
        Flags.materialize(c);
        c.rflags = equal ? c.rflags | Flags.ZF : c.rflags & ~Flags.ZF;
    }
}
