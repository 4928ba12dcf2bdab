package dev.javisor.machine;

import dev.javisor.hypervisor.Vm;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Keeps the memory slots of a VM as the board decodes addresses: a slot for each range of RAM or ROM that nothing lies over. */
final class GuestMemory {
    private static final long PAGE = 4096;

    private record Range(long start, long size, Region region, long offset) {}

    private final Vm vm;
    private final PhysicalMemory memory;
    private final Map<Range, Integer> slots = new HashMap<>();

    GuestMemory(Vm vm, PhysicalMemory memory) {
        this.vm = vm;
        this.memory = memory;
    }

    void update() {
        List<Range> wanted = new ArrayList<>();
        memory.forEachRange((start, size, region) -> {
            if (region.isMemory() && size >= PAGE) {
                wanted.add(new Range(start, size & -PAGE, region, start - region.start));
            }
        });
        Set<Range> gone = new HashSet<>(slots.keySet());
        wanted.forEach(gone::remove);
        for (Range r : gone) {
            vm.setUserMemoryRegion(slots.remove(r), 0, r.start, null);
        }
        for (Range r : wanted) {
            if (!slots.containsKey(r)) {
                int number = freeSlot();
                slots.put(r, number);
                vm.share(r.region);
                MemorySegment bytes = r.region.segment.asSlice(r.offset, r.size);
                vm.setUserMemoryRegion(number, r.region.readOnly ? MemorySlots.READONLY : 0, r.start, bytes);
            }
        }
    }

    private int freeSlot() {
        int n = 0;
        while (slots.containsValue(n)) {
            n++;
        }
        return n;
    }
}
