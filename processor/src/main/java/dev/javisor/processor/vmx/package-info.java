/** VMX: its instructions, VM entries and their checks, VM exits, extended page tables. */
package dev.javisor.processor.vmx;
