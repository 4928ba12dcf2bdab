package dev.javisor.machine.virtio;

import dev.javisor.machine.boot.BadImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Consumer;

/**
 * A raw disk image. Bytes change only where the guest writes them, in the order it writes them; a flush reaches the host's disk. The
 * image is locked while it is open: one machine may write it, or several may read it.
 */
public final class Drive implements AutoCloseable {
    public static final int SECTOR = 512;

    private final String name;
    private final FileChannel channel;
    private final boolean readOnly;
    private final long sectors;
    private final Consumer<String> warnings;
    private boolean warned;

    private Drive(String name, FileChannel channel, boolean readOnly, long sectors, Consumer<String> warnings) {
        this.name = name;
        this.channel = channel;
        this.readOnly = readOnly;
        this.sectors = sectors;
        this.warnings = warnings;
    }

    /**
     * Opens an image.
     *
     * @param warnings told once when the host cannot read or write the image any more; the guest gets I/O errors
     * @throws BadImageException if there is none, it cannot be opened, it is no multiple of 512 bytes, or another machine writes to it
     */
    @SuppressWarnings("resource")
    public static Drive open(String name, boolean readOnly, Consumer<String> warnings) {
        try {
            if (name.isEmpty()) {
                throw new BadImageException("''", "names no file");
            }
            Path path = Path.of(name);
            if (Files.isDirectory(path)) {
                throw new BadImageException(name, "is a directory");
            }
            FileChannel c = readOnly
                    ? FileChannel.open(path, StandardOpenOption.READ)
                    : FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
            long size = c.size();
            if (size == 0 || size % SECTOR != 0) {
                c.close();
                throw new BadImageException(name, "is no raw disk image: " + size + " bytes are no whole number of 512-byte sectors");
            }
            if (!lock(c, readOnly)) {
                c.close();
                throw new BadImageException(name, "is in use by another machine");
            }
            return new Drive(name, c, readOnly, size / SECTOR, warnings);
        } catch (InvalidPathException e) {
            throw new BadImageException(name, "is no name of a file");
        } catch (NoSuchFileException e) {
            throw new BadImageException(name, "no such file");
        } catch (AccessDeniedException e) {
            throw new BadImageException(name, readOnly ? "permission denied"
                    : "permission denied; a drive is opened for writing unless it is read-only");
        } catch (IOException e) {
            throw new BadImageException(name, "cannot be opened: " + e.getMessage());
        }
    }

    /** Many may read an image, or one may write it. Readers within one process know of each other. */
    private static boolean lock(FileChannel c, boolean readOnly) throws IOException {
        try {
            return c.tryLock(0, Long.MAX_VALUE, readOnly) != null;
        } catch (OverlappingFileLockException e) {
            return readOnly;
        }
    }

    public boolean readOnly() {
        return readOnly;
    }

    public long sectors() {
        return sectors;
    }

    /** Reads whole; false when the host cannot. */
    boolean read(long offset, byte[] target, int length) {
        ByteBuffer b = ByteBuffer.wrap(target, 0, length);
        try {
            while (b.hasRemaining()) {
                if (channel.read(b, offset + b.position()) < 0) {
                    throw new IOException("the image has become shorter");
                }
            }
            return true;
        } catch (IOException e) {
            warn("cannot be read", e);
            return false;
        }
    }

    /** Writes whole; false when the host cannot, for example because its disk is full. */
    boolean write(long offset, byte[] source, int length) {
        ByteBuffer b = ByteBuffer.wrap(source, 0, length);
        try {
            while (b.hasRemaining()) {
                channel.write(b, offset + b.position());
            }
            return true;
        } catch (IOException e) {
            warn("cannot be written", e);
            return false;
        }
    }

    boolean flush() {
        try {
            channel.force(false);
            return true;
        } catch (IOException e) {
            warn("cannot be written", e);
            return false;
        }
    }

    private void warn(String what, IOException e) {
        if (!warned) {
            warned = true;
            warnings.accept(name + ": " + what + ": " + e.getMessage());
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            warn("cannot be closed", e);
        }
    }
}
