package dev.javisor.processor.segment;

import static dev.javisor.processor.segment.DescriptorTables.errorCode;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;

/** What RET far and IRET share: the checks of the code and stack segments that a frame names, and the switch to them. */
public final class FarReturn {
    private FarReturn() {}

    /** RET far in protected mode; the offset, the selector and the parameters have been taken from the stack. */
    static void complete(Cpu c, Stack stack, int selector, long rip, int size, long release) {
        long code = codeDescriptor(c, selector);
        int cpl = selector & 3;
        if (cpl == c.cpl) {
            rip = checkedRip(c, code, rip);
            DescriptorTables.setAccessed(c, selector, code);
            stack.commit();
            enterSameLevel(c, selector, code, rip);
            return;
        }
        long pointer = stack.pop(size);
        int ss = (int) stack.pop(size) & 0xFFFF;
        long stackSegment = stackDescriptor(c, ss, cpl, code);
        rip = checkedRip(c, code, rip);
        enterOuterLevel(c, selector, code, rip, ss, stackSegment, pointer);
        long mask = c.stackMask;
        c.gpr[4] = c.gpr[4] & ~mask | c.gpr[4] + release & mask;
    }

    /** The checked descriptor of the code segment returned to. */
    public static long codeDescriptor(Cpu c, int selector) {
        if (DescriptorTables.isNull(selector)) {
            throw c.gp0();
        }
        long d = DescriptorTables.read(c, selector, Event.GP, 0);
        int rpl = selector & 3;
        boolean allowed = rpl >= c.cpl && (Descriptor.isConforming(d) ? Descriptor.dpl(d) <= rpl : Descriptor.dpl(d) == rpl);
        boolean bothSizes = c.longMode() && Descriptor.isLong(d) && Descriptor.isBig(d);
        if (!Descriptor.isCode(d) || !allowed || bothSizes) {
            throw c.fault(Event.GP, errorCode(selector, 0));
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Event.NP, errorCode(selector, 0));
        }
        return d;
    }

    private static boolean is64(Cpu c, long code) {
        return c.longMode() && Descriptor.isLong(code);
    }

    /** The checked descriptor of the stack segment returned to, or 0 for a null selector, which 64-bit code below CPL 3 may have. */
    public static long stackDescriptor(Cpu c, int selector, int cpl, long code) {
        if (!DescriptorTables.isNull(selector)) {
            return SegmentRegisters.stackDescriptor(c, selector, cpl, Event.GP, 0);
        }
        if (!is64(c, code) || cpl == 3) {
            throw c.gp0();
        }
        return 0;
    }

    public static long checkedRip(Cpu c, long code, long rip) {
        if (is64(c, code)) {
            if (!c.canonical(rip)) {
                throw c.gp0();
            }
            return rip;
        }
        rip &= 0xFFFFFFFFL;
        if (rip > Descriptor.limit(code)) {
            throw c.gp0();
        }
        return rip;
    }

    /** The caller has set the accessed bit. */
    public static void enterSameLevel(Cpu c, int selector, long code, long rip) {
        SegmentRegisters.setCode(c, selector, code, c.cpl);
        c.rip = rip;
        c.updateMode();
    }

    /** Code and stack of another level (or, for IRET in 64-bit mode, the same). */
    public static void enterOuterLevel(Cpu c, int selector, long code, long rip, int ss, long stackSegment, long pointer) {
        DescriptorTables.setAccessed(c, selector, code);
        boolean nullStack = DescriptorTables.isNull(ss);
        if (!nullStack) {
            DescriptorTables.setAccessed(c, ss, stackSegment);
        }
        int cpl = selector & 3;
        boolean outer = cpl != c.cpl;
        SegmentRegisters.setCode(c, selector, code, cpl);
        if (nullStack) {
            SegmentRegisters.setNullStack(c, ss, cpl);
        } else {
            SegmentRegisters.set(c, Cpu.SS, ss, stackSegment);
        }
        c.rip = rip;
        if (outer) {
            SegmentRegisters.dropInaccessible(c);
        }
        c.updateMode();
        c.gpr[4] = c.stackMask == 0xFFFF ? c.gpr[4] & ~0xFFFFL | pointer & 0xFFFF : pointer & c.stackMask;
    }
}
