package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.MsrFilter;

/** What userspace wants to know of the guests' accesses to model-specific registers: one for all vcpus of a VM. */
public final class MsrPolicy {
    private MsrFilter filter = MsrFilter.NONE;
    private int exits;
    private int generation;

    public void setFilter(MsrFilter f) {
        filter = f;
        generation++;
    }

    /** @param reasons for which an access exits: bits of {@link Capability#X86_USER_SPACE_MSR} */
    public void setExits(int reasons) {
        exits = reasons;
    }

    boolean exitsFor(int reason) {
        return (exits & reason) != 0;
    }

    public boolean allows(int index, int access) {
        return filter.allows(index, access);
    }

    /** Changes with the filter. */
    public int generation() {
        return generation;
    }
}
