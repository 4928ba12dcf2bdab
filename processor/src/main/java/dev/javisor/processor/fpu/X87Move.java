package dev.javisor.processor.fpu;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.X87State;
import dev.javisor.processor.softfloat.FloatFormat;
import dev.javisor.processor.softfloat.SoftFloat;
import dev.javisor.processor.softfloat.Unpacked;

/** Loads, stores, exchanges, conditional moves and constants. */
final class X87Move {
    /** Kinds of memory operands. */
    static final int SINGLE = 0, DOUBLE = 1, WORD = 2, DOUBLEWORD = 3, QUADWORD = 4;

    private static final int[] BYTES = {4, 8, 2, 4, 8};

    private X87Move() {}

    /** Reads a memory operand; integers come sign-extended. */
    static long read(Cpu c, Op o, int kind) {
        int bytes = BYTES[kind];
        long value = Memory.load(c, Memory.readAddress(c, o, bytes), bytes, o.segment);
        return switch (kind) {
            case WORD -> (short) value;
            case DOUBLEWORD -> (int) value;
            default -> value;
        };
    }

    static void unpack(Unpacked u, int kind, long value) {
        switch (kind) {
            case SINGLE -> u.setSingle((int) value, false);
            case DOUBLE -> u.setDouble(value, false);
            default -> u.setLong(value);
        }
    }

    /** FLD m32, FLD m64, FILD. */
    static Handler load(int kind) {
        return (c, o) -> {
            X87.begin(c);
            long value = read(c, o, kind);
            X87.record(c, o);
            X87State f = c.x87;
            if (X87.pushFails(f) || kind == DOUBLE && NormalNumbers.push(f, value)) {
                return;
            }
            SoftFloat u = X87.unit(c);
            unpack(u.a, kind, value);
            if (u.a.kind == Unpacked.SNAN) {
                u.flags |= SoftFloat.IE;
                u.a.quiet();
            }
            u.flags |= u.a.denormal ? SoftFloat.DE : 0;
            // An unmasked denormal-operand exception does not keep the value out.
            if ((u.flags & ~f.control & SoftFloat.IE) == 0) {
                X87.push(f, u.a);
            }
            X87.raise(f, u.flags);
        };
    }

    static void fldExtended(Cpu c, Op o) {
        X87.begin(c);
        long la = Memory.readAddress(c, o, 10);
        long significand = Memory.load64(c, la, o.segment);
        int signExponent = Memory.load16(c, la + 8 & c.linearWrap, o.segment);
        X87.record(c, o);
        if (!X87.pushFails(c.x87)) {
            X87.push(c.x87, signExponent, significand);
        }
    }

    static void fldRegister(Cpu c, Op o) {
        X87.begin(c);
        X87.record(c, o);
        X87State f = c.x87;
        int i = o.instruction.rm & 7;
        boolean sourceFirst = X87.isAmd(c) && X87.isEmpty(f, i);
        if (!X87.isEmpty(f, 7) && !sourceFirst) {
            X87.pushFails(f);
        } else if (X87.isEmpty(f, i)) {
            if (!X87.underflow(f)) {
                X87.push(f, X87.INDEFINITE_SIGN_EXPONENT, X87.INDEFINITE);
            }
        } else {
            int p = X87.physical(f, i);
            X87.push(f, f.signExponent[p], f.significand[p]);
        }
    }

    /** A constant whose last bits depend on rounding: the significand for rounding to nearest or up, and for down or to zero. */
    static Handler constant(int exponent, long nearest, long down, long up) {
        return (c, o) -> {
            X87.begin(c);
            X87.record(c, o);
            if (!X87.pushFails(c.x87)) {
                long s = switch (c.x87.control >> 10 & 3) {
                    case SoftFloat.NEAREST -> nearest;
                    case SoftFloat.UP -> up;
                    default -> down;
                };
                X87.push(c.x87, s == 0 ? 0 : exponent + 16383, s);
            }
        };
    }

    /** FST and FSTP to m32 or m64. */
    static Handler store(int kind, boolean pop) {
        FloatFormat format = kind == SINGLE ? FloatFormat.SINGLE : FloatFormat.DOUBLE;
        int bytes = BYTES[kind];
        return (c, o) -> {
            X87.begin(c);
            X87State f = c.x87;
            long la = Memory.writeAddress(c, o, bytes);
            boolean empty = X87.isEmpty(f, 0);
            if (!empty && kind == DOUBLE && NormalNumbers.isDouble(f)) {
                Memory.store64(c, la, o.segment, NormalNumbers.toDouble(f));
                X87.record(c, o);
                f.status |= NormalNumbers.doubleFlags(f);
                if (pop) {
                    X87.pop(f);
                }
                return;
            }
            SoftFloat u = X87.unit(c);
            if (empty) {
                u.r.setIndefinite();
                u.flags = SoftFloat.IE | X87.SF;
            } else {
                X87.get(f, 0, u.a);
                if (u.a.kind >= Unpacked.QNAN) {
                    X87.propagateOne(u);
                } else {
                    u.r.set(u.a);
                    u.round(format);
                }
            }
            // Unlike a register, memory receives nothing on unmasked overflow and underflow.
            boolean stored = (u.flags & ~f.control & 0x3F & ~SoftFloat.PE) == 0;
            if (stored) {
                Memory.store(c, la, bytes, o.segment, kind == SINGLE ? u.r.toSingle() : u.r.toDouble());
            } else {
                Memory.probe(c, la, bytes, o.segment, true);
            }
            stored(c, o, u, stored, pop);
        };
    }

    private static void stored(Cpu c, Op o, SoftFloat u, boolean stored, boolean pop) {
        X87State f = c.x87;
        X87.record(c, o);
        // What was not stored was not rounded either.
        X87.raise(f, stored ? u.flags : u.flags & ~SoftFloat.PE);
        if (stored && u.roundedUp && (u.flags & X87.SF) == 0) {
            f.status |= X87.C1;
        }
        if (stored && pop) {
            X87.pop(f);
        }
    }

    static void fstpExtended(Cpu c, Op o) {
        X87.begin(c);
        X87State f = c.x87;
        long la = Memory.writeAddress(c, o, 10);
        boolean empty = X87.isEmpty(f, 0);
        boolean stop = empty && (f.control & SoftFloat.IE) == 0;
        Memory.probe(c, la, 10, o.segment, true);
        if (!stop) {
            int p = X87.physical(f, 0);
            Memory.store64(c, la, o.segment, empty ? X87.INDEFINITE : f.significand[p]);
            Memory.store16(c, la + 8 & c.linearWrap, o.segment, empty ? X87.INDEFINITE_SIGN_EXPONENT : f.signExponent[p]);
        }
        X87.record(c, o);
        if (empty) {
            X87.underflow(f);
        }
        if (!stop) {
            X87.pop(f);
        }
    }

    /** FST ST(i) and FSTP ST(i). */
    static Handler storeRegister(boolean pop) {
        return (c, o) -> {
            X87.begin(c);
            X87.record(c, o);
            X87State f = c.x87;
            int i = o.instruction.rm & 7;
            if (X87.isEmpty(f, 0)) {
                if (X87.underflow(f)) {
                    return;
                }
                X87.put(f, i, X87.INDEFINITE_SIGN_EXPONENT, X87.INDEFINITE);
            } else {
                int p = X87.physical(f, 0);
                X87.put(f, i, f.signExponent[p], f.significand[p]);
            }
            if (pop) {
                X87.pop(f);
            }
        };
    }

    /** D9H D8H+i, an alias of FSTP ST(i) that takes an empty register for a full one. */
    static void storeRegisterUnchecked(Cpu c, Op o) {
        X87.begin(c);
        X87.record(c, o);
        X87State f = c.x87;
        int p = X87.physical(f, 0);
        boolean full = !X87.isEmpty(f, 0);
        int i = o.instruction.rm & 7;
        if (full) {
            X87.put(f, i, f.signExponent[p], f.significand[p]);
        }
        X87.pop(f);
    }

    /** FIST, FISTP and FISTTP. */
    static Handler storeInteger(int kind, boolean truncate, boolean pop) {
        int bytes = BYTES[kind];
        return (c, o) -> {
            X87.begin(c);
            X87State f = c.x87;
            SoftFloat u = X87.unit(c);
            long la = Memory.writeAddress(c, o, bytes);
            long value;
            if (X87.isEmpty(f, 0)) {
                u.flags = SoftFloat.IE | X87.SF;
                value = -1L << 8 * bytes - 1;
            } else {
                X87.get(f, 0, u.a);
                value = u.toInteger(8 * bytes, truncate ? SoftFloat.TOWARD_ZERO : u.rounding);
            }
            boolean stored = (u.flags & ~f.control & SoftFloat.IE) == 0;
            if (stored) {
                Memory.store(c, la, bytes, o.segment, value);
            } else {
                Memory.probe(c, la, bytes, o.segment, true);
            }
            stored(c, o, u, stored, pop);
        };
    }

    static void fbld(Cpu c, Op o) {
        X87.begin(c);
        long la = Memory.readAddress(c, o, 10);
        long low = Memory.load64(c, la, o.segment);
        int high = Memory.load16(c, la + 8 & c.linearWrap, o.segment);
        X87.record(c, o);
        if (X87.pushFails(c.x87)) {
            return;
        }
        long value = 0;
        for (int i = 17; i >= 0; i--) {
            value = value * 10 + (i >= 16 ? high >> 4 * (i - 16) & 15 : low >>> 4 * i & 15);
        }
        Unpacked a = c.x87.unit.a;
        a.setLong(value);
        a.negative = (high & 0x8000) != 0;
        X87.push(c.x87, a);
    }

    static void fbstp(Cpu c, Op o) {
        X87.begin(c);
        X87State f = c.x87;
        SoftFloat u = X87.unit(c);
        long la = Memory.writeAddress(c, o, 10);
        long low = 0xC000000000000000L;
        int high = 0xFFFF;
        if (X87.isEmpty(f, 0)) {
            u.flags = SoftFloat.IE | X87.SF;
        } else {
            X87.get(f, 0, u.a);
            long value = u.toInteger(64, u.rounding);
            long magnitude = Math.abs(value);
            if ((u.flags & SoftFloat.IE) == 0 && Long.compareUnsigned(magnitude, 999_999_999_999_999_999L) <= 0) {
                low = 0;
                high = u.a.negative ? 0x8000 : 0;
                for (int i = 0; i < 18; i++) {
                    long digit = magnitude % 10;
                    magnitude /= 10;
                    if (i < 16) {
                        low |= digit << 4 * i;
                    } else {
                        high |= (int) digit << 4 * (i - 16);
                    }
                }
            } else {
                u.flags = SoftFloat.IE;
                u.roundedUp = false;
            }
        }
        boolean stored = (u.flags & ~f.control & SoftFloat.IE) == 0;
        Memory.probe(c, la, 10, o.segment, true);
        if (stored) {
            Memory.store64(c, la, o.segment, low);
            Memory.store16(c, la + 8 & c.linearWrap, o.segment, high);
        }
        stored(c, o, u, stored, true);
    }

    static void fxch(Cpu c, Op o) {
        X87.begin(c);
        X87.record(c, o);
        X87State f = c.x87;
        int i = o.instruction.rm & 7;
        if (X87.isEmpty(f, 0) || X87.isEmpty(f, i)) {
            boolean first = X87.isEmpty(f, 0);
            boolean second = X87.isEmpty(f, i);
            if (X87.underflow(f)) {
                return;
            }
            if (first) {
                X87.put(f, 0, X87.INDEFINITE_SIGN_EXPONENT, X87.INDEFINITE);
            }
            if (second) {
                X87.put(f, i, X87.INDEFINITE_SIGN_EXPONENT, X87.INDEFINITE);
            }
        }
        int p = X87.physical(f, 0);
        int q = X87.physical(f, i);
        int signExponent = f.signExponent[p];
        long significand = f.significand[p];
        X87.put(f, 0, f.signExponent[q], f.significand[q]);
        X87.put(f, i, signExponent, significand);
    }

    /** FCMOVcc: the low two bits of the opcode extension select B, E, BE, U. */
    static Handler conditional(int condition, boolean negate) {
        return (c, o) -> {
            X87.begin(c);
            X87.recordKeepingC1(c, o);
            X87State f = c.x87;
            int i = o.instruction.rm & 7;
            if (X87.isEmpty(f, 0) || X87.isEmpty(f, i)) {
                if (!X87.underflow(f)) {
                    X87.put(f, 0, X87.INDEFINITE_SIGN_EXPONENT, X87.INDEFINITE);
                }
                return;
            }
            boolean holds = switch (condition) {
                case 0 -> Flags.cf(c);
                case 1 -> Flags.zf(c);
                case 2 -> Flags.belowOrEqual(c);
                default -> Flags.pf(c);
            };
            if (holds != negate) {
                int p = X87.physical(f, i);
                X87.put(f, 0, f.signExponent[p], f.significand[p]);
            }
        };
    }
}
