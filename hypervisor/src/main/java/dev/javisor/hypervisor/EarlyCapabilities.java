package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.vmx.VmxVm;

/** The capabilities that can be enabled only before a VM has vcpus: what exits, and where stores are logged. */
final class EarlyCapabilities {
    private final Kvm kvm;
    private final VmxVm vmx;
    private final DirtyRings rings;

    EarlyCapabilities(Kvm kvm, VmxVm vmx, DirtyRings rings) {
        this.kvm = kvm;
        this.vmx = vmx;
        this.rings = rings;
    }

    /**
     * Enables a capability.
     *
     * @return false when it is none of these, or the argument is impossible
     * @throws dev.javisor.hypervisor.abi.KvmException INVALID_ARGUMENT, TOO_BIG for impossible dirty rings
     */
    boolean enable(Capability capability, long argument) {
        return switch (capability) {
            case X86_DISABLE_EXITS -> disableExits(argument);
            case X86_BUS_LOCK_EXIT -> kvm.checkExtension(capability) != 0 && exitForBusLocks(argument);
            case X86_NOTIFY_VMEXIT -> kvm.checkExtension(capability) != 0 && notifyOfTimeouts(argument);
            case DIRTY_LOG_RING, DIRTY_LOG_RING_ACQ_REL -> {
                rings.enable(argument);
                yield true;
            }
            default -> false;
        };
    }

    private boolean disableExits(long argument) {
        if ((argument & ~Capability.DISABLE_EXITS_ALL) != 0) {
            return false;
        }
        // Of these, HLT is what exits at all.
        vmx.setHaltsExit((argument & Capability.DISABLE_EXITS_HLT) == 0);
        return true;
    }

    private boolean exitForBusLocks(long argument) {
        if (argument != Capability.BUS_LOCK_DETECTION_OFF && argument != Capability.BUS_LOCK_DETECTION_EXIT) {
            return false;
        }
        vmx.setBusLocksExit(argument == Capability.BUS_LOCK_DETECTION_EXIT);
        return true;
    }

    private boolean notifyOfTimeouts(long argument) {
        int flags = (int) argument;
        if ((flags & ~Capability.NOTIFY_VMEXIT_ALL) != 0 || (flags & Capability.NOTIFY_VMEXIT_ENABLED) == 0) {
            return false;
        }
        vmx.setNotifyWindow(argument >>> 32, (flags & Capability.NOTIFY_VMEXIT_USER) != 0);
        return true;
    }
}
