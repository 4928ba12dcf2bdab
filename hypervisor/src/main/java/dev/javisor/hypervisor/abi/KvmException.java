package dev.javisor.hypervisor.abi;

/** A call of the interface was refused; nothing has changed. */
public final class KvmException extends RuntimeException {
    /** Why; the names are those of KVM's error numbers in words. */
    public enum Error {
        /** EINVAL: an argument, or a field of a structure, has a value that it cannot have. */
        INVALID_ARGUMENT,
        /** EEXIST: there is one already. */
        ALREADY_EXISTS,
        /** ENOENT: there is none. */
        NOT_FOUND,
        /** EBUSY: not in the present state. */
        BUSY,
        /** E2BIG: more than the interface takes. */
        TOO_BIG,
        /** ENXIO: the device that the call is for was not created. */
        NO_DEVICE,
        /** EOPNOTSUPP: the processor, or this hypervisor, cannot. */
        NOT_SUPPORTED
    }

    private final Error error;

    public KvmException(Error error, String message) {
        super(message);
        this.error = error;
    }

    public Error error() {
        return error;
    }

    /** EINVAL. */
    public static KvmException invalid(String message) {
        return new KvmException(Error.INVALID_ARGUMENT, message);
    }
}
