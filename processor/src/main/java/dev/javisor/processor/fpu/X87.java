package dev.javisor.processor.fpu;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.X87State;
import dev.javisor.processor.softfloat.FloatFormat;
import dev.javisor.processor.softfloat.SoftFloat;
import dev.javisor.processor.softfloat.Unpacked;

/** What all x87 instructions share: the register stack, the checks before and the exceptions after an operation. */
final class X87 {
    /** Status word: stack fault, exception summary, condition codes, busy. */
    static final int SF = 0x40, ES = 0x80, C0 = 0x100, C1 = 0x200, C2 = 0x400, C3 = 0x4000, BUSY = 0x8000;

    static final int CONDITIONS = C0 | C1 | C2 | C3;
    /** Significand and sign/exponent of the QNaN floating-point indefinite. */
    static final long INDEFINITE = 0xC000000000000000L;

    static final int INDEFINITE_SIGN_EXPONENT = 0xFFFF;
    /** Exceptions that are found before the operation: operands stay as they are when one is unmasked. */
    static final int BEFORE = SoftFloat.IE | SoftFloat.DE | SoftFloat.ZE;

    private X87() {}

    /** Start of a waiting instruction: #NM, and the exception that an earlier instruction left pending. */
    static void begin(Cpu c) {
        available(c);
        if ((c.x87.status & ES) != 0) {
            report(c);
        }
    }

    /** Start of a non-waiting instruction: #NM only. */
    static void available(Cpu c) {
        if ((c.cr0 & (Cr.EM | Cr.TS)) != 0) {
            throw c.fault(Event.NM);
        }
    }

    /** An unmasked exception is pending: #MF, or the FERR# pin when CR0.NE is clear. */
    static void report(Cpu c) {
        if ((c.cr0 & Cr.NE) != 0) {
            throw c.fault(Event.MF);
        }
        if (c.platform != null) {
            c.platform.floatingPointError();
        }
    }

    /** The arithmetic unit, set to the control word's rounding and masks, without exceptions. */
    static SoftFloat unit(Cpu c) {
        SoftFloat u = c.x87.unit;
        u.rounding = c.x87.control >> 10 & 3;
        u.masked = c.x87.control & 0x3F;
        u.flags = 0;
        u.roundedUp = false;
        u.flushToZero = false;
        return u;
    }

    /** The format that precision control selects for arithmetic. */
    static FloatFormat precision(Cpu c) {
        return switch (c.x87.control >> 8 & 3) {
            case 0 -> FloatFormat.EXTENDED_TO_SINGLE;
            case 2 -> FloatFormat.EXTENDED_TO_DOUBLE;
            default -> FloatFormat.EXTENDED;
        };
    }

    /** Remembers the last non-control instruction and, with a memory operand, its address. Clears C1. */
    static void record(Cpu c, Op o) {
        X87State f = c.x87;
        boolean selectors = !c.has(Feature.ZERO_FCS_FDS);
        f.lastInstruction = c.ripOf(o);
        f.lastInstructionSelector = selectors ? c.selector[Cpu.CS] : 0;
        f.lastOpcode = X87Bind.opcode(o.instruction);
        if (o.instruction.memory) {
            f.lastData = dev.javisor.processor.core.Memory.effectiveAddress(c, o);
            f.lastDataSelector = selectors ? c.selector[o.segment] : 0;
        } else if (isAmd(c)) {
            f.lastData = 0;
            f.lastDataSelector = 0;
        }
        f.status &= ~C1;
    }

    /** As {@link #record}, for instructions that leave C1 alone on AMD processors. */
    static void recordKeepingC1(Cpu c, Op o) {
        int kept = isAmd(c) ? c.x87.status & C1 : 0;
        record(c, o);
        c.x87.status |= kept;
    }

    static boolean isAmd(Cpu c) {
        return c.model.vendor() == CpuModel.Vendor.AMD;
    }

    // ---- register stack ----

    static int top(X87State f) {
        return f.status >> 11 & 7;
    }

    static int physical(X87State f, int i) {
        return top(f) + i & 7;
    }

    static boolean isEmpty(X87State f, int i) {
        return (f.valid >> physical(f, i) & 1) == 0;
    }

    static void setTop(X87State f, int top) {
        f.status = f.status & ~0x3800 | (top & 7) << 11;
    }

    static void pop(X87State f) {
        free(f, 0);
        setTop(f, top(f) + 1);
    }

    static void free(X87State f, int i) {
        f.valid &= ~(1 << physical(f, i));
    }

    static void get(X87State f, int i, Unpacked u) {
        int p = physical(f, i);
        u.setExtended(f.signExponent[p], f.significand[p]);
    }

    /** Stores raw bits and marks the register full. */
    static void put(X87State f, int i, int signExponent, long significand) {
        int p = physical(f, i);
        f.signExponent[p] = signExponent;
        f.significand[p] = significand;
        f.valid |= 1 << p;
    }

    static void put(X87State f, int i, Unpacked u) {
        put(f, i, u.toSignExponent(), u.kind == Unpacked.ZERO ? 0 : u.significand);
    }

    static void push(X87State f, int signExponent, long significand) {
        setTop(f, top(f) - 1);
        put(f, 0, signExponent, significand);
    }

    static void push(X87State f, Unpacked u) {
        push(f, u.toSignExponent(), u.kind == Unpacked.ZERO ? 0 : u.significand);
    }

    // ---- exceptions ----

    /** Enters exceptions into the status word; true when one of them is unmasked. */
    static boolean raise(X87State f, int flags) {
        f.status |= flags;
        if ((flags & ~f.control & 0x3F) == 0) {
            return false;
        }
        f.status |= ES | BUSY;
        return true;
    }

    /** Stack underflow: C1 = 0. True when the operation must not go on to its masked response. */
    static boolean underflow(X87State f) {
        f.status &= ~C1;
        return raise(f, SoftFloat.IE | SF);
    }

    /** Stack overflow: C1 = 1. True when the operation must not go on to its masked response. */
    static boolean overflow(X87State f) {
        f.status |= C1;
        return raise(f, SoftFloat.IE | SF);
    }

    /** The push of a loading instruction would hit a full register. Does the masked response; the caller then has nothing left to do. */
    static boolean pushFails(X87State f) {
        if (isEmpty(f, 7)) {
            return false;
        }
        if (!overflow(f)) {
            push(f, INDEFINITE_SIGN_EXPONENT, INDEFINITE);
        }
        return true;
    }

    static void condition(X87State f, int bits) {
        f.status = f.status & ~CONDITIONS | bits;
    }

    /** Exceptions of the operands a and b that are NaN or unsupported; r becomes the result. Only when one of them is. */
    static void propagate(SoftFloat u) {
        Unpacked a = u.a;
        Unpacked b = u.b;
        if (a.kind == Unpacked.UNSUPPORTED || b.kind == Unpacked.UNSUPPORTED) {
            u.invalid();
            return;
        }
        if (a.kind == Unpacked.SNAN || b.kind == Unpacked.SNAN) {
            u.flags |= SoftFloat.IE;
        }
        u.r.set(wins(a, b) ? a : b);
        u.r.quiet();
    }

    /** "Rules for handling NaNs": a quiet NaN before a signalling one, then the larger significand, then the positive one. */
    private static boolean wins(Unpacked a, Unpacked b) {
        if (!a.isNan() || !b.isNan()) {
            return a.isNan();
        }
        if (a.kind != b.kind) {
            return a.kind == Unpacked.QNAN;
        }
        int order = Long.compareUnsigned(a.significand, b.significand);
        return order > 0 || order == 0 && !a.negative;
    }

    /** A single NaN or unsupported operand a; r becomes the result. */
    static void propagateOne(SoftFloat u) {
        if (u.a.kind == Unpacked.UNSUPPORTED) {
            u.invalid();
            return;
        }
        if (u.a.kind == Unpacked.SNAN) {
            u.flags |= SoftFloat.IE;
        }
        u.r.set(u.a);
        u.r.quiet();
    }

    /**
     * End of an arithmetic operation whose result goes to ST(i): the exceptions found before the operation stop it when unmasked.
     *
     * @return true when the result was stored
     */
    static boolean finish(X87State f, SoftFloat u, int i, FloatFormat format) {
        if ((u.flags & ~f.control & BEFORE) != 0) {
            raise(f, u.flags & BEFORE);
            return false;
        }
        u.round(format);
        put(f, i, u.r);
        raise(f, u.flags);
        if (u.roundedUp) {
            f.status |= C1;
        }
        return true;
    }
}
