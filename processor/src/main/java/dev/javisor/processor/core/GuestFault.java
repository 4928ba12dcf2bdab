package dev.javisor.processor.core;

/** The running instruction raises an exception; its state is that of the instruction's start. Carries no stack trace. */
public class GuestFault extends RuntimeException {
    /** Null in a {@link GuestExit}. */
    public final transient Event event;

    public GuestFault(Event event) {
        super(null, null, false, false);
        this.event = event;
    }

    @Override
    public String getMessage() {
        return event.toString();
    }
}
