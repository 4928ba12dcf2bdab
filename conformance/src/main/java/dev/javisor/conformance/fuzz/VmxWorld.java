package dev.javisor.conformance.fuzz;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxControl.Word;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.vmx.Vmx;
import dev.javisor.processor.vmx.VmxOperations;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A host in VMX root operation that enters guests of random code again and again, each time with something else wrong in the VMCS, and with
 * random controls.
 */
final class VmxWorld implements Scenario {
    private static final int GDT = 0x1000, IDT = 0x2000, PML4 = 0x4000, PDPT = 0x5000, HOST = 0x8000, POINTER = 0x9000, LIST = 0xA000;
    private static final int GUEST = 0x20000, GUEST_SIZE = 0x10000, STACK = 0x40000, EPT = 0x50000, VMXON = 0x60000, VMCS = 0x61000;
    private static final int PAGES = 0x70000, PAGE_COUNT = 0x40, HOST_STACK = 0x1F0000;
    private static final int ROUNDS = 120;
    private static final long CODE_64 = 0xA09B, CODE_32 = 0xC09B, CODE_16 = 0x9B, DATA = 0xC093, BUSY_TSS = 0x8B, UNUSABLE = 0x10000;

    /** Each exit skips the instruction, changes two fields as the list says, and enters again; when the list ends, the host halts. */
    private static final String[] PROGRAM = {
        "exit: mov ebx, " + POINTER, "mov rbx, [rbx]", "mov ecx, 0x440C", "vmread rax, rcx", "mov ecx, 0x681E", "vmread rdx, rcx",
        "add rdx, rax", "vmwrite rcx, rdx",
        "next: mov rcx, [rbx]", "mov rdx, [rbx+8]", "test rcx, rcx", "js end", "vmwrite rcx, rdx", "mov rcx, [rbx+16]",
        "mov rdx, [rbx+24]", "vmwrite rcx, rdx", "add rbx, 32", "mov eax, " + POINTER, "mov [rax], rbx",
        "vmresume", "vmlaunch", "mov ebx, " + POINTER, "mov rbx, [rbx]", "jmp next",
        "fault: mov esp, " + HOST_STACK, "jmp exit",
        "end: hlt", "jmp end"
    };

    /** What a control needs ("Checks on VMX Controls"): without these few cases a random VMCS never enters. */
    private static final Map<VmxControl, List<VmxControl>> NEEDS = Map.ofEntries(
            Map.entry(VmxControl.VIRTUAL_NMIS, List.of(VmxControl.NMI_EXITING)),
            Map.entry(VmxControl.NMI_WINDOW_EXITING, List.of(VmxControl.VIRTUAL_NMIS)),
            Map.entry(VmxControl.VIRTUALIZE_X2APIC_MODE, List.of(VmxControl.USE_TPR_SHADOW)),
            Map.entry(VmxControl.APIC_REGISTER_VIRTUALIZATION, List.of(VmxControl.USE_TPR_SHADOW)),
            Map.entry(
                    VmxControl.VIRTUAL_INTERRUPT_DELIVERY, List.of(VmxControl.USE_TPR_SHADOW, VmxControl.EXTERNAL_INTERRUPT_EXITING)),
            Map.entry(
                    VmxControl.PROCESS_POSTED_INTERRUPTS,
                    List.of(VmxControl.VIRTUAL_INTERRUPT_DELIVERY, VmxControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT)),
            Map.entry(VmxControl.SAVE_PREEMPTION_TIMER, List.of(VmxControl.ACTIVATE_PREEMPTION_TIMER)),
            Map.entry(VmxControl.UNRESTRICTED_GUEST, List.of(VmxControl.ENABLE_EPT)),
            Map.entry(VmxControl.ENABLE_PML, List.of(VmxControl.ENABLE_EPT)),
            Map.entry(VmxControl.EPT_VIOLATION_VE, List.of(VmxControl.ENABLE_EPT)),
            Map.entry(VmxControl.MODE_BASED_EXECUTE_CONTROL, List.of(VmxControl.ENABLE_EPT)),
            Map.entry(VmxControl.ENABLE_VM_FUNCTIONS, List.of(VmxControl.ENABLE_EPT)));

    private final CpuModel model;
    private final MachineConfiguration.Builder builder;
    private final long seed;

    VmxWorld(long seed) {
        SplittableRandom r = new SplittableRandom(seed);
        this.seed = r.nextLong();
        model = CpuModels.parse("max-intel");
        builder = MachineConfiguration.builder(model)
                .memory(World.MEMORY)
                .kernel(Images.kernel())
                .stopAtReset(true)
                .serial(ByteSink.NONE)
                .seed(r.nextLong());
    }

    @Override
    public String label() {
        return "guests";
    }

    @Override
    public Machine machine(Engine engine) {
        Machine machine = new Machine(builder.engine(engine).build());
        SplittableRandom r = new SplittableRandom(seed);
        PhysicalMemory m = machine.memory();
        Cpu c = machine.processors().getFirst().cpu();
        Asm.Program program = Asm.program(CodeSize.BITS64, HOST, PROGRAM);
        m.write(HOST, program.code(), 0, program.code().length);
        tables(m, program.label("fault"));
        int bits = new int[] {16, 32, 64, 64}[r.nextInt(4)];
        byte[] code = new RandomCode(r, model, bits).bytes(GUEST_SIZE);
        m.write(GUEST, code, 0, code.length);
        for (int at = PAGES; at < PAGES + PAGE_COUNT * 0x1000; at += 8) {
            m.write(at, 8, r.nextInt(8) == 0 ? r.nextLong() : 0);
        }
        ept(m, r);
        root(c, program.label("next"));
        VmxOperations vmx = VmxOperations.of((Vmx) c.virtualization);
        m.write(VMXON, 4, VmxCapabilities.REVISION);
        m.write(VMCS, 4, VmxCapabilities.REVISION);
        vmx.vmxon(VMXON);
        vmx.vmclear(VMCS);
        vmx.vmptrld(VMCS);
        Map<VmcsField, Long> fields = new EnumMap<>(VmcsField.class);
        controls(fields, r, bits);
        host(fields, c, program.label("exit"));
        guest(fields, c, r, bits);
        fields.forEach(vmx::vmwrite);
        list(m, fields, r);
        return machine;
    }

    private static void tables(PhysicalMemory m, long fault) {
        m.write(PML4, 8, PDPT | 7);
        for (long k = 0; k < 4; k++) {
            m.write(PDPT + 8 * k, 8, k << 30 | 0x87);
        }
        m.write(GDT + 8, 8, 0x00AF9A000000FFFFL);
        m.write(GDT + 16, 8, 0x00CF92000000FFFFL);
        for (int v = 0; v < 256; v++) {
            m.write(IDT + 16 * v, 8, fault & 0xFFFF | 8 << 16 | 0x8E00L << 32 | fault >>> 16 << 48);
        }
    }

    private static void ept(PhysicalMemory m, SplittableRandom r) {
        for (int level = 0; level < 3; level++) {
            m.write(EPT + 0x1000L * level, 8, EPT + 0x1000L * (level + 1) | 7);
        }
        int strangeness = r.nextInt(3) == 0 ? 12 : 100;
        for (long page = 0; page < 512; page++) {
            long entry = page << 12 | 7 | 6 << 3;
            m.write(EPT + 0x3000 + 8 * page, 8, r.nextInt(strangeness) == 0 ? r.nextBoolean() ? r.nextLong() : entry ^ 1L << r.nextInt(12)
                    : entry);
        }
    }

    private static void root(Cpu c, long rip) {
        c.activity = Cpu.ACTIVE;
        c.cr0 = Cr.PE | Cr.PG | Cr.ET | Cr.NE;
        c.cr4 = Cr.PAE | Cr.VMXE;
        c.efer = Cr.LME | Cr.LMA;
        c.cr3 = PML4;
        c.gdtBase = GDT;
        c.gdtLimit = 0xFF;
        c.idtBase = IDT;
        c.idtLimit = 0xFFF;
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            c.selector[s] = s == Cpu.CS ? 8 : 16;
            c.segBase[s] = 0;
            c.segLimit[s] = 0xFFFFFFFFL;
            c.segAccess[s] = (int) (s == Cpu.CS ? CODE_64 : DATA);
        }
        c.gpr[4] = HOST_STACK;
        c.gpr[3] = LIST;
        c.rip = rip;
        c.updateMode();
        c.flushTlb();
    }

    // ---- the VMCS ----

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

    private static long page(SplittableRandom r) {
        return PAGES + 0x1000L * r.nextInt(PAGE_COUNT);
    }

    private void controls(Map<VmcsField, Long> fields, SplittableRandom r, int bits) {
        VmxCapabilities capabilities = new VmxCapabilities(model.features());
        for (Word w : Word.values()) {
            fields.put(field(w), capabilities.required1(w));
        }
        int density = r.nextInt(2, 12);
        for (VmxControl control : VmxControl.values()) {
            boolean exclusive = control == VmxControl.VIRTUALIZE_APIC_ACCESSES;
            if (capabilities.has(control) && !exclusive && r.nextInt(density) == 0) {
                add(fields, control);
            }
        }
        if ((fields.get(VmcsField.SECONDARY_CONTROLS) & VmxControl.VIRTUALIZE_X2APIC_MODE.bit) == 0 && r.nextInt(density) == 0) {
            add(fields, VmxControl.VIRTUALIZE_APIC_ACCESSES);
        }
        if (bits != 64 || r.nextBoolean()) {
            add(fields, VmxControl.ENABLE_EPT);
            add(fields, VmxControl.UNRESTRICTED_GUEST);
        }
        add(fields, VmxControl.HOST_ADDRESS_SPACE_SIZE);
        if (bits == 64) {
            add(fields, VmxControl.IA32E_MODE_GUEST);
        } else {
            fields.merge(VmcsField.ENTRY_CONTROLS, ~VmxControl.IA32E_MODE_GUEST.bit, (a, b) -> a & b);
        }
        for (VmcsField f : List.of(
                VmcsField.MSR_BITMAPS, VmcsField.IO_BITMAP_A, VmcsField.IO_BITMAP_B, VmcsField.VIRTUAL_APIC_ADDRESS,
                VmcsField.APIC_ACCESS_ADDRESS, VmcsField.PML_ADDRESS, VmcsField.EPTP_LIST_ADDRESS, VmcsField.VMREAD_BITMAP,
                VmcsField.VMWRITE_BITMAP, VmcsField.VE_INFORMATION_ADDRESS, VmcsField.POSTED_INTERRUPT_DESCRIPTOR,
                VmcsField.EXIT_MSR_STORE_ADDRESS, VmcsField.EXIT_MSR_LOAD_ADDRESS, VmcsField.ENTRY_MSR_LOAD_ADDRESS)) {
            fields.put(f, page(r));
        }
        fields.put(VmcsField.EPT_POINTER, EPT | 6 | 3L << 3 | (r.nextBoolean() ? 1L << 6 : 0));
        fields.put(VmcsField.VIRTUAL_PROCESSOR_ID, (long) r.nextInt(1, 3));
        fields.put(VmcsField.TSC_MULTIPLIER, 1L << 48);
        fields.put(VmcsField.PML_INDEX, (long) r.nextInt(512));
        fields.put(VmcsField.EXCEPTION_BITMAP, r.nextInt(3) == 0 ? r.nextLong() & 0xFFFFFFFFL : r.nextInt(4) == 0 ? 0 : 1L << 13 | 1L << 6);
    }

    private static void add(Map<VmcsField, Long> fields, VmxControl control) {
        fields.merge(field(control.word), control.bit, (a, b) -> a | b);
        if (control.word == Word.SECONDARY) {
            add(fields, VmxControl.ACTIVATE_SECONDARY);
        }
        NEEDS.getOrDefault(control, List.of()).forEach(needed -> add(fields, needed));
    }

    private static void host(Map<VmcsField, Long> fields, Cpu c, long rip) {
        fields.put(VmcsField.HOST_CR0, c.cr0);
        fields.put(VmcsField.HOST_CR3, c.cr3);
        fields.put(VmcsField.HOST_CR4, c.cr4);
        fields.put(VmcsField.HOST_CS_SELECTOR, 8L);
        fields.put(VmcsField.HOST_TR_SELECTOR, 24L);
        fields.put(VmcsField.HOST_GDTR_BASE, (long) GDT);
        fields.put(VmcsField.HOST_IDTR_BASE, (long) IDT);
        fields.put(VmcsField.HOST_EFER, c.efer);
        fields.put(VmcsField.HOST_PAT, 0x0007040600070406L);
        fields.put(VmcsField.HOST_RIP, rip);
        fields.put(VmcsField.HOST_RSP, (long) HOST_STACK);
    }

    private static void guest(Map<VmcsField, Long> fields, Cpu c, SplittableRandom r, int bits) {
        boolean paged = bits == 64;
        fields.put(VmcsField.GUEST_CR0, paged ? c.cr0 : bits == 32 ? Cr.PE | Cr.ET | Cr.NE : Cr.ET | Cr.NE);
        fields.put(VmcsField.GUEST_CR3, c.cr3);
        fields.put(VmcsField.GUEST_CR4, c.cr4);
        fields.put(VmcsField.GUEST_EFER, paged ? c.efer : 0);
        fields.put(VmcsField.GUEST_PAT, 0x0007040600070406L);
        long code = bits == 64 ? CODE_64 : bits == 32 ? CODE_32 : CODE_16;
        long data = bits == 16 ? 0x93 : DATA;
        VmcsField[] all = VmcsField.values();
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            fields.put(all[VmcsField.GUEST_ES_SELECTOR.ordinal() + s], bits == 16 ? s == Cpu.CS ? GUEST >> 4 : 0L : s == Cpu.CS ? 8L : 16);
            fields.put(all[VmcsField.GUEST_ES_BASE.ordinal() + s], bits == 16 && s == Cpu.CS ? (long) GUEST : 0);
            fields.put(all[VmcsField.GUEST_ES_LIMIT.ordinal() + s], bits == 16 ? 0xFFFFL : 0xFFFFFFFFL);
            fields.put(all[VmcsField.GUEST_ES_ACCESS_RIGHTS.ordinal() + s], s == Cpu.CS ? code : data);
        }
        fields.put(VmcsField.GUEST_LDTR_ACCESS_RIGHTS, UNUSABLE);
        fields.put(VmcsField.GUEST_TR_SELECTOR, 24L);
        fields.put(VmcsField.GUEST_TR_LIMIT, 0x67L);
        fields.put(VmcsField.GUEST_TR_ACCESS_RIGHTS, BUSY_TSS);
        fields.put(VmcsField.GUEST_GDTR_BASE, (long) GDT);
        fields.put(VmcsField.GUEST_GDTR_LIMIT, 0xFFL);
        fields.put(VmcsField.GUEST_IDTR_BASE, (long) IDT);
        fields.put(VmcsField.GUEST_IDTR_LIMIT, 0xFFFL);
        fields.put(VmcsField.GUEST_RIP, rip(r, bits));
        fields.put(VmcsField.GUEST_RSP, bits == 16 ? 0x7000L : STACK);
        fields.put(VmcsField.GUEST_RFLAGS, 2L);
        fields.put(VmcsField.GUEST_DR7, 0x400L);
        fields.put(VmcsField.VMCS_LINK_POINTER, -1L);
    }

    private static long rip(SplittableRandom r, int bits) {
        return (bits == 16 ? 0 : GUEST) + r.nextInt(GUEST_SIZE);
    }

    /** For each entry: something wrong, and what was wrong put right; or another place to go on, or an event. */
    private static void list(PhysicalMemory m, Map<VmcsField, Long> fields, SplittableRandom r) {
        m.write(POINTER, 8, LIST);
        List<VmcsField> known = new ArrayList<>(fields.keySet());
        int bits = (fields.get(VmcsField.ENTRY_CONTROLS) & VmxControl.IA32E_MODE_GUEST.bit) != 0 ? 64
                : (fields.get(VmcsField.GUEST_CR0) & Cr.PE) != 0 ? 32 : 16;
        VmcsField repair = VmcsField.GUEST_RFLAGS;
        int at = LIST;
        for (int k = 0; k < ROUNDS; k++) {
            VmcsField f = r.nextBoolean() ? VmcsField.GUEST_RIP
                    : r.nextInt(3) == 0 ? VmcsField.ENTRY_INTERRUPTION_INFO
                    : r.nextInt(4) == 0 ? VmcsField.values()[r.nextInt(VmcsField.values().length)]
                    : known.get(r.nextInt(known.size()));
            long value = switch (f) {
                case GUEST_RIP -> rip(r, bits);
                case ENTRY_INTERRUPTION_INFO -> 1L << 31 | r.nextInt(8) << 8 | r.nextInt(r.nextBoolean() ? 32 : 256) | r.nextInt(2) << 11;
                default -> r.nextInt(4) == 0 ? r.nextLong()
                        : r.nextInt(4) == 0 ? page(r)
                        : fields.getOrDefault(f, 0L) ^ 1L << r.nextInt(64);
            };
            m.write(at, 8, repair.encoding);
            m.write(at + 8, 8, repair == VmcsField.GUEST_RIP ? rip(r, bits) : fields.getOrDefault(repair, 0L));
            m.write(at + 16, 8, f.encoding);
            m.write(at + 24, 8, value);
            repair = f;
            at += 32;
        }
        m.write(at, 8, -1);
    }

    @Override
    public void disturb(Machine machine, SplittableRandom random) {
        Cpu c = machine.processors().getFirst().cpu();
        switch (random.nextInt(8)) {
            case 0 -> c.request(Cpu.NMI_REQUEST);
            case 1 -> c.request(Cpu.SMI_REQUEST);
            case 2 -> c.request(Cpu.INIT_REQUEST);
            case 3 -> machine.memory().write(PAGES + 8L * random.nextInt(PAGE_COUNT * 512), 8, random.nextLong());
            default -> {}
        }
    }
}
