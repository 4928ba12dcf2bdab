package dev.javisor.conformance;

import java.io.UncheckedIOException;
import java.util.function.BiConsumer;

/** The command line of a tool: names of options, each with a value. */
public final class Options {
    private Options() {}

    /** Hands each option to its taker. One that is refused is the user's mistake: one line says so, and the program ends with status 2. */
    public static void read(String tool, String[] args, BiConsumer<String, String> taker) {
        try {
            for (int i = 0; i < args.length; i += 2) {
                if (i + 1 == args.length) {
                    throw new IllegalArgumentException("option " + args[i] + " needs a value, or does not exist");
                }
                taker.accept(args[i], args[i + 1]);
            }
        } catch (NumberFormatException e) {
            end(tool, "not a number: " + e.getMessage());
        } catch (IllegalArgumentException | UncheckedIOException e) {
            end(tool, e.getMessage());
        }
    }

    private static void end(String tool, String mistake) {
        System.err.println(tool + ": " + mistake);
        System.exit(2);
    }
}
