/** A virtual processor, apart from its vendor: state, events, emulation. */
package dev.javisor.hypervisor.vcpu;
