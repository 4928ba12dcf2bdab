package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.trace.TraceSink;
import java.util.Map;

/** What a vendor's virtualization extensions do for a {@link VcpuCore}: entering the guest, events, and the meaning of exits. */
public interface Backend extends GuestState.Hardware {
    /** Delivers an event at the next entry. @param instructionLength of the instruction behind a software event */
    void inject(Event e, int instructionLength);

    /** An exit shall happen as soon as the guest can take an interrupt. */
    void openInterruptWindow(boolean open);

    /** An exit shall happen as soon as the guest can take an NMI. */
    void openNmiWindow(boolean open);

    /**
     * Enters the guest, or goes on with one whose turn had ended, and runs it until it exits or until machine time {@code limit}.
     *
     * @return what ends the run, or null
     */
    VcpuExit run(long limit);

    /** The guest's model has changed: what is missing in it must not work any more, as far as the hardware can tell. */
    void modelChanged();

    /** Forgets, before the next entry, what the processor has of the guest's translations. */
    void flushTranslations();

    /** The hardware delivers the interrupts of the local APIC by itself. */
    boolean deliversInterrupts();

    /** The guest's turn has ended without an exit. */
    boolean inGuest();

    /** Makes a guest whose turn has ended exit, and takes note of it. */
    void callBack();

    /** Makes a guest that runs exit soon. */
    void kick();

    /** A guest whose turn has ended without an exit has something to do. */
    boolean isRunnable();

    /** Ends a {@link #run} behind the instruction that is running, without exit. */
    void stop();

    boolean hasYielded();

    /** PAUSE ends a {@link #run}. */
    void setPauseYields(boolean yields);

    /** The state of what RDRAND returns. */
    long seed();

    void setSeed(long seed);

    /** Instructions that the guest has retired in hardware. */
    long retired();

    /** From here on somebody is told what the hardware does with events; null for nobody. */
    void trace(TraceSink sink);

    /** RIP, while {@link #inGuest}. */
    long rip();

    /** How often the guest has exited, by the manual's name of the reason; in the order of their numbers. */
    Map<String, Long> exits();

    long compiledInstructions();

    /** How often compiled code was entered. */
    long regionEntries();
}
