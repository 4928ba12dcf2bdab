package dev.javisor.processor.compiler;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.integer.Form;
import java.util.List;

/**
 * Which operations of straight-line code set flags that nobody can see: others set them all before anything reads them, before an
 * instruction that may fault, and before the code ends.
 */
final class FlagLiveness {
    /** What an operation means for the arithmetic flags. */
    private enum Effect {
        /** Neither reads nor sets them, and cannot fault. */
        NONE,
        /** Sets them all, and cannot fault. */
        SETS,
        /** Sets them all but CF, and cannot fault. */
        SETS_BUT_CARRY,
        /** Sets them all; the flags of before are seen when it faults, or read. */
        SETS_AFTER,
        /** Anything else. */
        SEES
    }

    private FlagLiveness() {}

    /** For each operation: are the flags that it sets needed? True for those that set none. */
    static boolean[] needed(List<Op> ops) {
        boolean[] needed = new boolean[ops.size()];
        boolean live = true;
        for (int k = ops.size() - 1; k >= 0; k--) {
            Effect effect = effect(ops.get(k));
            needed[k] = live || effect == Effect.NONE || effect == Effect.SEES;
            live = switch (effect) {
                case NONE, SETS_BUT_CARRY -> live;
                case SETS -> false;
                case SETS_AFTER, SEES -> true;
            };
        }
        return needed;
    }

    private static Effect effect(Op o) {
        if (o.executor.isExtended()) {
            return Effect.SEES;
        }
        Instruction i = o.instruction;
        Effect setting = o.memory ? Effect.SETS_AFTER : Effect.SETS;
        return switch (i.opcode.mnemonic) {
            case "NOP", "LEA", "CBW", "CWD" -> Effect.NONE;
            case "MOV" -> o.memory || !OperationEmitter.isGeneral(i) ? Effect.SEES : Effect.NONE;
            case "MOVZX", "MOVSX", "MOVSXD", "NOT" -> o.memory ? Effect.SEES : Effect.NONE;
            case "ADD", "OR", "AND", "SUB", "XOR", "CMP", "TEST", "NEG" -> setting;
            case "ADC", "SBB" -> Effect.SETS_AFTER;
            case "INC", "DEC" -> o.memory ? Effect.SETS_AFTER : Effect.SETS_BUT_CARRY;
            case "SHL", "SAL", "SHR", "SAR" -> shift(o);
            case "IMUL" -> i.opcode.operands.size() < 2 ? Effect.SEES : setting;
            default -> Effect.SEES;
        };
    }

    private static Effect shift(Op o) {
        int bits = Form.bits(o.instruction);
        if (!OperationEmitter.isShiftByConstant(o)) {
            return Effect.SEES;
        }
        return OperationEmitter.shiftCount(o, bits) == 0 ? Effect.NONE : Effect.SETS;
    }
}
