package dev.javisor.processor.core;

/**
 * RFLAGS with lazily computed arithmetic flags. The last flag-setting operation leaves its kind in {@link Cpu#ccOp} and its operands
 * sign-extended to 64 bits in {@link Cpu#ccA}, {@link Cpu#ccB} and {@link Cpu#ccR} (R = A op B); sign extension keeps order, sign and
 * zero-ness, so no size is needed. The low byte of R gives PF, bit 4 of A^B^R gives AF.
 */
public final class Flags {
    public static final long CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, TF = 0x100, IF = 0x200, DF = 0x400, OF = 0x800, IOPL = 0x3000,
            NT = 0x4000, RF = 0x10000, VM = 0x20000, AC = 0x40000, VIF = 0x80000, VIP = 0x100000, ID = 0x200000;
    /** The flags that arithmetic sets. */
    public static final long ARITHMETIC = CF | PF | AF | ZF | SF | OF;
    /** Bit 1 always reads as 1. */
    public static final long FIXED = 2;

    /** {@link Cpu#ccOp}: all flags are in {@link Cpu#rflags}. */
    public static final int EXPLICIT = 0;
    /** R = A + B. */
    public static final int ADD = 1;
    /** R = A - B. */
    public static final int SUB = 2;
    /** CF = OF = AF = 0; the others from R. */
    public static final int LOGIC = 3;
    /** SF, ZF, PF from R; CF, OF and AF are the bits of B at their places. */
    public static final int RESULT = 4;
    /** R = A + 1 and R = A - 1; B is CF, as it was before. */
    public static final int INC = 5, DEC = 6;

    private Flags() {}

    /** RFLAGS as PUSHF and an event frame show it. */
    public static long rflags(Cpu c) {
        if (c.ccOp == EXPLICIT) {
            return c.rflags;
        }
        return c.rflags & ~ARITHMETIC | arithmetic(c);
    }

    /** Sets every flag, arithmetic ones included; the caller has applied reserved bits. */
    public static void setRflags(Cpu c, long value) {
        c.rflags = value;
        c.ccOp = EXPLICIT;
    }

    /** Moves pending arithmetic flags into {@link Cpu#rflags}, so that single bits can be changed there. */
    public static void materialize(Cpu c) {
        if (c.ccOp != EXPLICIT) {
            c.rflags = c.rflags & ~ARITHMETIC | arithmetic(c);
            c.ccOp = EXPLICIT;
        }
    }

    /** Replaces the six arithmetic flags by the bits of {@code value}. */
    public static void setArithmetic(Cpu c, long value) {
        c.rflags = c.rflags & ~ARITHMETIC | value & ARITHMETIC;
        c.ccOp = EXPLICIT;
    }

    public static void add(Cpu c, long a, long b, long r) {
        c.ccOp = ADD;
        c.ccA = a;
        c.ccB = b;
        c.ccR = r;
    }

    public static void sub(Cpu c, long a, long b, long r) {
        c.ccOp = SUB;
        c.ccA = a;
        c.ccB = b;
        c.ccR = r;
    }

    public static void logic(Cpu c, long r) {
        c.ccOp = LOGIC;
        c.ccR = r;
    }

    /** @param bits CF, OF and AF at their places, nothing else */
    public static void result(Cpu c, long r, long bits) {
        c.ccOp = RESULT;
        c.ccR = r;
        c.ccB = bits;
    }

    /** After INC. */
    public static void inc(Cpu c, long a, long r) {
        step(c, INC, a, r);
    }

    /** After DEC. */
    public static void dec(Cpu c, long a, long r) {
        step(c, DEC, a, r);
    }

    private static void step(Cpu c, int kind, long a, long r) {
        c.ccB = carry(c);
        c.ccOp = kind;
        c.ccA = a;
        c.ccR = r;
    }

    /** CF as a number. */
    public static long carry(Cpu c) {
        return cf(c) ? 1 : 0;
    }

    private static long arithmetic(Cpu c) {
        long r = c.ccR;
        long f = (r == 0 ? ZF : 0) | r >>> 56 & SF | ((Integer.bitCount((int) r & 0xFF) & 1) == 0 ? PF : 0);
        long a = c.ccA;
        long b = c.ccB;
        switch (c.ccOp) {
            case ADD -> f |= (Long.compareUnsigned(r, a) < 0 || Long.compareUnsigned(r, b) < 0 ? CF : 0) | (a ^ b ^ r) & AF
                    | ((r ^ a) & (r ^ b)) >>> 63 << 11;
            case SUB -> f |= (Long.compareUnsigned(a, b) < 0 ? CF : 0) | (a ^ b ^ r) & AF | ((a ^ b) & (a ^ r)) >>> 63 << 11;
            case RESULT -> f |= b;
            case INC -> f |= b | (a ^ r) & AF | (~a & r) >>> 63 << 11;
            case DEC -> f |= b | (a ^ r) & AF | (a & ~r) >>> 63 << 11;
            default -> {}
        }
        return f;
    }

    public static boolean cf(Cpu c) {
        return switch (c.ccOp) {
            case EXPLICIT -> (c.rflags & CF) != 0;
            case ADD -> Long.compareUnsigned(c.ccR, c.ccA) < 0;
            case SUB -> Long.compareUnsigned(c.ccA, c.ccB) < 0;
            case RESULT, INC, DEC -> (c.ccB & CF) != 0;
            default -> false;
        };
    }

    public static boolean zf(Cpu c) {
        return c.ccOp == EXPLICIT ? (c.rflags & ZF) != 0 : c.ccR == 0;
    }

    public static boolean sf(Cpu c) {
        return c.ccOp == EXPLICIT ? (c.rflags & SF) != 0 : c.ccR < 0;
    }

    public static boolean of(Cpu c) {
        return switch (c.ccOp) {
            case EXPLICIT -> (c.rflags & OF) != 0;
            case ADD -> ((c.ccR ^ c.ccA) & (c.ccR ^ c.ccB)) < 0;
            case SUB -> ((c.ccA ^ c.ccB) & (c.ccA ^ c.ccR)) < 0;
            case RESULT -> (c.ccB & OF) != 0;
            case INC -> (~c.ccA & c.ccR) < 0;
            case DEC -> (c.ccA & ~c.ccR) < 0;
            default -> false;
        };
    }

    public static boolean pf(Cpu c) {
        return c.ccOp == EXPLICIT ? (c.rflags & PF) != 0 : (Integer.bitCount((int) c.ccR & 0xFF) & 1) == 0;
    }

    public static boolean af(Cpu c) {
        return switch (c.ccOp) {
            case EXPLICIT -> (c.rflags & AF) != 0;
            case ADD, SUB -> ((c.ccA ^ c.ccB ^ c.ccR) & AF) != 0;
            case RESULT -> (c.ccB & AF) != 0;
            case INC, DEC -> ((c.ccA ^ c.ccR) & AF) != 0;
            default -> false;
        };
    }

    /** BE: CF or ZF. */
    public static boolean belowOrEqual(Cpu c) {
        return c.ccOp == SUB ? Long.compareUnsigned(c.ccA, c.ccB) <= 0 : cf(c) || zf(c);
    }

    /** L: SF differs from OF. */
    public static boolean less(Cpu c) {
        return c.ccOp == SUB ? c.ccA < c.ccB : sf(c) != of(c);
    }

    /** LE: ZF, or SF differs from OF. */
    public static boolean lessOrEqual(Cpu c) {
        return c.ccOp == SUB ? c.ccA <= c.ccB : zf(c) || sf(c) != of(c);
    }

    /** Condition code 0 to 15 as encoded in Jcc, SETcc and CMOVcc. */
    public static boolean condition(Cpu c, int code) {
        boolean v = switch (code >> 1) {
            case 0 -> of(c);
            case 1 -> cf(c);
            case 2 -> zf(c);
            case 3 -> belowOrEqual(c);
            case 4 -> sf(c);
            case 5 -> pf(c);
            case 6 -> less(c);
            default -> lessOrEqual(c);
        };
        return v ^ (code & 1) != 0;
    }
}
