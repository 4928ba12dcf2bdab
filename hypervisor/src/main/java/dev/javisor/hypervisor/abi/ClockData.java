package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_clock_data}: what kvm-clock shows, and what other clocks show at the same moment. */
public final class ClockData extends Struct {
    /** Bits of {@link #flags}: all vcpus show the same clock; {@link #realtime} and {@link #hostTsc} count. */
    public static final int TSC_STABLE = 2, REALTIME = 4, HOST_TSC = 8;

    public static final int ALL = TSC_STABLE | REALTIME | HOST_TSC;

    private static final int SIZE = 48;

    /** Nanoseconds. */
    public long clock;
    public int flags;
    /** Nanoseconds since 1970-01-01T00:00Z. */
    public long realtime;
    /** Ticks of guest time. */
    public long hostTsc;

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    protected void write(ByteBuffer b) {
        b.putLong(clock).putInt(flags).putInt(0).putLong(realtime).putLong(hostTsc);
        b.position(SIZE);
    }

    @Override
    protected void read(ByteBuffer b) {
        clock = b.getLong();
        flags = b.getInt();
        b.getInt();
        realtime = b.getLong();
        hostTsc = b.getLong();
    }
}
