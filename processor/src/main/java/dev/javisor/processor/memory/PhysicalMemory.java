package dev.javisor.processor.memory;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;

/**
 * The guest-physical address space of one machine: RAM, ROM and device regions. Regions added later lie over earlier ones.
 * Addresses that no region holds read as ones and ignore writes, like an open bus.
 */
public final class PhysicalMemory {
    private final List<Region> regions = new ArrayList<>();
    private final List<MappingObserver> mappingObservers = new ArrayList<>();
    /** Ranges of which one region (or none: null) is on top: their first addresses, in unsigned order. */
    private long[] starts = {0};

    private Region[] tops = {null};
    /** The range that was found last. */
    private long lastStart, lastSize, previousStart, previousSize;

    private Region lastRegion, previousRegion;
    private CodeObserver codeObserver;
    private long a20Mask = -1L;

    public void add(Region region) {
        regions.addFirst(region);
        changed();
    }

    public void remove(Region region) {
        regions.remove(region);
        changed();
    }

    /** Adds RAM that somebody owns; its memory must stay alive as long as this object. */
    public Region addRam(long gpa, MemorySegment memory) {
        Region r = Region.memory(gpa, memory, false);
        add(r);
        return r;
    }

    public List<Region> regions() {
        return List.copyOf(regions);
    }

    public void observeMapping(MappingObserver observer) {
        mappingObservers.add(observer);
    }

    public void setCodeObserver(CodeObserver observer) {
        codeObserver = observer;
    }

    /** The A20 gate: when closed, address bit 20 is always 0. */
    public void setA20(boolean open) {
        long mask = open ? -1L : ~(1L << 20);
        if (mask != a20Mask) {
            a20Mask = mask;
            changed();
        }
    }

    public boolean a20() {
        return a20Mask == -1L;
    }

    public long a20Mask() {
        return a20Mask;
    }

    /** The region at a guest-physical address (after the A20 gate), or null. */
    public Region regionAt(long gpa) {
        gpa &= a20Mask;
        if (Long.compareUnsigned(gpa - lastStart, lastSize) >= 0) {
            find(gpa);
        }
        return lastRegion;
    }

    /** The region that holds all of a 4-KiB page, or null. */
    public Region regionOfPage(long page) {
        Region r = regionAt(page);
        return (page & a20Mask) + 0xFFF - lastStart < lastSize ? r : null;
    }

    /** Looks at the range before the last one first: a hypervisor and its guest are in two. */
    private void find(long gpa) {
        long start = previousStart;
        long size = previousSize;
        Region region = previousRegion;
        previousStart = lastStart;
        previousSize = lastSize;
        previousRegion = lastRegion;
        if (Long.compareUnsigned(gpa - start, size) < 0) {
            lastStart = start;
            lastSize = size;
            lastRegion = region;
        } else {
            search(gpa);
        }
    }

    private void search(long gpa) {
        int low = 0;
        int high = starts.length - 1;
        while (low < high) {
            int middle = low + high + 1 >>> 1;
            if (Long.compareUnsigned(starts[middle], gpa) <= 0) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        lastStart = starts[low];
        lastSize = low + 1 < starts.length ? starts[low + 1] - lastStart : -lastStart;
        lastRegion = tops[low];
    }

    private void changed() {
        cut();
        for (MappingObserver o : mappingObservers) {
            o.mappingChanged();
        }
    }

    /** Takes part of the address space. */
    @FunctionalInterface
    public interface RangeVisitor {
        void visit(long start, long size, Region region);
    }

    /** The ranges, in order, of which one region is on top. */
    public void forEachRange(RangeVisitor visitor) {
        for (int i = 0; i < starts.length; ) {
            int first = i++;
            while (i < starts.length && tops[i] == tops[first]) {
                i++;
            }
            if (tops[first] != null) {
                visitor.visit(starts[first], (i < starts.length ? starts[i] : 0) - starts[first], tops[first]);
            }
        }
    }

    /** Cuts the address space into ranges of which one region, or none, is on top. */
    private void cut() {
        TreeSet<Long> cuts = new TreeSet<>(Long::compareUnsigned);
        cuts.add(0L);
        for (Region r : regions) {
            cuts.add(r.start);
            cuts.add(r.start + r.size);
        }
        starts = cuts.stream().mapToLong(Long::longValue).toArray();
        tops = new Region[starts.length];
        for (int i = 0; i < starts.length; i++) {
            for (Region r : regions) {
                if (r.contains(starts[i])) {
                    tops[i] = r;
                    break;
                }
            }
        }
        lastSize = 0;
        previousSize = 0;
    }

    /**
     * Host address of a byte of RAM or ROM, or 0 when the address is a device's or nobody's. Valid for the rest of the 4-KiB page,
     * until a {@link MappingObserver} is told.
     */
    public long hostAddress(long gpa) {
        Region r = regionAt(gpa);
        return r == null || r.device != null ? 0 : r.host + ((gpa & a20Mask) - r.start);
    }

    /** Reads 1, 2, 4 or 8 bytes, zero-extended; may cross regions. */
    public long read(long gpa, int size) {
        gpa &= a20Mask;
        Region r = regionAt(gpa);
        if (r == null || gpa + size > r.start + r.size) {
            return readSplit(gpa, size);
        }
        if (r.device != null) {
            return r.device.read(gpa - r.start, size) & mask(size);
        }
        long a = r.host + (gpa - r.start);
        return switch (size) {
            case 1 -> HostMemory.getByte(a) & 0xFFL;
            case 2 -> HostMemory.getShort(a) & 0xFFFFL;
            case 4 -> HostMemory.getInt(a) & 0xFFFFFFFFL;
            default -> HostMemory.getLong(a);
        };
    }

    /** Writes 1, 2, 4 or 8 bytes; may cross regions. */
    public void write(long gpa, int size, long value) {
        gpa &= a20Mask;
        Region r = regionAt(gpa);
        if (r == null || gpa + size > r.start + r.size || (gpa & 4095) + size > 4096 && r.device == null) {
            writeSplit(gpa, size, value);
            return;
        }
        if (r.device != null) {
            r.device.write(gpa - r.start, size, value & mask(size));
            return;
        }
        if (r.stores != null) {
            r.stores.write(gpa - r.start, size, value & mask(size));
            return;
        }
        if (r.readOnly) {
            return;
        }
        touch(r, gpa, size);
        long a = r.host + (gpa - r.start);
        switch (size) {
            case 1 -> HostMemory.putByte(a, (byte) value);
            case 2 -> HostMemory.putShort(a, (short) value);
            case 4 -> HostMemory.putInt(a, (int) value);
            default -> HostMemory.putLong(a, value);
        }
    }

    /** Before a store of {@code size} bytes within one page of RAM: tells the code observer and the dirty log. */
    public void touch(Region r, long gpa, int size) {
        int page = r.flag(gpa);
        int f = r.flags[page];
        if (f != 0) {
            if ((f & Region.CODE) != 0) {
                codeObserver.codeChanging(gpa, size);
            }
            r.flags[page] &= ~Region.CLEAN;
        }
    }

    private long readSplit(long gpa, int size) {
        if (size == 1) {
            return 0xFF;
        }
        int half = size / 2;
        return read(gpa, half) | read(gpa + half, half) << 8 * half;
    }

    private void writeSplit(long gpa, int size, long value) {
        if (size > 1) {
            int half = size / 2;
            write(gpa, half, value);
            write(gpa + half, half, value >>> 8 * half);
        }
    }

    private static long mask(int size) {
        return size == 8 ? -1L : (1L << 8 * size) - 1;
    }

    /** Copies out of memory, as a device (DMA) does; what is neither RAM nor ROM reads as ones, so that no device can drive another. */
    public void read(long gpa, byte[] target, int offset, int length) {
        while (length > 0) {
            int n = (int) Math.min(length, 4096 - (gpa & 4095));
            long host = hostAddress(gpa);
            if (host != 0) {
                HostMemory.read(host, target, offset, n);
            } else {
                Arrays.fill(target, offset, offset + n, (byte) 0xFF);
            }
            gpa += n;
            offset += n;
            length -= n;
        }
    }

    /** Copies into RAM, as a device (DMA) or loader does; everything else stays as it is. */
    public void write(long gpa, byte[] source, int offset, int length) {
        while (length > 0) {
            int n = (int) Math.min(length, 4096 - (gpa & 4095));
            Region r = regionAt(gpa);
            if (r != null && r.isMemory() && !r.readOnly) {
                touch(r, gpa & a20Mask, n);
                HostMemory.write(r.host + ((gpa & a20Mask) - r.start), source, offset, n);
            }
            gpa += n;
            offset += n;
            length -= n;
        }
    }
}
