package dev.javisor.machine.boot;

import dev.javisor.machine.memory.MemoryMap;
import java.util.ArrayList;
import java.util.List;

/** Finds room in usable RAM beside what is already there. */
final class Placement {
    private record Taken(long start, long end) {}

    private final MemoryMap map;
    private final List<Taken> taken = new ArrayList<>();

    Placement(MemoryMap map) {
        this.map = map;
        // The interrupt vectors and the BIOS data area.
        take(0, 0x600);
    }

    void take(long start, long size) {
        taken.add(new Taken(start, start + size));
    }

    /** The highest aligned place that ends at {@code limit} or below, or -1; it is taken from now on. */
    long highest(long size, long limit, long alignment) {
        long best = -1;
        for (MemoryMap.Range r : map.ranges()) {
            if (r.type() == MemoryMap.Type.USABLE) {
                long at = down(Math.min(r.end(), limit) - size, alignment);
                for (Taken t = conflict(at, size); t != null && at >= r.start(); t = conflict(at, size)) {
                    at = down(t.start - size, alignment);
                }
                if (at >= r.start()) {
                    best = Math.max(best, at);
                }
            }
        }
        return taken(best, size);
    }

    /** The lowest aligned place from {@code minimum} on, or -1; it is taken from now on. */
    long lowest(long size, long minimum, long alignment) {
        for (MemoryMap.Range r : map.ranges()) {
            if (r.type() == MemoryMap.Type.USABLE) {
                long at = up(Math.max(r.start(), minimum), alignment);
                for (Taken t = conflict(at, size); t != null; t = conflict(at, size)) {
                    at = up(t.end, alignment);
                }
                if (at + size <= r.end()) {
                    return taken(at, size);
                }
            }
        }
        return -1;
    }

    private long taken(long at, long size) {
        if (at >= 0) {
            take(at, size);
        }
        return at;
    }

    private Taken conflict(long at, long size) {
        for (Taken t : taken) {
            if (at < t.end && t.start < at + size) {
                return t;
            }
        }
        return null;
    }

    private static long down(long value, long alignment) {
        return value & -alignment;
    }

    private static long up(long value, long alignment) {
        return value + alignment - 1 & -alignment;
    }
}
