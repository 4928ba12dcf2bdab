package dev.javisor.processor.core;

/**
 * What instructions take that move much, or have to wait for something outside of the core, in ticks of {@link Timeline} beside their own.
 * The figures are typical ones of real machines; they are the same for every device, model and engine, and whether the guest runs on the
 * metal or on the hypervisor.
 */
public final class Latency {
    /** An I/O port, or a guest-physical address without memory: half a microsecond, as a read across PCI takes. */
    public static final int DEVICE = 1000;
    /** A register of the local APIC in memory. */
    public static final int LOCAL_APIC = 100;
    /** CPUID. */
    public static final int CPUID = 100;
    /** WRMSR. */
    public static final int WRMSR = 100;
    /** MOV to CR0 or CR4, which change how the processor works; MOV to CR3, which every context switch has, is quicker. */
    public static final int CONTROL_REGISTER = 100;
    /** A hypercall: what an exit and an entry take in hardware. */
    public static final int HYPERCALL = 1000;
    /** Bytes of a repeated string instruction in a tick: no more than a cache line passes through a core at once. */
    public static final int STRING_BYTES = 64;

    private Latency() {}
}
