package dev.javisor.processor.event;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.segment.SegmentRegisters;
import dev.javisor.processor.segment.Stack;
import dev.javisor.processor.segment.Tss;

/** INT n, INT3, INTO, INT1. */
public final class SoftwareInterrupts {
    private SoftwareInterrupts() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "INT" -> SoftwareInterrupts::interrupt;
            case "INT3" -> SoftwareInterrupts::breakpoint;
            case "INTO" -> SoftwareInterrupts::overflow;
            case "INT1" -> SoftwareInterrupts::debug;
            default -> null;
        };
    }

    static void interrupt(Cpu c, Op o) {
        int vector = (int) o.imm & 0xFF;
        if (c.v86()) {
            if ((c.cr4 & Cr.VME) != 0 && !Tss.redirectsToProtectedMode(c, vector)) {
                toVirtualMode(c, vector, c.nextRip(o));
                return;
            }
            if (c.iopl() < 3) {
                throw c.gp0();
            }
        }
        raise(c, o, Event.SOFTWARE_INTERRUPT, vector);
    }

    static void breakpoint(Cpu c, Op o) {
        raise(c, o, Event.SOFTWARE_EXCEPTION, Event.BP);
    }

    static void overflow(Cpu c, Op o) {
        if (Flags.of(c)) {
            raise(c, o, Event.SOFTWARE_EXCEPTION, Event.OF);
        }
    }

    static void debug(Cpu c, Op o) {
        raise(c, o, Event.PRIVILEGED_SOFTWARE_EXCEPTION, Event.DB);
    }

    private static void raise(Cpu c, Op o, int type, int vector) {
        c.rip = c.ripOf(o);
        EventDelivery.deliverSoftware(c, Event.software(type, vector, o.length()));
    }

    /**
     * INT n redirected to the virtual-8086 program's own vector table. Below IOPL 3 the program's interrupt flag is VIF, and
     * the image shows IOPL 3 ("Method 5: Software Interrupt Handling").
     */
    private static void toVirtualMode(Cpu c, int vector, long returnRip) {
        boolean virtualFlag = c.iopl() < 3;
        long flags = Flags.rflags(c);
        if (virtualFlag) {
            flags = flags & ~Flags.IF | Flags.IOPL | ((flags & Flags.VIF) != 0 ? Flags.IF : 0);
        }
        int entry = Memory.load32(c, 4L * vector, Cpu.DS);
        Stack stack = Stack.current(c, 0);
        stack.push(2, flags);
        stack.push(2, c.selector[Cpu.CS]);
        stack.push(2, returnRip);
        stack.commit();
        Flags.materialize(c);
        c.rflags &= ~(Flags.TF | Flags.RF | Flags.NT | (virtualFlag ? Flags.VIF : Flags.IF));
        c.singleStepDecided = true;
        SegmentRegisters.setV86(c, Cpu.CS, entry >>> 16);
        c.rip = entry & 0xFFFF;
        c.updateMode();
    }
}
