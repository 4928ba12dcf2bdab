package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/**
 * SHL, SHR, SAR, ROL, ROR, RCL, RCR. A count of zero leaves the flags alone. OF, defined for a count of 1 only, follows the same formula
 * for all counts, as processors do; AF is cleared by shifts.
 */
public final class Shift {
    /** Where the count comes from. */
    private static final int ONE = 0, IMMEDIATE = 1, CL = 2;

    private static final int SHL = 0, SHR = 1, SAR = 2, ROL = 3, ROR = 4, RCL = 5, RCR = 6;

    private Shift() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "SHL", "SAL" -> bind(i, SHL);
            case "SHR" -> bind(i, SHR);
            case "SAR" -> bind(i, SAR);
            case "ROL" -> bind(i, ROL);
            case "ROR" -> bind(i, ROR);
            case "RCL" -> bind(i, RCL);
            case "RCR" -> bind(i, RCR);
            default -> null;
        };
    }

    private static Handler bind(Instruction i, int operation) {
        int bits = Form.bits(i);
        int count = switch (i.opcode.operands.get(1)) {
            case "1" -> ONE;
            case "CL" -> CL;
            default -> IMMEDIATE;
        };
        if (!i.memory && operation <= ROR && bits >= 32) {
            return bits == 32 ? bind32(operation, count) : bind64(operation, count);
        }
        return i.memory ? (c, o) -> shiftMem(c, o, operation, bits, count) : (c, o) -> shiftRm(c, o, operation, bits, count);
    }

    private static Handler bind32(int operation, int count) {
        return switch (operation) {
            case SHL -> switch (count) {
                case ONE -> Shift::shl32One;
                case IMMEDIATE -> Shift::shl32Imm;
                default -> Shift::shl32Cl;
            };
            case SHR -> switch (count) {
                case ONE -> Shift::shr32One;
                case IMMEDIATE -> Shift::shr32Imm;
                default -> Shift::shr32Cl;
            };
            case SAR -> switch (count) {
                case ONE -> Shift::sar32One;
                case IMMEDIATE -> Shift::sar32Imm;
                default -> Shift::sar32Cl;
            };
            case ROL -> switch (count) {
                case ONE -> Shift::rol32One;
                case IMMEDIATE -> Shift::rol32Imm;
                default -> Shift::rol32Cl;
            };
            default -> switch (count) {
                case ONE -> Shift::ror32One;
                case IMMEDIATE -> Shift::ror32Imm;
                default -> Shift::ror32Cl;
            };
        };
    }

    private static Handler bind64(int operation, int count) {
        return switch (operation) {
            case SHL -> switch (count) {
                case ONE -> Shift::shl64One;
                case IMMEDIATE -> Shift::shl64Imm;
                default -> Shift::shl64Cl;
            };
            case SHR -> switch (count) {
                case ONE -> Shift::shr64One;
                case IMMEDIATE -> Shift::shr64Imm;
                default -> Shift::shr64Cl;
            };
            case SAR -> switch (count) {
                case ONE -> Shift::sar64One;
                case IMMEDIATE -> Shift::sar64Imm;
                default -> Shift::sar64Cl;
            };
            case ROL -> switch (count) {
                case ONE -> Shift::rol64One;
                case IMMEDIATE -> Shift::rol64Imm;
                default -> Shift::rol64Cl;
            };
            default -> switch (count) {
                case ONE -> Shift::ror64One;
                case IMMEDIATE -> Shift::ror64Imm;
                default -> Shift::ror64Cl;
            };
        };
    }

    // ---- any operand, any size ----

    private static int count(Cpu c, Op o, int bits, int source) {
        long n = source == ONE ? 1 : source == CL ? c.gpr[Registers.RCX] : o.imm;
        return (int) n & (bits == 64 ? 63 : 31);
    }

    private static void shiftRm(Cpu c, Op o, int operation, int bits, int source) {
        int n = count(c, o, bits, source);
        long a = bits == 8 ? Registers.get8(c, o, o.rm) & 0xFF : zeroExtend(c.gpr[o.rm], bits);
        long r = compute(c, operation, a, n, bits);
        if (bits == 8) {
            Registers.set8(c, o, o.rm, (int) r);
        } else {
            Registers.set(c, o.rm, bits, r);
        }
        flags(c, operation, a, n, bits, r);
    }

    private static void shiftMem(Cpu c, Op o, int operation, int bits, int source) {
        int n = count(c, o, bits, source);
        long la = Memory.writeAddress(c, o, bits / 8);
        long a = Memory.loadForWrite(c, la, bits / 8, o.segment);
        long r = compute(c, operation, a, n, bits);
        Memory.store(c, la, bits / 8, o.segment, r);
        flags(c, operation, a, n, bits, r);
    }

    static long zeroExtend(long v, int bits) {
        return v << 64 - bits >>> 64 - bits;
    }

    static long signExtend(long v, int bits) {
        return v << 64 - bits >> 64 - bits;
    }

    /** Result, zero-extended, of a masked count. */
    private static long compute(Cpu c, int operation, long a, int n, int bits) {
        return switch (operation) {
            case SHL -> zeroExtend(a << n, bits);
            case SHR -> a >>> n;
            case SAR -> zeroExtend(signExtend(a, bits) >> n, bits);
            case ROL -> rotateLeft(a, n & bits - 1, bits);
            case ROR -> rotateLeft(a, -n & bits - 1, bits);
            case RCL -> rotateLeftThroughCarry(c, a, n % (bits + 1), bits);
            default -> rotateLeftThroughCarry(c, a, (bits + 1 - n % (bits + 1)) % (bits + 1), bits);
        };
    }

    private static long rotateLeft(long a, int n, int bits) {
        return n == 0 ? a : zeroExtend(a << n, bits) | a >>> bits - n;
    }

    /** CF:a turned left by n places of bits + 1. */
    private static long rotateLeftThroughCarry(Cpu c, long a, int n, int bits) {
        if (n == 0) {
            return a;
        }
        long high = n == 64 ? 0 : zeroExtend(a << n, bits);
        long low = n == 1 ? 0 : a >>> bits + 1 - n;
        return high | (long) Carry.in(c) << n - 1 | low;
    }

    private static void flags(Cpu c, int operation, long a, int n, int bits, long r) {
        if (n == 0) {
            return;
        }
        switch (operation) {
            case SHL -> shlFlags(c, n > bits ? 0 : a >>> bits - n & 1, signExtend(r, bits));
            case SHR -> shrFlags(c, a >>> n - 1 & 1, signExtend(r, bits), (r ^ r << 1) >>> bits - 1 & 1);
            case SAR -> sarFlags(c, signExtend(a, bits) >> n - 1 & 1, signExtend(r, bits));
            case ROL -> rotateFlags(c, r & 1, (r ^ r >>> bits - 1) & 1);
            case ROR -> rotateFlags(c, r >>> bits - 1, (r ^ r << 1) >>> bits - 1 & 1);
            case RCL -> {
                int places = n % (bits + 1);
                if (places != 0) {
                    long carry = a >>> bits - places & 1;
                    rotateFlags(c, carry, carry ^ r >>> bits - 1);
                }
            }
            default -> {
                int places = n % (bits + 1);
                if (places != 0) {
                    rotateFlags(c, a >>> places - 1 & 1, (r ^ r << 1) >>> bits - 1 & 1);
                }
            }
        }
    }

    /** OF: CF differs from the sign. The result is sign-extended, here and below. */
    private static void shlFlags(Cpu c, long carry, long r) {
        Flags.result(c, r, shlBits(carry, r));
    }

    /** What SHL does to CF, AF and OF, see {@link Flags#RESULT}. */
    public static long shlBits(long carry, long r) {
        return (r >>> 63 ^ carry) << 11 | carry;
    }

    private static void shrFlags(Cpu c, long carry, long r, long overflow) {
        Flags.result(c, r, shrBits(carry, overflow));
    }

    /** The same for SHR. */
    public static long shrBits(long carry, long overflow) {
        return carry | overflow << 11;
    }

    private static void sarFlags(Cpu c, long carry, long r) {
        Flags.result(c, r, carry);
    }

    private static void rotateFlags(Cpu c, long carry, long overflow) {
        Flags.materialize(c);
        c.rflags = c.rflags & ~(Flags.CF | Flags.OF) | carry | overflow << 11;
    }

    // ---- 32- and 64-bit registers ----

    private static void shl32(Cpu c, Op o, int n) {
        int a = (int) c.gpr[o.rm];
        int r = a << n;
        Registers.set32(c, o.rm, r);
        if (n != 0) {
            shlFlags(c, a >>> 32 - n & 1, r);
        }
    }

    private static void shr32(Cpu c, Op o, int n) {
        int a = (int) c.gpr[o.rm];
        int r = a >>> n;
        Registers.set32(c, o.rm, r);
        if (n != 0) {
            shrFlags(c, a >>> n - 1 & 1, r, (r ^ r << 1) >>> 31);
        }
    }

    private static void sar32(Cpu c, Op o, int n) {
        int a = (int) c.gpr[o.rm];
        int r = a >> n;
        Registers.set32(c, o.rm, r);
        if (n != 0) {
            sarFlags(c, a >> n - 1 & 1, r);
        }
    }

    private static void rol32(Cpu c, Op o, int n) {
        int r = Integer.rotateLeft((int) c.gpr[o.rm], n);
        Registers.set32(c, o.rm, r);
        if (n != 0) {
            rotateFlags(c, r & 1, (r ^ r >>> 31) & 1);
        }
    }

    private static void ror32(Cpu c, Op o, int n) {
        int r = Integer.rotateRight((int) c.gpr[o.rm], n);
        Registers.set32(c, o.rm, r);
        if (n != 0) {
            rotateFlags(c, r >>> 31, (r ^ r << 1) >>> 31);
        }
    }

    private static void shl64(Cpu c, Op o, int n) {
        long a = c.gpr[o.rm];
        if (n != 0) {
            c.gpr[o.rm] = a << n;
            shlFlags(c, a >>> 64 - n & 1, a << n);
        }
    }

    private static void shr64(Cpu c, Op o, int n) {
        long a = c.gpr[o.rm];
        if (n != 0) {
            long r = a >>> n;
            c.gpr[o.rm] = r;
            shrFlags(c, a >>> n - 1 & 1, r, (r ^ r << 1) >>> 63);
        }
    }

    private static void sar64(Cpu c, Op o, int n) {
        long a = c.gpr[o.rm];
        if (n != 0) {
            c.gpr[o.rm] = a >> n;
            sarFlags(c, a >> n - 1 & 1, a >> n);
        }
    }

    private static void rol64(Cpu c, Op o, int n) {
        long r = Long.rotateLeft(c.gpr[o.rm], n);
        if (n != 0) {
            c.gpr[o.rm] = r;
            rotateFlags(c, r & 1, (r ^ r >>> 63) & 1);
        }
    }

    private static void ror64(Cpu c, Op o, int n) {
        long r = Long.rotateRight(c.gpr[o.rm], n);
        if (n != 0) {
            c.gpr[o.rm] = r;
            rotateFlags(c, r >>> 63, (r ^ r << 1) >>> 63);
        }
    }

    static void shl32One(Cpu c, Op o) {
        shl32(c, o, 1);
    }

    static void shl32Imm(Cpu c, Op o) {
        shl32(c, o, (int) o.imm & 31);
    }

    static void shl32Cl(Cpu c, Op o) {
        shl32(c, o, (int) c.gpr[Registers.RCX] & 31);
    }

    static void shr32One(Cpu c, Op o) {
        shr32(c, o, 1);
    }

    static void shr32Imm(Cpu c, Op o) {
        shr32(c, o, (int) o.imm & 31);
    }

    static void shr32Cl(Cpu c, Op o) {
        shr32(c, o, (int) c.gpr[Registers.RCX] & 31);
    }

    static void sar32One(Cpu c, Op o) {
        sar32(c, o, 1);
    }

    static void sar32Imm(Cpu c, Op o) {
        sar32(c, o, (int) o.imm & 31);
    }

    static void sar32Cl(Cpu c, Op o) {
        sar32(c, o, (int) c.gpr[Registers.RCX] & 31);
    }

    static void rol32One(Cpu c, Op o) {
        rol32(c, o, 1);
    }

    static void rol32Imm(Cpu c, Op o) {
        rol32(c, o, (int) o.imm & 31);
    }

    static void rol32Cl(Cpu c, Op o) {
        rol32(c, o, (int) c.gpr[Registers.RCX] & 31);
    }

    static void ror32One(Cpu c, Op o) {
        ror32(c, o, 1);
    }

    static void ror32Imm(Cpu c, Op o) {
        ror32(c, o, (int) o.imm & 31);
    }

    static void ror32Cl(Cpu c, Op o) {
        ror32(c, o, (int) c.gpr[Registers.RCX] & 31);
    }

    static void shl64One(Cpu c, Op o) {
        shl64(c, o, 1);
    }

    static void shl64Imm(Cpu c, Op o) {
        shl64(c, o, (int) o.imm & 63);
    }

    static void shl64Cl(Cpu c, Op o) {
        shl64(c, o, (int) c.gpr[Registers.RCX] & 63);
    }

    static void shr64One(Cpu c, Op o) {
        shr64(c, o, 1);
    }

    static void shr64Imm(Cpu c, Op o) {
        shr64(c, o, (int) o.imm & 63);
    }

    static void shr64Cl(Cpu c, Op o) {
        shr64(c, o, (int) c.gpr[Registers.RCX] & 63);
    }

    static void sar64One(Cpu c, Op o) {
        sar64(c, o, 1);
    }

    static void sar64Imm(Cpu c, Op o) {
        sar64(c, o, (int) o.imm & 63);
    }

    static void sar64Cl(Cpu c, Op o) {
        sar64(c, o, (int) c.gpr[Registers.RCX] & 63);
    }

    static void rol64One(Cpu c, Op o) {
        rol64(c, o, 1);
    }

    static void rol64Imm(Cpu c, Op o) {
        rol64(c, o, (int) o.imm & 63);
    }

    static void rol64Cl(Cpu c, Op o) {
        rol64(c, o, (int) c.gpr[Registers.RCX] & 63);
    }

    static void ror64One(Cpu c, Op o) {
        ror64(c, o, 1);
    }

    static void ror64Imm(Cpu c, Op o) {
        ror64(c, o, (int) o.imm & 63);
    }

    static void ror64Cl(Cpu c, Op o) {
        ror64(c, o, (int) c.gpr[Registers.RCX] & 63);
    }
}
