package dev.javisor.isa;

import dev.javisor.isa.AssemblyExpression.Value;
import java.util.Map;

/**
 * An operand as written in assembly text: a register, a value, a far pointer or a memory operand.
 *
 * @param register the register, or null
 * @param value number of an immediate, branch target or far offset; address of a memory operand
 * @param selector selector of a far pointer, or null
 * @param memory memory operand
 * @param size given size in bits (of the memory, the immediate, or a far pointer's offset), 0 if none is given
 * @param addressSize given address size, 0 if none is given
 * @param segment segment override, -1 if none
 * @param relative memory operand relative to RIP
 * @param distance {@code short}, {@code near} or {@code far}, else empty
 */
record AssemblyOperand(
        Register register, Value value, Value selector, boolean memory, int size, int addressSize, int segment, boolean relative,
        String distance) {
    private static final Map<String, Integer> SIZES = Map.of(
            "byte", 8, "word", 16, "dword", 32, "qword", 64, "tword", 80, "oword", 128, "xmmword", 128, "yword", 256, "ymmword", 256,
            "zword", 512);

    /** Size in bits of a size keyword, 0 if the word is none. */
    static int size(String word) {
        return SIZES.getOrDefault(word, 0);
    }

    static AssemblyOperand parse(AssemblyExpression in, boolean relativeByDefault) {
        int size = 0;
        String distance = "";
        for (; ; ) {
            String word = in.peekWord();
            if (size(word) != 0) {
                size = size(word);
            } else if (word.equals("short") || word.equals("near") || word.equals("far")) {
                distance = word;
            } else if (!word.equals("ptr") && !word.equals("strict")) {
                break;
            }
            in.word();
        }
        if (in.accept('[')) {
            return memory(in, size, distance, -1, relativeByDefault);
        }
        Value v = in.parse();
        if (v.index() != null || v.base() != null && v.number() != 0) {
            throw new IllegalArgumentException("registers can be added up only in brackets");
        }
        if (in.accept(':')) {
            if (v.base() != null && in.accept('[')) {
                return memory(in, size, distance, segment(v), relativeByDefault);
            }
            return new AssemblyOperand(null, in.parse(), v, false, size, 0, -1, false, distance);
        }
        return new AssemblyOperand(v.base(), v, null, false, size, 0, -1, false, distance);
    }

    private static AssemblyOperand memory(AssemblyExpression in, int size, String distance, int override, boolean relativeByDefault) {
        int segment = override;
        int addressSize = 0;
        boolean relative = relativeByDefault;
        boolean chosen = false;
        for (; ; ) {
            String word = in.peekWord();
            if (word.equals("rel") || word.equals("abs")) {
                relative = word.equals("rel");
                chosen = true;
            } else if (size(word) != 0) {
                addressSize = size(word);
            } else {
                break;
            }
            in.word();
        }
        Value v = in.parse();
        if (in.accept(':')) {
            segment = segment(v);
            v = in.parse();
        }
        in.expect(']');
        if (!v.plain() || !chosen && segment >= 4) {
            relative = false;
        }
        return new AssemblyOperand(null, v, null, true, size, addressSize, segment, relative, distance);
    }

    private static int segment(Value v) {
        if (v.base() == null || v.base().file() != Register.File.SEGMENT || v.index() != null || v.number() != 0) {
            throw new IllegalArgumentException("expected a segment register before ':'");
        }
        return v.base().number();
    }

    boolean immediate() {
        return register == null && !memory && selector == null;
    }
}
