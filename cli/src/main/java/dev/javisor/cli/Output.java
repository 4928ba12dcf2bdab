package dev.javisor.cli;

import dev.javisor.machine.console.ByteSink;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Path;
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

    /** @throws UserException if the file cannot be written */
    ByteSink open(Consumer<String> warnings) {
        return switch (kind) {
            case NONE -> ByteSink.NONE;
            case STDIO -> new StreamSink("standard output", new FileOutputStream(FileDescriptor.out), warnings);
            case FILE -> {
                try {
                    yield new StreamSink(file, new FileOutputStream(Path.of(file).toFile()), warnings);
                } catch (IOException e) {
                    throw new UserException(file + ": cannot be written: " + e.getMessage());
                }
            }
        };
    }
}
