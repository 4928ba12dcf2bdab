package dev.javisor.processor.bus;

/** An interrupt request line, seen from the device that drives it. */
@FunctionalInterface
public interface InterruptLine {
    /** A line that leads nowhere. */
    InterruptLine UNCONNECTED = level -> {};

    /** Drives the line: true is active. Driving it to the level it already has changes nothing. */
    void set(boolean level);

    /** An edge: active, then inactive. */
    default void pulse() {
        set(true);
        set(false);
    }

    /** One line soldered to several inputs. */
    static InterruptLine join(InterruptLine... inputs) {
        InterruptLine[] all = inputs.clone();
        return level -> {
            for (InterruptLine input : all) {
                input.set(level);
            }
        };
    }
}
