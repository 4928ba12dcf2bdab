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
 * @param features enumerated features
 */
public record CpuModel(String name, Vendor vendor, int family, int model, int stepping, String brand, int physicalBits, FeatureSet features) {
    /** Processor vendor. */
    public enum Vendor {
        INTEL,
        AMD
    }
}
