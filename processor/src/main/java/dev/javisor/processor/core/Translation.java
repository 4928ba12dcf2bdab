package dev.javisor.processor.core;

/** Turns linear addresses into host addresses on a TLB miss. Implemented by the paging package; it fills the {@link Tlb}. */
public interface Translation {
    /** Access kinds. A read-modify-write is a {@link #WRITE}. */
    int READ = 0, WRITE = 1, FETCH = 2;
    /** Added to {@link #READ} or {@link #WRITE}: the access is to a shadow stack. */
    int SHADOW_STACK = 4;
    /** In place of a guest-physical address: there is none. */
    long FAULTED = -1;

    /**
     * Translates a canonical linear address with the rights of MMU context {@code context} ({@link Tlb#USER}, ...), sets accessed and dirty
     * bits, and fills the TLB entry. A fetched translation stays valid until {@link Tlb#generation} changes.
     *
     * @return guest-physical address of the byte, or {@link #FAULTED}: then {@link Cpu#pageFault} is to be thrown. Faults are frequent, and
     *     an exception costs time for each method that it leaves.
     * @throws GuestFault what nested paging makes of it
     */
    long find(Cpu c, int context, long linear, int access);

    /**
     * As {@link #find}.
     *
     * @throws GuestFault #PF, or what nested paging makes of it
     */
    default long translate(Cpu c, int context, long linear, int access) {
        long gpa = find(c, context, linear, access);
        if (gpa == FAULTED) {
            throw c.pageFault();
        }
        return gpa;
    }

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
