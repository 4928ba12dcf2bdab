package dev.javisor.isa;

import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;

/** The features a CPU model enumerates. Immutable. */
public final class FeatureSet {
    private final long[] bits = new long[(Feature.values().length + 63) / 64];

    public FeatureSet(Collection<Feature> features) {
        for (Feature f : features) {
            bits[f.ordinal() >> 6] |= 1L << (f.ordinal() & 63);
        }
    }

    public boolean has(Feature f) {
        return (bits[f.ordinal() >> 6] >>> (f.ordinal() & 63) & 1) != 0;
    }

    /** An output register of a CPUID leaf, with the bits of the features in this set. */
    public int register(int leaf, int subleaf, Feature.Register register) {
        int value = 0;
        for (Feature f : Feature.inLeaf(leaf)) {
            if (f.subleaf == subleaf && f.register == register && has(f)) {
                value |= 1 << f.bit;
            }
        }
        return value;
    }

    /** A new set with the same features. */
    public EnumSet<Feature> toSet() {
        EnumSet<Feature> set = EnumSet.noneOf(Feature.class);
        for (Feature f : Feature.values()) {
            if (has(f)) {
                set.add(f);
            }
        }
        return set;
    }

    /** The features that both sets have. */
    public FeatureSet and(FeatureSet other) {
        EnumSet<Feature> set = toSet();
        set.retainAll(other.toSet());
        return new FeatureSet(set);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof FeatureSet f && Arrays.equals(bits, f.bits);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bits);
    }
}
