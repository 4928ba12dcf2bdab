package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Handler;

/** ADD, ADC, SUB, SBB, CMP, INC, DEC, NEG, AND, OR, XOR, TEST, NOT: to the class of the operand size. */
public final class Arithmetic {
    private Arithmetic() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP", "TEST", "INC", "DEC", "NEG", "NOT" ->
                switch (Form.bits(i)) {
                    case 8 -> Arithmetic8.bind(i);
                    case 16 -> Arithmetic16.bind(i);
                    case 32 -> Arithmetic32.bind(i);
                    default -> Arithmetic64.bind(i);
                };
            default -> null;
        };
    }
}
