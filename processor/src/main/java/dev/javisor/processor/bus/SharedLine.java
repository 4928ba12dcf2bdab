package dev.javisor.processor.bus;

import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/** A level-triggered line that several devices share: active while any of them drives it (wired OR, as PCI's INTx lines). */
public final class SharedLine implements Stateful {
    private final InterruptLine output;
    private int sources;
    private long driven;

    public SharedLine(InterruptLine output) {
        this.output = output;
    }

    /** A further driver of the line; at most 64. */
    public InterruptLine source() {
        if (sources == Long.SIZE) {
            throw new IllegalStateException("a shared line has at most " + Long.SIZE + " sources");
        }
        long bit = 1L << sources++;
        return level -> drive(level ? driven | bit : driven & ~bit);
    }

    private void drive(long next) {
        boolean before = driven != 0;
        driven = next;
        if (before != (next != 0)) {
            output.set(next != 0);
        }
    }

    @Override
    public void save(StateOutput out) {
        out.putLong("driven", driven);
    }

    @Override
    public void load(StateInput in) {
        driven = in.getLong("driven");
    }
}
