package dev.javisor.machine.device;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.Arrays;

/**
 * A flash memory of one byte's width with Intel's command set and the Common Flash Interface, in which UEFI firmware keeps its variables.
 * Programming clears bits; only erasing a block of 4 KiB sets them.
 */
public final class Flash implements MmioHandler, Device {
    public static final int BLOCK = 4096;

    /** Keeps what the flash memory holds, where it survives the machine. */
    public interface Store {
        void write(int offset, byte[] bytes);
    }

    private static final int READY = 0x80, ERASE_ERROR = 0x20, PROGRAM_ERROR = 0x10;
    private static final int SEQUENCE_ERROR = READY | ERASE_ERROR | PROGRAM_ERROR;
    private static final int MANUFACTURER = 0x89, DEVICE = 0x18;
    /** Bytes that one buffered program takes: the binary logarithm. */
    private static final int BUFFER_SHIFT = 5;

    private static final int ERASED = 0xFF;

    // Commands
    private static final int PROGRAM = 0x10, ERASE = 0x20, PROGRAM_TOO = 0x40, CLEAR_STATUS = 0x50, LOCK = 0x60, READ_STATUS = 0x70,
            READ_IDENTIFIER = 0x90, QUERY = 0x98, CONFIRM = 0xD0, BUFFERED_PROGRAM = 0xE8, READ_ARRAY = 0xFF;
    /** Cycles of a buffered program behind its first one: the data, and the confirmation. */
    private static final int BUFFER_DATA = 0x1E8, BUFFER_CONFIRM = 0x2E8;

    private final byte[] content;
    private final byte[] query;
    private final Store store;
    private final byte[] buffer = new byte[1 << BUFFER_SHIFT];

    /** What is read: {@link #READ_ARRAY}, {@link #READ_STATUS}, {@link #READ_IDENTIFIER} or {@link #QUERY}. */
    private int view = READ_ARRAY;
    /** The command whose next cycle is expected; 0 when a new one is. */
    private int command;

    private int status = READY;
    /** The buffered program: where it goes, how many bytes it has, and how many are still to come. */
    private int start, length, missing;

    /** @param content first content, a multiple of {@link #BLOCK}; becomes the flash memory's own */
    public Flash(byte[] content, Store store) {
        this.content = content;
        this.store = store;
        query = query(content.length);
    }

    /** The Common Flash Interface's table, from offset 10H on. */
    private static byte[] query(int size) {
        byte[] q = new byte[0x30];
        int blocks = size / BLOCK - 1;
        int[] head = {
            'Q', 'R', 'Y', 1, 0, 0x31, 0, 0, 0, 0, 0, 0x45, 0x55, 0, 0, 7, 7, 10, 0, 4, 4, 4, 0,
            32 - Integer.numberOfLeadingZeros(size - 1), 0, 0, BUFFER_SHIFT, 0,
            1, blocks & 0xFF, blocks >>> 8, BLOCK >>> 8 & 0xFF, BLOCK >>> 16, 'P', 'R', 'I', '1', '0'
        };
        for (int i = 0; i < head.length; i++) {
            q[i] = (byte) head[i];
        }
        return q;
    }

    @Override
    public long read(long offset, int size) {
        long v = 0;
        for (int i = size - 1; i >= 0; i--) {
            v = v << 8 | readByte((int) offset + i) & 0xFF;
        }
        return v;
    }

    private int readByte(int offset) {
        return switch (view) {
            case READ_STATUS -> status;
            case READ_IDENTIFIER -> switch (offset & 0xFF) {
                case 0 -> MANUFACTURER;
                case 1 -> DEVICE;
                default -> 0;
            };
            case QUERY -> {
                int i = (offset & 0xFF) - 0x10;
                yield i >= 0 && i < query.length ? query[i] : 0;
            }
            default -> content[offset];
        };
    }

    @Override
    public void write(long offset, int size, long value) {
        int at = (int) offset;
        int v = (int) value & 0xFF;
        switch (command) {
            case PROGRAM -> {
                byte[] bytes = new byte[size];
                for (int i = 0; i < size; i++) {
                    bytes[i] = (byte) (value >>> 8 * i);
                }
                program(at, bytes, size);
                finish(READY);
            }
            case ERASE -> {
                if (v == CONFIRM) {
                    erase(at & -BLOCK);
                }
                finish(v == CONFIRM ? READY : SEQUENCE_ERROR);
            }
            // Nothing is ever locked.
            case LOCK -> finish(v == CONFIRM || v == 1 ? READY : SEQUENCE_ERROR);
            case BUFFERED_PROGRAM -> {
                length = v + 1;
                missing = length;
                start = -1;
                if (length > buffer.length) {
                    finish(SEQUENCE_ERROR);
                } else {
                    command = BUFFER_DATA;
                }
            }
            case BUFFER_DATA -> collect(at, size, value);
            case BUFFER_CONFIRM -> {
                if (v == CONFIRM) {
                    program(start, buffer, length);
                }
                finish(v == CONFIRM ? READY : SEQUENCE_ERROR);
            }
            default -> begin(v);
        }
    }

    private void begin(int v) {
        switch (v) {
            case PROGRAM, PROGRAM_TOO -> expect(PROGRAM);
            case ERASE, LOCK -> expect(v);
            case BUFFERED_PROGRAM -> {
                status |= READY;
                expect(v);
            }
            case CLEAR_STATUS -> {
                // Not READY: by this firmware tells a virtual flash memory from RAM and ROM.
                status = 0;
                view = READ_ARRAY;
            }
            case READ_STATUS, READ_IDENTIFIER, QUERY -> view = v;
            default -> view = READ_ARRAY;
        }
    }

    private void expect(int next) {
        command = next;
        view = READ_STATUS;
    }

    private void finish(int result) {
        status |= result;
        command = 0;
        view = READ_STATUS;
    }

    /** The first address is where the buffer starts; all others lie in it. */
    private void collect(int at, int size, long value) {
        start = start < 0 ? Math.min(at, content.length - length) : start;
        for (int i = 0; i < size; i++) {
            int p = at + i - start;
            if (p < 0 || p >= length) {
                finish(SEQUENCE_ERROR);
                return;
            }
            buffer[p] = (byte) (value >>> 8 * i);
        }
        missing -= size;
        if (missing <= 0) {
            command = BUFFER_CONFIRM;
        }
    }

    private void program(int at, byte[] bytes, int size) {
        for (int i = 0; i < size; i++) {
            content[at + i] &= bytes[i];
        }
        store.write(at, Arrays.copyOfRange(content, at, at + size));
    }

    private void erase(int block) {
        Arrays.fill(content, block, block + BLOCK, (byte) ERASED);
        store.write(block, Arrays.copyOfRange(content, block, block + BLOCK));
    }

    private static void copy(byte[] from, byte[] to) {
        System.arraycopy(from, 0, to, 0, Math.min(from.length, to.length));
    }

    @Override
    public void reset() {
        view = READ_ARRAY;
        command = 0;
        status = READY;
    }

    @Override
    public void save(StateOutput out) {
        out.putInts("state", new int[] {view, command, status, start, length, missing});
        out.putBytes("buffer", buffer);
        out.putBytes("content", content);
    }

    @Override
    public void load(StateInput in) {
        int[] v = new int[6];
        in.getInts("state", v);
        view = v[0];
        command = v[1];
        status = v[2];
        length = Math.clamp(v[4], 0, buffer.length);
        start = Math.clamp(v[3], -1, content.length - length);
        missing = v[5];
        copy(in.getBytes("buffer"), buffer);
        copy(in.getBytes("content"), content);
    }
}
