package dev.javisor.processor.integer;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** The ModRM operand as a source, in register or memory, sign-extended: for instructions too rare to have a method for each. */
final class Source {
    private Source() {}

    static int operand8(Cpu c, Op o) {
        return o.instruction.memory ? (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment) : Registers.get8(c, o, o.rm);
    }

    static int operand16(Cpu c, Op o) {
        return (short) (o.instruction.memory ? Memory.load16(c, Memory.readAddress(c, o, 2), o.segment) : (int) c.gpr[o.rm]);
    }

    static int operand32(Cpu c, Op o) {
        return o.instruction.memory ? Memory.load32(c, Memory.readAddress(c, o, 4), o.segment) : (int) c.gpr[o.rm];
    }

    static long operand64(Cpu c, Op o) {
        return o.instruction.memory ? Memory.load64(c, Memory.readAddress(c, o, 8), o.segment) : c.gpr[o.rm];
    }
}
