package dev.javisor.machine.boot;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * A file that is loaded into guest memory.
 *
 * @param name as the user gave it
 * @param content all of it; not to be changed
 */
public record ImageFile(String name, byte[] content) {
    /** Largest file that is read. */
    private static final long MAXIMUM = Integer.MAX_VALUE - 64L;

    /**
     * Reads a file.
     *
     * @throws BadImageException if there is none, it cannot be read, or it is larger than {@code room} bytes
     */
    public static ImageFile read(String name, long room) {
        try {
            Path path = Path.of(name);
            if (name.isEmpty()) {
                throw new BadImageException("''", "names no file");
            }
            if (Files.isDirectory(path)) {
                throw new BadImageException(name, "is a directory");
            }
            long most = Math.min(room, MAXIMUM);
            boolean regular = Files.isRegularFile(path);
            if (regular && Files.size(path) > most) {
                throw new BadImageException(name, "has " + Files.size(path) + " bytes, there is room for " + most + " only");
            }
            byte[] content = regular ? Files.readAllBytes(path) : readStream(path, (int) most + 1);
            if (content.length > most) {
                throw new BadImageException(name, "has more than the " + most + " bytes that there is room for");
            }
            return new ImageFile(name, content);
        } catch (InvalidPathException e) {
            throw new BadImageException(name, "is no name of a file");
        } catch (NoSuchFileException e) {
            throw new BadImageException(name, "no such file");
        } catch (AccessDeniedException e) {
            throw new BadImageException(name, "permission denied");
        } catch (IOException e) {
            throw new BadImageException(name, "cannot be read: " + e.getMessage());
        }
    }

    /** A pipe or device, which does not know its size. */
    private static byte[] readStream(Path path, int most) throws IOException {
        try (InputStream in = Files.newInputStream(path)) {
            return in.readNBytes(most);
        }
    }

    public int size() {
        return content.length;
    }

    /** The content, to be read in little-endian order. */
    public ByteBuffer buffer() {
        return ByteBuffer.wrap(content).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A little-endian 32-bit value; 0 behind the end of the file. */
    int int32(long offset) {
        return offset < 0 || offset + 4 > content.length ? 0 : buffer().getInt((int) offset);
    }

    /** A little-endian 16-bit value, zero-extended; 0 behind the end of the file. */
    int int16(long offset) {
        return offset < 0 || offset + 2 > content.length ? 0 : buffer().getShort((int) offset) & 0xFFFF;
    }
}
