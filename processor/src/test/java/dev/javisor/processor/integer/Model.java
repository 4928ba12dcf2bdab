package dev.javisor.processor.integer;

import dev.javisor.processor.core.Flags;
import java.math.BigInteger;
import java.util.SplittableRandom;

/** What the manual says arithmetic does, computed with unbounded integers: result (zero-extended) and arithmetic flags. */
record Model(long result, long flags) {
    static BigInteger unsigned(long v, int bits) {
        return BigInteger.valueOf(v).mod(BigInteger.TWO.pow(bits));
    }

    static BigInteger signed(long v, int bits) {
        BigInteger u = unsigned(v, bits);
        return u.testBit(bits - 1) ? u.subtract(BigInteger.TWO.pow(bits)) : u;
    }

    static long mask(int bits) {
        return -1L >>> 64 - bits;
    }

    /** SF, ZF and PF of a result. */
    static long signZeroParity(long result, int bits) {
        long r = result & mask(bits);
        return (r == 0 ? Flags.ZF : 0) | (r >>> bits - 1 != 0 ? Flags.SF : 0) | (Long.bitCount(r & 0xFF) % 2 == 0 ? Flags.PF : 0);
    }

    static Model add(long a, long b, int carry, int bits) {
        BigInteger sum = unsigned(a, bits).add(unsigned(b, bits)).add(BigInteger.valueOf(carry));
        BigInteger signedSum = signed(a, bits).add(signed(b, bits)).add(BigInteger.valueOf(carry));
        return of(sum.longValue(), bits, sum.bitLength() > bits, signedSum.bitLength() > bits - 1, (a & 15) + (b & 15) + carry > 15);
    }

    static Model sub(long a, long b, int borrow, int bits) {
        BigInteger difference = unsigned(a, bits).subtract(unsigned(b, bits)).subtract(BigInteger.valueOf(borrow));
        BigInteger signedDifference = signed(a, bits).subtract(signed(b, bits)).subtract(BigInteger.valueOf(borrow));
        boolean overflow = signedDifference.bitLength() > bits - 1;
        return of(difference.longValue(), bits, difference.signum() < 0, overflow, (a & 15) - (b & 15) - borrow < 0);
    }

    static Model logic(long r, int bits) {
        return of(r, bits, false, false, false);
    }

    static Model of(long r, int bits, boolean carry, boolean overflow, boolean adjust) {
        return new Model(
                r & mask(bits),
                signZeroParity(r, bits) | (carry ? Flags.CF : 0) | (overflow ? Flags.OF : 0) | (adjust ? Flags.AF : 0));
    }

    /** Operands that are often near the edges. */
    static long operand(SplittableRandom random) {
        long v = random.nextLong();
        return switch (random.nextInt(6)) {
            case 0 -> v;
            case 1 -> v >> (int) (v & 63);
            case 2 -> 1L << (v & 63);
            case 3 -> (1L << (v & 63)) - 1;
            case 4 -> v & 0xFF;
            default -> -(v & 1);
        };
    }

    /** A register of which {@code bits} are replaced by {@code value}, by the rules for partial writes. */
    static long merged(long old, long value, int bits) {
        return bits == 32 ? value & mask(32) : old & ~mask(bits) | value & mask(bits);
    }
}
