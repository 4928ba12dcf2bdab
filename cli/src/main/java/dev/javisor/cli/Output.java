package dev.javisor.cli;

import dev.javisor.machine.console.ByteSink;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.function.Consumer;

/** Where the bytes of a guest's port go, as the command line says it: {@code stdio}, {@code file:NAME} or {@code null}. */
record Output(Kind kind, String file) {
    enum Kind {
        STDIO,
        FILE,
        NONE
    }

    static final Output STDIO = new Output(Kind.STDIO, null), NONE = new Output(Kind.NONE, null);

    /** @throws UserException if it is none of the three */
    static Output parse(String text) {
        if (text.equals("stdio")) {
            return STDIO;
        }
        if (text.equals("null") || text.equals("none")) {
            return NONE;
        }
        if (text.startsWith("file:") && text.length() > 5) {
            return new Output(Kind.FILE, text.substring(5));
        }
        throw new UserException("output '" + text + "' is neither stdio nor file:NAME nor null");
    }

    /**
     * A file that cannot be written any more is worth a warning; when it is standard output, there is nobody left to run for.
     *
     * @param used files of the machine that must not be overwritten
     * @throws UserException if the file cannot be written; the sink throws it, or {@link PipeClosedException}, when standard output
     *     cannot be written any more
     */
    ByteSink open(Collection<String> used, Consumer<String> warnings) {
        return switch (kind) {
            case NONE -> ByteSink.NONE;
            case STDIO -> new StreamSink(new FileOutputStream(FileDescriptor.out), reason -> {
                throw PipeClosedException.isReasonOf(reason)
                        ? new PipeClosedException()
                        : new UserException("standard output: cannot be written: " + reason.getMessage());
            });
            case FILE ->
                new StreamSink(create(file, used), reason -> warnings.accept(file + ": cannot be written: " + reason.getMessage()));
        };
    }

    /**
     * Opens a file to be written from its beginning.
     *
     * @param used files of the machine that must not be overwritten
     * @throws UserException if it cannot be written
     */
    static OutputStream create(String file, Collection<String> used) {
        try {
            Path path = Path.of(file);
            for (String name : used) {
                Path other = Path.of(name);
                if (Files.exists(path) && Files.exists(other) && Files.isSameFile(path, other)) {
                    throw new UserException(file + ": is read by the machine and cannot be its output");
                }
            }
            return Files.newOutputStream(path);
        } catch (NoSuchFileException e) {
            throw new UserException(file + ": cannot be written: no such folder");
        } catch (AccessDeniedException e) {
            throw new UserException(file + ": cannot be written: permission denied");
        } catch (InvalidPathException e) {
            throw new UserException(file + ": is no name of a file");
        } catch (FileSystemException e) {
            throw new UserException(file + ": cannot be written: " + (e.getReason() == null ? e.getMessage() : e.getReason()));
        } catch (IOException e) {
            throw new UserException(file + ": cannot be written: " + e.getMessage());
        }
    }
}
