package dev.javisor.processor.vmx;

import dev.javisor.isa.VmcsField;

/**
 * What software in VMX root operation can do, as operations: the VMX instructions do no more than find their operands and call these.
 * Success and failure are reported as the instructions report them, in RFLAGS and the VM-instruction error field.
 */
public interface VmxOperations {
    /** The operations of a processor. It has been put into a state in which the instructions would not fault. */
    static VmxOperations of(Vmx vmx) {
        return new Operations(vmx);
    }

    /** VMXON. @param region physical address */
    void vmxon(long region);

    void vmxoff();

    /** VMCLEAR. @param region physical address */
    void vmclear(long region);

    /** VMPTRLD. @param region physical address */
    void vmptrld(long region);

    /** VMPTRST. @return physical address of the current VMCS, or -1 */
    long vmptrst();

    /** VMREAD of a field that the processor has; there is a current VMCS. */
    long vmread(VmcsField field);

    /** VMWRITE of a field that the processor has; there is a current VMCS. */
    void vmwrite(VmcsField field, long value);

    /** VMLAUNCH. After success the processor is in VMX non-root operation. */
    void vmlaunch();

    /** VMRESUME. After success the processor is in VMX non-root operation. */
    void vmresume();

    /** INVEPT. @param pointer EPT pointer, of type 1 */
    void invept(long type, long pointer);

    /** INVVPID. @param vpid first quadword of the descriptor */
    void invvpid(long type, long vpid, long linear);
}
