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
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A raw disk image. Bytes change only where the guest writes them, in the order it writes them; a flush reaches the host's disk. The
 * image is locked while it is open: one machine may write it, or several may read it. A snapshot reads it, and keeps in memory what the
 * guest writes, until it is closed.
 */
public final class Drive implements AutoCloseable {
    public static final int SECTOR = 512;
    /** Bytes that a snapshot keeps together. */
    private static final int BLOCK = 4096;

    private final String name;
    private final FileChannel channel;
    private final boolean readOnly;
    /** What has been written to a snapshot, by the block's number; null for all other drives. */
    private final Map<Long, byte[]> written;
    private final long sectors;
    private final Consumer<String> warnings;
    private boolean warned;

    private Drive(String name, FileChannel channel, Access access, long sectors, Consumer<String> warnings) {
        this.name = name;
        this.channel = channel;
        this.readOnly = access == Access.READ_ONLY;
        this.written = access == Access.SNAPSHOT ? new HashMap<>() : null;
        this.sectors = sectors;
        this.warnings = warnings;
    }

    /** What a guest may do with an image. */
    public enum Access {
        READ_WRITE,
        READ_ONLY,
        /** Read and write, but the image stays as it is: everybody has a view of it to themselves, which is lost in the end. */
        SNAPSHOT
    }

    /** Opens an image that the guest may write, or not. */
    public static Drive open(String name, boolean readOnly, Consumer<String> warnings) {
        return open(name, readOnly ? Access.READ_ONLY : Access.READ_WRITE, warnings);
    }

    /**
     * Opens an image.
     *
     * @param warnings told once when the host cannot read or write the image any more; the guest gets I/O errors
     * @throws BadImageException if there is none, it cannot be opened, it is no multiple of 512 bytes, or another machine writes to it
     */
    @SuppressWarnings("resource")
    public static Drive open(String name, Access access, Consumer<String> warnings) {
        boolean shared = access != Access.READ_WRITE;
        try {
            if (name.isEmpty()) {
                throw new BadImageException("''", "names no file");
            }
            Path path = Path.of(name);
            if (Files.isDirectory(path)) {
                throw new BadImageException(name, "is a directory");
            }
            FileChannel c = shared
                    ? FileChannel.open(path, StandardOpenOption.READ)
                    : FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
            long size = c.size();
            if (size == 0 || size % SECTOR != 0) {
                c.close();
                throw new BadImageException(name, "is no raw disk image: " + size + " bytes are no whole number of 512-byte sectors");
            }
            if (!lock(c, shared)) {
                c.close();
                throw new BadImageException(name, "is in use by another machine");
            }
            return new Drive(name, c, access, size / SECTOR, warnings);
        } catch (InvalidPathException e) {
            throw new BadImageException(name, "is no name of a file");
        } catch (NoSuchFileException e) {
            throw new BadImageException(name, "no such file");
        } catch (AccessDeniedException e) {
            throw new BadImageException(name, shared ? "permission denied"
                    : "permission denied; a drive is opened for writing unless it is read-only");
        } catch (IOException e) {
            throw new BadImageException(name, "cannot be opened: " + e.getMessage());
        }
    }

    /** Many may read an image, or one may write it. Readers within one process know of each other. */
    private static boolean lock(FileChannel c, boolean shared) throws IOException {
        try {
            return c.tryLock(0, Long.MAX_VALUE, shared) != null;
        } catch (OverlappingFileLockException e) {
            return shared;
        }
    }

    public boolean readOnly() {
        return readOnly;
    }

    public long sectors() {
        return sectors;
    }

    /** Reads whole; false when the host cannot. */
    public boolean read(long offset, byte[] target, int length) {
        try {
            if (written == null) {
                readImage(offset, target, 0, length);
                return true;
            }
            for (int at = 0; at < length; ) {
                int within = (int) ((offset + at) % BLOCK);
                int n = Math.min(BLOCK - within, length - at);
                byte[] block = written.get((offset + at) / BLOCK);
                if (block == null) {
                    readImage(offset + at, target, at, n);
                } else {
                    System.arraycopy(block, within, target, at, n);
                }
                at += n;
            }
            return true;
        } catch (IOException e) {
            warn("cannot be read", e);
            return false;
        }
    }

    private void readImage(long offset, byte[] target, int at, int length) throws IOException {
        ByteBuffer b = ByteBuffer.wrap(target, at, length);
        while (b.hasRemaining()) {
            if (channel.read(b, offset + b.position() - at) < 0) {
                throw new IOException("the image has become shorter");
            }
        }
    }

    /** Writes whole; false when the host cannot, for example because its disk is full. */
    public boolean write(long offset, byte[] source, int length) {
        try {
            if (written == null) {
                ByteBuffer b = ByteBuffer.wrap(source, 0, length);
                while (b.hasRemaining()) {
                    channel.write(b, offset + b.position());
                }
                return true;
            }
            for (int at = 0; at < length; ) {
                int within = (int) ((offset + at) % BLOCK);
                int n = Math.min(BLOCK - within, length - at);
                System.arraycopy(source, at, blockToWrite((offset + at) / BLOCK), within, n);
                at += n;
            }
            return true;
        } catch (IOException e) {
            warn("cannot be written", e);
            return false;
        }
    }

    /** A snapshot's own copy of a block. An image may end within its last one. */
    private byte[] blockToWrite(long number) throws IOException {
        byte[] block = written.get(number);
        if (block == null) {
            block = new byte[BLOCK];
            long start = number * BLOCK;
            readImage(start, block, 0, (int) Math.min(BLOCK, sectors * SECTOR - start));
            written.put(number, block);
        }
        return block;
    }

    boolean flush() {
        if (written != null) {
            return true;
        }
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
