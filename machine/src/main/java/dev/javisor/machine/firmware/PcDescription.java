package dev.javisor.machine.firmware;

import java.util.Arrays;
import java.util.function.IntBinaryOperator;

/**
 * What firmware tells an operating system about a PC.
 *
 * @param apicIds local APIC identifiers of the processors, the bootstrap processor first
 * @param signature CPUID leaf 1 EAX of the processors
 * @param features CPUID leaf 1 EDX of the processors
 * @param apicVersion version number of their local APICs
 * @param memory bytes of RAM
 * @param pci what the host bridge forwards and how its interrupts are wired; null when there is no PCI
 * @param hpet there is a high precision event timer at its default address
 * @param serialPorts number of serial ports, 0 to 4
 * @param mouse there is an auxiliary device behind the keyboard controller
 * @param extendedTimer the power management timer has 32 bits
 */
public record PcDescription(
        int[] apicIds,
        int signature,
        int features,
        int apicVersion,
        long memory,
        Pci pci,
        boolean hpet,
        int serialPorts,
        boolean mouse,
        boolean extendedTimer) {

    /**
     * @param ecam guest-physical address of memory-mapped configuration space for 256 buses, or 0
     * @param memoryFirst first address below 4 GiB that the bridge forwards
     * @param memoryLast the last one
     * @param highFirst the same above 4 GiB; 0 when there is none
     * @param gsis global system interrupt (I/O APIC input) of a device's (first operand) interrupt pin (second, 0 for INTA)
     * @param irqs ISA interrupt request of the same, for systems that use the 8259 pair
     */
    public record Pci(
            long ecam, long memoryFirst, long memoryLast, long highFirst, long highLast, IntBinaryOperator gsis, IntBinaryOperator irqs) {}

    public PcDescription {
        apicIds = apicIds.clone();
        if (apicIds.length == 0 || serialPorts < 0 || serialPorts > 4) {
            throw new IllegalArgumentException("no such PC: " + apicIds.length + " processors, " + serialPorts + " serial ports");
        }
    }

    @Override
    public int[] apicIds() {
        return apicIds.clone();
    }

    /** Some processor has an identifier that only x2APIC mode can address. */
    boolean needsX2Apic() {
        return Arrays.stream(apicIds).anyMatch(id -> id >= 0xFF);
    }
}
