package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_pit_state2}: the 8254 interval timer. */
public final class PitState extends Struct {
    /** Bits of {@link #flags}: KVM_PIT_FLAGS_HPET_LEGACY (something else drives GSI 0) and KVM_PIT_FLAGS_SPEAKER_DATA_ON. */
    public static final int HPET_LEGACY = 1, SPEAKER_DATA_ON = 2;

    private static final int CHANNELS = 3, RESERVED = 9, CHANNEL_BYTES = 24;

    /** {@code struct kvm_pit_channel_state}. */
    public static final class Channel {
        /** Values of {@link #readState} and {@link #writeState}: which byte comes next. */
        public static final int LSB = 1, MSB = 2, WORD_LOW = 3, WORD_HIGH = 4;

        /** 1 to 65536. */
        public int count;
        public int latchedCount;
        /** 0 for none, else the {@link #rwMode} in which it is read. */
        public int countLatched;
        public boolean statusLatched;
        public int status, readState, writeState, writeLatch;
        /** Read/write field of the control word. */
        public int rwMode;
        public int mode;
        public boolean bcd, gate;
        /** Nanoseconds of guest time; -1 while the channel does not count. */
        public long countLoadTime;

        private void write(ByteBuffer b) {
            b.putInt(count).putShort((short) latchedCount).put((byte) countLatched).put((byte) (statusLatched ? 1 : 0));
            b.put((byte) status).put((byte) readState).put((byte) writeState).put((byte) writeLatch).put((byte) rwMode);
            b.put((byte) mode).put((byte) (bcd ? 1 : 0)).put((byte) (gate ? 1 : 0)).putLong(countLoadTime);
        }

        private void read(ByteBuffer b) {
            count = b.getInt();
            latchedCount = b.getShort() & 0xFFFF;
            countLatched = b.get() & 0xFF;
            statusLatched = b.get() != 0;
            status = b.get() & 0xFF;
            readState = b.get() & 0xFF;
            writeState = b.get() & 0xFF;
            writeLatch = b.get() & 0xFF;
            rwMode = b.get() & 0xFF;
            mode = b.get() & 0xFF;
            bcd = b.get() != 0;
            gate = b.get() != 0;
            countLoadTime = b.getLong();
        }
    }

    public final Channel[] channels = {new Channel(), new Channel(), new Channel()};
    public int flags;

    @Override
    public int size() {
        return CHANNELS * CHANNEL_BYTES + 4 * (1 + RESERVED);
    }

    @Override
    protected void write(ByteBuffer b) {
        for (Channel c : channels) {
            c.write(b);
        }
        b.putInt(flags);
        b.position(size());
    }

    @Override
    protected void read(ByteBuffer b) {
        for (Channel c : channels) {
            c.read(b);
        }
        flags = b.getInt();
    }
}
