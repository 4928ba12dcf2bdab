package dev.javisor.isa;

import java.util.EnumSet;

/** The features a CPU model enumerates. Immutable. */
public final class FeatureSet {
    private final long[] bits = new long[(Feature.values().length + 63) / 64];

    public FeatureSet(EnumSet<Feature> features) {
        for (Feature f : features) {
            bits[f.ordinal() >> 6] |= 1L << (f.ordinal() & 63);
        }
    }

    public boolean has(Feature f) {
        return (bits[f.ordinal() >> 6] >>> (f.ordinal() & 63) & 1) != 0;
    }
}
