package dev.javisor.processor.execution;

/** How guest code runs. What the guest sees is the same. */
public enum Engine {
    /** Decoded blocks only. */
    INTERPRETER,
    /** Everything that can be compiled is, as soon as it runs again. For tests. */
    COMPILER,
    /** Code that runs often is compiled, on a thread of its own. */
    AUTO
}
