package dev.javisor.machine;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** What a machine's guest runs on. */
public enum Place {
    /** The processors themselves. */
    METAL,
    /** The hypervisor, which runs on such processors. */
    HYPERVISOR;

    /** The place that a user names. */
    public static Optional<Place> named(String name) {
        return Arrays.stream(values()).filter(p -> p.name().toLowerCase(Locale.ROOT).equals(name)).findFirst();
    }
}
