package dev.javisor.cli;

import java.io.IOException;
import java.util.Locale;

/** Whoever read standard output has enough. As with other tools of the shell, that ends the command without a word. */
final class PipeClosedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PipeClosedException() {
        super("standard output: nobody reads it any more", null, false, false);
    }

    /** Systems say it in words only, of which all languages and systems have one in common. */
    static boolean isReasonOf(IOException e) {
        return e.getMessage() != null && e.getMessage().toLowerCase(Locale.ROOT).contains("pipe");
    }
}
