package dev.javisor.processor.simd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FloatingPointTest {
    private static final int IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32, MASKED = 0x1F80;
    private final Vectors v = new Vectors();

    private double scalar(String code, double a, double b) {
        v.xmm(0, 0, Double.doubleToRawLongBits(a)).xmm(1, 0, Double.doubleToRawLongBits(b)).run(code);
        return Double.longBitsToDouble(v.low(0));
    }

    private int flagsOf(String code, double a, double b) {
        v.c.mxcsr = v.c.mxcsr & ~0x3F;
        scalar(code, a, b);
        return v.c.mxcsr & 0x3F;
    }

    @Test
    void flagsSayExactlyWhatHappened() {
        assertThat(flagsOf("f20f58c1", 1, 2)).isZero();
        assertThat(flagsOf("f20f58c1", 1, 0x1p-60)).isEqualTo(PE);
        assertThat(flagsOf("f20f59c1", 3, 5)).isZero();
        assertThat(flagsOf("f20f59c1", 0.1, 0.1)).isEqualTo(PE);
        assertThat(flagsOf("f20f5ec1", 6, 3)).isZero();
        assertThat(flagsOf("f20f5ec1", 1, 3)).isEqualTo(PE);
        assertThat(flagsOf("f20f5ec1", 1, 0)).isEqualTo(ZE);
        assertThat(flagsOf("f20f5ec1", 0, 0)).isEqualTo(IE);
        assertThat(flagsOf("f20f51c1", 0, 9)).isZero();
        assertThat(flagsOf("f20f51c1", 0, 2)).isEqualTo(PE);
        assertThat(flagsOf("f20f51c1", 0, -1)).isEqualTo(IE);
        assertThat(flagsOf("f20f59c1", Double.MAX_VALUE, 2)).isEqualTo(OE | PE);
        assertThat(flagsOf("f20f59c1", Double.MIN_NORMAL, 0.3)).isEqualTo(UE | PE);
        assertThat(flagsOf("f20f59c1", Double.MIN_NORMAL, 0.5)).isZero();
        assertThat(flagsOf("f20f58c1", Double.MIN_VALUE, 1)).isEqualTo(DE | PE);
        assertThat(flagsOf("f20f2dc1", 0, 0.5)).isEqualTo(PE);
        assertThat(flagsOf("f20f2dc1", 0, 1e10)).isEqualTo(IE);
    }

    /** Exactness is found out in another way than the result. */
    @Test
    void precisionFlagAgreesWithTheSoftwareUnit() {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int n = 0; n < 4_000; n++) {
            double a = Math.scalb((double) (random.nextLong() >> random.nextInt(64)), random.nextInt(20));
            double b = Math.scalb((double) (random.nextLong() >> random.nextInt(64)), random.nextInt(20));
            for (String code : new String[] {"f20f58c1", "f20f5cc1", "f20f59c1", "f20f5ec1", "f20f51c1"}) {
                v.c.mxcsr = MASKED;
                int fast = flagsOf(code, a, b);
                double nearest = Double.longBitsToDouble(v.low(0));
                v.c.mxcsr = MASKED | 0x2000;
                int exact = flagsOf(code, a, b);
                assertThat(fast).as("%s %s, %s, seed %d", code, a, b, seed).isEqualTo(exact);
                double down = Double.longBitsToDouble(v.low(0));
                boolean near = Double.isNaN(nearest) || nearest == down || nearest == Math.nextUp(down);
                assertThat(near).as("%s %s, %s, seed %d", code, a, b, seed).isTrue();
            }
        }
    }

    @Test
    void roundingControl() {
        double[] expected = {1.0, 1.0, Math.nextUp(1.0), 1.0};
        for (int rc = 0; rc < 4; rc++) {
            v.c.mxcsr = MASKED | rc << 13;
            assertThat(scalar("f20f58c1", 1, 0x1p-60)).as("rounding control %d", rc).isEqualTo(expected[rc]);
        }
    }

    @Test
    void unmaskedExceptionLeavesTheDestinationAndSetsTheFlag() {
        v.c.mxcsr = MASKED & ~(ZE << 7);
        v.xmm(0, 0, Double.doubleToRawLongBits(1)).xmm(1, 0, 0);
        assertThat(v.rig.fault("f20f5ec1").vector()).isEqualTo(Event.XM);
        assertThat(v.c.mxcsr & 0x3F).isEqualTo(ZE);
        assertThat(v.low(0)).isEqualTo(Double.doubleToRawLongBits(1));
        v.c.cr4 &= ~Cr.OSXMMEXCPT;
        assertThat(v.rig.fault("f20f5ec1").vector()).isEqualTo(Event.UD);
    }

    @Test
    void unmaskedPreComputationExceptionHidesOverflowOfAnotherElement() {
        v.c.mxcsr = MASKED & ~(ZE << 7);
        v.xmm(0, Double.doubleToRawLongBits(Double.MAX_VALUE), Double.doubleToRawLongBits(1));
        v.xmm(1, Double.doubleToRawLongBits(0.1), 0);
        assertThat(v.rig.fault("660f5ec1").vector()).isEqualTo(Event.XM);
        assertThat(v.c.mxcsr & 0x3F).isEqualTo(ZE);
    }

    @Test
    void denormalsAreZerosAndFlushToZero() {
        v.c.mxcsr = MASKED | Mxcsr.DAZ;
        assertThat(scalar("f20f58c1", Double.MIN_VALUE, 0)).isZero();
        assertThat(v.c.mxcsr & 0x3F).isZero();
        v.c.mxcsr = MASKED | Mxcsr.FTZ;
        assertThat(scalar("f20f59c1", -Double.MIN_NORMAL, 0.5)).isEqualTo(Double.valueOf(-0.0));
        assertThat(v.c.mxcsr & 0x3F).isEqualTo(UE | PE);
    }

    @Test
    void firstNanOperandWinsAndBecomesQuiet() {
        v.xmm(0, 0, 0x7FF0000000000001L).xmm(1, 0, 0xFFF8000000000002L).run("f20f58c1");
        assertThat(v.low(0)).isEqualTo(0x7FF8000000000001L);
        assertThat(v.c.mxcsr & IE).isEqualTo(IE);
        v.xmm(0, 0, 0).xmm(1, 0, 0xFFF8000000000002L).run("f20f58c1");
        assertThat(v.low(0)).isEqualTo(0xFFF8000000000002L);
    }

    @Test
    void minimumAndMaximumReturnTheSecondOperandWhenInDoubt() {
        assertThat(scalar("f20f5dc1", 0.0, -0.0)).isEqualTo(Double.valueOf(-0.0));
        assertThat(scalar("f20f5dc1", Double.NaN, 1)).isEqualTo(1);
        assertThat(v.c.mxcsr & IE).isEqualTo(IE);
        assertThat(scalar("f20f5fc1", 1, Double.NaN)).isNaN();
    }

    @Test
    void comparisonsSetFlagsAndOnlyComisdSignalsForQuietNans() {
        assertThat(flagsOf("660f2ec1", 1, 2)).isZero();
        assertThat(v.rig.flags()).isEqualTo(Flags.CF);
        assertThat(flagsOf("660f2ec1", 2, 1)).isZero();
        assertThat(v.rig.flags()).isZero();
        assertThat(flagsOf("660f2ec1", Double.NaN, 1)).isZero();
        assertThat(v.rig.flags()).isEqualTo(Flags.ZF | Flags.PF | Flags.CF);
        assertThat(flagsOf("660f2fc1", Double.NaN, 1)).isEqualTo(IE);
    }

    @Test
    void conversionsRoundAsMxcsrSaysAndTruncatingOnesDoNot() {
        for (int rc = 0; rc < 4; rc++) {
            v.c.mxcsr = MASKED | rc << 13;
            scalar("f2480f2dc1", 0, -2.5);
            assertThat(v.rig.get(Rig.RAX)).isEqualTo(new long[] {-2, -3, -2, -2}[rc]);
            scalar("f2480f2cc1", 0, -2.5);
            assertThat(v.rig.get(Rig.RAX)).isEqualTo(-2);
        }
        v.c.mxcsr = MASKED;
        scalar("f20f2cc1", 0, Double.NaN);
        assertThat(v.rig.get(Rig.RAX)).isEqualTo(0x80000000L);
    }

    @Test
    void roundingToIntegralCanHideInexactness() {
        assertThat(scalar("660f3a0bc101", 0, -0.5)).isEqualTo(-1);
        assertThat(v.c.mxcsr & PE).isEqualTo(PE);
        v.c.mxcsr = MASKED;
        assertThat(scalar("660f3a0bc10b", 0, -0.5)).isEqualTo(Double.valueOf(-0.0));
        assertThat(v.c.mxcsr & PE).isZero();
    }

    @Test
    void approximationsKeepTheirBound() {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int n = 0; n < 10_000; n++) {
            float x = Math.scalb(1 + random.nextFloat(), random.nextInt(200) - 100);
            v.xmm(1, 0, Float.floatToRawIntBits(x)).run("f30f53c1");
            double reciprocal = Float.intBitsToFloat((int) v.low(0));
            assertThat(reciprocal * x).as("1/%s, seed %d", x, seed).isCloseTo(1, within(1.5 / 4096));
            v.run("f30f52c1");
            double root = Float.intBitsToFloat((int) v.low(0));
            assertThat(root * Math.sqrt(x)).as("1/sqrt %s, seed %d", x, seed).isCloseTo(1, within(1.5 / 4096));
        }
        assertThat(v.c.mxcsr).isEqualTo(MASKED);
    }
}
