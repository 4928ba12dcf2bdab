package dev.javisor.processor.segment;

import static dev.javisor.processor.segment.DescriptorTables.errorCode;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Far JMP, CALL and RET: real-address and virtual-8086 mode, segments, call gates, tasks. */
public final class FarTransfer {
    private FarTransfer() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "JMPF" -> i.memory ? FarTransfer::jmpIndirect : FarTransfer::jmpDirect;
            case "CALLF" -> i.memory ? FarTransfer::callIndirect : FarTransfer::callDirect;
            case "RETF" -> FarTransfer::ret;
            default -> null;
        };
    }

    /**
     * Bytes of the offset of a far pointer in memory. AMD's manual has none of 64 bits, but the virtual processors of that vendor that
     * software meets (KVM's and QEMU's) do, and kvm-unit-tests relies on it.
     */
    static int offsetSize(Op o) {
        return o.instruction.operandSize / 8;
    }

    private static long directOffset(Op o) {
        return o.imm & (o.instruction.operandSize == 16 ? 0xFFFFL : 0xFFFFFFFFL);
    }

    static void jmpDirect(Cpu c, Op o) {
        jmp(c, o, o.instruction.immediate2, directOffset(o));
    }

    static void jmpIndirect(Cpu c, Op o) {
        int size = offsetSize(o);
        long la = Memory.readAddress(c, o, size + 2);
        long offset = Memory.load(c, la, size, o.segment);
        jmp(c, o, Memory.load16(c, la + size & c.linearWrap, o.segment), offset);
    }

    static void callDirect(Cpu c, Op o) {
        call(c, o, o.instruction.immediate2, directOffset(o), o.instruction.operandSize / 8);
    }

    static void callIndirect(Cpu c, Op o) {
        int size = offsetSize(o);
        long la = Memory.readAddress(c, o, size + 2);
        long offset = Memory.load(c, la, size, o.segment);
        call(c, o, Memory.load16(c, la + size & c.linearWrap, o.segment), offset, size);
    }

    // ---- JMP ----

    private static void jmp(Cpu c, Op o, int selector, long offset) {
        if (!c.protectedNotV86()) {
            checkLimit(c, offset, c.v86() ? 0xFFFF : c.segLimit[Cpu.CS]);
            enterReal(c, selector, offset);
            return;
        }
        long d = target(c, selector);
        if (!Descriptor.isSystem(d)) {
            checkDirect(c, selector, d);
            enter(c, selector, d, c.cpl, checkedTarget(c, d, offset));
            return;
        }
        switch (systemType(c, selector, d)) {
            case Descriptor.CALL_GATE16, Descriptor.CALL_GATE -> {
                int code = gateSelector(c, selector, d);
                long cd = gateCode(c, code);
                if (!Descriptor.isConforming(cd) && Descriptor.dpl(cd) != c.cpl) {
                    throw c.fault(Event.GP, errorCode(code, 0));
                }
                checkPresent(c, code, cd);
                enter(c, code, cd, c.cpl, checkedTarget(c, cd, gateOffset(c, selector, d)));
            }
            case Descriptor.TASK_GATE -> TaskSwitch.throughGate(c, gateSelector(c, selector, d), TaskSwitch.JMP, returnAddress(c, o));
            default -> TaskSwitch.toSegment(c, selector, d, TaskSwitch.JMP, returnAddress(c, o));
        }
    }

    /** Descriptor of a far transfer's selector. */
    private static long target(Cpu c, int selector) {
        if (DescriptorTables.isNull(selector)) {
            throw c.gp0();
        }
        return DescriptorTables.read(c, selector, Event.GP, 0);
    }

    /** A code segment that JMP or CALL names itself: no change of privilege. */
    private static void checkDirect(Cpu c, int selector, long d) {
        int dpl = Descriptor.dpl(d);
        boolean allowed = Descriptor.isConforming(d) ? dpl <= c.cpl : dpl == c.cpl && (selector & 3) <= c.cpl;
        boolean bothSizes = c.longMode() && Descriptor.isLong(d) && Descriptor.isBig(d);
        if (!Descriptor.isCode(d) || !allowed || bothSizes) {
            throw c.fault(Event.GP, errorCode(selector, 0));
        }
        checkPresent(c, selector, d);
    }

    private static void checkPresent(Cpu c, int selector, long d) {
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Event.NP, errorCode(selector, 0));
        }
    }

    /** Type of a gate or TSS that a far transfer may go through; privilege checked. */
    private static int systemType(Cpu c, int selector, long d) {
        int type = Descriptor.type(d);
        boolean known = switch (type) {
            case Descriptor.CALL_GATE -> true;
            case Descriptor.CALL_GATE16, Descriptor.TASK_GATE, Descriptor.TSS16_AVAILABLE, Descriptor.TSS_AVAILABLE -> !c.longMode();
            default -> false;
        };
        if (!known || Descriptor.dpl(d) < Math.max(c.cpl, selector & 3)) {
            throw c.fault(Event.GP, errorCode(selector, 0));
        }
        return type;
    }

    private static int gateSelector(Cpu c, int selector, long gate) {
        checkPresent(c, selector, gate);
        return Descriptor.gateSelector(gate);
    }

    /** Code segment that a call gate names. */
    private static long gateCode(Cpu c, int selector) {
        long d = target(c, selector);
        boolean wrongSize = c.longMode() && (!Descriptor.isLong(d) || Descriptor.isBig(d));
        if (!Descriptor.isCode(d) || Descriptor.dpl(d) > c.cpl || wrongSize) {
            throw c.fault(Event.GP, errorCode(selector, 0));
        }
        return d;
    }

    private static long gateOffset(Cpu c, int selector, long gate) {
        long offset = Descriptor.gateOffset(gate);
        if (!c.longMode()) {
            return Descriptor.type(gate) == Descriptor.CALL_GATE16 ? offset & 0xFFFF : offset;
        }
        long upper = DescriptorTables.readUpper(c, selector, Event.GP, 0);
        if ((upper >>> 40 & 0x1F) != 0) {
            throw c.fault(Event.GP, errorCode(selector, 0));
        }
        return offset | upper << 32;
    }

    /** The offset as the new RIP: within the limit of the segment, or canonical. */
    private static long checkedTarget(Cpu c, long d, long offset) {
        if (c.longMode() && Descriptor.isLong(d)) {
            if (!c.canonical(offset)) {
                throw c.gp0();
            }
            return offset;
        }
        offset &= 0xFFFFFFFFL;
        checkLimit(c, offset, Descriptor.limit(d));
        return offset;
    }

    private static void checkLimit(Cpu c, long offset, long limit) {
        if (offset > limit) {
            throw c.gp0();
        }
    }

    private static void enter(Cpu c, int selector, long d, int cpl, long rip) {
        DescriptorTables.setAccessed(c, selector, d);
        SegmentRegisters.setCode(c, selector, d, cpl);
        c.rip = rip;
        c.updateMode();
    }

    private static void enterReal(Cpu c, int selector, long rip) {
        if (c.v86()) {
            SegmentRegisters.setV86(c, Cpu.CS, selector);
        } else {
            SegmentRegisters.setReal(c, Cpu.CS, selector);
        }
        c.rip = rip;
        c.updateMode();
    }

    // ---- CALL ----

    private static long returnAddress(Cpu c, Op o) {
        return c.nextRip(o) & c.linearWrap;
    }

    private static void call(Cpu c, Op o, int selector, long offset, int size) {
        if (!c.protectedNotV86()) {
            checkLimit(c, offset, c.v86() ? 0xFFFF : c.segLimit[Cpu.CS]);
            Stack stack = Stack.current(c, 0);
            stack.push(size, c.selector[Cpu.CS]);
            stack.push(size, returnAddress(c, o));
            stack.commit();
            enterReal(c, selector, offset);
            return;
        }
        long d = target(c, selector);
        if (!Descriptor.isSystem(d)) {
            checkDirect(c, selector, d);
            long rip = checkedTarget(c, d, offset);
            callSameLevel(c, o, selector, d, rip, size);
            return;
        }
        switch (systemType(c, selector, d)) {
            case Descriptor.CALL_GATE16, Descriptor.CALL_GATE -> callThroughGate(c, o, selector, d);
            case Descriptor.TASK_GATE -> TaskSwitch.throughGate(c, gateSelector(c, selector, d), TaskSwitch.CALL, returnAddress(c, o));
            default -> TaskSwitch.toSegment(c, selector, d, TaskSwitch.CALL, returnAddress(c, o));
        }
    }

    private static void callSameLevel(Cpu c, Op o, int selector, long d, long rip, int size) {
        Stack stack = Stack.current(c, 0);
        stack.push(size, c.selector[Cpu.CS]);
        stack.push(size, returnAddress(c, o));
        DescriptorTables.setAccessed(c, selector, d);
        stack.commit();
        enter(c, selector, d, c.cpl, rip);
    }

    private static void callThroughGate(Cpu c, Op o, int selector, long gate) {
        int code = gateSelector(c, selector, gate);
        long d = gateCode(c, code);
        checkPresent(c, code, d);
        long rip = gateOffset(c, selector, gate);
        int size = c.longMode() ? 8 : Descriptor.type(gate) == Descriptor.CALL_GATE16 ? 2 : 4;
        if (Descriptor.isConforming(d) || Descriptor.dpl(d) == c.cpl) {
            callSameLevel(c, o, code, d, checkedTarget(c, d, rip), size);
        } else if (c.longMode()) {
            callInner64(c, o, code, d, checkedTarget(c, d, rip));
        } else {
            callInner(c, o, code, d, rip, size, (int) (gate >>> 32) & 31);
        }
    }

    private static void callInner64(Cpu c, Op o, int selector, long d, long rip) {
        int cpl = Descriptor.dpl(d);
        Stack stack = Stack.of64(c, Tss.stackPointer(c, cpl, 0), cpl, 0);
        stack.push(8, c.selector[Cpu.SS]);
        stack.push(8, c.gpr[4]);
        stack.push(8, c.selector[Cpu.CS]);
        stack.push(8, returnAddress(c, o));
        DescriptorTables.setAccessed(c, selector, d);
        SegmentRegisters.setNullStack(c, cpl, cpl);
        stack.commit();
        enter(c, selector, d, cpl, rip);
    }

    /** To an inner level: the stack that the TSS names, with the caller's stack pointer and {@code count} parameters copied. */
    private static void callInner(Cpu c, Op o, int selector, long d, long offset, int size, int count) {
        int cpl = Descriptor.dpl(d);
        Tss.InnerStack target = Tss.innerStack(c, cpl, 0);
        long rip = checkedTarget(c, d, offset);
        Stack stack = target.stack();
        stack.push(size, c.selector[Cpu.SS]);
        stack.push(size, c.gpr[4]);
        for (int i = count - 1; i >= 0; i--) {
            long at = c.gpr[4] + (long) i * size & c.stackMask;
            stack.push(size, Memory.load(c, Memory.address(c, Cpu.SS, at, size, false), size, Cpu.SS));
        }
        stack.push(size, c.selector[Cpu.CS]);
        stack.push(size, returnAddress(c, o));
        DescriptorTables.setAccessed(c, target.selector(), target.descriptor());
        DescriptorTables.setAccessed(c, selector, d);
        SegmentRegisters.set(c, Cpu.SS, target.selector(), target.descriptor());
        stack.commit();
        enter(c, selector, d, cpl, rip);
    }

    // ---- RET ----

    static void ret(Cpu c, Op o) {
        int size = o.instruction.operandSize / 8;
        long release = o.imm & 0xFFFF;
        Stack stack = Stack.current(c, 0);
        long rip = stack.pop(size);
        int selector = (int) stack.pop(size) & 0xFFFF;
        stack.skip(release);
        if (!c.protectedNotV86()) {
            checkLimit(c, rip, c.v86() ? 0xFFFF : c.segLimit[Cpu.CS]);
            stack.commit();
            enterReal(c, selector, rip);
            return;
        }
        FarReturn.complete(c, stack, selector, rip, size, release);
    }
}
