package dev.javisor.isa;

/** VM-instruction error numbers ("VM Instruction Error Numbers"). */
public enum VmxError {
    VMCALL_IN_ROOT(1, "VMCALL executed in VMX root operation"),
    VMCLEAR_INVALID_ADDRESS(2, "VMCLEAR with invalid physical address"),
    VMCLEAR_VMXON_POINTER(3, "VMCLEAR with VMXON pointer"),
    VMLAUNCH_NOT_CLEAR(4, "VMLAUNCH with non-clear VMCS"),
    VMRESUME_NOT_LAUNCHED(5, "VMRESUME with non-launched VMCS"),
    VMRESUME_AFTER_VMXOFF(6, "VMRESUME after VMXOFF"),
    ENTRY_INVALID_CONTROLS(7, "VM entry with invalid control field(s)"),
    ENTRY_INVALID_HOST_STATE(8, "VM entry with invalid host-state field(s)"),
    VMPTRLD_INVALID_ADDRESS(9, "VMPTRLD with invalid physical address"),
    VMPTRLD_VMXON_POINTER(10, "VMPTRLD with VMXON pointer"),
    VMPTRLD_REVISION(11, "VMPTRLD with incorrect VMCS revision identifier"),
    UNSUPPORTED_FIELD(12, "VMREAD/VMWRITE from/to unsupported VMCS component"),
    READ_ONLY_FIELD(13, "VMWRITE to read-only VMCS component"),
    VMXON_IN_ROOT(15, "VMXON executed in VMX root operation"),
    ENTRY_EXECUTIVE_POINTER(16, "VM entry with invalid executive-VMCS pointer"),
    ENTRY_EXECUTIVE_NOT_LAUNCHED(17, "VM entry with non-launched executive VMCS"),
    ENTRY_EXECUTIVE_NOT_VMXON(18, "VM entry with executive-VMCS pointer not VMXON pointer"),
    VMCALL_NOT_CLEAR(19, "VMCALL with non-clear VMCS"),
    VMCALL_EXIT_CONTROLS(20, "VMCALL with invalid VM-exit control fields"),
    VMCALL_MSEG_REVISION(22, "VMCALL with incorrect MSEG revision identifier"),
    VMXOFF_DUAL_MONITOR(23, "VMXOFF under dual-monitor treatment of SMIs and SMM"),
    VMCALL_SMM_MONITOR(24, "VMCALL with invalid SMM-monitor features"),
    ENTRY_EXECUTIVE_CONTROLS(25, "VM entry with invalid VM-execution control fields in executive VMCS"),
    ENTRY_MOV_SS(26, "VM entry with events blocked by MOV SS"),
    INVALID_INVALIDATION(28, "invalid operand to INVEPT/INVVPID");

    public final int number;
    /** The manual's description. */
    public final String text;

    VmxError(int number, String text) {
        this.number = number;
        this.text = text;
    }

    /** The error with a number, or null. */
    public static VmxError of(int number) {
        for (VmxError e : values()) {
            if (e.number == number) {
                return e;
            }
        }
        return null;
    }
}
