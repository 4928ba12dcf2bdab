package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** CMOVcc and SETcc. */
public final class ConditionalMove {
    private ConditionalMove() {}

    public static Handler bind(Instruction i) {
        int code = i.opcode.code & 15;
        return switch (i.opcode.mnemonic) {
            case "CMOVO", "CMOVNO", "CMOVB", "CMOVAE", "CMOVE", "CMOVNE", "CMOVBE", "CMOVA",
                    "CMOVS", "CMOVNS", "CMOVP", "CMOVNP", "CMOVL", "CMOVGE", "CMOVLE", "CMOVG" -> cmov(i, code);
            case "SETO", "SETNO", "SETB", "SETAE", "SETE", "SETNE", "SETBE", "SETA",
                    "SETS", "SETNS", "SETP", "SETNP", "SETL", "SETGE", "SETLE", "SETG" ->
                i.memory ? (c, o) -> setMem(c, o, code) : (c, o) -> setRm(c, o, code);
            default -> null;
        };
    }

    private static Handler cmov(Instruction i, int code) {
        return switch (i.operandSize) {
            case 16 -> i.memory ? (c, o) -> cmov16Mem(c, o, code) : (c, o) -> cmov16(c, o, code);
            case 32 -> i.memory ? (c, o) -> cmov32Mem(c, o, code) : (c, o) -> cmov32(c, o, code);
            default -> i.memory ? (c, o) -> cmov64Mem(c, o, code) : (c, o) -> cmov64(c, o, code);
        };
    }

    static void cmov16(Cpu c, Op o, int code) {
        if (Flags.condition(c, code)) {
            Registers.set16(c, o.reg, (int) c.gpr[o.rm]);
        }
    }

    /** Clears the upper half of the destination whether or not it moves. */
    static void cmov32(Cpu c, Op o, int code) {
        Registers.set32(c, o.reg, (int) c.gpr[Flags.condition(c, code) ? o.rm : o.reg]);
    }

    static void cmov64(Cpu c, Op o, int code) {
        if (Flags.condition(c, code)) {
            c.gpr[o.reg] = c.gpr[o.rm];
        }
    }

    static void cmov16Mem(Cpu c, Op o, int code) {
        int value = Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
        if (Flags.condition(c, code)) {
            Registers.set16(c, o.reg, value);
        }
    }

    static void cmov32Mem(Cpu c, Op o, int code) {
        int value = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        Registers.set32(c, o.reg, Flags.condition(c, code) ? value : (int) c.gpr[o.reg]);
    }

    static void cmov64Mem(Cpu c, Op o, int code) {
        long value = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
        if (Flags.condition(c, code)) {
            c.gpr[o.reg] = value;
        }
    }

    static void setRm(Cpu c, Op o, int code) {
        Registers.set8(c, o, o.rm, Flags.condition(c, code) ? 1 : 0);
    }

    static void setMem(Cpu c, Op o, int code) {
        Memory.store8(c, Memory.writeAddress(c, o, 1), o.segment, Flags.condition(c, code) ? 1 : 0);
    }
}
