package dev.javisor.processor.apic;

/** Delivery modes as encoded in the interrupt command register, local vector table, I/O APIC redirection entries and MSI data. */
public final class DeliveryMode {
    public static final int FIXED = 0, LOWEST_PRIORITY = 1, SMI = 2, NMI = 4, INIT = 5, STARTUP = 6, EXTINT = 7;

    private DeliveryMode() {}
}
