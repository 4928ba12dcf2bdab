package dev.javisor.conformance.event;

import java.util.List;

/**
 * A guest, and the events that its handlers see.
 *
 * @param name what the architecture promises
 * @param mode in which the guest runs
 * @param code its text, between the set-up and the end of {@link EventGuest}
 * @param sees the events as {@link EventLog} writes them down, then how the guest ends
 * @param seesOnAmd the same on an AMD processor
 * @param interruptible whether VMX has room for what a VM exit in the middle of a delivery interrupts
 */
public record EventCase(String name, Mode mode, String code, List<String> sees, List<String> seesOnAmd, boolean interruptible) {
    /** Operating mode. */
    public enum Mode {
        /** Real-address mode, but for data segments without limit. */
        REAL,
        /** 32-bit protected mode without paging. */
        PROTECTED,
        /** 64-bit mode. */
        LONG
    }

    /** VMX says nothing of the traps that an interrupted INT n has yet to leave to its handler ("Saving Non-Register State"). */
    EventCase uninterruptible() {
        return new EventCase(name, mode, code, sees, seesOnAmd, false);
    }

    EventCase butOnAmd(String... events) {
        return new EventCase(name, mode, code, sees, EventCases.ended(events), interruptible);
    }

    @Override
    public String toString() {
        return name;
    }
}
