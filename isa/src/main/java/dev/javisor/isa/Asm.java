package dev.javisor.isa;

import dev.javisor.isa.AssemblyExpression.Value;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * An assembler for text in Intel syntax, as NASM reads it:
 *
 * <pre>
 *     bits 64
 *     start:  mov rax, [rbx+rcx*4+8]      ; a comment
 *             mov dword [rdi], 1
 *             lea rsi, [rel message]
 *     .loop:  dec ecx                     ; belongs to start
 *             jnz .loop
 *             jmp far [pointer]
 *     length  equ $ - start
 *     message db "text", 13, 10, 0
 *             times 16 nop
 *             align 8
 *     table:  dq start, 1.5
 *             resb 64
 * </pre>
 *
 * <p>Directives: {@code db dw dd dq}, {@code resb resw resd resq}, {@code times}, {@code align n[, fill]}, {@code equ}, {@code bits},
 * {@code org} (fills up to the address), {@code default rel}. Prefixes: {@code lock rep repe repne notrack}, {@code o16 o32 o64 a16 a32
 * a64}, and a segment register before the instruction. Branches are as short as possible. In 64-bit code a bare {@code [label]} is
 * an absolute address unless {@code rel} or {@code default rel} says otherwise.
 */
public final class Asm {
    private static final int MAX_PASSES = 100;
    private static final int NOP = 0x90;

    private final long origin;
    private final List<Line> lines = new ArrayList<>();
    private final CodeSize initialMode;

    private Map<String, Value> symbols = new HashMap<>();
    private Map<String, Value> defined = new HashMap<>();
    private ByteArrayOutputStream out = new ByteArrayOutputStream();
    private CodeSize mode;
    private boolean relative;
    private String scope = "";
    private boolean lastPass;

    /** A line of text, and the least number of bytes for its instructions: what has grown does not shrink again. */
    private static final class Line {
        final int number;
        final String text;
        int minimum;

        Line(int number, String text) {
            this.number = number;
            this.text = text;
        }
    }

    /**
     * Assembled code.
     *
     * @param origin address of the first byte
     * @param code the bytes
     * @param labels labels and constants by name; a local label has its owner's name before it ({@code start.loop})
     */
    public record Program(long origin, byte[] code, Map<String, Long> labels) {
        /** Address of a label. */
        public long label(String name) {
            Long value = labels.get(name);
            if (value == null) {
                throw new IllegalArgumentException("no label " + name);
            }
            return value;
        }
    }

    private Asm(CodeSize mode, long origin, String text) {
        this.initialMode = mode;
        this.origin = origin;
        int number = 0;
        for (String line : text.split("\n", -1)) {
            lines.add(new Line(++number, withoutComment(line)));
        }
    }

    /**
     * Assembles text to bytes.
     *
     * @param origin address of the first byte
     * @throws AssemblyException if a line makes no sense
     */
    public static byte[] assemble(CodeSize mode, long origin, String... text) {
        return program(mode, origin, text).code();
    }

    /**
     * Assembles text to bytes and labels.
     *
     * @param origin address of the first byte
     * @throws AssemblyException if a line makes no sense
     */
    public static Program program(CodeSize mode, long origin, String... text) {
        return new Asm(mode, origin, String.join("\n", text)).run();
    }

    private Program run() {
        for (int pass = 0; pass < MAX_PASSES; pass++) {
            pass();
            boolean stable = defined.equals(symbols);
            symbols = defined;
            if (stable && lastPass) {
                Map<String, Long> labels = new TreeMap<>();
                symbols.forEach((name, value) -> labels.put(name, value.number()));
                return new Program(origin, out.toByteArray(), labels);
            }
            lastPass = stable;
        }
        Line last = lines.getLast();
        throw new AssemblyException(last.number, last.text, "the addresses do not settle");
    }

    private void pass() {
        defined = new HashMap<>();
        out = new ByteArrayOutputStream();
        mode = initialMode;
        relative = false;
        scope = "";
        for (Line line : lines) {
            try {
                statement(line);
            } catch (IllegalArgumentException e) {
                throw new AssemblyException(line.number, line.text, e.getMessage());
            }
        }
    }

    private static String withoutComment(String line) {
        char quote = 0;
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            if (quote != 0) {
                quote = c == quote ? 0 : quote;
            } else if (c == '"' || c == '\'') {
                quote = c;
            } else if (c == ';') {
                return line.substring(0, i);
            }
        }
        return line;
    }

    private long here() {
        return origin + out.size();
    }

    private AssemblyExpression reader(String text, int position) {
        long here = here();
        return new AssemblyExpression(text, position, new AssemblyExpression.Symbols() {
            @Override
            public Value lookup(String name) {
                String full = qualified(name);
                Value value = defined.get(full);
                value = value == null ? symbols.get(full) : value;
                if (value == null && lastPass) {
                    throw new IllegalArgumentException("undefined symbol " + name);
                }
                return value;
            }

            @Override
            public long here() {
                return here;
            }

            @Override
            public long origin() {
                return origin;
            }
        });
    }

    private String qualified(String name) {
        return name.startsWith(".") ? scope + name : name;
    }

    private void statement(Line line) {
        AssemblyExpression in = reader(line.text, 0);
        if (in.atEnd()) {
            return;
        }
        String word = in.word();
        if (word.isEmpty()) {
            throw new IllegalArgumentException("unexpected '" + in.rest() + "'");
        }
        if (in.accept(':')) {
            if (Register.named(word.toLowerCase(Locale.ROOT)) != null) {
                throw new IllegalArgumentException("a register cannot be a label");
            }
            define(word, Value.label(here()));
            if (in.atEnd()) {
                return;
            }
            word = in.word();
        } else if (!isStatement(word)) {
            if (in.acceptWord("equ")) {
                define(word, in.parse());
                end(in);
                return;
            }
            if (in.atEnd() || isStatement(in.peekWord())) {
                if (in.atEnd()) {
                    throw new IllegalArgumentException("no such instruction (a label ends with a colon)");
                }
                define(word, Value.label(here()));
                word = in.word();
            }
        }
        execute(word.toLowerCase(Locale.ROOT), in, line);
    }

    private void define(String name, Value value) {
        if (!name.startsWith(".") && value.address()) {
            scope = name;
        }
        if (!value.plain()) {
            throw new IllegalArgumentException("a symbol cannot be a register");
        }
        if (defined.put(qualified(name), value) != null) {
            throw new IllegalArgumentException("symbol " + name + " is defined twice");
        }
    }

    private static boolean isStatement(String word) {
        String w = word.toLowerCase(Locale.ROOT);
        return switch (w) {
            case "db", "dw", "dd", "dq", "resb", "resw", "resd", "resq", "times", "align", "bits", "org", "default" -> true;
            default -> isPrefix(w) || AssemblyEncoder.isMnemonic(w);
        };
    }

    private static boolean isPrefix(String word) {
        return switch (word) {
            case "lock", "rep", "repe", "repz", "repne", "repnz", "notrack", "o16", "o32", "o64", "a16", "a32", "a64",
                    "es", "cs", "ss", "ds", "fs", "gs" -> true;
            default -> false;
        };
    }

    private static void end(AssemblyExpression in) {
        if (!in.atEnd()) {
            throw new IllegalArgumentException("unexpected '" + in.rest() + "'");
        }
    }

    private void execute(String word, AssemblyExpression in, Line line) {
        switch (word) {
            case "db" -> data(in, 1);
            case "dw" -> data(in, 2);
            case "dd" -> data(in, 4);
            case "dq" -> data(in, 8);
            case "resb" -> fill(in.constant(), 1, 0);
            case "resw" -> fill(in.constant(), 2, 0);
            case "resd" -> fill(in.constant(), 4, 0);
            case "resq" -> fill(in.constant(), 8, 0);
            case "times" -> {
                times(in, line);
                return;
            }
            case "align" -> align(in);
            case "org" -> {
                long gap = in.constant() - here();
                fill(gap, 1, 0);
            }
            case "bits" -> mode = switch ((int) in.constant()) {
                case 16 -> CodeSize.BITS16;
                case 32 -> CodeSize.BITS32;
                case 64 -> CodeSize.BITS64;
                default -> throw new IllegalArgumentException("bits is 16, 32 or 64");
            };
            case "default" -> relative = in.word().equalsIgnoreCase("rel");
            default -> instruction(word, in, line);
        }
        end(in);
    }

    private void times(AssemblyExpression in, Line line) {
        long count = in.constant();
        if (count < 0) {
            throw new IllegalArgumentException("times needs a count that is not negative");
        }
        String rest = in.rest();
        for (long i = 0; i < count; i++) {
            AssemblyExpression again = reader(rest, 0);
            execute(again.word().toLowerCase(Locale.ROOT), again, line);
        }
    }

    private void align(AssemblyExpression in) {
        long boundary = in.constant();
        if (Long.bitCount(boundary) != 1) {
            throw new IllegalArgumentException("align needs a power of two");
        }
        int filler = NOP;
        if (in.accept(',')) {
            if (in.acceptWord("db")) {
                in.blanks();
            }
            filler = (int) in.constant();
        }
        fill(-here() & boundary - 1, 1, filler);
    }

    private void fill(long count, int size, int value) {
        if (count < 0 || count * size > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("cannot fill " + count + " bytes");
        }
        byte[] bytes = new byte[(int) count * size];
        Arrays.fill(bytes, (byte) value);
        out.writeBytes(bytes);
    }

    private void data(AssemblyExpression in, int size) {
        do {
            String string = in.string();
            if (string != null) {
                byte[] bytes = string.getBytes(StandardCharsets.ISO_8859_1);
                out.writeBytes(bytes);
                fill(-bytes.length & size - 1, 1, 0);
                continue;
            }
            number(value(in, size), size);
        } while (in.accept(','));
    }

    /** An integer, or a real number for 4 and 8 bytes. */
    private long value(AssemblyExpression in, int size) {
        boolean negative = false;
        String word = in.peekWord();
        if (size >= 4 && in.peek() == '-' && in.rest().matches("-\\s*[0-9_]+\\.[0-9].*")) {
            negative = in.accept('-');
            word = in.peekWord();
        }
        if (size >= 4 && word.indexOf('.') > 0 && Character.isDigit(word.charAt(0))) {
            in.word();
            double real = Double.parseDouble(word);
            real = negative ? -real : real;
            return size == 4 ? Float.floatToRawIntBits((float) real) : Double.doubleToRawLongBits(real);
        }
        Value v = in.parse();
        if (!v.plain()) {
            throw new IllegalArgumentException("a register is no data");
        }
        int bits = 8 * size;
        if (bits < 64 && v.number() >> bits != 0 && v.number() >> bits - 1 != -1) {
            throw new IllegalArgumentException("the value does not fit into " + bits + " bits");
        }
        return v.number();
    }

    private void number(long value, int size) {
        for (int i = 0; i < size; i++) {
            out.write((int) (value >>> 8 * i));
        }
    }

    private void instruction(String first, AssemblyExpression in, Line line) {
        int bits = 0;
        int operandSize = 0;
        int addressSize = 0;
        int segment = -1;
        String word = first;
        while (isPrefix(word)) {
            switch (word) {
                case "lock" -> bits |= Instruction.LOCK;
                case "rep", "repe", "repz" -> bits |= Instruction.REP;
                case "repne", "repnz" -> bits |= Instruction.REPNE;
                case "notrack" -> bits |= Instruction.NOTRACK;
                case "o16", "o32", "o64" -> operandSize = Integer.parseInt(word.substring(1));
                case "a16", "a32", "a64" -> addressSize = Integer.parseInt(word.substring(1));
                default -> segment = Register.named(word).number();
            }
            word = in.word().toLowerCase(Locale.ROOT);
        }
        if (!AssemblyEncoder.isMnemonic(word)) {
            throw new IllegalArgumentException(word.isEmpty() ? "an instruction must follow the prefix" : "no such instruction");
        }
        List<AssemblyOperand> operands = new ArrayList<>();
        if (!in.atEnd()) {
            do {
                operands.add(AssemblyOperand.parse(in, relative));
            } while (in.accept(','));
        }
        AssemblyEncoder.Prefixes prefixes = new AssemblyEncoder.Prefixes(bits, operandSize, addressSize, segment);
        byte[] code = new AssemblyEncoder(mode, here(), prefixes).encode(word, operands, line.minimum);
        line.minimum = Math.max(line.minimum, code.length);
        out.writeBytes(code);
    }
}
