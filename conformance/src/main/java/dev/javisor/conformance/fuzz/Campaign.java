package dev.javisor.conformance.fuzz;

import java.io.IOException;

/** One kind of nonsense. A case is made from its seed alone. */
interface Campaign extends AutoCloseable {
    String name();

    /**
     * Runs a case.
     *
     * @return what became of it, for the statistics
     * @throws AssertionError if something differs that must not, or a message is not what users are promised
     */
    String run(long seed) throws Exception;

    /** Instructions that guests have retired in all cases so far; 0 where there are none. */
    default long instructions() {
        return 0;
    }

    @Override
    default void close() throws IOException {}
}
