package dev.javisor.isa;

/**
 * A CPU model as data: what it calls itself and what it has. Immutable.
 *
 * @param name as given with {@code --cpu}
 * @param vendor who defines the differences in behaviour (and VMX or SVM)
 * @param family displayed family
 * @param model displayed model
 * @param stepping stepping
 * @param brand brand string, at most 47 characters
 * @param physicalBits MAXPHYADDR
 * @param maxLeaf highest basic CPUID leaf
 * @param maxExtendedLeaf highest extended CPUID leaf (80000000H and above)
 * @param listed what the model would have if all of it were implemented
 * @param features enumerated features: those of {@code listed} that are implemented
 */
public record CpuModel(
        String name, Vendor vendor, int family, int model, int stepping, String brand, int physicalBits, int maxLeaf, int maxExtendedLeaf,
        FeatureSet listed, FeatureSet features) {
    /** Processor vendor. */
    public enum Vendor {
        INTEL("GenuineIntel"),
        AMD("AuthenticAMD");

        /** Vendor identification string of CPUID leaf 0, 12 characters. */
        public final String id;

        Vendor(String id) {
            this.id = id;
        }
    }

    public boolean isIntel() {
        return vendor == Vendor.INTEL;
    }

    /** Whether it enumerates anything of KVM's paravirtual interface. */
    public boolean isParavirtual() {
        return features.register(Feature.PARAVIRTUAL_LEAF, 0, Feature.Register.EAX) != 0;
    }

    /** Width of linear addresses: 57 bits with 5-level paging, else 48. */
    public int linearBits() {
        return features.has(Feature.LA57) ? 57 : 48;
    }

    /** Bits of a guest-physical address that must be zero. */
    public long physicalReserved() {
        return -1L << physicalBits;
    }

    /** Family, model and stepping as CPUID.01H:EAX encodes them. */
    public int signature() {
        int baseFamily = Math.min(family, 15);
        return stepping | (model & 15) << 4 | baseFamily << 8 | model >> 4 << 16 | family - baseFamily << 20;
    }

    @Override
    public String toString() {
        return name;
    }
}
