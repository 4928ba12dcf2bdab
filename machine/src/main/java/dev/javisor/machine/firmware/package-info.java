/** What firmware tells an operating system about the machine: ACPI, multiprocessor and SMBIOS tables. */
package dev.javisor.machine.firmware;
