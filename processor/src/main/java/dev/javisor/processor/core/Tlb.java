package dev.javisor.processor.core;

import dev.javisor.processor.memory.HostMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The translation cache for data accesses: native memory, one direct-mapped set of entries for each MMU context. An entry is 32 bytes:
 * read tag, write tag, addend (host address = linear address + addend), and the guest-physical page. A tag is the linear page address; with
 * {@link #SLOW} set it never matches on the fast path although the translation is valid (devices, code, watched or logged pages).
 */
public final class Tlb {
    /** Entries in each set; a power of two. */
    public static final int SIZE = 2048;

    public static final int ENTRY = 32, WRITE_TAG = 8, ADDEND = 16, PHYSICAL = 24;

    /** MMU contexts: user; supervisor with SMAP enforced; supervisor that may touch user pages; one that never holds an entry. */
    public static final int USER = 0, SUPERVISOR = 1, SUPERVISOR_OPEN = 2, NONE = 3;

    public static final int CONTEXTS = 4;

    /** Tag bit: valid translation, but not for the fast path. */
    public static final long SLOW = 1;
    /** Tag that matches nothing. */
    public static final long EMPTY = 2;

    /** Mask of (linear >>> 7) that gives an entry's byte offset. */
    public static final long INDEX_MASK = (long) (SIZE - 1) << 5;

    private final MemorySegment memory;
    private final long base;
    private final int[] filled = new int[256];
    private int fills;
    /** Counts flushes of any kind, so that caches beside the TLB (instruction fetch) can follow. */
    public long generation;

    public Tlb() {
        memory = Arena.ofAuto().allocate((long) CONTEXTS * SIZE * ENTRY, 64);
        base = memory.address();
        for (long e = base; e < base + memory.byteSize(); e += ENTRY) {
            empty(e);
        }
    }

    /** Host address of the first entry of a context's set. */
    public long base(int context) {
        return base + (long) context * SIZE * ENTRY;
    }

    /** Host address of the entry for a linear address. */
    public static long entry(long contextBase, long linear) {
        return contextBase + (linear >>> 7 & INDEX_MASK);
    }

    /**
     * Enters a translation. Tags are given complete (page address, {@link #SLOW} or {@link #EMPTY}).
     *
     * @param host host address of the page, or 0
     */
    public void fill(int context, long linear, long readTag, long writeTag, long host, long gpa) {
        long e = entry(base(context), linear);
        HostMemory.putLong(e, readTag);
        HostMemory.putLong(e + WRITE_TAG, writeTag);
        HostMemory.putLong(e + ADDEND, host - (linear & ~0xFFFL));
        HostMemory.putLong(e + PHYSICAL, gpa & ~0xFFFL);
        if (fills < filled.length) {
            filled[fills] = (int) ((e - base) / ENTRY);
        }
        fills++;
    }

    /** Forgets everything. */
    public void flush() {
        generation++;
        if (fills <= filled.length) {
            for (int i = 0; i < fills; i++) {
                empty(base + (long) filled[i] * ENTRY);
            }
        } else {
            for (long e = base; e < base + 3L * SIZE * ENTRY; e += ENTRY) {
                HostMemory.putLong(e, EMPTY);
                HostMemory.putLong(e + WRITE_TAG, EMPTY);
            }
        }
        fills = 0;
    }

    /** Forgets the entries of one linear page. */
    public void flushPage(long linear) {
        generation++;
        long page = linear & ~0xFFFL;
        for (int context = 0; context < NONE; context++) {
            long e = entry(base(context), linear);
            if ((HostMemory.getLong(e) & ~0xFFFL) == page || (HostMemory.getLong(e + WRITE_TAG) & ~0xFFFL) == page) {
                empty(e);
            }
        }
    }

    /** Takes the fast write permission from every entry of a guest-physical page (it now holds code, or is logged). */
    public void slowWrites(long gpa) {
        long page = gpa & ~0xFFFL;
        for (long e = base; e < base + 3L * SIZE * ENTRY; e += ENTRY) {
            if (HostMemory.getLong(e + PHYSICAL) == page) {
                long tag = HostMemory.getLong(e + WRITE_TAG);
                if (tag != EMPTY) {
                    HostMemory.putLong(e + WRITE_TAG, tag | SLOW);
                }
            }
        }
    }

    private static void empty(long e) {
        HostMemory.putLong(e, EMPTY);
        HostMemory.putLong(e + WRITE_TAG, EMPTY);
    }
}
