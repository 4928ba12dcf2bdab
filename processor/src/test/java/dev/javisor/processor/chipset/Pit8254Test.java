package dev.javisor.processor.chipset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.chipset.Bench.Probe;
import dev.javisor.processor.core.Timeline;
import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Pit8254Test {
    private final Bench bench = new Bench();
    private final Probe irq = new Probe();
    private final Pit8254 pit = new Pit8254(bench.timeline, irq);

    Pit8254Test() {
        pit.connect(bench.bus);
    }

    private static PitCounter counter(int mode, int count, boolean gate) {
        PitCounter c = new PitCounter(gate);
        c.writeControl(0x30 | mode << 1);
        c.writeCount(count & 0xFF, 0);
        c.writeCount(count >>> 8, 0);
        return c;
    }

    /** OUT at the pulses 1 to n after the count was written at pulse 0. */
    private static String wave(PitCounter c, int n) {
        StringBuilder s = new StringBuilder();
        for (int t = 1; t <= n; t++) {
            s.append(c.out(t) ? '1' : '0');
        }
        return s.toString();
    }

    /** The diagrams of the data sheet's "Mode Definitions"; the count is loaded at pulse 1. */
    @ParameterizedTest
    @CsvSource({"0, 4, 000011111", "2, 4, 111011101", "3, 4, 110011001", "3, 5, 111001110", "4, 3, 111011111"})
    void outFollowsTheMode(int mode, int count, String expected) {
        assertThat(wave(counter(mode, count, true), 9)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"1, 3, 1000111111", "5, 3, 1111011111"})
    void hardwareTriggeredModesWaitForTheGate(int mode, int count, String expected) {
        PitCounter c = counter(mode, count, false);
        assertThat(wave(c, 10)).isEqualTo("1111111111");
        c.setGate(true, 1);
        assertThat(wave(c, 10)).isEqualTo(expected);
    }

    @Test
    void aShotThatIsTriggeredAgainGetsLonger() {
        PitCounter c = counter(1, 3, false);
        c.setGate(true, 1);
        c.setGate(false, 2);
        c.setGate(true, 3);
        StringBuilder s = new StringBuilder();
        for (int t = 3; t <= 9; t++) {
            s.append(c.out(t) ? '1' : '0');
        }
        assertThat(s.toString()).isEqualTo("0000111");
    }

    @Test
    void theGateHoldsTheCount() {
        PitCounter c = counter(0, 10, true);
        c.setGate(false, 5);
        assertThat(c.read(100)).isEqualTo(6);
        c.read(100);
        c.setGate(true, 100);
        assertThat(c.out(105)).isFalse();
        assertThat(c.out(106)).isTrue();
    }

    @Test
    void theGateSetsOutHighAndStartsAPeriodAnew() {
        PitCounter c = counter(2, 4, true);
        assertThat(c.out(4)).isFalse();
        c.setGate(false, 4);
        assertThat(c.out(4)).isTrue();
        c.setGate(true, 10);
        assertThat(c.out(13)).isTrue();
        assertThat(c.out(14)).isFalse();
    }

    @Test
    void aNewCountWaitsForTheEndOfThePeriod() {
        PitCounter c = counter(2, 4, true);
        c.writeCount(2, 2);
        c.writeCount(0, 2);
        assertThat(wave(c, 9)).isEqualTo("111010101");
    }

    @Test
    void aNewCountWaitsForTheEndOfTheHalfPeriod() {
        PitCounter c = counter(3, 8, true);
        c.writeCount(4, 2);
        c.writeCount(0, 2);
        assertThat(wave(c, 12)).isEqualTo("111100110011");
    }

    @Test
    void nextChangeNamesEveryChange() {
        for (int mode = 0; mode < 6; mode++) {
            for (int count = 2; count < 9; count++) {
                PitCounter c = counter(mode, count, mode != 1 && mode != 5);
                c.setGate(true, 0);
                BitSet named = new BitSet();
                long t = 0;
                while ((t = c.nextChange(t)) < 60) {
                    named.set((int) t);
                }
                for (int p = 1; p < 60; p++) {
                    if (c.out(p) != c.out(p - 1)) {
                        assertThat(named.get(p)).as("mode %d count %d pulse %d", mode, count, p).isTrue();
                    }
                }
            }
        }
    }

    @Test
    void countsReadDownAndWrap() {
        PitCounter c = counter(0, 3, true);
        int[] read = new int[5];
        for (int t = 1; t <= 5; t++) {
            c.latchCount(t);
            read[t - 1] = c.read(t) | c.read(t) << 8;
        }
        assertThat(read).containsExactly(3, 2, 1, 0, 0xFFFF);
    }

    @Test
    void modeThreeCountsByTwo() {
        PitCounter c = counter(3, 6, true);
        int[] read = new int[6];
        for (int t = 1; t <= 6; t++) {
            read[t - 1] = c.read(t);
            c.read(t);
        }
        assertThat(read).containsExactly(6, 4, 2, 6, 4, 2);
    }

    @Test
    void bcdCountsInDecades() {
        PitCounter c = new PitCounter(true);
        c.writeControl(0x31);
        c.writeCount(0x00, 0);
        c.writeCount(0x10, 0);
        c.latchCount(2);
        assertThat(c.read(2) | c.read(2) << 8).isEqualTo(0x0999);
        c.latchCount(1002);
        assertThat(c.read(1002) | c.read(1002) << 8).isEqualTo(0x9999);
    }

    @Test
    void zeroIsTheLargestCount() {
        assertThat(counter(0, 0, true).nextChange(0)).isEqualTo(0x10001);
    }

    @Test
    void aLatchedCountStaysUntilItIsRead() {
        bench.out(0x43, 0x34);
        bench.out(0x40, 0x00);
        bench.out(0x40, 0x10);
        bench.passMicroseconds(100);
        bench.out(0x43, 0x00);
        bench.passMicroseconds(50);
        bench.out(0x43, 0x00);
        int first = bench.in(0x40) | bench.in(0x40) << 8;
        int later = bench.in(0x40) | bench.in(0x40) << 8;
        assertThat(first).isEqualTo(0x1000 - 118);
        assertThat(first - later).isBetween(59, 61);
    }

    @Test
    void readBackLatchesStatusThenCount() {
        bench.out(0x43, 0x36);
        bench.out(0x43, 0xE2);
        assertThat(bench.in(0x40)).as("OUT, null count, both bytes, mode 3").isEqualTo(0xF6);
        bench.out(0x40, 0x10);
        bench.out(0x40, 0x00);
        bench.passMicroseconds(1);
        bench.out(0x43, 0xC2);
        assertThat(bench.in(0x40) & 0x7F).isEqualTo(0x36);
        assertThat(bench.in(0x40)).isBetween(1, 0x10);
    }

    @Test
    void aHundredInterruptsASecond() {
        bench.out(0x43, 0x34);
        bench.out(0x40, 11932 & 0xFF);
        bench.out(0x40, 11932 >>> 8);
        int before = irq.edges;
        bench.pass(10 * Timeline.FREQUENCY);
        assertThat(irq.edges - before).isEqualTo((int) (10 * Pit8254.FREQUENCY / 11932));
    }

    @Test
    void portBGatesTheSpeakerChannelAndShowsItsOut() {
        bench.out(0x61, 0);
        bench.out(0x43, 0xB0);
        bench.out(0x42, 0xA9);
        bench.out(0x42, 0x04);
        bench.passMicroseconds(2000);
        assertThat(bench.in(0x61) & 0x2F).as("gate low, still counting").isZero();
        bench.out(0x61, 1);
        bench.passMicroseconds(900);
        assertThat(bench.in(0x61) & 0x20).isZero();
        bench.passMicroseconds(110);
        assertThat(bench.in(0x61) & 0x2F).isEqualTo(0x21);
    }

    @Test
    void theRefreshBitToggles() {
        int seen = 0;
        for (int i = 0; i < 10; i++) {
            seen |= bench.in(0x61) & 0x10 | 1 << (bench.in(0x61) >>> 4 & 1);
            bench.passMicroseconds(15);
        }
        assertThat(seen & 3).isEqualTo(3);
    }

    @Test
    void aCopyGoesOnAsTheOriginal() {
        bench.out(0x43, 0x36);
        bench.out(0x40, 100);
        bench.out(0x40, 0);
        bench.passMicroseconds(333);
        Probe other = new Probe();
        Bench second = bench.second();
        Pit8254 copy = new Pit8254(second.timeline, other);
        Bench.copy(pit, copy);
        assertThat(Bench.saved(copy)).isEqualTo(Bench.saved(pit));
        other.level = irq.level;
        int before = irq.edges;
        bench.passMicroseconds(5000);
        second.passMicroseconds(5000);
        assertThat(other.edges).isEqualTo(irq.edges - before).isPositive();
    }
}
