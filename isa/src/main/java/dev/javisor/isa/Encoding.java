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

    final OperandList operands;
    /** The bits of a register number that count. */
    final int regMask, rmMask;

    final int mask;
    final int value;

    private Encoding(Parser p, OperandList operands, int attributes) {
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
        this.operands = operands;
        regMask = operands.shortReg ? 7 : 15;
        boolean named = modRm || registerInOpcode || rexB;
        rmMask = !named ? 0 : modRmByte >= 0 || operands.shortRm ? 7 : 15;
        int bits = p.mask;
        int wanted = p.value;
        if (modRmByte < 0 && (operands.onlyMemory || operands.onlyRegister)) {
            bits |= Key.REGISTER_FORM;
            wanted |= operands.onlyRegister ? Key.REGISTER_FORM : 0;
        }
        if (operands.sib) {
            bits |= 7 << Key.RM;
            wanted |= 4 << Key.RM;
        }
        if (vex && !operands.vvvv) {
            bits |= Key.VVVV;
        }
        if ((attributes & (Opcode.INVALID64 | Opcode.ONLY64)) != 0) {
            bits |= Key.MODE64;
            wanted |= (attributes & Opcode.ONLY64) != 0 ? Key.MODE64 : 0;
        }
        mask = bits;
        value = wanted;
    }

    /** @throws IllegalArgumentException if it is not in the table's notation */
    static Encoding parse(String text, OperandList operands, int attributes) {
        Parser p = new Parser(text);
        p.parse();
        return new Encoding(p, operands, attributes);
    }

    /** No encoding, just a text. */
    static Encoding none(String text) {
        return new Encoding(new Parser(text), OperandList.EMPTY, 0);
    }

    /** Whether ModRM.reg is an opcode extension or names an operand: 0-7, or -1 for any. */
    int fixedReg() {
        return digit >= 0 ? digit : modRmByte >= 0 ? modRmByte >> 3 & 7 : -1;
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
                token(start, end);
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

        /** A token is told by its first characters, as it is faster than comparing strings while nothing is compiled yet. */
        private void token(int start, int end) {
            char first = text.charAt(start);
            char second = text.charAt(start + 1);
            if (first == '/') {
                modRm = true;
                if (second != 'r') {
                    digit = second - '0';
                    require(7 << Key.REG, digit << Key.REG);
                }
            } else if (first == 'N') {
                if (second == 'P') {
                    prefix(0);
                } else {
                    require(Key.F2 | Key.F3, 0);
                }
            } else if (first == 'R') {
                w = text.charAt(start + 4) == 'W';
                rexB = !w;
                require(w ? Key.W : Key.REX_B, w ? Key.W : Key.REX_B);
            } else if (first == 'V') {
                vex(InstructionTable.split(text.substring(start, end), '.'));
            } else if (end - start > 4) {
                modRm = true;
                require(Key.REGISTER_FORM | 7 << Key.RM, Key.REGISTER_FORM);
            } else {
                char last = text.charAt(end - 1);
                octet(Character.digit(first, 16) << 4 | Character.digit(second, 16), last == 'r', last == 'i');
            }
        }

        private void octet(int b, boolean register, boolean free) {
            if (code >= 0) {
                modRm = true;
                modRmByte = b;
                anyRm = free;
                int fixed = free ? 56 : 63;
                require(Key.REGISTER_FORM | fixed, Key.REGISTER_FORM | b & fixed);
            } else if (!vex && map == ONE_BYTE && mask == 0 && (b == 0x66 || b == 0xF2 || b == 0xF3)) {
                prefix(b == 0x66 ? Key.P66 : b == 0xF2 ? Key.F2 : Key.F3);
            } else if (!vex && map == ONE_BYTE && b == 0x0F) {
                map = MAP_0F;
            } else if (!vex && map == MAP_0F && (b == 0x38 || b == 0x3A)) {
                map = b == 0x38 ? MAP_0F38 : MAP_0F3A;
            } else {
                code = b;
                registerInOpcode = register;
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
    }
}
