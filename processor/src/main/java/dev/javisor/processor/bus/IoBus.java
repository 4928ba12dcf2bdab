package dev.javisor.processor.bus;

import dev.javisor.processor.core.Platform;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.IntSupplier;

/**
 * The I/O port space: 65536 ports of one byte. Devices registered later lie over earlier ones. Ports that nobody decodes read as ones and
 * ignore writes. An access goes to the device that decodes its lowest port; it is split when that device is narrower or ends earlier.
 */
public final class IoBus implements Platform {
    private static final int PORTS = 0x10000;

    /** A decoded range, to be taken away again with {@link #unregister}. */
    public static final class Range {
        private final int start;
        private final int count;
        private final PortDevice device;

        private Range(int start, int count, PortDevice device) {
            this.start = start;
            this.count = count;
            this.device = device;
        }

        public int start() {
            return start;
        }

        public int count() {
            return count;
        }
    }

    private final List<Range> ranges = new ArrayList<>();
    private final Range[] decoders = new Range[PORTS];
    private IntSupplier acknowledge = () -> 0xFF;

    /**
     * Puts a device at {@code count} ports from {@code port} on.
     *
     * @throws IllegalArgumentException if the range leaves the port space
     */
    public Range register(int port, int count, PortDevice device) {
        if (port < 0 || count <= 0 || port + count > PORTS) {
            throw new IllegalArgumentException("ports " + port + " to " + (port + count - 1) + " are no part of the I/O space");
        }
        Range range = new Range(port, count, Objects.requireNonNull(device));
        ranges.add(range);
        Arrays.fill(decoders, port, port + count, range);
        return range;
    }

    /** Takes a range away; what it covered is visible again. Nothing happens when it is not registered. */
    public void unregister(Range range) {
        if (!ranges.remove(range)) {
            return;
        }
        Arrays.fill(decoders, range.start, range.start + range.count, null);
        for (Range r : ranges) {
            int from = Math.max(r.start, range.start);
            int to = Math.min(r.start + r.count, range.start + range.count);
            if (from < to) {
                Arrays.fill(decoders, from, to, r);
            }
        }
    }

    /** What answers the processor's interrupt-acknowledge cycle with a vector. */
    public void connectAcknowledge(IntSupplier controller) {
        acknowledge = controller;
    }

    /** Devices decode every port that an access touches. */
    public boolean decodes(int port, int size) {
        for (int i = 0; i < size; i++) {
            if (decoders[port + i & 0xFFFF] == null) {
                return false;
            }
        }
        return true;
    }

    @Override
    public int in(int port, int size) {
        Range r = decoders[port & 0xFFFF];
        int offset = r == null ? 0 : (port & 0xFFFF) - r.start;
        if (size > 1 && (r == null || size > r.device.width() || offset + size > r.count)) {
            int half = size / 2;
            int low = in(port, half);
            return low | in(port + half, half) << 8 * half;
        }
        return r == null ? 0xFF : r.device.read(offset, size) & mask(size);
    }

    @Override
    public void out(int port, int size, int value) {
        Range r = decoders[port & 0xFFFF];
        int offset = r == null ? 0 : (port & 0xFFFF) - r.start;
        if (size > 1 && (r == null || size > r.device.width() || offset + size > r.count)) {
            int half = size / 2;
            out(port, half, value);
            out(port + half, half, value >>> 8 * half);
        } else if (r != null) {
            r.device.write(offset, size, value & mask(size));
        }
    }

    @Override
    public int acknowledgeExternalInterrupt() {
        return acknowledge.getAsInt();
    }

    private static int mask(int size) {
        return size == 4 ? -1 : (1 << 8 * size) - 1;
    }
}
