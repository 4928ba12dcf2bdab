package dev.javisor.processor.core;

/** Turns linear addresses into host addresses on a TLB miss. Implemented by the paging package; it fills the {@link Tlb}. */
public interface Translation {
    /** Access kinds. A read-modify-write is a {@link #WRITE}. */
    int READ = 0, WRITE = 1, FETCH = 2;
    /** Added to {@link #READ} or {@link #WRITE}: the access is to a shadow stack. */
    int SHADOW_STACK = 4;

    /**
     * Translates a canonical linear address with the rights of MMU context {@code context} ({@link Tlb#USER}, ...), sets accessed and dirty
     * bits, and fills the TLB entry. A fetched translation stays valid until {@link Tlb#generation} changes.
     *
     * @return guest-physical address of the byte
     * @throws GuestFault #PF, or what nested paging makes of it
     */
    long translate(Cpu c, int context, long linear, int access);

    /**
     * The linear address as it is used: metadata masked by LAM, checked to be canonical for the paging mode, and allowed by LASS.
     *
     * @param context rights of the access: {@link Tlb#USER}, ...
     * @param segment tells #SS(0) from #GP(0)
     * @throws GuestFault #GP(0) or #SS(0)
     */
    long untag(Cpu c, int context, long linear, int segment, int access);

    /**
     * Loads the page-directory-pointer-table entries of PAE paging from where {@code cr3} points to.
     *
     * @return false, and nothing is changed, when one has a reserved bit set
     */
    boolean loadPointers(Cpu c, long cr3);

    /** A valid translation that the fast path may not write through is used by a store: may it be fast from now on? */
    void settle(Cpu c, long linear, long entry);
}
