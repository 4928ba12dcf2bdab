package dev.javisor.processor.core;

import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.Stateful;

/** The local APIC as its processor sees it. */
public interface InterruptController extends MmioHandler, Stateful {
    /** Highest-priority deliverable vector (above the processor priority), or -1. */
    int pendingVector();

    /** Moves the pending vector to in-service and returns it (a spurious vector when there is none any more). */
    int acknowledge();

    /** CR8: task priority, 0 to 15. */
    int cr8();

    void setCr8(int value);

    /** Guest-physical base of the register page. */
    long base();

    /** The register page is decoded (xAPIC mode, globally enabled). */
    boolean mmioEnabled();
}
