package dev.javisor.processor.integer;

import static dev.javisor.processor.Rig.RAX;
import static dev.javisor.processor.Rig.RBX;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import org.junit.jupiter.api.Test;

class DecimalAdjustmentTest {
    private static final String ADD_AL_BL = "00 D8";
    private static final String SUB_AL_BL = "28 D8";

    private final Rig r = Rig.bits32();

    private static int packed(int decimal) {
        return decimal / 10 << 4 | decimal % 10;
    }

    @Test
    void packedSumsAndDifferences() {
        for (int a = 0; a < 100; a++) {
            for (int b = 0; b < 100; b++) {
                r.set(RAX, packed(a)).set(RBX, packed(b)).run(ADD_AL_BL).run("27");
                assertThat(r.get(RAX)).as("%d + %d", a, b).isEqualTo(packed((a + b) % 100));
                assertThat(r.flags() & (Flags.CF | Flags.ZF)).isEqualTo((a + b > 99 ? Flags.CF : 0) | ((a + b) % 100 == 0 ? Flags.ZF : 0));
                r.set(RAX, packed(a)).run(SUB_AL_BL).run("2F");
                assertThat(r.get(RAX)).as("%d - %d", a, b).isEqualTo(packed((a - b + 100) % 100));
                assertThat(r.flags() & Flags.CF).isEqualTo(a < b ? Flags.CF : 0);
            }
        }
    }

    @Test
    void unpackedSumsAndDifferences() {
        for (int a = 0; a < 10; a++) {
            for (int b = 0; b < 10; b++) {
                r.set(RAX, 0x500 | a).set(RBX, b).run(ADD_AL_BL).run("37");
                assertThat(r.get(RAX)).as("%d + %d", a, b).isEqualTo((a + b > 9 ? 0x600 : 0x500) | (a + b) % 10);
                assertThat(r.flags() & (Flags.CF | Flags.AF)).isEqualTo(a + b > 9 ? Flags.CF | Flags.AF : 0);
                r.set(RAX, 0x500 | a).run(SUB_AL_BL).run("3F");
                assertThat(r.get(RAX)).as("%d - %d", a, b).isEqualTo((a < b ? 0x400 : 0x500) | (a - b + 10) % 10);
                assertThat(r.flags() & (Flags.CF | Flags.AF)).isEqualTo(a < b ? Flags.CF | Flags.AF : 0);
            }
        }
    }

    @Test
    void productsAndDividendsInAnyBase() {
        for (int al = 0; al < 256; al++) {
            for (int base = 1; base < 256; base += 9) {
                r.set(RAX, 0x7700 | al).run("D4 %02X".formatted(base));
                assertThat(r.get(RAX)).as("AAM %d by %d", al, base).isEqualTo(al / base << 8 | al % base);
                assertThat(r.flags() & (Flags.SF | Flags.ZF | Flags.PF)).isEqualTo(Model.signZeroParity(al % base, 8));
                r.run("D5 %02X".formatted(base));
                assertThat(r.get(RAX)).as("AAD takes back what AAM did").isEqualTo(al);
            }
        }
        assertThat(r.fault("D4 00")).isEqualTo(Event.exception(Event.DE));
    }

    @Test
    void setAlFromCarry() {
        assertThat(r.set(RAX, 0x1234).flags(Flags.CF).run("D6").get(RAX)).isEqualTo(0x12FF);
        assertThat(r.flags(0).run("D6").get(RAX)).isEqualTo(0x1200);
    }
}
