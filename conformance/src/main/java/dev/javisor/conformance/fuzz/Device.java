package dev.javisor.conformance.fuzz;

import java.util.SplittableRandom;

/** Where the devices of the machine are. */
final class Device {
    /** First port and number of ports of everything that decodes a fixed range. */
    private static final int[][] PORTS = {
        {0x00, 16}, {0x20, 2}, {0x40, 4}, {0x60, 5}, {0x61, 1}, {0x70, 2}, {0x80, 16}, {0x92, 1}, {0xA0, 2}, {0xB2, 2}, {0xC0, 32},
        {0xE0, 32}, {0xE9, 1}, {0x2E8, 8}, {0x2F8, 8}, {0x3E8, 8}, {0x3F8, 8}, {0x402, 1}, {0x4D0, 2}, {0x510, 12}, {0x600, 64},
        {0xB000, 64}, {0xCF8, 8}, {0xCF9, 1}, {0xC000, 4096}, {0x2000, 16}
    };

    /** Base addresses of memory-mapped devices: I/O APIC, HPET, local APIC, ECAM, PCI memory, test device. */
    private static final long[] MEMORY = {
        0xFEC0_0000L, 0xFED0_0000L, 0xFEE0_0000L, 0xB000_0000L, 0xE000_0000L, 0xC000_0000L, 0xFF00_0000L, 0xFFFF_0000L, 0xA_0000L
    };

    private Device() {}

    static int port(SplittableRandom r) {
        if (r.nextInt(16) == 0) {
            return r.nextInt(0x10000);
        }
        int[] range = PORTS[r.nextInt(PORTS.length)];
        return range[0] + r.nextInt(range[1]);
    }

    /** An address of a device; as an int, zero-extended by whoever uses it. */
    static int memory(SplittableRandom r) {
        int offset = r.nextInt(3) == 0 ? r.nextInt(0x10000) : r.nextInt(0x400) & (r.nextBoolean() ? ~15 : -1);
        return (int) (MEMORY[r.nextInt(MEMORY.length)] + offset);
    }
}
