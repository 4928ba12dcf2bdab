package dev.javisor.processor.execution;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Decoded code of one guest-physical page for one decoding mode. */
final class CodePage {
    /** Guest-physical page address. */
    final long gpa;
    /** Decoding mode, see {@link dev.javisor.processor.core.Cpu#decodeMode}. */
    final int mode;
    /** Blocks by the offset of their first byte. */
    final Block[] blocks = new Block[4096];

    /** How often compiled code of this page has been forgotten. */
    int changes;

    /** The machine's code was forgotten as a whole, and this page with it. */
    boolean cleared;

    private final List<Block> all = new ArrayList<>();

    CodePage(long gpa, int mode) {
        this.gpa = gpa;
        this.mode = mode;
    }

    void put(Block b) {
        Block old = blocks[b.offset];
        if (old != null) {
            all.remove(old);
        }
        blocks[b.offset] = b;
        b.page = this;
        all.add(b);
    }

    /** Forgets the blocks that hold any byte of a range of this page. */
    void forget(int offset, int size) {
        for (int i = all.size() - 1; i >= 0; i--) {
            Block b = all.get(i);
            if (b.offset < offset + size && offset < b.offset + b.bytes) {
                forget(i, b);
            }
        }
    }

    /** Forgets crossing blocks that hold any of the first bytes of the page {@code second}, up to and including {@code last}. */
    void forgetCrossing(long second, int offset) {
        for (int i = all.size() - 1; i >= 0; i--) {
            Block b = all.get(i);
            if (b.secondPage == second && b.offset + b.bytes - 4096 > offset) {
                forget(i, b);
            }
        }
    }

    private void forget(int i, Block b) {
        blocks[b.offset] = null;
        if (b.region != null) {
            b.region.drop();
            changes++;
        }
        all.set(i, all.getLast());
        all.removeLast();
    }

    /** Marks the bytes of this page that blocks cover. */
    void cover(long[] bytes) {
        for (Block b : all) {
            mark(bytes, b.offset, Math.min(4096, b.offset + b.bytes));
        }
    }

    static void mark(long[] bytes, int from, int to) {
        for (int i = from; i < to; i++) {
            bytes[i >> 6] |= 1L << (i & 63);
        }
    }

    void clear() {
        cleared = true;
        for (Block b : all) {
            if (b.region != null) {
                b.region.drop();
            }
        }
        all.clear();
        Arrays.fill(blocks, null);
    }
}
