package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.DebugRegs;
import dev.javisor.hypervisor.abi.Dtable;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.MpState;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs2;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.Translation;
import dev.javisor.hypervisor.abi.VcpuEvents;
import dev.javisor.hypervisor.vcpu.GuestState;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.isa.Feature;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.event.Boundary;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.paging.Paging;
import dev.javisor.processor.system.ControlRegisters;
import java.util.Arrays;

/** Between a vcpu's state and the structures of the interface. */
final class StateAccess {
    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;
    private static final int TYPE = 15, DPL_SHIFT = 5;

    /** Bits of DR6 and DR7 that are what they are. */
    private static final long DR6_ONES = 0xFFFE_07F0L, DR6_ZERO = 0x1000, DR7_ONE = 0x400;

    /** Where CR3 has the page-directory pointers of PAE paging. */
    private static final long POINTER_TABLE = 0xFFFF_FFE0L;

    private static final int VALID_EVENTS = 63;
    private static final long APIC_BASE_RESERVED = 0x2FF, APIC_BASE_EXTD = 0x400, APIC_BASE_ENABLE = 0x800;
    private static final long APIC_BASE_MODE = APIC_BASE_EXTD | APIC_BASE_ENABLE;

    private StateAccess() {}

    static Regs regs(GuestState state) {
        Cpu c = state.load(GuestState.REGISTERS);
        Regs r = new Regs();
        r.rax = c.gpr[RAX];
        r.rbx = c.gpr[RBX];
        r.rcx = c.gpr[RCX];
        r.rdx = c.gpr[RDX];
        r.rsi = c.gpr[RSI];
        r.rdi = c.gpr[RDI];
        r.rsp = c.gpr[RSP];
        r.rbp = c.gpr[RBP];
        r.r8 = c.gpr[8];
        r.r9 = c.gpr[9];
        r.r10 = c.gpr[10];
        r.r11 = c.gpr[11];
        r.r12 = c.gpr[12];
        r.r13 = c.gpr[13];
        r.r14 = c.gpr[14];
        r.r15 = c.gpr[15];
        r.rip = c.rip;
        r.rflags = Flags.rflags(c);
        return r;
    }

    /** An exception that waits belongs to the old state, and is forgotten. */
    static void setRegs(VcpuCore core, Regs r) {
        Cpu c = core.state.change(GuestState.REGISTERS);
        if (r.rip != c.rip) {
            core.abandonInstruction();
        }
        c.gpr[RAX] = r.rax;
        c.gpr[RBX] = r.rbx;
        c.gpr[RCX] = r.rcx;
        c.gpr[RDX] = r.rdx;
        c.gpr[RSI] = r.rsi;
        c.gpr[RDI] = r.rdi;
        c.gpr[RSP] = r.rsp;
        c.gpr[RBP] = r.rbp;
        c.gpr[8] = r.r8;
        c.gpr[9] = r.r9;
        c.gpr[10] = r.r10;
        c.gpr[11] = r.r11;
        c.gpr[12] = r.r12;
        c.gpr[13] = r.r13;
        c.gpr[14] = r.r14;
        c.gpr[15] = r.r15;
        c.rip = r.rip;
        Flags.setRflags(c, r.rflags | Flags.FIXED);
        core.events.dropPendingException();
    }

    static Sregs sregs(VcpuCore core) {
        Cpu c = core.state.load(GuestState.REGISTERS | GuestState.SYSTEM);
        Sregs s = new Sregs();
        get(c, Cpu.CS, s.cs);
        get(c, Cpu.DS, s.ds);
        get(c, Cpu.ES, s.es);
        get(c, Cpu.FS, s.fs);
        get(c, Cpu.GS, s.gs);
        get(c, Cpu.SS, s.ss);
        get(c, Cpu.TR, s.tr);
        get(c, Cpu.LDTR, s.ldt);
        s.gdt.base = c.gdtBase;
        s.gdt.limit = c.gdtLimit;
        s.idt.base = c.idtBase;
        s.idt.limit = c.idtLimit;
        s.cr0 = c.cr0;
        s.cr2 = c.cr2;
        s.cr3 = c.cr3;
        s.cr4 = c.cr4;
        s.cr8 = c.apic.cr8();
        s.efer = c.efer;
        s.apicBase = c.apicBaseMsr;
        int waiting = core.events.interruptVector();
        if (waiting >= 0) {
            s.interruptBitmap[waiting >> 6] |= 1L << waiting;
        }
        return s;
    }

    private static void get(Cpu c, int n, Segment s) {
        int a = c.segAccess[n];
        s.base = c.segBase[n];
        s.limit = (int) c.segLimit[n];
        s.selector = c.selector[n];
        s.type = a & TYPE;
        s.s = (a & Cpu.S) != 0 ? 1 : 0;
        s.dpl = a >>> DPL_SHIFT & 3;
        s.present = (a & Cpu.PRESENT) != 0 ? 1 : 0;
        s.avl = (a & Cpu.AVL) != 0 ? 1 : 0;
        s.l = (a & Cpu.L) != 0 ? 1 : 0;
        s.db = (a & Cpu.DB) != 0 ? 1 : 0;
        s.g = (a & Cpu.G) != 0 ? 1 : 0;
        s.unusable = (a & Cpu.UNUSABLE) != 0 ? 1 : 0;
    }

    static void setSregs(VcpuCore core, Sregs s, PhysicalMemory memory) {
        Cpu c = core.state.change(GuestState.REGISTERS | GuestState.SYSTEM);
        check(c, s);
        set(c, Cpu.CS, s.cs);
        set(c, Cpu.DS, s.ds);
        set(c, Cpu.ES, s.es);
        set(c, Cpu.FS, s.fs);
        set(c, Cpu.GS, s.gs);
        set(c, Cpu.SS, s.ss);
        set(c, Cpu.TR, s.tr);
        set(c, Cpu.LDTR, s.ldt);
        table(s.gdt, (base, limit) -> {
            c.gdtBase = base;
            c.gdtLimit = limit;
        });
        table(s.idt, (base, limit) -> {
            c.idtBase = base;
            c.idtLimit = limit;
        });
        c.cr0 = s.cr0 | Cr.ET;
        c.cr2 = s.cr2;
        c.cr3 = s.cr3;
        c.cr4 = s.cr4;
        c.efer = s.efer;
        c.cpl = (Flags.rflags(c) & Flags.VM) != 0 ? 3 : s.ss.dpl;
        if ((c.cr0 & Cr.PE) == 0) {
            c.segAccess[Cpu.CS] |= Cpu.REAL_MODE;
        }
        boolean pae = (c.cr0 & Cr.PG) != 0 && (c.cr4 & Cr.PAE) != 0 && (c.efer & Cr.LMA) == 0;
        if (pae) {
            for (int i = 0; i < c.pdpte.length; i++) {
                // What they hold is the entry's matter.
                c.pdpte[i] = memory.read((c.cr3 & POINTER_TABLE) + 8L * i, 8);
            }
        }
        c.updateMode();
        setApicBase(c, s.apicBase);
        c.apic.setCr8((int) s.cr8);
        for (int v = 0; v < 256; v++) {
            if ((s.interruptBitmap[v >> 6] >>> v & 1) != 0) {
                core.events.requeueInterrupt(v, false, 0);
            }
        }
    }

    /** Modes between which there is no way are reached by way of the others. */
    private static void setApicBase(Cpu c, long value) {
        long from = c.apicBaseMsr & APIC_BASE_MODE;
        long to = value & APIC_BASE_MODE;
        if (from == APIC_BASE_MODE && to == APIC_BASE_ENABLE) {
            c.apic.setBaseMsr(value & ~APIC_BASE_MODE);
        } else if (from == 0 && to == APIC_BASE_MODE) {
            c.apic.setBaseMsr(value & ~APIC_BASE_EXTD);
        }
        if (value != c.apicBaseMsr) {
            c.apic.setBaseMsr(value);
        }
    }

    private static void check(Cpu c, Sregs s) {
        boolean paging = (s.cr0 & Cr.PG) != 0;
        boolean wide = (s.efer & Cr.LME) != 0 && paging;
        if (s.cr0 >>> 32 != 0 || paging && (s.cr0 & Cr.PE) == 0 || (s.cr0 & Cr.NW) != 0 && (s.cr0 & Cr.CD) == 0) {
            throw KvmException.invalid("CR0 " + Long.toHexString(s.cr0) + " is not possible");
        }
        if ((s.cr4 & ~ControlRegisters.cr4Bits(c)) != 0) {
            throw KvmException.invalid("CR4 " + Long.toHexString(s.cr4) + " has reserved bits");
        }
        if ((s.efer & ~ControlRegisters.eferBits(c)) != 0) {
            throw KvmException.invalid("IA32_EFER " + Long.toHexString(s.efer) + " has reserved bits");
        }
        if (wide && ((s.cr4 & Cr.PAE) == 0 || (s.efer & Cr.LMA) == 0)) {
            throw KvmException.invalid("IA-32e mode needs CR4.PAE and IA32_EFER.LMA");
        }
        if (!wide && ((s.efer & Cr.LMA) != 0 || s.cs.l != 0 && (s.efer & Cr.LMA) == 0 && paging)) {
            throw KvmException.invalid("64-bit code needs IA-32e mode");
        }
        if (s.cr8 < 0 || s.cr8 > 15) {
            throw KvmException.invalid("there is no task priority " + s.cr8);
        }
        boolean extended = c.has(Feature.X2APIC) && c.apic instanceof LocalApic;
        long reserved = c.model.physicalReserved() | APIC_BASE_RESERVED | (extended ? 0 : APIC_BASE_EXTD);
        if ((s.apicBase & reserved) != 0 || (s.apicBase & APIC_BASE_MODE) == APIC_BASE_EXTD) {
            throw KvmException.invalid("IA32_APIC_BASE " + Long.toHexString(s.apicBase) + " has reserved bits");
        }
        if ((s.cr3 & c.model.physicalReserved()) != 0) {
            throw KvmException.invalid("CR3 " + Long.toHexString(s.cr3) + " lies beyond the physical addresses");
        }
    }

    static DebugRegs debugRegs(GuestState state) {
        Cpu c = state.load(GuestState.SYSTEM);
        DebugRegs d = new DebugRegs();
        System.arraycopy(c.dr, 0, d.db, 0, d.db.length);
        d.dr6 = c.dr6;
        d.dr7 = c.dr7;
        return d;
    }

    static void setDebugRegs(GuestState state, DebugRegs d) {
        if (d.flags != 0 || (d.dr6 | d.dr7) >>> 32 != 0) {
            throw KvmException.invalid("debug registers with reserved bits");
        }
        Cpu c = state.change(GuestState.SYSTEM);
        System.arraycopy(d.db, 0, c.dr, 0, d.db.length);
        c.dr6 = d.dr6 & ~DR6_ZERO | DR6_ONES;
        c.dr7 = d.dr7 | DR7_ONE;
    }

    /**
     * @param payload what a pending exception will do to registers is told; else it happens now, and the exception counts as injected
     * @param tripleFault a pending triple fault is told
     */
    static VcpuEvents events(VcpuCore core, boolean payload, boolean tripleFault) {
        Cpu c = core.state.load(GuestState.EVENTS);
        if (!payload) {
            core.injection().applyPayload();
        }
        core.takeArrived();
        VcpuEvents v = new VcpuEvents();
        core.events.describe(v);
        // INT1 will be executed again: as when it was, behind a MOV SS.
        long int1 = core.events.causesOfInt1() & Boundary.BREAKPOINTS;
        long heldOff = c.blockingByMovSs ? c.pendingDebug & Boundary.BREAKPOINTS : int1;
        if (heldOff != 0 && payload && !v.exceptionPending && !v.exceptionInjected) {
            // The structure has no other place for the traps of a MOV SS.
            v.exceptionPending = true;
            v.exceptionNr = Event.DB;
            v.exceptionHasPayload = true;
            v.exceptionPayload = heldOff;
        }
        v.interruptShadow = (c.blockingByMovSs || int1 != 0 ? VcpuEvents.SHADOW_MOV_SS : 0) | (c.blockingBySti ? VcpuEvents.SHADOW_STI : 0);
        v.nmiMasked = c.nmiBlocked;
        v.smiSmm = c.inSmm;
        v.smiLatchedInit = c.inSmm && (c.requests & Cpu.INIT_REQUEST) != 0;
        v.sipiVector = c.sipiVector;
        v.flags = VcpuEvents.VALID_NMI_PENDING | VcpuEvents.VALID_SHADOW | VcpuEvents.VALID_SMM
                | (payload ? VcpuEvents.VALID_PAYLOAD : 0) | (tripleFault ? VcpuEvents.VALID_TRIPLE_FAULT : 0);
        if (!payload) {
            v.exceptionInjected |= v.exceptionPending;
            v.exceptionPending = false;
        }
        v.tripleFaultPending &= tripleFault;
        return v;
    }

    static void setEvents(VcpuCore core, VcpuEvents v, boolean payload, boolean tripleFault) {
        int known = VALID_EVENTS & ~(payload ? 0 : VcpuEvents.VALID_PAYLOAD) & ~(tripleFault ? 0 : VcpuEvents.VALID_TRIPLE_FAULT);
        if ((v.flags & ~known) != 0) {
            throw KvmException.invalid("unknown flags of vcpu events: " + Integer.toHexString(v.flags));
        }
        core.events.replace(v);
        Cpu c = core.state.change(GuestState.EVENTS);
        c.nmiBlocked = v.nmiMasked;
        if ((v.flags & VcpuEvents.VALID_SHADOW) != 0) {
            c.blockingByMovSs = (v.interruptShadow & VcpuEvents.SHADOW_MOV_SS) != 0;
            c.blockingBySti = (v.interruptShadow & VcpuEvents.SHADOW_STI) != 0;
            c.pendingDebug = c.blockingByMovSs ? core.events.holdOffBreakpoints() : 0;
        }
        if ((v.flags & VcpuEvents.VALID_SMM) != 0) {
            c.inSmm = v.smiSmm;
            if (v.smiSmm && v.smiLatchedInit) {
                c.request(Cpu.INIT_REQUEST);
            }
        }
        if ((v.flags & VcpuEvents.VALID_SIPI_VECTOR) != 0) {
            c.sipiVector = v.sipiVector;
        }
    }

    /** INIT and start-up IPIs that have arrived count; in the middle of an instruction they have not. */
    static MpState mpState(VcpuCore core) {
        if (core.cpu().stringElements == 0) {
            core.takeStartUp();
        }
        return switch (core.cpu().activity) {
            case Cpu.ACTIVE, Cpu.MWAIT, Cpu.SHUTDOWN -> MpState.RUNNABLE;
            case Cpu.HLT -> MpState.HALTED;
            default -> core.hasInit() ? MpState.INIT_RECEIVED : MpState.UNINITIALIZED;
        };
    }

    static void setMpState(VcpuCore core, MpState state) {
        Cpu c = core.cpu();
        if (state != MpState.RUNNABLE && !core.hasLocalApic()) {
            throw KvmException.invalid("without local APIC in the kernel nothing wakes a vcpu that waits there");
        }
        boolean startUp = state == MpState.INIT_RECEIVED || state == MpState.SIPI_RECEIVED;
        if (startUp && c.inSmm) {
            throw KvmException.invalid("no vcpu waits for a start-up IPI in system-management mode");
        }
        c.activity = switch (state) {
            case RUNNABLE -> Cpu.ACTIVE;
            case HALTED -> Cpu.HLT;
            case UNINITIALIZED, INIT_RECEIVED, SIPI_RECEIVED -> Cpu.WAIT_FOR_SIPI;
        };
        core.setInit(startUp);
        if (state == MpState.SIPI_RECEIVED) {
            c.request(Cpu.SIPI_REQUEST);
        }
    }

    static Sregs2 sregs2(VcpuCore core) {
        Cpu c = core.state.load(GuestState.REGISTERS | GuestState.SYSTEM);
        Sregs2 s = new Sregs2();
        s.sregs.fromBytes(sregs(core).toBytes());
        Arrays.fill(s.sregs.interruptBitmap, 0);
        if (usesPointers(c.cr0, c.cr4, c.efer)) {
            s.flags = Sregs2.PDPTRS_VALID;
            System.arraycopy(c.pdpte, 0, s.pdptrs, 0, s.pdptrs.length);
        }
        return s;
    }

    static void setSregs2(VcpuCore core, Sregs2 s, PhysicalMemory memory) {
        boolean pointers = usesPointers(s.sregs.cr0, s.sregs.cr4, s.sregs.efer);
        if ((s.flags & ~Sregs2.PDPTRS_VALID) != 0 || s.flags != 0 && !pointers) {
            throw KvmException.invalid("page-directory pointers belong to PAE paging only");
        }
        setSregs(core, s.sregs, memory);
        if (s.flags != 0) {
            System.arraycopy(s.pdptrs, 0, core.state.change(GuestState.SYSTEM).pdpte, 0, s.pdptrs.length);
        }
    }

    private static boolean usesPointers(long cr0, long cr4, long efer) {
        return (cr0 & Cr.PG) != 0 && (cr4 & Cr.PAE) != 0 && (efer & Cr.LMA) == 0;
    }

    /** Nothing is marked as accessed; an address that no structure maps has no translation. */
    static Translation translate(VcpuCore core, long linear, PhysicalMemory memory) {
        Cpu c = core.state.load(GuestState.REGISTERS | GuestState.SYSTEM);
        Translation t = new Translation();
        t.linearAddress = linear;
        Paging.Mapping m = Paging.find(c, memory, linear);
        t.valid = m != null;
        t.physicalAddress = m == null ? -1 : m.physical();
        t.writeable = m != null && m.writable();
        t.usermode = m != null && m.user();
        return t;
    }

    private interface TableSetter {
        void set(long base, int limit);
    }

    private static void table(Dtable t, TableSetter setter) {
        setter.set(t.base, t.limit & 0xFFFF);
    }

    private static void set(Cpu c, int n, Segment s) {
        c.segBase[n] = s.base;
        c.segLimit[n] = s.limit & 0xFFFF_FFFFL;
        c.selector[n] = s.selector & 0xFFFF;
        boolean unusable = s.unusable != 0 || s.present == 0;
        c.segAccess[n] = s.type & TYPE
                | (s.s != 0 ? Cpu.S : 0)
                | (s.dpl & 3) << DPL_SHIFT
                | (s.present != 0 ? Cpu.PRESENT : 0)
                | (s.avl != 0 ? Cpu.AVL : 0)
                | (s.l != 0 ? Cpu.L : 0)
                | (s.db != 0 ? Cpu.DB : 0)
                | (s.g != 0 ? Cpu.G : 0)
                | (unusable ? Cpu.UNUSABLE : 0);
    }
}
