/** Interrupt controllers and timer that a VM has in the kernel, and the routes that lead to them. */
package dev.javisor.hypervisor.irqchip;
