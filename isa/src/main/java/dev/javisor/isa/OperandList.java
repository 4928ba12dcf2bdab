package dev.javisor.isa;

import java.util.List;

/** The operand specifiers of a line of the instruction table, and what follows from them for its encoding. Immutable; lines share it. */
final class OperandList {
    static final OperandList EMPTY = new OperandList(List.of());

    final List<Operand> specifiers;
    /** The specifiers as written. */
    final List<String> texts;
    /** What follows ModRM and displacement. */
    final Encoding.Immediate immediate;
    /** No 16-bit operand size: all operands that depend on it are of type y. */
    final boolean noWord;
    /** MOV to or from a control or debug register, which ignores ModRM.mod. */
    final boolean modIgnored;
    /** The index is a vector register, so that 4 is one, too. */
    final boolean vectorIndex;
    /** The memory operand must have a SIB byte. */
    final boolean sib;

    final boolean tiles;
    /** VEX.vvvv is an operand. */
    final boolean vvvv;
    /** ModRM.reg, ModRM.rm name a register of which there are only eight. */
    final boolean shortReg, shortRm;
    /** The r/m operand is always memory, always a register. */
    final boolean onlyMemory, onlyRegister;

    OperandList(List<Operand> specifiers) {
        this.specifiers = List.copyOf(specifiers);
        String[] written = new String[specifiers.size()];
        Encoding.Immediate following = Encoding.Immediate.NONE;
        boolean word = false;
        boolean doubleword = false;
        boolean control = false;
        boolean index = false;
        boolean sibByte = false;
        boolean tile = false;
        boolean second = false;
        boolean regOfEight = false;
        boolean rmOfEight = false;
        boolean memoryOnly = false;
        boolean registerOnly = false;
        for (int i = 0; i < written.length; i++) {
            Operand o = specifiers.get(i);
            written[i] = o.text;
            following = immediate(following, o);
            word |= o.type == Operand.Type.V || o.type == Operand.Type.Z;
            doubleword |= o.type == Operand.Type.Y;
            control |= o.file == Register.File.CONTROL || o.file == Register.File.DEBUG;
            index |= o.vectorIndex != 0;
            sibByte |= o.sib || o.vectorIndex != 0;
            tile |= o.file == Register.File.TILE;
            second |= o.place == Operand.Place.VVVV;
            boolean ofEight = o.file == Register.File.MMX || o.file == Register.File.SEGMENT || o.file == Register.File.X87;
            regOfEight |= ofEight && o.place == Operand.Place.REG;
            rmOfEight |= ofEight && o.place == Operand.Place.RM;
            memoryOnly |= o.place == Operand.Place.RM && !o.register;
            registerOnly |= o.place == Operand.Place.RM && !o.memory();
        }
        texts = List.of(written);
        immediate = following;
        noWord = doubleword && !word;
        modIgnored = control;
        vectorIndex = index;
        sib = sibByte;
        tiles = tile;
        vvvv = second;
        shortReg = regOfEight;
        shortRm = rmOfEight;
        onlyMemory = memoryOnly;
        onlyRegister = registerOnly && !control;
    }

    private static Encoding.Immediate immediate(Encoding.Immediate before, Operand o) {
        Encoding.Immediate next = switch (o.place) {
            case IMMEDIATE, RELATIVE -> switch (o.type) {
                case B -> Encoding.Immediate.BYTE;
                case W -> Encoding.Immediate.WORD;
                case V -> Encoding.Immediate.FULL;
                default -> Encoding.Immediate.OPERAND;
            };
            case FAR_POINTER -> Encoding.Immediate.FAR_POINTER;
            case OFFSET -> Encoding.Immediate.OFFSET;
            case IMMEDIATE_REGISTER -> Encoding.Immediate.REGISTER;
            default -> Encoding.Immediate.NONE;
        };
        if (before == Encoding.Immediate.NONE || next == Encoding.Immediate.NONE) {
            return before == Encoding.Immediate.NONE ? next : before;
        }
        return before == Encoding.Immediate.WORD ? Encoding.Immediate.WORD_BYTE : Encoding.Immediate.BYTE_BYTE;
    }
}
