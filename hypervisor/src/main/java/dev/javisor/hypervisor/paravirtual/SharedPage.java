package dev.javisor.hypervisor.paravirtual;

import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.hypervisor.memory.MissingPage;
import dev.javisor.processor.memory.PhysicalMemory;

/** A structure in guest memory that the guest has given to the hypervisor. Where there is no memory, nothing is read or written. */
final class SharedPage {
    private final PhysicalMemory memory;
    private final int size;
    private long address = -1;

    SharedPage(PhysicalMemory memory, int size) {
        this.memory = memory;
        this.size = size;
    }

    void at(long gpa) {
        address = gpa;
    }

    void none() {
        address = -1;
    }

    /** It has been given, and all of it is memory. */
    boolean isGiven() {
        return address != -1 && isMemory(memory, address, size);
    }

    /** It {@link #isGiven}, and is there now; if not, it is asked for. */
    boolean isThere() {
        if (!isGiven()) {
            return false;
        }
        try {
            memory.read(address, 1);
            memory.read(address + size - 1, 1);
            return true;
        } catch (MissingPage m) {
            return false;
        }
    }

    static boolean isMemory(PhysicalMemory memory, long gpa, int size) {
        return MemorySlots.isMemory(memory.regionAt(gpa)) && MemorySlots.isMemory(memory.regionAt(gpa + size - 1));
    }

    long read(int offset, int bytes) {
        return memory.read(address + offset, bytes);
    }

    void write(int offset, int bytes, long value) {
        memory.write(address + offset, bytes, value);
    }

    /** Counts a version up to the next even one: nobody runs while the structure changes. */
    void nextVersion(int offset) {
        write(offset, 4, (read(offset, 4) & ~1L) + 2);
    }
}
