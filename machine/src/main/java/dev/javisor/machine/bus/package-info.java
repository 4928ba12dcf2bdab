/** The board's wiring: I/O ports, interrupt lines, and what devices ask of the machine. */
package dev.javisor.machine.bus;
