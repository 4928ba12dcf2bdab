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
            throw new BadImageException(file, complaint(file));
        }
        ElfImage elf = new ElfImage(file);
        return PvhImage.entryPoint(elf) >= 0 ? new PvhImage(elf) : new VmlinuxImage(elf);
    }

    private static String complaint(ImageFile file) {
        String compressed = compression(file);
        if (compressed != null) {
            return "is no kernel as it is, but compressed with " + compressed + ": unpack it first";
        }
        String nothing = "is no Linux bzImage, multiboot image or ELF kernel";
        if (file.int16(0) == FirmwareKernel.MZ) {
            return nothing + "; an EFI application needs a firmware";
        }
        return file.int16(LinuxProtocol.BOOT_FLAG) == 0xAA55 ? nothing + "; what starts in real mode needs a firmware" : nothing;
    }

    private static String compression(ImageFile file) {
        return switch (file.int16(0)) {
            case 0x8B1F -> "gzip";
            case 0x5A42 -> "bzip2";
            case 0x37FD -> "xz";
            case 0xB528 -> "zstd";
            default -> null;
        };
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
