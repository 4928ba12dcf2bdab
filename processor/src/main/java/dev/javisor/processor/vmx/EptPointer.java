package dev.javisor.processor.vmx;

import dev.javisor.isa.VmxCapabilities;

/** The extended-page-table pointer ("Extended-Page-Table Pointer (EPTP)"). */
final class EptPointer {
    static final long ACCESSED_AND_DIRTY = 1 << 6;

    private static final long RESERVED = 0xF80;

    private EptPointer() {}

    static int levels(long pointer) {
        return ((int) pointer >> 3 & 7) + 1;
    }

    static boolean hasMemoryType(Vmx v, long pointer) {
        long type = pointer & 7;
        return type == 0 && supports(v, VmxCapabilities.UNCACHEABLE) || type == 6 && supports(v, VmxCapabilities.EPT_WRITE_BACK);
    }

    static boolean hasWalkLength(Vmx v, long pointer) {
        int levels = levels(pointer);
        return levels == 4 && supports(v, VmxCapabilities.WALK_4) || levels == 5 && supports(v, VmxCapabilities.WALK_5);
    }

    /** Bits that must be zero. */
    static long reserved(Vmx v) {
        long flags = supports(v, VmxCapabilities.ACCESSED_AND_DIRTY) ? 0 : ACCESSED_AND_DIRTY;
        return RESERVED | flags | v.cpu.model.physicalReserved();
    }

    static boolean isValid(Vmx v, long pointer) {
        return hasMemoryType(v, pointer) && hasWalkLength(v, pointer) && (pointer & reserved(v)) == 0;
    }

    private static boolean supports(Vmx v, long capability) {
        return (v.capabilities.eptVpid() & capability) != 0;
    }
}
