package dev.javisor.processor.fpu;

import static dev.javisor.processor.Rig.DATA;
import static dev.javisor.processor.Rig.RAX;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.javisor.processor.Rig;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TranscendentalTest {
    private static final int PE = 0x20, UE = 0x10;
    private static final String FYL2X = "D9F1", FYL2XP1 = "D9F9";

    /** FLD of y, then of x, FNINIT before; what ST(0) is in the end, as a double. */
    private static double of(Rig r, double y, double x, String instruction) {
        r.run("DBE3").set(RAX, DATA);
        r.store(DATA, 8, Double.doubleToRawLongBits(y)).run("DD00");
        r.store(DATA, 8, Double.doubleToRawLongBits(x)).run("DD00");
        r.run(instruction).run("DD10");
        return Double.longBitsToDouble(r.load(DATA, 8));
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e-300, 1e-10, -1e-10, 0.25, -0.25, 0.5, -0.5, -0.9999, 1, 3, 1e18, 1e19, 0x1p128, 0x1p129, 1e50, 1e300})
    void logarithmOfOnePlusXIsFoundForAnyOperand(double x) {
        double found = assertTimeoutPreemptively(Duration.ofSeconds(10), () -> of(Rig.bits64(), 1, x, FYL2XP1));
        double expected = Math.log1p(x) / Math.log(2);
        assertThat(found).isCloseTo(expected, offset(Math.abs(expected) * 1e-15));
    }

    @Test
    void logarithmOfTheLargestNumberEndsSoon() {
        Rig r = Rig.bits64().run("DBE3").run("D9E8").set(RAX, DATA);
        r.store(DATA, 8, -1).store(DATA + 8, 2, 0x7FFE).run("DB28");
        assertTimeoutPreemptively(Duration.ofSeconds(10), () -> r.run(FYL2XP1).run("DD10"));
        assertThat(Double.longBitsToDouble(r.load(DATA, 8))).isEqualTo(16384);
    }

    @Test
    void logarithmOfAPowerOfTwoIsExactAndYetReportedAsRounded() {
        Rig r = Rig.bits64();
        assertThat(of(r, 3, 0x1p-20, FYL2X)).isEqualTo(-60);
        assertThat(r.c.x87.status & PE).isEqualTo(PE);
        assertThat(of(r, 3, 1, FYL2X)).isZero();
        assertThat(r.c.x87.status & PE).isZero();
    }

    @Test
    void tinyLogarithmOfAPowerOfTwoUnderflows() {
        Rig r = Rig.bits64().run("DBE3").set(RAX, DATA);
        r.store(DATA, 8, 0x0000_8000_0000_0000L).store(DATA + 8, 2, 0).run("DB28");
        r.store(DATA, 8, Double.doubleToRawLongBits(4)).run("DD00");
        assertThat(r.run(FYL2X).c.x87.status & (UE | PE)).isEqualTo(UE | PE);
    }
}
