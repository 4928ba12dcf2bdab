package dev.javisor.processor.core;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Instruction;

/**
 * A decoded instruction bound to its semantics and to its place in a block: what the interpreter runs. Immutable, and small: flat code
 * runs as fast as its operations come out of the host's caches.
 */
public final class Op {
    /** {@link Cpu#gpr} numbers with a meaning of their own: always zero, and the RIP of the running block's first byte. */
    public static final int ZERO = 16, BLOCK_RIP = 17;

    public final Executor executor;
    /** Register numbers as decoded; see {@link Instruction}. */
    public final byte reg, rm;
    /** Memory operand: gpr[base] + (gpr[index] << scale) + disp, cut by addressMask, plus the segment base, cut by linearMask. */
    public final byte base, index, scale;

    public final long disp;
    public final long addressMask;
    public final long linearMask;
    /** Segment register of the memory operand. */
    public final byte segment;
    /** The memory operand needs a limit and type check (never in 64-bit mode nor with flat segments). */
    public final boolean checked;

    /** The ModRM operand is memory. */
    public final boolean memory;

    public final long imm;
    /** Offset of the first byte, and of the byte behind the instruction, from the start of the block. */
    public final short start, end;

    public final Instruction instruction;

    /** @param flat DS, ES, SS and CS are flat, so that only FS and GS need checks (ignored in 64-bit mode) */
    public Op(Handler handler, Instruction i, int start, boolean flat) {
        this.executor = Executors.of(handler);
        this.instruction = i;
        this.reg = i.reg;
        this.rm = i.rm;
        this.base = i.base;
        this.index = i.index;
        this.scale = i.scale;
        this.start = (short) start;
        this.end = (short) (start + i.length);
        this.disp = i.base == Instruction.RIP ? i.displacement + end : i.displacement;
        this.addressMask = i.addressSize == 64 ? -1L : i.addressSize == 32 ? 0xFFFFFFFFL : 0xFFFFL;
        boolean wide = i.codeSize == CodeSize.BITS64;
        this.linearMask = wide ? -1L : 0xFFFFFFFFL;
        this.segment = i.segment;
        this.checked = !wide && !(flat && i.segment < Cpu.FS);
        this.memory = i.memory;
        this.imm = i.immediate;
    }

    /** The same operation at another place, or with other constants. */
    private Op(Op o, Instruction i, int start) {
        executor = o.executor;
        instruction = i;
        reg = o.reg;
        rm = o.rm;
        base = o.base;
        index = o.index;
        scale = o.scale;
        this.start = (short) start;
        end = (short) (start + i.length);
        disp = base == Instruction.RIP ? instruction.displacement + end : instruction.displacement;
        addressMask = o.addressMask;
        linearMask = o.linearMask;
        segment = o.segment;
        checked = o.checked;
        memory = o.memory;
        imm = i.immediate;
    }

    /** This operation placed {@code start} bytes behind the address that gpr[17] holds. */
    public Op at(int start) {
        return new Op(this, instruction, start);
    }

    /** The operation for an instruction that differs from this one's in its immediate value and displacement only. */
    public Op with(Instruction i) {
        return new Op(this, i, start);
    }

    public int length() {
        return end - start;
    }
}
