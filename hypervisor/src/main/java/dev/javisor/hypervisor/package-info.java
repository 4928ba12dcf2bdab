/** KVM's interface: {@link dev.javisor.hypervisor.Kvm}, {@link dev.javisor.hypervisor.Vm}, {@link dev.javisor.hypervisor.Vcpu}. */
package dev.javisor.hypervisor;
