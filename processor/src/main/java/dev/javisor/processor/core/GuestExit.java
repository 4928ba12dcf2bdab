package dev.javisor.processor.core;

/** The running instruction, or the event that is being delivered, ends the guest's turn: a VM exit, #VMEXIT. Carries no stack trace. */
public class GuestExit extends GuestFault {
    public GuestExit() {
        super(null);
    }

    @Override
    public String getMessage() {
        return "exit";
    }
}
