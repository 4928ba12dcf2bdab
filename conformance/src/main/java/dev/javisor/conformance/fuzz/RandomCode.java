package dev.javisor.conformance.fuzz;

import dev.javisor.conformance.Form;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.InstructionTable;
import dev.javisor.isa.Opcode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/** Code that is nonsense, but for the most part made of the model's instructions, with operands that are often in reach. */
final class RandomCode {
    /** They end a case early when they come too often. */
    private static final Set<String> RARE = Set.of(
            "HLT", "CLI", "INVD", "RSM", "IRET", "LGDT", "LIDT", "LLDT", "LTR", "MWAIT", "INT1", "UD0", "UD1", "UD2");

    private static final int MOV_AX = 0xB8, DEC_CX = 0x49, JNZ = 0x75;

    private final SplittableRandom random;
    private final boolean code64;
    private final boolean code16;
    private final List<Form> forms;
    private final Form.Draft draft = new Form.Draft();

    RandomCode(SplittableRandom random, CpuModel model, int bits) {
        this.random = random;
        code64 = bits == 64;
        code16 = bits == 16;
        forms = Forms.of(model);
    }

    /** The forms of a model's instructions; more than once those that programs are made of. */
    private static final class Forms {
        static List<Form> of(CpuModel model) {
            List<Form> result = new ArrayList<>();
            for (Opcode o : InstructionTable.opcodes()) {
                if (o.feature != null && !model.features().has(o.feature) || o.encoding.startsWith("EVEX")) {
                    continue;
                }
                int weight = RARE.contains(o.mnemonic) ? 1 : o.is(Opcode.PRIVILEGED) || o.feature != null ? 3 : 6;
                Form f = new Form(o);
                for (int k = 0; k < weight; k++) {
                    result.add(f);
                }
            }
            return result;
        }
    }

    /** Fills an area with code. */
    byte[] bytes(int size) {
        byte[] code = new byte[size];
        int noise = random.nextInt(4) == 0 ? 4 : 40;
        int at = 0;
        while (at < size) {
            int n = switch (random.nextInt(noise)) {
                case 0 -> noise();
                case 1, 2, 3 -> address();
                default -> random.nextInt(20) == 0 ? loop(at) : instance();
            };
            n = Math.min(n, size - at);
            System.arraycopy(draft.bytes, 0, code, at, n);
            at += n;
        }
        return code;
    }

    private int noise() {
        random.nextBytes(draft.bytes);
        return random.nextInt(1, 16);
    }

    /** Moves an address, or something else that is interesting, to a register. */
    private int address() {
        int n = 0;
        if (code16 && random.nextBoolean()) {
            draft.bytes[n++] = 0x66;
        }
        draft.bytes[n++] = (byte) (MOV_AX + random.nextInt(8));
        int value = random.nextInt(4) == 0 ? random.nextInt() : World.address(random);
        for (int k = 0; k < 4; k++) {
            draft.bytes[n++] = (byte) (value >>> 8 * k);
        }
        return n;
    }

    /** Counts down and jumps back, so that code becomes hot. */
    private int loop(int at) {
        int n = 0;
        if (code64) {
            draft.bytes[n++] = (byte) 0xFF;
            draft.bytes[n++] = (byte) 0xC9;
        } else {
            draft.bytes[n++] = DEC_CX;
        }
        draft.bytes[n++] = JNZ;
        draft.bytes[n++] = (byte) -random.nextInt(n, Math.max(n + 1, Math.min(100, at + 4)));
        return n;
    }

    private int instance() {
        Form f = forms.get(random.nextInt(forms.size()));
        f.write(draft, random, code64);
        int displacement = draft.length;
        if (random.nextInt(4) != 0) {
            int near = draft.displacementAt >= 0 ? World.address(random) : random.nextInt(-64, 64);
            for (int k = 0; k < 4; k++) {
                draft.bytes[displacement + k] = (byte) (near >>> 8 * k);
            }
        }
        return length(f.opcode);
    }

    /** About as long as it is: what is too much is the next instruction, what is too little takes a part of it. */
    private int length(Opcode o) {
        int n = draft.length;
        int modRm = draft.opcodeAt + 1 < draft.length ? draft.bytes[draft.opcodeAt + 1] & 0xFF : 0xFF;
        boolean memory = modRm < 0xC0;
        if (memory && !code16) {
            n += draft.displacementAt >= 0 || modRm >= 0x80 ? 4 : modRm >= 0x40 ? 1 : 0;
        } else if (memory) {
            n += modRm >= 0x80 || (modRm & 0xC7) == 6 ? 2 : modRm >= 0x40 ? 1 : 0;
        }
        for (String operand : o.operands) {
            n += switch (operand) {
                case "Ib", "sIb", "Jb" -> 1;
                case "Iw" -> 2;
                case "Iz", "Jz", "Iv", "sIz" -> code16 ? 2 : 4;
                default -> 0;
            };
        }
        return Math.min(n, draft.bytes.length);
    }
}
