package dev.javisor.processor.execution;

import dev.javisor.processor.compiler.Region;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Decoded code of one guest-physical page for one decoding mode. */
final class CodePage {
    private static final int LINE = 64;
    private static final int CODE_LINE = 512;
    /** Nanoseconds without a change after which code counts as new. */
    private static final long CALM = 500_000_000;

    /** Guest-physical page address. */
    final long gpa;
    /** Decoding mode, see {@link dev.javisor.processor.core.Cpu#decodeMode}. */
    final int mode;
    /** Blocks by the offset of their first byte, line by line; most lines of most pages stay empty. */
    private final Block[][] lines = new Block[4096 / LINE][];

    /** How often compiled code of this page has been forgotten lately, and when last, in nanoseconds of the host. */
    private int changes;

    private long changed;

    /** The page was forgotten as a whole: another object stands for it now. */
    boolean cleared;
    /** Operations in its blocks. */
    int operations;

    /** Compiled code by the offset of the entry point, line by line. */
    private final Region[][] code = new Region[4096 / CODE_LINE][];

    private final List<Block> all = new ArrayList<>();

    CodePage(long gpa, int mode) {
        this.gpa = gpa;
        this.mode = mode;
    }

    /** The block that starts there, or null. */
    Block at(int offset) {
        Block[] line = lines[offset / LINE];
        return line == null ? null : line[offset % LINE];
    }

    void put(Block b) {
        Block old = at(b.offset);
        if (old != null) {
            forget(all.indexOf(old), old);
        }
        int line = b.offset / LINE;
        if (lines[line] == null) {
            lines[line] = new Block[LINE];
        }
        lines[line][b.offset % LINE] = b;
        b.page = this;
        all.add(b);
        operations += b.length;
    }

    /** Compiled code with an entry point there, or null. */
    Region code(int offset) {
        Region[] line = code[offset / CODE_LINE];
        return line == null ? null : line[offset % CODE_LINE];
    }

    void setCode(int offset, Region region) {
        int line = offset / CODE_LINE;
        if (code[line] == null) {
            code[line] = new Region[CODE_LINE];
        }
        code[line][offset % CODE_LINE] = region;
    }

    void dropCode(int offset, Region region) {
        if (code(offset) == region) {
            code[offset / CODE_LINE][offset % CODE_LINE] = null;
        }
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
        lines[b.offset / LINE][b.offset % LINE] = null;
        b.forgotten = true;
        operations -= b.length;
        if (b.region != null) {
            b.region.drop();
            countChange();
        }
        all.set(i, all.getLast());
        all.removeLast();
    }

    private void countChange() {
        long now = System.nanoTime();
        changes = now - changed < CALM ? changes + 1 : 1;
        changed = now;
    }

    /** How often compiled code of this page has been forgotten in a time without a pause. Memory used for something else calms down. */
    int changes() {
        return changes > 0 && System.nanoTime() - changed < CALM ? changes : 0;
    }

    /** Any of its code is compiled. */
    boolean isCompiled() {
        for (Block b : all) {
            if (b.region != null) {
                return true;
            }
        }
        return false;
    }

    /** Marks the first bytes of the page {@code second} that crossing blocks of this one cover. */
    void coverCrossing(long second, long[] bytes) {
        for (Block b : all) {
            if (b.secondPage == second) {
                mark(bytes, 0, b.offset + b.bytes - 4096);
            }
        }
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
            b.forgotten = true;
            if (b.region != null) {
                b.region.drop();
            }
        }
        all.clear();
        operations = 0;
        Arrays.fill(lines, null);
    }
}
