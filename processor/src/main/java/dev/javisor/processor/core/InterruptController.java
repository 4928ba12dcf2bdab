package dev.javisor.processor.core;

import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.Stateful;

/** The local APIC as its processor sees it. */
public interface InterruptController extends MmioHandler, Stateful {
    /** Frequency of the core crystal clock, which drives the timer, in Hz; CPUID leaf 15H tells it. */
    long CRYSTAL_FREQUENCY = 1_000_000_000L;

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

    /** IA32_APIC_BASE. */
    long baseMsr();

    /**
     * WRMSR to IA32_APIC_BASE.
     *
     * @throws GuestFault #GP(0) for reserved bits and for mode transitions that do not exist
     */
    void setBaseMsr(long value);

    /**
     * RDMSR of an x2APIC register.
     *
     * @param index 0 to FFH: the MSR index less 800H
     * @throws GuestFault #GP(0) outside x2APIC mode, or when there is no such register to read
     */
    long readMsr(int index);

    /**
     * WRMSR to an x2APIC register.
     *
     * @throws GuestFault #GP(0) outside x2APIC mode, when there is no such register to write, or for reserved bits
     */
    void writeMsr(int index, long value);

    /** IA32_TSC_DEADLINE: the time-stamp counter value at which the timer fires, or 0 when it is disarmed. */
    long tscDeadline();

    void setTscDeadline(long value);

    /** To be called after the time-stamp counter was set to another value. */
    void tscChanged();

    /** State after an INIT; the APIC ID, IA32_APIC_BASE and what the wires carry stay. */
    void init();

    /** State after power-up. */
    void reset();
}
