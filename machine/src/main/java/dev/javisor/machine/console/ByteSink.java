package dev.javisor.machine.console;

/** Takes a device's output, byte by byte. */
@FunctionalInterface
public interface ByteSink {
    /** Drops everything. */
    ByteSink NONE = value -> {};

    /** @param value 0 to 255 */
    void write(int value);

    /** Hands on what has been collected. */
    default void flush() {}

    /** A sink that writes to both. */
    default ByteSink and(ByteSink other) {
        ByteSink first = this;
        return new ByteSink() {
            @Override
            public void write(int value) {
                first.write(value);
                other.write(value);
            }

            @Override
            public void flush() {
                first.flush();
                other.flush();
            }
        };
    }
}
