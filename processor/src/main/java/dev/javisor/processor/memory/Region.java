package dev.javisor.processor.memory;

import java.lang.foreign.MemorySegment;

/** A range of guest-physical addresses: RAM, ROM (RAM that guest stores do not change), or a device. Immutable but for its page flags. */
public final class Region {
    /** {@link #flags} bit: the page holds decoded code; stores must tell the {@link CodeObserver}. */
    public static final byte CODE = 1;
    /** {@link #flags} bit: the page was not yet stored to since dirty logging began. */
    public static final byte CLEAN = 2;

    /** First guest-physical address. */
    public final long start;
    /** Bytes. */
    public final long size;
    /** Host address of the first byte for RAM and ROM; 0 for a device. */
    public final long host;
    /** Guest stores are ignored. */
    public final boolean readOnly;
    /** The device, or null for RAM and ROM. */
    public final MmioHandler device;
    /** Takes the stores of instructions to RAM or ROM in its place; null when they go there. */
    public final MmioHandler stores;
    /** One byte for each page of RAM or ROM; the region's first page is {@link #firstFlag}. Shared with every {@link #slice}. */
    public final byte[] flags;

    private final int firstFlag;
    /** Keeps the memory alive. */
    public final MemorySegment segment;

    private Region(
            long start, long size, MemorySegment segment, boolean readOnly, MmioHandler device, MmioHandler stores, byte[] flags,
            int firstFlag) {
        this.start = start;
        this.size = size;
        this.segment = segment;
        this.host = segment == null ? 0 : segment.address();
        this.readOnly = readOnly;
        this.device = device;
        this.stores = stores;
        this.flags = flags;
        this.firstFlag = firstFlag;
    }

    /** RAM or ROM; start and size are multiples of 4096. */
    public static Region memory(long start, MemorySegment segment, boolean readOnly) {
        if ((start & 4095) != 0 || (segment.byteSize() & 4095) != 0 || segment.byteSize() == 0) {
            throw new IllegalArgumentException("memory region must consist of whole pages");
        }
        return new Region(start, segment.byteSize(), segment, readOnly, null, null, new byte[(int) (segment.byteSize() >>> 12)], 0);
    }

    public static Region device(long start, long size, MmioHandler device) {
        return new Region(start, size, null, false, device, null, null, 0);
    }

    /**
     * A part of this RAM or ROM at another address, for another address space: the same bytes, and the same flags.
     *
     * @param at first guest-physical address there
     * @param offset bytes into this region; a multiple of 4096, as is {@code bytes}
     */
    public Region slice(long at, long offset, long bytes) {
        return slice(at, offset, bytes, null);
    }

    /** As {@link #slice(long, long, long)}. @param stores takes the stores of instructions there, or null */
    public Region slice(long at, long offset, long bytes, MmioHandler stores) {
        if (((at | offset | bytes) & 4095) != 0) {
            throw new IllegalArgumentException("memory region must consist of whole pages");
        }
        return new Region(at, bytes, segment.asSlice(offset, bytes), readOnly, null, stores, flags, firstFlag + (int) (offset >>> 12));
    }

    /** Position in {@link #flags} of the page that an address of this region lies in. */
    public int flag(long gpa) {
        return (int) (gpa - start >>> 12) + firstFlag;
    }

    public boolean isMemory() {
        return device == null;
    }

    public boolean contains(long gpa) {
        return Long.compareUnsigned(gpa - start, size) < 0;
    }
}
