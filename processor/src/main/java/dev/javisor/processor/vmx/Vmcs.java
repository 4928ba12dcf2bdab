package dev.javisor.processor.vmx;

import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.processor.memory.HostMemory;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import java.util.Arrays;

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
    private static final long[] MASKS = Arrays.stream(ALL).mapToLong(VmcsField::mask).toArray();
    private static final int REVISION = 0, ABORT = 4, LAUNCHED = 8, FIELDS = 16;

    private final PhysicalMemory memory;
    /** Physical address of the region, or {@link #NONE}. */
    private long address;
    /** RAM that holds all of the region, and the host's address of it there; null when that is not known, or is not so. */
    private Region ram;

    private long host;

    public Vmcs(PhysicalMemory memory, long address) {
        this.memory = memory;
        this.address = address;
    }

    /** Physical address of the region, or {@link #NONE}. */
    long address() {
        return address;
    }

    void moveTo(long region) {
        address = region;
        ram = null;
    }

    /** Where the region is in the host's memory may have changed. */
    void mappingChanged() {
        ram = null;
    }

    /** The region is in RAM, and accesses need not look for it any more. */
    private boolean isFound() {
        return ram != null || find();
    }

    private boolean find() {
        Region r = memory.regionOfPage(address);
        if (r == null || !r.isMemory() || r.readOnly || r.stores != null) {
            return false;
        }
        ram = r;
        host = memory.hostAddress(address);
        return true;
    }

    /** A store to the region concerns nobody else: no code was decoded there, and nobody waits for the page to be changed. */
    private boolean isUnwatched() {
        return isFound() && ram.flags[ram.flag(address & memory.a20Mask())] == 0;
    }

    boolean exists() {
        return address != NONE;
    }

    long get(VmcsField f) {
        long at = FIELDS + 8L * f.ordinal();
        return (isFound() ? HostMemory.getLong(host + at) : memory.read(address + at, 8)) & f.mask();
    }

    void set(VmcsField f, long value) {
        long at = FIELDS + 8L * f.ordinal();
        if (isUnwatched()) {
            HostMemory.putLong(host + at, value & f.mask());
        } else {
            memory.write(address + at, 8, value & f.mask());
        }
    }

    /**
     * Reads all fields, in the order of their table.
     *
     * @param changed gets a bit for each field whose value was another
     */
    void readAll(long[] values, long[] changed) {
        boolean found = isFound();
        for (int i = 0; i < ALL.length; i++) {
            long at = FIELDS + 8L * i;
            long v = (found ? HostMemory.getLong(host + at) : memory.read(address + at, 8)) & MASKS[i];
            if (v != values[i]) {
                values[i] = v;
                changed[i >>> 6] |= 1L << i;
            }
        }
    }

    /** The revision identifier with the shadow-VMCS indicator. */
    int revision() {
        return isFound() ? HostMemory.getInt(host + REVISION) : (int) memory.read(address + REVISION, 4);
    }

    boolean isShadow() {
        return (revision() & SHADOW) != 0;
    }

    /** The region's identifier is the processor's, whether it is a shadow or not. */
    boolean hasRevision() {
        return (revision() & ~SHADOW) == VmxCapabilities.REVISION;
    }

    boolean isLaunched() {
        return (isFound() ? HostMemory.getInt(host + LAUNCHED) : memory.read(address + LAUNCHED, 4)) != 0;
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
