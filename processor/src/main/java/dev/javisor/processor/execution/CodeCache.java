package dev.javisor.processor.execution;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.memory.CodeObserver;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Decoded code of one machine, by guest-physical page and decoding mode; shared by its processors. Knows which bytes are code, so that a
 * store forgets exactly the blocks it changes.
 */
public final class CodeCache implements CodeObserver {
    /** Everything known about one guest-physical page. */
    private static final class Physical {
        final List<CodePage> pages = new ArrayList<>(2);
        /** Pages whose last instruction continues in this one. */
        final List<CodePage> crossingFrom = new ArrayList<>(1);
        /** One bit for each byte that is code. */
        final long[] code = new long[64];
        /** Stores to the page since it held code. */
        int stores;

        boolean isCode() {
            for (long bits : code) {
                if (bits != 0) {
                    return true;
                }
            }
            return false;
        }
    }

    /** Stores to a page without code after which it counts as data. Before, new code may come and make all stores slow again. */
    private static final int PATIENCE = 32;

    /** Operations that are kept, of about 150 bytes each with all that belongs to them. */
    private static final int LIMIT = 300_000;

    private final PhysicalMemory memory;
    private final Map<Long, Physical> physical = new HashMap<>();
    private final List<Cpu> cpus = new ArrayList<>();
    private final int limit;
    private int operations;

    /** Makes regions of hot code; null when all code is interpreted. */
    final RegionFactory factory;

    /** For the standard engine. */
    public CodeCache(PhysicalMemory memory) {
        this(memory, Engine.standard());
    }

    public CodeCache(PhysicalMemory memory, Engine engine) {
        this(memory, engine, LIMIT);
    }

    /** @param limit operations that are kept */
    CodeCache(PhysicalMemory memory, Engine engine, int limit) {
        this.memory = memory;
        this.limit = limit;
        factory = engine == Engine.INTERPRETER ? null : new RegionFactory(engine);
        memory.setCodeObserver(this);
        memory.observeMapping(this::clear);
    }

    /** Hot code is compiled. */
    public boolean compiles() {
        return factory != null;
    }

    /** Null when nothing is compiled. */
    public CompilerStatistics statistics() {
        return factory == null ? null : factory.statistics();
    }

    void attach(Cpu c) {
        cpus.add(c);
        c.codeObserver = this;
    }

    /** The page's code for a mode, made when new. Not to be called while a block runs: the cache may have to make room. */
    CodePage page(long gpa, int mode) {
        if (operations > limit) {
            makeRoom();
        }
        Physical p = physical.computeIfAbsent(gpa, key -> new Physical());
        for (CodePage page : p.pages) {
            if (page.mode == mode) {
                return page;
            }
        }
        CodePage page = new CodePage(gpa, mode);
        p.pages.add(page);
        return page;
    }

    /** Enters a new block; its bytes are code from here on. */
    void put(CodePage page, Block b) {
        operations -= page.operations;
        page.put(b);
        operations += page.operations;
        Physical p = physical.get(page.gpa);
        CodePage.mark(p.code, b.offset, Math.min(4096, b.offset + b.bytes));
        protect(page.gpa);
        if (b.crosses()) {
            Physical second = physical.computeIfAbsent(b.secondPage, key -> new Physical());
            if (!second.crossingFrom.contains(page)) {
                second.crossingFrom.add(page);
            }
            CodePage.mark(second.code, 0, b.offset + b.bytes - 4096);
            protect(b.secondPage);
        }
    }

    private void protect(long gpa) {
        Region r = memory.regionAt(gpa);
        if (r != null && r.isMemory()) {
            int i = r.flag(gpa);
            if ((r.flags[i] & Region.CODE) == 0) {
                r.flags[i] |= Region.CODE;
                for (Cpu c : cpus) {
                    c.tlb.slowWrites(gpa);
                }
            }
        }
    }

    @Override
    public boolean holdsCode(long gpa, int size) {
        Physical p = physical.get(gpa & ~0xFFFL);
        if (p == null) {
            return false;
        }
        int from = (int) gpa & 0xFFF;
        return CodePage.isMarked(p.code, from, from + size);
    }

    @Override
    public void codeChanging(long gpa, int size) {
        long key = gpa & ~0xFFFL;
        Physical p = physical.get(key);
        if (p == null) {
            unprotect(key);
            return;
        }
        int offset = (int) gpa & 0xFFF;
        if (!CodePage.isMarked(p.code, offset, offset + size)) {
            if (++p.stores > PATIENCE && !p.isCode()) {
                unprotect(key);
            }
            return;
        }
        p.stores = 0;
        for (CodePage page : p.pages) {
            operations -= page.operations;
            page.forget(offset, size, memory, p.code);
            operations += page.operations;
        }
        for (CodePage page : p.crossingFrom) {
            operations -= page.operations;
            page.forgetCrossing(key, offset);
            operations += page.operations;
        }
        CodePage.unmark(p.code, offset, offset + size);
        cover(key, p);
    }

    /** As {@link CodePage#takeFormer}. */
    Block takeFormer(CodePage page, int offset) {
        operations -= page.operations;
        Block b = page.takeFormer(offset);
        operations += page.operations;
        return b;
    }

    /** As {@link CodePage#begunAgain}, of the instruction at an offset of a page. */
    void begunAgain(CodePage page, int offset, long now) {
        if (page.begunAgain(offset, now)) {
            operations -= page.operations;
            page.cut(offset);
            operations += page.operations;
        }
    }

    /** As {@link CodePage#join}. */
    void join(Block b) {
        operations -= b.page.operations;
        b.page.join(b);
        operations += b.page.operations;
    }

    /** Marks which bytes of a page are code. */
    private static void cover(long gpa, Physical p) {
        for (CodePage page : p.pages) {
            page.cover(p.code);
        }
        for (CodePage page : p.crossingFrom) {
            page.coverCrossing(gpa, p.code);
        }
    }

    private void unprotect(long gpa) {
        Region r = memory.regionAt(gpa);
        if (r != null && r.isMemory()) {
            r.flags[r.flag(gpa)] &= ~Region.CODE;
        }
    }

    /** Forgets what is not compiled; everything, if that is not enough. The guest does not notice. */
    private void makeRoom() {
        forgetPages(page -> !page.isCompiled());
        if (operations > limit / 2) {
            forgetPages(page -> true);
        }
    }

    private void forgetPages(Predicate<CodePage> which) {
        for (Physical p : physical.values()) {
            for (CodePage page : p.pages) {
                if (which.test(page)) {
                    operations -= page.operations;
                    page.clear();
                }
            }
        }
        physical.forEach((gpa, p) -> {
            p.pages.removeIf(page -> page.cleared);
            p.crossingFrom.removeIf(page -> page.cleared);
            Arrays.fill(p.code, 0);
            cover(gpa, p);
            if (!p.isCode()) {
                unprotect(gpa);
            }
        });
        physical.values().removeIf(p -> p.pages.isEmpty() && p.crossingFrom.isEmpty());
    }

    /** Forgets everything: guest-physical addresses have changed their meaning. */
    public void clear() {
        for (Physical p : physical.values()) {
            p.pages.forEach(CodePage::clear);
        }
        physical.clear();
        operations = 0;
        for (Region r : memory.regions()) {
            if (r.isMemory()) {
                for (int i = 0; i < r.flags.length; i++) {
                    r.flags[i] &= ~Region.CODE;
                }
            }
        }
        for (Cpu c : cpus) {
            c.flushTlb();
        }
    }
}
