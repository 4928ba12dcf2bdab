package dev.javisor.isa;

/** An operand specifier of the instruction table, e.g. {@code Ev}: where the operand is encoded and of what type it is. Immutable. */
final class Operand {
    /** Where the instruction says which register, address or value it is. */
    enum Place {
        REG,
        RM,
        VVVV,
        OPCODE,
        IMMEDIATE,
        /** A vector register in bits 7:4 of an immediate byte. */
        IMMEDIATE_REGISTER,
        RELATIVE,
        FAR_POINTER,
        OFFSET,
        /** A given register. */
        IMPLIED,
        /** The constant 1 of the shifts. */
        ONE,
        /** DS:rSI or ES:rDI. */
        STRING
    }

    /** Operand types of the manual's opcode maps. */
    enum Type {
        B(8), W(16), D(32), Q(64), T(80), DQ(128), QQ(256), ZZ(512), SS(32), SD(64),
        /** By VEX.L, operand size or address size. */
        X(0), V(0), Y(0), Z(0), N(0), P(0), S(0), A(0),
        /** The instruction knows. */
        NONE(0);

        private final int bits;

        Type(int bits) {
            this.bits = bits;
        }

        /** Size in bits, 0 if it has none to speak of. */
        int bits(int operandSize, int addressSize, int vectorLength) {
            return switch (this) {
                case X -> 128 << vectorLength;
                case V -> operandSize;
                case Y -> Math.max(operandSize, 32);
                case Z -> Math.min(operandSize, 32);
                case N -> addressSize;
                case P -> operandSize + 16;
                default -> bits;
            };
        }

        private static Type parse(String s) {
            return switch (s) {
                case "b" -> B;
                case "w" -> W;
                case "d" -> D;
                case "q" -> Q;
                case "t" -> T;
                case "dq" -> DQ;
                case "qq" -> QQ;
                case "zz" -> ZZ;
                case "ss" -> SS;
                case "sd" -> SD;
                case "x" -> X;
                case "v" -> V;
                case "y" -> Y;
                case "z" -> Z;
                case "n" -> N;
                case "p" -> P;
                case "s" -> S;
                case "a" -> A;
                case "" -> NONE;
                default -> throw new IllegalArgumentException("operand type " + s);
            };
        }
    }

    final String text;
    final Place place;
    /** Register file, null if the operand never is a register. */
    final Register.File file;
    /** Type as a register or immediate. */
    final Type type;
    /** Type as memory, null if it never is memory. */
    final Type memoryType;
    /** May be a register. */
    final boolean register;
    /** Number of an implied register. */
    final int number;
    /** Immediate byte that is sign-extended to the operand size. */
    final boolean signExtended;
    /** The memory operand's index is a vector register: its size in bits, else 0. */
    final int vectorIndex;
    /** The memory operand needs a SIB byte. */
    final boolean sib;

    private Operand(
            String text, Place place, Register.File file, Type type, Type memoryType, boolean register, int number, int vectorIndex) {
        this.text = text;
        this.place = place;
        this.file = file;
        this.type = type;
        this.memoryType = memoryType;
        this.register = register;
        this.number = number;
        this.vectorIndex = vectorIndex;
        this.signExtended = text.equals("sIb");
        this.sib = text.equals("Msib");
    }

    /** Can be memory (by ModRM). */
    boolean memory() {
        return memoryType != null;
    }

    static Operand parse(String s) {
        return switch (s) {
            case "1" -> new Operand(s, Place.ONE, null, Type.B, null, false, 1, 0);
            case "AL" -> implied(s, Register.File.GENERAL, Type.B, 0);
            case "CL" -> implied(s, Register.File.GENERAL, Type.B, 1);
            case "AX" -> implied(s, Register.File.GENERAL, Type.W, 0);
            case "DX" -> implied(s, Register.File.GENERAL, Type.W, 2);
            case "eAX" -> implied(s, Register.File.GENERAL, Type.Z, 0);
            case "rAX" -> implied(s, Register.File.GENERAL, Type.V, 0);
            case "XMM0" -> implied(s, Register.File.VECTOR, Type.DQ, 0);
            case "ES" -> implied(s, Register.File.SEGMENT, Type.W, 0);
            case "CS" -> implied(s, Register.File.SEGMENT, Type.W, 1);
            case "SS" -> implied(s, Register.File.SEGMENT, Type.W, 2);
            case "DS" -> implied(s, Register.File.SEGMENT, Type.W, 3);
            case "FS" -> implied(s, Register.File.SEGMENT, Type.W, 4);
            case "GS" -> implied(s, Register.File.SEGMENT, Type.W, 5);
            case "ST(0)" -> implied(s, Register.File.X87, Type.T, 0);
            case "ST(i)" -> new Operand(s, Place.RM, Register.File.X87, Type.T, null, true, 0, 0);
            case "TMMr" -> new Operand(s, Place.REG, Register.File.TILE, Type.NONE, null, true, 0, 0);
            case "TMMm" -> new Operand(s, Place.RM, Register.File.TILE, Type.NONE, null, true, 0, 0);
            case "TMMv" -> new Operand(s, Place.VVVV, Register.File.TILE, Type.NONE, null, true, 0, 0);
            case "Msib" -> new Operand(s, Place.RM, null, Type.NONE, Type.NONE, false, 0, 0);
            case "vm32x", "vm64x" -> new Operand(s, Place.RM, null, Type.NONE, Type.NONE, false, 0, 128);
            case "vm32y", "vm64y" -> new Operand(s, Place.RM, null, Type.NONE, Type.NONE, false, 0, 256);
            case "sIb" -> value(s, Place.IMMEDIATE, Type.B);
            default -> parseCode(s);
        };
    }

    private static Operand implied(String s, Register.File file, Type type, int number) {
        return new Operand(s, Place.IMPLIED, file, type, null, true, number, 0);
    }

    private static Operand value(String s, Place place, Type type) {
        return new Operand(s, place, null, type, null, false, 0, 0);
    }

    private static Operand parseCode(String s) {
        int slash = s.indexOf('/');
        Type type = Type.parse(s.substring(1, slash < 0 ? s.length() : slash));
        if (slash >= 0) {
            Register.File file = s.charAt(0) == 'R' ? Register.File.GENERAL : s.charAt(0) == 'N' ? Register.File.MMX : Register.File.VECTOR;
            return new Operand(s, Place.RM, file, type, Type.parse(s.substring(slash + 2)), true, 0, 0);
        }
        return switch (s.charAt(0)) {
            case 'A' -> value(s, Place.FAR_POINTER, type);
            case 'B' -> register(s, Place.VVVV, Register.File.GENERAL, type);
            case 'C' -> register(s, Place.REG, Register.File.CONTROL, type);
            case 'D' -> register(s, Place.REG, Register.File.DEBUG, type);
            case 'E' -> registerOrMemory(s, Register.File.GENERAL, type);
            case 'G' -> register(s, Place.REG, Register.File.GENERAL, type);
            case 'H' -> register(s, Place.VVVV, Register.File.VECTOR, type);
            case 'I' -> value(s, Place.IMMEDIATE, type);
            case 'J' -> value(s, Place.RELATIVE, type);
            case 'L' -> register(s, Place.IMMEDIATE_REGISTER, Register.File.VECTOR, type);
            case 'M' -> new Operand(s, Place.RM, null, type, type, false, 0, 0);
            case 'N' -> register(s, Place.RM, Register.File.MMX, type);
            case 'O' -> value(s, Place.OFFSET, type);
            case 'P' -> register(s, Place.REG, Register.File.MMX, type);
            case 'Q' -> registerOrMemory(s, Register.File.MMX, type);
            case 'R' -> register(s, Place.RM, Register.File.GENERAL, type);
            case 'S' -> register(s, Place.REG, Register.File.SEGMENT, type);
            case 'U' -> register(s, Place.RM, Register.File.VECTOR, type);
            case 'V' -> register(s, Place.REG, Register.File.VECTOR, type);
            case 'W' -> registerOrMemory(s, Register.File.VECTOR, type);
            case 'X', 'Y' -> value(s, Place.STRING, type);
            case 'Z' -> register(s, Place.OPCODE, Register.File.GENERAL, type);
            default -> throw new IllegalArgumentException("operand " + s);
        };
    }

    private static Operand register(String s, Place place, Register.File file, Type type) {
        return new Operand(s, place, file, type, null, true, 0, 0);
    }

    private static Operand registerOrMemory(String s, Register.File file, Type type) {
        return new Operand(s, Place.RM, file, type, type, true, 0, 0);
    }

    @Override
    public String toString() {
        return text;
    }
}
