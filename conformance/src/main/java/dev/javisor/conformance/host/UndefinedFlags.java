package dev.javisor.conformance.host;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Flags;

/** The flags that the manuals leave undefined, by instruction ("EFLAGS Cross-Reference" and the instructions' own pages). */
final class UndefinedFlags {
    private static final long CF = Flags.CF, PF = Flags.PF, AF = Flags.AF, ZF = Flags.ZF, SF = Flags.SF, OF = Flags.OF;

    private UndefinedFlags() {}

    /**
     * @param count masked shift or rotate count, 0 for other instructions
     */
    static long of(Instruction i, int count) {
        int size = size(i);
        return switch (i.opcode.mnemonic) {
            case "AND", "OR", "XOR", "TEST" -> AF;
            case "MUL", "IMUL" -> SF | ZF | AF | PF;
            case "DIV", "IDIV" -> Flags.ARITHMETIC;
            case "SHL", "SHR", "SAR" -> count == 0 ? 0
                    : AF | (count > 1 ? OF : 0) | (count >= size && !i.opcode.mnemonic.equals("SAR") ? CF : 0);
            case "SHLD", "SHRD" -> count == 0 ? 0 : count > size ? Flags.ARITHMETIC : AF | (count > 1 ? OF : 0);
            case "ROL", "ROR", "RCL", "RCR" -> count > 1 ? OF : 0;
            case "BT", "BTS", "BTR", "BTC" -> OF | SF | AF | PF;
            case "BSF", "BSR" -> CF | OF | SF | AF | PF;
            case "LZCNT", "TZCNT" -> OF | SF | AF | PF;
            case "BEXTR" -> AF | SF | PF;
            case "BZHI", "BLSR", "BLSI", "BLSMSK", "ANDN" -> AF | PF;
            case "DAA", "DAS" -> OF;
            case "AAA", "AAS" -> OF | SF | ZF | PF;
            case "AAM", "AAD" -> OF | AF | CF;
            default -> 0;
        };
    }

    /** Operand size in bits of a shift or rotate. */
    private static int size(Instruction i) {
        return !i.opcode.operands.isEmpty() && i.opcode.operands.getFirst().equals("Eb") ? 8 : i.operandSize;
    }

    /** The count that a shift or rotate uses, before any reduction by the operand size. */
    static int count(Instruction i, long rcx) {
        if (i.opcode.operands.size() < 2) {
            return 0;
        }
        long count = switch (i.opcode.operands.getLast()) {
            case "CL" -> rcx;
            case "1" -> 1;
            default -> i.immediate;
        };
        return (int) count & (i.operandSize == 64 && size(i) != 8 ? 63 : 31);
    }
}
