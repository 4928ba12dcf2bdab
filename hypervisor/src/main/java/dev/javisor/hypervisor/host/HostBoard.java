package dev.javisor.hypervisor.host;

import dev.javisor.processor.core.Platform;
import java.util.function.Consumer;

/** What stands around a processor of the host: no devices, and the interrupts of the hypervisor. */
final class HostBoard implements Platform {
    /** The vector that arrives. */
    static final int KICK_VECTOR = 0xF2;
    private boolean kicked;

    private Consumer<Boolean> acknowledged = back -> {};

    /** @param action is told whether the hypervisor calls back */
    void onAcknowledge(Consumer<Boolean> action) {
        acknowledged = action;
    }

    /** The next interrupt calls back; else it is the notification of posted interrupts. */
    void kick() {
        kicked = true;
    }

    @Override
    public int in(int port, int size) {
        return -1;
    }

    @Override
    public void out(int port, int size, int value) {}

    @Override
    public int acknowledgeExternalInterrupt() {
        boolean back = kicked;
        kicked = false;
        acknowledged.accept(back);
        return back ? KICK_VECTOR : RootProcessor.POSTED_VECTOR;
    }
}
