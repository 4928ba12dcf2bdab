package dev.javisor.processor.segment;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Memory;

/**
 * A stack on which a frame is built or taken apart. Nothing of the processor's state changes until {@link #commit}, so that a fault in the
 * middle leaves it as it was.
 */
public final class Stack {
    private final Cpu c;
    private final long base;
    private final long limit;
    private final int access;
    private final long mask;
    private final boolean wide;
    private final boolean inner;
    private final int errorCode;
    /** Stack pointer; bits outside the stack's size are those of the register. */
    public long pointer;

    private Stack(Cpu c, long base, long limit, int access, boolean wide, boolean inner, int errorCode, long pointer) {
        this.c = c;
        this.base = base;
        this.limit = limit;
        this.access = access;
        this.mask = wide ? -1L : (access & Cpu.DB) != 0 ? 0xFFFFFFFFL : 0xFFFFL;
        this.wide = wide;
        this.inner = inner;
        this.errorCode = errorCode;
        this.pointer = pointer;
    }

    /** The current stack. */
    public static Stack current(Cpu c, int errorCode) {
        return new Stack(c, c.segBase[Cpu.SS], c.segLimit[Cpu.SS], c.segAccess[Cpu.SS], c.codeSize64, false, errorCode, c.gpr[4]);
    }

    /** A stack that belongs to privilege level {@code cpl}, described by a stack-segment descriptor. */
    public static Stack of(Cpu c, long descriptor, long pointer, int cpl, int errorCode) {
        return new Stack(
                c, Descriptor.base(descriptor), Descriptor.limit(descriptor), Descriptor.access(descriptor), false, cpl < 3 && c.cpl == 3,
                errorCode, pointer);
    }

    /** A stack of 64-bit mode that belongs to privilege level {@code cpl}. */
    public static Stack of64(Cpu c, long pointer, int cpl, int errorCode) {
        return new Stack(c, 0, 0, 0, true, cpl < 3 && c.cpl == 3, errorCode, pointer);
    }

    public void push(int size, long value) {
        long offset = pointer - size & mask;
        long la = linear(offset, size);
        if (inner) {
            Memory.storeSystem(c, la, size, value);
        } else {
            Memory.store(c, la, size, Cpu.SS, value);
        }
        pointer = pointer & ~mask | offset;
    }

    /** Zero-extended. */
    public long pop(int size) {
        long offset = pointer & mask;
        long value = Memory.load(c, linear(offset, size), size, Cpu.SS);
        pointer = pointer & ~mask | offset + size & mask;
        return value;
    }

    /** Releases (or, with a negative count, reserves) bytes. */
    public void skip(long bytes) {
        pointer = pointer & ~mask | pointer + bytes & mask;
    }

    /** The pointer, put into RSP: a 32-bit stack pointer is zero-extended, a 16-bit one keeps bits 63:16 of the register. */
    public void commit() {
        c.gpr[4] = mask == 0xFFFF ? c.gpr[4] & ~0xFFFFL | pointer & 0xFFFF : pointer & mask;
    }

    private long linear(long offset, int size) {
        if (wide) {
            if ((errorCode != 0 || inner) && !c.canonical(offset)) {
                throw c.fault(Event.SS, errorCode);
            }
            return offset;
        }
        if (!allowed(offset, size)) {
            throw c.fault(Event.SS, errorCode);
        }
        return base + offset & 0xFFFFFFFFL;
    }

    private boolean allowed(long offset, int size) {
        long last = offset + size - 1;
        if ((access & Cpu.UNUSABLE) != 0) {
            return false;
        }
        return (access & 12) == 4 ? offset > limit && last <= mask : last <= limit;
    }
}
