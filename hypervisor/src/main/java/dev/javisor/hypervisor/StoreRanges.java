package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.KvmException;

/** Where stores can be that need no exit. */
final class StoreRanges {
    private static final int PORTS = 0x10000;

    private StoreRanges() {}

    /** @throws KvmException INVALID_ARGUMENT for a store that no guest can make */
    static void checkStore(boolean pio, long address, int length, Long datamatch) {
        boolean size = length == 0 && datamatch == null || length == 1 || length == 2 || length == 4 || length == 8 && !pio;
        if (!size || address + length < address || address < 0 || pio && address + length > PORTS) {
            throw KvmException.invalid("no store has " + length + " bytes at " + Long.toHexString(address));
        }
    }

    /** @throws KvmException INVALID_ARGUMENT when there is no such range */
    static void checkZone(boolean pio, long address, long size) {
        if (address < 0 || size <= 0 || address + size < address || pio && address + size > PORTS) {
            throw KvmException.invalid("there is no range of " + size + " at " + Long.toHexString(address));
        }
    }
}
