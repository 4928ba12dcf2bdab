package dev.javisor.isa;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DisplayName("Every line of the instruction table")
class InstructionTableTest {
    private static final long RIP = 0x40_0000;
    private final Decoder decoder = new Decoder(Samples.EVERYTHING);

    @ParameterizedTest
    @EnumSource
    @DisplayName("decodes from its own encoding")
    void decodes(CodeSize mode) {
        Random random = new Random(1);
        Decoder.Result result = new Decoder.Result();
        for (Opcode o : InstructionTable.opcodes()) {
            if (!Samples.existsIn(o, mode)) {
                continue;
            }
            boolean reached = false;
            for (int n = 0; n < 30; n++) {
                byte[] bytes = Samples.of(o, mode, random, false);
                Decoder.Outcome outcome = decoder.decode(bytes, 0, bytes.length, mode, result);
                assertThat(outcome).as("%s, %s: %s", o, o.encoding, hex(bytes)).isEqualTo(Decoder.Outcome.OK);
                assertThat(result.instruction.opcode.id).as("only an earlier line comes before %s", o).isLessThanOrEqualTo(o.id);
                reached |= result.instruction.opcode == o;
            }
            assertThat(reached).as("%s, %s is hidden by earlier lines", o, o.encoding).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("is undefined, or a hint without effect, where its feature is missing")
    void needsItsFeature(CodeSize mode) {
        Random random = new Random(2);
        Decoder.Result result = new Decoder.Result();
        Decoder bare = new Decoder(new FeatureSet(EnumSet.noneOf(Feature.class)));
        for (Opcode o : InstructionTable.opcodes()) {
            if (o.feature == null || !Samples.existsIn(o, mode)) {
                continue;
            }
            byte[] bytes = Samples.of(o, mode, random, false);
            if (bare.decode(bytes, 0, bytes.length, mode, result) == Decoder.Outcome.OK) {
                assertThat(result.instruction.opcode.mnemonic).as("%s without %s", o, o.feature)
                        .isIn("NOP", "BSF", "BSR", "WBINVD");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("survives disassembling and assembling")
    void roundTrip(CodeSize mode) {
        long seed = 3;
        Random random = new Random(seed);
        Decoder.Result result = new Decoder.Result();
        for (Opcode o : InstructionTable.opcodes()) {
            for (int n = 0; Samples.existsIn(o, mode) && n < 6; n++) {
                byte[] bytes = Samples.of(o, mode, random, n % 2 == 1);
                if (decoder.decode(bytes, 0, bytes.length, mode, result) != Decoder.Outcome.OK) {
                    continue;
                }
                String text = Disassembler.format(result.instruction, RIP);
                String context = text + " = " + hex(Arrays.copyOf(bytes, result.length)) + " in " + mode + ", seed " + seed;
                byte[] again = assemble(mode, text, context);
                assertThat(decoder.decode(again, 0, again.length, mode, result)).as(context).isEqualTo(Decoder.Outcome.OK);
                assertThat(Disassembler.format(result.instruction, RIP)).as(context).isEqualTo(text);
            }
        }
    }

    @Test
    @DisplayName("names its mnemonic in upper case and has a position of its own")
    void isWellFormed() {
        for (int id = 0; id < InstructionTable.opcodes().size(); id++) {
            Opcode o = InstructionTable.opcodes().get(id);
            assertThat(o.id).isEqualTo(id);
            assertThat(o.names).allMatch(name -> name.matches("[A-Z0-9]+"));
        }
    }

    private static byte[] assemble(CodeSize mode, String text, String context) {
        try {
            return Asm.assemble(mode, RIP, text);
        } catch (AssemblyException e) {
            throw new AssertionError(context, e);
        }
    }

    static String hex(byte[] bytes) {
        StringBuilder s = new StringBuilder();
        for (byte b : bytes) {
            s.append("%02x".formatted(b));
        }
        return s.toString();
    }
}
