package dev.javisor.hypervisor.host;

import dev.javisor.processor.memory.PhysicalMemory;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The host's own physical memory, page by page: VMCS regions, page tables, bitmaps. No guest-physical address leads here unless the
 * hypervisor makes it.
 */
public final class HostPages {
    public static final int PAGE = 4096;

    /** Where the host's memory begins and ends. */
    private static final long START = 0x10_0000, END = 0xF000_0000L;
    /** Pages that are added at a time. */
    private static final int LEAST = 1024, MOST = 65536;

    private final PhysicalMemory memory;
    private final Arena arena;
    private final Deque<Long> free = new ArrayDeque<>();
    private long next = START;
    private long end = START;
    private int growth = LEAST;

    HostPages(PhysicalMemory memory, Arena arena) {
        this.memory = memory;
        this.arena = arena;
    }

    /**
     * Allocates a page of zeros.
     *
     * @return its host-physical address
     * @throws OutOfMemoryError if the host has none left
     */
    public long allocate() {
        Long again = free.poll();
        if (again != null) {
            for (int i = 0; i < PAGE; i += 8) {
                memory.write(again + i, 8, 0);
            }
            return again;
        }
        if (next == end) {
            grow();
        }
        long page = next;
        next += PAGE;
        return page;
    }

    private void grow() {
        long bytes = Math.min((long) growth * PAGE, END - end);
        if (bytes == 0) {
            throw new OutOfMemoryError("the host's own memory is used up");
        }
        memory.addRam(end, arena.allocate(bytes, PAGE));
        end += bytes;
        growth = Math.min(2 * growth, MOST);
    }

    public void release(long page) {
        free.push(page);
    }

    /** Fills a page with one byte value. */
    public void fill(long page, int value) {
        long pattern = (value & 0xFF) * 0x0101_0101_0101_0101L;
        for (int i = 0; i < PAGE; i += 8) {
            memory.write(page + i, 8, pattern);
        }
    }
}
