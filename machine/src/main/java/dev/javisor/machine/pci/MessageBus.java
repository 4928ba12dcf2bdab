package dev.javisor.machine.pci;

/** Takes message-signalled interrupts. */
@FunctionalInterface
public interface MessageBus {
    /**
     * A function writes a message.
     *
     * @param address guest-physical address, as the guest programmed it
     * @param data message data
     */
    void write(long address, int data);
}
