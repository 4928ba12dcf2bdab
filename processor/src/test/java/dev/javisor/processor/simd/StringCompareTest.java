package dev.javisor.processor.simd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Flags;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class StringCompareTest {
    private final Vectors v = new Vectors();

    private static String text(String s) {
        return HexFormat.of().formatHex(Arrays.copyOf(s.getBytes(StandardCharsets.US_ASCII), 16));
    }

    /** PCMPISTRI xmm0, xmm1. */
    private long index(String first, String second, String imm) {
        v.xmm(0, text(first)).xmm(1, text(second)).run("660f3a63c1" + imm);
        return v.rig.get(Rig.RCX);
    }

    @Test
    void substring() {
        assertThat(index("needle", "find needle here", "0c")).isEqualTo(5);
        assertThat(v.rig.flags()).isEqualTo(Flags.CF | Flags.SF);
        assertThat(index("nothing", "find needle here", "0c")).isEqualTo(16);
        assertThat(v.rig.flags()).isEqualTo(Flags.SF);
    }

    @Test
    void aSubstringMayGoOnBehindTheRegister() {
        assertThat(index("rest", "0123456789abcdre", "0c")).isEqualTo(14);
    }

    @Test
    void anyOfASet() {
        assertThat(index("aeiou", "rhythm and", "00")).isEqualTo(7);
        assertThat(v.rig.flags()).isEqualTo(Flags.CF | Flags.ZF | Flags.SF);
        assertThat(index("aeiou", "queue", "70")).isEqualTo(0);
    }

    @Test
    void firstCharacterOutsideRangesWithinTheString() {
        assertThat(index("azAZ", "Word2", "34")).isEqualTo(4);
        assertThat(index("azAZ", "Word", "34")).isEqualTo(16);
        assertThat(index("azAZ", "Word", "14")).isEqualTo(4);
    }

    @Test
    void equalityOfStrings() {
        assertThat(index("same", "same", "18")).isEqualTo(16);
        assertThat(v.rig.flags() & Flags.CF).isZero();
        assertThat(index("same", "some", "18")).isEqualTo(1);
        assertThat(index("same", "samey", "18")).isEqualTo(4);
    }

    @Test
    void explicitLengthsAreMagnitudesAndSaturate() {
        v.rig.set(Rig.RAX, -3).set(Rig.RDX, 0xFFFFFFFF80000000L);
        v.xmm(0, text("abcdef")).xmm(1, text("xxabcx")).run("660f3a61c10c");
        assertThat(v.rig.get(Rig.RCX)).isEqualTo(2);
        assertThat(v.rig.flags()).isEqualTo(Flags.CF | Flags.SF);
    }

    @Test
    void masksAsBitsAndAsElements() {
        v.xmm(1, text("b")).xmm(2, text("abba")).run("660f3a62ca00");
        assertThat(v.low(0)).isEqualTo(6);
        v.run("660f3a62ca40");
        assertThat(v.low(0)).isEqualTo(0xFFFF00L);
        assertThat(v.high(0)).isZero();
    }
}
