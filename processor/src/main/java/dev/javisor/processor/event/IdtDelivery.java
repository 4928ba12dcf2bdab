package dev.javisor.processor.event;

import static dev.javisor.processor.segment.DescriptorTables.errorCode;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.segment.Descriptor;
import dev.javisor.processor.segment.DescriptorTables;
import dev.javisor.processor.segment.SegmentRegisters;
import dev.javisor.processor.segment.Stack;
import dev.javisor.processor.segment.TaskSwitch;
import dev.javisor.processor.segment.Tss;

/** Delivery through the interrupt descriptor table, or in real-address mode the interrupt vector table. */
final class IdtDelivery {
    /** Flags that every protected-mode delivery clears. */
    private static final long CLEARED = Flags.TF | Flags.NT | Flags.RF | Flags.VM;

    private IdtDelivery() {}

    /**
     * Delivers one event.
     *
     * @throws dev.javisor.processor.core.GuestFault when that is not possible; registers are then unchanged (except by a task switch)
     */
    static void deliver(Cpu c, Event e) {
        if (!c.protectedMode()) {
            throughVectorTable(c, e.vector(), returnAddress(c, e));
        } else if (c.longMode()) {
            through64BitGate(c, e);
        } else {
            throughGate(c, e);
        }
    }

    private static long returnAddress(Cpu c, Event e) {
        long rip = c.rip + e.instructionLength();
        return rip & c.linearWrap;
    }

    /** Not caused by the program's own INT n, INT3 or INTO. */
    private static int ext(Event e) {
        return e.type() == Event.SOFTWARE_INTERRUPT || e.type() == Event.SOFTWARE_EXCEPTION ? 0 : 1;
    }

    private static void throughVectorTable(Cpu c, int vector, long rip) {
        if (4 * vector + 3 > c.idtLimit) {
            throw c.fault(Event.GP, 0);
        }
        long entry = Memory.loadSystem(c, DescriptorTables.systemAddress(c, c.idtBase + 4L * vector), 4);
        Stack stack = Stack.current(c, 0);
        stack.push(2, Flags.rflags(c));
        stack.push(2, c.selector[Cpu.CS]);
        stack.push(2, rip);
        stack.commit();
        Flags.materialize(c);
        c.rflags &= ~(Flags.IF | Flags.TF | Flags.AC | Flags.RF);
        SegmentRegisters.setReal(c, Cpu.CS, (int) (entry >>> 16));
        c.rip = entry & 0xFFFF;
        c.updateMode();
    }

    // ---- protected mode ----

    private static void throughGate(Cpu c, Event e) {
        int ext = ext(e);
        int idtError = 8 * e.vector() + 2 + ext;
        if (8 * e.vector() + 7 > c.idtLimit) {
            throw c.fault(Event.GP, idtError);
        }
        long gate = Memory.loadSystem(c, DescriptorTables.systemAddress(c, c.idtBase + 8L * e.vector()), 8);
        int type = Descriptor.type(gate);
        boolean known = switch (type) {
            case Descriptor.TASK_GATE, Descriptor.INTERRUPT_GATE16, Descriptor.TRAP_GATE16, Descriptor.INTERRUPT_GATE,
                    Descriptor.TRAP_GATE -> true;
            default -> false;
        };
        checkGate(c, e, gate, known && Descriptor.isSystem(gate), idtError);
        if (type == Descriptor.TASK_GATE) {
            TaskSwitch.throughInterruptGate(c, Descriptor.gateSelector(gate), returnAddress(c, e), EventDelivery.flagsImage(c, e), ext,
                    e.hasErrorCode(), e.errorCode());
            return;
        }
        int selector = Descriptor.gateSelector(gate);
        long code = codeDescriptor(c, selector, ext);
        int size = type >= Descriptor.INTERRUPT_GATE ? 4 : 2;
        long rip = size == 4 ? Descriptor.gateOffset(gate) : Descriptor.gateOffset(gate) & 0xFFFF;
        boolean inner = !Descriptor.isConforming(code) && Descriptor.dpl(code) < c.cpl;
        if (c.v86() && (!inner || Descriptor.dpl(code) != 0)) {
            throw c.fault(Event.GP, errorCode(selector, ext));
        }
        int cpl = inner ? Descriptor.dpl(code) : c.cpl;
        Tss.InnerStack target = inner ? Tss.innerStack(c, cpl, ext) : null;
        if (rip > Descriptor.limit(code)) {
            throw c.fault(Event.GP, ext);
        }
        Stack stack = inner ? target.stack() : Stack.current(c, ext);
        if (inner) {
            if (c.v86()) {
                stack.push(size, c.selector[Cpu.GS]);
                stack.push(size, c.selector[Cpu.FS]);
                stack.push(size, c.selector[Cpu.DS]);
                stack.push(size, c.selector[Cpu.ES]);
            }
            stack.push(size, c.selector[Cpu.SS]);
            stack.push(size, c.gpr[4]);
        }
        stack.push(size, EventDelivery.flagsImage(c, e));
        stack.push(size, c.selector[Cpu.CS]);
        stack.push(size, returnAddress(c, e));
        if (e.hasErrorCode()) {
            stack.push(size, e.errorCode());
        }
        DescriptorTables.setAccessed(c, selector, code);
        if (inner) {
            DescriptorTables.setAccessed(c, target.selector(), target.descriptor());
            if (c.v86()) {
                SegmentRegisters.setNull(c, Cpu.GS, 0);
                SegmentRegisters.setNull(c, Cpu.FS, 0);
                SegmentRegisters.setNull(c, Cpu.DS, 0);
                SegmentRegisters.setNull(c, Cpu.ES, 0);
            }
            SegmentRegisters.set(c, Cpu.SS, target.selector(), target.descriptor());
        }
        stack.commit();
        enter(c, selector, code, cpl, rip, (type & 1) == 0);
    }

    private static void checkGate(Cpu c, Event e, long gate, boolean known, int idtError) {
        boolean software = ext(e) == 0;
        if (!known || software && Descriptor.dpl(gate) < c.cpl) {
            throw c.fault(Event.GP, idtError);
        }
        if (!Descriptor.isPresent(gate)) {
            throw c.fault(Event.NP, idtError);
        }
    }

    private static long codeDescriptor(Cpu c, int selector, int ext) {
        if (DescriptorTables.isNull(selector)) {
            throw c.fault(Event.GP, ext);
        }
        long code = DescriptorTables.read(c, selector, Event.GP, ext);
        boolean wrongSize = c.longMode() && (!Descriptor.isLong(code) || Descriptor.isBig(code));
        if (!Descriptor.isCode(code) || Descriptor.dpl(code) > c.cpl || wrongSize) {
            throw c.fault(Event.GP, errorCode(selector, ext));
        }
        if (!Descriptor.isPresent(code)) {
            throw c.fault(Event.NP, errorCode(selector, ext));
        }
        return code;
    }

    private static void enter(Cpu c, int selector, long code, int cpl, long rip, boolean interruptGate) {
        Flags.materialize(c);
        c.rflags &= ~(interruptGate ? CLEARED | Flags.IF : CLEARED);
        SegmentRegisters.setCode(c, selector, code, cpl);
        c.rip = rip;
        c.updateMode();
    }

    // ---- IA-32e mode ----

    private static void through64BitGate(Cpu c, Event e) {
        int ext = ext(e);
        int idtError = 8 * e.vector() + 2 + ext;
        if (16 * e.vector() + 15 > c.idtLimit) {
            throw c.fault(Event.GP, idtError);
        }
        long at = c.idtBase + 16L * e.vector();
        long gate = Memory.loadSystem(c, at, 8);
        int type = Descriptor.type(gate);
        checkGate(c, e, gate, Descriptor.isSystem(gate) && type >= Descriptor.INTERRUPT_GATE, idtError);
        long upper = Memory.loadSystem(c, at + 8, 8);
        int selector = Descriptor.gateSelector(gate);
        long code = codeDescriptor(c, selector, ext);
        boolean inner = !Descriptor.isConforming(code) && Descriptor.dpl(code) < c.cpl;
        int cpl = inner ? Descriptor.dpl(code) : c.cpl;
        int ist = (int) (gate >>> 32) & 7;
        long pointer = ist != 0 ? Tss.interruptStack(c, ist, ext) : inner ? Tss.stackPointer64(c, cpl, ext) : c.gpr[4];
        long rip = Descriptor.gateOffset(gate) | upper << 32;
        if (!c.canonical(rip)) {
            throw c.fault(Event.GP, ext);
        }
        Stack stack = Stack.of64(c, pointer & ~15L, cpl, ext);
        stack.push(8, c.selector[Cpu.SS]);
        stack.push(8, c.gpr[4]);
        stack.push(8, EventDelivery.flagsImage(c, e));
        stack.push(8, c.selector[Cpu.CS]);
        stack.push(8, returnAddress(c, e));
        if (e.hasErrorCode()) {
            stack.push(8, e.errorCode());
        }
        DescriptorTables.setAccessed(c, selector, code);
        if (inner) {
            SegmentRegisters.setNullStack(c, cpl, cpl);
        }
        stack.commit();
        enter(c, selector, code, cpl, rip, (type & 1) == 0);
    }
}
