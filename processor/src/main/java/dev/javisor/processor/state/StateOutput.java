package dev.javisor.processor.state;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Saved state: named values in the order they are written. Names are part of the stream, so a mismatch is found at load. */
public final class StateOutput {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    public void putLong(String name, long value) {
        putName(name);
        raw(value);
    }

    public void putInt(String name, int value) {
        putLong(name, value);
    }

    public void putBoolean(String name, boolean value) {
        putLong(name, value ? 1 : 0);
    }

    public void putLongs(String name, long[] values) {
        putName(name);
        raw(values.length);
        for (long v : values) {
            raw(v);
        }
    }

    public void putInts(String name, int[] values) {
        putName(name);
        raw(values.length);
        for (int v : values) {
            raw(v);
        }
    }

    public void putBytes(String name, byte[] values) {
        putName(name);
        raw(values.length);
        bytes.writeBytes(values);
    }

    public void putString(String name, String value) {
        putBytes(name, value.getBytes(StandardCharsets.UTF_8));
    }

    /** A nested object, its values between a begin and an end mark. */
    public void put(String name, Stateful part) {
        putName(name);
        part.save(this);
    }

    public byte[] toByteArray() {
        return bytes.toByteArray();
    }

    private void putName(String name) {
        byte[] n = name.getBytes(StandardCharsets.UTF_8);
        bytes.write(n.length);
        bytes.writeBytes(n);
    }

    private void raw(long v) {
        for (int i = 0; i < 8; i++) {
            bytes.write((int) (v >>> 8 * i));
        }
    }
}
