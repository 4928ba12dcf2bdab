package dev.javisor.isa;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

@DisplayName("The decoder")
class DecoderTest {
    private static final long RIP = 0x1000;
    private final Decoder.Result result = new Decoder.Result();

    @ParameterizedTest
    @MethodSource
    @DisplayName("reads what the manual encodes")
    void vectors(String line) {
        String[] field = line.split("\\|");
        CodeSize mode = CodeSize.valueOf("BITS" + field[0].strip());
        byte[] bytes = HexFormat.ofDelimiter(" ").parseHex(field[1].strip());
        Decoder.Outcome outcome = new Decoder(Samples.EVERYTHING).decode(bytes, 0, bytes.length, mode, result);
        String text = switch (outcome) {
            case OK -> Disassembler.format(result.instruction, RIP);
            case INVALID -> "(bad)";
            case TOO_LONG -> "(long)";
            case TRUNCATED -> "(short)";
        };
        assertThat(text).isEqualTo(field[2].strip());
        if (outcome == Decoder.Outcome.OK) {
            assertThat(result.length).isEqualTo(bytes.length).isEqualTo(result.instruction.length);
        }
    }

    static Stream<String> vectors() throws IOException {
        try (var in = DecoderTest.class.getResourceAsStream("vectors.txt")) {
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines().filter(l -> !l.isBlank() && !l.startsWith("#")).toList().stream();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "BMI1, f30fbcc1, BSF", "ABM, f30fbdc1, BSR", "POPCNT, f30fb8c1, #UD", "IBT, f30f1efa, NOP", "SHSTK, f30f1ec8, NOP",
        "CLDEMOTE, 0f1c00, NOP", "SHSTK, f30faee8, #UD", "WBNOINVD, f30f09, WBINVD", "FRED, f20f01ca, #UD", "LKGS, f20f00f0, #UD",
        "MOVBE, 0f38f000, #UD", "SSE4_2, f20f38f1c3, #UD", "VMX, 0f01c2, #UD", "SVM, 0f01d8, #UD", "RTM, c7f800000000, #UD",
        "AVX, c5f858c1, #UD", "_3DNOWPREFETCH, 0f0d08, NOP", "PCLMULQDQ, 660f3a44c111, #UD", "CX16, 480fc708, CMPXCHG8B"
    })
    @DisplayName("takes an encoding whose feature is missing for a hint, for its predecessor, or for undefined")
    void missingFeature(Feature feature, String hex, String expected) {
        EnumSet<Feature> features = EnumSet.allOf(Feature.class);
        features.remove(feature);
        byte[] bytes = HexFormat.of().parseHex(hex);
        Decoder.Outcome outcome = new Decoder(new FeatureSet(features)).decode(bytes, 0, bytes.length, CodeSize.BITS64, result);
        assertThat(outcome == Decoder.Outcome.OK ? result.instruction.opcode.mnemonic : "#UD").isEqualTo(expected);
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("takes any bytes, and never reads past the limit or more than 15 of them")
    void anyBytes(CodeSize mode) {
        long seed = 4;
        Random random = new Random(seed);
        Decoder decoder = new Decoder(Samples.EVERYTHING);
        Decoder.Result again = new Decoder.Result();
        byte[] code = new byte[64];
        for (int n = 0; n < 200_000; n++) {
            random.nextBytes(code);
            int offset = random.nextInt(8);
            int limit = offset + random.nextInt(20);
            Decoder.Outcome outcome = decoder.decode(code, offset, limit, mode, result);
            assertThat(result.length).as("seed %s, round %s", seed, n).isBetween(0, Math.min(15, limit - offset));
            assertThat(result.instruction != null).isEqualTo(outcome == Decoder.Outcome.OK);
            byte[] cut = Arrays.copyOfRange(code, offset, limit);
            assertThat(decoder.decode(cut, 0, cut.length, mode, again)).as("seed %s, round %s", seed, n).isEqualTo(outcome);
            assertThat(again.length).isEqualTo(result.length);
            if (outcome == Decoder.Outcome.OK) {
                byte[] whole = Arrays.copyOf(cut, result.length);
                assertThat(decoder.decode(whole, 0, whole.length, mode, again)).isEqualTo(outcome);
                assertThat(decoder.decode(whole, 0, whole.length - 1, mode, again)).isEqualTo(Decoder.Outcome.TRUNCATED);
            }
        }
    }

    private Instruction decode(CodeSize mode, String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        assertThat(new Decoder(Samples.EVERYTHING).decode(bytes, 0, bytes.length, mode, result)).isEqualTo(Decoder.Outcome.OK);
        return result.instruction;
    }

    @Test
    @DisplayName("takes memory operands apart")
    void memoryOperand() {
        Instruction i = decode(CodeSize.BITS64, "4f8b44ac80");
        assertThat(new int[] {i.reg, i.base, i.index, i.scale, i.segment}).containsExactly(8, 12, 13, 2, 3);
        assertThat(i.displacement).isEqualTo(-128);
        assertThat(i.memory).isTrue();
        i = decode(CodeSize.BITS64, "8b0510000000");
        assertThat(new int[] {i.base, i.index}).containsExactly(Instruction.RIP, Instruction.NO_REGISTER);
        i = decode(CodeSize.BITS64, "6448a18877665544332291");
        assertThat(i.memory).isTrue();
        assertThat(i.displacement).isEqualTo(0x91223344_55667788L);
        assertThat(new int[] {i.segment, i.base, i.index, i.operandSize})
                .containsExactly(4, Instruction.NO_REGISTER, Instruction.NO_REGISTER, 64);
        assertThat(decode(CodeSize.BITS64, "67a10000e0fe").displacement).isEqualTo(0xFEE0_0000L);
    }

    @ParameterizedTest
    @CsvSource({
        "BITS64, 8b4500, 2", "BITS64, 8b0424, 2", "BITS64, 418b4500, 3", "BITS64, 418b0424, 3", "BITS64, 3e8b4500, 2", "BITS64, 368b00, 3",
        "BITS64, 658b4500, 5", "BITS32, 3e8b4500, 3", "BITS16, 8b4600, 2", "BITS16, 8b02, 2", "BITS16, 8b00, 3", "BITS16, 26a4, 0",
        "BITS64, 26a4, 3", "BITS64, 64a4, 4", "BITS64, 65d7, 5", "BITS32, 2ea10000000f, 1"
    })
    @DisplayName("knows the default segment and which overrides count")
    void segment(CodeSize mode, String hex, int segment) {
        assertThat((int) decode(mode, hex).segment).isEqualTo(segment);
    }

    @ParameterizedTest
    @CsvSource({
        "BITS64, e8fcffffff, 64, -4", "BITS64, 66e8fcffffff, 64, -4", "BITS32, 66e8fcff, 16, -4", "BITS64, 6a80, 64, -128",
        "BITS64, 666a80, 16, -128",
        "BITS64, cd80, 32, -128", "BITS64, c2ffff, 64, 65535", "BITS32, ea000000ff0800, 32, 4278190080",
        "BITS64, 48b8ffffffffffffffff, 64, -1",
        "BITS16, 66b8ffffffff, 32, -1", "BITS64, 48c7c000000080, 64, -2147483648", "BITS64, c8ffff03, 64, 65535", "BITS64, 0f20c0, 64, 0",
        "BITS16, 0f20c0, 32, 0", "BITS64, 98, 32, 0", "BITS64, 4898, 64, 0", "BITS64, 6698, 16, 0", "BITS64, 9c, 64, 0",
        "BITS64, 0f7811, 64, 0"
    })
    @DisplayName("gives operand size and immediate")
    void operandSizeAndImmediate(CodeSize mode, String hex, int size, long immediate) {
        Instruction i = decode(mode, hex);
        assertThat((int) i.operandSize).isEqualTo(size);
        assertThat(i.immediate).isEqualTo(immediate);
    }

    @Test
    @DisplayName("gives second immediates: nesting level, selector, register in an immediate")
    void secondImmediate() {
        assertThat(decode(CodeSize.BITS64, "c8100003").immediate2).isEqualTo(3);
        assertThat(decode(CodeSize.BITS32, "ea000000000880").immediate2).isEqualTo(0x8008);
        assertThat(decode(CodeSize.BITS64, "c4e3714cc2f0").immediate2).isEqualTo(15);
        assertThat(decode(CodeSize.BITS32, "c4e3714cc2f0").immediate2).isEqualTo(7);
    }

    @Test
    @DisplayName("extends register numbers only where the register file has more than eight")
    void registerNumbers() {
        assertThat((int) decode(CodeSize.BITS64, "450f6fc1").reg).as("MMX").isZero();
        assertThat((int) decode(CodeSize.BITS64, "458ed8").reg).as("segment").isEqualTo(3);
        assertThat((int) decode(CodeSize.BITS64, "41d8c1").rm).as("x87").isEqualTo(1);
        assertThat((int) decode(CodeSize.BITS64, "660f6fc1").reg).as("XMM").isZero();
        assertThat((int) decode(CodeSize.BITS64, "66450f6fc1").rm).as("XMM").isEqualTo(9);
        assertThat((int) decode(CodeSize.BITS64, "4157").rm).as("opcode").isEqualTo(15);
    }

    @Test
    @DisplayName("marks what ends a block")
    void attributes() {
        for (String mnemonic : List.of("JMP", "CALL", "RET", "JE", "LOOP", "JCXZ", "INT", "INT3", "IRET", "SYSCALL", "SYSRET", "SYSENTER",
                "SYSEXIT", "RSM", "XBEGIN", "JMPF", "CALLF", "RETF", "ERETU", "ERETS", "VMLAUNCH", "VMRUN")) {
            assertThat(InstructionTable.opcodes()).filteredOn(o -> o.mnemonic.equals(mnemonic))
                    .isNotEmpty().allMatch(o -> o.is(Opcode.BRANCH));
        }
        for (String mnemonic : List.of("LGDT", "LIDT", "LLDT", "LTR", "LMSW", "CLTS", "POPF", "STI", "WRMSR", "RDMSR", "IN", "OUT",
                "INSB", "OUTSW", "HLT", "INVLPG", "INVPCID", "WBINVD", "CPUID", "XSETBV", "WRPKRU", "STAC", "CLAC", "SWAPGS", "MWAIT",
                "PAUSE", "VMREAD", "STGI", "XRSTOR", "LSS", "LFS")) {
            assertThat(InstructionTable.opcodes()).filteredOn(o -> o.mnemonic.equals(mnemonic))
                    .isNotEmpty().allMatch(o -> o.is(Opcode.SERIALIZING));
        }
    }
}
