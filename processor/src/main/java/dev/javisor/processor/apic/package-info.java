/** The local APIC of each processor (xAPIC and x2APIC) and the bus that carries interrupt messages between them and to them. */
package dev.javisor.processor.apic;
