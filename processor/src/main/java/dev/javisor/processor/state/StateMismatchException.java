package dev.javisor.processor.state;

/** A saved state does not belong to this object or is damaged. */
public final class StateMismatchException extends RuntimeException {
    public StateMismatchException(String message) {
        super(message);
    }
}
