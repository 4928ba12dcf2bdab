package dev.javisor.machine.memory;

import java.util.ArrayList;
import java.util.List;

/** What a guest is told about its physical memory: what the firmware call "Query System Address Map" (E820) reports. Immutable. */
public final class MemoryMap {
    /** First byte of the EBDA, and end of the conventional memory that is free. */
    public static final long CONVENTIONAL_END = 0x9FC00;

    private static final long MEGABYTE = 1L << 20;
    private static final long FOUR_GIGABYTES = 1L << 32;

    /** Address range types, with their numbers in the ACPI specification. */
    public enum Type {
        USABLE(1),
        RESERVED(2),
        ACPI_RECLAIMABLE(3),
        ACPI_NVS(4);

        public final int number;

        Type(int number) {
            this.number = number;
        }
    }

    /** A range of guest-physical addresses; {@code size} is in bytes and not 0. */
    public record Range(long start, long size, Type type) {
        public long end() {
            return start + size;
        }
    }

    private final List<Range> ranges;

    private MemoryMap(List<Range> ranges) {
        this.ranges = List.copyOf(ranges);
    }

    /**
     * The map of a PC.
     *
     * @param ram bytes of RAM, at least 1 MiB
     * @param lowLimit where RAM below 4 GiB ends at the latest; the rest continues at 4 GiB
     */
    public static MemoryMap pc(long ram, long lowLimit) {
        List<Range> r = new ArrayList<>();
        r.add(new Range(0, CONVENTIONAL_END, Type.USABLE));
        r.add(new Range(CONVENTIONAL_END, 0xA0000 - CONVENTIONAL_END, Type.RESERVED));
        r.add(new Range(0xF0000, MEGABYTE - 0xF0000, Type.RESERVED));
        long low = Math.min(ram, lowLimit);
        if (low > MEGABYTE) {
            r.add(new Range(MEGABYTE, low - MEGABYTE, Type.USABLE));
        }
        if (ram > low) {
            r.add(new Range(FOUR_GIGABYTES, ram - low, Type.USABLE));
        }
        return new MemoryMap(r);
    }

    /** This map with {@code start} to {@code start + size} of another type; what was known of these addresses is replaced. */
    public MemoryMap with(long start, long size, Type type) {
        long end = start + size;
        List<Range> result = new ArrayList<>();
        Range added = new Range(start, size, type);
        boolean placed = false;
        for (Range r : ranges) {
            if (!placed && r.start >= start) {
                result.add(added);
                placed = true;
            }
            if (r.start < start) {
                result.add(new Range(r.start, Math.min(r.end(), start) - r.start, r.type));
                if (r.end() > end) {
                    result.add(added);
                    placed = true;
                }
            }
            if (r.end() > end) {
                long from = Math.max(r.start, end);
                result.add(new Range(from, r.end() - from, r.type));
            }
        }
        if (!placed) {
            result.add(added);
        }
        return new MemoryMap(result);
    }

    /** Sorted by address, without overlaps. */
    public List<Range> ranges() {
        return ranges;
    }

    /** Are all these bytes usable RAM? */
    public boolean isUsable(long start, long size) {
        for (Range r : ranges) {
            if (r.type == Type.USABLE && start >= r.start && size >= 0 && size <= r.end() - start && start < r.end()) {
                return true;
            }
        }
        return false;
    }

    /** End of the usable RAM that starts at 1 MiB; 1 MiB when there is none. */
    public long lowEnd() {
        return ranges.stream()
                .filter(r -> r.type == Type.USABLE && r.start == MEGABYTE)
                .mapToLong(Range::end)
                .findFirst()
                .orElse(MEGABYTE);
    }

    /** Usable RAM in MiB, for people: rounded up. */
    public long megabytes() {
        long bytes = ranges.stream().filter(r -> r.type == Type.USABLE).mapToLong(Range::size).sum();
        return bytes + MEGABYTE - 1 >> 20;
    }
}
