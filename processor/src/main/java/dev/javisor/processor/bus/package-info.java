/** Wires and ports: interrupt request lines, and the I/O port space with the devices behind it. */
package dev.javisor.processor.bus;
