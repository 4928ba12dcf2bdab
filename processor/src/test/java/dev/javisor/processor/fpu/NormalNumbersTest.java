package dev.javisor.processor.fpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.core.X87State;
import dev.javisor.processor.softfloat.FloatFormat;
import dev.javisor.processor.softfloat.SoftFloat;
import dev.javisor.processor.softfloat.Unpacked;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The short ways through x87 arithmetic end where the long ones do. */
class NormalNumbersTest {
    private static final int NUMBERS = 400_000;
    private static final Map<Integer, FloatFormat> PRECISIONS =
            Map.of(0x37F, FloatFormat.EXTENDED, 0x27F, FloatFormat.EXTENDED_TO_DOUBLE, 0x7F, FloatFormat.EXTENDED_TO_SINGLE);

    private final Random random = new Random(Long.getLong("javisor.seed", seed()));
    private final X87State f = new X87State();
    private final SoftFloat unit = f.unit;

    private static long seed() {
        long seed = System.nanoTime();
        System.out.println("NormalNumbersTest -Djavisor.seed=" + seed);
        return seed;
    }

    /** Zero, denormal, normal, at the ends of the range, or none. */
    private int signExponent() {
        int biased = switch (random.nextInt(12)) {
            case 0 -> random.nextInt(4);
            case 1 -> 0x7FFF - random.nextInt(4);
            case 2 -> random.nextInt(0x8000);
            default -> 16383 + random.nextInt(-70, 70);
        };
        return random.nextInt(2) << 15 | biased;
    }

    private long significand() {
        long s = switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> -1L;
            case 2 -> -1L << random.nextInt(64);
            case 3 -> 1L << random.nextInt(64);
            case 4 -> random.nextLong() << random.nextInt(64);
            default -> random.nextLong();
        };
        return random.nextInt(50) == 0 ? s : s | Long.MIN_VALUE;
    }

    private void clear(int control) {
        f.control = control;
        f.status = 0;
        f.valid = 0xFF;
        unit.rounding = SoftFloat.NEAREST;
        unit.masked = 0x3F;
        unit.flags = 0;
        unit.roundedUp = false;
    }

    private void compute(int operation) {
        switch (operation) {
            case X87Arithmetic.ADD -> unit.add();
            case X87Arithmetic.SUB -> unit.subtract();
            case X87Arithmetic.MUL -> unit.multiply();
            default -> unit.divide();
        }
    }

    @Test
    void arithmeticGivesTheSame() {
        int usual = 0;
        for (int n = 0; n < NUMBERS; n++) {
            int control = random.nextBoolean() ? 0x37F : random.nextBoolean() ? 0x27F : 0x7F;
            int operation = random.nextInt(6);
            boolean reversed = operation == X87Arithmetic.SUBR || operation == X87Arithmetic.DIVR;
            int aSign = signExponent();
            int bSign = random.nextInt(4) == 0 ? aSign ^ random.nextInt(2) << 15 : signExponent();
            long a = significand();
            long b = random.nextInt(8) == 0 ? a : significand();
            clear(control);
            if (!NormalNumbers.compute(f, operation, 3, aSign, a, bSign, b)) {
                continue;
            }
            usual++;
            String result = result(3);
            clear(control);
            (reversed ? unit.b : unit.a).setExtended(aSign, a);
            (reversed ? unit.a : unit.b).setExtended(bSign, b);
            assertThat(unit.a.kind | unit.b.kind).as("kinds of %x:%x and %x:%x", aSign, a, bSign, b).isEqualTo(Unpacked.FINITE);
            compute(reversed ? operation - 1 : operation);
            X87.finish(f, unit, 3, PRECISIONS.get(control));
            assertThat(result).as("operation %d on %x:%016x and %x:%016x, control %x", operation, aSign, a, bSign, b, control)
                    .isEqualTo(result(3));
        }
        assertThat(usual).isGreaterThan(NUMBERS / 2);
    }

    @Test
    void squareRootGivesTheSame() {
        for (int n = 0; n < NUMBERS / 4; n++) {
            int control = random.nextBoolean() ? 0x37F : 0x27F;
            clear(control);
            f.signExponent[0] = signExponent();
            f.significand[0] = significand();
            if (!NormalNumbers.isUsualRoot(f)) {
                continue;
            }
            unit.a.setExtended(f.signExponent[0], f.significand[0]);
            NormalNumbers.squareRoot(f);
            String result = result(0);
            clear(control);
            unit.squareRoot();
            X87.finish(f, unit, 0, PRECISIONS.get(control));
            assertThat(result).isEqualTo(result(0));
        }
    }

    @Test
    void storesAndLoadsGiveTheSame() {
        for (int n = 0; n < NUMBERS; n++) {
            clear(0x37F);
            f.signExponent[0] = random.nextInt(2) << 15 | 16383 + random.nextInt(-1030, 1030);
            f.significand[0] = significand();
            if (!NormalNumbers.isDouble(f)) {
                continue;
            }
            unit.r.setExtended(f.signExponent[0], f.significand[0]);
            unit.round(FloatFormat.DOUBLE);
            long stored = NormalNumbers.toDouble(f);
            assertThat(stored).isEqualTo(unit.r.toDouble());
            assertThat(NormalNumbers.doubleFlags(f)).isEqualTo(unit.flags | (unit.roundedUp ? X87.C1 : 0));
            clear(0x37F);
            assertThat(NormalNumbers.push(f, stored)).isTrue();
            unit.r.setDouble(stored, false);
            assertThat(f.signExponent[7]).isEqualTo(unit.r.toSignExponent());
            assertThat(f.significand[7]).isEqualTo(unit.r.significand);
        }
    }

    @Test
    void numbersThatAreNotNormalAreNotLoaded() {
        for (double d : new double[] {0.0, -0.0, Double.MIN_VALUE, Double.POSITIVE_INFINITY, Double.NaN}) {
            assertThat(NormalNumbers.push(f, Double.doubleToRawLongBits(d))).as("%s", d).isFalse();
        }
    }

    @Test
    void comparisonGivesTheSame() {
        for (int n = 0; n < NUMBERS / 4; n++) {
            int aSign = signExponent();
            int bSign = random.nextBoolean() ? aSign : signExponent();
            long a = significand();
            long b = random.nextBoolean() ? a : significand();
            if (NormalNumbers.areNormal(aSign, a, bSign, b)) {
                unit.a.setExtended(aSign, a);
                unit.b.setExtended(bSign, b);
                assertThat(Integer.signum(NormalNumbers.compare(aSign, a, bSign, b))).isEqualTo(Integer.signum(unit.compare()));
            }
        }
    }

    private String result(int p) {
        return "%x:%016x status %x".formatted(f.signExponent[p], f.significand[p], f.status);
    }
}
