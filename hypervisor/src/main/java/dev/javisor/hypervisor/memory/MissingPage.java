package dev.javisor.hypervisor.memory;

/** Software needs a page of a memory slot for the guest that is not there yet; its source has been asked for it. Has no stack trace. */
public final class MissingPage extends RuntimeException {
    private final long page;

    MissingPage(long page) {
        super(null, null, false, false);
        this.page = page;
    }

    /** Guest-physical address, a multiple of 4096. */
    public long page() {
        return page;
    }
}
