package dev.javisor.machine.device;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateMismatchException;
import dev.javisor.processor.state.StateOutput;
import java.util.function.LongConsumer;

/**
 * The device that test programs know as {@code pc-testdev}: a latch of four bytes at ports E0H to E3H, its first byte also at E8H, a port
 * whose write gives the physical address of a page to be unmapped and mapped again, a port for each interrupt line, and 64 KiB of RAM
 * that is accessed as a device.
 */
public final class TestDevice implements Device {
    public static final long MEMORY_BASE = 0xFF000000L;
    /** Bytes. */
    public static final int MEMORY_SIZE = 0x10000;

    private static final int LATCH = 0xE0;
    private static final int FLUSH = 0xE4;
    private static final int SECOND_LATCH = 0xE8;
    private static final int LINES = 0x2000;

    private final InterruptLine[] lines;
    private final LongConsumer flush;
    private final byte[] memory = new byte[MEMORY_SIZE];
    private int latch;

    /**
     * @param lines the interrupt lines, one port each
     * @param flush told the physical address of a page whose mapping shall be forgotten and made again
     */
    public TestDevice(InterruptLine[] lines, LongConsumer flush) {
        this.lines = lines.clone();
        this.flush = flush;
    }

    public void connect(IoBus bus) {
        bus.register(LATCH, 4, new Latch());
        bus.register(FLUSH, 4, new Flush());
        bus.register(SECOND_LATCH, 1, new Latch());
        bus.register(LINES, lines.length, new Lines());
    }

    /** What lies at {@link #MEMORY_BASE}. */
    public MmioHandler memory() {
        return new Memory();
    }

    @Override
    public void reset() {
        latch = 0;
        for (InterruptLine line : lines) {
            line.set(false);
        }
    }

    @Override
    public void save(StateOutput out) {
        out.putInt("latch", latch);
        out.putBytes("memory", memory);
    }

    @Override
    public void load(StateInput in) {
        latch = in.getInt("latch");
        byte[] m = in.getBytes("memory");
        if (m.length != MEMORY_SIZE) {
            throw new StateMismatchException("saved test device has " + m.length + " bytes of memory");
        }
        System.arraycopy(m, 0, memory, 0, MEMORY_SIZE);
    }

    /** Four bytes that keep what was written. */
    private final class Latch implements PortDevice {
        @Override
        public int read(int offset, int size) {
            return latch >>> 8 * offset;
        }

        @Override
        public void write(int offset, int size, int value) {
            int mask = (size == 4 ? -1 : (1 << 8 * size) - 1) << 8 * offset;
            latch = latch & ~mask | value << 8 * offset & mask;
        }

        @Override
        public int width() {
            return 4;
        }
    }

    private final class Flush implements PortDevice {
        @Override
        public int read(int offset, int size) {
            return 0;
        }

        @Override
        public void write(int offset, int size, int value) {
            if (size == 4) {
                flush.accept(value & 0xFFFFF000L);
            }
        }

        @Override
        public int width() {
            return 4;
        }
    }

    private final class Lines implements PortDevice {
        @Override
        public int read(int offset, int size) {
            return 0;
        }

        @Override
        public void write(int offset, int size, int value) {
            lines[offset].set(value != 0);
        }
    }

    private final class Memory implements MmioHandler {
        @Override
        public long read(long offset, int size) {
            long v = 0;
            for (int i = size - 1; i >= 0; i--) {
                v = v << 8 | memory[(int) offset + i] & 0xFF;
            }
            return v;
        }

        @Override
        public void write(long offset, int size, long value) {
            for (int i = 0; i < size; i++) {
                memory[(int) offset + i] = (byte) (value >>> 8 * i);
            }
        }
    }
}
