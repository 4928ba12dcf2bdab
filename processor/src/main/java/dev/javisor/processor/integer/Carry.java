package dev.javisor.processor.integer;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;

/** Flags of the instructions that use or keep CF. Operands and results are sign-extended to 64 bits. */
public final class Carry {
    private Carry() {}

    /** CF as a number. */
    public static int in(Cpu c) {
        return Flags.cf(c) ? 1 : 0;
    }

    /** R = A + B + CF. */
    public static void add(Cpu c, long a, long b, long r) {
        Flags.result(c, r, addBits(a, b, r));
    }

    /** What R = A + B + CF does to CF, AF and OF, see {@link Flags#RESULT}. */
    public static long addBits(long a, long b, long r) {
        long carry = (a & b | (a | b) & ~r) >>> 63;
        return carry | (a ^ b ^ r) & Flags.AF | ((r ^ a) & (r ^ b)) >>> 63 << 11;
    }

    /** R = A - B - CF. */
    public static void sub(Cpu c, long a, long b, long r) {
        Flags.result(c, r, subBits(a, b, r));
    }

    /** The same for R = A - B - CF. */
    public static long subBits(long a, long b, long r) {
        long borrow = (~a & b | (~a | b) & r) >>> 63;
        return borrow | (a ^ b ^ r) & Flags.AF | ((a ^ b) & (a ^ r)) >>> 63 << 11;
    }
}
