package dev.javisor.machine.device;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The firmware configuration device ("fw_cfg"): items by number, and files by name, that a guest reads byte by byte through a port or by
 * direct memory access. Numbers in the protocol are big-endian, in items little-endian.
 */
public final class FirmwareConfig implements PortDevice, Device {
    public static final int RAM_SIZE = 0x03;
    public static final int NOGRAPHIC = 0x04;
    public static final int NB_CPUS = 0x05;
    public static final int KERNEL_ADDRESS = 0x07;
    public static final int KERNEL_SIZE = 0x08;
    public static final int INITRD_ADDRESS = 0x0A;
    public static final int INITRD_SIZE = 0x0B;
    public static final int MAX_CPUS = 0x0F;
    public static final int KERNEL_ENTRY = 0x10;
    public static final int KERNEL_DATA = 0x11;
    public static final int INITRD_DATA = 0x12;
    public static final int COMMAND_LINE_ADDRESS = 0x13;
    public static final int COMMAND_LINE_SIZE = 0x14;
    public static final int COMMAND_LINE_DATA = 0x15;
    public static final int SETUP_ADDRESS = 0x16;
    public static final int SETUP_SIZE = 0x17;
    public static final int SETUP_DATA = 0x18;

    private static final int SIGNATURE = 0x00;
    private static final int ID = 0x01;
    private static final int FILE_DIRECTORY = 0x19;
    private static final int FIRST_FILE = 0x20;
    private static final int WRITE_CHANNEL = 0x4000;
    private static final int FILE_NAME_SIZE = 56;

    private static final int PORT = 0x510;
    private static final int DMA_PORT = 0x514;
    private static final long DMA_SIGNATURE = 0x51454D5520434647L;
    private static final byte[] NOTHING = {};

    // DMA control
    private static final int ERROR = 1;
    private static final int READ = 2;
    private static final int SKIP = 4;
    private static final int SELECT = 8;
    private static final int WRITE = 16;

    private record File(String name, int key, int size) {}

    private final PhysicalMemory memory;
    private final Map<Integer, byte[]> items = new TreeMap<>();
    private final List<File> files = new ArrayList<>();

    private int selector;
    private int position;
    private int dmaHigh;

    public FirmwareConfig(PhysicalMemory memory) {
        this.memory = memory;
        put(SIGNATURE, "QEMU".getBytes(StandardCharsets.US_ASCII));
        // Port interface and DMA interface.
        putInt(ID, 3);
        writeDirectory();
    }

    public void connect(IoBus bus) {
        bus.register(PORT, 2, this);
        bus.register(DMA_PORT, 8, new DirectMemoryAccess());
    }

    public void put(int key, byte[] content) {
        items.put(key, content.clone());
    }

    public void putShort(int key, int value) {
        put(key, new byte[] {(byte) value, (byte) (value >>> 8)});
    }

    public void putInt(int key, int value) {
        put(key, ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    }

    public void putLong(int key, long value) {
        put(key, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
    }

    /** @throws IllegalArgumentException if the name is too long or taken */
    public void addFile(String name, byte[] content) {
        if (name.length() >= FILE_NAME_SIZE || files.stream().anyMatch(f -> f.name.equals(name))) {
            throw new IllegalArgumentException("firmware configuration file " + name);
        }
        File f = new File(name, FIRST_FILE + files.size(), content.length);
        files.add(f);
        put(f.key, content);
        writeDirectory();
    }

    private void writeDirectory() {
        ByteBuffer b = ByteBuffer.allocate(4 + 64 * files.size());
        b.putInt(files.size());
        for (File f : files) {
            b.putInt(f.size).putShort((short) f.key).putShort((short) 0);
            b.put(f.name.getBytes(StandardCharsets.US_ASCII));
            b.position(b.position() + FILE_NAME_SIZE - f.name.length());
        }
        put(FILE_DIRECTORY, b.array());
    }

    private void select(int key) {
        selector = key & ~WRITE_CHANNEL;
        position = 0;
    }

    private byte[] item() {
        return items.getOrDefault(selector, NOTHING);
    }

    /** The next byte of the selected item; zeros follow its end. */
    private int next() {
        byte[] content = item();
        return position < content.length ? content[position++] & 0xFF : 0;
    }

    @Override
    public int width() {
        return 2;
    }

    @Override
    public int read(int offset, int size) {
        return offset == 1 ? next() : 0;
    }

    /** The selector is a word; the data port cannot be written. */
    @Override
    public void write(int offset, int size, int value) {
        if (offset == 0 && size == 2) {
            select(value);
        }
    }

    private void transfer(long descriptor) {
        byte[] d = new byte[16];
        memory.read(descriptor, d, 0, d.length);
        ByteBuffer b = ByteBuffer.wrap(d);
        int control = b.getInt();
        long length = b.getInt() & 0xFFFFFFFFL;
        long address = b.getLong();
        if ((control & SELECT) != 0) {
            select(control >>> 16);
        }
        int result = 0;
        if ((control & READ) != 0) {
            copyOut(address, length);
        } else if ((control & WRITE) != 0) {
            result = ERROR;
        } else if ((control & SKIP) != 0) {
            position = (int) Math.min(item().length, position + length);
        }
        byte[] answer = ByteBuffer.allocate(4).putInt(result).array();
        memory.write(descriptor, answer, 0, answer.length);
    }

    private void copyOut(long address, long length) {
        byte[] content = item();
        int n = (int) Math.min(length, content.length - position);
        memory.write(address, content, position, n);
        position += n;
        byte[] zeros = new byte[4096];
        for (long done = n; done < length; done += zeros.length) {
            memory.write(address + done, zeros, 0, (int) Math.min(zeros.length, length - done));
        }
    }

    @Override
    public void reset() {
        select(0);
        dmaHigh = 0;
    }

    @Override
    public void save(StateOutput out) {
        out.putInts("position", new int[] {selector, position, dmaHigh});
    }

    @Override
    public void load(StateInput in) {
        int[] v = new int[3];
        in.getInts("position", v);
        selector = v[0];
        position = Math.clamp(v[1], 0, item().length);
        dmaHigh = v[2];
    }

    /** The descriptor's address, high word first; writing the low word starts the transfer. */
    private final class DirectMemoryAccess implements PortDevice {
        @Override
        public int width() {
            return 4;
        }

        @Override
        public int read(int offset, int size) {
            int v = 0;
            for (int i = size - 1; i >= 0; i--) {
                v = v << 8 | (int) (DMA_SIGNATURE >>> 56 - 8 * (offset + i)) & 0xFF;
            }
            return v;
        }

        @Override
        public void write(int offset, int size, int value) {
            if (size != 4) {
                return;
            }
            int v = Integer.reverseBytes(value);
            if (offset == 0) {
                dmaHigh = v;
            } else if (offset == 4) {
                long descriptor = (long) dmaHigh << 32 | v & 0xFFFFFFFFL;
                dmaHigh = 0;
                transfer(descriptor);
            }
        }
    }
}
