package dev.javisor.isa;

import java.util.List;

/**
 * One line of the instruction table (resource {@code instructions.txt}): an encoding with its mnemonic, operands, required
 * feature and attributes, in the notation of the manual's opcode maps.
 */
public final class Opcode {
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
    /** A block of translated code must end after it: it may change mode, paging, interrupt state or code (MOV CR, STI, WRMSR, IN, ...). */
    public static final int SERIALIZING = 32;
    /** #UD in real-address and virtual-8086 mode; every VEX-encoded instruction is so. */
    public static final int PROTECTED_ONLY = 64;
    /** #UD or #GP(0) is decided by the handler; listed because CPL 0 is required. */
    public static final int PRIVILEGED = 128;
    /** REP/REPE/REPNE repeat this string instruction. */
    public static final int STRING = 256;
    /** Operand size is forced to 64 bits in 64-bit mode whatever the prefixes say (near branches on Intel, MOV CR, ...). */
    public static final int FORCE64 = 512;
    /** The first operand is only written. */
    public static final int WRITE_ONLY = 1024;

    /** Position in the table. */
    public final int id;
    /**
     * Mnemonic in upper case, e.g. {@code ADD}, {@code CMPXCHG16B}. Where it depends on the operand size this is the name for 16 bits:
     * {@code MOVSW} stands for MOVSD and MOVSQ too, {@code CBW} for CWDE and CDQE. Far branches are {@code CALLF}, {@code JMPF} and
     * {@code RETF}.
     */
    public final String mnemonic;
    /** Mnemonics for operand sizes of 16, 32 and 64 bits where they differ, else just {@link #mnemonic}. */
    public final List<String> names;
    /** Operand specifiers of the manual's opcode map: {@code Eb}, {@code Gv}, {@code Iz}, {@code Vdq}, {@code AL}, ... */
    public final List<String> operands;
    /** Encoding in the manual's notation, e.g. {@code 66 0F 38 17 /r}. */
    public final String encoding;
    /** Opcode byte within its map (the first one of a {@code +r} form); its low four bits are the condition of Jcc, SETcc and CMOVcc. */
    public final int code;
    /** CPUID feature without which this encoding is #UD, or null. */
    public final Feature feature;
    /** Attribute bits, see {@link #LOCKABLE} and following. */
    public final int attributes;

    final Encoding form;
    final List<Operand> specifiers;

    /** A pseudo instruction that is not in the table and that no bytes decode to. */
    public Opcode(int id, String mnemonic, List<String> operands, String encoding, Feature feature, int attributes) {
        this(
                id, List.of(mnemonic), new OperandList(operands.stream().map(Operand::parse).toList()), Encoding.none(encoding), feature,
                attributes);
    }

    Opcode(int id, List<String> names, OperandList operands, Encoding form, Feature feature, int attributes) {
        this.id = id;
        this.mnemonic = names.getFirst();
        this.names = names;
        this.specifiers = operands.specifiers;
        this.operands = operands.texts;
        this.form = form;
        this.encoding = form.text;
        this.code = form.code;
        this.feature = feature;
        this.attributes = attributes;
    }

    public boolean is(int attribute) {
        return (attributes & attribute) != 0;
    }

    /** VEX-encoded. */
    public boolean isVex() {
        return form.vex;
    }

    /** The mnemonic for an operand size of 16, 32 or 64 bits (of JCXZ: address size). */
    public String name(int size) {
        int index = size == 16 ? 0 : size == 32 ? 1 : 2;
        return names.get(Math.min(index, names.size() - 1));
    }

    @Override
    public String toString() {
        return mnemonic + (operands.isEmpty() ? "" : " " + String.join(",", operands));
    }
}
