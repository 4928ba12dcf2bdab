package dev.javisor.machine.console;

import dev.javisor.processor.core.Timeline;
import java.util.ArrayDeque;
import java.util.function.IntConsumer;
import java.util.function.IntSupplier;

/**
 * Types to a device: one character after another at the pace of a fast line, in guest time, and waiting while the device has no room. What
 * has not been typed yet is outside the machine, and no part of its state.
 */
public final class InputFeeder {
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
}
