package dev.javisor.processor.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxControl.Word;
import dev.javisor.processor.LogicalProcessor;
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
import java.lang.foreign.Arena;

/**
 * The host of a guest of a few lines: 64-bit mode, 1 MiB mapped one to one, no intercepts but those that a test sets. The host's software
 * is the test, through {@link VmxOperations}; a VM exit ends in a HLT of the host.
 */
final class VmxHost {
    static final long GDT = 0x1000, GUEST_IDT = 0x2000, STACK = 0xF0000, DATA = 0x6000, CODE = 0x8000, HOST = 0x10000, PML4 = 0x30000;
    static final long BITMAPS = 0x20000, VMXON = 0x24000, VMCS = 0x25000, EPT = 0x40000, POINTERS = 0x7C000;
    static final int RAM = 0x100000;

    private static final int RAX = 0, RSP = 4;
    private static final long CODE_64 = 0xA09B, DATA_64 = 0xC093, BUSY_TSS = 0x8B, UNUSABLE = 0x10000;
    private static final long TICKS = 1_000_000, ENTRY_FAILURE = 1L << 31;

    final PhysicalMemory memory = new PhysicalMemory();
    final Timeline timeline = new Timeline();
    final LogicalProcessor processor;
    final Cpu c;
    final VmxOperations vmx;
    final Asm.Program guest;
    final VmxCapabilities capabilities;
    private final Vmx extension;
    /** Vector that the interrupt controller hands out. */
    int externalVector;
    /** What the ports read as, and the last value written. */
    int port;

    private boolean launched;

    VmxHost(Engine engine, String... text) {
        CpuModel model = CpuModels.parse("max-intel");
        memory.addRam(0, Arena.ofAuto().allocate(RAM, 4096));
        processor = new LogicalProcessor(
                model, 0, memory, timeline, new CodeCache(memory, engine), new Paging(model, memory), new Board());
        c = processor.cpu();
        guest = Asm.program(CodeSize.BITS64, CODE, text);
        capabilities = new VmxCapabilities(model.features());
        extension = (Vmx) c.virtualization;
        vmx = VmxOperations.of(extension);
        memory.write(CODE, guest.code(), 0, guest.code().length);
        memory.write(HOST, 8, 0xFDEB_F4L);
        Reset.reset(c);
        enterLongMode();
        c.cr4 |= Cr.VMXE;
        c.cr0 |= Cr.NE;
        memory.write(VMXON, 4, VmxCapabilities.REVISION);
        memory.write(VMCS, 4, VmxCapabilities.REVISION);
        vmx.vmxon(VMXON);
        vmx.vmclear(VMCS);
        vmx.vmptrld(VMCS);
        setControls();
        setHost();
        setGuest();
    }

    private final class Board implements Platform {
        @Override
        public int in(int number, int size) {
            return port;
        }

        @Override
        public void out(int number, int size, int value) {
            port = value;
        }

        @Override
        public int acknowledgeExternalInterrupt() {
            c.withdraw(Cpu.EXTERNAL_REQUEST);
            return externalVector;
        }
    }

    private void enterLongMode() {
        memory.write(GDT + 8, 8, 0x00AF9A000000FFFFL);
        memory.write(GDT + 16, 8, 0x00CF92000000FFFFL);
        c.gdtBase = GDT;
        c.gdtLimit = 0xFF;
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            c.selector[s] = s == Cpu.CS ? 8 : 16;
            c.segBase[s] = 0;
            c.segLimit[s] = 0xFFFFFFFFL;
            c.segAccess[s] = (int) (s == Cpu.CS ? CODE_64 : DATA_64);
        }
        for (int level = 0; level < 3; level++) {
            memory.write(PML4 + 0x1000L * level, 8, PML4 + 0x1000L * (level + 1) | 7);
        }
        for (long page = 0; page < RAM; page += 4096) {
            memory.write(PML4 + 0x3000 + (page >>> 9), 8, page | 7);
        }
        c.cr0 = Cr.PE | Cr.PG | Cr.ET;
        c.cr4 = Cr.PAE;
        c.efer = Cr.LME | Cr.LMA;
        c.cr3 = PML4;
        c.rip = HOST;
        c.updateMode();
    }

    private void setControls() {
        set(VmcsField.PIN_CONTROLS, capabilities.required1(Word.PIN_BASED));
        set(VmcsField.PRIMARY_CONTROLS, capabilities.required1(Word.PRIMARY));
        set(VmcsField.SECONDARY_CONTROLS, 0);
        set(VmcsField.EXIT_CONTROLS, capabilities.required1(Word.EXIT));
        set(VmcsField.ENTRY_CONTROLS, capabilities.required1(Word.ENTRY));
        on(VmxControl.USE_MSR_BITMAPS, VmxControl.USE_IO_BITMAPS, VmxControl.HOST_ADDRESS_SPACE_SIZE, VmxControl.IA32E_MODE_GUEST);
        set(VmcsField.MSR_BITMAPS, BITMAPS);
        set(VmcsField.IO_BITMAP_A, BITMAPS + 0x1000);
        set(VmcsField.IO_BITMAP_B, BITMAPS + 0x2000);
    }

    private void setHost() {
        set(VmcsField.HOST_CR0, c.cr0);
        set(VmcsField.HOST_CR3, c.cr3);
        set(VmcsField.HOST_CR4, c.cr4);
        set(VmcsField.HOST_CS_SELECTOR, 8);
        set(VmcsField.HOST_TR_SELECTOR, 24);
        set(VmcsField.HOST_GDTR_BASE, GDT);
        set(VmcsField.HOST_RIP, HOST);
        set(VmcsField.HOST_RSP, STACK);
    }

    private void setGuest() {
        set(VmcsField.GUEST_CR0, c.cr0);
        set(VmcsField.GUEST_CR3, c.cr3);
        set(VmcsField.GUEST_CR4, c.cr4);
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            set(SegmentFields.selector(s), s == Cpu.CS ? 8 : 16);
            set(SegmentFields.limit(s), 0xFFFFFFFFL);
            set(SegmentFields.access(s), s == Cpu.CS ? CODE_64 : DATA_64);
        }
        set(VmcsField.GUEST_LDTR_ACCESS_RIGHTS, UNUSABLE);
        set(VmcsField.GUEST_TR_SELECTOR, 24);
        set(VmcsField.GUEST_TR_LIMIT, 0x67);
        set(VmcsField.GUEST_TR_ACCESS_RIGHTS, BUSY_TSS);
        set(VmcsField.GUEST_GDTR_BASE, GDT);
        set(VmcsField.GUEST_GDTR_LIMIT, 0xFF);
        set(VmcsField.GUEST_IDTR_BASE, GUEST_IDT);
        set(VmcsField.GUEST_IDTR_LIMIT, 0xFFF);
        set(VmcsField.GUEST_RIP, CODE);
        set(VmcsField.GUEST_RSP, STACK);
        set(VmcsField.GUEST_RFLAGS, 2);
        set(VmcsField.GUEST_DR7, 0x400);
        set(VmcsField.VMCS_LINK_POINTER, -1);
    }

    VmxHost set(VmcsField field, long value) {
        vmx.vmwrite(field, value);
        return this;
    }

    long get(VmcsField field) {
        return vmx.vmread(field);
    }

    private static VmcsField field(Word word) {
        return switch (word) {
            case PIN_BASED -> VmcsField.PIN_CONTROLS;
            case PRIMARY -> VmcsField.PRIMARY_CONTROLS;
            case SECONDARY -> VmcsField.SECONDARY_CONTROLS;
            case TERTIARY -> VmcsField.TERTIARY_CONTROLS;
            case EXIT -> VmcsField.EXIT_CONTROLS;
            case SECONDARY_EXIT -> VmcsField.SECONDARY_EXIT_CONTROLS;
            case ENTRY -> VmcsField.ENTRY_CONTROLS;
        };
    }

    VmxHost on(VmxControl... controls) {
        for (VmxControl k : controls) {
            if (k.word == Word.SECONDARY) {
                on(VmxControl.ACTIVATE_SECONDARY);
            }
            set(field(k.word), get(field(k.word)) | k.bit);
        }
        return this;
    }

    VmxHost off(VmxControl... controls) {
        for (VmxControl k : controls) {
            set(field(k.word), get(field(k.word)) & ~k.bit);
        }
        return this;
    }

    /** Guest-physical memory is mapped one to one, all of it readable, writable and executable, with accessed and dirty flags. */
    VmxHost withEpt() {
        for (int level = 0; level < 3; level++) {
            memory.write(EPT + 0x1000L * level, 8, EPT + 0x1000L * (level + 1) | 7);
        }
        for (long page = 0; page < RAM; page += 4096) {
            memory.write(eptEntry(page), 8, page | 7 | 6 << 3);
        }
        return on(VmxControl.ENABLE_EPT).set(VmcsField.EPT_POINTER, EPT | 6 | 3 << 3 | 1 << 6);
    }

    /** An unrestricted guest in protected mode without paging, with EPT; flat segments. */
    VmxHost in32BitMode(int cpl) {
        off(VmxControl.IA32E_MODE_GUEST).on(VmxControl.UNRESTRICTED_GUEST);
        memory.write(GDT + 8, 8, 0x00CF9A000000FFFFL | (long) cpl << 45);
        memory.write(GDT + 16, 8, 0x00CF92000000FFFFL | (long) cpl << 45);
        set(VmcsField.GUEST_CR0, get(VmcsField.GUEST_CR0) & ~Cr.PG);
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            set(SegmentFields.selector(s), (s == Cpu.CS ? 8 : 16) | cpl);
            set(SegmentFields.access(s), (s == Cpu.CS ? 0xC09B : DATA_64) | cpl << 5);
        }
        return this;
    }

    /** The host is in 32-bit protected mode with PAE paging, and returns to it. */
    VmxHost outsideIa32eMode() {
        off(VmxControl.HOST_ADDRESS_SPACE_SIZE, VmxControl.IA32E_MODE_GUEST);
        memory.write(POINTERS, 8, POINTERS + 0x1000 | 1);
        memory.write(POINTERS + 0x1000, 8, 0xE3);
        c.efer = 0;
        c.cr3 = POINTERS;
        c.segAccess[Cpu.CS] = 0xC09B;
        c.translation.loadPointers(c, POINTERS);
        c.flushTlb();
        c.updateMode();
        return set(VmcsField.HOST_CR3, POINTERS).set(VmcsField.HOST_SS_SELECTOR, 16);
    }

    /** Where the EPT entry of a page is. */
    static long eptEntry(long guestPhysical) {
        return EPT + 0x3000 + (guestPhysical >>> 12 << 3);
    }

    /** An interrupt gate of the guest. */
    VmxHost gate(int vector, String label) {
        memory.write(GUEST_IDT + 16L * vector, 8, guest.label(label) & 0xFFFF | 8 << 16 | 0x8E00L << 32);
        return this;
    }

    /** Goes on behind the instruction that exited. */
    VmxHost skip() {
        return set(VmcsField.GUEST_RIP, get(VmcsField.GUEST_RIP) + get(VmcsField.EXIT_INSTRUCTION_LENGTH));
    }

    /** Injects an event. @param info interruption information without its valid bit */
    VmxHost inject(long info, int errorCode, int length) {
        set(VmcsField.ENTRY_EXCEPTION_ERROR_CODE, errorCode);
        set(VmcsField.ENTRY_INSTRUCTION_LENGTH, length);
        return set(VmcsField.ENTRY_INTERRUPTION_INFO, info | 1L << 31);
    }

    /** VMLAUNCH, or VMRESUME once it has succeeded. @return the guest runs; it does not if it exited at once */
    boolean enter() {
        if (launched) {
            vmx.vmresume();
        } else {
            vmx.vmlaunch();
        }
        boolean runs = isInGuest();
        boolean entered = (get(VmcsField.EXIT_REASON) & ENTRY_FAILURE) == 0 && (Flags.rflags(c) & (Flags.CF | Flags.ZF)) == 0;
        launched |= runs || entered;
        return runs;
    }

    /** Enters the guest and runs to the VM exit, which may be that of a failed entry. */
    ExitReason run() {
        if (enter()) {
            go();
            assertThat(isInGuest()).as("the guest still runs").isFalse();
        } else {
            assertThat(Flags.rflags(c) & (Flags.CF | Flags.ZF)).as("VMfail %d", get(VmcsField.VM_INSTRUCTION_ERROR)).isZero();
        }
        return ExitReason.of((int) get(VmcsField.EXIT_REASON) & 0xFFFF);
    }

    /** Runs on to the VM exit, or until nothing happens any more. */
    void go() {
        long end = timeline.now() + TICKS;
        processor.run(end);
    }

    /** The guest's program shall run without a guest, from the state that it would be entered with. */
    void startOnTheMetal() {
        c.idtBase = GUEST_IDT;
        c.idtLimit = 0xFFF;
        c.rip = CODE;
        c.gpr[RSP] = STACK;
        c.dr7 = 0x400;
        c.updateMode();
    }

    boolean isInGuest() {
        return extension.isNonRoot();
    }

    long label(String name) {
        return guest.label(name);
    }

    long rax() {
        return c.gpr[RAX];
    }

    long rsp() {
        return c.gpr[RSP];
    }
}
