package dev.javisor.machine.bus;

/** What devices ask of the machine as a whole. The machine acts at the next instruction boundary. */
public interface BoardControl {
    /** Resets processors and devices; memory keeps its content. */
    void reset();

    /** Switches the machine off (ACPI S5). */
    void powerOff();

    /** Suspends to RAM (ACPI S3): the processors stop, and start from the reset vector at a wake event. */
    void suspend();

    /** A wake event while suspended; ignored otherwise. */
    void wake();

    /** Ends the run with a process exit status. */
    void exit(int status);
}
