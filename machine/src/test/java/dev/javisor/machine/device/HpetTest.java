package dev.javisor.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.machine.device.Bench.Probe;
import dev.javisor.processor.bus.InterruptLine;
import org.junit.jupiter.api.Test;

class HpetTest {
    private static final int INTERRUPT = 4;
    private static final int LEVEL = 2;
    private static final int PERIODIC = 8;
    private static final int SET_VALUE = 0x40;
    private static final int NARROW = 0x100;
    /** Counts in a microsecond. */
    private static final int US = 100;

    private final Bench bench = new Bench();
    private final Probe irq0 = new Probe();
    private final Probe irq8 = new Probe();
    private final Probe pin20 = new Probe();
    private final Hpet hpet = new Hpet(bench.timeline, irq0, irq8, pins());

    private InterruptLine[] pins() {
        InterruptLine[] p = new InterruptLine[24];
        p[20] = pin20;
        return p;
    }

    private void timer(int n, long configuration, long comparator) {
        hpet.write(0x100 + 0x20 * n, 8, configuration | 20 << 9);
        hpet.write(0x108 + 0x20 * n, 8, comparator);
    }

    private void enable(int bits) {
        hpet.write(0x10, 8, bits);
    }

    @Test
    void capabilitiesTellPeriodAndTimers() {
        assertThat(hpet.read(0, 8)).isEqualTo(10_000_000L << 32 | 0x8086A201L);
        assertThat(hpet.read(4, 4) & 0xFFFFFFFFL).isEqualTo(10_000_000L);
        assertThat(hpet.read(0x104, 4)).as("routes").isEqualTo(1 << 20);
    }

    @Test
    void theCounterRunsWhileEnabled() {
        bench.passMicroseconds(5);
        assertThat(hpet.read(0xF0, 8)).isZero();
        enable(1);
        bench.passMicroseconds(5);
        assertThat(hpet.read(0xF0, 8)).isEqualTo(5 * US);
        enable(0);
        bench.passMicroseconds(5);
        assertThat(hpet.read(0xF0, 8)).isEqualTo(5 * US);
        hpet.write(0xF0, 8, 0xFFFF_FFFFL);
        enable(1);
        bench.passMicroseconds(1);
        assertThat(hpet.read(0xF0, 8)).isEqualTo(0xFFFF_FFFFL + US);
        assertThat(hpet.read(0xF4, 4)).isEqualTo(1);
    }

    @Test
    void aOneShotTimerFiresOnce() {
        timer(1, INTERRUPT, 10 * US);
        enable(1);
        bench.pass(10 * 2000 - 1);
        assertThat(pin20.edges).isZero();
        bench.pass(1);
        assertThat(pin20.edges).isEqualTo(1);
        bench.passMicroseconds(1000);
        assertThat(pin20.edges).isEqualTo(1);
        assertThat(hpet.read(0x20, 8)).as("edges have no status").isZero();
    }

    @Test
    void nothingFiresWithoutInterruptEnable() {
        timer(1, 0, 10 * US);
        enable(1);
        bench.passMicroseconds(100);
        assertThat(pin20.edges).isZero();
    }

    @Test
    void aLevelStaysUntilItsStatusIsCleared() {
        timer(2, INTERRUPT | LEVEL, 10 * US);
        enable(1);
        bench.passMicroseconds(20);
        assertThat(pin20.level).isTrue();
        assertThat(hpet.read(0x20, 8)).isEqualTo(4);
        hpet.write(0x20, 8, 3);
        assertThat(pin20.level).isTrue();
        hpet.write(0x20, 8, 4);
        assertThat(pin20.level).isFalse();
        assertThat(hpet.read(0x20, 8)).isZero();
    }

    @Test
    void aPeriodicTimerTakesFirstMatchAndPeriod() {
        timer(0, INTERRUPT | PERIODIC | SET_VALUE | NARROW, 50 * US);
        hpet.write(0x108, 4, 10 * US);
        enable(1);
        bench.passMicroseconds(49);
        assertThat(pin20.edges).isZero();
        bench.passMicroseconds(31);
        assertThat(pin20.edges).isEqualTo(4);
        assertThat(hpet.read(0x108, 8)).isEqualTo(90 * US);
    }

    @Test
    void onlyTimer0IsPeriodic() {
        assertThat(hpet.read(0x100, 4) & 0x10).isNotZero();
        hpet.write(0x120, 8, PERIODIC);
        assertThat(hpet.read(0x120, 4) & (PERIODIC | 0x10)).isZero();
    }

    @Test
    void aRouteThatIsNotAllowedIsNotTaken() {
        hpet.write(0x100, 8, 20 << 9);
        hpet.write(0x100, 8, 3 << 9);
        assertThat(hpet.read(0x100, 4) >>> 9 & 0x1F).isEqualTo(20);
    }

    @Test
    void legacyReplacementTakesTheTimersInterrupts() {
        InterruptLine pit = hpet.pitInput();
        pit.set(true);
        assertThat(irq0.level).isTrue();
        pit.set(false);
        timer(0, INTERRUPT, 10 * US);
        timer(1, INTERRUPT, 20 * US);
        enable(3);
        pit.set(true);
        assertThat(irq0.edges).isEqualTo(1);
        bench.passMicroseconds(10);
        assertThat(irq0.edges).isEqualTo(2);
        assertThat(irq8.edges).isZero();
        bench.passMicroseconds(10);
        assertThat(irq8.edges).isEqualTo(1);
        assertThat(pin20.edges).isZero();
        enable(0);
        assertThat(irq0.level).as("the 8254's level shows again").isTrue();
        assertThat(irq8.level).isFalse();
    }

    @Test
    void aComparatorInThePastWaitsForTheCounterToWrap() {
        enable(1);
        bench.passMicroseconds(100);
        timer(1, INTERRUPT | NARROW, 50 * US);
        bench.passMicroseconds(40_000_000);
        assertThat(pin20.edges).isZero();
        bench.passMicroseconds(3_000_000);
        assertThat(pin20.edges).isEqualTo(1);
    }

    @Test
    void aCopyGoesOnAsTheOriginal() {
        timer(0, INTERRUPT | PERIODIC | SET_VALUE, 5 * US);
        enable(1);
        bench.passMicroseconds(7);
        Probe other = new Probe();
        InterruptLine[] pins = new InterruptLine[24];
        pins[20] = other;
        Bench second = bench.second();
        Hpet copy = new Hpet(second.timeline, new Probe(), new Probe(), pins);
        Bench.copy(hpet, copy);
        assertThat(Bench.saved(copy)).isEqualTo(Bench.saved(hpet));
        other.level = pin20.level;
        int before = pin20.edges;
        bench.passMicroseconds(20);
        second.passMicroseconds(20);
        assertThat(other.edges).isEqualTo(pin20.edges - before).isEqualTo(4);
    }
}
