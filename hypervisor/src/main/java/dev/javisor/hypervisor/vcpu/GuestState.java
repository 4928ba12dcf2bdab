package dev.javisor.hypervisor.vcpu;

import dev.javisor.processor.core.Cpu;

/**
 * The architectural state of a vcpu. Between two runs of the guest each part of it is in the hardware (the VMCS and the processor's
 * registers), in {@link #cpu}, or in both: who needs a part calls {@link #load}, who changes it calls {@link #change}.
 *
 * <p>The {@link Cpu} is a processor that never runs by itself: what the hardware has no room for lives in it for good (MSRs that the
 * hypervisor emulates, the local APIC's requests, DR6), and instructions that must be emulated are carried out on it.
 */
public final class GuestState {
    /** RAX to R15, RIP, RFLAGS, CR2. */
    public static final int REGISTERS = 1;
    /** Segments, descriptor tables, control registers, IA32_EFER, IA32_DEBUGCTL, DR7. */
    public static final int SYSTEM = 2;
    /** Blocking by STI, MOV SS and NMI; pending debug exceptions. */
    public static final int EVENTS = 4;
    /** x87 and vector registers, MXCSR. */
    public static final int FPU = 8;
    /** Model-specific registers that the guest accesses without exit. */
    public static final int MSRS = 16;

    /** PKRU, IA32_PKRS and IA32_XSS, on which translations and CPUID rest. */
    public static final int KEYS = 32;

    public static final int ALL = 63;

    /** Where the parts are while the guest runs. */
    public interface Hardware {
        /** Copies parts from the hardware. */
        void fetch(int parts);

        /** Copies parts to the hardware. */
        void store(int parts);
    }

    public final Cpu cpu;
    private final Hardware hardware;
    private int valid = ALL;
    private int dirty = ALL;

    public GuestState(Cpu cpu, Hardware hardware) {
        this.cpu = cpu;
        this.hardware = hardware;
    }

    /** Makes parts readable in {@link #cpu}. */
    public Cpu load(int parts) {
        int missing = parts & ~valid;
        if (missing != 0) {
            hardware.fetch(missing);
            valid |= missing;
        }
        return cpu;
    }

    /** As {@link #load}, for somebody who is about to change them. */
    public Cpu change(int parts) {
        load(parts);
        dirty |= parts;
        return cpu;
    }

    /** Brings the hardware up to date: the guest is about to be entered. */
    public void flush() {
        if (dirty != 0) {
            hardware.store(dirty);
            dirty = 0;
        }
    }

    /** The guest has run: the hardware knows better. */
    public void invalidate() {
        valid = 0;
    }
}
