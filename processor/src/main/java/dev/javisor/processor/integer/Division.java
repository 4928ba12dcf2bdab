package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** DIV and IDIV: #DE when the divisor is zero or the quotient does not fit. Flags, which the manual leaves undefined, are kept. */
public final class Division {
    private static final int RAX = Registers.RAX, RDX = Registers.RDX;

    private Division() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "DIV" -> switch (Form.bits(i)) {
                case 8 -> Division::div8;
                case 16 -> Division::div16;
                case 32 -> Division::div32;
                default -> Division::div64;
            };
            case "IDIV" -> switch (Form.bits(i)) {
                case 8 -> Division::idiv8;
                case 16 -> Division::idiv16;
                case 32 -> Division::idiv32;
                default -> Division::idiv64;
            };
            default -> null;
        };
    }

    private static GuestFault divideError(Cpu c) {
        return c.fault(Event.DE);
    }

    // ---- DIV ----

    static void div8(Cpu c, Op o) {
        int divisor = Source.operand8(c, o) & 0xFF;
        int dividend = (int) c.gpr[RAX] & 0xFFFF;
        if (divisor == 0 || dividend / divisor > 0xFF) {
            throw divideError(c);
        }
        Registers.set16(c, RAX, dividend / divisor | dividend % divisor << 8);
    }

    static void div16(Cpu c, Op o) {
        long divisor = Source.operand16(c, o) & 0xFFFF;
        long dividend = (c.gpr[RDX] & 0xFFFF) << 16 | c.gpr[RAX] & 0xFFFF;
        if (divisor == 0 || dividend / divisor > 0xFFFF) {
            throw divideError(c);
        }
        Registers.set16(c, RAX, (int) (dividend / divisor));
        Registers.set16(c, RDX, (int) (dividend % divisor));
    }

    static void div32(Cpu c, Op o) {
        long divisor = Source.operand32(c, o) & 0xFFFFFFFFL;
        long high = c.gpr[RDX] & 0xFFFFFFFFL;
        if (high >= divisor) {
            throw divideError(c);
        }
        long dividend = high << 32 | c.gpr[RAX] & 0xFFFFFFFFL;
        c.gpr[RAX] = Long.divideUnsigned(dividend, divisor);
        c.gpr[RDX] = Long.remainderUnsigned(dividend, divisor);
    }

    static void div64(Cpu c, Op o) {
        long divisor = Source.operand64(c, o);
        long high = c.gpr[RDX];
        long low = c.gpr[RAX];
        if (Long.compareUnsigned(high, divisor) >= 0) {
            throw divideError(c);
        }
        long quotient = high == 0 ? Long.divideUnsigned(low, divisor) : divide128(high, low, divisor);
        c.gpr[RAX] = quotient;
        c.gpr[RDX] = low - quotient * divisor;
    }

    /** Quotient of the unsigned high:low by a divisor greater than high, which the quotient fits: two digits of 32 bits each. */
    private static long divide128(long high, long low, long divisor) {
        int shift = Long.numberOfLeadingZeros(divisor);
        long d = divisor << shift;
        long h = shift == 0 ? high : high << shift | low >>> 64 - shift;
        long l = low << shift;
        long q1 = digit(h, l >>> 32, d);
        long rest = (h << 32 | l >>> 32) - q1 * d;
        long q0 = digit(rest, l & 0xFFFFFFFFL, d);
        return q1 << 32 | q0;
    }

    /** One digit of long division: (rest : next 32 bits) / d, for a normalised d greater than rest. */
    private static long digit(long rest, long next, long d) {
        long dHigh = d >>> 32;
        long dLow = d & 0xFFFFFFFFL;
        long q = Long.divideUnsigned(rest, dHigh);
        long r = rest - q * dHigh;
        while (q >>> 32 != 0 || Long.compareUnsigned(q * dLow, r << 32 | next) > 0) {
            q--;
            r += dHigh;
            if (r >>> 32 != 0) {
                break;
            }
        }
        return q;
    }

    // ---- IDIV ----

    static void idiv8(Cpu c, Op o) {
        int divisor = Source.operand8(c, o);
        int dividend = (short) c.gpr[RAX];
        if (divisor == 0 || dividend / divisor != (byte) (dividend / divisor)) {
            throw divideError(c);
        }
        Registers.set16(c, RAX, dividend / divisor & 0xFF | dividend % divisor << 8);
    }

    static void idiv16(Cpu c, Op o) {
        long divisor = Source.operand16(c, o);
        long dividend = (short) c.gpr[RDX] << 16 | (int) c.gpr[RAX] & 0xFFFF;
        if (divisor == 0 || dividend / divisor != (short) (dividend / divisor)) {
            throw divideError(c);
        }
        Registers.set16(c, RAX, (int) (dividend / divisor));
        Registers.set16(c, RDX, (int) (dividend % divisor));
    }

    static void idiv32(Cpu c, Op o) {
        long divisor = Source.operand32(c, o);
        long dividend = c.gpr[RDX] << 32 | c.gpr[RAX] & 0xFFFFFFFFL;
        // Long.MIN_VALUE / -1 overflows to itself, which does not fit either.
        if (divisor == 0 || dividend / divisor != (int) (dividend / divisor)) {
            throw divideError(c);
        }
        Registers.set32(c, RAX, (int) (dividend / divisor));
        Registers.set32(c, RDX, (int) (dividend % divisor));
    }

    static void idiv64(Cpu c, Op o) {
        long divisor = Source.operand64(c, o);
        long high = c.gpr[RDX];
        long low = c.gpr[RAX];
        boolean negative = (high ^ divisor) < 0;
        long d = Math.abs(divisor);
        long l = high < 0 ? -low : low;
        long h = high < 0 ? ~high + (low == 0 ? 1 : 0) : high;
        if (Long.compareUnsigned(h, d) >= 0) {
            throw divideError(c);
        }
        long q = h == 0 ? Long.divideUnsigned(l, d) : divide128(h, l, d);
        long quotient = negative ? -q : q;
        if (q != 0 && quotient < 0 != negative) {
            throw divideError(c);
        }
        c.gpr[RAX] = quotient;
        c.gpr[RDX] = low - quotient * divisor;
    }
}
