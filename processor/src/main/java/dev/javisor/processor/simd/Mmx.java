package dev.javisor.processor.simd;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.X87State;

/** Operands of MMX instructions: the significands of the x87 registers, numbered without regard to TOP. */
final class Mmx {
    private static final int TOP = 0x3800, ERROR_SUMMARY = 0x80;

    private Mmx() {}

    /** The instruction has an MMX register among its operands. */
    static boolean isOperandOf(Instruction i) {
        for (String operand : i.opcode.operands) {
            char kind = operand.charAt(0);
            if (kind == 'P' || kind == 'Q' || kind == 'N') {
                return true;
            }
        }
        return false;
    }

    /** @throws dev.javisor.processor.core.GuestFault #UD or #NM, as CR0.EM and CR0.TS have it; #MF for a pending x87 exception */
    static void check(Cpu c) {
        if (c.mmxBlocked != 0) {
            throw c.fault(c.mmxBlocked);
        }
        if ((c.x87.status & ERROR_SUMMARY) != 0) {
            throw c.fault(Event.MF);
        }
    }

    /** Checks, and gives the 64 bits of register or memory. */
    static long source(Cpu c, Op o) {
        check(c);
        return o.memory ? Memory.load64(c, Memory.readAddress(c, o, 8), o.segment) : c.x87.significand[o.rm & 7];
    }

    /** Checks, and gives the low 32 bits of register or memory. */
    static long source32(Cpu c, Op o) {
        check(c);
        return (o.memory ? Memory.load32(c, Memory.readAddress(c, o, 4), o.segment) : c.x87.significand[o.rm & 7]) & 0xFFFFFFFFL;
    }

    /** ModRM.reg. */
    static long destination(Cpu c, Op o) {
        return c.x87.significand[o.reg & 7];
    }

    /** ModRM.rm. */
    static long register(Cpu c, Op o) {
        return c.x87.significand[o.rm & 7];
    }

    /** Writes a register, with the effect that every MMX instruction has on the x87 state. */
    static void set(Cpu c, int register, long value) {
        X87State x = c.x87;
        x.significand[register & 7] = value;
        x.signExponent[register & 7] = 0xFFFF;
        enter(c);
    }

    /** What an MMX instruction does to the x87 state: TOP is 0 and every register is valid. */
    static void enter(Cpu c) {
        c.x87.status &= ~TOP;
        c.x87.valid = 0xFF;
    }

    /** EMMS. */
    static void emms(Cpu c, Op o) {
        check(c);
        c.x87.status &= ~TOP;
        c.x87.valid = 0;
    }
}
