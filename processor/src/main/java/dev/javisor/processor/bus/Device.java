package dev.javisor.processor.bus;

import dev.javisor.processor.state.Stateful;

/**
 * A part of the board. Loading a state does not drive lines: whatever listens to a line has saved the level itself.
 */
public interface Device extends Stateful {
    /** The board's reset signal: the state after power-on, except for what a battery keeps. Lines the device drives become inactive. */
    void reset();
}
