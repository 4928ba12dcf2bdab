package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.memory.DirtyRing;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.hypervisor.vmx.VmxVm;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** KVM_CAP_DIRTY_LOG_RING: the rings of a VM's vcpus, in place of the logs of its slots. */
final class DirtyRings {
    private final MemorySlots slots;
    private final VmxVm vmx;
    private final List<DirtyRing> rings = new ArrayList<>();
    /** Entries of each; 0 while there are none. */
    private int entries;

    DirtyRings(MemorySlots slots, VmxVm vmx) {
        this.slots = slots;
        this.vmx = vmx;
    }

    /** @throws KvmException INVALID_ARGUMENT, TOO_BIG */
    void enable(long bytes) {
        boolean power = bytes > 0 && (bytes & bytes - 1) == 0;
        if (!power || bytes <= (long) DirtyRing.RESERVED * DirtyRing.ENTRY || entries != 0) {
            throw KvmException.invalid("dirty rings of " + bytes + " bytes are too small, no power of two, or not the first");
        }
        if (bytes > (long) DirtyRing.MOST * DirtyRing.ENTRY) {
            throw new KvmException(KvmException.Error.TOO_BIG, "a dirty ring has at most " + DirtyRing.MOST + " entries");
        }
        entries = (int) (bytes / DirtyRing.ENTRY);
        slots.useRings();
    }

    boolean areEnabled() {
        return entries != 0;
    }

    /** For a further vcpu; null while there are no rings. */
    DirtyRing create() {
        if (entries == 0) {
            return null;
        }
        DirtyRing ring = new DirtyRing(entries);
        rings.add(ring);
        return ring;
    }

    /** The pages that userspace has harvested are to be seen again when they are stored to. Returns how many. */
    int reset() {
        Set<MemorySlots.Slot> changed = new HashSet<>();
        int n = rings.stream().mapToInt(r -> slots.reset(r, changed)).sum();
        changed.forEach(vmx::protect);
        return n;
    }
}
