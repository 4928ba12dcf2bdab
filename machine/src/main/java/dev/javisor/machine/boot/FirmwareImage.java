package dev.javisor.machine.boot;

import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A firmware image (SeaBIOS, for example): a ROM that ends at 4 GiB, and whose last 128 KiB are also seen below 1 MiB. */
public final class FirmwareImage {
    private static final int GRANULARITY = 64 << 10, MAXIMUM = 16 << 20, SHADOW = 128 << 10;
    private static final long FOUR_GIGABYTES = 1L << 32, MEGABYTE = 1L << 20;

    private final ImageFile file;

    /** @throws BadImageException if the file is no firmware image by its size */
    public FirmwareImage(ImageFile file) {
        this.file = file;
        if (file.size() == 0 || file.size() % GRANULARITY != 0 || file.size() > MAXIMUM) {
            throw new BadImageException(file, "is no firmware image: " + file.size() + " bytes are no multiple of 64 KiB up to 16 MiB");
        }
    }

    /** Maps the ROM below 4 GiB. */
    public void map(PhysicalMemory memory, Arena arena) {
        MemorySegment rom = arena.allocate(file.size(), 4096);
        MemorySegment.copy(MemorySegment.ofArray(file.content()), 0, rom, 0, file.size());
        memory.add(Region.memory(FOUR_GIGABYTES - file.size(), rom, true));
    }

    /** At every reset: copies the end of the image to where real-mode code finds it. */
    public void shadow(PhysicalMemory memory) {
        int n = Math.min(SHADOW, file.size());
        memory.write(MEGABYTE - n, file.content(), file.size() - n, n);
    }
}
