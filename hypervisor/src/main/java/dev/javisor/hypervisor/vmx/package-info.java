/** Virtual processors on VMX. */
package dev.javisor.hypervisor.vmx;
