package dev.javisor.processor.core;

import dev.javisor.processor.memory.HostMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The translation cache for data accesses and, where an entry says so, instruction fetch: native memory, one direct-mapped set of entries
 * for each MMU context. An entry is 32 bytes: read tag, write tag, addend (host address = linear address + addend), and the guest-physical
 * page with the mapping's attributes in its low bits. A tag is the linear page address; with {@link #SLOW} set it never matches on the fast
 * path although the translation is valid (devices, code, watched or logged pages).
 *
 * <p>The sets exist once for each of a few address spaces, so that switching between them keeps translations. One space is current. An
 * address space is a PCID of an owner: the host, or a guest by its VPID; and where the guest's addresses go through second-level tables,
 * those tables.
 */
public final class Tlb {
    /** Entries in each set; a power of two. */
    public static final int SIZE = 2048;

    public static final int ENTRY = 32, WRITE_TAG = 8, ADDEND = 16, PHYSICAL = 24;

    /** MMU contexts: user; supervisor with SMAP enforced; supervisor that may touch user pages; one that never holds an entry. */
    public static final int USER = 0, SUPERVISOR = 1, SUPERVISOR_OPEN = 2, NONE = 3;

    public static final int CONTEXTS = 4;

    /** Tag bit: valid translation, but not for the fast path. */
    public static final long SLOW = 1;
    /** Tag that matches nothing. */
    public static final long EMPTY = 2;

    /** In the read tag of an entry that was emptied alone: it is still in its list. */
    private static final long LISTED = 4;

    /** Mask of (linear >>> 7) that gives an entry's byte offset. */
    public static final long INDEX_MASK = (long) (SIZE - 1) << 5;

    /** Attributes: global page; user-mode address; may be fetched from in this context. */
    public static final int GLOBAL = 1, USER_PAGE = 2, EXECUTABLE = 4;
    /** Attributes: the mapping's page size as log2(size) - 12, in five bits; the protection key, in four. */
    public static final int SIZE_SHIFT = 3, KEY_SHIFT = 8;

    private static final int PCID_BITS = 12;

    private static final int PAGE_SIZE_MASK = 31 << SIZE_SHIFT;
    private static final int SPACES = 6;
    /** From set to set: a little more than the entries need, so that one address does not meet itself in the host's cache sets. */
    private static final long SET_BYTES = (long) (SIZE + 10) * ENTRY;

    private static final long SPACE_BYTES = CONTEXTS * SET_BYTES;
    private static final int ENTRIES = (int) (NONE * SET_BYTES / ENTRY);

    /** The sets of one address space, and which of their entries were filled: numbers of entries, as long as they fit. */
    private static final class Space {
        final long base;
        final int[] local = new int[SIZE], global = new int[SIZE];
        int locals, globals;
        /** PCID and, from bit 12 on, owner. */
        long id;
        /** Second-level tables behind the translations, or 0. */
        long tables;
        /** What the rights of the translations rest on, at the end of their owner's last turn. */
        long conditions, apicPage;

        long lastUse;

        Space(long base) {
            this.base = base;
        }

        void list(long entry, boolean isGlobal) {
            int n = isGlobal ? globals++ : locals++;
            if (n < SIZE) {
                (isGlobal ? global : local)[n] = (int) ((entry - base) / ENTRY);
            }
        }

        boolean isUnused() {
            return (locals | globals) == 0;
        }

        boolean isListed() {
            return locals <= SIZE && globals <= SIZE;
        }

        /** Entries that may be filled: either those listed, or all. */
        int candidates() {
            return isListed() ? locals + globals : ENTRIES;
        }

        long candidate(int i) {
            return base + (long) (!isListed() ? i : i < locals ? local[i] : global[i - locals]) * ENTRY;
        }
    }

    /** A set of numbers that may contain more than was added. */
    private static final class Sieve {
        final long[] bits = new long[64];
        boolean used;

        void add(long n) {
            used = true;
            int h = hash(n);
            bits[h >> 6] |= 1L << h;
        }

        boolean mayContain(long n) {
            int h = hash(n);
            return used && (bits[h >> 6] >>> h & 1) != 0;
        }

        void clear() {
            if (used) {
                Arrays.fill(bits, 0);
                used = false;
            }
        }

        private static int hash(long n) {
            return (int) (n * 0x9E3779B97F4A7C15L >>> 52);
        }
    }

    /** Pages of any size: may a linear address be in one of them? */
    private static final class Footprint {
        final Sieve small = new Sieve(), large = new Sieve(), huge = new Sieve();

        void add(long linear, int attributes) {
            switch ((attributes & PAGE_SIZE_MASK) >>> SIZE_SHIFT) {
                case 0 -> small.add(linear >>> 12);
                case 9 -> large.add(linear >>> 21);
                default -> huge.add(linear >>> 30);
            }
        }

        boolean mayContain(long linear) {
            return small.mayContain(linear >>> 12) || large.mayContain(linear >>> 21) || huge.mayContain(linear >>> 30);
        }

        void clear() {
            small.clear();
            large.clear();
            huge.clear();
        }
    }

    private final MemorySegment memory;
    private final Space[] spaces = new Space[SPACES];
    private Space current;
    private long uses;
    private long owner, tables;
    /** Large pages that are cached, and pages that code was fetched from. */
    private final Footprint largePages = new Footprint(), fetchedPages = new Footprint();
    /** Entries were filled whose write permission may rest on CR0.WP being 0. They must go when it is set. */
    public boolean filledUnprotected;
    /** How often everything was forgotten, so that what others remember goes too. */
    public long flushes;
    /** Changes whenever translations that instruction fetch has used may have become invalid. */
    public long generation;

    public Tlb() {
        memory = Arena.ofAuto().allocate(SPACES * SPACE_BYTES, 64);
        for (int i = 0; i < SPACES; i++) {
            spaces[i] = new Space(memory.address() + i * SPACE_BYTES);
            spaces[i].id = -1L - i;
        }
        for (long e = memory.address(); e < memory.address() + memory.byteSize(); e += ENTRY) {
            empty(e);
        }
        current = spaces[0];
        current.id = 0;
    }

    /** Host address of the first entry of a context's set in the current address space. */
    public long base(int context) {
        return current.base + context * SET_BYTES;
    }

    /** Host address of the entry for a linear address. */
    public static long entry(long contextBase, long linear) {
        return contextBase + (linear >>> 7 & INDEX_MASK);
    }

    /** Whether an entry holds a translation of the linear address that allows reading, or writing. */
    public static boolean holds(long entry, long linear, boolean write) {
        long tag = HostMemory.getLong(write ? entry + WRITE_TAG : entry);
        return ((tag ^ linear) & ~0xFFFL) == 0 && (tag & EMPTY) == 0;
    }

    /** Guest-physical page and attributes of a filled entry. */
    public static long physical(long entry) {
        return HostMemory.getLong(entry + PHYSICAL);
    }

    /**
     * Enters a translation into the current address space. Tags are given complete (page address, {@link #SLOW} or {@link #EMPTY}).
     *
     * @param host host address of the page, or 0
     * @param attributes {@link #GLOBAL}, ...
     */
    public void fill(int context, long linear, long readTag, long writeTag, long host, long gpa, int attributes) {
        Space s = current;
        long e = entry(s.base + context * SET_BYTES, linear);
        if (!isListed(e) || ((physical(e) ^ attributes) & GLOBAL) != 0) {
            s.list(e, (attributes & GLOBAL) != 0);
        }
        HostMemory.putLong(e, readTag);
        HostMemory.putLong(e + WRITE_TAG, writeTag);
        HostMemory.putLong(e + ADDEND, host - (linear & ~0xFFFL));
        HostMemory.putLong(e + PHYSICAL, gpa & ~0xFFFL | attributes);
        if ((attributes & PAGE_SIZE_MASK) != 0) {
            largePages.add(linear, attributes);
        }
    }

    /** Instructions are fetched through a translation: its end must change {@link #generation}. */
    public void fetched(long linear, int attributes) {
        fetchedPages.add(linear, attributes);
    }

    private long id(long pcid) {
        return owner << PCID_BITS | pcid;
    }

    /** Makes an address space of the current owner current; its translations are those it had, unless its place was needed meanwhile. */
    public void select(long pcid) {
        long id = id(pcid);
        if (current.id == id && current.tables == tables) {
            return;
        }
        current.lastUse = ++uses;
        Space found = spaces[0];
        for (Space s : spaces) {
            if (s.id == id && s.tables == tables) {
                found = s;
                break;
            }
            if (s.lastUse < found.lastUse) {
                found = s;
            }
        }
        current = found;
        if (found.id != id || found.tables != tables) {
            emptySpace(found);
            found.id = id;
            found.tables = tables;
        }
        changeGeneration();
    }

    /**
     * The turn of the current owner ends; its translations stay for the next one.
     *
     * @param conditions what their rights rest on, and may change before the owner's next turn
     * @param apicPage page that is kept off the fast path
     */
    public void suspend(long conditions, long apicPage) {
        for (Space s : spaces) {
            if (s.id >>> PCID_BITS == owner && s.tables == tables) {
                s.conditions = conditions;
                s.apicPage = apicPage;
            }
        }
    }

    /**
     * An owner's turn begins, with one of its address spaces. Translations that rest on other conditions are forgotten.
     *
     * @param owner VPID, or 0 for the host
     * @param tables second-level tables, or 0
     */
    public void resume(long owner, long tables, long pcid, long conditions, long apicPage) {
        this.owner = owner;
        this.tables = tables;
        for (Space s : spaces) {
            boolean same = s.conditions == conditions && s.apicPage == apicPage;
            if (!same && s.id >>> PCID_BITS == owner && s.tables == tables) {
                emptySpace(s);
            }
        }
        select(pcid);
    }

    /** Forgets everything. */
    public void flush() {
        for (Space s : spaces) {
            emptySpace(s);
        }
        filledUnprotected = false;
        largePages.clear();
        flushes++;
        changeGeneration();
    }

    /** Forgets what is not global, of the current address space. */
    public void flushNonGlobal() {
        forgetLocal(current.id);
    }

    /** Forgets what is not global, of one address space of the current owner. */
    public void flushNonGlobal(long pcid) {
        forgetLocal(id(pcid));
    }

    /** Whatever the second-level tables. */
    private void forgetLocal(long id) {
        for (Space s : spaces) {
            if (s.id == id) {
                flushSpace(s);
            }
        }
        changeGeneration();
    }

    /** Forgets what is not global, of every address space. */
    public void flushAllNonGlobal() {
        for (Space s : spaces) {
            flushSpace(s);
        }
        changeGeneration();
    }

    private static void emptySpace(Space s) {
        int n = s.candidates();
        for (int i = 0; i < n; i++) {
            empty(s.candidate(i));
        }
        s.locals = 0;
        s.globals = 0;
    }

    private static void flushSpace(Space s) {
        boolean listed = s.locals <= SIZE;
        int n = listed ? s.locals : ENTRIES;
        for (int i = 0; i < n; i++) {
            long e = s.base + (long) (listed ? s.local[i] : i) * ENTRY;
            if ((physical(e) & GLOBAL) == 0) {
                empty(e);
            }
        }
        s.locals = 0;
    }

    /** Forgets the entries of one linear page, or of the large page around it, in every address space. */
    public void flushPage(long linear) {
        for (Space s : spaces) {
            for (int context = 0; context < NONE && !s.isUnused(); context++) {
                long e = entry(s.base + context * SET_BYTES, linear);
                if (holds(e, linear, false) || holds(e, linear, true)) {
                    emptyListed(e);
                }
            }
        }
        if (largePages.mayContain(linear)) {
            flushLargePage(linear);
        }
        if (fetchedPages.mayContain(linear)) {
            changeGeneration();
        }
    }

    private void flushLargePage(long linear) {
        for (Space s : spaces) {
            int n = s.candidates();
            for (int i = 0; i < n; i++) {
                long e = s.candidate(i);
                long pageMask = -0x1000L << ((physical(e) & PAGE_SIZE_MASK) >>> SIZE_SHIFT);
                long read = HostMemory.getLong(e);
                long page = (read & EMPTY) == 0 ? read : HostMemory.getLong(e + WRITE_TAG);
                if (((page ^ linear) & pageMask) == 0) {
                    emptyListed(e);
                }
            }
        }
    }

    /**
     * Forgets the entries whose protection key is in a set.
     *
     * @param keys one bit for each key
     * @param userPages keys of user-mode addresses (else of supervisor-mode addresses)
     */
    public void flushKeys(int keys, boolean userPages) {
        for (Space s : spaces) {
            int n = s.candidates();
            for (int i = 0; i < n; i++) {
                long e = s.candidate(i);
                long p = physical(e);
                if ((p & USER_PAGE) != 0 == userPages && (keys >>> (p >>> KEY_SHIFT & 15) & 1) != 0) {
                    emptyListed(e);
                }
            }
        }
    }

    /** Takes the fast write permission from every entry of a guest-physical page (it now holds code, or is logged). */
    public void slowWrites(long gpa) {
        for (Space s : spaces) {
            int n = s.candidates();
            for (int i = 0; i < n; i++) {
                long e = s.candidate(i);
                if (((physical(e) ^ gpa) & ~0xFFFL) == 0) {
                    long tag = HostMemory.getLong(e + WRITE_TAG);
                    if ((tag & EMPTY) == 0) {
                        HostMemory.putLong(e + WRITE_TAG, tag | SLOW);
                    }
                }
            }
        }
    }

    /** Takes the fast write permission from every entry (dirty logging begins). */
    public void slowAllWrites() {
        for (Space s : spaces) {
            int n = s.candidates();
            for (int i = 0; i < n; i++) {
                long e = s.candidate(i);
                long tag = HostMemory.getLong(e + WRITE_TAG);
                if ((tag & EMPTY) == 0) {
                    HostMemory.putLong(e + WRITE_TAG, tag | SLOW);
                }
            }
        }
    }

    private void changeGeneration() {
        generation++;
        fetchedPages.clear();
    }

    private static boolean isListed(long e) {
        long read = HostMemory.getLong(e);
        return (read & HostMemory.getLong(e + WRITE_TAG) & EMPTY) == 0 || (read & LISTED) != 0;
    }

    private static void emptyListed(long e) {
        HostMemory.putLong(e, EMPTY | LISTED);
        HostMemory.putLong(e + WRITE_TAG, EMPTY);
    }

    private static void empty(long e) {
        HostMemory.putLong(e, EMPTY);
        HostMemory.putLong(e + WRITE_TAG, EMPTY);
    }
}
