package dev.javisor.machine.pci;

import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import java.util.Arrays;

/** MSI-X capability, with its table and pending bit array in a memory region of one page. */
final class MsiX implements MmioHandler, Stateful {
    static final int ID = 0x11, LENGTH = 12, BAR_SIZE = 4096;
    private static final int CONTROL = 2, TABLE = 4, PENDING = 8;
    private static final int FUNCTION_MASK = 1 << 14, ENABLE = 1 << 15;
    private static final int PENDING_OFFSET = 2048;
    /** Table entry: address, data, vector control; 32-bit words. */
    private static final int WORDS = 4, DATA = 2, VECTOR_CONTROL = 3, MASKED = 1;

    private final PciFunction function;
    private final int at;
    private final int vectors;
    private final int[] table;
    private long pending;

    MsiX(PciFunction function, int at, int bar, int vectors) {
        if (vectors < 1 || vectors > Long.SIZE) {
            throw new IllegalArgumentException("1 to 64 MSI-X vectors");
        }
        this.function = function;
        this.at = at;
        this.vectors = vectors;
        table = new int[vectors * WORDS];
        function.set(at + CONTROL, 2, vectors - 1);
        function.allow(at + CONTROL, 2, ENABLE | FUNCTION_MASK);
        function.set(at + TABLE, 4, bar);
        function.set(at + PENDING, 4, PENDING_OFFSET | bar);
        reset();
    }

    int vectors() {
        return vectors;
    }

    boolean enabled() {
        return (function.get(at + CONTROL, 2) & ENABLE) != 0;
    }

    void reset() {
        Arrays.fill(table, 0);
        for (int v = 0; v < vectors; v++) {
            table[v * WORDS + VECTOR_CONTROL] = MASKED;
        }
        pending = 0;
    }

    void send(int vector) {
        if (vector < 0 || vector >= vectors) {
            return;
        }
        if (masked(vector)) {
            pending |= 1L << vector;
        } else {
            long address = table[vector * WORDS] & 0xFFFFFFFFL | (long) table[vector * WORDS + 1] << 32;
            function.sendMessage(address, table[vector * WORDS + DATA]);
        }
    }

    private boolean masked(int vector) {
        return (function.get(at + CONTROL, 2) & FUNCTION_MASK) != 0 || (table[vector * WORDS + VECTOR_CONTROL] & MASKED) != 0;
    }

    /** Sends what was waiting for a mask bit to be cleared. */
    void configured() {
        if (pending == 0 || !enabled()) {
            return;
        }
        for (int v = 0; v < vectors; v++) {
            if ((pending >>> v & 1) != 0 && !masked(v)) {
                pending &= ~(1L << v);
                send(v);
            }
        }
    }

    @Override
    public long read(long offset, int size) {
        if (size == 8) {
            return word((int) offset) & 0xFFFFFFFFL | (long) word((int) offset + 4) << 32;
        }
        return word((int) offset & ~3) >>> 8 * (offset & 3);
    }

    private int word(int offset) {
        if (offset >= PENDING_OFFSET) {
            return offset - PENDING_OFFSET < 8 ? (int) (pending >>> 8 * (offset - PENDING_OFFSET)) : 0;
        }
        int i = offset >> 2;
        return i < table.length ? table[i] : 0;
    }

    /** Accesses of 4 and 8 aligned bytes; the specification allows no others, which are ignored. */
    @Override
    public void write(long offset, int size, long value) {
        if (size < 4 || (offset & 3) != 0) {
            return;
        }
        for (int i = 0; i < size; i += 4) {
            int w = (int) offset + i >> 2;
            if (w < table.length) {
                table[w] = (int) (value >>> 8 * i);
            }
        }
        configured();
    }

    @Override
    public void save(StateOutput out) {
        out.putInts("table", table);
        out.putLong("pending", pending);
    }

    @Override
    public void load(StateInput in) {
        in.getInts("table", table);
        pending = in.getLong("pending");
    }
}
