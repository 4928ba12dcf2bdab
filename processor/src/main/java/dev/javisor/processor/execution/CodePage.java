package dev.javisor.processor.execution;

import dev.javisor.processor.compiler.Region;
import dev.javisor.processor.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Decoded code of one guest-physical page for one decoding mode. */
final class CodePage {
    private static final int LINE = 64;
    private static final int CODE_LINE = 512;
    /** Operations of changed blocks that are remembered. */
    private static final int MOST_CHANGED = 512;
    /** Instructions about which it is known that they had to be begun again. */
    private static final int MOST_RESTARTS = 64;
    /** When so many executions of an instruction had to be begun again, no more instructions apart than this on average. */
    private static final int OFTEN = 8, APART = 2000;
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

    /** Blocks that have changed, as {@link #lines}; null when there are none. What is decoded in their place is mostly the same. */
    private Block[][] former;

    private int formerOperations;
    /** Offsets of instructions that end their blocks, and those that may become so: how often they were begun again, and since when. */
    private final Map<Integer, Restart> restarts = new HashMap<>();

    private static final class Restart {
        int times;
        long since;
        boolean isBoundary;
    }

    /** The page was forgotten as a whole: another object stands for it now. */
    boolean cleared;
    /** Operations in its blocks, the former ones included. */
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

    /**
     * Forgets the blocks that hold any byte of a range of this page, which is about to change.
     *
     * @param bytes loses the marks of their bytes
     */
    void forget(int offset, int size, PhysicalMemory memory, long[] bytes) {
        int from = 4096;
        int to = 0;
        for (int i = all.size() - 1; i >= 0; i--) {
            Block b = all.get(i);
            if (b.offset < offset + size && offset < b.offset + b.bytes) {
                forget(i, b);
                from = Math.min(from, b.offset);
                to = Math.max(to, Math.min(4096, b.offset + b.bytes));
                if (!b.crosses()) {
                    remember(b, memory);
                }
            }
        }
        unmark(bytes, from, to);
    }

    private void remember(Block b, PhysicalMemory memory) {
        if (formerOperations + b.length > MOST_CHANGED) {
            operations -= formerOperations;
            formerOperations = 0;
            former = null;
        }
        if (former == null) {
            former = new Block[4096 / LINE][];
        }
        int line = b.offset / LINE;
        if (former[line] == null) {
            former[line] = new Block[LINE];
        }
        takeFormer(b.offset);
        b.former = new byte[b.bytes];
        memory.read(gpa + b.offset, b.former, 0, b.bytes);
        b.unlink();
        former[line][b.offset % LINE] = b;
        formerOperations += b.length;
        operations += b.length;
    }

    /** The block that was there before the memory changed, or null; forgets it. */
    Block takeFormer(int offset) {
        Block[] line = former == null ? null : former[offset / LINE];
        Block b = line == null ? null : line[offset % LINE];
        if (b != null) {
            line[offset % LINE] = null;
            formerOperations -= b.length;
            operations -= b.length;
        }
        return b;
    }

    // ---- instructions that end their blocks ----

    /**
     * The instruction there, in the middle of a block or compiled, had to be begun again, for it needs a boundary behind it.
     *
     * @param now instructions retired
     * @return true when that has become the rule: from here on it ends its block
     */
    boolean begunAgain(int offset, long now) {
        if (restarts.size() > MOST_RESTARTS) {
            restarts.clear();
        }
        Restart r = restarts.computeIfAbsent(offset, key -> new Restart());
        if (r.isBoundary) {
            return false;
        }
        if (now - r.since > (long) r.times * APART) {
            r.times = 0;
        }
        if (r.times++ == 0) {
            r.since = now;
        }
        r.isBoundary = r.times >= OFTEN;
        return r.isBoundary;
    }

    /** The instruction there ends its block. */
    boolean isBoundary(int offset) {
        return !restarts.isEmpty() && restarts.get(offset) instanceof Restart r && r.isBoundary;
    }

    /** Forgets the blocks in which there is an instruction at that offset, so that they are decoded to another end. */
    void cut(int offset) {
        for (int i = all.size() - 1; i >= 0; i--) {
            Block b = all.get(i);
            if (b.offset <= offset && offset < b.offset + b.bytes) {
                forget(i, b);
            }
        }
    }

    /** The last instruction of a block needs no boundary any more, as a rule. */
    void join(Block b) {
        restarts.remove(b.offset + b.ops[b.length - 1].start);
        cut(b.offset);
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
        for (int i = 0; i < all.size(); i++) {
            Block b = all.get(i);
            mark(bytes, b.offset, Math.min(4096, b.offset + b.bytes));
        }
    }

    static void unmark(long[] bytes, int from, int to) {
        for (int word = from >> 6; word <= to - 1 >> 6; word++) {
            bytes[word] &= ~mask(word, from, to);
        }
    }

    static void mark(long[] bytes, int from, int to) {
        for (int word = from >> 6; word <= to - 1 >> 6; word++) {
            bytes[word] |= mask(word, from, to);
        }
    }

    /** Any byte of a range is marked. */
    static boolean isMarked(long[] bytes, int from, int to) {
        for (int word = from >> 6; word <= to - 1 >> 6; word++) {
            if ((bytes[word] & mask(word, from, to)) != 0) {
                return true;
            }
        }
        return false;
    }

    /** The bits of a word that stand for bytes of a range. */
    private static long mask(int word, int from, int to) {
        long low = word == from >> 6 ? -1L << from : -1L;
        long high = word == to - 1 >> 6 ? -1L >>> -to : -1L;
        return low & high;
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
        former = null;
        formerOperations = 0;
        restarts.clear();
        operations = 0;
        Arrays.fill(lines, null);
    }
}
