package dev.javisor.processor.core;

/** Turns linear addresses into host addresses on a TLB miss. Implemented by the paging package; it fills the {@link Tlb}. */
public interface Translation {
    /** Access kinds. A read-modify-write is a {@link #WRITE}. */
    int READ = 0, WRITE = 1, FETCH = 2;

    /**
     * Translates a canonical linear address with the rights of MMU context {@code context} ({@link Tlb#USER}, ...), sets accessed and dirty
     * bits, and fills the TLB entry for data accesses.
     *
     * @return guest-physical address of the byte
     * @throws GuestFault #PF, or what nested paging makes of it
     */
    long translate(Cpu c, int context, long linear, int access);

    /** Is the address canonical for the current paging mode, or made so by LAM for a data access: the address to use, or throws #GP(0)/#SS(0). */
    long untag(Cpu c, long linear, int segment, int access);

    /**
     * Loads the page-directory-pointer-table entries of PAE paging from where {@code cr3} points to.
     *
     * @return false, and nothing is changed, when one has a reserved bit set
     */
    boolean loadPointers(Cpu c, long cr3);
}
