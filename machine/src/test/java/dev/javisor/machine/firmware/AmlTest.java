package dev.javisor.machine.firmware;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Encodings as the grammar of the ACPI specification gives them. */
class AmlTest {
    private static String hex(byte[] b) {
        return HexFormat.of().withUpperCase().formatHex(b);
    }

    @Test
    void integersTakeTheShortestForm() {
        assertThat(hex(Aml.integer(0))).isEqualTo("00");
        assertThat(hex(Aml.integer(1))).isEqualTo("01");
        assertThat(hex(Aml.integer(0xFF))).isEqualTo("0AFF");
        assertThat(hex(Aml.integer(0x100))).isEqualTo("0B0001");
        assertThat(hex(Aml.integer(0x10000))).isEqualTo("0C00000100");
        assertThat(hex(Aml.integer(-1))).isEqualTo("0EFFFFFFFFFFFFFFFF");
    }

    @Test
    void namePathsArePadded() {
        assertThat(hex(Aml.path("\\"))).isEqualTo("5C00");
        assertThat(hex(Aml.path("_SB"))).isEqualTo("5F53425F");
        assertThat(hex(Aml.path("\\_SB.PCI0"))).isEqualTo("5C2E5F53425F50434930");
        assertThat(hex(Aml.path("_SB.PCI0.ISA"))).isEqualTo("2F035F53425F504349304953415F");
    }

    @Test
    void eisaIdentifiersAreCompressed() {
        assertThat(hex(Aml.eisaId("PNP0A03"))).isEqualTo("0C41D00A03");
    }

    @Test
    void packageLengthsCountThemselves() {
        assertThat(hex(Aml.buffer())).isEqualTo("110200");
        assertThat(hex(Aml.buffer(new byte[59])).substring(0, 4)).isEqualTo("113E");
        assertThat(hex(Aml.buffer(new byte[60])).substring(0, 10)).isEqualTo("113F0A3C00");
        assertThat(hex(Aml.buffer(new byte[61])).substring(0, 6)).isEqualTo("114104");
        assertThat(hex(Aml.buffer(new byte[0x1000])).substring(0, 8)).isEqualTo("11860001");
    }

    @Test
    void resourcesEndWithATag() {
        assertThat(hex(Aml.resources(Aml.ports(0x70, 2), Aml.irq(8)))).isEqualTo("11100A0D4701700070000102220001" + "7900");
    }
}
