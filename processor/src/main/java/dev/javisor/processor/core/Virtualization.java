package dev.javisor.processor.core;

import dev.javisor.processor.state.Stateful;

/** The virtualization extensions of a processor (VMX, SVM): their state beside that of the {@link Cpu}. */
public interface Virtualization extends Stateful {
    /** Power-up or RESET. */
    void reset(Cpu c);

    /**
     * RDMSR of a capability register: its position in the row of them (of VMX, behind IA32_VMX_BASIC).
     *
     * @throws GuestFault #GP(0) when there is no such register
     */
    long capability(Cpu c, int index);
}
