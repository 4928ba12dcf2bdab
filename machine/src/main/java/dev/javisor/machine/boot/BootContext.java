package dev.javisor.machine.boot;

import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.processor.memory.PhysicalMemory;
import java.util.List;

/**
 * What a boot protocol has to work with.
 *
 * @param memory where images go
 * @param map what the guest is told about memory
 * @param modules initial RAM disk, or what else is loaded beside the kernel
 * @param commandLine without the name of the kernel
 * @param rsdp guest-physical address of the ACPI root pointer, or 0
 * @param longMode the processors can run 64-bit code
 * @param entry which entry point of a kernel with several is used
 */
public record BootContext(
        PhysicalMemory memory,
        MemoryMap map,
        List<BootModule> modules,
        String commandLine,
        long rsdp,
        boolean longMode,
        EntryChoice entry) {
    /** Entry point of a kernel that has several. */
    public enum EntryChoice {
        /** 64-bit when kernel and processor can, else 32-bit. */
        BEST,
        PROTECTED,
        LONG
    }

    /**
     * The only module, for protocols that know no others; null when there is none.
     *
     * @throws BadImageException if there are several
     */
    ImageFile initrd() {
        if (modules.size() > 1) {
            throw new BadImageException(modules.get(1).file(), "cannot be loaded: this kernel takes one initial RAM disk and no modules");
        }
        return modules.isEmpty() ? null : modules.getFirst().file();
    }
}
