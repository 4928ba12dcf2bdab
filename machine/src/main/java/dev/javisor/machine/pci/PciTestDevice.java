package dev.javisor.machine.pci;

import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.nio.charset.StandardCharsets;

/**
 * The device that test programs know as {@code pci-testdev}: a memory and a port region, each with a header that describes one test at a
 * time (number, width, offset to write at, value to write, count of writes seen, name). Writing a number selects a test.
 */
public final class PciTestDevice extends PciFunction {
    private static final int VENDOR = 0x1B36, DEVICE = 0x0005, CLASS_CODE = 0x00FF00;
    private static final int MEMORY_SIZE = 4096, PORTS_SIZE = 256;
    private static final int WIDTH = 1, OFFSET = 4, DATA = 8, COUNT = 12, NAME = 16;
    /** Where tests write, behind the header and the longest name. */
    private static final int TARGET = 0x80;

    private static final int VALUE = 0xFA;

    private record Test(String name, int width) {}

    private static final Test[] TESTS = {new Test("byte", 1), new Test("word", 2), new Test("long", 4)};

    private final Space memory = new Space("mmio");
    private final Space ports = new Space("portio");

    public PciTestDevice() {
        super(VENDOR, DEVICE, CLASS_CODE, 0);
        subsystem(0x1AF4, 0x1100);
        memoryBar(0, MEMORY_SIZE, memory);
        portBar(1, PORTS_SIZE, ports);
    }

    @Override
    public void reset() {
        super.reset();
        memory.select(0xFF);
        ports.select(0xFF);
    }

    @Override
    public void save(StateOutput out) {
        super.save(out);
        out.putInts("tests", new int[] {memory.selected, memory.count, ports.selected, ports.count});
    }

    @Override
    public void load(StateInput in) {
        super.load(in);
        int[] v = new int[4];
        in.getInts("tests", v);
        memory.selected = v[0];
        memory.count = v[1];
        ports.selected = v[2];
        ports.count = v[3];
    }

    /** One of the two regions. */
    private static final class Space implements MmioHandler, PortDevice {
        private final String prefix;
        private int selected = 0xFF;
        private int count;

        Space(String prefix) {
            this.prefix = prefix;
        }

        void select(int test) {
            selected = test;
            count = 0;
        }

        private Test test() {
            return selected < TESTS.length ? TESTS[selected] : null;
        }

        private int byteAt(int offset) {
            Test t = test();
            if (offset == 0) {
                return selected;
            }
            if (t == null) {
                return 0;
            }
            if (offset >= NAME) {
                byte[] name = (prefix + "-" + t.name).getBytes(StandardCharsets.US_ASCII);
                return offset - NAME < name.length ? name[offset - NAME] : 0;
            }
            return switch (offset & ~3) {
                case 0 -> offset == WIDTH ? t.width : 0;
                case OFFSET -> TARGET >>> 8 * (offset - OFFSET);
                case DATA -> VALUE >>> 8 * (offset - DATA);
                default -> count >>> 8 * (offset - COUNT);
            } & 0xFF;
        }

        @Override
        public long read(long offset, int size) {
            long v = 0;
            for (int i = size - 1; i >= 0; i--) {
                v = v << 8 | byteAt((int) offset + i);
            }
            return v;
        }

        @Override
        public void write(long offset, int size, long value) {
            Test t = test();
            if (offset == 0) {
                select((int) value & 0xFF);
            } else if (t != null && offset == TARGET && size == t.width && (value & 0xFF) == VALUE) {
                count++;
            }
        }

        @Override
        public int read(int offset, int size) {
            return (int) read((long) offset, size);
        }

        @Override
        public void write(int offset, int size, int value) {
            write((long) offset, size, value);
        }

        @Override
        public int width() {
            return 4;
        }
    }
}
