package dev.javisor.machine.device;

import dev.javisor.machine.bus.BoardControl;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import java.util.ArrayList;
import java.util.List;

/** A bus and a timeline without processors, to put a device on. */
final class Bench implements BoardControl {
    final Timeline timeline = new Timeline();
    final IoBus bus = new IoBus();
    /** What devices asked of the board. */
    final List<String> requests = new ArrayList<>();

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

    @Override
    public void reset() {
        requests.add("reset");
    }

    @Override
    public void powerOff() {
        requests.add("powerOff");
    }

    @Override
    public void suspend() {
        requests.add("suspend");
    }

    @Override
    public void wake() {
        requests.add("wake");
    }

    @Override
    public void exit(int status) {
        requests.add("exit " + status);
    }
}
