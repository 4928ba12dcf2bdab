package dev.javisor.processor.integer;

import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestControl.Intercept;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** What user mode may read or write of the processor itself: FS and GS bases, the processor ID, random numbers. */
public final class ProcessorRegisters {
    private ProcessorRegisters() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "RDFSBASE" -> ProcessorRegisters::rdfsbase;
            case "RDGSBASE" -> ProcessorRegisters::rdgsbase;
            case "WRFSBASE" -> ProcessorRegisters::wrfsbase;
            case "WRGSBASE" -> ProcessorRegisters::wrgsbase;
            case "RDPID" -> ProcessorRegisters::rdpid;
            case "RDRAND" -> ProcessorRegisters::rdrand;
            case "RDSEED" -> ProcessorRegisters::rdseed;
            default -> null;
        };
    }

    static void rdfsbase(Cpu c, Op o) {
        readBase(c, o, Cpu.FS);
    }

    static void rdgsbase(Cpu c, Op o) {
        readBase(c, o, Cpu.GS);
    }

    static void wrfsbase(Cpu c, Op o) {
        writeBase(c, o, Cpu.FS);
    }

    static void wrgsbase(Cpu c, Op o) {
        writeBase(c, o, Cpu.GS);
    }

    private static void requireFsGsBase(Cpu c) {
        if ((c.cr4 & Cr.FSGSBASE) == 0) {
            throw c.ud();
        }
    }

    private static void readBase(Cpu c, Op o, int segment) {
        requireFsGsBase(c);
        Registers.set(c, o.rm, o.instruction.operandSize, c.segBase[segment]);
    }

    private static void writeBase(Cpu c, Op o, int segment) {
        requireFsGsBase(c);
        long base = o.instruction.operandSize == 64 ? c.gpr[o.rm] : c.gpr[o.rm] & 0xFFFFFFFFL;
        if (!c.canonical(base)) {
            throw c.gp0();
        }
        c.segBase[segment] = base;
        c.eaBase[segment] = base;
    }

    static void rdpid(Cpu c, Op o) {
        if (c.guestLacks(Feature.RDTSCP)) {
            throw c.ud();
        }
        c.gpr[o.rm] = c.tscAux & 0xFFFFFFFFL;
    }

    static void rdrand(Cpu c, Op o) {
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.RDRAND);
        }
        random(c, o);
    }

    static void rdseed(Cpu c, Op o) {
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.RDSEED);
        }
        random(c, o);
    }

    /** SplitMix64: reproducible, because it is part of the processor's state. */
    private static void random(Cpu c, Op o) {
        c.rngState += 0x9E3779B97F4A7C15L;
        long z = c.rngState;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        Registers.set(c, o.rm, o.instruction.operandSize, z ^ z >>> 31);
        Flags.setArithmetic(c, Flags.CF);
    }
}
