package dev.javisor.machine;

/** Why a machine stopped running. */
public sealed interface MachineExit {
    /** The guest switched the machine off. */
    record PowerOff() implements MachineExit {}

    /** The guest reset the machine, which is configured to stop then. */
    record Reset() implements MachineExit {}

    /**
     * The guest ended the run through the debug-exit device.
     *
     * @param status process exit status that the device stands for
     */
    record GuestExit(int status) implements MachineExit {}

    /**
     * A processor shut down (triple fault).
     *
     * @param processor its index
     * @param rip where it was
     */
    record Shutdown(int processor, long rip) implements MachineExit {}

    /**
     * The hypervisor cannot let a processor go on.
     *
     * @param processor its index
     * @param reason one line
     */
    record Failure(int processor, String reason) implements MachineExit {}

    /** Every processor waits and nothing is left that could wake one. */
    record Halted() implements MachineExit {}

    /** The agreed number of instructions has retired. */
    record InstructionLimit() implements MachineExit {}

    /** The agreed guest time has come. */
    record TimeLimit() implements MachineExit {}

    /** The host asked for it. */
    record Interrupted() implements MachineExit {}
}
