/** Virtio devices behind virtio-pci, as "Virtual I/O Device (VIRTIO)" version 1.2 describes them. */
package dev.javisor.machine.virtio;
