package dev.javisor.machine.virtio;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Virtio block device on a {@link Drive}. Requests are done at once, in the order they are made available. */
public final class BlockDevice extends VirtioFunction {
    private static final int TYPE = 2, CLASS_CODE = 0x010000;
    private static final long SEG_MAX = 1 << 2, READ_ONLY = 1 << 5, BLK_SIZE = 1 << 6, FLUSH = 1 << 9;
    private static final int QUEUE_SIZE = 256, CONFIGURATION = 60;
    /** Fields of the device configuration. */
    private static final int CAPACITY = 0, SEGMENTS = 12, BLOCK_SIZE = 20;

    /** Request types. */
    private static final int IN = 0, OUT = 1, FLUSH_REQUEST = 4, GET_ID = 8;
    /** Request results. */
    private static final byte OK = 0, IO_ERROR = 1, UNSUPPORTED = 2;

    private static final int HEADER = 16, ID_LENGTH = 20, CHUNK = 64 << 10;
    /** Largest request: what the segment limit allows with room to spare. Keeps the time bounded that an instruction takes. */
    private static final long LARGEST = 64L << 20;

    private final Drive drive;
    private final byte[] identity;
    private final byte[] configuration = new byte[CONFIGURATION];
    private final byte[] buffer = new byte[CHUNK];

    /** @param number position among the machine's drives, part of the serial number */
    public BlockDevice(Drive drive, int number) {
        super(TYPE, CLASS_CODE, SEG_MAX | BLK_SIZE | FLUSH | (drive.readOnly() ? READ_ONLY : 0), new int[] {QUEUE_SIZE}, CONFIGURATION);
        this.drive = drive;
        identity = Arrays.copyOf(("javisor-drive" + number).getBytes(StandardCharsets.US_ASCII), ID_LENGTH);
        describe(CAPACITY, 8, drive.sectors());
        describe(SEGMENTS, 4, QUEUE_SIZE - 2);
        describe(BLOCK_SIZE, 4, Drive.SECTOR);
    }

    private void describe(int at, int size, long value) {
        for (int i = 0; i < size; i++) {
            configuration[at + i] = (byte) (value >>> 8 * i);
        }
    }

    @Override
    protected int deviceConfiguration(int offset) {
        return configuration[offset];
    }

    @Override
    protected void notified(int queue) {
        // At most one turn of the ring for each notification, so that a driver cannot keep the device busy for ever.
        for (int i = 0; i < QUEUE_SIZE; i++) {
            DescriptorChain chain = take(queue);
            if (chain == null) {
                return;
            }
            serve(queue, chain);
        }
    }

    private void serve(int queue, DescriptorChain chain) {
        long writable = chain.writableLength();
        if (chain.readableLength() < HEADER || writable < 1) {
            giveBack(queue, chain, 0);
            return;
        }
        byte[] header = new byte[HEADER];
        chain.read(0, header, HEADER);
        int type = (int) number(header, 0, 4);
        long offset = number(header, 8, 8) * Drive.SECTOR;
        long in = writable - 1;
        long out = chain.readableLength() - HEADER;
        byte status = switch (type) {
            case IN -> inside(number(header, 8, 8), in) ? read(chain, offset, in) : IO_ERROR;
            case OUT -> !drive.readOnly() && inside(number(header, 8, 8), out) ? write(chain, offset, out) : IO_ERROR;
            case FLUSH_REQUEST -> drive.flush() ? OK : IO_ERROR;
            case GET_ID -> identify(chain, in);
            default -> UNSUPPORTED;
        };
        chain.write(in, new byte[] {status}, 1);
        boolean filled = status == OK && (type == IN || type == GET_ID);
        giveBack(queue, chain, filled ? (int) writable : 1);
    }

    private boolean inside(long sector, long length) {
        return length % Drive.SECTOR == 0 && length <= LARGEST && sector >= 0 && sector <= drive.sectors()
                && length / Drive.SECTOR <= drive.sectors() - sector;
    }

    private byte read(DescriptorChain chain, long offset, long length) {
        for (long done = 0; done < length; done += CHUNK) {
            int n = (int) Math.min(CHUNK, length - done);
            if (!drive.read(offset + done, buffer, n)) {
                return IO_ERROR;
            }
            chain.write(done, buffer, n);
        }
        return OK;
    }

    private byte write(DescriptorChain chain, long offset, long length) {
        for (long done = 0; done < length; done += CHUNK) {
            int n = (int) Math.min(CHUNK, length - done);
            chain.read(HEADER + done, buffer, n);
            if (!drive.write(offset + done, buffer, n)) {
                return IO_ERROR;
            }
        }
        return OK;
    }

    private byte identify(DescriptorChain chain, long length) {
        chain.write(0, identity, (int) Math.min(length, ID_LENGTH));
        return OK;
    }

    private static long number(byte[] b, int at, int size) {
        long v = 0;
        for (int i = size - 1; i >= 0; i--) {
            v = v << 8 | b[at + i] & 0xFF;
        }
        return v;
    }
}
