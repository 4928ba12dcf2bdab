package dev.javisor.machine.device;

import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateMismatchException;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/** A device on a PS/2 port: takes command bytes and queues what it has to say. Replies come before, and replace, events. */
abstract class Ps2Device implements Stateful {
    static final int ACKNOWLEDGE = 0xFA;
    static final int RESEND = 0xFE;
    static final int SELF_TEST_PASSED = 0xAA;

    private static final int CAPACITY = 64;

    private final int[] queue = new int[CAPACITY];
    private int head, length;
    private Runnable changed = () -> {};

    /** Command that waits for its parameter, or 0. */
    int command;

    private int lastSent;

    /** @param listener told that there may be something to take */
    final void connect(Runnable listener) {
        changed = listener;
    }

    final boolean hasData() {
        return length > 0;
    }

    final int take() {
        lastSent = queue[head];
        head = (head + 1) % CAPACITY;
        length--;
        return lastSent;
    }

    /** A byte from the host. */
    final void write(int value) {
        if (command != 0 && value < 0xE0) {
            int c = command;
            command = 0;
            parameter(c, value);
        } else if (value == RESEND) {
            reply(lastSent);
        } else {
            command = 0;
            command(value);
        }
    }

    abstract void command(int value);

    abstract void parameter(int forCommand, int value);

    /** Throws away what waits. */
    final void clear() {
        head = length = 0;
    }

    final void reply(int... bytes) {
        clear();
        for (int b : bytes) {
            queue[length++] = b;
        }
        changed.run();
    }

    /** Queues an event, whole or not at all. */
    final boolean event(int... bytes) {
        if (length + bytes.length > CAPACITY) {
            return false;
        }
        for (int b : bytes) {
            queue[(head + length++) % CAPACITY] = b;
        }
        changed.run();
        return true;
    }

    @Override
    public void save(StateOutput out) {
        out.putInts("queue", queue);
        out.putInts("state", new int[] {head, length, command, lastSent});
    }

    @Override
    public void load(StateInput in) {
        in.getInts("queue", queue);
        int[] s = new int[4];
        in.getInts("state", s);
        if (s[0] < 0 || s[0] >= CAPACITY || s[1] < 0 || s[1] > CAPACITY) {
            throw new StateMismatchException("saved PS/2 device has an impossible queue");
        }
        head = s[0];
        length = s[1];
        command = s[2];
        lastSent = s[3];
    }
}
