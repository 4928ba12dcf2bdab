package dev.javisor.isa;

import dev.javisor.isa.CpuModel.Vendor;

/** The model-specific registers by their index. */
public final class MsrIndex {
    /** The ranges of indices that exist, each of this size. */
    private static final int RANGE = 0x2000;

    private static final int EXTENDED = 0xC000_0000, AMD = 0xC001_0000, KVM = 0x4B56_4000;

    private static final MsrIndex OF_INTEL = new MsrIndex(Vendor.INTEL), OF_AMD = new MsrIndex(Vendor.AMD);

    private final Msr[] low = new Msr[RANGE];
    private final Msr[] extended = new Msr[RANGE];
    private final Msr[] amd = new Msr[RANGE];
    private final Msr[] kvm = new Msr[RANGE];

    private MsrIndex(Vendor vendor) {
        for (Msr m : Msr.values()) {
            if (m.isOf(vendor)) {
                for (int i = 0; i < m.count; i++) {
                    int index = m.index + i * m.stride;
                    range(index)[index & RANGE - 1] = m;
                }
            }
        }
    }

    /** The register that a model has at an index, or null. */
    public static Msr find(CpuModel model, int index) {
        Msr[] range = (model.isIntel() ? OF_INTEL : OF_AMD).range(index);
        Msr m = range == null ? null : range[index & RANGE - 1];
        return m != null && m.isOn(model) ? m : null;
    }

    private Msr[] range(int index) {
        return switch (index & -RANGE) {
            case 0 -> low;
            case EXTENDED -> extended;
            case AMD -> amd;
            case KVM -> kvm;
            default -> null;
        };
    }
}
