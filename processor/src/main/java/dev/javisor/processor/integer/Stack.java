package dev.javisor.processor.integer;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Stack instructions: PUSH, POP, PUSHA, POPA, ENTER, LEAVE. The stack pointer is as wide as SS.B says, 64 bits in 64-bit mode. */
public final class Stack {
    private static final int RSP = Registers.RSP, RBP = Registers.RBP;

    private Stack() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "PUSH" -> push(i);
            case "POP" -> pop(i);
            case "PUSHA" -> Stack::pusha;
            case "POPA" -> Stack::popa;
            case "ENTER" -> Stack::enter;
            case "LEAVE" -> is64(i) ? Stack::leave64 : Stack::leave;
            default -> null;
        };
    }

    private static boolean is64(Instruction i) {
        return i.codeSize == CodeSize.BITS64 && i.operandSize == 64;
    }

    private static Handler push(Instruction i) {
        if (isSegment(i.opcode.operands.get(0))) {
            return null;
        }
        if (i.opcode.operands.get(0).indexOf('I') >= 0) {
            return is64(i) ? Stack::push64Imm : Stack::pushImm;
        }
        if (i.memory) {
            return is64(i) ? Stack::push64Mem : Stack::pushMem;
        }
        return is64(i) ? Stack::push64Rm : Stack::pushRm;
    }

    private static Handler pop(Instruction i) {
        if (isSegment(i.opcode.operands.get(0))) {
            return null;
        }
        if (i.memory) {
            return Stack::popMem;
        }
        return is64(i) ? Stack::pop64Rm : Stack::popRm;
    }

    private static boolean isSegment(String operand) {
        return operand.charAt(1) == 'S';
    }

    // ---- the stack in general ----

    /** The stack pointer moved by {@code bytes}, cut to its width; what lies above a 16-bit stack pointer is kept. */
    public static long moved(Cpu c, long bytes) {
        long sp = c.gpr[RSP];
        long mask = c.stackMask;
        return mask == 0xFFFF ? sp & ~mask | sp + bytes & mask : sp + bytes & mask;
    }

    /** Pushes 2, 4 or 8 bytes; commits when nothing can fault any more. */
    public static void push(Cpu c, int size, long value) {
        long sp = moved(c, -size);
        Memory.store(c, Memory.address(c, Cpu.SS, sp & c.stackMask, size, true), size, Cpu.SS, value);
        c.gpr[RSP] = sp;
    }

    /** Pushes 8 bytes in 64-bit mode. */
    public static void push64(Cpu c, long value) {
        long sp = c.gpr[RSP] - 8;
        Memory.store64(c, sp, Cpu.SS, value);
        c.gpr[RSP] = sp;
    }

    /** The 2, 4 or 8 bytes on top of the stack, zero-extended. */
    public static long peek(Cpu c, int size) {
        return Memory.load(c, Memory.address(c, Cpu.SS, c.gpr[RSP] & c.stackMask, size, false), size, Cpu.SS);
    }

    /** Drops bytes from the top of the stack. */
    public static void release(Cpu c, long bytes) {
        c.gpr[RSP] = moved(c, bytes);
    }

    // ---- PUSH and POP ----

    static void push64Rm(Cpu c, Op o) {
        push64(c, c.gpr[o.rm]);
    }

    static void push64Imm(Cpu c, Op o) {
        push64(c, o.imm);
    }

    static void push64Mem(Cpu c, Op o) {
        push64(c, Memory.load64(c, Memory.readAddress(c, o, 8), o.segment));
    }

    static void pushRm(Cpu c, Op o) {
        push(c, o.instruction.operandSize / 8, c.gpr[o.rm]);
    }

    static void pushImm(Cpu c, Op o) {
        push(c, o.instruction.operandSize / 8, o.imm);
    }

    static void pushMem(Cpu c, Op o) {
        int size = o.instruction.operandSize / 8;
        push(c, size, Memory.load(c, Memory.readAddress(c, o, size), size, o.segment));
    }

    static void pop64Rm(Cpu c, Op o) {
        long sp = c.gpr[RSP];
        long value = Memory.load64(c, sp, Cpu.SS);
        c.gpr[RSP] = sp + 8;
        c.gpr[o.rm] = value;
    }

    static void popRm(Cpu c, Op o) {
        int bits = o.instruction.operandSize;
        long value = peek(c, bits / 8);
        release(c, bits / 8);
        Registers.set(c, o.rm, bits, value);
    }

    /** An address based on RSP uses its value after the increment. */
    static void popMem(Cpu c, Op o) {
        int size = o.instruction.operandSize / 8;
        long value = peek(c, size);
        long sp = moved(c, size);
        long increment = o.base == RSP ? sp - c.gpr[RSP] : 0;
        long offset = Memory.effectiveAddress(c, o) + increment & o.addressMask;
        Memory.store(c, Memory.address(c, o.segment, offset, size, true), size, o.segment, value);
        c.gpr[RSP] = sp;
    }

    // ---- PUSHA and POPA ----

    static void pusha(Cpu c, Op o) {
        int size = o.instruction.operandSize / 8;
        for (int r = 0; r < 8; r++) {
            Memory.probeAligned(c, slot(c, r + 1, size, true), size, Cpu.SS, true);
        }
        for (int r = 0; r < 8; r++) {
            Memory.store(c, slot(c, r + 1, size, true), size, Cpu.SS, c.gpr[r]);
        }
        release(c, -8L * size);
    }

    /** Linear address of the element {@code n} places below the top of the stack. */
    private static long slot(Cpu c, int n, int size, boolean write) {
        return Memory.address(c, Cpu.SS, c.gpr[RSP] - (long) n * size & c.stackMask, size, write);
    }

    static void popa(Cpu c, Op o) {
        int size = o.instruction.operandSize / 8;
        for (int r = 7; r >= 0; r--) {
            Memory.probeAligned(c, slot(c, r - 7, size, false), size, Cpu.SS, false);
        }
        for (int r = 0; r < 8; r++) {
            if (r != RSP) {
                Registers.set(c, r, 8 * size, Memory.load(c, slot(c, r - 7, size, false), size, Cpu.SS));
            }
        }
        release(c, 8L * size);
    }

    // ---- ENTER and LEAVE ----

    /** Copies the enclosing frames' pointers before it commits: several stores, so it runs alone in its block. */
    static void enter(Cpu c, Op o) {
        int bits = o.instruction.operandSize;
        int size = bits / 8;
        int level = o.instruction.immediate2 & 31;
        if (level > 0) {
            c.requireBoundary();
        }
        long frame = moved(c, -size);
        Memory.store(c, slot(c, 1, size, true), size, Cpu.SS, c.gpr[RBP]);
        for (int n = 1; n < level; n++) {
            long pointer = Memory.address(c, Cpu.SS, c.gpr[RBP] - (long) n * size & c.stackMask, size, false);
            Memory.store(c, slot(c, n + 1, size, true), size, Cpu.SS, Memory.load(c, pointer, size, Cpu.SS));
        }
        if (level > 0) {
            Memory.store(c, slot(c, level + 1, size, true), size, Cpu.SS, frame);
        }
        long sp = moved(c, -(size * (level + 1L) + (o.imm & 0xFFFF)));
        Memory.probeAligned(c, Memory.address(c, Cpu.SS, sp & c.stackMask, size, true), size, Cpu.SS, true);
        Registers.set(c, RBP, bits, frame);
        c.gpr[RSP] = sp;
    }

    static void leave64(Cpu c, Op o) {
        long frame = c.gpr[RBP];
        long value = Memory.load64(c, frame, Cpu.SS);
        c.gpr[RSP] = frame + 8;
        c.gpr[RBP] = value;
    }

    static void leave(Cpu c, Op o) {
        int bits = o.instruction.operandSize;
        long mask = c.stackMask;
        long frame = c.gpr[RBP] & mask;
        long value = Memory.load(c, Memory.address(c, Cpu.SS, frame, bits / 8, false), bits / 8, Cpu.SS);
        c.gpr[RSP] = (mask == 0xFFFF ? c.gpr[RSP] & ~mask : 0) | frame + bits / 8 & mask;
        Registers.set(c, RBP, bits, value);
    }
}
