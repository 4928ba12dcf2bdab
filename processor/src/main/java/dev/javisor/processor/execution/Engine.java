package dev.javisor.processor.execution;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** How guest code runs. What the guest sees is the same. */
public enum Engine {
    /** Decoded blocks only. */
    INTERPRETER,
    /** Everything that can be compiled is, as soon as it runs again. For tests. */
    COMPILER,
    /** Code that runs often is compiled, on a thread of its own. */
    AUTO;

    /** The system property that names the engine of machines for which none is chosen, so that all tests can run with each. */
    public static final String PROPERTY = "javisor.engine";

    /** {@link #AUTO}, unless the system property {@value #PROPERTY} names another. */
    public static Engine standard() {
        String name = System.getProperty(PROPERTY, AUTO.toString());
        return named(name).orElseThrow(() -> new IllegalArgumentException(PROPERTY + "=" + name));
    }

    public static Optional<Engine> named(String name) {
        return Arrays.stream(values()).filter(e -> e.toString().equals(name)).findFirst();
    }

    /** Its name on command lines. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
