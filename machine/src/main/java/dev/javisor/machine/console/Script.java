package dev.javisor.machine.console;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.Consumer;

/**
 * A dialogue with the console: when a pattern has appeared in the output, a text is typed. The steps are taken in order; each looks only at
 * output behind the one before. Since output appears at a guest time, so does the answer.
 */
public final class Script implements ByteSink {
    private record Step(byte[] pattern, byte[] text) {}

    private final Queue<Step> steps = new ArrayDeque<>();
    private Consumer<byte[]> typist = text -> {};
    private final ByteMatcher matcher = new ByteMatcher();

    /** Adds a step; an empty pattern is there from the start. */
    public Script sendAfter(byte[] pattern, byte[] text) {
        steps.add(new Step(pattern.clone(), text.clone()));
        return this;
    }

    /** Connects what types, and takes the steps that need no output. */
    public void start(Consumer<byte[]> target) {
        typist = target;
        advance();
    }

    /** All steps have been taken. */
    public boolean isDone() {
        return steps.isEmpty();
    }

    @Override
    public void write(int value) {
        if (!steps.isEmpty() && matcher.next(value)) {
            typist.accept(steps.remove().text);
            advance();
        }
    }

    private void advance() {
        while (!steps.isEmpty() && steps.peek().pattern.length == 0) {
            typist.accept(steps.remove().text);
        }
        if (!steps.isEmpty()) {
            matcher.reset(steps.peek().pattern);
        }
    }
}
