package dev.javisor.conformance.restore;

import dev.javisor.machine.Machine;
import dev.javisor.processor.memory.Region;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A machine's state at one time, and its memory: the pages that are not zero. */
final class Snapshot {
    /** Said of a snapshot: the guest's run is over; the machine that is restored from it shall run to the end. */
    static final int OVER = 1, TO_END = 2;

    private static final int PAGE = 4096;
    private static final byte[] ZERO = new byte[PAGE];

    /** Guest time. */
    long time;

    private byte[] state = {};
    private final Map<Long, byte[]> pages = new HashMap<>();
    /** Changed since the snapshot before. */
    private final Set<Long> changed = new HashSet<>();

    private static List<Region> ram(Machine m) {
        return m.memory().regions().stream().filter(r -> r.isMemory() && !r.readOnly).toList();
    }

    /** Becomes what the machine is now. */
    void take(Machine m) {
        StateOutput out = new StateOutput();
        m.save(out);
        state = out.toByteArray();
        time = m.time();
        changed.clear();
        byte[] buffer = new byte[PAGE];
        for (Region r : ram(m)) {
            for (long at = 0; at < r.size; at += PAGE) {
                byte[] before = pages.getOrDefault(r.start + at, ZERO);
                if (!isEqual(r.segment, at, before)) {
                    MemorySegment.copy(r.segment, ValueLayout.JAVA_BYTE, at, buffer, 0, PAGE);
                    pages.put(r.start + at, buffer.clone());
                    changed.add(r.start + at);
                }
            }
        }
    }

    private static boolean isEqual(MemorySegment memory, long at, byte[] page) {
        return MemorySegment.mismatch(memory, at, at + PAGE, MemorySegment.ofArray(page), 0, PAGE) < 0;
    }

    /** Makes a fresh machine go on from here. @param fresh what is in its memory */
    void restore(Machine m, Snapshot fresh) {
        for (Region r : ram(m)) {
            for (long address : fresh.pages.keySet()) {
                put(r, address, pages.getOrDefault(address, ZERO));
            }
            pages.forEach((address, page) -> put(r, address, page));
        }
        m.load(new StateInput(state));
    }

    private static void put(Region r, long address, byte[] page) {
        if (address >= r.start && address < r.start + r.size) {
            MemorySegment.copy(page, 0, r.segment, ValueLayout.JAVA_BYTE, address - r.start, PAGE);
        }
    }

    /** How the machine differs from this; null when it does not. */
    String difference(Machine m) {
        String different = stateDifference(m);
        if (different != null) {
            return different;
        }
        for (Region r : ram(m)) {
            for (long i = 0; i < r.size; i += PAGE) {
                byte[] page = pages.getOrDefault(r.start + i, ZERO);
                long where = MemorySegment.mismatch(r.segment, i, i + PAGE, MemorySegment.ofArray(page), 0, PAGE);
                if (where >= 0) {
                    return "memory differs at " + Long.toHexString(r.start + i + where);
                }
            }
        }
        return null;
    }

    /** As {@link #difference}, but for memory. */
    String stateDifference(Machine m) {
        if (m.time() != time) {
            return "time " + m.time() + " instead of " + time;
        }
        StateOutput out = new StateOutput();
        m.save(out);
        byte[] other = out.toByteArray();
        int at = Arrays.mismatch(state, other);
        return at < 0 ? null : "state differs behind \"" + name(at) + "\", byte " + at;
    }

    /** The last name before a place in the state. */
    private String name(int before) {
        for (int i = Math.min(before, state.length) - 1; i > 0; i--) {
            int length = state[i];
            if (length >= 3 && i + length < state.length && isText(i + 1, length)) {
                return new String(state, i + 1, length, StandardCharsets.US_ASCII);
            }
        }
        return "";
    }

    private boolean isText(int from, int length) {
        for (int i = from; i < from + length; i++) {
            if (state[i] < ' ' || state[i] > '~') {
                return false;
            }
        }
        return true;
    }

    /** A digest of state and memory. */
    String hash() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(state);
            pages.keySet().stream().sorted().filter(at -> !Arrays.equals(pages.get(at), ZERO)).forEach(at -> {
                digest.update(ByteBuffer.allocate(8).putLong(0, at));
                digest.update(pages.get(at));
            });
            return HexFormat.of().formatHex(digest.digest(), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Writes what has changed since the snapshot before. @param flags {@link #OVER}, {@link #TO_END} */
    void write(DataOutputStream out, int flags) throws IOException {
        out.writeLong(time);
        out.writeByte(flags);
        out.writeInt(state.length);
        out.write(state);
        out.writeInt(changed.size());
        for (long address : changed) {
            out.writeLong(address);
            out.write(pages.get(address));
        }
    }

    /** Reads what {@link #write} has written, after time and flags. */
    void read(long t, DataInputStream in) throws IOException {
        time = t;
        state = in.readNBytes(in.readInt());
        int n = in.readInt();
        for (int i = 0; i < n; i++) {
            long address = in.readLong();
            pages.put(address, in.readNBytes(PAGE));
        }
    }
}
