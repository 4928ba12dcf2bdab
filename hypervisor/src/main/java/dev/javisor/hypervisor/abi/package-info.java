/** The structures, exits and errors of KVM's interface. */
package dev.javisor.hypervisor.abi;
