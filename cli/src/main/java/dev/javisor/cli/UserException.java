package dev.javisor.cli;

/** The user asked for something that cannot be. The message is the line that tells so. */
final class UserException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UserException(String message) {
        super(message);
    }
}
