package dev.javisor.machine.virtio;

/** A driver has put something into a virtqueue that cannot be followed. */
final class BrokenQueueException extends Exception {
    private static final long serialVersionUID = 1L;

    BrokenQueueException(String message) {
        super(message, null, false, false);
    }
}
