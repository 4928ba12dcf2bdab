package dev.javisor.processor.compiler;

/** How much the Java machine should do about a region. The names of the classes tell it, see the launcher's options. */
public enum Effort {
    /** Only what its fast compiler does: for code that is broad rather than hot. */
    QUICK("R"),
    /**
     * Everything. Memory accesses whose translation is not at hand leave the region, so that the fast path is all there is to optimize: no
     * other code runs in between that could change registers.
     */
    FULL("H"),
    /** The same, but such accesses are compiled too: for code that has many of them. */
    PATIENT("P");

    final String className;

    Effort(String className) {
        this.className = className;
    }
}
