package dev.javisor.hypervisor.host;

import dev.javisor.processor.core.Platform;

/** What stands around a processor of the host: no devices, and one interrupt, with which the hypervisor calls it back from a guest. */
final class HostBoard implements Platform {
    /** The vector that arrives. */
    static final int KICK_VECTOR = 0xF2;

    private Runnable acknowledged = () -> {};

    void onAcknowledge(Runnable action) {
        acknowledged = action;
    }

    @Override
    public int in(int port, int size) {
        return -1;
    }

    @Override
    public void out(int port, int size, int value) {}

    @Override
    public int acknowledgeExternalInterrupt() {
        acknowledged.run();
        return KICK_VECTOR;
    }
}
