package dev.javisor.machine;

/** Which PC the machine resembles. */
public enum Chipset {
    /** Intel 440FX and PIIX3: PCI, configuration mechanism 1. */
    PC(0xC000_0000L, 0),
    /** Intel Q35 and ICH9: PCI Express, with memory-mapped configuration as well. */
    Q35(0xB000_0000L, 0xB000_0000L);

    /** Where RAM below 4 GiB ends at the latest. */
    public final long lowMemoryLimit;
    /** Guest-physical address of the memory-mapped configuration space, or 0. */
    public final long ecam;

    Chipset(long lowMemoryLimit, long ecam) {
        this.lowMemoryLimit = lowMemoryLimit;
        this.ecam = ecam;
    }
}
