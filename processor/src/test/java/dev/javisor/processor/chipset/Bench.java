package dev.javisor.processor.chipset;

import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/** Ports and a timeline without processors, to put a device on. */
final class Bench {
    final Timeline timeline = new Timeline();
    final IoBus bus = new IoBus();

    /** An interrupt input that counts edges. */
    static final class Probe implements InterruptLine {
        boolean level;
        int edges;

        @Override
        public void set(boolean next) {
            if (next && !level) {
                edges++;
            }
            level = next;
        }
    }

    int in(int port) {
        return bus.in(port, 1);
    }

    void out(int port, int value) {
        bus.out(port, 1, value);
    }

    /** Lets {@code ticks} of guest time pass, with everything that happens in it. */
    void pass(long ticks) {
        long end = timeline.now() + ticks;
        while (timeline.next() <= end) {
            timeline.skipTo(timeline.next());
            timeline.runDue();
        }
        timeline.skipTo(end);
    }

    void passMicroseconds(long us) {
        pass(us * (Timeline.FREQUENCY / 1_000_000));
    }

    /** Another one, at the same time. */
    Bench second() {
        Bench b = new Bench();
        b.timeline.skipTo(timeline.now());
        return b;
    }

    /** Saves one device and loads another one with it. */
    static void copy(Stateful from, Stateful to) {
        to.load(new StateInput(saved(from)));
    }

    static byte[] saved(Stateful s) {
        StateOutput out = new StateOutput();
        s.save(out);
        return out.toByteArray();
    }
}
