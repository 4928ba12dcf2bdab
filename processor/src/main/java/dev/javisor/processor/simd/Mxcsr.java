package dev.javisor.processor.simd;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** The SSE control and status register ("MXCSR Control and Status Register"). */
public final class Mxcsr {
    /** Denormals are zeros; flush to zero. */
    public static final int DAZ = 0x40, FTZ = 0x8000;
    /** Misaligned exception mask, AMD's: memory operands of computing instructions may be unaligned. */
    public static final int MM = 1 << 17;
    private static final int COMMON = 0xFFFF;
    /** Value after reset and in the initial configuration of SSE state. */
    public static final int INITIAL = 0x1F80;

    private Mxcsr() {}

    public static Handler bind(Instruction i) {
        if (i.has(Instruction.VEX | Instruction.EVEX)) {
            return null;
        }
        return switch (i.opcode.mnemonic) {
            case "LDMXCSR" -> Mxcsr::ldmxcsr;
            case "STMXCSR" -> Mxcsr::stmxcsr;
            default -> null;
        };
    }

    /** The bits that exist; the others are reserved. MXCSR_MASK in an FXSAVE image. */
    public static int mask(CpuModel model) {
        return model.features().has(Feature.MISALIGNSSE) ? COMMON | MM : COMMON;
    }

    static void ldmxcsr(Cpu c, Op o) {
        Xmm.check(c);
        int value = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
        if ((value & ~mask(c.model)) != 0) {
            throw c.gp0();
        }
        c.mxcsr = value;
    }

    static void stmxcsr(Cpu c, Op o) {
        Xmm.check(c);
        Memory.store32(c, Memory.writeAddress(c, o, 4), o.segment, c.mxcsr);
    }
}
