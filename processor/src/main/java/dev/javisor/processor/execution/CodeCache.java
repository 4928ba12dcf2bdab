package dev.javisor.processor.execution;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.memory.CodeObserver;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

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
    }

    private final PhysicalMemory memory;
    private final Map<Long, Physical> physical = new HashMap<>();
    private final List<Cpu> cpus = new ArrayList<>();

    /** Makes regions of hot code; null when all code is interpreted. */
    final RegionFactory factory;

    /** For the standard engine. */
    public CodeCache(PhysicalMemory memory) {
        this(memory, Engine.standard());
    }

    public CodeCache(PhysicalMemory memory, Engine engine) {
        this.memory = memory;
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

    /** The page's code for a mode, made when new. */
    CodePage page(long gpa, int mode) {
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
        page.put(b);
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
        for (int i = from; i < from + size; i++) {
            if ((p.code[i >> 6] >>> (i & 63) & 1) != 0) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void codeChanging(long gpa, int size) {
        if (!holdsCode(gpa, size)) {
            return;
        }
        long key = gpa & ~0xFFFL;
        int offset = (int) gpa & 0xFFF;
        Physical p = physical.get(key);
        for (CodePage page : p.pages) {
            page.forget(offset, size);
        }
        for (CodePage page : p.crossingFrom) {
            page.forgetCrossing(key, offset);
        }
        java.util.Arrays.fill(p.code, 0);
        for (CodePage page : p.pages) {
            page.cover(p.code);
        }
        for (CodePage page : p.crossingFrom) {
            for (Block b : page.blocks) {
                if (b != null && b.secondPage == key) {
                    CodePage.mark(p.code, 0, b.offset + b.bytes - 4096);
                }
            }
        }
    }

    /** Forgets everything: guest-physical addresses have changed their meaning. */
    public void clear() {
        for (Physical p : physical.values()) {
            p.pages.forEach(CodePage::clear);
        }
        physical.clear();
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
