package dev.javisor.machine.boot;

import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A firmware image (SeaBIOS, for example): a ROM that ends at 4 GiB, and whose last 128 KiB are also seen below 1 MiB. The variables of
 * UEFI firmware lie below it.
 */
public final class FirmwareImage {
    private static final int PAGE = 4096, MAXIMUM = 16 << 20, SHADOW = 128 << 10;
    private static final long FOUR_GIGABYTES = 1L << 32, MEGABYTE = 1L << 20;

    /** Offsets in the header of a firmware volume of UEFI's Platform Initialization, and its signature "_FVH". */
    private static final int VOLUME_TYPE = 16, VOLUME_SIGNATURE = 40, SIGNATURE = 0x4856465F;
    /** Beginning of the GUID of volumes that hold variables. */
    private static final int VARIABLES = 0xFFF12B8D;

    private final ImageFile file;

    /** @throws BadImageException if the file is no firmware image by its size */
    public FirmwareImage(ImageFile file) {
        this.file = file;
        if (file.size() == 0 || file.size() % PAGE != 0 || file.size() > MAXIMUM) {
            throw new BadImageException(file, "is no firmware image: " + file.size() + " bytes are no multiple of 4 KiB up to 16 MiB");
        }
    }

    /**
     * First address of a flash memory for the variables, which ends where the ROM begins.
     *
     * @throws BadImageException if both together are too large
     */
    public long variables(long size) {
        if (size > MAXIMUM - file.size()) {
            throw new BadImageException(file, "is too large beside " + size + " bytes of variables");
        }
        return FOUR_GIGABYTES - file.size() - size;
    }

    /** UEFI firmware that has been parted from its variables; without them, it may wait for ever before it says anything. */
    public boolean lacksVariables() {
        return file.int32(VOLUME_SIGNATURE) == SIGNATURE && file.int32(VOLUME_TYPE) != VARIABLES && Integer.bitCount(file.size()) != 1;
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
