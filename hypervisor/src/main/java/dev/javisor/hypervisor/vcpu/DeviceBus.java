package dev.javisor.hypervisor.vcpu;

import dev.javisor.processor.core.Platform;
import dev.javisor.processor.memory.MmioHandler;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/**
 * Guest-physical addresses without memory, and I/O ports, of one VM: devices in the kernel answer themselves, everything else is
 * userspace's and goes through the {@link UserAccess} of the vcpu whose instruction is being carried out.
 */
public final class DeviceBus implements MmioHandler, Platform {
    /** A device in the kernel behind a range of ports. */
    public interface PortDevice {
        int read(int port, int size);

        void write(int port, int size, int value);
    }

    private record Ports(int start, int count, PortDevice device) {}

    private record Range(long start, long size, MmioHandler device) {}

    private final List<Ports> ports = new ArrayList<>();
    private final List<Range> ranges = new ArrayList<>();
    private IntSupplier acknowledge = () -> 0xFF;
    private UserAccess user;

    public void addPorts(int start, int count, PortDevice device) {
        ports.add(new Ports(start, count, device));
    }

    public void addRange(long start, long size, MmioHandler device) {
        ranges.add(new Range(start, size, device));
    }

    /** What answers interrupt-acknowledge cycles. */
    public void setAcknowledge(IntSupplier controller) {
        acknowledge = controller;
    }

    /** Whose instruction is being carried out from here on. */
    void select(UserAccess access) {
        user = access;
    }

    /** The device in the kernel at a port, or null. */
    PortDevice portDevice(int port) {
        for (Ports p : ports) {
            if (port >= p.start && port < p.start + p.count) {
                return p.device;
            }
        }
        return null;
    }

    @Override
    public int in(int port, int size) {
        PortDevice d = portDevice(port);
        return d != null ? d.read(port, size) : (int) user.read(true, port, size);
    }

    @Override
    public void out(int port, int size, int value) {
        PortDevice d = portDevice(port);
        if (d != null) {
            d.write(port, size, value);
        } else {
            user.write(true, port, size, value);
        }
    }

    @Override
    public int acknowledgeExternalInterrupt() {
        return acknowledge.getAsInt();
    }

    private Range range(long gpa) {
        for (Range r : ranges) {
            if (gpa - r.start >= 0 && gpa - r.start < r.size) {
                return r;
            }
        }
        return null;
    }

    @Override
    public long read(long gpa, int size) {
        Range r = range(gpa);
        return r != null ? r.device.read(gpa - r.start, size) : user.read(false, gpa, size);
    }

    @Override
    public void write(long gpa, int size, long value) {
        Range r = range(gpa);
        if (r != null) {
            r.device.write(gpa - r.start, size, value);
        } else {
            user.write(false, gpa, size, value);
        }
    }
}
