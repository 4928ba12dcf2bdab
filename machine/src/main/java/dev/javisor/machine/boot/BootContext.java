package dev.javisor.machine.boot;

import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.processor.memory.PhysicalMemory;

/**
 * What a boot protocol has to work with.
 *
 * @param memory where images go
 * @param map what the guest is told about memory
 * @param initrd initial RAM disk or boot module; null when there is none
 * @param commandLine without the name of the kernel
 * @param rsdp guest-physical address of the ACPI root pointer, or 0
 * @param longMode the processors can run 64-bit code
 * @param entry which entry point of a kernel with several is used
 */
public record BootContext(
        PhysicalMemory memory, MemoryMap map, ImageFile initrd, String commandLine, long rsdp, boolean longMode, EntryChoice entry) {
    /** Entry point of a kernel that has several. */
    public enum EntryChoice {
        /** 64-bit when kernel and processor can, else 32-bit. */
        BEST,
        PROTECTED,
        LONG
    }
}
