package dev.javisor.hypervisor.abi;

/** {@code struct kvm_mp_state}: whether a vcpu runs, and what it waits for. The numbers are KVM's. */
public enum MpState {
    RUNNABLE,
    /** An application processor before its INIT. */
    UNINITIALIZED,
    /** Waits for a start-up IPI. */
    INIT_RECEIVED,
    /** In HLT. */
    HALTED,
    SIPI_RECEIVED
}
