package dev.javisor.processor.compiler;

/**
 * How much the Java machine should do about a region. The names of the classes tell it, see the launcher's options; what the code does is
 * the same.
 */
public enum Effort {
    /** Only what its fast compiler does: for code that is broad rather than hot. */
    QUICK("R"),
    /** Everything. */
    FULL("H");

    final String className;

    Effort(String className) {
        this.className = className;
    }
}
