package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;

/** Where the two operands of an instruction are, destination first. RM is the ModRM operand (or the register of the opcode byte). */
public enum Form {
    RM_REG,
    REG_RM,
    RM_IMM,
    REG_MEM,
    MEM_REG,
    MEM_IMM;

    /** The form of an instruction whose operands are E,G, G,E, E,I, E,sI, Z,I, accumulator and immediate, or accumulator and offset. */
    public static Form of(Instruction i) {
        char first = i.opcode.operands.get(0).charAt(0);
        char second = i.opcode.operands.get(1).charAt(0);
        if (second == 'I' || second == 's') {
            return i.memory ? MEM_IMM : RM_IMM;
        }
        if (first == 'E' || first == 'M' || first == 'O') {
            return i.memory ? MEM_REG : RM_REG;
        }
        return i.memory ? REG_MEM : REG_RM;
    }

    /** Bits of operand {@code n}. */
    public static int bits(Instruction i, int n) {
        String operand = i.opcode.operands.get(n);
        return switch (operand.charAt(operand.length() - 1)) {
            case 'b', 'L' -> 8;
            case 'w' -> 16;
            case 'd' -> 32;
            case 'q' -> 64;
            case 'y' -> Math.max(i.operandSize, 32);
            default -> i.operandSize;
        };
    }

    /** Bits of the first operand. */
    public static int bits(Instruction i) {
        return bits(i, 0);
    }
}
