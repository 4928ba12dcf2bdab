package dev.javisor.isa;

/** A CPU model or option that does not exist; the message is one line for the user. */
public final class UnknownCpuException extends IllegalArgumentException {
    public UnknownCpuException(String message) {
        super(message);
    }
}
