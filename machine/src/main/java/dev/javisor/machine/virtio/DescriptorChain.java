package dev.javisor.machine.virtio;

import dev.javisor.machine.pci.BusMaster;
import java.util.ArrayList;
import java.util.List;

/** A buffer that a driver has made available: the parts to be read by the device, then those to be written. */
final class DescriptorChain {
    private record Part(long address, long length) {}

    final int head;
    private final BusMaster memory;
    private final List<Part> readable = new ArrayList<>(4);
    private final List<Part> writable = new ArrayList<>(4);

    DescriptorChain(int head, BusMaster memory) {
        this.head = head;
        this.memory = memory;
    }

    void add(long address, long length, boolean write) throws BrokenQueueException {
        if (!write && !writable.isEmpty()) {
            throw new BrokenQueueException("a part to be read follows one to be written");
        }
        (write ? writable : readable).add(new Part(address, length));
    }

    /** Bytes that the device may read. */
    long readableLength() {
        return length(readable);
    }

    /** Bytes that the device may write. */
    long writableLength() {
        return length(writable);
    }

    private static long length(List<Part> parts) {
        long n = 0;
        for (Part p : parts) {
            n += p.length;
        }
        return n;
    }

    /** Reads {@code length} bytes at {@code offset} of the readable parts; bytes behind their end stay as they are. */
    void read(long offset, byte[] target, int length) {
        transfer(readable, offset, target, length, false);
    }

    /** Writes {@code length} bytes at {@code offset} of the writable parts; bytes behind their end are dropped. */
    void write(long offset, byte[] source, int length) {
        transfer(writable, offset, source, length, true);
    }

    private void transfer(List<Part> parts, long offset, byte[] bytes, int length, boolean write) {
        int done = 0;
        for (Part p : parts) {
            if (offset >= p.length) {
                offset -= p.length;
                continue;
            }
            int n = (int) Math.min(p.length - offset, length - done);
            if (write) {
                memory.write(p.address + offset, bytes, done, n);
            } else {
                memory.read(p.address + offset, bytes, done, n);
            }
            done += n;
            offset = 0;
            if (done == length) {
                return;
            }
        }
    }
}
