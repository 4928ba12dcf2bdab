package dev.javisor.processor.softfloat;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Java's own arithmetic is IEEE 754 round-to-nearest; directed rounding and flags are checked against exact decimal arithmetic. */
class SoftFloatTest {
    private static final int ALL = 0x3F;
    private final SoftFloat unit = new SoftFloat();
    private final long seed = Long.getLong("javisor.seed", System.nanoTime());
    private final Random random = new Random(seed);

    private double randomDouble() {
        long bits = random.nextLong();
        return Double.longBitsToDouble(switch (random.nextInt(6)) {
            case 0 -> bits & 0x800FFFFFFFFFFFFFL;
            case 1 -> bits & 0xFFF0000000000000L;
            case 2 -> bits & 0x803FFFFFFFFFFFFFL | 0x3FC0000000000000L;
            case 3 -> bits | 0xFFFFFFFL;
            case 4 -> bits & 0xFFFFFFFF00000000L;
            default -> bits;
        });
    }

    private float randomFloat() {
        int bits = random.nextInt();
        return Float.intBitsToFloat(switch (random.nextInt(4)) {
            case 0 -> bits & 0x807FFFFF;
            case 1 -> bits & 0xBFFFFFFF | 0x3E000000;
            case 2 -> bits & 0xFFFFF000;
            default -> bits;
        });
    }

    private interface Operation {
        void run();
    }

    private double asDouble(Operation operation, double x, double y) {
        unit.a.setDouble(Double.doubleToRawLongBits(x), false);
        unit.b.setDouble(Double.doubleToRawLongBits(y), false);
        operation.run();
        unit.round(FloatFormat.DOUBLE);
        return Double.longBitsToDouble(unit.r.toDouble());
    }

    private float asFloat(Operation operation, float x, float y) {
        unit.a.setSingle(Float.floatToRawIntBits(x), false);
        unit.b.setSingle(Float.floatToRawIntBits(y), false);
        operation.run();
        unit.round(FloatFormat.SINGLE);
        return Float.intBitsToFloat(unit.r.toSingle());
    }

    @Test
    void roundToNearestIsJavasArithmetic() {
        unit.masked = ALL;
        for (int i = 0; i < 40_000; i++) {
            double x = randomDouble();
            double y = randomDouble();
            float f = randomFloat();
            float g = randomFloat();
            String what = seed + ": " + x + ", " + y + "; " + f + ", " + g;
            if (!Double.isNaN(x) && !Double.isNaN(y)) {
                assertThat(asDouble(unit::add, x, y)).as(what).isEqualTo(Double.valueOf(x + y));
                assertThat(asDouble(unit::subtract, x, y)).as(what).isEqualTo(Double.valueOf(x - y));
                assertThat(asDouble(unit::multiply, x, y)).as(what).isEqualTo(Double.valueOf(x * y));
                assertThat(asDouble(unit::divide, x, y)).as(what).isEqualTo(Double.valueOf(x / y));
                assertThat(asDouble(unit::squareRoot, x, y)).as(what).isEqualTo(Double.valueOf(Math.sqrt(x)));
                assertThat(Integer.signum(unit.compare())).as(what).isEqualTo(x < y ? -1 : x > y ? 1 : 0);
                assertThat(unit.toInteger(64, SoftFloat.TOWARD_ZERO)).as(what)
                        .isEqualTo(x >= 0x1p63 ? Long.MIN_VALUE : (long) x);
            }
            if (!Float.isNaN(f) && !Float.isNaN(g)) {
                assertThat(asFloat(unit::add, f, g)).as(what).isEqualTo(Float.valueOf(f + g));
                assertThat(asFloat(unit::subtract, f, g)).as(what).isEqualTo(Float.valueOf(f - g));
                assertThat(asFloat(unit::multiply, f, g)).as(what).isEqualTo(Float.valueOf(f * g));
                assertThat(asFloat(unit::divide, f, g)).as(what).isEqualTo(Float.valueOf(f / g));
                assertThat(asFloat(unit::squareRoot, f, g)).as(what).isEqualTo(Float.valueOf((float) Math.sqrt(f)));
            }
        }
    }

    @Test
    void directedRoundingBracketsTheExactResultAndPrecisionTellsInexactness() {
        unit.masked = ALL;
        for (int i = 0; i < 20_000; i++) {
            double x = random.nextInt(1 << 20) * Math.scalb(1 + random.nextDouble(), random.nextInt(60) - 30);
            double y = (1 + random.nextInt(1 << 20)) * Math.scalb(1.0, random.nextInt(60) - 30);
            BigDecimal p = new BigDecimal(x);
            BigDecimal q = new BigDecimal(-y);
            check(unit::add, x, -y, p.add(q));
            check(unit::multiply, x, -y, p.multiply(q));
            check(unit::divide, x, -y, p.divide(q, new MathContext(400)));
        }
    }

    private void check(Operation operation, double x, double y, BigDecimal exact) {
        String what = seed + ": " + x + ", " + y;
        unit.rounding = SoftFloat.DOWN;
        unit.flags = 0;
        double down = asDouble(operation, x, y);
        boolean inexact = (unit.flags & SoftFloat.PE) != 0;
        unit.rounding = SoftFloat.UP;
        double up = asDouble(operation, x, y);
        unit.rounding = SoftFloat.TOWARD_ZERO;
        assertThat(asDouble(operation, x, y)).as(what).isEqualTo(exact.signum() < 0 ? up : down);
        assertThat(new BigDecimal(down)).as(what).isLessThanOrEqualTo(exact);
        assertThat(new BigDecimal(up)).as(what).isGreaterThanOrEqualTo(exact);
        assertThat(up).as(what).isEqualTo(inexact ? Math.nextUp(down) : down);
    }

    @Test
    void extendedResultsKeepSixtyFourBits() {
        unit.masked = ALL;
        for (int i = 0; i < 20_000; i++) {
            long x = random.nextLong() | 1L << 63;
            long y = random.nextLong() | 1L << 63;
            unit.a.setUnsigned(false, x);
            unit.squareRoot();
            unit.a.set(unit.r);
            unit.round(FloatFormat.EXTENDED);
            BigDecimal root = new BigDecimal(Long.toUnsignedString(x)).sqrt(new MathContext(60));
            assertClose(unit.r, root, "sqrt " + Long.toUnsignedString(x));
            unit.a.setUnsigned(false, x);
            unit.b.setUnsigned(false, y);
            unit.divide();
            unit.round(FloatFormat.EXTENDED);
            BigDecimal divisor = new BigDecimal(Long.toUnsignedString(y));
            BigDecimal quotient = new BigDecimal(Long.toUnsignedString(x)).divide(divisor, new MathContext(60));
            assertClose(unit.r, quotient, Long.toUnsignedString(x) + " / " + Long.toUnsignedString(y));
        }
    }

    private static void assertClose(Unpacked r, BigDecimal exact, String what) {
        BigDecimal unitInLastPlace = BigDecimal.TWO.pow(r.exponent - 63, new MathContext(60));
        BigDecimal value = new BigDecimal(Long.toUnsignedString(r.significand)).multiply(unitInLastPlace);
        assertThat(value.subtract(exact).abs()).as(what).isLessThanOrEqualTo(unitInLastPlace.divide(BigDecimal.TWO));
    }

    @Test
    void underflowIsTininessAfterRounding() {
        unit.masked = ALL;
        // (2^-1022)(1 - 2^-54) rounds up to the smallest normal number with 53 bits already: inexact, but not tiny.
        unit.a.setDouble(Double.doubleToRawLongBits(Double.MIN_NORMAL), false);
        unit.b.setUnsigned(false, (1L << 54) - 1);
        unit.b.exponent -= 54;
        unit.flags = 0;
        unit.multiply();
        unit.round(FloatFormat.DOUBLE);
        assertThat(unit.r.toDouble()).isEqualTo(Double.doubleToRawLongBits(Double.MIN_NORMAL));
        assertThat(unit.flags).isEqualTo(SoftFloat.PE);
        // One bit less of them, and it is tiny although it rounds to the same number.
        unit.b.setUnsigned(false, (1L << 53) - 1);
        unit.b.exponent -= 53;
        unit.flags = 0;
        unit.multiply();
        unit.round(FloatFormat.DOUBLE);
        assertThat(unit.r.toDouble()).isEqualTo(Double.doubleToRawLongBits(Double.MIN_NORMAL));
        assertThat(unit.flags).isEqualTo(SoftFloat.PE | SoftFloat.UE);
    }

    @Test
    void anExactDenormalResultUnderflowsOnlyWhenUnmasked() {
        unit.masked = ALL;
        asDouble(unit::multiply, Double.MIN_NORMAL, 0.5);
        assertThat(unit.flags).isZero();
        unit.masked = ALL & ~SoftFloat.UE;
        asDouble(unit::multiply, Double.MIN_NORMAL, 0.5);
        assertThat(unit.flags).isEqualTo(SoftFloat.UE);
    }
}
