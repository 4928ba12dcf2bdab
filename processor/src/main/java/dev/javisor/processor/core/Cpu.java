package dev.javisor.processor.core;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Msr;
import dev.javisor.processor.memory.CodeObserver;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.softfloat.SoftFloat;

/**
 * The architectural state of one logical processor, and the few words that its engines share. Plain fields: what the instructions mean
 * lives in the semantics packages.
 */
public final class Cpu extends HotState {
    // Segment register numbers as encoded in instructions; LDTR and TR behind them.
    public static final int ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5, LDTR = 6, TR = 7;

    // Segment access rights, laid out as in a VMCS: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15, unusable 16.
    public static final int S = 0x10, PRESENT = 0x80, AVL = 0x1000, L = 0x2000, DB = 0x4000, G = 0x8000, UNUSABLE = 0x10000;
    /** Not architectural: a code segment that may be written (real-address mode). Never visible outside the processor. */
    public static final int REAL_MODE = 0x20000;

    // Activity states.
    public static final int ACTIVE = 0, HLT = 1, SHUTDOWN = 2, WAIT_FOR_SIPI = 3, MWAIT = 4;

    /** What the processor is. Changes, if at all, before it runs for the first time. */
    public CpuModel model;
    /** Answers CPUID in place of the model; null for nobody. */
    public CpuidTable cpuid;
    /** Position in the machine; also the initial APIC ID. */
    public final int index;
    /** Processors in the machine, all in one package, one to a core: what CPUID says about topology. Set before the processor runs. */
    public int processors = 1;

    /** RFLAGS; the arithmetic flags are stale while ccOp says so. Read and write through {@link Flags}. */
    public long rflags = Flags.FIXED;

    // ---- segments ----

    public final int[] selector = new int[8];
    public final long[] segBase = new long[8];
    /** Limit in bytes, granularity applied, zero-extended. */
    public final long[] segLimit = new long[8];

    public final int[] segAccess = new int[8];
    /** Segment bases as address computation uses them: zero for ES, CS, SS and DS in 64-bit mode. */
    public final long[] eaBase = new long[8];

    public long gdtBase, idtBase;
    public int gdtLimit, idtLimit;
    public int cpl;

    // ---- control and debug registers ----

    public long cr0, cr2, cr3, cr4, efer, xcr0 = 1;
    public final long[] dr = new long[4];
    public long dr6 = 0xFFFF0FF0L, dr7 = 0x400;
    /** PAE page-directory-pointer entries, loaded with CR3. */
    public final long[] pdpte = new long[4];

    public int pkru;

    // ---- model-specific registers that instructions use directly; the others live with the MSR table ----

    public long star, lstar, cstar, sfmask, kernelGsBase, tscAux;
    public long sysenterCs, sysenterEsp, sysenterEip;
    /** Time-stamp counter less machine time; what software has added to it since reset. */
    public long tscOffset, tscAdjust;
    /** Ticks of the time-stamp counter in one of time ({@link TscScale}); no processor changes it by itself. */
    public long tscMultiplier = TscScale.ONE;
    /** Machine time during which this processor did not run, and when it last stopped running; software's changes of MPERF and APERF. */
    public long notRunning, stoppedAt, mperfOffset, aperfOffset;

    public long debugctl, pkrs, xss, miscEnable, apicBaseMsr, smbase = 0x30000;
    /** Remaining MSRs, by {@link dev.javisor.isa.Msr#slot}. */
    public final long[] msr = new long[512];

    // ---- floating point and vectors ----

    public final X87State x87 = new X87State();
    /**
     * Vector registers: eight 64-bit lanes each (room for 512 bits), lane j of register i at 8 * i + j. Behind them, at
     * {@link #VECTOR_OPERAND}, the memory operand of the running instruction, which is no state.
     */
    public final long[] vector = new long[33 * 8];

    public static final int VECTOR_OPERAND = 32 * 8;

    public int mxcsr = 0x1F80;

    // ---- activity and events ----

    public int activity = ACTIVE;
    /** Blocking by STI, and by MOV SS or POP SS, until one more instruction has completed. */
    public boolean blockingBySti, blockingByMovSs;

    public boolean nmiBlocked, inSmm;
    /** MWAIT with ECX bit 0: interrupts end the wait even when IF is clear. */
    public boolean waitBreaksOnInterrupt;
    /** Why the processor is in shutdown, for people; null otherwise. */
    public String shutdownReason;
    /** Causes of a #DB trap to be delivered at the next boundary, positive polarity (B0-3, BS 14, BT 15). */
    public long pendingDebug;
    /** Requests that a boundary looks at; see the constants. Change through {@link #request} and {@link #withdraw}. */
    public int requests;

    // requests
    public static final int NMI_REQUEST = 1;
    public static final int SMI_REQUEST = 2;
    public static final int INIT_REQUEST = 4;
    public static final int SIPI_REQUEST = 8;
    /** The local APIC has a deliverable vector, to be confirmed by asking it. */
    public static final int APIC_REQUEST = 16;
    /** INTR pin: an 8259 behind LINT0 in ExtINT mode. */
    public static final int EXTERNAL_REQUEST = 32;
    public static final int MACHINE_CHECK_REQUEST = 64;
    /** The boundary must look although no event came from outside (shadow, pending debug trap, TF, ...). */
    public static final int BOUNDARY_REQUEST = 128;
    /** What controls the guest must look at the boundary. */
    public static final int GUEST_REQUEST = 256;

    /** INIT is held off (VMX root operation, an SVM host's GIF). */
    public boolean initBlocked;
    /** Bits of CR0 and CR4 that must be one: none, but in VMX operation. */
    public long cr0Required, cr4Required;
    /** Every instruction and every delivery of an event is followed by a trap to the host: asked for, and due. */
    public boolean monitorTrap, monitorTrapPending;
    /** The running step began with {@link #monitorTrap}. */
    public boolean monitorTrapStep;

    /** The event being delivered was injected: it has no payload, and its image of the flags is what they are. */
    public boolean injecting;
    /** The event that is being delivered, so that whatever interrupts its delivery can name it; null between deliveries. */
    public Event delivering;

    // What the running instruction did that matters to the boundary behind it; reset before each single-stepped instruction.

    /** It began blocking by STI or MOV SS. */
    public boolean shadowBegun;
    /** It loaded RF (IRET, task switch), so that its completion does not clear it. */
    public boolean resumeFlagLoaded;
    /** It decided itself whether a single-step trap follows (INT n, SYSCALL, SYSRET, task switch). */
    public boolean singleStepDecided;

    public int sipiVector;
    /** State of the generator behind RDRAND and RDSEED. */
    public long rngState;
    /** Processors take turns on one thread, so that PAUSE ends a turn. Set by whoever schedules them. */
    public boolean pauseYields;
    /** The turn is over. */
    public boolean yielded;
    /** Ticks that the processor is going to wait behind the running instruction, unless an event ends the wait. */
    public int delay;
    /** Ticks that the running instruction takes beside its own, see {@link Latency}; whoever runs the processor lets them pass. */
    public int latency;
    /** Guest-physical address of the line armed by MONITOR, or -1. */
    public long monitorAddress = -1;
    /** The address monitor behind it, and the wait that it may end. */
    public final Monitor monitor;

    // ---- derived from the above by updateMode; never saved ----

    /** 64-bit mode: EFER.LMA and CS.L. */
    public boolean codeSize64;
    /** Default code size: 16, 32 or 64. */
    public int codeBits = 16;
    /** Mask of the stack pointer: 16, 32 or 64 bits. */
    public long stackMask = 0xFFFF;
    /** ES, CS, SS and DS are flat and usable, so that most 32-bit code needs no segment checks; or in 64-bit mode, which has none. */
    public boolean flat;
    /**
     * What decoding depends on: code size, flatness, VEX legality, {@link #BUS_LOCKS}; and {@link #USER_MODE}, on which fetch permission
     * depends. Below 128.
     */
    public int decodeMode;

    public static final int USER_MODE = 1, BUS_LOCKS = 8;
    /** The host of the guest that runs wants to know of bus locks. To be changed before {@link #updateMode}. */
    public boolean detectsBusLocks;
    /** Instruction fetch must check the limit of CS. */
    public boolean checksCodeLimit = true;
    /** Mask of linear addresses: 32 bits outside 64-bit mode. */
    public long linearWrap = 0xFFFFFFFFL;
    /** Current MMU context, its first TLB entry, and the context of implicit supervisor accesses. */
    public int context = Tlb.SUPERVISOR_OPEN, systemContext = Tlb.SUPERVISOR_OPEN;
    /** Vector of the exception (#UD or #NM) that SSE instructions, and that MMX instructions raise; 0: they may run. */
    public int sseBlocked = Event.UD, mmxBlocked;
    /** #AC is enabled: CPL 3, CR0.AM, RFLAGS.AC. */
    public boolean alignmentCheck;
    /** DR7 enables data breakpoints: the paging code keeps watched pages off the fast path. */
    public boolean watchesData;
    /** DR7 enables instruction breakpoints. */
    public boolean watchesCode;

    // ---- execution ----

    /** Machine time at which the budget is used up: now = sliceEnd - (budget + blockLength - position). */
    public long sliceEnd;
    /** How often an instruction boundary was required, and there. Wraps around. */
    public int boundaries;
    /** Linear address and error code of the last page fault that was found. */
    public long faultAddress;

    public int faultCode;
    /** Memory accesses of the running compiled code that left the fast path. */
    public int slowAccesses;
    /** Elements that the running repeated string instruction had handled when it was begun again ({@link Redo}), or the guest left. */
    public int stringElements;
    /** The running block's operations. */
    public Op[] running;
    /** Faults delivered by the engines; each takes one tick of time. */
    public long deliveries;
    /** Instructions retired, up to the last run's end. */
    public long retired;
    /** Machine time that no instruction and no delivery stands for. */
    public long otherTime;

    // ---- connections ----

    public final PhysicalMemory memory;
    public final Timeline timeline;
    public final Tlb tlb = new Tlb();
    public Translation translation;
    public CodeObserver codeObserver;
    public InterruptController apic;
    public Platform platform;
    /** What controls the guest that runs; null while none does. */
    public GuestControl guest;
    /** The page of which accesses go to what controls the guest (APIC-access page), or -1. */
    public long apicAccessPage = -1;
    /** Where guest-physical addresses go while a guest runs; null when they are physical. */
    public SecondLevel secondLevel;
    /** The processor's virtualization extensions, or null. */
    public Virtualization virtualization;
    /** Told about every request; null for nobody. For a processor that is emulated, and whose boundaries somebody else looks at. */
    public Runnable requestListener;
    /** Is told what happens to events; null for nobody. */
    public Tracer tracer;
    /** Null when the hypercall instruction is #UD outside of virtualization. */
    public Hypercalls hypercalls;
    /** UD2 followed by "kvm" has no effect, as where a hypervisor emulates what comes behind it. */
    public boolean forcedEmulation;
    /** It begins to execute after power-up, while others wait for it. */
    public boolean bootstrap;
    /** Null on silicon. */
    public Paravirtualization paravirtual;
    /** Arithmetic that the host's cannot do. */
    public final SoftFloat softFloat = new SoftFloat();

    private final Redo redo = new Redo();

    public Cpu(CpuModel model, int index, PhysicalMemory memory, Timeline timeline) {
        this.model = model;
        this.index = index;
        bootstrap = index == 0;
        this.memory = memory;
        this.timeline = timeline;
        monitor = new Monitor(this);
        Msr.reset(msr);
        miscEnable = Msr.MISC_ENABLE.reset;
        useContext(context);
    }

    public boolean has(Feature f) {
        return model.features().has(f);
    }

    /** The instructions of a feature are #UD because what controls the guest has not enabled them. */
    public boolean guestLacks(Feature f) {
        return guest != null && !guest.has(f);
    }

    /** Machine time at the start of the running instruction, or now between blocks. */
    public long now() {
        return sliceEnd - (budget + blockLength - position);
    }

    /** Instructions retired before the running one. */
    public long retiredNow() {
        return now() - deliveries - otherTime;
    }

    /** RIP of the running operation. */
    public long ripOf(Op o) {
        return gpr[Op.BLOCK_RIP] + o.start;
    }

    /** RIP of the instruction behind the running operation. */
    public long nextRip(Op o) {
        return gpr[Op.BLOCK_RIP] + o.end;
    }

    /** Time stamp counter. */
    public long tsc() {
        return TscScale.scale(now(), tscMultiplier) + tscOffset;
    }

    private void useContext(int context) {
        tlbBase = tlb.base(context);
        tlbAddends = tlbBase + Tlb.ADDEND;
    }

    /** The slice ends at machine time {@code when} at the latest. */
    public void limitSlice(long when) {
        if (when < sliceEnd) {
            long end = Math.max(when, now());
            budget -= (int) (sliceEnd - end);
            sliceEnd = end;
        }
    }

    /** The boundary after the running block must look at requests. */
    public void endSlice() {
        limitSlice(now());
    }

    /** Ticks pass between two instructions. */
    public void idle(long ticks) {
        sliceEnd += ticks;
        otherTime += ticks;
    }

    /** The running instruction, the last one of its block, takes so many ticks more. */
    public void takeTime(int ticks) {
        latency += ticks;
        endSlice();
    }

    /** As {@link #takeTime}; stays in the slice if that is long enough. */
    public void takeTimeOfSlice(int ticks) {
        if (latency == 0 && ticks < budget) {
            budget -= ticks;
            otherTime += ticks;
        } else {
            takeTime(ticks);
        }
    }

    public void request(int bit) {
        requests |= bit;
        endSlice();
        if (requestListener != null) {
            requestListener.run();
        }
    }

    public void withdraw(int bit) {
        requests &= ~bit;
    }

    /**
     * The running instruction is about to do something that needs an instruction boundary right behind it.
     *
     * @throws Redo when it is not the last of its block, or compiled
     */
    public void requireBoundary() {
        if (blockLength - position > 1 || site >= 0) {
            throw redo;
        }
        boundaries++;
    }

    public boolean is(long cr0Bit) {
        return (cr0 & cr0Bit) != 0;
    }

    public boolean protectedMode() {
        return (cr0 & Cr.PE) != 0;
    }

    public boolean longMode() {
        return (efer & Cr.LMA) != 0;
    }

    public boolean v86() {
        return (rflags & Flags.VM) != 0;
    }

    /** Protected mode and not virtual-8086 mode. */
    public boolean protectedNotV86() {
        return (cr0 & Cr.PE) != 0 && (rflags & Flags.VM) == 0;
    }

    public int iopl() {
        return (int) (rflags >>> 12) & 3;
    }

    /** To be thrown: a fault without error code. */
    public GuestFault fault(int vector) {
        return new GuestFault(Event.exception(vector));
    }

    /** To be thrown: a fault with error code. */
    public GuestFault fault(int vector, int errorCode) {
        return new GuestFault(Event.exception(vector, errorCode));
    }

    /** To be thrown: the page fault that {@link Translation#find} has found. */
    public GuestFault pageFault() {
        return new GuestFault(Event.pageFault(faultAddress, faultCode));
    }

    public GuestFault ud() {
        return fault(Event.UD);
    }

    public GuestFault gp0() {
        return fault(Event.GP, 0);
    }

    /** Linear address width: 48, or 57 with CR4.LA57. */
    public int linearBits() {
        return (cr4 & Cr.LA57) != 0 ? 57 : 48;
    }

    /** Canonical for the current paging mode. */
    public boolean canonical(long linear) {
        int shift = 64 - linearBits();
        return linear << shift >> shift == linear;
    }

    /**
     * Data of {@code size} bytes is accessed at a linear address while data breakpoints are enabled: collects matches into
     * {@link #pendingDebug}.
     */
    public void watch(long la, int size, boolean write) {
        for (int i = 0; i < 4; i++) {
            int rw = (int) (dr7 >>> 16 + 4 * i) & 3;
            if ((dr7 >>> 2 * i & 3) != 0 && (rw == 3 || rw == 1 && write)) {
                int length = breakpointLength(i);
                long start = dr[i] & -(long) length;
                if (Long.compareUnsigned(la, start + length) < 0 && Long.compareUnsigned(start, la + size) < 0) {
                    requireBoundary();
                    pendingDebug |= 1L << i;
                    request(BOUNDARY_REQUEST);
                }
            }
        }
    }

    /** Bytes watched by a debug register: 1, 2, 8 or 4. */
    public int breakpointLength(int i) {
        return switch ((int) (dr7 >>> 18 + 4 * i) & 3) {
            case 0 -> 1;
            case 1 -> 2;
            case 2 -> 8;
            default -> 4;
        };
    }

    /** To be called after DR7 (or DR0-3) changed. Translations stay, but for pages that are or were watched. */
    public void updateBreakpoints() {
        boolean watched = watchesData;
        watchesData = false;
        watchesCode = false;
        for (int i = 0; i < 4; i++) {
            if ((dr7 >>> 2 * i & 3) != 0) {
                int rw = (int) (dr7 >>> 16 + 4 * i) & 3;
                watchesCode |= rw == 0;
                watchesData |= (rw & 1) != 0;
            }
        }
        // Watched pages are kept off the fast path when they are entered.
        if (watched || watchesData) {
            flushTlb();
        }
        endSlice();
    }

    /** Forgets every translation; the current process-context identifier may have changed. */
    public void flushTlb() {
        tlb.flush();
        selectAddressSpace(pcid(), true);
    }

    /** The current process-context identifier; 0 while PCIDs are not enabled. */
    public int pcid() {
        return (cr4 & Cr.PCIDE) != 0 ? (int) cr3 & 0xFFF : 0;
    }

    /** Writes PKRU; translations whose key changes its rights must be made anew. */
    public void setPkru(int value) {
        if (value != pkru) {
            tlb.flushKeys(changedKeys(value ^ pkru), true);
            pkru = value;
        }
    }

    /** Writes IA32_PKRS, whose upper half is zero. */
    public void setPkrs(long value) {
        if (value != pkrs) {
            tlb.flushKeys(changedKeys((int) (value ^ pkrs)), false);
            pkrs = value;
        }
    }

    /** One bit for each key of which either bit is set. */
    private static int changedKeys(int difference) {
        int keys = 0;
        for (int key = 0; key < 16; key++) {
            keys |= (difference >>> 2 * key & 3) != 0 ? 1 << key : 0;
        }
        return keys;
    }

    /** Makes an address space (PCID) current in the TLB; without {@code keep} it starts with global translations only. */
    public void selectAddressSpace(long id, boolean keep) {
        tlb.select(id);
        if (!keep) {
            tlb.flushNonGlobal();
        }
        useContext(context);
    }

    /** A turn in the TLB ends: of the host, or of a guest. To be called before the registers change that paging rests on. */
    public void suspendTranslations() {
        tlb.suspend(translationConditions(), apicAccessPage);
    }

    /**
     * A turn in the TLB begins, and with it come the translations of its last one as far as they hold.
     *
     * @param owner VPID, or 0 for the host
     * @param tables second-level tables, or 0
     */
    public void resumeTranslations(long owner, long tables) {
        tlb.resume(owner, tables, pcid(), translationConditions(), apicAccessPage);
        useContext(context);
    }

    /** The control bits on which rights of translations rest; no two registers use the same one. */
    private long translationConditions() {
        return cr0 & (Cr.CR0_TRANSLATION | Cr.WP) | cr4 & Cr.CR4_TRANSLATION | efer & (Cr.NXE | Cr.LMA);
    }

    /** Forgets the translations of a linear address: the whole page, whatever its size, in every address space. */
    public void invalidatePage(long linear) {
        tlb.flushPage(linear);
    }

    /** Forgets the translations of one address space that are not global. */
    public void invalidateAddressSpace(long id) {
        tlb.flushNonGlobal(id);
    }

    /** Forgets all translations that are not global. */
    public void invalidateAddressSpaces() {
        tlb.flushAllNonGlobal();
    }

    /** To be called after CR0, CR4, EFER, RFLAGS.VM, CPL or any of CS, SS, DS, ES (all parts) changed. */
    public void updateMode() {
        int cs = segAccess[CS];
        codeSize64 = (efer & Cr.LMA) != 0 && (cs & L) != 0;
        codeBits = codeSize64 ? 64 : (cs & DB) != 0 ? 32 : 16;
        stackMask = codeSize64 ? -1L : (segAccess[SS] & DB) != 0 ? 0xFFFFFFFFL : 0xFFFFL;
        linearWrap = codeSize64 ? -1L : 0xFFFFFFFFL;
        flat = codeSize64 || flat(CS) && flat(SS) && flat(DS) && flat(ES);
        for (int s = ES; s <= DS; s++) {
            eaBase[s] = codeSize64 ? 0 : segBase[s];
        }
        eaBase[FS] = segBase[FS];
        eaBase[GS] = segBase[GS];
        checksCodeLimit = !codeSize64 && segLimit[CS] != 0xFFFFFFFFL;
        mmxBlocked = (cr0 & Cr.EM) != 0 ? Event.UD : (cr0 & Cr.TS) != 0 ? Event.NM : 0;
        sseBlocked = (cr4 & Cr.OSFXSR) == 0 ? Event.UD : mmxBlocked;
        updateContext();
    }

    /** MMU context of instruction fetch: SMAP does not apply. */
    public int fetchContext() {
        return cpl == 3 ? Tlb.USER : Tlb.SUPERVISOR_OPEN;
    }

    /** Readable and writable in all of 4 GiB. CS is never written through in flat code; a store with a CS override is checked elsewhere. */
    private boolean flat(int s) {
        int a = segAccess[s];
        return segLimit[s] == 0xFFFFFFFFL && (a & UNUSABLE) == 0 && (a & 2) != 0 && ((a & 8) != 0 ? s == CS : (a & 4) == 0);
    }

    /** To be called after CPL, RFLAGS.AC, CR0.AM or CR4.SMAP changed. */
    public void updateContext() {
        boolean ac = (rflags & Flags.AC) != 0;
        alignmentCheck = cpl == 3 && ac && (cr0 & Cr.AM) != 0;
        boolean smap = (cr4 & Cr.SMAP) != 0;
        systemContext = smap ? Tlb.SUPERVISOR : Tlb.SUPERVISOR_OPEN;
        context = alignmentCheck ? Tlb.NONE : cpl == 3 ? Tlb.USER : smap && !ac ? Tlb.SUPERVISOR : Tlb.SUPERVISOR_OPEN;
        useContext(context);
        decodeMode = (cpl == 3 ? USER_MODE : 0) | (flat ? 2 : 0) | (protectedNotV86() ? 4 : 0) | (detectsBusLocks ? BUS_LOCKS : 0)
                | codeBits;
    }
}
