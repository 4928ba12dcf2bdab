package dev.javisor.processor.core;

/**
 * The running instruction must be run again from its start, alone in its block: it touches a device (which needs a boundary right
 * behind the instruction) or stores to the code that is running. Not an architectural event.
 */
public final class Redo extends RuntimeException {
    Redo() {
        super(null, null, false, false);
    }
}
