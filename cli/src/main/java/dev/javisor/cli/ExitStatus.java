package dev.javisor.cli;

import dev.javisor.machine.MachineExit;

/**
 * Exit statuses of the commands. A guest that ends the run through the debug-exit device decides the status itself, and it is odd; all
 * others are even.
 */
final class ExitStatus {
    /** The guest switched the machine off, or the command did what it was asked for. */
    static final int OK = 0;
    /** The command line, a file or the configuration is wrong. */
    static final int USER_ERROR = 2;
    /** A processor of the guest shut down (triple fault). */
    static final int SHUTDOWN = 4;
    /** The guest reset the machine, and --no-reboot was given. */
    static final int RESET = 6;
    /** All processors of the guest wait for something that will never come. */
    static final int HALTED = 8;
    /** The instruction limit was reached. */
    static final int INSTRUCTION_LIMIT = 10;
    /** The hypervisor could not let a processor go on. */
    static final int FAILURE = 12;
    /** An error in Javisor itself. */
    static final int INTERNAL_ERROR = 70;
    /** Ended by the user: Ctrl-C, or Ctrl-A x. */
    static final int INTERRUPTED = 130;
    /** Nobody reads standard output any more: what shells report of tools that the signal PIPE has ended. */
    static final int PIPE_CLOSED = 141;

    private ExitStatus() {}

    static int of(MachineExit exit) {
        return switch (exit) {
            case MachineExit.PowerOff() -> OK;
            case MachineExit.GuestExit(int status) -> status;
            case MachineExit.Shutdown _ -> SHUTDOWN;
            case MachineExit.Failure _ -> FAILURE;
            case MachineExit.Reset() -> RESET;
            case MachineExit.Halted() -> HALTED;
            case MachineExit.InstructionLimit() -> INSTRUCTION_LIMIT;
            case MachineExit.TimeLimit() -> INSTRUCTION_LIMIT;
            case MachineExit.Interrupted() -> INTERRUPTED;
        };
    }

    /** Why the run ended, when that is worth a line; else null. */
    static String describe(MachineExit exit) {
        return switch (exit) {
            case MachineExit.Shutdown(int processor, long rip) ->
                    "processor %d shut down at rip 0x%x".formatted(processor, rip);
            case MachineExit.Failure(int processor, String reason) -> "processor %d cannot go on: %s".formatted(processor, reason);
            case MachineExit.Halted() -> "all processors wait with interrupts disabled, or for nothing: the guest has stopped";
            case MachineExit.InstructionLimit() -> "instruction limit reached";
            case MachineExit.TimeLimit() -> "time limit reached";
            case MachineExit.Interrupted() -> "interrupted";
            default -> null;
        };
    }
}
