package dev.javisor.isa;

import java.util.List;

/**
 * One line of the instruction table (resource {@code instructions.txt}): an encoding with its mnemonic, operands, required
 * feature and attributes, in the notation of the manual's opcode maps.
 */
public final class Opcode {
    /** Position in the table. */
    public final int id;
    /** Mnemonic in upper case, e.g. {@code ADD}, {@code CMPXCHG16B}, {@code REP MOVS} has mnemonic {@code MOVSB}/{@code MOVSW} with the prefix in the instruction. */
    public final String mnemonic;
    /** Operand specifiers of the manual's opcode map: {@code Eb}, {@code Gv}, {@code Iz}, {@code Vdq}, {@code AL}, ... */
    public final List<String> operands;
    /** Encoding in the manual's notation, e.g. {@code 66 0F 38 17 /r}. */
    public final String encoding;
    /** CPUID feature without which this encoding is #UD, or null. */
    public final Feature feature;
    /** Attribute bits, see {@link #LOCKABLE} and following. */
    public final int attributes;

    /** LOCK is legal with a memory destination. */
    public static final int LOCKABLE = 1;
    /** 64-bit default operand size in 64-bit mode (no 32-bit form). */
    public static final int DEFAULT64 = 2;
    /** #UD in 64-bit mode. */
    public static final int INVALID64 = 4;
    /** #UD outside 64-bit mode. */
    public static final int ONLY64 = 8;
    /** Changes the instruction pointer other than by falling through (near and far branches, INT, IRET, SYSCALL, ...). */
    public static final int BRANCH = 16;
    /** A block of translated code must end after it: it may change mode, paging, interrupt state or code (MOV CR, STI, POPF, WRMSR, IN, ...). */
    public static final int SERIALIZING = 32;
    /** #UD in real-address and virtual-8086 mode. */
    public static final int PROTECTED_ONLY = 64;
    /** #UD or #GP(0) is decided by the handler; listed because CPL 0 is required. */
    public static final int PRIVILEGED = 128;
    /** REP/REPE/REPNE repeat this string instruction. */
    public static final int STRING = 256;
    /** Operand size is forced to 64 bits in 64-bit mode whatever the prefixes say (near branches on Intel, MOV CR, ...). */
    public static final int FORCE64 = 512;
    /** Writes memory operand 1 without reading it is not implied; true when the first operand is only written. */
    public static final int WRITE_ONLY = 1024;

    public Opcode(int id, String mnemonic, List<String> operands, String encoding, Feature feature, int attributes) {
        this.id = id;
        this.mnemonic = mnemonic;
        this.operands = List.copyOf(operands);
        this.encoding = encoding;
        this.feature = feature;
        this.attributes = attributes;
    }

    public boolean is(int attribute) {
        return (attributes & attribute) != 0;
    }

    @Override
    public String toString() {
        return mnemonic + (operands.isEmpty() ? "" : " " + String.join(",", operands));
    }
}
