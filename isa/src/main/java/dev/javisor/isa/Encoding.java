package dev.javisor.isa;

import java.util.List;

/**
 * The encoding of a line of the instruction table: which bytes it is, for the assembler, and a mask and a value that the bits of
 * an instruction ({@link Key}) must agree with, for the decoder. Immutable.
 */
final class Encoding {
    /** Opcode maps. */
    static final int ONE_BYTE = 0, MAP_0F = 1, MAP_0F38 = 2, MAP_0F3A = 3;

    /** What follows ModRM and displacement. */
    enum Immediate {
        NONE,
        BYTE,
        WORD,
        /** 16 or 32 bits by operand size. */
        OPERAND,
        /** 16, 32 or 64 bits by operand size. */
        FULL,
        FAR_POINTER,
        /** An offset of the address size. */
        OFFSET,
        WORD_BYTE,
        BYTE_BYTE,
        REGISTER
    }

    /** The bits of an instruction that tell the encodings of an opcode apart. */
    static final class Key {
        static final int RM = 0, REG = 3;
        static final int REGISTER_FORM = 1 << 6, W = 1 << 7, MODE64 = 1 << 8;
        /** The prefix that selects: the last of F2 and F3, else 66. */
        static final int F3 = 1 << 9, F2 = 1 << 10, P66 = 1 << 11;

        static final int REX_B = 1 << 12, VVVV = 1 << 13;
        static final int L = 14;

        private Key() {}
    }

    final String text;
    final boolean vex;
    final int map;
    final int code;
    /** The low three bits of the opcode name a register. */
    final boolean registerInOpcode;
    /** Has a ModRM byte. */
    final boolean modRm;
    /** Opcode extension in ModRM.reg, or -1. */
    final int digit;
    /** The one ModRM byte, or -1; its low three bits are free with {@link #anyRm}. */
    final int modRmByte;

    final boolean anyRm;
    /** 0, 66H, F2H or F3H. */
    final int mandatoryPrefix;
    /** 66H, F2H and F3H select another encoding. */
    final boolean noPrefix;
    /** REX.W or VEX.W must be set. */
    final boolean w;

    final boolean rexB;
    /** VEX.L. */
    final int vectorLength;
    /** VEX.L is free. */
    final boolean anyLength;

    final Immediate immediate;
    /** No 16-bit operand size: all its operands that depend on it are of type y. */
    final boolean noWord;

    final boolean modIgnored;
    /** The memory operand must have a SIB byte. */
    final boolean sib;

    /** The index is a vector register, so that 4 is one, too. */
    final boolean vectorIndex;

    final boolean tiles;
    /** Registers of this file have three-bit numbers. */
    final int regMask, rmMask;

    final int mask;
    final int value;

    private Encoding(Parser p, List<Operand> operands, int attributes) {
        text = p.text;
        vex = p.vex;
        map = p.map;
        code = p.code;
        registerInOpcode = p.registerInOpcode;
        modRm = p.modRm;
        digit = p.digit;
        modRmByte = p.modRmByte;
        anyRm = p.anyRm;
        mandatoryPrefix = p.mandatoryPrefix;
        noPrefix = p.noPrefix;
        w = p.w;
        rexB = p.rexB;
        vectorLength = p.vectorLength;
        anyLength = p.anyLength;
        immediate = immediate(operands);
        boolean word = false;
        boolean noWordType = false;
        boolean control = false;
        boolean index = false;
        boolean sibByte = false;
        boolean tile = false;
        boolean vvvv = false;
        int regBits = 15;
        int rmBits = !modRm && !registerInOpcode && !rexB ? 0 : anyRm || modRmByte >= 0 ? 7 : 15;
        int bits = p.mask;
        int wanted = p.value;
        for (Operand o : operands) {
            word |= o.type == Operand.Type.V || o.type == Operand.Type.Z;
            noWordType |= o.type == Operand.Type.Y;
            control |= o.file == Register.File.CONTROL || o.file == Register.File.DEBUG;
            index |= o.vectorIndex != 0;
            sibByte |= o.sib || o.vectorIndex != 0;
            tile |= o.file == Register.File.TILE;
            vvvv |= o.place == Operand.Place.VVVV;
            if (o.file == Register.File.MMX || o.file == Register.File.SEGMENT || o.file == Register.File.X87) {
                regBits = o.place == Operand.Place.REG ? 7 : regBits;
                rmBits = o.place == Operand.Place.RM ? 7 : rmBits;
            }
            if (o.place == Operand.Place.RM && modRmByte < 0 && o.register != o.memory()) {
                bits |= Key.REGISTER_FORM;
                wanted |= o.register ? Key.REGISTER_FORM : 0;
            }
        }
        if (sibByte) {
            bits |= 7 << Key.RM;
            wanted |= 4 << Key.RM;
        }
        sib = sibByte;
        noWord = noWordType && !word;
        modIgnored = control;
        vectorIndex = index;
        tiles = tile;
        regMask = regBits;
        rmMask = rmBits;
        if (vex && !vvvv) {
            bits |= Key.VVVV;
        }
        if ((attributes & (Opcode.INVALID64 | Opcode.ONLY64)) != 0) {
            bits |= Key.MODE64;
            wanted |= (attributes & Opcode.ONLY64) != 0 ? Key.MODE64 : 0;
        }
        mask = control ? bits & ~Key.REGISTER_FORM : bits;
        value = wanted & mask;
    }

    /** @throws IllegalArgumentException if it is not in the table's notation */
    static Encoding parse(String text, List<Operand> operands, int attributes) {
        Parser p = new Parser(text);
        p.parse();
        return new Encoding(p, operands, attributes);
    }

    /** No encoding, just a text. */
    static Encoding none(String text) {
        return new Encoding(new Parser(text), List.of(), 0);
    }

    /** Whether ModRM.reg is an opcode extension or names an operand: 0-7, or -1 for any. */
    int fixedReg() {
        return digit >= 0 ? digit : modRmByte >= 0 ? modRmByte >> 3 & 7 : -1;
    }

    private static Immediate immediate(List<Operand> operands) {
        Immediate found = Immediate.NONE;
        for (Operand o : operands) {
            Immediate next = switch (o.place) {
                case IMMEDIATE, RELATIVE -> switch (o.type) {
                    case B -> Immediate.BYTE;
                    case W -> Immediate.WORD;
                    case V -> Immediate.FULL;
                    default -> Immediate.OPERAND;
                };
                case FAR_POINTER -> Immediate.FAR_POINTER;
                case OFFSET -> Immediate.OFFSET;
                case IMMEDIATE_REGISTER -> Immediate.REGISTER;
                default -> Immediate.NONE;
            };
            if (next != Immediate.NONE) {
                found = found == Immediate.NONE ? next : found == Immediate.WORD ? Immediate.WORD_BYTE : Immediate.BYTE_BYTE;
            }
        }
        return found;
    }

    @Override
    public String toString() {
        return text;
    }

    /** Reads the notation token by token. */
    private static final class Parser {
        final String text;
        boolean vex;
        int map;
        int code = -1;
        boolean registerInOpcode;
        boolean modRm;
        int digit = -1;
        int modRmByte = -1;
        boolean anyRm;
        int mandatoryPrefix;
        boolean noPrefix;
        boolean w;
        boolean rexB;
        int vectorLength;
        boolean anyLength;
        int mask;
        int value;

        Parser(String text) {
            this.text = text;
        }

        void parse() {
            for (int start = 0; start < text.length(); ) {
                int end = text.indexOf(' ', start);
                end = end < 0 ? text.length() : end;
                token(text.substring(start, end));
                start = end + 1;
            }
            if (code < 0) {
                throw new IllegalArgumentException("encoding " + text);
            }
        }

        private void require(int bits, int wanted) {
            mask |= bits;
            value |= wanted;
        }

        private void prefix(int which) {
            require(Key.F2 | Key.F3 | Key.P66, which);
            mandatoryPrefix = which == Key.F2 ? 0xF2 : which == Key.F3 ? 0xF3 : which == Key.P66 ? 0x66 : 0;
            noPrefix = which == 0;
        }

        private void token(String t) {
            switch (t) {
                case "NP" -> prefix(0);
                case "NFx" -> require(Key.F2 | Key.F3, 0);
                case "REX.W" -> {
                    require(Key.W, Key.W);
                    w = true;
                }
                case "REX.B" -> {
                    require(Key.REX_B, Key.REX_B);
                    rexB = true;
                }
                case "/r" -> modRm = true;
                case "11:rrr:000" -> {
                    modRm = true;
                    require(Key.REGISTER_FORM | 7 << Key.RM, Key.REGISTER_FORM);
                }
                default -> {
                    if (t.charAt(0) == '/') {
                        modRm = true;
                        digit = t.charAt(1) - '0';
                        require(7 << Key.REG, digit << Key.REG);
                    } else if (t.startsWith("VEX.")) {
                        vex(InstructionTable.split(t, '.'));
                    } else {
                        octet(hex(t), t);
                    }
                }
            }
        }

        private void octet(int b, String t) {
            if (code >= 0) {
                modRm = true;
                modRmByte = b;
                anyRm = t.endsWith("+i");
                int free = anyRm ? 7 : 0;
                require(Key.REGISTER_FORM | (63 & ~free), Key.REGISTER_FORM | (b & 63 & ~free));
            } else if (!vex && map == ONE_BYTE && mask == 0 && (b == 0x66 || b == 0xF2 || b == 0xF3)) {
                prefix(b == 0x66 ? Key.P66 : b == 0xF2 ? Key.F2 : Key.F3);
            } else if (!vex && map == ONE_BYTE && b == 0x0F) {
                map = MAP_0F;
            } else if (!vex && map == MAP_0F && (b == 0x38 || b == 0x3A)) {
                map = b == 0x38 ? MAP_0F38 : MAP_0F3A;
            } else {
                code = b;
                registerInOpcode = t.endsWith("+r");
            }
        }

        private void vex(List<String> parts) {
            vex = true;
            for (String part : parts) {
                switch (part) {
                    case "VEX", "WIG" -> {}
                    case "128", "LZ" -> require(3 << Key.L, 0);
                    case "256" -> {
                        require(3 << Key.L, 1 << Key.L);
                        vectorLength = 1;
                    }
                    case "LIG" -> anyLength = true;
                    case "NP" -> prefix(0);
                    case "66" -> prefix(Key.P66);
                    case "F3" -> prefix(Key.F3);
                    case "F2" -> prefix(Key.F2);
                    case "0F" -> map = MAP_0F;
                    case "0F38" -> map = MAP_0F38;
                    case "0F3A" -> map = MAP_0F3A;
                    case "W0" -> require(Key.W, 0);
                    case "W1" -> {
                        require(Key.W, Key.W);
                        w = true;
                    }
                    default -> throw new IllegalArgumentException("encoding " + text);
                }
            }
        }

        private static int hex(String t) {
            return Character.digit(t.charAt(0), 16) << 4 | Character.digit(t.charAt(1), 16);
        }
    }
}
