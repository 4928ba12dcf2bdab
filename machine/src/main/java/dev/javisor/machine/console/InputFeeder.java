package dev.javisor.machine.console;

import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import java.util.ArrayDeque;
import java.util.function.IntConsumer;
import java.util.function.IntSupplier;

/**
 * Types to a device: one character after another at the pace of a fast line, in guest time, and waiting while the device has no room.
 */
public final class InputFeeder implements Stateful {
    /** Guest time between two characters: 11,500 in a second. */
    private static final long PACE = Timeline.FREQUENCY / 11_500;

    private final Timeline timeline;
    private final IntSupplier room;
    private final IntConsumer device;
    private final ArrayDeque<Byte> waiting = new ArrayDeque<>();
    private final Timeline.Deadline next = new Timeline.Deadline(this::type);

    /**
     * @param room how many characters the device takes now
     * @param device takes a character
     */
    public InputFeeder(Timeline timeline, IntSupplier room, IntConsumer device) {
        this.timeline = timeline;
        this.room = room;
        this.device = device;
    }

    /** Starts to type, behind what still waits. */
    public void add(byte[] text) {
        for (byte b : text) {
            waiting.add(b);
        }
        if (!waiting.isEmpty() && !next.isScheduled()) {
            timeline.schedule(next, timeline.now() + PACE);
        }
    }

    private void type() {
        if (!waiting.isEmpty() && room.getAsInt() > 0) {
            device.accept(waiting.remove() & 0xFF);
        }
        if (!waiting.isEmpty()) {
            timeline.schedule(next, timeline.now() + PACE);
        }
    }

    @Override
    public void save(StateOutput out) {
        byte[] text = new byte[waiting.size()];
        int n = 0;
        for (byte b : waiting) {
            text[n++] = b;
        }
        out.putBytes("text", text);
        next.save(out, "next");
    }

    @Override
    public void load(StateInput in) {
        waiting.clear();
        for (byte b : in.getBytes("text")) {
            waiting.add(b);
        }
        next.load(timeline, in, "next");
    }
}
