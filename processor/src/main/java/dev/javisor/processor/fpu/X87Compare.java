package dev.javisor.processor.fpu;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.X87State;
import dev.javisor.processor.softfloat.SoftFloat;
import dev.javisor.processor.softfloat.Unpacked;

/** Comparisons and classification. */
final class X87Compare {
    private static final int UNORDERED = X87.C3 | X87.C2 | X87.C0;

    private X87Compare() {}

    /** FCOM and FICOM with memory. */
    static Handler memory(int kind, boolean pop) {
        return (c, o) -> {
            X87.begin(c);
            long value = X87Move.read(c, o, kind);
            X87.record(c, o);
            SoftFloat u = X87.unit(c);
            X87State f = c.x87;
            if (X87.isEmpty(f, 0)) {
                empty(c, pop ? 1 : 0);
                return;
            }
            X87.get(f, 0, u.a);
            X87Move.unpack(u.b, kind, value);
            conditions(c, u, false, pop ? 1 : 0);
        };
    }

    /** FCOM, FUCOM and their popping forms with ST(i). */
    static Handler register(boolean quiet, int pops) {
        return (c, o) -> compare(c, o, o.instruction.rm & 7, quiet, pops);
    }

    /** FCOMPP and FUCOMPP. */
    static Handler second(boolean quiet) {
        return (c, o) -> compare(c, o, 1, quiet, 2);
    }

    private static void compare(Cpu c, Op o, int i, boolean quiet, int pops) {
        X87.begin(c);
        X87.record(c, o);
        X87State f = c.x87;
        if (X87.isEmpty(f, 0) || X87.isEmpty(f, i)) {
            empty(c, pops);
            return;
        }
        SoftFloat u = X87.unit(c);
        X87.get(f, 0, u.a);
        X87.get(f, i, u.b);
        conditions(c, u, quiet, pops);
    }

    private static void empty(Cpu c, int pops) {
        X87State f = c.x87;
        boolean stopped = X87.underflow(f);
        if (!stopped || X87.isAmd(c)) {
            X87.condition(f, UNORDERED);
        }
        if (!stopped) {
            pop(f, pops);
        }
    }

    private static void pop(X87State f, int pops) {
        for (int i = 0; i < pops; i++) {
            X87.pop(f);
        }
    }

    /** After an unmasked exception AMD processors set the condition codes nevertheless; nothing is popped. */
    private static void conditions(Cpu c, SoftFloat u, boolean quiet, int pops) {
        X87State f = c.x87;
        int order = order(u, quiet);
        boolean stopped = (u.flags & ~f.control & X87.BEFORE) != 0;
        if (!stopped || X87.isAmd(c)) {
            X87.condition(f, order == 2 ? UNORDERED : order == 0 ? X87.C3 : order < 0 ? X87.C0 : 0);
        }
        if (!stopped) {
            pop(f, pops);
        }
        X87.raise(f, u.flags);
    }

    /** -1, 0, 1, or 2 for unordered; enters the exceptions. */
    private static int order(SoftFloat u, boolean quiet) {
        Unpacked a = u.a;
        Unpacked b = u.b;
        if (a.kind >= Unpacked.QNAN || b.kind >= Unpacked.QNAN) {
            boolean signals = !quiet || a.kind > Unpacked.QNAN || b.kind > Unpacked.QNAN;
            u.flags |= signals ? SoftFloat.IE : 0;
            return 2;
        }
        u.flags |= a.denormal || b.denormal ? SoftFloat.DE : 0;
        return Integer.signum(u.compare());
    }

    /** FCOMI, FUCOMI and their popping forms: the result goes to ZF, PF and CF. */
    static Handler flags(boolean quiet, boolean pop) {
        return (c, o) -> {
            X87.begin(c);
            X87.recordKeepingC1(c, o);
            X87State f = c.x87;
            int i = o.instruction.rm & 7;
            int order = 2;
            boolean stop = false;
            int a = X87.physical(f, 0);
            int b = X87.physical(f, i);
            if (!X87.isEmpty(f, 0) && !X87.isEmpty(f, i)
                    && NormalNumbers.areNormal(f.signExponent[a], f.significand[a], f.signExponent[b], f.significand[b])) {
                order = NormalNumbers.compare(f.signExponent[a], f.significand[a], f.signExponent[b], f.significand[b]);
            } else if (X87.isEmpty(f, 0) || X87.isEmpty(f, i)) {
                stop = X87.underflow(f);
            } else {
                SoftFloat u = X87.unit(c);
                X87.get(f, 0, u.a);
                X87.get(f, i, u.b);
                order = order(u, quiet);
                stop = (u.flags & ~f.control & X87.BEFORE) != 0;
                X87.raise(f, u.flags);
            }
            if (!stop || X87.isAmd(c)) {
                Flags.setArithmetic(c, order == 2 ? Flags.ZF | Flags.PF | Flags.CF : order == 0 ? Flags.ZF : order < 0 ? Flags.CF : 0);
            }
            if (!stop && pop) {
                X87.pop(f);
            }
        };
    }

    static void ftst(Cpu c, Op o) {
        X87.begin(c);
        X87.record(c, o);
        X87State f = c.x87;
        if (X87.isEmpty(f, 0)) {
            empty(c, 0);
            return;
        }
        SoftFloat u = X87.unit(c);
        X87.get(f, 0, u.a);
        u.b.setZero(false);
        conditions(c, u, false, 0);
    }

    static void fxam(Cpu c, Op o) {
        X87.begin(c);
        X87.record(c, o);
        X87State f = c.x87;
        Unpacked a = f.unit.a;
        X87.get(f, 0, a);
        int kind;
        if (X87.isEmpty(f, 0)) {
            kind = X87.C3 | X87.C0;
        } else if (a.denormal) {
            kind = X87.C3 | X87.C2;
        } else {
            kind = switch (a.kind) {
                case Unpacked.ZERO -> X87.C3;
                case Unpacked.FINITE -> X87.C2;
                case Unpacked.INFINITY -> X87.C2 | X87.C0;
                case Unpacked.UNSUPPORTED -> 0;
                default -> X87.C0;
            };
        }
        X87.condition(f, kind | ((f.signExponent[X87.physical(f, 0)] & 0x8000) != 0 ? X87.C1 : 0));
    }
}
