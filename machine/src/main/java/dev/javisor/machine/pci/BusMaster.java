package dev.javisor.machine.pci;

import dev.javisor.processor.memory.HostMemory;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import java.util.Arrays;

/**
 * Guest memory as a PCI function reaches it by itself (DMA). Only RAM can be reached: other addresses read as ones and ignore writes, so
 * that no device can drive another, or itself, in circles.
 */
public final class BusMaster {
    private final PhysicalMemory memory;
    private final PciFunction function;

    BusMaster(PhysicalMemory memory, PciFunction function) {
        this.memory = memory;
        this.function = function;
    }

    /** The guest lets the function access memory. */
    private boolean enabled() {
        return (function.get(PciFunction.COMMAND, 2) & PciFunction.MASTER_ENABLE) != 0;
    }

    public void read(long address, byte[] target, int offset, int length) {
        boolean enabled = enabled();
        while (length > 0) {
            int n = (int) Math.min(length, 4096 - (address & 4095));
            long host = enabled ? memory.hostAddress(address) : 0;
            if (host != 0) {
                HostMemory.read(host, target, offset, n);
            } else {
                Arrays.fill(target, offset, offset + n, (byte) 0xFF);
            }
            address += n;
            offset += n;
            length -= n;
        }
    }

    public void write(long address, byte[] source, int offset, int length) {
        boolean enabled = enabled();
        while (length > 0) {
            int n = (int) Math.min(length, 4096 - (address & 4095));
            Region r = enabled ? memory.regionAt(address) : null;
            if (r != null && r.isMemory()) {
                memory.write(address, source, offset, n);
            }
            address += n;
            offset += n;
            length -= n;
        }
    }

    /** 1, 2, 4 or 8 bytes, zero-extended. */
    public long read(long address, int size) {
        byte[] b = new byte[8];
        read(address, b, 0, size);
        long v = 0;
        for (int i = size - 1; i >= 0; i--) {
            v = v << 8 | b[i] & 0xFF;
        }
        return v;
    }

    public void write(long address, int size, long value) {
        byte[] b = new byte[size];
        for (int i = 0; i < size; i++) {
            b[i] = (byte) (value >>> 8 * i);
        }
        write(address, b, 0, size);
    }
}
