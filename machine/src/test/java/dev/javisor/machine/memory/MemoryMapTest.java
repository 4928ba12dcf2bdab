package dev.javisor.machine.memory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.machine.memory.MemoryMap.Range;
import dev.javisor.machine.memory.MemoryMap.Type;
import org.junit.jupiter.api.Test;

class MemoryMapTest {
    private static final long MEGABYTE = 1L << 20, GIGABYTE = 1L << 30;

    @Test
    void ramAboveTheLimitContinuesAtFourGigabytes() {
        MemoryMap m = MemoryMap.pc(4 * GIGABYTE, 3 * GIGABYTE);
        assertThat(m.lowEnd()).isEqualTo(3 * GIGABYTE);
        assertThat(m.ranges()).contains(new Range(4 * GIGABYTE, GIGABYTE, Type.USABLE));
        assertThat(m.isUsable(3 * GIGABYTE - 1, 1)).isTrue();
        assertThat(m.isUsable(3 * GIGABYTE - 1, 2)).isFalse();
    }

    @Test
    void smallRamEndsBelowTheLimit() {
        MemoryMap m = MemoryMap.pc(64 * MEGABYTE, 3 * GIGABYTE);
        assertThat(m.lowEnd()).isEqualTo(64 * MEGABYTE);
        assertThat(m.ranges()).noneMatch(r -> r.start() >= 64 * MEGABYTE);
    }

    @Test
    void aReservationSplitsWhatItLiesIn() {
        MemoryMap m = MemoryMap.pc(64 * MEGABYTE, 3 * GIGABYTE).with(16 * MEGABYTE, MEGABYTE, Type.ACPI_NVS);
        assertThat(m.ranges())
                .containsSubsequence(
                        new Range(MEGABYTE, 15 * MEGABYTE, Type.USABLE),
                        new Range(16 * MEGABYTE, MEGABYTE, Type.ACPI_NVS),
                        new Range(17 * MEGABYTE, 47 * MEGABYTE, Type.USABLE));
    }

    @Test
    void aReservationBehindAllRamIsAdded() {
        MemoryMap m = MemoryMap.pc(64 * MEGABYTE, 3 * GIGABYTE).with(3 * GIGABYTE, MEGABYTE, Type.RESERVED);
        assertThat(m.ranges().getLast()).isEqualTo(new Range(3 * GIGABYTE, MEGABYTE, Type.RESERVED));
    }

    @Test
    void rangesAreSortedAndDoNotOverlap() {
        MemoryMap m = MemoryMap.pc(8 * GIGABYTE, 3 * GIGABYTE)
                .with(GIGABYTE - 4096, 8192, Type.RESERVED)
                .with(0xF000, 0x2000, Type.RESERVED);
        long end = 0;
        for (Range r : m.ranges()) {
            assertThat(r.start()).isGreaterThanOrEqualTo(end);
            assertThat(r.size()).isPositive();
            end = r.end();
        }
    }

    @Test
    void hugeSizesAreNotUsable() {
        MemoryMap m = MemoryMap.pc(64 * MEGABYTE, 3 * GIGABYTE);
        assertThat(m.isUsable(MEGABYTE, Long.MAX_VALUE)).isFalse();
        assertThat(m.isUsable(Long.MAX_VALUE, 1)).isFalse();
        assertThat(m.isUsable(-4096, 4096)).isFalse();
    }
}
