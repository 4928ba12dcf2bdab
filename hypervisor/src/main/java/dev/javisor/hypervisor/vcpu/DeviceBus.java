package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.CoalescedMmio;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.core.Platform;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/**
 * Guest-physical addresses without memory, and I/O ports, of one VM: devices in the kernel answer themselves, everything else is
 * userspace's and goes through the {@link UserAccess} of the vcpu whose instruction is being carried out.
 */
public final class DeviceBus implements MmioHandler, Platform, Stateful {
    /** Most accesses that wait for userspace: the ring is a page. */
    public static final int RING_ENTRIES = 170;

    private record Range(long start, long size, MmioHandler device) {}

    private record FastStore(boolean port, long address, int length, boolean matches, long value, Runnable action) {
        boolean takes(boolean isPort, long at, int size, long data) {
            return port == isPort && address == at && (length == 0 || length == size) && (!matches || value == data);
        }
    }

    private record Zone(boolean port, long start, long size) {
        boolean holds(boolean isPort, long at, long bytes) {
            return port == isPort && at >= start && at + bytes <= start + size;
        }
    }

    private final IoBus ports = new IoBus();
    private final List<Range> ranges = new ArrayList<>();
    private final List<FastStore> fastStores = new ArrayList<>();
    private final List<Zone> zones = new ArrayList<>();
    private final List<CoalescedMmio> ring = new ArrayList<>();
    private IntSupplier acknowledge = () -> 0xFF;
    private UserAccess user;

    /** Ports of devices in the kernel. */
    public IoBus ports() {
        return ports;
    }

    public void addRange(long start, long size, MmioHandler device) {
        ranges.add(new Range(start, size, device));
    }

    /** What answers interrupt-acknowledge cycles. */
    public void setAcknowledge(IntSupplier controller) {
        acknowledge = controller;
    }

    /** Whose instruction is being carried out from here on; null for nobody's: there is no userspace to ask. */
    void select(UserAccess access) {
        user = access;
    }

    // ---- stores that need no exit to userspace ----

    /**
     * A store to one address, or port, runs an action, and nobody else sees it.
     *
     * @param length 1, 2, 4 or 8 bytes, or 0 for any
     * @param value that must be stored, or null for any
     * @return false when there is one for the same store already
     */
    public boolean addFastStore(boolean port, long address, int length, Long value, Runnable action) {
        FastStore f = new FastStore(port, address, length, value != null, value == null ? 0 : value, action);
        for (FastStore o : fastStores) {
            boolean sameLength = o.length == 0 || length == 0 || o.length == length;
            if (o.port == port && o.address == address && sameLength && (!o.matches || !f.matches || o.value == f.value)) {
                return false;
            }
        }
        fastStores.add(f);
        return true;
    }

    /** Takes away what {@link #addFastStore} has added; returns false when there is none. */
    public boolean removeFastStore(boolean port, long address, int length, Long value) {
        return fastStores.removeIf(f -> f.port == port && f.address == address && f.length == length && f.matches == (value != null)
                && (value == null || f.value == value));
    }

    /** Stores in a range are collected for userspace. */
    public void addZone(boolean port, long start, long size) {
        zones.add(new Zone(port, start, size));
    }

    /** Takes away the ranges that hold this one. */
    public void removeZones(boolean port, long start, long size) {
        zones.removeIf(z -> z.holds(port, start, size));
    }

    /** The stores that were collected, which are then forgotten. */
    public List<CoalescedMmio> takeRing() {
        List<CoalescedMmio> taken = List.copyOf(ring);
        ring.clear();
        return taken;
    }

    /** A store that the kernel deals with. */
    private boolean takes(boolean port, long address, int size, long value) {
        for (FastStore f : fastStores) {
            if (f.takes(port, address, size, value)) {
                f.action.run();
                return true;
            }
        }
        if (ring.size() < RING_ENTRIES) {
            for (Zone z : zones) {
                if (z.holds(port, address, size)) {
                    ring.add(CoalescedMmio.of(port, address, size, value));
                    return true;
                }
            }
        }
        return false;
    }

    @Override
    public void save(StateOutput out) {
        out.putInt("waiting", ring.size());
        ring.forEach(s -> out.putBytes("store", s.toBytes()));
    }

    @Override
    public void load(StateInput in) {
        ring.clear();
        for (int n = in.getInt("waiting"); n > 0; n--) {
            CoalescedMmio s = new CoalescedMmio();
            s.fromBytes(in.getBytes("store"));
            ring.add(s);
        }
    }

    // ---- accesses ----

    /** A port that the kernel answers. */
    boolean isKernelPort(int port, int size) {
        return ports.decodes(port, size);
    }

    /** OUT, when the kernel can deal with it. @return false when it is userspace's */
    boolean outInKernel(int port, int size, int value) {
        if (ports.decodes(port, size)) {
            ports.out(port, size, value);
            return true;
        }
        return takes(true, port, size, value & 0xFFFF_FFFFL);
    }

    @Override
    public int in(int port, int size) {
        return ports.decodes(port, size) ? ports.in(port, size) : user == null ? -1 : (int) user.read(true, port, size);
    }

    @Override
    public void out(int port, int size, int value) {
        int bits = size == 4 ? value : value & (1 << 8 * size) - 1;
        if (!outInKernel(port, size, bits) && user != null) {
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
        return r != null ? r.device.read(gpa - r.start, size) : user == null ? -1 : user.read(false, gpa, size);
    }

    @Override
    public void write(long gpa, int size, long value) {
        Range r = range(gpa);
        if (r != null) {
            r.device.write(gpa - r.start, size, value);
        } else if (user != null && !takes(false, gpa, size, value)) {
            user.write(false, gpa, size, value);
        }
    }
}
