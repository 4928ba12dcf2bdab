/** Guest-physical memory: slots, dirty logs, and what lies between. */
package dev.javisor.hypervisor.memory;
