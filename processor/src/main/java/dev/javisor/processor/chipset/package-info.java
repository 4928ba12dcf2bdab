/** What chip sets put beside the processors: the 8259 pair, the I/O APIC and the 8254 timer. */
package dev.javisor.processor.chipset;
