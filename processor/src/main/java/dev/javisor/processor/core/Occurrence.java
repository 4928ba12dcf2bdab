package dev.javisor.processor.core;

import dev.javisor.isa.ExitReason;

/** What can happen to an event, or to the turn of a guest: on a processor, or by the hypervisor's decision. */
public sealed interface Occurrence {
    // ---- on the processor ----

    /** The guest's turn begins. @param injected the event that the entry delivers, or null */
    record Entry(Event injected) implements Occurrence {}

    /** A VM entry failed. @param qualification of the exit that says so */
    record FailedEntry(ExitReason reason, long qualification) implements Occurrence {}

    /**
     * The guest's turn ends.
     *
     * @param event that exits in place of its delivery, or null
     * @param during the event whose delivery the exit interrupts, or null
     * @param guestPhysical address that was accessed, or -1
     */
    record Exit(ExitReason reason, long qualification, Event event, Event during, long guestPhysical) implements Occurrence {}

    /** An event has reached its handler. @param from RIP of the instruction that it stands at or comes before */
    record Delivered(Event event, long from) implements Occurrence {}

    /**
     * An exception was raised while an event was on its way.
     *
     * @param result what is delivered: the second event, a double fault; null for a triple fault
     */
    record Combined(Event first, Event second, Event result) implements Occurrence {}

    /** The processor has shut down. */
    record ShutDown(String reason) implements Occurrence {}

    /** The local APIC has accepted an interrupt (IRR). */
    record Accepted(int vector, boolean levelTriggered) implements Occurrence {}

    /** An interrupt has been acknowledged. @param external by the 8259 pair, else by the local APIC (IRR to ISR) */
    record Acknowledged(int vector, boolean external) implements Occurrence {}

    /** End of interrupt at the local APIC (ISR). */
    record Ended(int vector) implements Occurrence {}

    // ---- in the hypervisor ----

    /** An event has been decided, and has had no effect yet. */
    record Queued(Event event) implements Occurrence {}

    /** The next entry shall deliver an event. @param again it has been on its way before */
    record Injected(Event event, boolean again) implements Occurrence {}

    /** The hardware did not come to the end with an event: it stays injected. */
    record Requeued(Event event) implements Occurrence {}

    /** An event is given up. */
    record Dropped(Event event, String why) implements Occurrence {}

    /** An exit is wanted as soon as the guest can take an interrupt, or an NMI; or no more. */
    record Window(boolean nmi, boolean open) implements Occurrence {}

    /** An instruction, or the delivery of an event, is carried out in software. */
    record Emulated(String what) implements Occurrence {}
}
