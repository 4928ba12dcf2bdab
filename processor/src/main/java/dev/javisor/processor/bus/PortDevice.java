package dev.javisor.processor.bus;

/** A device behind a range of I/O ports. Offsets are relative to the start of the range. */
public interface PortDevice {
    /**
     * Reads {@code size} bytes (1, 2 or 4, at most {@link #width}) at {@code offset}; the access never crosses the end of the range.
     *
     * @return the value; bits above the size are ignored
     */
    int read(int offset, int size);

    /** Writes {@code value}, zero-extended from {@code size} bytes. */
    void write(int offset, int size, int value);

    /** Widest access the device decodes as one, in bytes: 1, 2 or 4. The bus splits wider ones, lowest port first. */
    default int width() {
        return 1;
    }
}
