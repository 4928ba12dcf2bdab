package dev.javisor.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.machine.device.Bench.Probe;
import dev.javisor.processor.core.Timeline;
import java.time.LocalDateTime;
import org.junit.jupiter.api.Test;

class PowerManagementTest {
    private static final int STATUS = 0x600;
    private static final int ENABLE = 0x602;
    private static final int CONTROL = 0x604;
    private static final int TIMER = 0x608;
    private static final int GPE_STATUS = 0x620;
    private static final int GPE_ENABLE = 0x628;

    private final Bench bench = new Bench();
    private final Probe sci = new Probe();
    private final PowerManagement pm = new PowerManagement(bench.timeline, sci, bench, false);

    PowerManagementTest() {
        pm.connect(bench.bus);
    }

    private int in16(int port) {
        return bench.bus.in(port, 2);
    }

    private void out16(int port, int value) {
        bench.bus.out(port, 2, value);
    }

    @Test
    void theTimerCounts24Bits() {
        bench.pass(Timeline.FREQUENCY);
        assertThat(bench.bus.in(TIMER, 4)).isEqualTo(3_579_545);
        bench.pass(9 * Timeline.FREQUENCY);
        assertThat(bench.bus.in(TIMER, 4)).isEqualTo(35_795_450 & 0xFFFFFF);
        PowerManagement wide = new PowerManagement(bench.timeline, sci, bench, true);
        assertThat(wide.read(PowerManagement.TIMER, 4)).isEqualTo(35_795_450);
    }

    @Test
    void theRegistersAreWhereFirmwarePutsThemToo() {
        pm.moveTo(0xB000);
        out16(0xB002, 0x100);
        assertThat(in16(ENABLE)).isEqualTo(0x100);
        pm.moveTo(0xFFC0);
        assertThat(in16(0xFFC2)).isEqualTo(0x100);
        assertThat(in16(0xB002)).as("no more").isEqualTo(0xFFFF);
        pm.moveTo(0);
        assertThat(in16(0xFFC2)).isEqualTo(0xFFFF);
        assertThat(in16(ENABLE)).isEqualTo(0x100);
    }

    @Test
    void theSmiCommandPortSwitchesAcpiOnAndOff() {
        assertThat(in16(CONTROL) & 1).isZero();
        bench.out(0xB2, PowerManagement.ACPI_ENABLE);
        assertThat(in16(CONTROL) & 1).isEqualTo(1);
        out16(CONTROL, 0);
        assertThat(in16(CONTROL) & 1).as("only the firmware changes it").isEqualTo(1);
        bench.out(0xB2, PowerManagement.ACPI_DISABLE);
        assertThat(in16(CONTROL) & 1).isZero();
    }

    @Test
    void thePowerButtonInterruptsWhenEnabled() {
        bench.out(0xB2, PowerManagement.ACPI_ENABLE);
        pm.pressPowerButton();
        assertThat(sci.level).isFalse();
        assertThat(in16(STATUS)).isEqualTo(0x100);
        out16(ENABLE, 0x100);
        assertThat(sci.level).isTrue();
        out16(STATUS, 0x001);
        assertThat(sci.level).isTrue();
        out16(STATUS, 0x100);
        assertThat(sci.level).isFalse();
        assertThat(in16(STATUS)).isZero();
    }

    @Test
    void noInterruptOutsideAcpiMode() {
        out16(ENABLE, 0x100);
        pm.pressPowerButton();
        assertThat(sci.level).isFalse();
        bench.out(0xB2, PowerManagement.ACPI_ENABLE);
        assertThat(sci.level).isTrue();
    }

    @Test
    void theTimerInterruptsWhenItsHighestBitChanges() {
        bench.out(0xB2, PowerManagement.ACPI_ENABLE);
        out16(ENABLE, 1);
        long halfway = (1L << 23) * Timeline.FREQUENCY / PowerManagement.TIMER_FREQUENCY;
        bench.pass(halfway - 1000);
        assertThat(sci.level).isFalse();
        bench.pass(2000);
        assertThat(sci.level).isTrue();
        out16(STATUS, 1);
        assertThat(sci.level).isFalse();
        bench.pass(halfway);
        assertThat(sci.level).isTrue();
    }

    @Test
    void sleepStates() {
        out16(CONTROL, PowerManagement.SLEEP_TYPE_S3 << 10);
        assertThat(bench.requests).as("without SLP_EN").isEmpty();
        out16(CONTROL, PowerManagement.SLEEP_TYPE_S5 << 10 | 0x2000);
        assertThat(bench.requests).containsExactly("powerOff");
        assertThat(in16(CONTROL) & 0x2000).as("SLP_EN is write-only").isZero();
    }

    @Test
    void theAlarmWakesFromS3() {
        RealTimeClock rtc = new RealTimeClock(bench.timeline, pm.rtcInput(), LocalDateTime.of(2026, 1, 1, 0, 0));
        rtc.connect(bench.bus);
        for (int register : new int[] {1, 3, 5}) {
            bench.out(0x70, register);
            bench.out(0x71, 0xC0);
        }
        bench.out(0x70, 11);
        bench.out(0x71, 0x22);
        out16(ENABLE, 0x400);
        out16(CONTROL, 0x2400);
        assertThat(bench.requests).containsExactly("suspend");
        bench.passMicroseconds(999_000);
        assertThat(bench.requests).hasSize(1);
        bench.passMicroseconds(1_000);
        assertThat(bench.requests).containsExactly("suspend", "wake");
        assertThat(in16(STATUS)).isEqualTo(0x8400);
        assertThat(pm.asleep()).isFalse();
    }

    @Test
    void generalPurposeEventsLatchAnEdge() {
        bench.out(0xB2, PowerManagement.ACPI_ENABLE);
        pm.generalPurposeEvent(9).set(true);
        assertThat(bench.in(GPE_STATUS + 1)).isEqualTo(2);
        bench.out(GPE_ENABLE + 1, 2);
        assertThat(sci.level).isTrue();
        bench.out(GPE_STATUS + 1, 2);
        assertThat(sci.level).isFalse();
        pm.generalPurposeEvent(9).set(true);
        assertThat(bench.in(GPE_STATUS + 1)).isZero();
    }

    @Test
    void aCopyGoesOnAsTheOriginal() {
        out16(ENABLE, 0x501);
        pm.pressPowerButton();
        pm.generalPurposeEvent(3).set(true);
        Bench second = bench.second();
        PowerManagement copy = new PowerManagement(second.timeline, new Probe(), bench, false);
        Bench.copy(pm, copy);
        assertThat(Bench.saved(copy)).isEqualTo(Bench.saved(pm));
    }
}
