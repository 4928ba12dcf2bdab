package dev.javisor.processor.vmx;

/** Bits of the guest pending debug exceptions ("Format of Pending-Debug-Exceptions"). */
final class PendingDebug {
    static final long BREAKPOINTS = 0xF, BUS_LOCK = 1 << 11, ENABLED_BREAKPOINT = 1 << 12, BS = 1 << 14, RTM = 1 << 16;

    /** What a processor that neither detects bus locks nor has RTM saves of its pending causes. */
    static final long SAVED = BREAKPOINTS | BS;

    private PendingDebug() {}
}
