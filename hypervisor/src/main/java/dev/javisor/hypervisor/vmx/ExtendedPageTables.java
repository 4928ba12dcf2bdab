package dev.javisor.hypervisor.vmx;

import dev.javisor.hypervisor.host.HostPages;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * The extended page tables of one VM: entries are made when a guest-physical address is used for the first time, for 2 MiB where the
 * memory slot allows it, and all go when a slot changes.
 */
final class ExtendedPageTables {
    private static final long READ = 1, WRITE = 2, EXECUTE = 4, WRITE_BACK = 6 << 3, IGNORE_PAT = 1 << 6, LEAF = 1 << 7;
    private static final long ACCESSED = 1 << 8, DIRTY = 1 << 9;
    private static final long FRAME = 0x000F_FFFF_FFFF_F000L;
    private static final long LARGE = 2 << 20;
    private static final int LEVELS = 4;
    /** EPT pointer: write-back, walks of four levels. */
    private static final long POINTER = 6 | (LEVELS - 1) << 3, ACCESSED_AND_DIRTY_FLAGS = 1 << 6;

    private final MemorySlots slots;
    private final PhysicalMemory memory;
    private final HostPages pages;
    private final List<Long> tables = new ArrayList<>();
    private long root;
    private long generation;
    private long apicPage = -1;
    private boolean pmlWanted = true;
    /** Some slot has a dirty log, and the processor's page-modification log fills it. */
    private boolean logging;

    ExtendedPageTables(MemorySlots slots, PhysicalMemory memory, HostPages pages) {
        this.slots = slots;
        this.memory = memory;
        this.pages = pages;
        root = table();
    }

    private long table() {
        long t = pages.allocate();
        tables.add(t);
        return t;
    }

    /** For the VMCS. */
    long pointer() {
        return root | POINTER | (logging ? ACCESSED_AND_DIRTY_FLAGS : 0);
    }

    /** Pages whose dirty flag gets set are to be logged by the processor. */
    boolean isLogging() {
        return logging;
    }

    /** Whether dirty logs are filled by the processor, in its page-modification log; else by EPT violations. */
    void setPageModificationLogging(boolean on) {
        pmlWanted = on;
        clear();
    }

    /** The processor has logged a page. */
    void modified(long gpa) {
        MemorySlots.Slot slot = slots.find(gpa);
        if (slot != null && slot.log() != null) {
            slot.log().mark(gpa - slot.start() >>> 12);
        }
    }

    /** Changes whenever an entry was taken away, so that cached translations must go. */
    long generation() {
        return generation;
    }

    /** Where the register page of the local APICs is mapped to, or -1. */
    long apicPage() {
        return apicPage;
    }

    void setApicPage(long page) {
        apicPage = page;
        clear();
    }

    /** Forgets everything. */
    void clear() {
        tables.forEach(pages::release);
        tables.clear();
        root = table();
        logging = pmlWanted && slots.slots().stream().anyMatch(s -> s.log() != null);
        generation++;
    }

    /** The page that the guest has used is a memory slot's, and not there yet. */
    boolean awaits(long gpa) {
        return slots.hasSource() && slots.find(gpa) != null && !slots.isThere(gpa & -MemorySlots.PAGE);
    }

    /**
     * Maps the page that the guest has used.
     *
     * @return false when there is no memory, or none that can be used so
     */
    boolean map(long gpa, boolean write, boolean fetch) {
        if (!fetch && apicPage != -1 && (gpa & -MemorySlots.PAGE) == LocalApic.DEFAULT_BASE) {
            enter(gpa, 1, apicPage | READ | WRITE | (logging ? ACCESSED | DIRTY : 0) | WRITE_BACK | IGNORE_PAT);
            return true;
        }
        MemorySlots.Slot slot = slots.find(gpa);
        if (slot == null || write && slot.isReadOnly()) {
            return false;
        }
        boolean logged = slot.log() != null;
        if (logged && write) {
            slot.log().mark(gpa - slot.start() >>> 12);
        }
        long rights = READ | EXECUTE | (slot.isReadOnly() || logged && !write && !logging ? 0 : WRITE);
        long flags = !logging ? 0 : logged && !write ? ACCESSED : ACCESSED | DIRTY;
        long first = gpa & -LARGE;
        boolean large = !logged
                && !slots.hasSource()
                && first >= slot.start()
                && first + LARGE <= slot.start() + slot.size()
                && (slot.hostPhysical(first) & LARGE - 1) == 0;
        long frame = large ? slot.hostPhysical(first) : slot.hostPhysical(gpa & -MemorySlots.PAGE);
        enter(gpa, large ? 2 : 1, frame | rights | flags | WRITE_BACK | IGNORE_PAT | (large ? LEAF : 0));
        return true;
    }

    private static int index(long gpa, int level) {
        return (int) (gpa >>> 3 + 9 * level) & 0x1FF;
    }

    private void enter(long gpa, int leaf, long entry) {
        long t = root;
        for (int level = LEVELS; level > leaf; level--) {
            long at = t + 8L * index(gpa, level);
            long e = memory.read(at, 8);
            if ((e & READ) == 0 || (e & LEAF) != 0) {
                e = table() | READ | WRITE | EXECUTE;
                memory.write(at, 8, e);
            }
            t = e & FRAME;
        }
        memory.write(t + 8L * index(gpa, leaf), 8, entry);
    }

    /** The dirty log of a slot has been taken: its pages must be missed again when they are stored to. */
    void protect(MemorySlots.Slot slot) {
        for (long gpa = slot.start(); gpa < slot.start() + slot.size(); ) {
            long t = root;
            int level = LEVELS;
            long at = 0;
            long e = 0;
            for (; level >= 1; level--) {
                at = t + 8L * index(gpa, level);
                e = memory.read(at, 8);
                if ((e & READ) == 0 || (e & LEAF) != 0 || level == 1) {
                    break;
                }
                t = e & FRAME;
            }
            if ((e & WRITE) != 0) {
                memory.write(at, 8, (e & LEAF) != 0 && level > 1 ? 0 : e & ~(logging ? DIRTY : WRITE));
            }
            long span = 1L << 3 + 9 * level;
            gpa = (gpa & -span) + span;
        }
        generation++;
    }
}
