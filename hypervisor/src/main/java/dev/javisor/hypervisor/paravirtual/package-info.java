/** What KVM offers to guests that know it: clock, steal time, quiet end of interrupt, asynchronous page faults, hypercalls. */
package dev.javisor.hypervisor.paravirtual;
