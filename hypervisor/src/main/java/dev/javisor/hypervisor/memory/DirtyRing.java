package dev.javisor.hypervisor.memory;

import dev.javisor.hypervisor.abi.DirtyGfn;
import java.util.ArrayList;
import java.util.List;

/** The pages that one vcpu has stored to, in their order; a page is in one ring at a time. */
public final class DirtyRing {
    /** Bytes of an entry, and most entries. */
    public static final int ENTRY = 16, MOST = 65536;
    /** Room for what comes before the guest can be stopped, among it a whole page-modification log. */
    public static final int RESERVED = 64 + 512;

    private final int entries;
    private List<DirtyGfn> pages = new ArrayList<>();
    /** Userspace has them, and they are still counted as stored to. */
    private final List<DirtyGfn> harvested = new ArrayList<>();

    public DirtyRing(int entries) {
        this.entries = entries;
    }

    void push(int slot, long page) {
        DirtyGfn g = new DirtyGfn();
        g.slot = slot;
        g.offset = page;
        pages.add(g);
    }

    /** There is room only for what must not be lost. */
    public boolean isFull() {
        return pages.size() + harvested.size() >= entries - RESERVED;
    }

    /** The pages that nobody has harvested. */
    public List<DirtyGfn> harvest() {
        List<DirtyGfn> all = pages;
        pages = new ArrayList<>();
        harvested.addAll(all);
        return List.copyOf(all);
    }

    /** The pages that userspace has, which are forgotten. */
    List<DirtyGfn> takeHarvested() {
        List<DirtyGfn> all = List.copyOf(harvested);
        harvested.clear();
        return all;
    }
}
