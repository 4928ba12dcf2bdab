package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Stores of a whole line of 64 bytes: MOVDIR64B to the aligned address ES:register, CLZERO to the line of rAX. */
public final class DirectStore {
    private static final int BYTES = 64;

    private DirectStore() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "MOVDIR64B" -> DirectStore::movdir64b;
            case "CLZERO" -> DirectStore::clzero;
            default -> null;
        };
    }

    /** Eight stores, which nothing may come between: so it runs alone in its block. */
    static void movdir64b(Cpu c, Op o) {
        c.requireBoundary();
        long source = Memory.readAddress(c, o, BYTES);
        long target = Memory.address(c, Cpu.ES, c.gpr[o.reg] & o.addressMask, BYTES, true);
        if ((target & BYTES - 1) != 0) {
            throw c.gp0();
        }
        long v0 = Memory.load64(c, source, o.segment);
        long v1 = Memory.load64(c, next(o, source, 1), o.segment);
        long v2 = Memory.load64(c, next(o, source, 2), o.segment);
        long v3 = Memory.load64(c, next(o, source, 3), o.segment);
        long v4 = Memory.load64(c, next(o, source, 4), o.segment);
        long v5 = Memory.load64(c, next(o, source, 5), o.segment);
        long v6 = Memory.load64(c, next(o, source, 6), o.segment);
        long v7 = Memory.load64(c, next(o, source, 7), o.segment);
        Memory.store64(c, target, Cpu.ES, v0);
        Memory.store64(c, target + 8, Cpu.ES, v1);
        Memory.store64(c, target + 16, Cpu.ES, v2);
        Memory.store64(c, target + 24, Cpu.ES, v3);
        Memory.store64(c, target + 32, Cpu.ES, v4);
        Memory.store64(c, target + 40, Cpu.ES, v5);
        Memory.store64(c, target + 48, Cpu.ES, v6);
        Memory.store64(c, target + 56, Cpu.ES, v7);
    }

    static void clzero(Cpu c, Op o) {
        long target = Memory.address(c, o.segment, c.gpr[Registers.RAX] & o.addressMask, 1, true) & -BYTES;
        for (int n = 0; n < BYTES; n += 8) {
            Memory.store64(c, target + n & c.linearWrap, o.segment, 0);
        }
    }

    private static long next(Op o, long la, int n) {
        return la + 8 * n & o.linearMask;
    }
}
