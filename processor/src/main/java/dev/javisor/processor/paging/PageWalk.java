package dev.javisor.processor.paging;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.SecondLevel;
import dev.javisor.processor.memory.PhysicalMemory;

/**
 * From a linear address to a guest-physical page through the paging structures of the current mode: 32-bit, PAE, 4-level or 5-level paging.
 * Holds the result of the last walk.
 */
final class PageWalk {
    private static final long P = 1, PS = 0x80, A = 0x20, D = 0x40, G = 0x100, XD = 1L << 63;
    /** Address field of an 8-byte entry, before MAXPHYADDR is considered. */
    private static final long FRAME = 0x000FFFFFFFFFF000L;
    /** Bits below the address of a 1-GiB and a 2-MiB page that must be zero (bit 12 is PAT). */
    private static final long RESERVED_1G = 0x3FFFE000L, RESERVED_2M = 0x1FE000L;
    /** Bits of a present page-directory-pointer-table entry of PAE paging that must be zero. */
    private static final long RESERVED_PDPTE = 0x1E6;

    private final PhysicalMemory memory;
    /** Bits 51:MAXPHYADDR, and 62:MAXPHYADDR for PAE paging. */
    private final long beyondWidth, beyondWidthPae;
    /** Bits 63:MAXPHYADDR. */
    private final long beyondWidthPdpte;
    /** What must be zero in a PML4E or PML5E. */
    private final long reservedTop;

    private final boolean pages1g;
    private final boolean pse36;
    /** Width of the address in a 4-MiB page's entry. */
    private final int pse36Bits;

    // The entries that the last walk used, by level; entryBytes is 4 or 8.
    private final long[] address = new long[6];
    private final long[] entry = new long[6];
    private int top, last;
    private int entryBytes;

    // The result.
    /** Guest-physical 4-KiB page. */
    long page;
    /** log2 of the page size. */
    int shift;

    boolean global;
    /** Every entry used has its accessed bit set. */
    private boolean accessed;
    /** See {@link AccessRights}. */
    int rights;

    PageWalk(CpuModel model, PhysicalMemory memory) {
        this.memory = memory;
        long width = (1L << model.physicalBits()) - 1;
        beyondWidth = ~width & FRAME;
        beyondWidthPae = ~width & ~XD;
        beyondWidthPdpte = ~width;
        reservedTop = model.vendor() == Vendor.AMD ? PS | G : PS;
        pages1g = model.features().has(Feature.PDPE1GB);
        pse36 = model.features().has(Feature.PSE36);
        pse36Bits = Math.min(40, Math.max(32, model.physicalBits()));
    }

    /**
     * Walks without setting accessed and dirty bits and without looking at rights.
     *
     * @return false when an entry is not present or has a reserved bit set, for which {@link Cpu#pageFault} is the fault
     */
    boolean walk(Cpu c, int context, long linear, int access) {
        long noExecute = (c.efer & Cr.NXE) != 0 ? 0 : XD;
        if ((c.efer & Cr.LMA) != 0) {
            top = (c.cr4 & Cr.LA57) != 0 ? 5 : 4;
            return walkEntries(c, context, linear, access, c.cr3 & FRAME, beyondWidth | noExecute);
        } else if ((c.cr4 & Cr.PAE) != 0) {
            top = 2;
            long pdpte = c.pdpte[(int) (linear >>> 30) & 3];
            return (pdpte & P) == 0 ? fault(c, context, linear, access, 0)
                    : walkEntries(c, context, linear, access, pdpte & FRAME, beyondWidthPae | noExecute);
        } else {
            return walk32(c, context, linear, access);
        }
    }

    private boolean walkEntries(Cpu c, int context, long linear, int access, long table, long reserved) {
        entryBytes = 8;
        long all = -1L;
        long any = 0;
        for (int level = top; ; level--) {
            long a = table + (linear >>> 9 * level & 0xFF8);
            long e = memory.read(physical(c, a, linear, false), 8);
            address[level] = a;
            entry[level] = e;
            if ((e & P) == 0) {
                return fault(c, context, linear, access, 0);
            }
            boolean leaf = level == 1 || level <= 3 && (e & PS) != 0;
            if ((e & (reserved | reserved(level, leaf))) != 0) {
                return fault(c, context, linear, access, AccessRights.P | AccessRights.RSVD);
            }
            if (leaf) {
                last = level;
                finish(linear, 3 + 9 * level, e & FRAME, all, any | e);
                rights |= (int) (e >>> 59 & 15) << AccessRights.KEY_SHIFT;
                return true;
            }
            all &= e;
            any |= e;
            table = e & FRAME;
        }
    }

    /** Where an entry really is. */
    private static long physical(Cpu c, long gpa, long linear, boolean write) {
        SecondLevel second = c.secondLevel;
        return second == null ? gpa : second.structure(c, gpa, linear, write);
    }

    private long reserved(int level, boolean leaf) {
        return switch (level) {
            case 1 -> 0;
            case 2 -> leaf ? RESERVED_2M : 0;
            case 3 -> !leaf ? 0 : pages1g ? RESERVED_1G : PS;
            default -> reservedTop;
        };
    }

    private boolean walk32(Cpu c, int context, long linear, int access) {
        entryBytes = 4;
        top = 2;
        long pde = read32(c, linear, 2, (c.cr3 & 0xFFFFF000L) + (linear >>> 20 & 0xFFC));
        if ((pde & P) == 0) {
            return fault(c, context, linear, access, 0);
        }
        if ((pde & PS) != 0 && (c.cr4 & Cr.PSE) != 0) {
            last = 2;
            int high = pse36 ? pse36Bits - 32 : 0;
            // Bits 20:13 hold address bits 39:32, as far as the width goes; bit 21 and the rest are reserved.
            if ((pde & 0x3FE000 & -1L << 13 + high) != 0) {
                return fault(c, context, linear, access, AccessRights.P | AccessRights.RSVD);
            }
            finish(linear, 22, pde & 0xFFC00000L | (pde >>> 13 & (1L << high) - 1) << 32, -1L, 0);
            return true;
        }
        last = 1;
        long pte = read32(c, linear, 1, (pde & 0xFFFFF000L) + (linear >>> 10 & 0xFFC));
        if ((pte & P) == 0) {
            return fault(c, context, linear, access, 0);
        }
        finish(linear, 12, pte & 0xFFFFF000L, pde, 0);
        return true;
    }

    private long read32(Cpu c, long linear, int level, long a) {
        long e = memory.read(physical(c, a, linear, false), 4);
        address[level] = a;
        entry[level] = e;
        return e;
    }

    /** @param upper AND of the entries above the last one. @param any OR of all entries, for XD */
    private void finish(long linear, int shift, long frame, long upper, long any) {
        long e = entry[last];
        long offset = (1L << shift) - 1;
        this.shift = shift;
        page = frame & ~offset | linear & offset & ~0xFFFL;
        global = (e & G) != 0;
        long both = upper & e;
        accessed = (both & A) != 0;
        rights = (int) (both & (AccessRights.WRITABLE | AccessRights.USER) | e & D);
        if (any < 0) {
            rights |= AccessRights.EXECUTE_DISABLE;
        }
        if ((e & (D | AccessRights.WRITABLE)) == D && (upper & AccessRights.WRITABLE) != 0) {
            rights |= AccessRights.SHADOW_STACK_PAGE;
        }
    }

    /** Sets the accessed bits of the entries used, and for a write the dirty bit of the last one, from the top down. */
    void mark(Cpu c, long linear, boolean write) {
        if (!accessed || write && (entry[last] & D) == 0) {
            markEntries(c, linear, write);
        }
        if (write) {
            rights |= AccessRights.DIRTY;
        }
    }

    private void markEntries(Cpu c, long linear, boolean write) {
        for (int level = top; level >= last; level--) {
            long set = level == last && write ? A | D : A;
            if ((entry[level] & set) != set) {
                long a = address[level];
                entry[level] |= set;
                memory.write(physical(c, a, linear, true), entryBytes, entry[level]);
            }
        }
    }

    /**
     * Loads the page-directory-pointer-table entries of PAE paging.
     *
     * @return false, and nothing changed, when one has a reserved bit set
     */
    boolean loadPointers(Cpu c, long cr3) {
        for (int i = 0; i < 4; i++) {
            long a = (cr3 & 0xFFFFFFE0L) + 8 * i;
            long e = memory.read(c.secondLevel == null ? a : c.secondLevel.pointer(c, a), 8);
            if ((e & P) != 0 && (e & (RESERVED_PDPTE | beyondWidthPdpte)) != 0) {
                return false;
            }
            entry[i] = e;
        }
        System.arraycopy(entry, 0, c.pdpte, 0, 4);
        return true;
    }

    /** @return false */
    private static boolean fault(Cpu c, int context, long linear, int access, int cause) {
        c.faultAddress = linear;
        c.faultCode = AccessRights.errorCode(c, context, access) | cause;
        return false;
    }
}
