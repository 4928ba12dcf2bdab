package dev.javisor.machine;

import dev.javisor.hypervisor.Vm;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Keeps the memory slots of a VM as the board decodes addresses: a slot for each range of RAM or ROM that nothing lies over. */
final class GuestMemory {
    private static final long PAGE = 4096, MEGABYTE = 1 << 20;

    private record Range(long start, long size, Region region, long offset) {}

    private final Vm vm;
    private final PhysicalMemory memory;
    private final Map<Range, Integer> slots = new HashMap<>();
    private final BitSet used = new BitSet();

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
        vm.changeMemory(() -> change(memory.a20() ? wanted : withoutA20(wanted)));
    }

    /** Every odd megabyte shows the even one below it. */
    private static List<Range> withoutA20(List<Range> ranges) {
        List<Range> aliased = new ArrayList<>();
        for (Range r : ranges) {
            long end = r.start + r.size;
            for (long even = r.start & -2 * MEGABYTE; even < end; even += 2 * MEGABYTE) {
                long from = Math.max(even, r.start);
                long size = Math.min(even + MEGABYTE, end) - from;
                if (size > 0) {
                    long offset = r.offset + (from - r.start);
                    aliased.add(new Range(from, size, r.region, offset));
                    aliased.add(new Range(from + MEGABYTE, size, r.region, offset));
                }
            }
        }
        return aliased;
    }

    private void change(List<Range> wanted) {
        Set<Range> gone = new HashSet<>(slots.keySet());
        wanted.forEach(gone::remove);
        for (Range r : gone) {
            int number = slots.remove(r);
            used.clear(number);
            vm.setUserMemoryRegion(number, 0, r.start, null);
        }
        for (Range r : wanted) {
            if (!slots.containsKey(r)) {
                int number = used.nextClearBit(0);
                used.set(number);
                slots.put(r, number);
                vm.share(r.region);
                MemorySegment bytes = r.region.segment.asSlice(r.offset, r.size);
                vm.setUserMemoryRegion(number, r.region.readOnly ? MemorySlots.READONLY : 0, r.start, bytes);
            }
        }
    }
}
