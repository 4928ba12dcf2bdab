package dev.javisor.machine;

/** What a machine's guest runs on. */
public enum Place {
    /** The processors themselves. */
    METAL,
    /** The hypervisor, which runs on such processors. */
    HYPERVISOR
}
