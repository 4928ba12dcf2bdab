package dev.javisor.processor.core;

import dev.javisor.isa.Msr;

/** The model-specific registers by which a guest and a paravirtualizing hypervisor talk. */
public interface Paravirtualization {
    long readMsr(Msr register);

    /** @throws GuestFault #GP(0) when the value cannot be used; the table's rule has allowed it */
    void writeMsr(Msr register, long value);
}
