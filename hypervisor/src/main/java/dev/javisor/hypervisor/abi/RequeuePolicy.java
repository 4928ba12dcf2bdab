package dev.javisor.hypervisor.abi;

import dev.javisor.processor.core.Event;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * What the hypervisor does about an event whose delivery a VM exit has interrupted, and which the IDT-vectoring information names. Only
 * {@link #ALWAYS} is right; the others are there to be tried, and to be seen failing. Interrupts, NMIs and software events are
 * delivered again whatever the policy is, except with {@link #NOTHING}.
 */
public enum RequeuePolicy {
    /** All hardware exceptions are delivered again. */
    ALWAYS,
    /** No hardware exception is: whoever raised it shall raise it again. */
    NEVER,
    /** Hardware exceptions that are faults are; #DB, #DF and #MC are not. */
    FAULTS_ONLY,
    /** #DB, #DF and #MC are; other hardware exceptions, whose instruction is expected to raise them again, are not. */
    ALL_BUT_FAULTS,
    /** No event is, of whatever type. */
    NOTHING;

    /** As users write it. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** @param id as users write it */
    public static Optional<RequeuePolicy> named(String id) {
        return Arrays.stream(values()).filter(p -> p.id().equals(id)).findFirst();
    }

    /** Whether an event is delivered again. */
    public boolean requeues(Event e) {
        if (this == NOTHING) {
            return false;
        }
        return e.type() != Event.HARDWARE_EXCEPTION
                || this == ALWAYS
                || this != NEVER && isFault(e.vector()) == (this == FAULTS_ONLY);
    }

    private static boolean isFault(int vector) {
        return vector != Event.DB && vector != Event.DF && vector != Event.MC;
    }
}
