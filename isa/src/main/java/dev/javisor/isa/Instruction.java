package dev.javisor.isa;

/**
 * One decoded instruction: which line of the instruction table it is, and its operands. Immutable; the same object serves
 * interpreter, compiler and disassembler.
 */
public final class Instruction {
    /** {@link #base}/{@link #index}: no register (reads as zero). */
    public static final int NO_REGISTER = 16;
    /** {@link #base}: the instruction pointer; {@link #displacement} is then relative to the end of the instruction. */
    public static final int RIP = 17;

    /** {@link #prefixes} bits. */
    public static final int LOCK = 1, REPNE = 2, REP = 4, OPERAND_SIZE = 8, ADDRESS_SIZE = 16, SEGMENT = 32, REX = 64, VEX = 128;

    /** {@link #prefixes} bit of an encoding that no line of the instruction table has yet. */
    public static final int EVEX = 256;

    /** {@link #prefixes} bit: the last segment override is DS (3EH), which is NOTRACK before an indirect near branch. */
    public static final int NOTRACK = 512;

    /** Line of the instruction table. */
    public final Opcode opcode;
    /** Bytes, 1 to 15. */
    public final byte length;
    /** LOCK, REPNE, ... as found in the bytes (for mandatory prefixes too); of REPNE and REP only the last one. */
    public final short prefixes;
    /** Effective operand size in bits (16, 32, 64) of the "v"-type operands, after 66H, REX.W and default-64 rules. */
    public final byte operandSize;
    /** Effective address size in bits (16, 32, 64). */
    public final byte addressSize;
    /** REX.W, VEX.W or EVEX.W. */
    public final boolean w;
    /** VEX.L / EVEX.L'L: 0 = 128 bits, 1 = 256, 2 = 512. */
    public final byte vectorLength;
    /** ModRM.reg extended by REX.R/VEX.R (0-15, 0-31 with EVEX); register encoded in the opcode byte is in {@link #rm}. */
    public final byte reg;
    /**
     * ModRM.rm extended by REX.B where it names a register, or the register of the opcode byte (extended), else 0; meaningless for
     * memory.
     */
    public final byte rm;
    /** The ModRM operand is memory (mod is not 3), or a moffs operand. */
    public final boolean memory;
    /** VEX.vvvv, not inverted any more; 0 without VEX. An instruction without an operand there has 0. */
    public final byte vvvv;
    /** Base register of the memory operand (0-15), {@link #NO_REGISTER} or {@link #RIP}. */
    public final byte base;
    /** Index register of the memory operand (0-15) or {@link #NO_REGISTER}. */
    public final byte index;
    /** Shift count for the index, 0 to 3. */
    public final byte scale;
    /** Displacement, sign-extended; a moffs address is here too (zero-extended). */
    public final long displacement;
    /**
     * Segment register of the memory operand: ES 0, CS 1, SS 2, DS 3, FS 4, GS 5; overrides and defaults applied (64-bit mode included,
     * where only FS and GS override). Without a memory operand (strings, XLATB, MONITOR, ...) DS or the override.
     */
    public final byte segment;
    /**
     * First immediate, sign-extended from its encoded size (a relative branch's displacement too); 0 if none. Zero-extended are the word
     * of RET and ENTER and the offset of a far pointer.
     */
    public final long immediate;
    /** Second immediate (ENTER's level, a far pointer's selector, is4), zero-extended; 0 if none. */
    public final int immediate2;
    /** Code size it was decoded for. */
    public final CodeSize codeSize;

    public Instruction(
            Opcode opcode, int length, int prefixes, int operandSize, int addressSize, boolean w, int vectorLength, int reg, int rm,
            boolean memory, int vvvv, int base, int index, int scale, long displacement, int segment, long immediate, int immediate2,
            CodeSize codeSize) {
        this.opcode = opcode;
        this.length = (byte) length;
        this.prefixes = (short) prefixes;
        this.operandSize = (byte) operandSize;
        this.addressSize = (byte) addressSize;
        this.w = w;
        this.vectorLength = (byte) vectorLength;
        this.reg = (byte) reg;
        this.rm = (byte) rm;
        this.memory = memory;
        this.vvvv = (byte) vvvv;
        this.base = (byte) base;
        this.index = (byte) index;
        this.scale = (byte) scale;
        this.displacement = displacement;
        this.segment = (byte) segment;
        this.immediate = immediate;
        this.immediate2 = immediate2;
        this.codeSize = codeSize;
    }

    public boolean has(int prefix) {
        return (prefixes & prefix) != 0;
    }

    /** The same but for the displacement and the (first) immediate value. */
    public boolean hasFormOf(Instruction i) {
        return opcode == i.opcode && length == i.length && prefixes == i.prefixes && operandSize == i.operandSize
                && addressSize == i.addressSize && w == i.w && vectorLength == i.vectorLength && reg == i.reg && rm == i.rm
                && memory == i.memory && vvvv == i.vvvv && base == i.base && index == i.index && scale == i.scale
                && segment == i.segment && immediate2 == i.immediate2 && codeSize == i.codeSize;
    }

    /** A byte register operand number 4-7 means AH, CH, DH, BH (no REX prefix), else SPL, BPL, SIL, DIL. */
    public boolean highByte(int register) {
        return register >= 4 && register < 8 && (prefixes & (REX | VEX | EVEX)) == 0;
    }
}
