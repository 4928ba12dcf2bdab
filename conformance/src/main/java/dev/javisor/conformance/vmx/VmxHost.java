package dev.javisor.conformance.vmx;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmcsText;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxControl.Word;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Platform;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.event.Reset;
import dev.javisor.processor.execution.CodeCache;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.paging.Paging;
import dev.javisor.processor.vmx.VmEntryFailure;
import dev.javisor.processor.vmx.Vmcs;
import dev.javisor.processor.vmx.Vmx;
import dev.javisor.processor.vmx.VmxOperations;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * A processor in VMX root operation with a valid VMCS, whose guest executes CPUID and so exits at once. Memory is mapped one to one for
 * host and guest, and by the extended page tables. The VMCS can be changed before an entry, which is made by an instruction in memory.
 */
public final class VmxHost {
    /** Bytes of memory. */
    public static final int RAM = 0x200000;

    public static final long IO_BITMAP_A = 0xE000, IO_BITMAP_B = 0xF000, MSR_BITMAPS = 0x10000;
    public static final long VIRTUAL_APIC = 0x11000, APIC_ACCESS = 0x12000, POSTED_INTERRUPTS = 0x13000;
    public static final long EPT_TOP = 0x14000, EPT_PDPT = 0x15000, EPT_DIRECTORY = 0x16000, PML = 0x17000, EPTP_LIST = 0x18000;
    public static final long VMREAD_BITMAP = 0x19000, VMWRITE_BITMAP = 0x1A000, VE_INFORMATION = 0x1B000;
    public static final long ENTRY_MSRS = 0x1C000, STORED_MSRS = 0x1D000, EXIT_MSRS = 0x1E000;
    public static final long VMCS = 0xC000, SHADOW_VMCS = 0xD000, GUEST_CODE = 0xA000;
    /** PDPTEs of a guest with PAE paging. */
    public static final long POINTERS = 0x7000;

    /** Of the guest, and the host; the host needs no IDT. */
    public static final long TSS = 0x2000, IDT = 0x3000, GUEST_STACK = 0x23000;

    private static final long GDT = 0x1000, PML4 = 0x4000, PDPT = 0x5000, DIRECTORY = 0x6000;
    private static final long DIRECTORY32 = 0x8000, HOST_CODE = 0x9000, VMXON = 0xB000;
    private static final long HOST_STACK = 0x21000;
    private static final int CODE = 8, DATA = 0x10, TASK = 0x18, TSS_LIMIT = 0x67;
    private static final int TABLE = 7, LARGE = 0x83 | 4, EPT_TABLE = 0x407, EPT_LARGE = 0x4B7;
    private static final long EPTP = EPT_TOP | 3 << 3 | 6;

    /** VMLAUNCH, HLT; VMRESUME, HLT; HLT where exits arrive. */
    private static final byte[] HOST_PROGRAM = {0x0F, 0x01, (byte) 0xC2, (byte) 0xF4, 0x0F, 0x01, (byte) 0xC3, (byte) 0xF4, (byte) 0xF4};

    private static final int RESUME = 4, EXITED = 8;
    /** CPUID, then round and round. */
    private static final byte[] GUEST_PROGRAM = {0x0F, (byte) 0xA2, (byte) 0xEB, (byte) 0xFC};

    private static final long PAT = 0x0007_0406_0007_0406L, VM_CODE_SELECTOR = GUEST_CODE >> 4;

    /** How an entry ended. */
    public enum Outcome {
        /** The instruction failed, with CF or ZF. */
        FAILED,
        /** The guest exited, or an exit says that the entry failed. */
        EXITED,
        /** The guest runs, or waits. */
        IN_GUEST,
        /** The processor has shut down: a VMX abort, or a triple fault of the host. */
        SHUTDOWN,
        /** The host is elsewhere. */
        LOST
    }

    public final PhysicalMemory memory = new PhysicalMemory();
    public final LogicalProcessor processor;
    public final Cpu cpu;
    public final VmxOperations vmx;
    /** Of all entries that failed. */
    public final List<VmEntryFailure> failures = new ArrayList<>();

    private final Timeline timeline = new Timeline();
    private final VmxCapabilities capabilities;
    private final boolean wide;

    /**
     * @param model has VMX
     * @param ram {@link #RAM} bytes, which are overwritten
     * @param wide a 64-bit host, else one with 32-bit paging
     */
    public VmxHost(CpuModel model, Engine engine, MemorySegment ram, boolean wide, GuestKind kind) {
        this.wide = wide;
        ram.fill((byte) 0);
        memory.addRam(0, ram);
        capabilities = new VmxCapabilities(model.features());
        CodeCache cache = new CodeCache(memory, engine);
        processor = new LogicalProcessor(model, 0, memory, timeline, cache, new Paging(model, memory), new NoDevices());
        cpu = processor.cpu();
        cpu.processors = 1;
        processor.attach(new LocalApic(cpu, new ApicBus()));
        Reset.reset(cpu);
        tables();
        root();
        vmx = VmxOperations.of((Vmx) cpu.virtualization);
        memory.write(VMXON, 4, VmxCapabilities.REVISION);
        memory.write(VMCS, 4, VmxCapabilities.REVISION);
        vmx.vmxon(VMXON);
        vmx.vmclear(VMCS);
        vmx.vmptrld(VMCS);
        controls();
        hostState();
        guestState(kind);
        explain(true);
    }

    private static final class NoDevices implements Platform {
        @Override
        public int in(int port, int size) {
            return -1;
        }

        @Override
        public void out(int port, int size, int value) {}

        @Override
        public int acknowledgeExternalInterrupt() {
            return 0;
        }
    }

    /** Failures are told, or not. */
    public void explain(boolean listen) {
        ((Vmx) cpu.virtualization).setFailureListener(listen ? failures::add : null);
    }

    // ---- set-up ----

    private void tables() {
        memory.write(PML4, 8, PDPT | TABLE);
        memory.write(PDPT, 8, DIRECTORY | TABLE);
        memory.write(POINTERS, 8, DIRECTORY | 1);
        memory.write(DIRECTORY, 8, LARGE);
        memory.write(DIRECTORY32, 4, LARGE);
        memory.write(EPT_TOP, 8, EPT_PDPT | EPT_TABLE);
        memory.write(EPT_PDPT, 8, EPT_DIRECTORY | EPT_TABLE);
        memory.write(EPT_DIRECTORY, 8, EPT_LARGE);
        memory.write(GDT + CODE, 8, wide ? 0x00AF_9B00_0000_FFFFL : 0x00CF_9B00_0000_FFFFL);
        memory.write(GDT + DATA, 8, 0x00CF_9300_0000_FFFFL);
        memory.write(HOST_CODE, HOST_PROGRAM, 0, HOST_PROGRAM.length);
        memory.write(GUEST_CODE, GUEST_PROGRAM, 0, GUEST_PROGRAM.length);
        memory.write(SHADOW_VMCS, 4, VmxCapabilities.REVISION | 1 << 31);
        memory.write(EPTP_LIST, 8, EPTP);
    }

    private long cr4() {
        return Cr.VMXE | (wide ? Cr.PAE : Cr.PSE);
    }

    /** The processor as the host has it. */
    private void root() {
        Cpu c = cpu;
        c.cr0 = Cr.PE | Cr.PG | Cr.NE | Cr.ET | Cr.WP;
        c.cr4 = cr4();
        c.efer = wide ? Cr.LME | Cr.LMA : 0;
        c.cr3 = wide ? PML4 : DIRECTORY32;
        c.gdtBase = GDT;
        c.gdtLimit = 0xFFFF;
        c.idtBase = IDT;
        c.idtLimit = 0xFFFF;
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            c.selector[s] = s == Cpu.CS ? CODE : DATA;
            c.segBase[s] = 0;
            c.segLimit[s] = 0xFFFF_FFFFL;
            c.segAccess[s] = s != Cpu.CS ? 0xC093 : wide ? 0xA09B : 0xC09B;
        }
        c.cpl = 0;
        c.gpr[4] = HOST_STACK;
        c.updateBreakpoints();
        c.updateMode();
    }

    /** Sets a field, whatever it was. */
    public VmxHost set(VmcsField f, long value) {
        vmx.vmwrite(f, value);
        return this;
    }

    public long get(VmcsField f) {
        return vmx.vmread(f);
    }

    /** Changes bits of a field. */
    public VmxHost flip(VmcsField f, long bits) {
        return set(f, get(f) ^ bits);
    }

    /** Sets controls, and what activates their words. */
    public VmxHost on(VmxControl... controls) {
        for (VmxControl c : controls) {
            switch (c.word) {
                case SECONDARY -> on(VmxControl.ACTIVATE_SECONDARY);
                case TERTIARY -> on(VmxControl.ACTIVATE_TERTIARY);
                case SECONDARY_EXIT -> on(VmxControl.ACTIVATE_SECONDARY_EXIT);
                default -> {
                    // always active
                }
            }
            VmcsField f = VmcsText.field(c.word);
            set(f, get(f) | c.bit);
        }
        return this;
    }

    public VmxHost off(VmxControl... controls) {
        for (VmxControl c : controls) {
            VmcsField f = VmcsText.field(c.word);
            set(f, get(f) & ~c.bit);
        }
        return this;
    }

    private void controls() {
        for (Word w : Word.values()) {
            set(VmcsText.field(w), capabilities.required1(w));
        }
        if (wide) {
            on(VmxControl.HOST_ADDRESS_SPACE_SIZE);
        }
        set(VmcsField.IO_BITMAP_A, IO_BITMAP_A).set(VmcsField.IO_BITMAP_B, IO_BITMAP_B).set(VmcsField.MSR_BITMAPS, MSR_BITMAPS);
        set(VmcsField.VIRTUAL_APIC_ADDRESS, VIRTUAL_APIC).set(VmcsField.APIC_ACCESS_ADDRESS, APIC_ACCESS);
        set(VmcsField.POSTED_INTERRUPT_DESCRIPTOR, POSTED_INTERRUPTS).set(VmcsField.POSTED_INTERRUPT_VECTOR, 0xF2);
        set(VmcsField.VIRTUAL_PROCESSOR_ID, 1).set(VmcsField.EPT_POINTER, EPTP);
        set(VmcsField.PML_ADDRESS, PML).set(VmcsField.PML_INDEX, 511).set(VmcsField.EPTP_LIST_ADDRESS, EPTP_LIST);
        set(VmcsField.VMREAD_BITMAP, VMREAD_BITMAP).set(VmcsField.VMWRITE_BITMAP, VMWRITE_BITMAP);
        set(VmcsField.VE_INFORMATION_ADDRESS, VE_INFORMATION).set(VmcsField.TSC_MULTIPLIER, 1L << 48);
        set(VmcsField.ENTRY_MSR_LOAD_ADDRESS, ENTRY_MSRS).set(VmcsField.EXIT_MSR_STORE_ADDRESS, STORED_MSRS);
        set(VmcsField.EXIT_MSR_LOAD_ADDRESS, EXIT_MSRS).set(VmcsField.VMCS_LINK_POINTER, Vmcs.NONE);
        set(VmcsField.PREEMPTION_TIMER_VALUE, 100_000 >> VmxCapabilities.PREEMPTION_TIMER_RATE);
    }

    private void hostState() {
        set(VmcsField.HOST_CR0, cpu.cr0).set(VmcsField.HOST_CR3, cpu.cr3).set(VmcsField.HOST_CR4, cpu.cr4);
        set(VmcsField.HOST_EFER, cpu.efer).set(VmcsField.HOST_PAT, PAT);
        set(VmcsField.HOST_CS_SELECTOR, CODE).set(VmcsField.HOST_TR_SELECTOR, TASK);
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            if (s != Cpu.CS) {
                set(VmcsField.of(VmcsField.HOST_ES_SELECTOR.encoding + 2 * s), DATA);
            }
        }
        set(VmcsField.HOST_GDTR_BASE, GDT).set(VmcsField.HOST_IDTR_BASE, IDT).set(VmcsField.HOST_TR_BASE, TSS);
        set(VmcsField.HOST_RSP, HOST_STACK).set(VmcsField.HOST_RIP, HOST_CODE + EXITED);
    }

    private void segment(int s, long selector, long base, long limit, long access) {
        set(VmcsField.of(VmcsField.GUEST_ES_SELECTOR.encoding + 2 * s), selector);
        set(VmcsField.of(VmcsField.GUEST_ES_BASE.encoding + 2 * s), base);
        set(VmcsField.of(VmcsField.GUEST_ES_LIMIT.encoding + 2 * s), limit);
        set(VmcsField.of(VmcsField.GUEST_ES_ACCESS_RIGHTS.encoding + 2 * s), access);
    }

    private void guestState(GuestKind kind) {
        boolean real = kind == GuestKind.REAL;
        boolean v86 = kind == GuestKind.V86;
        boolean segmented = real || v86;
        set(VmcsField.GUEST_CR0, real ? Cr.NE | Cr.ET : Cr.PE | Cr.PG | Cr.NE | Cr.ET | Cr.WP);
        set(VmcsField.GUEST_CR4, Cr.VMXE | (real ? 0 : Cr.PAE));
        set(VmcsField.GUEST_CR3, real ? 0 : kind == GuestKind.LONG ? PML4 : POINTERS);
        set(VmcsField.GUEST_EFER, kind == GuestKind.LONG ? Cr.LME | Cr.LMA : 0).set(VmcsField.GUEST_PAT, PAT);
        set(VmcsField.GUEST_PDPTE0, DIRECTORY | 1);
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            boolean code = s == Cpu.CS;
            if (segmented) {
                long selector = code ? VM_CODE_SELECTOR : 0;
                segment(s, selector, selector << 4, 0xFFFF, v86 ? 0xF3 : code ? 0x9B : 0x93);
            } else {
                segment(s, code ? CODE : DATA, 0, 0xFFFF_FFFFL, !code ? 0xC093 : kind == GuestKind.LONG ? 0xA09B : 0xC09B);
            }
        }
        segment(Cpu.LDTR, 0, 0, 0, Cpu.UNUSABLE);
        segment(Cpu.TR, TASK, TSS, TSS_LIMIT, 0x8B);
        set(VmcsField.GUEST_GDTR_BASE, GDT).set(VmcsField.GUEST_GDTR_LIMIT, 0xFFFF);
        set(VmcsField.GUEST_IDTR_BASE, IDT).set(VmcsField.GUEST_IDTR_LIMIT, 0xFFFF);
        set(VmcsField.GUEST_DR7, 0x400).set(VmcsField.GUEST_RSP, segmented ? 0x100 : GUEST_STACK);
        set(VmcsField.GUEST_RIP, segmented ? 0 : GUEST_CODE);
        set(VmcsField.GUEST_RFLAGS, Flags.FIXED | (v86 ? Flags.VM : 0));
        if (kind == GuestKind.LONG) {
            on(VmxControl.IA32E_MODE_GUEST);
        }
        if (real) {
            on(VmxControl.ENABLE_EPT, VmxControl.UNRESTRICTED_GUEST);
        }
    }

    /** Makes the guest's LDTR usable, with a valid LDT. */
    public VmxHost withLdt() {
        segment(Cpu.LDTR, 0x28, GDT, 0xFFF, 0x82);
        return this;
    }

    /** Writes an entry of a list of MSRs. @param number from 1 */
    public VmxHost msr(long list, int number, long index, long value) {
        long at = list + 16L * (number - 1);
        memory.write(at, 8, index);
        memory.write(at + 8, 8, value);
        return this;
    }

    /** Physical address of the current VMCS, or {@link Vmcs#NONE}. */
    public long currentVmcs() {
        return vmx.vmptrst();
    }

    public CpuModel model() {
        return cpu.model;
    }

    /** The control exists, and software may choose. */
    public boolean isFree(VmxControl c) {
        return capabilities.has(c) && (capabilities.required1(c.word) & c.bit) == 0;
    }

    // ---- entries ----

    /** Executes VMLAUNCH, or VMRESUME, and what follows, for at most this time. */
    public Outcome enter(boolean launch, long ticks) {
        long hostRip = currentVmcs() == Vmcs.NONE ? HOST_CODE + EXITED : get(VmcsField.HOST_RIP);
        cpu.rip = HOST_CODE + (launch ? 0 : RESUME);
        cpu.activity = Cpu.ACTIVE;
        run(ticks);
        if (cpu.guest != null) {
            return Outcome.IN_GUEST;
        } else if (cpu.activity == Cpu.SHUTDOWN) {
            return Outcome.SHUTDOWN;
        }
        return switch ((int) (cpu.rip - HOST_CODE)) {
            // an exit leads there, too, if the host's RIP is in the program's middle
            case RESUME, EXITED -> !leadsIntoProgram(hostRip) && (Flags.rflags(cpu) & (Flags.CF | Flags.ZF)) != 0
                    ? Outcome.FAILED
                    : Outcome.LOST;
            case EXITED + 1 -> Outcome.EXITED;
            default -> Outcome.LOST;
        };
    }

    private static boolean leadsIntoProgram(long rip) {
        return rip >= HOST_CODE && rip < HOST_CODE + EXITED;
    }

    /** Continues where the processor is. */
    public void run(long ticks) {
        processor.run(timeline.now() + ticks);
    }

    /** The basic exit reason in the VMCS, or null when it has none that exists. */
    public ExitReason exitReason() {
        return ExitReason.of((int) get(VmcsField.EXIT_REASON) & 0xFFFF);
    }

    /** All fields with their values. */
    public Map<VmcsField, Long> fields() {
        Map<VmcsField, Long> m = new EnumMap<>(VmcsField.class);
        for (VmcsField f : VmcsField.values()) {
            m.put(f, get(f));
        }
        return m;
    }
}
