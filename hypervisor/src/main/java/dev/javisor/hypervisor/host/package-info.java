/** The computer that the hypervisor runs on, as software in VMX root operation has it. */
package dev.javisor.hypervisor.host;
