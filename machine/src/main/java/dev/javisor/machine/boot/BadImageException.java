package dev.javisor.machine.boot;

/** A kernel, initrd or firmware file that cannot be used. The message is one line that names the file and says what is wrong with it. */
public final class BadImageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public BadImageException(ImageFile file, String problem) {
        this(file.name(), problem);
    }

    public BadImageException(String name, String problem) {
        super(name + ": " + problem);
    }
}
