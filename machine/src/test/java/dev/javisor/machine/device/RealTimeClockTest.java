package dev.javisor.machine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.javisor.machine.device.Bench.Probe;
import java.time.LocalDateTime;
import org.junit.jupiter.api.Test;

class RealTimeClockTest {
    private static final int SECOND = 1_000_000;
    private final Bench bench = new Bench();
    private final Probe irq = new Probe();
    private final RealTimeClock rtc = start(LocalDateTime.of(1999, 12, 31, 23, 59, 58));

    private RealTimeClock start(LocalDateTime at) {
        RealTimeClock c = new RealTimeClock(bench.timeline, irq, at);
        c.connect(bench.bus);
        return c;
    }

    private int read(int register) {
        bench.out(0x70, register);
        return bench.in(0x71);
    }

    private void write(int register, int value) {
        bench.out(0x70, register);
        bench.out(0x71, value);
    }

    private String time() {
        return "%02x%02x-%02x-%02x %02x:%02x:%02x day %x"
                .formatted(read(0x32), read(9), read(8), read(7), read(4), read(2), read(0), read(6));
    }

    @Test
    void timeAdvancesThroughTheEndOfTheCentury() {
        assertThat(time()).isEqualTo("1999-12-31 23:59:58 day 6");
        bench.passMicroseconds(SECOND - 1);
        assertThat(time()).isEqualTo("1999-12-31 23:59:58 day 6");
        bench.passMicroseconds(1);
        assertThat(time()).isEqualTo("1999-12-31 23:59:59 day 6");
        bench.passMicroseconds(SECOND);
        assertThat(time()).isEqualTo("2000-01-01 00:00:00 day 7");
        bench.passMicroseconds(60L * 86400 * SECOND);
        assertThat(time()).isEqualTo("2000-03-01 00:00:00 day 4");
    }

    @Test
    void theFirstSecondIsAsShortAsTheStartHasIt() {
        start(LocalDateTime.of(2026, 1, 1, 0, 0, 0, 750_000_000));
        bench.passMicroseconds(SECOND / 4 - 1);
        assertThat(read(0)).isZero();
        bench.passMicroseconds(1);
        assertThat(read(0)).isEqualTo(1);
    }

    @Test
    void binaryAndTwelveHourModes() {
        write(11, 0x04);
        start(LocalDateTime.of(2026, 1, 1, 0, 0)); // another clock, in BCD and 24 hours
        assertThat(read(4)).isZero();
        write(11, 0x00);
        write(4, 0x92);
        bench.passMicroseconds(3600L * SECOND);
        assertThat(read(4)).as("one in the afternoon").isEqualTo(0x81);
        write(11, 0x06);
        write(4, 9);
        write(2, 9);
        bench.passMicroseconds(60L * SECOND);
        assertThat(read(2)).isEqualTo(10);
    }

    @Test
    void setHoldsTheTime() {
        write(11, 0x82);
        write(0, 0x30);
        bench.passMicroseconds(5 * SECOND);
        assertThat(read(0)).isEqualTo(0x30);
        write(11, 0x02);
        bench.passMicroseconds(SECOND);
        assertThat(read(0)).isEqualTo(0x31);
    }

    @Test
    void updateInProgressPrecedesEachUpdate() {
        bench.passMicroseconds(SECOND - 2300);
        assertThat(read(10) & 0x80).isZero();
        bench.passMicroseconds(300);
        assertThat(read(10) & 0x80).isNotZero();
        bench.passMicroseconds(2000);
        assertThat(read(10) & 0x80).isZero();
    }

    @Test
    void theDividerResetStartsASecondInHalf() {
        write(10, 0x76);
        bench.passMicroseconds(10 * SECOND);
        assertThat(read(0)).isEqualTo(0x58);
        write(10, 0x26);
        bench.passMicroseconds(SECOND / 2 - 50);
        assertThat(read(0)).isEqualTo(0x58);
        bench.passMicroseconds(100);
        assertThat(read(0)).isEqualTo(0x59);
    }

    @Test
    void periodicInterruptsComeAtTheChosenRate() {
        write(10, 0x26);
        write(11, 0x42);
        int before = irq.edges;
        for (int i = 0; i < 10; i++) {
            bench.pass(2_000_000_000L / 1024 + 1);
            assertThat(read(12)).isEqualTo(0xC0);
            assertThat(read(12)).as("reading clears").isZero();
        }
        assertThat(irq.edges - before).isEqualTo(10);
        bench.passMicroseconds(SECOND);
        assertThat(irq.edges - before).as("no further edge before the flag is read").isEqualTo(11);
    }

    @Test
    void updateEndedInterruptsOnceASecond() {
        write(11, 0x12);
        bench.passMicroseconds(SECOND);
        assertThat(irq.level).isTrue();
        assertThat(read(12)).isEqualTo(0xD0);
        assertThat(irq.level).isFalse();
    }

    @Test
    void theAlarmMatchesTimeWithDontCares() {
        write(1, 0x05);
        write(3, 0x00);
        write(5, 0xC0);
        write(11, 0x22);
        read(12);
        bench.passMicroseconds(6_900_000);
        assertThat(irq.level).isFalse();
        bench.passMicroseconds(100_000);
        assertThat(irq.level).isTrue();
        assertThat(read(12) & 0xA0).isEqualTo(0xA0);
        bench.passMicroseconds(3_599L * SECOND);
        assertThat(irq.level).isFalse();
        bench.passMicroseconds(SECOND);
        assertThat(irq.level).isTrue();
    }

    @Test
    void flagsAreSetWithoutInterrupts() {
        write(1, 0xC0);
        write(3, 0xC0);
        write(5, 0xC0);
        read(12);
        bench.passMicroseconds(SECOND);
        assertThat(read(12)).isEqualTo(0x70);
        assertThat(irq.edges).isZero();
    }

    @Test
    void anIdleClockSchedulesNothing() {
        assertThat(bench.timeline.next()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void invalidTimesCountOnUntilTheyAreValid() {
        write(0, 0x75);
        write(2, 0x59);
        write(4, 0x10);
        bench.passMicroseconds(SECOND);
        assertThat(time()).isEqualTo("1999-12-31 11:00:00 day 6");
    }

    @Test
    void memoryIsOnBattery() {
        rtc.setMemory(0x17, 0xAB);
        rtc.reset();
        assertThat(read(0x17)).isEqualTo(0xAB);
        assertThat(read(13)).isEqualTo(0x80);
        assertThat(bench.in(0x70)).isEqualTo(0xFF);
        assertThatThrownBy(() -> rtc.setMemory(5, 0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void memorySizesAreWhereFirmwareLooks() {
        rtc.setMemorySize(0xC0000000L, 1L << 30);
        assertThat(read(0x15) | read(0x16) << 8).isEqualTo(640);
        assertThat(read(0x30) | read(0x31) << 8).as("more KiB than fit").isEqualTo(0xFFFF);
        assertThat((read(0x34) | read(0x35) << 8) << 16).isEqualTo(0xC0000000 - (16 << 20));
        assertThat(read(0x5B) | read(0x5C) << 8 | read(0x5D) << 16).isEqualTo(1 << 14);
    }

    @Test
    void aCopyGoesOnAsTheOriginal() {
        write(11, 0x42);
        bench.passMicroseconds(700);
        Probe other = new Probe();
        Bench second = bench.second();
        RealTimeClock copy = new RealTimeClock(second.timeline, other, LocalDateTime.of(2000, 1, 1, 0, 0));
        Bench.copy(rtc, copy);
        assertThat(Bench.saved(copy)).isEqualTo(Bench.saved(rtc));
        bench.passMicroseconds(400);
        second.passMicroseconds(400);
        assertThat(other.level).isEqualTo(irq.level).isTrue();
    }
}
