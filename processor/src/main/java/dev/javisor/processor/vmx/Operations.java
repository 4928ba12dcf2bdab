package dev.javisor.processor.vmx;

import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxError;

/** The one implementation of {@link VmxOperations}. */
final class Operations implements VmxOperations {
    // INVVPID types
    private static final long INDIVIDUAL_ADDRESS = 0, ALL_CONTEXTS = 2, SINGLE_CONTEXT_RETAINING_GLOBALS = 3;

    // INVEPT types
    private static final long INVEPT_SINGLE = 1, INVEPT_GLOBAL = 2;

    private final Vmx vmx;

    Operations(Vmx vmx) {
        this.vmx = vmx;
    }

    /** The address of a region: page-aligned, and within the physical-address width. */
    private boolean isRegion(long address) {
        return (address & (0xFFF | vmx.cpu.model.physicalReserved())) == 0;
    }

    @Override
    public void vmxon(long region) {
        Vmcs r = new Vmcs(vmx.cpu.memory, region);
        if (!isRegion(region) || !r.hasRevision() || r.isShadow()) {
            vmx.failInvalid();
            return;
        }
        vmx.enterOperation(region);
        vmx.succeed();
    }

    @Override
    public void vmxoff() {
        vmx.leaveOperation();
        vmx.succeed();
    }

    @Override
    public void vmclear(long region) {
        if (!isRegion(region)) {
            vmx.fail(VmxError.VMCLEAR_INVALID_ADDRESS);
        } else if (region == vmx.vmxonPointer) {
            vmx.fail(VmxError.VMCLEAR_VMXON_POINTER);
        } else {
            new Vmcs(vmx.cpu.memory, region).setLaunched(false);
            if (vmx.current.address() == region) {
                vmx.current.moveTo(Vmcs.NONE);
            }
            vmx.succeed();
        }
    }

    @Override
    public void vmptrld(long region) {
        Vmcs r = new Vmcs(vmx.cpu.memory, region);
        if (!isRegion(region)) {
            vmx.fail(VmxError.VMPTRLD_INVALID_ADDRESS);
        } else if (region == vmx.vmxonPointer) {
            vmx.fail(VmxError.VMPTRLD_VMXON_POINTER);
        } else if (!r.hasRevision() || r.isShadow() && !vmx.capabilities.has(VmxControl.VMCS_SHADOWING)) {
            vmx.fail(VmxError.VMPTRLD_REVISION);
        } else {
            vmx.current.moveTo(region);
            vmx.succeed();
        }
    }

    @Override
    public long vmptrst() {
        return vmx.current.address();
    }

    @Override
    public long vmread(VmcsField field) {
        return vmx.current.get(field);
    }

    @Override
    public void vmwrite(VmcsField field, long value) {
        vmx.write(vmx.current, field, field.encoding, value, true);
    }

    @Override
    public void vmlaunch() {
        vmx.entry.enter(true);
    }

    @Override
    public void vmresume() {
        vmx.entry.enter(false);
    }

    @Override
    public void invept(long type, long pointer) {
        boolean valid = type == INVEPT_GLOBAL || type == INVEPT_SINGLE && EptPointer.isValid(vmx, pointer);
        invalidate(valid);
    }

    @Override
    public void invvpid(long type, long descriptor, long linear) {
        boolean known = Long.compareUnsigned(type, SINGLE_CONTEXT_RETAINING_GLOBALS) <= 0 && descriptor >>> 16 == 0;
        boolean valid = known
                && (type == ALL_CONTEXTS || descriptor != 0)
                && (type != INDIVIDUAL_ADDRESS || vmx.isCanonical(linear));
        invalidate(valid);
    }

    private void invalidate(boolean valid) {
        if (valid) {
            vmx.cpu.flushTlb();
            vmx.succeed();
        } else {
            vmx.fail(VmxError.INVALID_INVALIDATION);
        }
    }
}
