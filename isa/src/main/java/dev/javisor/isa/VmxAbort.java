package dev.javisor.isa;

/** VMX-abort indicators: why a VM exit failed, and the processor shut down ("VMX Aborts"). */
public enum VmxAbort {
    SAVING_GUEST_MSRS(1, "an entry of the VM-exit MSR-store area could not be saved"),
    HOST_PDPTES(2, "the host's page-directory-pointer-table entries are not valid"),
    CORRUPTED_VMCS(3, "the current VMCS has been corrupted"),
    LOADING_HOST_MSRS(4, "an entry of the VM-exit MSR-load area could not be loaded"),
    MACHINE_CHECK(5, "a machine-check event during the VM exit"),
    HOST_NOT_IN_64_BIT_MODE(6, "\"host address-space size\" is 0 and the guest was in IA-32e mode");

    public final int number;
    public final String text;

    VmxAbort(int number, String text) {
        this.number = number;
        this.text = text;
    }

    /** The abort with an indicator, or null. */
    public static VmxAbort of(int number) {
        for (VmxAbort a : values()) {
            if (a.number == number) {
                return a;
            }
        }
        return null;
    }
}
