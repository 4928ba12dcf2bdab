package dev.javisor.machine.boot;

/**
 * A file that is loaded beside the kernel: an initial RAM disk, or a multiboot module.
 *
 * @param arguments what follows the file's name in the module's string; empty when there is nothing
 */
public record BootModule(ImageFile file, String arguments) {
    /** The string of a multiboot module. */
    String string() {
        return arguments.isEmpty() ? file.name() : file.name() + " " + arguments;
    }
}
