package dev.javisor.hypervisor.memory;

import java.util.Arrays;

/** Which pages of a memory slot were stored to since somebody last said that they were not. */
public final class DirtyLog {
    private final MemorySlots slots;
    private final int slot;
    private final long pages;
    private long[] bits;

    /** @param set all pages count as stored to */
    DirtyLog(MemorySlots slots, int slot, long pages, boolean set) {
        this.slots = slots;
        this.slot = slot;
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
        int word = (int) (page >> 6);
        boolean first = (bits[word] >>> page & 1) == 0;
        if (first && slots.hasRings()) {
            if (slots.writer() == null) {
                // Not by the guest.
                return;
            }
            slots.writer().push(slot, page);
        }
        bits[word] |= 1L << page;
    }

    /** The page does not count as stored to. */
    void clear(long page) {
        bits[(int) (page >> 6)] &= ~(1L << page);
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
