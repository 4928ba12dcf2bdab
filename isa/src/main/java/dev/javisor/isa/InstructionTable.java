package dev.javisor.isa;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The instruction table: every encoding there is, whichever CPU model has it. Order matters: of several that match, the first counts. */
public final class InstructionTable {
    private static final String RESOURCE = "instructions.txt";
    private static final List<Opcode> OPCODES = load();

    private InstructionTable() {}

    /** All lines; an opcode's position is its {@link Opcode#id}. */
    public static List<Opcode> opcodes() {
        return OPCODES;
    }

    private static List<Opcode> load() {
        try (InputStream in = InstructionTable.class.getResourceAsStream(RESOURCE)) {
            return new Reader(new String(in.readAllBytes(), StandardCharsets.ISO_8859_1)).read();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Reads the table's text. Written for start-up time: one pass, no lambdas, every distinct list of operands or attributes only once. */
    private static final class Reader {
        private final String text;
        private final List<Opcode> opcodes = new ArrayList<>(2048);
        private final Map<String, Operand> operands = new HashMap<>(256);
        private final Map<String, OperandList> operandLists = new HashMap<>(512);
        private final Map<String, Integer> attributeLists = new HashMap<>();

        Reader(String text) {
            this.text = text;
        }

        List<Opcode> read() {
            for (int start = 0; start < text.length(); ) {
                int end = text.indexOf('\n', start);
                end = end < 0 ? text.length() : end;
                if (end > start && text.charAt(start) != '#') {
                    line(start, end);
                }
                start = end + 1;
            }
            return List.copyOf(opcodes);
        }

        private void line(int start, int end) {
            String[] field = {"", "", "", "", ""};
            int from = start;
            for (int i = 0; i < field.length && from < end; i++) {
                int to = text.indexOf('|', from);
                to = to < 0 || to > end ? end : to;
                field[i] = text.substring(from, to).strip();
                from = to + 1;
            }
            OperandList list = operandLists.get(field[1]);
            if (list == null) {
                list = operandList(field[1]);
                operandLists.put(field[1], list);
            }
            Integer attributes = attributeLists.get(field[4]);
            if (attributes == null) {
                attributes = attributes(field[4]);
                attributeLists.put(field[4], attributes);
            }
            Feature feature = field[3].isEmpty() ? null : Feature.valueOf(field[3]);
            Encoding form = Encoding.parse(field[2], list, attributes);
            int bits = attributes | (form.vex ? Opcode.PROTECTED_ONLY : form.w || form.rexB ? Opcode.ONLY64 : 0);
            opcodes.add(new Opcode(opcodes.size(), names(field[0]), list, form, feature, bits));
        }

        private static List<String> names(String field) {
            return field.indexOf('/') < 0 ? List.of(field) : split(field, '/');
        }

        private OperandList operandList(String field) {
            List<Operand> list = new ArrayList<>();
            for (String specifier : split(field, ',')) {
                Operand operand = operands.get(specifier);
                if (operand == null) {
                    operand = Operand.parse(specifier);
                    operands.put(specifier, operand);
                }
                list.add(operand);
            }
            return new OperandList(list);
        }

        private static int attributes(String field) {
            int bits = 0;
            for (String name : split(field, ' ')) {
                bits |= switch (name) {
                    case "LOCKABLE" -> Opcode.LOCKABLE;
                    case "DEFAULT64" -> Opcode.DEFAULT64;
                    case "INVALID64" -> Opcode.INVALID64;
                    case "ONLY64" -> Opcode.ONLY64;
                    case "BRANCH" -> Opcode.BRANCH;
                    case "SERIALIZING" -> Opcode.SERIALIZING;
                    case "PROTECTED_ONLY" -> Opcode.PROTECTED_ONLY;
                    case "PRIVILEGED" -> Opcode.PRIVILEGED;
                    case "STRING" -> Opcode.STRING;
                    case "FORCE64" -> Opcode.FORCE64;
                    case "WRITE_ONLY" -> Opcode.WRITE_ONLY;
                    default -> throw new IllegalArgumentException("attribute " + name);
                };
            }
            return bits;
        }
    }

    /** The parts of {@code text} between separators; none of an empty text. */
    static List<String> split(String text, char separator) {
        List<String> parts = new ArrayList<>(4);
        for (int start = 0; start < text.length(); ) {
            int end = text.indexOf(separator, start);
            end = end < 0 ? text.length() : end;
            if (end > start) {
                parts.add(text.substring(start, end));
            }
            start = end + 1;
        }
        return List.copyOf(parts);
    }
}
