package dev.javisor.machine.pci;

import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.memory.MmioHandler;

/**
 * What stands behind a base address register.
 *
 * @param kind address space
 * @param size bytes, a power of two: at least 16 for memory (4096 is kept apart from others), 4 for ports
 * @param memory handler of memory accesses, or null for ports
 * @param ports handler of port accesses, or null for memory
 */
record Bar(Kind kind, long size, MmioHandler memory, PortDevice ports) {
    enum Kind {
        MEMORY32,
        /** Takes two registers; prefetchable. */
        MEMORY64,
        PORTS
    }

    /** The read-only low bits of the register. */
    int flags() {
        return switch (kind) {
            case MEMORY32 -> 0;
            case MEMORY64 -> 0xC;
            case PORTS -> 1;
        };
    }
}
