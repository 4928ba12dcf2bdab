package dev.javisor.processor.simd;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM ("Operation of PCMPxSTRx"). */
public final class StringCompare {
    // Fields of the immediate byte.
    private static final int WORDS = 1, SIGNED = 2, AGGREGATION = 0xC, NEGATIVE = 0x10, MASKED = 0x20;
    private static final int MOST_SIGNIFICANT = 0x40, EXPANDED = 0x40;
    private static final int EQUAL_ANY = 0, RANGES = 4, EQUAL_EACH = 8;

    private StringCompare() {}

    public static Handler bind(Instruction i) {
        if (i.has(Instruction.VEX | Instruction.EVEX)) {
            return null;
        }
        boolean wide = i.operandSize == 64;
        return switch (i.opcode.mnemonic) {
            case "PCMPESTRI" -> wide ? (c, o) -> index(c, o, explicit64(c, o)) : (c, o) -> index(c, o, explicit32(c, o));
            case "PCMPESTRM" -> wide ? (c, o) -> mask(c, o, explicit64(c, o)) : (c, o) -> mask(c, o, explicit32(c, o));
            case "PCMPISTRI" -> (c, o) -> index(c, o, implicit(c, o));
            case "PCMPISTRM" -> (c, o) -> mask(c, o, implicit(c, o));
            default -> null;
        };
    }

    private static int count(Op o) {
        return (o.imm & WORDS) != 0 ? 8 : 16;
    }

    private static int element(Cpu c, Op o, int at, int k) {
        int imm = (int) o.imm;
        if ((imm & WORDS) != 0) {
            int word = (int) (c.vector[at + (k >> 2)] >>> 16 * (k & 3)) & 0xFFFF;
            return (imm & SIGNED) != 0 ? (short) word : word;
        }
        int b = (int) (c.vector[at + (k >> 3)] >>> 8 * (k & 7)) & 0xFF;
        return (imm & SIGNED) != 0 ? (byte) b : b;
    }

    private static int explicit32(Cpu c, Op o) {
        return compare(c, o, Xmm.sourceUnaligned(c, o), length(o, (int) c.gpr[0]), length(o, (int) c.gpr[2]));
    }

    private static int explicit64(Cpu c, Op o) {
        return compare(c, o, Xmm.sourceUnaligned(c, o), length(o, c.gpr[0]), length(o, c.gpr[2]));
    }

    private static int length(Op o, long given) {
        // The most negative number is its own magnitude, taken as unsigned.
        long magnitude = Math.abs(given);
        return magnitude < 0 ? count(o) : (int) Math.min(magnitude, count(o));
    }

    private static int implicit(Cpu c, Op o) {
        int s = Xmm.sourceUnaligned(c, o);
        return compare(c, o, s, terminated(c, o, Xmm.destination(o)), terminated(c, o, s));
    }

    private static int terminated(Cpu c, Op o, int at) {
        int n = count(o);
        int k = 0;
        while (k < n && element(c, o, at, k) != 0) {
            k++;
        }
        return k;
    }

    /** Compares strings of the given lengths, sets the flags, and returns the result bits (IntRes2). */
    private static int compare(Cpu c, Op o, int s, int length1, int length2) {
        int d = Xmm.destination(o);
        int n = count(o);
        int result = switch ((int) o.imm & AGGREGATION) {
            case EQUAL_ANY -> equalAny(c, o, d, s, length1, length2);
            case RANGES -> ranges(c, o, d, s, length1, length2);
            case EQUAL_EACH -> equalEach(c, o, d, s, length1, length2);
            default -> equalOrdered(c, o, d, s, length1, length2);
        };
        if ((o.imm & NEGATIVE) != 0) {
            result ^= (o.imm & MASKED) != 0 ? (1 << length2) - 1 : (1 << n) - 1;
        }
        long ends = (length2 < n ? Flags.ZF : 0) | (length1 < n ? Flags.SF : 0);
        Flags.setArithmetic(c, ends | (result != 0 ? Flags.CF : 0) | ((result & 1) != 0 ? Flags.OF : 0));
        return result;
    }

    private static int equalAny(Cpu c, Op o, int d, int s, int length1, int length2) {
        int result = 0;
        for (int j = 0; j < length2; j++) {
            int x = element(c, o, s, j);
            for (int k = 0; k < length1; k++) {
                result |= element(c, o, d, k) == x ? 1 << j : 0;
            }
        }
        return result;
    }

    private static int ranges(Cpu c, Op o, int d, int s, int length1, int length2) {
        int result = 0;
        for (int j = 0; j < length2; j++) {
            int x = element(c, o, s, j);
            for (int k = 0; k + 1 < length1; k += 2) {
                result |= element(c, o, d, k) <= x && x <= element(c, o, d, k + 1) ? 1 << j : 0;
            }
        }
        return result;
    }

    /** Elements behind the ends of both strings are equal. */
    private static int equalEach(Cpu c, Op o, int d, int s, int length1, int length2) {
        int both = Math.min(length1, length2);
        int result = (1 << count(o)) - (1 << Math.max(length1, length2));
        for (int j = 0; j < both; j++) {
            result |= element(c, o, d, j) == element(c, o, s, j) ? 1 << j : 0;
        }
        return result;
    }

    /** Where in the second string does the first one begin, as far as the register shows it. */
    private static int equalOrdered(Cpu c, Op o, int d, int s, int length1, int length2) {
        int n = count(o);
        int result = 0;
        for (int j = 0; j < n; j++) {
            boolean begins = true;
            for (int k = 0; begins && k < length1 && j + k < n; k++) {
                begins = j + k < length2 && element(c, o, d, k) == element(c, o, s, j + k);
            }
            result |= begins ? 1 << j : 0;
        }
        return result;
    }

    private static void index(Cpu c, Op o, int result) {
        int position = (o.imm & MOST_SIGNIFICANT) != 0 ? 31 - Integer.numberOfLeadingZeros(result) : Integer.numberOfTrailingZeros(result);
        c.gpr[1] = result == 0 ? count(o) : position;
    }

    private static void mask(Cpu c, Op o, int result) {
        if ((o.imm & EXPANDED) == 0) {
            c.vector[0] = result;
            c.vector[1] = 0;
        } else if ((o.imm & WORDS) != 0) {
            c.vector[0] = Lanes.words(result);
            c.vector[1] = Lanes.words(result >> 4);
        } else {
            c.vector[0] = bytes(result);
            c.vector[1] = bytes(result >> 8);
        }
    }

    /** Ones in the bytes that the low eight bits select. */
    private static long bytes(int mask) {
        long r = 0;
        for (int k = 0; k < 8; k++) {
            r |= (mask >> k & 1) * 0xFFL << 8 * k;
        }
        return r;
    }
}
