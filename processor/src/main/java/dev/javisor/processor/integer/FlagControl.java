package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** Flag control instructions that any privilege may use: CLC, STC, CMC, CLD, STD, LAHF, SAHF. */
public final class FlagControl {
    /** The flags that LAHF and SAHF move. */
    private static final long LOW = Flags.SF | Flags.ZF | Flags.AF | Flags.PF | Flags.CF;

    private FlagControl() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "CLC" -> FlagControl::clc;
            case "STC" -> FlagControl::stc;
            case "CMC" -> FlagControl::cmc;
            case "CLD" -> FlagControl::cld;
            case "STD" -> FlagControl::std;
            case "LAHF" -> FlagControl::lahf;
            case "SAHF" -> FlagControl::sahf;
            default -> null;
        };
    }

    static void clc(Cpu c, Op o) {
        Flags.materialize(c);
        c.rflags &= ~Flags.CF;
    }

    static void stc(Cpu c, Op o) {
        Flags.materialize(c);
        c.rflags |= Flags.CF;
    }

    static void cmc(Cpu c, Op o) {
        Flags.materialize(c);
        c.rflags ^= Flags.CF;
    }

    static void cld(Cpu c, Op o) {
        c.rflags &= ~Flags.DF;
    }

    static void std(Cpu c, Op o) {
        c.rflags |= Flags.DF;
    }

    static void lahf(Cpu c, Op o) {
        long flags = Flags.rflags(c) & LOW | Flags.FIXED;
        c.gpr[0] = c.gpr[0] & ~0xFF00L | flags << 8;
    }

    static void sahf(Cpu c, Op o) {
        Flags.materialize(c);
        c.rflags = c.rflags & ~LOW | c.gpr[0] >>> 8 & LOW;
    }
}
