package dev.javisor.processor.vmx;

import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.processor.memory.HostMemory;
import dev.javisor.processor.memory.PhysicalMemory;

/**
 * A virtual-machine control structure where software put it: all of it is in guest memory at all times. Behind the revision identifier and
 * the VMX-abort indicator stand the launch state and, 8 bytes each in the order of the field table, the fields.
 */
public final class Vmcs {
    /** No VMCS. */
    public static final long NONE = -1;

    /** Bit 31 of the revision identifier: a shadow VMCS. */
    static final int SHADOW = 1 << 31;

    private static final VmcsField[] ALL = VmcsField.values();
    private static final int REVISION = 0, ABORT = 4, LAUNCHED = 8, FIELDS = 16;

    private final PhysicalMemory memory;
    /** Physical address of the region, or {@link #NONE}. */
    long address = NONE;

    public Vmcs(PhysicalMemory memory, long address) {
        this.memory = memory;
        this.address = address;
    }

    boolean exists() {
        return address != NONE;
    }

    long get(VmcsField f) {
        return memory.read(address + FIELDS + 8L * f.ordinal(), 8) & f.mask();
    }

    void set(VmcsField f, long value) {
        memory.write(address + FIELDS + 8L * f.ordinal(), 8, value & f.mask());
    }

    /** Reads all fields, in the order of their table. */
    void readAll(long[] values) {
        long host = memory.hostAddress(address);
        for (int i = 0; i < ALL.length; i++) {
            long at = FIELDS + 8L * i;
            values[i] = (host != 0 ? HostMemory.getLong(host + at) : memory.read(address + at, 8)) & ALL[i].mask();
        }
    }

    /** The revision identifier with the shadow-VMCS indicator. */
    int revision() {
        return (int) memory.read(address + REVISION, 4);
    }

    boolean isShadow() {
        return (revision() & SHADOW) != 0;
    }

    /** The region's identifier is the processor's, whether it is a shadow or not. */
    boolean hasRevision() {
        return (revision() & ~SHADOW) == VmxCapabilities.REVISION;
    }

    boolean isLaunched() {
        return memory.read(address + LAUNCHED, 4) != 0;
    }

    void setLaunched(boolean launched) {
        memory.write(address + LAUNCHED, 4, launched ? 1 : 0);
    }

    int abort() {
        return (int) memory.read(address + ABORT, 4);
    }

    void setAbort(int indicator) {
        memory.write(address + ABORT, 4, indicator);
    }
}
