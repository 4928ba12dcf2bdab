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
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A machine's state at one time, and its memory: the pages that are not zero. */
final class Snapshot {
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

    /** Makes a fresh machine go on from here. */
    void restore(Machine m) {
        for (Region r : ram(m)) {
            for (long at = 0; at < r.size; at += PAGE) {
                byte[] page = pages.getOrDefault(r.start + at, ZERO);
                if (page != ZERO || !isEqual(r.segment, at, ZERO)) {
                    MemorySegment.copy(page, 0, r.segment, ValueLayout.JAVA_BYTE, at, PAGE);
                }
            }
        }
        m.load(new StateInput(state));
    }

    /** How the machine differs from this; null when it does not. */
    String difference(Machine m) {
        if (m.time() != time) {
            return "time " + m.time() + " instead of " + time;
        }
        StateOutput out = new StateOutput();
        m.save(out);
        byte[] other = out.toByteArray();
        int at = Arrays.mismatch(state, other);
        if (at >= 0) {
            return "state differs behind \"" + name(at) + "\", byte " + at;
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

    /** Writes what has changed since the snapshot before. @param end of the guest's run */
    void write(DataOutputStream out, boolean end) throws IOException {
        out.writeLong(time);
        out.writeBoolean(end);
        out.writeInt(state.length);
        out.write(state);
        out.writeInt(changed.size());
        for (long address : changed) {
            out.writeLong(address);
            out.write(pages.get(address));
        }
    }

    /** Reads what {@link #write} has written, after time and end. */
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
