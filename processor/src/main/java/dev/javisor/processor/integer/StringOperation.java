package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestExit;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Redo;

/**
 * String instructions MOVS, STOS, LODS, CMPS, SCAS.
 *
 * <p>A repeated one is interruptible: a dispatch handles at most {@link #BATCH} elements, one when each must be followed by a boundary
 * (single step, data breakpoints), and leaves {@link Cpu#rip} on the instruction itself when elements remain. So it acts like a
 * branch and ends its block. Registers are up to date after each element, so that a fault leaves the state between two of them; the
 * flags of CMPS and SCAS change only when a dispatch ends without fault.
 */
public final class StringOperation {
    /** Elements in one dispatch. Part of guest time: the same for every engine. */
    public static final int BATCH = 4096;

    private static final int RAX = Registers.RAX, RCX = Registers.RCX, RSI = Registers.RSI, RDI = Registers.RDI;

    private StringOperation() {}

    public static Handler bind(Instruction i) {
        int size = i.operandSize / 8;
        return switch (i.opcode.mnemonic) {
            case "MOVSB" -> movs(i, 1);
            case "MOVSW" -> movs(i, size);
            case "STOSB" -> stos(i, 1);
            case "STOSW" -> stos(i, size);
            case "LODSB" -> lods(i, 1);
            case "LODSW" -> lods(i, size);
            case "CMPSB" -> cmps(i, 1);
            case "CMPSW" -> cmps(i, size);
            case "SCASB" -> scas(i, 1);
            case "SCASW" -> scas(i, size);
            default -> null;
        };
    }

    /** Handles many elements in one dispatch. */
    public static boolean isRepeated(Instruction i) {
        return repeated(i) && bind(i) != null;
    }

    private static boolean repeated(Instruction i) {
        return i.has(Instruction.REP) || i.has(Instruction.REPNE);
    }

    /** Ticks that a batch of elements takes beside its own. */
    public static int latency(Instruction i, int elements) {
        return latency(elements, i.opcode.mnemonic.endsWith("B") ? 1 : i.operandSize / 8);
    }

    private static int latency(int elements, int size) {
        return elements * size / Latency.STRING_BYTES;
    }

    /**
     * Elements that were handled before the instruction had to begin again, or the guest's turn ended, count as part of its batch. Who asks
     * for single elements knows himself how many there are.
     */
    private static Handler repeated(int size, Handler dispatch) {
        return (c, o) -> {
            long count = count(c, o);
            int elements = 0;
            try {
                dispatch.execute(c, o);
                if (c.stringElements < BATCH) {
                    int ticks = latency(c.stringElements + (int) (count - count(c, o)), size);
                    if (ticks != 0) {
                        c.takeTimeOfSlice(ticks);
                    }
                }
            } catch (Redo | GuestExit interruption) {
                elements = c.stringElements + (int) (count - count(c, o));
                throw interruption;
            } finally {
                c.stringElements = elements;
            }
        };
    }

    private static Handler movs(Instruction i, int size) {
        return repeated(i) ? repeated(size, (c, o) -> repMovs(c, o, size)) : (c, o) -> movs(c, o, size);
    }

    private static Handler stos(Instruction i, int size) {
        return repeated(i) ? repeated(size, (c, o) -> repStos(c, o, size)) : (c, o) -> stos(c, o, size);
    }

    private static Handler lods(Instruction i, int size) {
        return repeated(i) ? repeated(size, (c, o) -> repLods(c, o, size)) : (c, o) -> lods(c, o, size);
    }

    private static Handler cmps(Instruction i, int size) {
        return repeated(i) ? repeated(size, (c, o) -> repCmps(c, o, size)) : (c, o) -> cmps(c, o, size);
    }

    private static Handler scas(Instruction i, int size) {
        return repeated(i) ? repeated(size, (c, o) -> repScas(c, o, size)) : (c, o) -> scas(c, o, size);
    }

    // ---- registers ----

    private static long sourceAddress(Cpu c, Op o, int size) {
        return Memory.address(c, o.segment, c.gpr[RSI] & o.addressMask, size, false);
    }

    private static long destinationAddress(Cpu c, Op o, int size, boolean write) {
        return Memory.address(c, Cpu.ES, c.gpr[RDI] & o.addressMask, size, write);
    }

    private static int step(Cpu c, int size) {
        return (c.rflags & Flags.DF) == 0 ? size : -size;
    }

    private static void advance(Cpu c, Op o, int register, long bytes) {
        Registers.set(c, register, o.instruction.addressSize, c.gpr[register] + bytes);
    }

    private static long count(Cpu c, Op o) {
        return c.gpr[RCX] & o.addressMask;
    }

    private static void setCount(Cpu c, Op o, long count) {
        Registers.set(c, RCX, o.instruction.addressSize, count);
    }

    /** How many of {@code count} elements this dispatch may handle. */
    private static int batch(Cpu c, long count) {
        int most = Math.max(1, most(c) - c.stringElements);
        return Long.compareUnsigned(count, most) < 0 ? (int) count : most;
    }

    /** Elements that one dispatch handles when nothing has been handled before. */
    public static int most(Cpu c) {
        return (c.rflags & Flags.TF) != 0 || c.watchesData ? 1 : BATCH;
    }

    /** Elements are left: comes back to the instruction. An interrupt that comes in between saves RFLAGS with RF set. */
    public static void again(Cpu c, Op o) {
        c.rip = c.ripOf(o);
        c.rflags |= Flags.RF;
        c.endSlice();
    }

    // ---- MOVS ----

    private static void movs(Cpu c, Op o, int size) {
        long value = Memory.load(c, sourceAddress(c, o, size), size, o.segment);
        Memory.store(c, destinationAddress(c, o, size, true), size, Cpu.ES, value);
        int step = step(c, size);
        advance(c, o, RSI, step);
        advance(c, o, RDI, step);
    }

    private static void repMovs(Cpu c, Op o, int size) {
        long count = count(c, o);
        int n = batch(c, count);
        boolean forward = step(c, size) > 0;
        while (n > 0) {
            int moved = forward ? BlockMove.copy(c, o, size, n) : 0;
            if (moved > 0) {
                advance(c, o, RSI, (long) moved * size);
                advance(c, o, RDI, (long) moved * size);
            } else {
                movs(c, o, size);
                moved = 1;
            }
            n -= moved;
            count -= moved;
            setCount(c, o, count);
        }
        if (count != 0) {
            again(c, o);
        }
    }

    // ---- STOS ----

    private static void stos(Cpu c, Op o, int size) {
        Memory.store(c, destinationAddress(c, o, size, true), size, Cpu.ES, c.gpr[RAX]);
        advance(c, o, RDI, step(c, size));
    }

    private static void repStos(Cpu c, Op o, int size) {
        long count = count(c, o);
        int n = batch(c, count);
        boolean forward = step(c, size) > 0;
        while (n > 0) {
            int stored = forward ? BlockMove.fill(c, o, size, n) : 0;
            if (stored > 0) {
                advance(c, o, RDI, (long) stored * size);
            } else {
                stos(c, o, size);
                stored = 1;
            }
            n -= stored;
            count -= stored;
            setCount(c, o, count);
        }
        if (count != 0) {
            again(c, o);
        }
    }

    // ---- LODS ----

    private static void lods(Cpu c, Op o, int size) {
        long value = Memory.load(c, sourceAddress(c, o, size), size, o.segment);
        if (size == 1) {
            c.gpr[RAX] = c.gpr[RAX] & ~0xFFL | value;
        } else {
            Registers.set(c, RAX, 8 * size, value);
        }
        advance(c, o, RSI, step(c, size));
    }

    private static void repLods(Cpu c, Op o, int size) {
        long count = count(c, o);
        for (int n = batch(c, count); n > 0; n--) {
            lods(c, o, size);
            setCount(c, o, --count);
        }
        if (count != 0) {
            again(c, o);
        }
    }

    // ---- CMPS and SCAS ----

    /** Element at DS:rSI, sign-extended. */
    private static long source(Cpu c, Op o, int size) {
        return Shift.signExtend(Memory.load(c, sourceAddress(c, o, size), size, o.segment), 8 * size);
    }

    /** Element at ES:rDI, sign-extended. */
    private static long destination(Cpu c, Op o, int size) {
        return Shift.signExtend(Memory.load(c, destinationAddress(c, o, size, false), size, Cpu.ES), 8 * size);
    }

    private static void compare(Cpu c, long a, long b, int size) {
        Flags.sub(c, a, b, Shift.signExtend(a - b, 8 * size));
    }

    private static void cmps(Cpu c, Op o, int size) {
        long a = source(c, o, size);
        long b = destination(c, o, size);
        int step = step(c, size);
        advance(c, o, RSI, step);
        advance(c, o, RDI, step);
        compare(c, a, b, size);
    }

    private static void repCmps(Cpu c, Op o, int size) {
        long count = count(c, o);
        int n = batch(c, count);
        if (n == 0) {
            return;
        }
        boolean whileEqual = o.instruction.has(Instruction.REP);
        int step = step(c, size);
        long a;
        long b;
        do {
            a = source(c, o, size);
            b = destination(c, o, size);
            advance(c, o, RSI, step);
            advance(c, o, RDI, step);
            setCount(c, o, --count);
        } while (--n > 0 && (a == b) == whileEqual);
        compare(c, a, b, size);
        if (count != 0 && (a == b) == whileEqual) {
            again(c, o);
        }
    }

    private static void scas(Cpu c, Op o, int size) {
        long b = destination(c, o, size);
        advance(c, o, RDI, step(c, size));
        compare(c, Shift.signExtend(c.gpr[RAX], 8 * size), b, size);
    }

    private static void repScas(Cpu c, Op o, int size) {
        long count = count(c, o);
        int n = batch(c, count);
        if (n == 0) {
            return;
        }
        boolean whileEqual = o.instruction.has(Instruction.REP);
        int step = step(c, size);
        long a = Shift.signExtend(c.gpr[RAX], 8 * size);
        long b;
        do {
            b = destination(c, o, size);
            advance(c, o, RDI, step);
            setCount(c, o, --count);
        } while (--n > 0 && (a == b) == whileEqual);
        compare(c, a, b, size);
        if (count != 0 && (a == b) == whileEqual) {
            again(c, o);
        }
    }
}
