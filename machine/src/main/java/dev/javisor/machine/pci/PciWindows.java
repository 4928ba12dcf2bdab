package dev.javisor.machine.pci;

/**
 * The addresses that a host bridge forwards to its bus.
 *
 * @param memoryStart first guest-physical address below 4 GiB
 * @param memoryEnd behind the last one below 4 GiB
 * @param highStart first one above 4 GiB, behind all RAM
 * @param highEnd behind the last one
 * @param portStart first I/O port that firmware gives to functions
 */
public record PciWindows(long memoryStart, long memoryEnd, long highStart, long highEnd, int portStart) {
    /** Below the ranges of I/O APIC, HPET, local APICs and firmware. */
    public static final long MEMORY_END = 0xFEC0_0000L;

    private static final int PORTS = 0x10000;

    boolean hasMemory(long start, long size) {
        return inside(start, size, memoryStart, memoryEnd) || inside(start, size, highStart, highEnd);
    }

    /** Ports below 1000H belong to the board. */
    boolean hasPorts(long start, long size) {
        return inside(start, size, 0x1000, PORTS);
    }

    private static boolean inside(long start, long size, long from, long to) {
        return start >= from && start < to && size <= to - start;
    }
}
