package dev.javisor.isa;

/** A line that the assembler cannot make sense of. */
public final class AssemblyException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Number of the line in the text, from 1. */
    private final int line;

    AssemblyException(int line, String text, String problem) {
        super("line " + line + ": " + problem + ": " + text.strip());
        this.line = line;
    }

    /** Number of the line in the text, from 1. */
    public int line() {
        return line;
    }
}
