package dev.javisor.hypervisor.memory;

import java.util.Arrays;

/** Which pages of a memory slot were stored to since somebody last said that they were not. */
public final class DirtyLog {
    private final long pages;
    private long[] bits;

    /** @param set all pages count as stored to */
    DirtyLog(long pages, boolean set) {
        this.pages = pages;
        bits = new long[(int) (pages + 63 >> 6)];
        if (set) {
            Arrays.fill(bits, -1);
            bits[bits.length - 1] = -1L >>> (64 - pages & 63);
        }
    }

    /** Pages of the slot. */
    public long pages() {
        return pages;
    }

    public void mark(long page) {
        bits[(int) (page >> 6)] |= 1L << page;
    }

    /** The log, one bit for each page; it is empty afterwards. */
    public long[] take() {
        long[] taken = bits;
        bits = new long[taken.length];
        return taken;
    }

    /** The log, one bit for each page. */
    public long[] copy() {
        return bits.clone();
    }

    /** Pages that have a bit in {@code bitmap} do not count as stored to. @param firstPage of the bitmap; a multiple of 64 */
    public void clear(long firstPage, long[] bitmap) {
        for (int i = 0; i < bitmap.length; i++) {
            bits[(int) (firstPage >> 6) + i] &= ~bitmap[i];
        }
    }
}
