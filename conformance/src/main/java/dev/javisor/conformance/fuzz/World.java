package dev.javisor.conformance.fuzz;

import dev.javisor.hypervisor.Kvm;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Msr;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.machine.Chipset;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineConfiguration.TestDevice;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.paging.Paging;
import dev.javisor.processor.segment.SegmentRegisters;
import dev.javisor.processor.system.ControlRegisters;
import dev.javisor.processor.system.Msrs;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** A machine in a random state that is possible: a mode, its tables with some nonsense in them, code, registers. */
final class World implements Scenario {
    enum Mode {
        REAL(16),
        VIRTUAL_8086(16),
        PROTECTED_16(16),
        PROTECTED_32(32),
        PAGING_32(32),
        PAGING_PAE(32),
        COMPATIBILITY(32),
        LONG_4_LEVEL(64),
        LONG_5_LEVEL(64);

        final int bits;

        Mode(int bits) {
            this.bits = bits;
        }

        boolean isLong() {
            return ordinal() >= COMPATIBILITY.ordinal();
        }

        boolean isPaged() {
            return ordinal() >= PAGING_32.ordinal();
        }
    }

    static final long MEMORY = 2L << 20;
    static final int GDT = 0x2000, DESCRIPTORS = 64;
    static final int DATA0 = 2, TASK = 6, LOCAL = 14;
    /** Of 64-bit code, where handlers of compatibility mode are. */
    static final int WIDE = DESCRIPTORS - 2;

    private static final int IDT = 0x1000, LDT = 0x3000, TSS = 0x4000, TSS_STEP = 0x800, DATA = 0x8000;
    static final int TABLES = 0x40000, TABLES_SIZE = 0x5000;
    private static final int CODE = 0x10000, CODE_SIZE = 0x10000, STACKS = 0x20000, VMX = 0x88000;
    private static final int CODE0 = 1, CODE3 = 3, DATA3 = 4, CODE16 = 5;
    /** The first of the last pages, where paging shows devices. */
    private static final int DEVICES = 0x1F0;

    private static final long WRITABLE_CR0 = Cr.MP | Cr.NE | Cr.WP | Cr.AM;

    private final SplittableRandom random;
    private final Mode mode;
    private final CpuModel model;
    private final MachineConfiguration.Builder builder;
    private final long seed;

    /** Decides everything about a case; {@link #machine} makes it. */
    World(long seed) {
        this(seed, false);
    }

    /** @param guest a processor as the hypervisor's guests have it */
    World(long seed, boolean guest) {
        random = new SplittableRandom(seed);
        this.seed = random.nextLong();
        String name = any(CpuModels.names());
        String extra = random.nextInt(4) == 0 ? ",+vmx" : "";
        CpuModel chosen = guest ? Kvm.guestModel(CpuModels.parse(name)) : CpuModels.parse(name + extra);
        Mode m = Mode.values()[random.nextInt(Mode.values().length)];
        boolean impossible = m.isLong() && !chosen.features().has(Feature.LM)
                || m == Mode.LONG_5_LEVEL && !chosen.features().has(Feature.LA57)
                || m == Mode.PAGING_PAE && !chosen.features().has(Feature.PAE);
        mode = impossible ? Mode.PROTECTED_32 : m;
        model = chosen;
        builder = MachineConfiguration.builder(model)
                .memory(MEMORY)
                .processors(random.nextInt(3) == 0 ? random.nextInt(2, 4) : 1)
                .chipset(random.nextBoolean() ? Chipset.PC : Chipset.Q35)
                .kernel(Images.kernel())
                .stopAtReset(random.nextInt(4) != 0)
                .serial(ByteSink.NONE)
                .virtioConsole(ByteSink.NONE)
                .seed(random.nextLong());
        if (random.nextInt(4) == 0) {
            builder.testDevice(TestDevice.PC_TESTDEV);
        }
    }

    @Override
    public String label() {
        return mode.name();
    }

    /** What other processors, devices and people do. */
    @Override
    public void disturb(Machine machine, SplittableRandom random) {
        Cpu c = machine.processors().get(random.nextInt(machine.processors().size())).cpu();
        switch (random.nextInt(10)) {
            case 0 -> c.request(Cpu.NMI_REQUEST);
            case 1 -> c.request(Cpu.SMI_REQUEST);
            case 2 -> c.request(Cpu.INIT_REQUEST);
            case 3 -> c.request(Cpu.MACHINE_CHECK_REQUEST);
            case 4 -> machine.memory().write(address(random) & 0x1FFFF8L, 8, random.nextLong());
            case 5 -> machine.input(0).add(new byte[] {(byte) random.nextInt()});
            case 6 -> c.platform.out(Device.port(random), 1 << random.nextInt(3), random.nextInt());
            default -> {}
        }
    }

    @Override
    public boolean revive(Machine machine, SplittableRandom r) {
        for (int i = 0; i < machine.processors().size(); i++) {
            LogicalProcessor p = machine.processors().get(i);
            if (p.cpu().activity == Cpu.SHUTDOWN) {
                p.reset();
                start(p.cpu(), r, i);
            }
        }
        return true;
    }

    private <T> T any(List<T> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    /** An address that code may want: data, page borders, tables, devices. */
    static int address(SplittableRandom random) {
        return switch (random.nextInt(10)) {
            case 0 -> random.nextInt((int) MEMORY);
            case 1 -> random.nextInt(0x10, 0x80) * 0x1000 - random.nextInt(20);
            case 2 -> random.nextInt(IDT, DATA);
            case 3 -> TABLES + random.nextInt(0x6000);
            case 4 -> CODE + random.nextInt(CODE_SIZE);
            case 5 -> switch (random.nextInt(8)) {
                case 0 -> Device.memory(random);
                case 1, 2 -> (DEVICES << 12) + random.nextInt((int) MEMORY - (DEVICES << 12));
                default -> VMX + 0x1000 * random.nextInt(8);
            };
            default -> DATA + random.nextInt(0x8000);
        };
    }

    @Override
    public Machine machine(Engine engine) {
        Machine machine = new Machine(builder.engine(engine).build());
        SplittableRandom r = new SplittableRandom(seed);
        fill(machine, r);
        for (int i = 0; i < machine.processors().size(); i++) {
            Cpu c = machine.processors().get(i).cpu();
            if (i == 0 || r.nextBoolean()) {
                start(c, r, i);
            }
        }
        return machine;
    }

    /**
     * A machine that is about to bring its processors to the states that {@link #machine(Engine)} begins with, by code of the guest: what
     * that can do runs anywhere.
     */
    Machine machine(MachineConfiguration.Builder b) {
        Machine machine = new Machine(b.build());
        SplittableRandom r = new SplittableRandom(seed);
        fill(machine, r);
        Launch launch = new Launch(mode);
        int processors = machine.configuration().processors();
        for (int i = 0; i < processors; i++) {
            Cpu c = new Cpu(model, i, machine.memory(), new Timeline());
            c.translation = new Paging(model, machine.memory());
            new LocalApic(c, new ApicBus());
            launch.add(machine.memory(), c, start(c, r, i));
        }
        launch.write(machine.memory());
        mapOneToOne(machine.memory(), Launch.BEGIN, Launch.END);
        mapOneToOne(machine.memory(), Launch.LOW, Launch.LOW + 0x1000);
        return machine;
    }

    CpuModel model() {
        return model;
    }

    MachineConfiguration.Builder configuration() {
        return builder;
    }

    // ---- memory ----

    private void fill(Machine machine, SplittableRandom r) {
        PhysicalMemory m = machine.memory();
        for (int at = DATA; at < CODE; at += 8) {
            m.write(at, 8, r.nextInt(3) == 0 ? r.nextLong() : r.nextInt(3) == 0 ? address(r) : 0);
        }
        byte[] code = new RandomCode(r, model, mode.bits).bytes(CODE_SIZE);
        m.write(CODE, code, 0, code.length);
        for (int at = STACKS; at < TABLES; at += 8) {
            m.write(at, 8, r.nextBoolean() ? codeAddress(r) : r.nextInt(DESCRIPTORS * 8));
        }
        descriptors(m, r);
        gates(m, r);
        tasks(m, r);
        if (mode.isPaged()) {
            pages(m, r);
        }
        for (int page = 0; page < 8; page++) {
            m.write(VMX + 0x1000 * page, 4, VmxCapabilities.REVISION);
        }
    }

    private static int codeAddress(SplittableRandom r) {
        return CODE + r.nextInt(CODE_SIZE);
    }

    private static long descriptor(long base, long limit, int access) {
        long low = limit & 0xFFFF | (base & 0xFFFFFF) << 16;
        return low | (long) (access & 0xF0FF) << 40 | (limit >>> 16 & 15) << 48 | (base >>> 24 & 0xFF) << 56;
    }

    /** Access rights of code for this mode, of privilege level 0. */
    private int codeAccess() {
        return mode.isLong() && mode != Mode.COMPATIBILITY ? 0xA09B : mode.bits == 16 ? 0x809B : 0xC09B;
    }

    private void descriptors(PhysicalMemory m, SplittableRandom r) {
        int data = mode.bits == 16 && r.nextBoolean() ? 0x8093 : 0xC093;
        put(m, CODE0, descriptor(0, 0xFFFFF, codeAccess()));
        put(m, DATA0, descriptor(0, 0xFFFFF, data));
        put(m, CODE3, descriptor(0, 0xFFFFF, codeAccess() | 0x60));
        put(m, DATA3, descriptor(0, 0xFFFFF, data | 0x60));
        put(m, CODE16, descriptor(0, 0xFFFF, 0x9B));
        for (int i = 0; i < 3; i++) {
            put(m, TASK + 2 * i, descriptor(TSS + i * TSS_STEP, 0x7FF, 0x8B));
            put(m, TASK + 2 * i + 1, 0);
        }
        put(m, LOCAL, descriptor(LDT, 0xFFF, 0x82));
        put(m, LOCAL + 1, 0);
        for (int i = LOCAL + 2; i < DESCRIPTORS; i++) {
            put(m, i, anyDescriptor(r));
            m.write(LDT + 8 * i, 8, anyDescriptor(r));
        }
        if (mode == Mode.COMPATIBILITY) {
            put(m, WIDE, descriptor(0, 0xFFFFF, 0xA09B));
        }
    }

    private static void put(PhysicalMemory m, int index, long descriptor) {
        m.write(GDT + 8 * index, 8, descriptor);
    }

    private long anyDescriptor(SplittableRandom r) {
        int level = r.nextInt(4) << 5;
        return switch (r.nextInt(6)) {
            case 0 -> r.nextLong();
            case 1 -> gate(r, 0x80 | level | (mode.isLong() || r.nextBoolean() ? 0xC : 0x4)) | r.nextLong(4) << 32;
            case 2 -> descriptor(TSS + r.nextInt(4) * TSS_STEP, 0x7FF, 0x80 | level | new int[] {9, 1, 11, 3}[r.nextInt(4)]);
            case 3 -> gate(r, 0x85 | level);
            default -> {
                int access = 0x90 | level | r.nextInt(16) | r.nextInt(16) << 12;
                yield descriptor(r.nextBoolean() ? 0 : address(r), r.nextInt(0x100000), access);
            }
        };
    }

    /** A gate to code. */
    private long gate(SplittableRandom r, int access) {
        int selector = r.nextInt(12) == 0 ? r.nextInt(DESCRIPTORS * 8) : (mode == Mode.COMPATIBILITY ? WIDE : CODE0) * 8;
        long offset = codeAddress(r);
        return offset & 0xFFFF | (long) selector << 16 | (long) access << 40 | offset >>> 16 << 48;
    }

    private void gates(PhysicalMemory m, SplittableRandom r) {
        for (int v = 0; v < 256; v++) {
            if (mode == Mode.REAL) {
                m.write(4 * v, 4, (long) (CODE >> 4) << 16 | r.nextInt(CODE_SIZE));
                continue;
            }
            int type = r.nextInt(20) == 0 ? r.nextInt(16) : r.nextInt(4) == 0 ? 0xF : 0xE;
            long g = gate(r, 0x80 | (r.nextInt(4) == 0 ? 0x60 : 0) | type);
            if (r.nextInt(100) == 0) {
                g = r.nextLong();
            }
            if (mode.isLong()) {
                m.write(IDT + 16 * v, 8, g | (r.nextInt(6) == 0 ? r.nextLong(8) << 32 : 0));
                m.write(IDT + 16 * v + 8, 8, r.nextInt(200) == 0 ? r.nextLong() : 0);
            } else {
                m.write(IDT + 8 * v, 8, g);
            }
        }
    }

    private void tasks(PhysicalMemory m, SplittableRandom r) {
        for (int i = 0; i < 4; i++) {
            long at = TSS + (long) i * TSS_STEP;
            for (int k = 0; k < TSS_STEP; k += 4) {
                m.write(at + k, 4, r.nextInt(8) == 0 ? r.nextInt() : 0);
            }
            if (mode.isLong()) {
                for (int k = 4; k < 0x5C; k += 8) {
                    m.write(at + k, 8, stack(r));
                }
            } else {
                for (int level = 0; level < 3; level++) {
                    m.write(at + 4 + 8 * level, 4, stack(r));
                    m.write(at + 8 + 8 * level, 4, DATA0 * 8);
                }
                m.write(at + 0x1C, 4, TABLES);
                m.write(at + 0x20, 4, codeAddress(r));
                m.write(at + 0x38, 4, stack(r));
                for (int k = 0; k < 6; k++) {
                    m.write(at + 0x48 + 4 * k, 4, r.nextInt(6) == 0 ? r.nextInt(DESCRIPTORS * 8) : (k == 1 ? CODE0 : DATA0) * 8);
                }
                m.write(at + 0x60, 4, LOCAL * 8);
            }
            m.write(at + 0x66, 2, r.nextBoolean() ? 0x88 : r.nextInt(0x900));
        }
    }

    private static int stack(SplittableRandom r) {
        return STACKS + 0x1000 + r.nextInt(0x1E00) * 16;
    }

    /** One to one, with some nonsense: entries without rights, with reserved bits, elsewhere, large. */
    private void pages(PhysicalMemory m, SplittableRandom r) {
        int size = mode == Mode.PAGING_32 ? 4 : 8;
        int table = TABLES;
        int levels = mode == Mode.PAGING_32 ? 1 : mode == Mode.PAGING_PAE ? 2 : mode == Mode.LONG_5_LEVEL ? 4 : 3;
        for (int level = levels; level > 0; level--) {
            boolean pointers = mode == Mode.PAGING_PAE && level == levels;
            for (int k = 0; k < (mode == Mode.PAGING_PAE && pointers ? 4 : 4096 / size); k++) {
                boolean inUse = k == 0 || r.nextInt(64) == 0;
                m.write(table + k * size, size, inUse ? table + 0x1000 | (pointers ? 1 : 7) : r.nextInt(100) == 0 ? entry(r, k) : 0);
            }
            table += 0x1000;
        }
        int strangeness = r.nextInt(3) == 0 ? 10 : 60;
        for (int k = 0; k < 4096 / size; k++) {
            boolean device = k >= DEVICES && k < MEMORY >> 12 && r.nextBoolean();
            if (device) {
                m.write(table + k * size, size, Device.memory(r) & 0xFFFFF000L | 7 | r.nextInt(8) << 5);
                continue;
            }
            m.write(table + k * size, size, r.nextInt(strangeness) == 0 ? entry(r, k) : (long) k << 12 | 7 | r.nextInt(8) << 5);
        }
    }

    /** Where the last table of {@link #pages} maps one to one, whatever it maps. */
    void mapOneToOne(PhysicalMemory m, long first, long end) {
        int size = mode == Mode.PAGING_32 ? 4 : 8;
        int table = TABLES + 0x1000 * (mode == Mode.PAGING_32 ? 1 : mode == Mode.PAGING_PAE ? 2 : mode == Mode.LONG_5_LEVEL ? 4 : 3);
        for (long at = first; at < end && mode.isPaged(); at += 4096) {
            m.write(table + (at >>> 12) * size, size, at | 3);
        }
    }

    private static long entry(SplittableRandom r, int page) {
        return switch (r.nextInt(6)) {
            case 0 -> r.nextLong();
            case 1 -> 0;
            case 2 -> (long) page << 12 | r.nextInt(0x1000) | r.nextLong() & Long.MIN_VALUE;
            case 3 -> (long) r.nextInt((int) (MEMORY >> 12)) << 12 | 7;
            case 4 -> Device.memory(r) & 0xFFFFF000L | 7;
            default -> (long) page << 12 | 1 | r.nextInt(4) << 1 | r.nextLong(16) << 59;
        };
    }

    // ---- processors ----

    /** Returns the model-specific registers that were written, with their values. */
    private List<long[]> start(Cpu c, SplittableRandom r, int index) {
        c.activity = Cpu.ACTIVE;
        // A processor that does not run has no time of its own, which writing time-stamp counters asks for.
        c.budget = 0;
        c.sliceEnd = c.timeline.now();
        c.gdtBase = GDT;
        c.gdtLimit = r.nextInt(8) == 0 ? r.nextInt(0x10000) : DESCRIPTORS * 8 - 1;
        c.idtBase = mode == Mode.REAL ? 0 : IDT;
        c.idtLimit = r.nextInt(16) == 0 ? r.nextInt(0x1000) : 0xFFF;
        c.cr0 = Cr.ET | r.nextLong() & WRITABLE_CR0 | (r.nextInt(8) == 0 ? Cr.TS : 0) | (r.nextInt(16) == 0 ? Cr.EM : 0);
        c.cr4 = r.nextLong() & r.nextLong() & ControlRegisters.cr4Bits(c) & ~(Cr.PAE | Cr.LA57 | Cr.VMXE | Cr.PCIDE | Cr.CET | Cr.FRED);
        c.cr4 &= r.nextInt(4) == 0 ? -1 : ~(Cr.SMEP | Cr.SMAP);
        c.cr4 |= c.has(Feature.FXSR) && r.nextInt(4) != 0 ? Cr.OSFXSR : 0;
        c.cr4 |= c.has(Feature.VMX) && r.nextBoolean() ? Cr.VMXE : 0;
        c.efer = r.nextLong() & ControlRegisters.eferBits(c) & (Cr.SCE | Cr.NXE);
        registers(c, r);
        modeRegisters(c, r, index);
        c.updateMode();
        c.flushTlb();
        List<long[]> msrs = msrs(c, r);
        if (mode == Mode.PAGING_PAE) {
            c.translation.loadPointers(c, c.cr3);
        }
        if (r.nextInt(6) == 0) {
            breakpoints(c, r);
        }
        return msrs;
    }

    private void modeRegisters(Cpu c, SplittableRandom r, int index) {
        if (mode == Mode.REAL) {
            c.selector[Cpu.CS] = CODE >> 4;
            c.segBase[Cpu.CS] = CODE;
            c.rip = r.nextInt(CODE_SIZE);
            for (int s : new int[] {Cpu.ES, Cpu.SS, Cpu.DS, Cpu.FS, Cpu.GS}) {
                SegmentRegisters.setReal(c, s, s == Cpu.SS ? STACKS >> 4 : r.nextInt(4) == 0 ? r.nextInt(0x10000) : 0);
            }
            return;
        }
        c.cr0 |= Cr.PE | (mode.isPaged() ? Cr.PG : 0);
        c.cr4 |= mode.isLong() || mode == Mode.PAGING_PAE ? Cr.PAE : 0;
        c.cr4 |= mode == Mode.LONG_5_LEVEL ? Cr.LA57 : 0;
        c.cr3 = TABLES;
        c.efer |= mode.isLong() ? Cr.LME | Cr.LMA : 0;
        SegmentRegisters.set(c, Cpu.TR, (TASK + 2 * index) * 8, descriptor(TSS + index * TSS_STEP, 0x7FF, 0x8B));
        SegmentRegisters.set(c, Cpu.LDTR, LOCAL * 8, descriptor(LDT, 0xFFF, 0x82));
        if (mode == Mode.VIRTUAL_8086) {
            c.cpl = 3;
            c.rflags |= Flags.VM;
            for (int s : new int[] {Cpu.ES, Cpu.CS, Cpu.SS, Cpu.DS, Cpu.FS, Cpu.GS}) {
                SegmentRegisters.setV86(c, s, s == Cpu.CS ? CODE >> 4 : s == Cpu.SS ? STACKS >> 4 : r.nextInt(0x4000));
            }
            c.rip = r.nextInt(CODE_SIZE);
            return;
        }
        int cpl = r.nextBoolean() ? 0 : 3;
        int data = cpl == 0 ? DATA0 : DATA3;
        SegmentRegisters.setCode(c, (cpl == 0 ? CODE0 : CODE3) * 8, descriptor(0, 0xFFFFF, codeAccess() | cpl << 5), cpl);
        for (int s : new int[] {Cpu.ES, Cpu.SS, Cpu.DS, Cpu.FS, Cpu.GS}) {
            SegmentRegisters.set(c, s, data * 8 + cpl, c.memory.read(GDT + data * 8, 8));
        }
        c.rip = codeAddress(r);
    }

    private void registers(Cpu c, SplittableRandom r) {
        for (int i = 0; i < 16; i++) {
            long value = r.nextInt(4) == 0 ? r.nextLong() : r.nextInt(3) == 0 ? r.nextInt(300) : address(r);
            c.gpr[i] = i < 8 || mode.bits == 64 ? mode.bits == 64 ? value : value & 0xFFFFFFFFL : 0;
        }
        c.gpr[4] = mode.bits == 16 ? r.nextInt(0x8000) * 2 : stack(r);
        long flags = r.nextLong() & (Flags.ARITHMETIC | Flags.IF | Flags.DF | Flags.AC | 0x3000);
        Flags.setRflags(c, Flags.FIXED | flags | (r.nextInt(16) == 0 ? Flags.TF : 0));
        c.x87.control = r.nextInt() & 0x1F7F;
        c.x87.status = r.nextInt() & 0x3800;
        c.x87.valid = r.nextInt(256);
        c.mxcsr = r.nextBoolean() ? 0x1F80 : r.nextInt() & 0xFFBF;
        for (int i = 0; i < 8; i++) {
            c.x87.significand[i] = r.nextLong();
            c.x87.signExponent[i] = r.nextInt(0x10000);
        }
        for (int i = 0; i < 16; i++) {
            c.vector[8 * i] = r.nextLong();
            c.vector[8 * i + 1] = r.nextLong();
        }
    }

    private static List<long[]> msrs(Cpu c, SplittableRandom r) {
        List<long[]> written = new ArrayList<>();
        List<Msr> all = new ArrayList<>(List.of(Msr.values()));
        all.remove(Msr.EFER);
        // Where memory is, the hypervisor does not show the registers, as KVM does not.
        all.remove(Msr.APIC_BASE);
        for (int n = r.nextInt(20); n > 0; n--) {
            Msr m = all.get(r.nextInt(all.size()));
            long value = r.nextInt(3) == 0 ? r.nextLong() : r.nextBoolean() ? address(r) : 1L << r.nextInt(64);
            int index = m.index + r.nextInt(m.count) * m.stride;
            written.add(new long[] {index, value});
            try {
                Msrs.write(c, index, value);
            } catch (GuestFault refused) {
                // So be it.
            }
        }
        return written;
    }

    private static void breakpoints(Cpu c, SplittableRandom r) {
        for (int i = 0; i < 4; i++) {
            c.dr[i] = r.nextBoolean() ? codeAddress(r) : address(r) & 0xFFFFFFFFL;
        }
        c.dr7 = 0x400 | r.nextInt() & 0xFFFF03FFL;
        c.updateBreakpoints();
    }
}
