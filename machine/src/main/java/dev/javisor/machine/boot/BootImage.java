package dev.javisor.machine.boot;

import java.util.Optional;

/** A kernel in one of the formats that can be started without firmware. Loading it again, after a reset, starts it afresh. */
public sealed interface BootImage permits LinuxImage, MultibootImage, PvhImage, VmlinuxImage {
    /**
     * Recognises and checks a kernel file.
     *
     * @throws BadImageException if it is of no known format, or damaged
     */
    static BootImage of(ImageFile file) {
        if (LinuxImage.recognises(file)) {
            return new LinuxImage(file);
        }
        if (MultibootImage.recognises(file)) {
            return new MultibootImage(file);
        }
        if (!ElfImage.recognises(file)) {
            throw new BadImageException(file, "is no Linux bzImage, multiboot image or ELF kernel");
        }
        ElfImage elf = new ElfImage(file);
        return PvhImage.entryPoint(elf) >= 0 ? new PvhImage(elf) : new VmlinuxImage(elf);
    }

    /**
     * Puts the image and what its boot protocol asks for into memory.
     *
     * @return the state in which the first processor starts
     * @throws BadImageException if it does not fit into this machine
     */
    StartState load(BootContext context);

    /** What the firmware configuration device shows as the kernel, if anything. */
    default Optional<byte[]> firmwareView() {
        return Optional.empty();
    }

    /** Format, for people. */
    String describe();
}
