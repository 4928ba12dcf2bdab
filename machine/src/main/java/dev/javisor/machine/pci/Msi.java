package dev.javisor.machine.pci;

/** MSI capability with one message and a 64-bit address. */
final class Msi {
    static final int ID = 5, LENGTH = 14;
    private static final int CONTROL = 2, ADDRESS = 4, DATA = 12;
    private static final int ENABLE = 1, ADDRESS_64 = 1 << 7;

    private final PciFunction function;
    private final int at;

    Msi(PciFunction function, int at) {
        this.function = function;
        this.at = at;
        function.set(at + CONTROL, 2, ADDRESS_64);
        function.allow(at + CONTROL, 2, ENABLE);
        function.allow(at + ADDRESS, 4, ~3);
        function.allow(at + ADDRESS + 4, 4, -1);
        function.allow(at + DATA, 2, 0xFFFF);
    }

    boolean enabled() {
        return (function.get(at + CONTROL, 2) & ENABLE) != 0;
    }

    void send() {
        long address = function.get(at + ADDRESS, 4) & 0xFFFFFFFFL | (long) function.get(at + ADDRESS + 4, 4) << 32;
        function.sendMessage(address, function.get(at + DATA, 2));
    }
}
