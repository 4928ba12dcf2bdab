package dev.javisor.processor.memory;

/** A device behind a range of guest-physical addresses. Offsets are relative to the start of the range. */
public interface MmioHandler {
    /**
     * Reads {@code size} bytes (1, 2, 4 or 8) at {@code offset}; the access never crosses the end of the range.
     *
     * @return the value, zero-extended
     */
    long read(long offset, int size);

    /** Writes the low {@code size} bytes (1, 2, 4 or 8) of {@code value}. */
    void write(long offset, int size, long value);

    /** Whether an access takes a processor the time of a device's; not where memory is behind it. */
    default boolean takesTime() {
        return true;
    }
}
