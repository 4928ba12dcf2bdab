/** PCI: configuration space, base address registers, interrupts, and the host bridges. */
package dev.javisor.machine.pci;
