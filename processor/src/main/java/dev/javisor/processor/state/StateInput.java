package dev.javisor.processor.state;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Reads what {@link StateOutput} wrote. A stream that does not fit raises {@link StateMismatchException}, before the value is used. */
public final class StateInput {
    private final byte[] bytes;
    private int at;

    public StateInput(byte[] bytes) {
        this.bytes = bytes;
    }

    public long getLong(String name) {
        expect(name);
        return raw();
    }

    public int getInt(String name) {
        return (int) getLong(name);
    }

    public boolean getBoolean(String name) {
        return getLong(name) != 0;
    }

    /** Fills {@code into}; the saved array must have the same length. */
    public void getLongs(String name, long[] into) {
        expect(name);
        length(name, into.length);
        for (int i = 0; i < into.length; i++) {
            into[i] = raw();
        }
    }

    public void getInts(String name, int[] into) {
        expect(name);
        length(name, into.length);
        for (int i = 0; i < into.length; i++) {
            into[i] = (int) raw();
        }
    }

    public byte[] getBytes(String name) {
        expect(name);
        long n = raw();
        if (n < 0 || n > bytes.length - at) {
            throw new StateMismatchException("saved state is cut short in " + name);
        }
        byte[] result = Arrays.copyOfRange(bytes, at, at + (int) n);
        at += (int) n;
        return result;
    }

    public String getString(String name) {
        return new String(getBytes(name), StandardCharsets.UTF_8);
    }

    public void get(String name, Stateful part) {
        expect(name);
        part.load(this);
    }

    private void length(String name, int expected) {
        long n = raw();
        if (n != expected) {
            throw new StateMismatchException("saved state has " + n + " values in " + name + ", expected " + expected);
        }
    }

    private void expect(String name) {
        byte[] n = name.getBytes(StandardCharsets.UTF_8);
        if (at >= bytes.length || (bytes[at] & 0xFF) != n.length || at + 1 + n.length > bytes.length
                || !Arrays.equals(bytes, at + 1, at + 1 + n.length, n, 0, n.length)) {
            throw new StateMismatchException("saved state does not continue with " + name);
        }
        at += 1 + n.length;
    }

    private long raw() {
        if (at + 8 > bytes.length) {
            throw new StateMismatchException("saved state is cut short");
        }
        long v = 0;
        for (int i = 7; i >= 0; i--) {
            v = v << 8 | bytes[at + i] & 0xFF;
        }
        at += 8;
        return v;
    }
}
