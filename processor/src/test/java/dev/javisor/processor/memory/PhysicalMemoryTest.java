package dev.javisor.processor.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Regions that lie over each other. */
class PhysicalMemoryTest {
    private static final MmioHandler DEVICE = new MmioHandler() {
        @Override
        public long read(long offset, int size) {
            return 0;
        }

        @Override
        public void write(long offset, int size, long value) {}
    };

    @Test
    void theRegionAddedLastIsOnTop() {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        Random random = new Random(seed);
        PhysicalMemory memory = new PhysicalMemory();
        List<Region> model = new ArrayList<>();
        for (int step = 0; step < 200; step++) {
            if (model.size() > 8) {
                memory.remove(model.remove(random.nextInt(model.size())));
            } else {
                Region r = Region.device(random.nextInt(100), 1 + random.nextInt(60), DEVICE);
                memory.add(r);
                model.addFirst(r);
            }
            for (int i = 0; i < 50; i++) {
                long gpa = random.nextInt(200);
                Region expected = model.stream().filter(r -> r.contains(gpa)).findFirst().orElse(null);
                assertThat(memory.regionAt(gpa)).as("seed %d step %d gpa %d", seed, step, gpa).isSameAs(expected);
            }
        }
        assertThat(memory.regionAt(-1L)).isNull();
    }

    @Test
    void aPageHasARegionOnlyWhenItHoldsAllOfIt() {
        PhysicalMemory memory = new PhysicalMemory();
        Region ram = memory.addRam(0, Arena.ofAuto().allocate(0x4000, 4096));
        assertThat(memory.regionOfPage(0x3000)).isSameAs(ram);
        assertThat(memory.regionOfPage(0x4000)).isNull();
        memory.add(Region.device(0x1800, 0x100, DEVICE));
        assertThat(memory.regionOfPage(0x1000)).isNull();
        assertThat(memory.regionOfPage(0x2000)).isSameAs(ram);
    }
}
