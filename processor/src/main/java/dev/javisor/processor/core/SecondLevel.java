package dev.javisor.processor.core;

/**
 * The step from guest-physical to physical addresses while a guest of this processor runs (EPT, nested page tables). Every access of a
 * page walk goes through it, and so does the address that the walk ends with.
 */
public interface SecondLevel {
    /** Bit of {@link #page}'s result: stores need not ask again (write permission, dirty bit already set, nothing logged). */
    long WRITABLE = 1;
    /** Bits of {@link #page}'s result: reads, and instruction fetch, are permitted. */
    long READABLE = 2, EXECUTABLE = 4;

    /**
     * Physical address of a guest paging-structure entry that is read, or written to set accessed and dirty bits.
     *
     * @param gpa guest-physical address of the entry
     * @param linear linear address under translation
     * @throws RuntimeException what ends the access, for instance a VM exit
     */
    long structure(Cpu c, long gpa, long linear, boolean write);

    /**
     * Physical address of a page-directory-pointer entry that is loaded with CR3; there is no linear address.
     *
     * @throws RuntimeException what ends the access, for instance a VM exit
     */
    long pointer(Cpu c, long gpa);

    /**
     * Physical page of a guest-physical address that an access ends at, with the bits above.
     *
     * @param access kind as in {@link dev.javisor.processor.core.Translation}
     * @param rights what guest paging says about the linear address, in the bits of the paging package
     * @throws RuntimeException what ends the access, for instance a VM exit
     */
    long page(Cpu c, long gpa, long linear, int access, int rights);
}
