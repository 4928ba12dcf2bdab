package dev.javisor.conformance.fuzz;

import dev.javisor.machine.Machine;
import dev.javisor.processor.execution.Engine;
import java.util.SplittableRandom;

/** A case that runs on a machine. */
interface Scenario {
    /** Kind of the case, for the statistics. */
    String label();

    /** Makes the machine, as often as wanted and always the same. */
    Machine machine(Engine engine);

    /** Starts processors that have shut down again; false when the case is over. */
    default boolean revive(Machine machine, SplittableRandom random) {
        return false;
    }

    /** Something happens from outside, between two slices. */
    void disturb(Machine machine, SplittableRandom random);
}
