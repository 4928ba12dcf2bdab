package dev.javisor.conformance.vmx;

/** What kind of guest a {@link VmxHost} has a valid VMCS for. */
public enum GuestKind {
    /** 64-bit mode. */
    LONG,
    /** 32-bit code with PAE paging. */
    PAE,
    /** Virtual-8086 mode, with PAE paging. */
    V86,
    /** An unrestricted guest in real-address mode, on extended page tables. */
    REAL
}
