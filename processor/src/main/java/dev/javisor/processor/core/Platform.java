package dev.javisor.processor.core;

/** What stands around a processor: I/O ports and the interrupt lines of the board. */
public interface Platform {
    /** Reads an I/O port; 1, 2 or 4 bytes, zero-extended. */
    int in(int port, int size);

    void out(int port, int size, int value);

    /** Interrupt-acknowledge cycle of the external interrupt controller (8259): the vector. */
    int acknowledgeExternalInterrupt();

    /** FERR#: an unmasked x87 exception is pending while CR0.NE is clear. A board that has no such wire ignores it. */
    default void floatingPointError() {}
}
