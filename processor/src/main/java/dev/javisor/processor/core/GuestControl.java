package dev.javisor.processor.core;

import dev.javisor.isa.Feature;

/**
 * What controls a guest that runs on this processor (VMX non-root operation, an SVM guest): which of its instructions and events end its
 * turn, and what it sees in place of the real thing. {@link Cpu#guest} is null while no guest runs.
 *
 * <p>Instructions ask after the checks that take priority over an exit (privilege, mode, CPUID) and before everything else. An exit is
 * thrown, so that the engine restores the instruction's start; {@link #leave} then switches to the host.
 */
public interface GuestControl {
    /** Instructions that may end a guest's turn without more to know than the instruction itself. */
    enum Intercept {
        CPUID,
        HLT,
        INVD,
        INVLPG,
        INVPCID,
        LGDT,
        LIDT,
        LLDT,
        LTR,
        MONITOR,
        MWAIT,
        PAUSE,
        RDPMC,
        RDRAND,
        RDSEED,
        RDTSC,
        RDTSCP,
        RSM,
        SGDT,
        SIDT,
        SLDT,
        STR,
        TPAUSE,
        UMWAIT,
        WBINVD,
        XRSTORS,
        XSAVES,
        XSETBV
    }

    // ---- instructions ----

    /** The running instruction, which has completed, has asserted a bus lock. Only while {@link Cpu#detectsBusLocks}. */
    void busLock(Cpu c);

    /** Exceptions during the delivery of exceptions would go on without end. @return the exit that this causes, or null */
    GuestExit endlessDelivery(Cpu c);

    /** Whether the guest may use the instructions of a feature that the processor has; they are #UD otherwise. */
    boolean has(Feature f);

    /** @throws GuestExit when the instruction ends the guest's turn */
    void instruction(Cpu c, Op o, Intercept what);

    /** IN, OUT, INS, OUTS, after permission has been checked. @throws GuestExit when the access ends the guest's turn */
    void portIo(Cpu c, Op o, int port, int size, boolean in);

    /**
     * RDMSR.
     *
     * @return true when EDX:EAX have been loaded with what stands for the register
     * @throws GuestExit when the access ends the guest's turn
     */
    boolean readMsr(Cpu c, Op o, int index);

    /**
     * WRMSR.
     *
     * @return true when the write has been done to what stands for the register
     * @throws GuestExit when the access ends the guest's turn
     */
    boolean writeMsr(Cpu c, Op o, int index, long value);

    /**
     * MOV from CR0, CR2, CR3, CR4 or CR8, and SMSW.
     *
     * @param value of the register
     * @return what the guest reads
     * @throws GuestExit when the access ends the guest's turn
     */
    long readCr(Cpu c, Op o, int cr, long value);

    /**
     * MOV to CR0, CR2, CR3 or CR4.
     *
     * @return the value to write instead
     * @throws GuestExit when the access ends the guest's turn
     */
    long writeCr(Cpu c, Op o, int cr, long value);

    /**
     * MOV to CR8.
     *
     * @return true when the value has gone to what stands for the register
     * @throws GuestExit when the access ends the guest's turn
     */
    boolean writeCr8(Cpu c, Op o, long value);

    /**
     * LMSW.
     *
     * @param value that CR0 would have
     * @return the value to write instead
     * @throws GuestExit when the access ends the guest's turn
     */
    long lmsw(Cpu c, Op o, long source, long value);

    /** CLTS. @return whether to clear CR0.TS. @throws GuestExit when the instruction ends the guest's turn */
    boolean clts(Cpu c, Op o);

    /**
     * MOV to or from a debug register.
     *
     * @param checked whether the processor's own checks (CR4.DE, DR7.GD, privilege) lie behind; asked before and after them
     * @throws GuestExit when the access ends the guest's turn
     */
    void moveDr(Cpu c, Op o, int dr, boolean read, boolean checked);

    /** The time-stamp counter as the guest sees it. */
    long tsc(Cpu c, long tsc);

    /** Ticks of the guest's time-stamp counter in one of the processor's ({@link TscScale}). */
    long tscMultiplier(Cpu c);

    // ---- the page in place of the local APIC's, Cpu.apicAccessPage ----

    /** A load from the page. @throws GuestExit when it ends the guest's turn */
    long loadApic(Cpu c, int offset, int size);

    /** Before a store to the page. @throws GuestExit when it ends the guest's turn */
    void checkApicStore(Cpu c, int offset, int size);

    void storeApic(Cpu c, int offset, int size, long value);

    /** Instruction fetch from the page. @throws GuestExit always */
    void fetchApic(Cpu c, int offset);

    // ---- events ----

    /** Whether an exception of the guest, raised by an instruction, exits. */
    boolean intercepts(Event e);

    /**
     * An exception is about to be delivered. Neither its payload nor anything else of the guest's state has been applied.
     *
     * @param during the event whose delivery raised it, or null
     * @return the exit that it causes instead, or null
     */
    GuestExit exception(Cpu c, Event e, Event during);

    /**
     * Called in place of the processor's own order of events at every instruction boundary of a guest that looks at requests.
     *
     * @return true when something was delivered or changed, or the guest's turn has ended
     */
    boolean boundary(Cpu c);

    /** The host has an interrupt for a guest with interrupts disabled: a wait that interrupts break does not begin. */
    boolean holdsInterrupt(Cpu c);

    /** A request that is pending would end the guest's waiting (HLT, ...). */
    boolean wakes(Cpu c);

    /** A triple fault is about to shut the processor down. Returns true when the guest's turn has ended instead. */
    boolean shutdown(Cpu c);

    /**
     * A task switch is about to happen; its selector has been checked, nothing has changed yet.
     *
     * @param selector of the new TSS
     * @param source 0 CALL, 1 IRET, 2 JMP, 3 task gate in the IDT
     * @param hasErrorCode an error code will be pushed in the new task
     * @throws GuestExit when it ends the guest's turn
     */
    void taskSwitch(Cpu c, int selector, int source, boolean hasErrorCode, int errorCode);

    /** IRET begins to execute and would end blocking by NMI: true when it shall do so. */
    boolean unblocksNmi(Cpu c);

    /** The IRET has completed. */
    void returned(Cpu c);

    /** Ends the guest's turn: the processor is at the start of the instruction or event that caused it, and runs the host afterwards. */
    void leave(Cpu c, GuestExit exit);
}
