package dev.javisor.processor.paging;

import dev.javisor.isa.CpuModel;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.InterruptController;
import dev.javisor.processor.core.Tlb;
import dev.javisor.processor.core.SecondLevel;
import dev.javisor.processor.core.Translation;
import dev.javisor.processor.memory.HostMemory;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;

/**
 * The memory management unit of one logical processor: page walks in every paging mode, rights, accessed and dirty bits, and what goes into
 * the {@link Tlb}. Translations that end in ordinary RAM may be used on the fast path; devices, ROM stores, code, logged and watched pages
 * may not.
 */
public final class Paging implements Translation {
    private final PhysicalMemory memory;
    private final PageWalk walk;

    public Paging(CpuModel model, PhysicalMemory memory) {
        this.memory = memory;
        this.walk = new PageWalk(model, memory);
    }

    /** What a linear address is mapped to, and with which rights. */
    public record Mapping(long physical, boolean writable, boolean user) {}

    /**
     * Looks up a linear address without any effect on the processor or on the paging structures.
     *
     * @param memory guest-physical memory
     * @return null when there is no translation
     */
    public static Mapping find(Cpu c, PhysicalMemory memory, long linear) {
        if ((c.cr0 & Cr.PG) == 0) {
            return new Mapping(linear & 0xFFFFFFFFL, true, true);
        }
        if (!c.canonical(linear) && (c.efer & Cr.LMA) != 0) {
            return null;
        }
        PageWalk walk = new PageWalk(c.model, memory);
        if (!walk.walk(c, Tlb.SUPERVISOR_OPEN, linear, READ)) {
            return null;
        }
        boolean writable = (walk.rights & AccessRights.WRITABLE) != 0;
        return new Mapping(walk.page | linear & 0xFFF, writable, (walk.rights & AccessRights.USER) != 0);
    }

    @Override
    public boolean loadPointers(Cpu c, long cr3) {
        return walk.loadPointers(c, cr3);
    }

    @Override
    public long find(Cpu c, int context, long linear, int access) {
        // Alignment checks keep user accesses off the fast path, not out of the user's translations.
        if (context == Tlb.NONE) {
            context = Tlb.USER;
        }
        if ((access & SHADOW_STACK) == 0) {
            long e = Tlb.entry(c.tlb.base(context), linear);
            long physical = Tlb.physical(e);
            if (Tlb.holds(e, linear, access == WRITE) && (access != FETCH || (physical & Tlb.EXECUTABLE) != 0)) {
                if (access == FETCH) {
                    c.tlb.fetched(linear, (int) physical & 0xFFF);
                } else if (access == WRITE) {
                    settle(c, linear, e);
                }
                return physical & ~0xFFFL | linear & 0xFFF;
            }
        }
        if ((c.cr0 & Cr.PG) == 0) {
            return translateUnpaged(c, context, linear, access);
        }
        if (!walk.walk(c, context, linear, access)) {
            return FAULTED;
        }
        int denial = AccessRights.denial(c, context, access, walk.rights);
        if (denial != 0) {
            c.faultAddress = linear;
            c.faultCode = denial;
            return FAULTED;
        }
        walk.mark(c, linear, (access & WRITE) != 0);
        int rights = walk.rights;
        boolean read = access != FETCH || AccessRights.denial(c, context, READ, rights) == 0;
        boolean write = (rights & AccessRights.DIRTY) != 0 && AccessRights.denial(c, context, WRITE, rights) == 0;
        boolean execute = AccessRights.denial(c, context, FETCH, rights) == 0;
        if (write && context != Tlb.USER && (c.cr0 & Cr.WP) == 0) {
            c.tlb.filledUnprotected = true;
        }
        long page = walk.page;
        SecondLevel second = c.secondLevel;
        if (second != null) {
            long p = second.page(c, page | linear & 0xFFF, linear, access, rights);
            page = p & ~0xFFFL;
            read &= (p & SecondLevel.READABLE) != 0;
            write &= (p & SecondLevel.WRITABLE) != 0;
            execute &= (p & SecondLevel.EXECUTABLE) != 0;
        }
        int attributes = walk.shift - 12 << Tlb.SIZE_SHIFT
                | (rights >>> AccessRights.KEY_SHIFT & 15) << Tlb.KEY_SHIFT
                | ((rights & AccessRights.USER) != 0 ? Tlb.USER_PAGE : 0)
                | (walk.global && (c.cr4 & Cr.PGE) != 0 ? Tlb.GLOBAL : 0)
                | (execute ? Tlb.EXECUTABLE : 0);
        return enter(c, context, linear, access, page, read, write, attributes);
    }

    private long translateUnpaged(Cpu c, int context, long linear, int access) {
        linear &= 0xFFFFFFFFL;
        SecondLevel second = c.secondLevel;
        if (second == null) {
            return enter(c, context, linear, access, linear & ~0xFFFL, true, true, Tlb.EXECUTABLE);
        }
        long p = second.page(c, linear, linear, access, AccessRights.WRITABLE | AccessRights.USER | AccessRights.DIRTY);
        return enter(
                c, context, linear, access, p & ~0xFFFL, (p & SecondLevel.READABLE) != 0, (p & SecondLevel.WRITABLE) != 0,
                (p & SecondLevel.EXECUTABLE) != 0 ? Tlb.EXECUTABLE : 0);
    }

    /** Enters what is known about a linear page into the TLB. */
    private long enter(Cpu c, int context, long linear, int access, long page, boolean read, boolean write, int attributes) {
        page &= memory.a20Mask();
        if (access == FETCH) {
            if (page == c.apicAccessPage) {
                c.guest.fetchApic(c, (int) linear & 0xFFF);
            }
            c.tlb.fetched(linear, attributes);
        }
        if (read && (access & SHADOW_STACK) == 0) {
            Region r = apicPage(c, page) ? null : memory.regionOfPage(page);
            boolean ram = r != null && r.device == null;
            long tag = linear & ~0xFFFL;
            long slow = !ram || watched(c, tag) ? Tlb.SLOW : 0;
            long writeTag = !write ? Tlb.EMPTY : tag | slow | (ram && !plain(r, page) ? Tlb.SLOW : 0);
            c.tlb.fill(context, linear, tag | slow, writeTag, ram ? r.host + (page - r.start) : 0, page, attributes);
        }
        return page | linear & 0xFFF;
    }

    /** Stores to the page need no more than the store: it is RAM that holds no code and is not waiting to be logged. */
    private static boolean plain(Region r, long page) {
        return !r.readOnly && r.stores == null && r.flags[r.flag(page)] == 0;
    }

    private static boolean apicPage(Cpu c, long page) {
        if (page == c.apicAccessPage) {
            return true;
        }
        InterruptController apic = c.apic;
        return apic != null && apic.mmioEnabled() && page == apic.base();
    }

    /** An enabled data breakpoint lies in the linear page. */
    private static boolean watched(Cpu c, long page) {
        if (c.watchesData) {
            for (int i = 0; i < 4; i++) {
                boolean data = (c.dr7 >>> 16 + 4 * i & 1) != 0;
                if (data && (c.dr7 >>> 2 * i & 3) != 0 && (c.dr[i] & ~0xFFFL) == page) {
                    return true;
                }
            }
        }
        return false;
    }

    @Override
    public void settle(Cpu c, long linear, long entry) {
        long tag = HostMemory.getLong(entry + Tlb.WRITE_TAG);
        if ((tag & Tlb.SLOW) != 0) {
            long page = Tlb.physical(entry) & ~0xFFFL;
            Region r = apicPage(c, page) ? null : memory.regionOfPage(page);
            if (r != null && r.device == null && plain(r, page) && !watched(c, linear & ~0xFFFL)) {
                HostMemory.putLong(entry + Tlb.WRITE_TAG, tag & ~Tlb.SLOW);
            }
        }
    }

    @Override
    public long untag(Cpu c, int context, long linear, int segment, int access) {
        if ((c.efer & Cr.LMA) == 0) {
            return linear & 0xFFFFFFFFL;
        }
        boolean fetch = access == FETCH;
        long la = fetch || !c.codeSize64 ? linear : LinearAddressMasking.mask(c, linear);
        if (!c.canonical(la) || (c.cr4 & Cr.LASS) != 0 && separated(context, la, fetch)) {
            throw c.fault(segment == Cpu.SS ? Event.SS : Event.GP, 0);
        }
        return la;
    }

    /** Linear-address-space separation forbids the access. SMAP decides whether it applies to supervisor data accesses. */
    private static boolean separated(int context, long linear, boolean fetch) {
        if (AccessRights.isUser(context)) {
            return linear < 0;
        }
        return linear >= 0 && (fetch || context == Tlb.SUPERVISOR);
    }
}
