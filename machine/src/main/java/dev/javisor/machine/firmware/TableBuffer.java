package dev.javisor.machine.firmware;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Bytes of a table in the making, little-endian. */
final class TableBuffer {
    private byte[] bytes = new byte[1024];
    private int length;

    int length() {
        return length;
    }

    /** Puts the low {@code size} bytes of {@code value}. */
    private TableBuffer number(long value, int size) {
        reserve(size);
        length += size;
        set(length - size, value, size);
        return this;
    }

    TableBuffer u8(int value) {
        return number(value, 1);
    }

    TableBuffer u16(int value) {
        return number(value, 2);
    }

    TableBuffer u32(long value) {
        return number(value, 4);
    }

    TableBuffer u64(long value) {
        return number(value, 8);
    }

    TableBuffer zeros(int count) {
        reserve(count);
        length += count;
        return this;
    }

    TableBuffer bytes(byte... values) {
        reserve(values.length);
        System.arraycopy(values, 0, bytes, length, values.length);
        length += values.length;
        return this;
    }

    /** Characters in exactly {@code size} bytes, padded with {@code pad}. */
    TableBuffer text(String text, int size, char pad) {
        byte[] t = text.getBytes(StandardCharsets.US_ASCII);
        if (t.length > size) {
            throw new IllegalArgumentException("\"" + text + "\" has more than " + size + " characters");
        }
        byte[] padded = Arrays.copyOf(t, size);
        Arrays.fill(padded, t.length, size, (byte) pad);
        return bytes(padded);
    }

    TableBuffer align(int alignment) {
        return zeros(Math.floorMod(-length, alignment));
    }

    void set(int at, long value, int size) {
        for (int i = 0; i < size; i++) {
            bytes[at + i] = (byte) (value >>> 8 * i);
        }
    }

    long get(int at, int size) {
        long v = 0;
        for (int i = size - 1; i >= 0; i--) {
            v = v << 8 | bytes[at + i] & 0xFF;
        }
        return v;
    }

    /** Sets the byte at {@code at} so that the bytes from {@code start} to {@code start + count} sum up to zero. */
    void checksum(int at, int start, int count) {
        bytes[at] = 0;
        int sum = 0;
        for (int i = 0; i < count; i++) {
            sum += bytes[start + i];
        }
        bytes[at] = (byte) -sum;
    }

    byte[] toByteArray() {
        return Arrays.copyOf(bytes, length);
    }

    private void reserve(int count) {
        if (length + count > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, length + count));
        }
    }
}
