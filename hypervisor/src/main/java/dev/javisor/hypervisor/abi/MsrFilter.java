package dev.javisor.hypervisor.abi;

import java.util.List;

/**
 * {@code struct kvm_msr_filter}: which model-specific registers the guest may read and write. The first range that covers an access
 * decides, else the default. Registers of the x2APIC are never filtered.
 *
 * @param flags {@link #DEFAULT_ALLOW} or {@link #DEFAULT_DENY}
 */
public record MsrFilter(int flags, List<Range> ranges) {
    public static final int DEFAULT_ALLOW = 0, DEFAULT_DENY = 1;
    /** Bits of {@link Range#flags}: what the range is about. */
    public static final int READ = 1, WRITE = 2;

    private static final int MOST_RANGES = 16, MOST_BYTES = 0x600;
    private static final int X2APIC = 0x800, X2APIC_END = 0x8FF;

    /**
     * {@code struct kvm_msr_filter_range}.
     *
     * @param flags {@link #READ}, {@link #WRITE}
     * @param nmsrs registers from {@code base} on
     * @param bitmap one bit for each, set: allowed
     */
    public record Range(int flags, int base, int nmsrs, byte[] bitmap) {
        public Range {
            bitmap = bitmap.clone();
        }

        private boolean covers(int index, int access) {
            return (flags & access) != 0 && Integer.compareUnsigned(index - base, nmsrs) < 0;
        }

        private boolean allows(int index) {
            int i = index - base;
            return (bitmap[i >>> 3] >>> (i & 7) & 1) != 0;
        }
    }

    /** Everything is allowed. */
    public static final MsrFilter NONE = new MsrFilter(DEFAULT_ALLOW, List.of());

    /** @throws KvmException INVALID_ARGUMENT for unknown flags, too many ranges, a bitmap of another size, and denying without a range */
    public MsrFilter {
        ranges = List.copyOf(ranges);
        if ((flags & ~DEFAULT_DENY) != 0 || ranges.size() > MOST_RANGES) {
            throw KvmException.invalid("unknown flags, or too many ranges, of a filter");
        }
        for (Range r : ranges) {
            boolean sized = r.nmsrs > 0 && r.nmsrs <= 8 * MOST_BYTES && r.bitmap.length == r.nmsrs + 7 >> 3;
            if (!sized || r.flags == 0 || (r.flags & ~(READ | WRITE)) != 0) {
                throw KvmException.invalid("a filter range from " + Integer.toHexString(r.base) + " on is impossible");
            }
        }
        if (flags == DEFAULT_DENY && ranges.isEmpty()) {
            throw KvmException.invalid("a filter that denies by default needs a range");
        }
    }

    /** @param access {@link #READ} or {@link #WRITE} */
    public boolean allows(int index, int access) {
        if (index >= X2APIC && index <= X2APIC_END) {
            return true;
        }
        for (Range r : ranges) {
            if (r.covers(index, access)) {
                return r.allows(index);
            }
        }
        return flags == DEFAULT_ALLOW;
    }
}
