package dev.javisor.conformance.fuzz;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModels;
import dev.javisor.machine.Chipset;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineConfiguration.TestDevice;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Platform;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.memory.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A program in 64-bit mode that does what a list says: accesses to ports and to memory of devices, model-specific registers, waiting. The
 * list is nonsense of the kind that drivers with bugs produce.
 */
final class DeviceWorld implements Scenario {
    private static final int CODE = 0x10000, IDT = 0x2000, GDT = 0x3000, PML4 = 0x4000, PDPT = 0x5000, STACK = 0x20000, LIST = 0x30000;
    private static final int ENTRY = 24, LENGTH = 300, LIST_STEP = 0x4000,
            SMI_HANDLER = 0x38000;
    /** Queues, buffers and descriptors, true and false. */
    private static final int RINGS = 0x80000, RINGS_END = 0x1C0000;
    private static final int CONFIG_ADDRESS = 0xCF8, CONFIG_DATA = 0xCFC, FW_CFG_DMA = 0x514;

    // What an entry of the list asks for; 0 begins the list again.
    private static final int OUT = 1, IN = 4, WRITE = 7, READ = 11, WAIT = 15, DELAY = 16, WRMSR = 17, RDMSR = 18, COPY = 19, KINDS = 20;

    private static final String[] PROGRAM = {
        "start: mov rsi, r15", "next: mov eax, [rsi]", "mov rdx, [rsi+8]", "mov rbx, [rsi+16]", "add rsi, 24", "lea rdi, [table]",
        "cmp eax, " + KINDS, "jae start", "mov rdi, [rdi+rax*8]", "mov rax, rbx", "jmp rdi",
        "out1: out dx, al", "jmp next", "out2: out dx, ax", "jmp next", "out4: out dx, eax", "jmp next",
        "in1: in al, dx", "jmp next", "in2: in ax, dx", "jmp next", "in4: in eax, dx", "jmp next",
        "write1: mov [rdx], al", "jmp next", "write2: mov [rdx], ax", "jmp next", "write4: mov [rdx], eax", "jmp next",
        "write8: mov [rdx], rax", "jmp next",
        "read1: mov al, [rdx]", "jmp next", "read2: mov ax, [rdx]", "jmp next", "read4: mov eax, [rdx]", "jmp next",
        "read8: mov rax, [rdx]", "jmp next",
        "wait: sti", "hlt", "jmp next",
        "delay: sti", "mov ecx, ebx", "again: dec ecx", "jnz again", "jmp next",
        "wrmsr: mov ecx, edx", "mov rdx, rax", "shr rdx, 32", "db 0x0F, 0x30", "jmp next",
        "rdmsr: mov ecx, edx", "db 0x0F, 0x32", "jmp next",
        "copy: mov rdi, rdx", "mov ecx, ebx", "and ecx, 63", "mov r8, rsi", "mov rsi, rdx", "rep movsd", "mov rsi, r8", "jmp next",
        // Faults: what the list asked for is not done.
        "fault: mov rsp, r14", "sti", "jmp next",
        "interrupt: push rax", "push rdx", "mov al, 0x20", "out 0x20, al", "out 0xA0, al", "mov edx, 0xFEE000B0", "mov dword [rdx], 0",
        "pop rdx", "pop rax", "iretq",
        "align 8",
        "table: dq start, out1, out2, out4, in1, in2, in4, write1, write2, write4, write8, read1, read2, read4, read8, wait, delay",
        "dq wrmsr, rdmsr, copy"
    };

    private final MachineConfiguration.Builder builder;
    private final long seed;

    DeviceWorld(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        this.seed = random.nextLong();
        builder = MachineConfiguration.builder(CpuModels.parse(random.nextBoolean() ? "max-intel" : "max-amd"))
                .memory(World.MEMORY)
                .processors(random.nextInt(1, 3))
                .chipset(random.nextBoolean() ? Chipset.PC : Chipset.Q35)
                .kernel(Images.kernel())
                .stopAtReset(random.nextBoolean())
                .serial(ByteSink.NONE)
                .serial(ByteSink.NONE)
                .virtioConsole(ByteSink.NONE)
                .seed(random.nextLong());
        if (random.nextBoolean()) {
            builder.testDevice(TestDevice.PCI_TESTDEV).testDevice(TestDevice.EDU);
        }
    }

    @Override
    public String label() {
        return "lists";
    }

    @Override
    public Machine machine(Engine engine) {
        Machine machine = new Machine(builder.engine(engine).build());
        SplittableRandom r = new SplittableRandom(seed);
        Asm.Program program = Asm.program(CodeSize.BITS64, CODE, PROGRAM);
        PhysicalMemory m = machine.memory();
        m.write(CODE, program.code(), 0, program.code().length);
        m.write(PML4, 8, PDPT | 3);
        for (long k = 0; k < 64; k++) {
            m.write(PDPT + 8 * k, 8, k << 30 | 0x83);
        }
        m.write(GDT + 8, 8, 0x00AF9A000000FFFFL);
        m.write(GDT + 16, 8, 0x00CF92000000FFFFL);
        for (int v = 0; v < 256; v++) {
            long handler = program.label(v < 32 ? "fault" : "interrupt");
            m.write(IDT + 16 * v, 8, handler & 0xFFFF | 8 << 16 | 0x8E00L << 32 | handler >>> 16 << 48);
        }
        List<Long> functions = functions(machine);
        for (int i = 0; i < machine.processors().size(); i++) {
            list(m, LIST + i * LIST_STEP, functions, r);
            start(machine.processors().get(i).cpu(), i);
        }
        rings(m, r);
        // System-management mode has nothing to do.
        m.write(SMI_HANDLER, 2, 0xAA0F);
        return machine;
    }

    private static void start(Cpu c, int index) {
        c.activity = Cpu.ACTIVE;
        c.cr0 |= Cr.PE | Cr.PG;
        c.cr4 = Cr.PAE;
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
            c.segAccess[s] = s == Cpu.CS ? 0xA09B : 0xC093;
        }
        c.gpr[14] = STACK + 0x2000L * index;
        c.gpr[4] = c.gpr[14];
        c.gpr[15] = LIST + (long) index * LIST_STEP;
        c.rip = CODE;
        c.updateMode();
        c.flushTlb();
    }

    /** Memory regions of PCI functions, as firmware has placed them. */
    private static List<Long> functions(Machine machine) {
        Platform io = machine.processors().getFirst().cpu().platform;
        List<Long> bars = new ArrayList<>();
        for (int function = 0; function < 256; function++) {
            for (int bar = 0; bar < 6; bar++) {
                io.out(CONFIG_ADDRESS, 4, 0x80000000 | function << 8 | 0x10 + 4 * bar);
                int low = io.in(CONFIG_DATA, 4);
                if (low == -1 || low == 0 || (low & 1) != 0) {
                    continue;
                }
                long high = 0;
                if ((low & 6) == 4) {
                    io.out(CONFIG_ADDRESS, 4, 0x80000000 | function << 8 | 0x14 + 4 * bar++);
                    high = io.in(CONFIG_DATA, 4);
                }
                bars.add(high << 32 | low & 0xFFFFFFF0L);
            }
        }
        io.out(CONFIG_ADDRESS, 4, 0);
        return bars;
    }

    // ---- lists ----

    /** Where the list is being written. */
    private static final class Writer {
        final PhysicalMemory memory;
        final int end;
        int at;

        Writer(PhysicalMemory memory, int at) {
            this.memory = memory;
            this.at = at;
            this.end = at + LENGTH * ENTRY;
        }

        void add(int kind, long address, long value) {
            if (at < end) {
                memory.write(at, 4, kind);
                memory.write(at + 8, 8, address);
                memory.write(at + 16, 8, value);
                at += ENTRY;
            }
        }
    }

    private static void list(PhysicalMemory m, int at, List<Long> functions, SplittableRandom r) {
        Writer w = new Writer(m, at);
        while (w.at < w.end) {
            switch (r.nextInt(12)) {
                case 0, 1 -> port(w, r);
                case 2, 3 -> memory(w, r, Device.memory(r) & 0xFFFFFFFFL);
                case 4 -> configuration(w, r);
                case 5 -> firmwareConfiguration(w, r);
                case 6, 7 -> virtio(w, r, functions);
                case 8 -> memory(w, r, functions.get(r.nextInt(functions.size())) + r.nextInt(r.nextBoolean() ? 0x40 : 0x4000));
                case 9 -> timers(w, r);
                case 10 -> interrupts(w, r);
                default -> {
                    w.add(r.nextInt(3) == 0 ? WAIT : DELAY, 0, r.nextInt(1, r.nextInt(4) == 0 ? 2000 : 20));
                    w.add(r.nextBoolean() ? WRMSR : RDMSR, r.nextBoolean() ? 0x800 + r.nextInt(0x40) : r.nextInt(0x1000), r.nextLong());
                }
            }
        }
        w.memory.write(w.at, 4, 0);
    }

    private static void port(Writer w, SplittableRandom r) {
        int port = Device.port(r);
        boolean ends = port == 0xF4 || port == 0xCF9 || port == 0x92 || port == 0x604 || port == 0x64 || port == 0xB004;
        int value = r.nextBoolean() ? r.nextInt(256) : r.nextInt();
        if (ends && r.nextInt(20) != 0) {
            value &= ~0x2001;
            w.add(IN + r.nextInt(3), port, 0);
        } else {
            w.add((r.nextInt(3) == 0 ? IN : OUT) + r.nextInt(3), port, value);
        }
    }

    private static void memory(Writer w, SplittableRandom r, long address) {
        if (r.nextInt(20) == 0) {
            w.add(COPY, address, r.nextInt());
            return;
        }
        w.add((r.nextInt(3) == 0 ? READ : WRITE) + r.nextInt(4), address, r.nextInt(3) == 0 ? r.nextLong() : r.nextLong(0x1000));
    }

    private static void configuration(Writer w, SplittableRandom r) {
        int function = r.nextInt(8) == 0 ? r.nextInt(0x10000) : r.nextInt(8) << 3 | (r.nextInt(4) == 0 ? r.nextInt(8) : 0);
        w.add(OUT + 2, CONFIG_ADDRESS, 0x80000000L | function << 8 | r.nextInt(64) << 2);
        int size = r.nextInt(3);
        w.add(r.nextInt(3) == 0 ? IN + size : OUT + size, CONFIG_DATA + r.nextInt(4), r.nextInt(4) == 0 ? -1 : r.nextInt());
    }

    /** The configuration device's DMA: a descriptor somewhere, and its address, most significant byte first. */
    private static void firmwareConfiguration(Writer w, SplittableRandom r) {
        long descriptor = address(r);
        int control = r.nextInt(32) | r.nextInt(0x30) << 16;
        w.add(WRITE + 2, descriptor, Integer.reverseBytes(r.nextInt(8) == 0 ? r.nextInt() : control) & 0xFFFFFFFFL);
        w.add(WRITE + 2, descriptor + 4, Integer.reverseBytes(r.nextInt(4) == 0 ? r.nextInt() : r.nextInt(0x2000)) & 0xFFFFFFFFL);
        w.add(WRITE + 3, descriptor + 8, Long.reverseBytes(address(r)));
        w.add(OUT + 2, FW_CFG_DMA, Integer.reverseBytes((int) (descriptor >>> 32)) & 0xFFFFFFFFL);
        w.add(OUT + 2, FW_CFG_DMA + 4, Integer.reverseBytes((int) descriptor) & 0xFFFFFFFFL);
    }

    /** Brings a virtio function up ("Device Initialization"), more or less, and tells it about queues. */
    private static void virtio(Writer w, SplittableRandom r, List<Long> functions) {
        long common = functions.get(r.nextInt(functions.size()));
        w.add(WRITE, common + 0x14, r.nextInt(3) == 0 ? 0 : 3);
        w.add(WRITE + 2, common + 0x08, r.nextInt(2));
        w.add(WRITE + 2, common + 0x0C, r.nextInt(3) == 0 ? r.nextInt() & 0xFFFFFFFFL : 1);
        w.add(WRITE, common + 0x14, 11);
        for (int queue = 0; queue < 2; queue++) {
            w.add(WRITE + 1, common + 0x16, r.nextInt(8) == 0 ? r.nextInt(0x10000) : queue);
            w.add(WRITE + 1, common + 0x18, r.nextInt(4) == 0 ? r.nextInt(0x10000) : 1 << r.nextInt(9));
            for (int part = 0; part < 3; part++) {
                w.add(WRITE + 3, common + 0x20 + 8 * part, r.nextInt(8) == 0 ? address(r) : (address(r) & ~0xFFFL));
            }
            w.add(WRITE + 1, common + 0x1A, r.nextInt(4) == 0 ? 0xFFFF : r.nextInt(4));
            w.add(WRITE + 1, common + 0x1C, 1);
        }
        w.add(WRITE, common + 0x14, r.nextInt(8) == 0 ? r.nextInt(256) : 15);
        w.add(WRITE + 1, common + 0x3000 + 4 * r.nextInt(2), r.nextInt(2));
    }

    private static void timers(Writer w, SplittableRandom r) {
        switch (r.nextInt(5)) {
            case 0 -> {
                w.add(OUT, 0x43, r.nextInt(256));
                w.add(OUT, 0x40 + r.nextInt(3), r.nextInt(256));
                w.add(OUT, 0x40 + r.nextInt(3), r.nextInt(256));
            }
            case 1 -> {
                w.add(WRITE + 2, 0xFED00010L, r.nextInt(4));
                int timer = r.nextInt(4);
                w.add(WRITE + 2, 0xFED00100L + 0x20 * timer, r.nextInt(0x10000));
                w.add(WRITE + 2 + r.nextInt(2), 0xFED00108L + 0x20 * timer, r.nextInt(4) == 0 ? r.nextLong() : r.nextInt(100_000));
            }
            case 2 -> {
                w.add(OUT, 0x70, 0xA + r.nextInt(2));
                w.add(OUT, 0x71, r.nextInt(256));
            }
            case 3 -> {
                w.add(WRITE + 2, 0xFEE00320L, r.nextInt(0x80000));
                w.add(WRITE + 2, 0xFEE003E0L, r.nextInt(16));
                w.add(WRITE + 2, 0xFEE00380L, r.nextInt(4) == 0 ? r.nextInt() : r.nextInt(5000));
            }
            default -> w.add(OUT + 1 + r.nextInt(2), 0x600 + r.nextInt(0x30), r.nextInt() & ~0x2000);
        }
    }

    private static void interrupts(Writer w, SplittableRandom r) {
        switch (r.nextInt(4)) {
            case 0 -> {
                w.add(WRITE + 2, 0xFEC00000L, 0x10 + r.nextInt(0x30));
                w.add(WRITE + 2, 0xFEC00010L, r.nextInt(3) == 0 ? r.nextInt() : 0x20 + r.nextInt(0xD0));
            }
            case 1 -> {
                w.add(WRITE + 2, 0xFEE00310L, r.nextInt(3) == 0 ? r.nextInt() : r.nextLong(2) << 24);
                w.add(WRITE + 2, 0xFEE00300L, r.nextInt(3) == 0 ? r.nextInt(0x100000) & ~0x700 : 0x4020 + r.nextInt(0xD0));
            }
            case 2 -> w.add(WRITE + 2, 0xFEE00000L + 16 * r.nextInt(0x40), r.nextInt(0x400));
            default -> {
                w.add(OUT, r.nextBoolean() ? 0x20 : 0xA0, r.nextBoolean() ? 0x11 : r.nextInt(256));
                w.add(OUT, r.nextBoolean() ? 0x21 : 0xA1, r.nextBoolean() ? 0x20 : r.nextInt(256));
            }
        }
    }

    // ---- what devices find in memory ----

    /** Where descriptors and buffers are: in memory, across its end, nowhere, in a device. */
    private static long address(SplittableRandom r) {
        return switch (r.nextInt(16)) {
            case 0 -> r.nextLong();
            case 1 -> World.MEMORY - r.nextInt(64);
            case 2 -> Device.memory(r) & 0xFFFFFFFFL;
            case 3 -> -1L - r.nextInt(0x1000);
            default -> RINGS + r.nextInt(RINGS_END - RINGS);
        };
    }

    /** Every page is a table of descriptors, an available ring, or both: whatever a queue is told to use, there is something. */
    private static void rings(PhysicalMemory m, SplittableRandom r) {
        for (int page = RINGS; page < RINGS_END; page += 0x1000) {
            boolean descriptors = r.nextInt(3) != 0;
            for (int at = page; at < page + 0x1000; at += 16) {
                if (descriptors) {
                    m.write(at, 8, address(r));
                    m.write(at + 8, 4, r.nextInt(10) == 0 ? r.nextInt() : r.nextInt(0x1100));
                    m.write(at + 12, 2, r.nextInt(16) == 0 ? r.nextInt(8) : r.nextInt(4));
                    m.write(at + 14, 2, r.nextInt(16) == 0 ? r.nextInt(0x10000) : r.nextInt(16));
                } else {
                    m.write(at, 8, r.nextLong() & 0x000F_000F_000F_000FL);
                    m.write(at + 8, 8, r.nextLong() & 0x000F_000F_000F_000FL);
                }
            }
            if (!descriptors) {
                m.write(page, 4, (long) r.nextInt(0x200) << 16 | r.nextInt(2));
            }
        }
    }

    @Override
    public void disturb(Machine machine, SplittableRandom random) {
        switch (random.nextInt(4)) {
            case 0 -> machine.input(random.nextInt(3)).add(new byte[random.nextInt(1, 40)]);
            case 1 -> rings(machine.memory(), random);
            default -> {}
        }
    }
}
