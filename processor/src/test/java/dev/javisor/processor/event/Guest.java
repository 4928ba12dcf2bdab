package dev.javisor.processor.event;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Platform;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.CodeCache;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.paging.Paging;
import dev.javisor.processor.segment.SegmentRegisters;
import java.lang.foreign.Arena;

/**
 * A processor that runs a program from memory until it halts, with descriptor tables that tests fill in. Vectors of the IDT that have a
 * label {@code vN} in the program (N decimal) get an interrupt gate to it.
 */
final class Guest {
    static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;

    static final long IDT = 0x2000, GDT = 0x3000, TSS = 0x4000, TSS2 = 0x4800, CODE = 0x8000, USER = 0x9000;
    /** Tops of stacks: of level 0 when it starts, of level 0 as the TSS has it, of the user, and of the interrupt stack table. */
    static final long STACK = 0x20000, STACK0 = 0x24000, STACK3 = 0x28000, IST = 0x2C000;

    static final int CODE32 = 0x08, DATA = 0x10, CODE32_USER = 0x1B, DATA_USER = 0x23, CODE64 = 0x28, CODE64_USER = 0x33, TASK = 0x38,
            CODE16 = 0x48, SPARE = 0x50;

    private static final long PML4 = 0x30000, PDPT = 0x31000, PD = 0x32000, PT = 0x33000;
    private static final int RAM = 0x100000;

    final PhysicalMemory memory = new PhysicalMemory();
    final Timeline timeline = new Timeline();
    final LogicalProcessor processor;
    final Cpu c;
    final Asm.Program program;
    private int externalVector;

    private Guest(String model, CodeSize size, String... text) {
        CpuModel m = CpuModels.parse(model);
        memory.addRam(0, Arena.ofAuto().allocate(RAM, 4096));
        processor = new LogicalProcessor(m, 0, memory, timeline, new CodeCache(memory), new Paging(m, memory), new Wires());
        c = processor.cpu();
        Reset.reset(c);
        program = Asm.program(size, CODE, text);
        memory.write(CODE, program.code(), 0, program.code().length);
        c.rip = CODE;
        c.gpr[RSP] = STACK;
        c.gpr[RDX] = 0;
    }

    /** Real-address mode, all segments at 0. */
    static Guest real(String... text) {
        return realOn("max-intel", text);
    }

    static Guest realOn(String model, String... text) {
        Guest g = new Guest(model, CodeSize.BITS16, text);
        g.c.selector[Cpu.CS] = 0;
        g.c.segBase[Cpu.CS] = 0;
        g.c.gpr[RSP] = 0x7000;
        g.c.updateMode();
        for (int v = 0; v < 256; v++) {
            Long handler = g.program.labels().get("v" + v);
            if (handler != null) {
                g.memory.write(4 * v, 4, handler);
            }
        }
        return g;
    }

    /** Protected mode, 32-bit code, flat segments, CPL 0, no paging. */
    static Guest protected32(String... text) {
        return protected32On("max-intel", text);
    }

    static Guest protected32On(String model, String... text) {
        Guest g = new Guest(model, CodeSize.BITS32, text);
        g.c.cr0 |= Cr.PE;
        g.tables();
        g.memory.write(TSS + 4, 4, STACK0);
        g.memory.write(TSS + 8, 2, DATA);
        g.memory.write(TSS + 0x66, 2, 0x68);
        g.start(CODE32);
        return g;
    }

    /** 64-bit mode, CPL 0, the first 2 MiB mapped one to one for everybody. */
    static Guest bits64(String... text) {
        return bits64On("max-intel", text);
    }

    static Guest bits64On(String model, String... text) {
        Guest g = new Guest(model, CodeSize.BITS64, text);
        g.c.cr0 |= Cr.PE | Cr.PG | Cr.WP;
        g.c.cr4 = Cr.PAE;
        g.c.efer = Cr.LME | Cr.LMA;
        g.c.cr3 = PML4;
        g.memory.write(PML4, 8, PDPT | 7);
        g.memory.write(PDPT, 8, PD | 7);
        g.memory.write(PD, 8, PT | 7);
        for (int i = 0; i < RAM >> 12; i++) {
            g.memory.write(PT + 8 * i, 8, (long) i << 12 | 7);
        }
        g.tables();
        g.memory.write(TSS + 4, 8, STACK0);
        g.memory.write(TSS + 0x24, 8, IST);
        g.memory.write(TSS + 0x66, 2, 0x68);
        g.start(CODE64);
        return g;
    }

    private void tables() {
        descriptor(CODE32, 0, 0xFFFFF, 0xC09A);
        descriptor(DATA, 0, 0xFFFFF, 0xC092);
        descriptor(CODE32_USER, 0, 0xFFFFF, 0xC0FA);
        descriptor(DATA_USER, 0, 0xFFFFF, 0xC0F2);
        descriptor(CODE64, 0, 0, 0xA09A);
        descriptor(CODE64_USER, 0, 0, 0xA0FA);
        descriptor(TASK, TSS, 0x67, 0x8B);
        memory.write(GDT + TASK + 8, 8, 0);
        descriptor(CODE16, 0, 0xFFFF, 0x9A);
        c.gdtBase = GDT;
        c.gdtLimit = 0xFF;
        c.idtBase = IDT;
        c.idtLimit = 0xFFF;
        for (int v = 0; v < 256; v++) {
            Long handler = program.labels().get("v" + v);
            if (handler != null) {
                gate(v, handler, c.longMode() ? CODE64 : CODE32, 0x8E);
            }
        }
    }

    private void start(int cs) {
        load(Cpu.CS, cs);
        for (int s : new int[] {Cpu.ES, Cpu.SS, Cpu.DS, Cpu.FS, Cpu.GS}) {
            load(s, DATA);
        }
        load(Cpu.TR, TASK);
        c.updateMode();
    }

    /** A register is given what its descriptor says. */
    private void load(int s, int selector) {
        long d = memory.read(GDT + (selector & 0xFFF8), 8);
        SegmentRegisters.set(c, s, selector, d);
    }

    /** A descriptor in the GDT; {@code access} laid out as in {@link Cpu#segAccess}, limit not scaled. */
    Guest descriptor(int selector, long base, long limit, int access) {
        long low = limit & 0xFFFF | (base & 0xFFFFFF) << 16;
        long d = low | (long) (access & 0xF0FF) << 40 | (limit >>> 16 & 15) << 48 | (base >>> 24 & 0xFF) << 56;
        memory.write(GDT + (selector & 0xFFF8), 8, d);
        return this;
    }

    /** A gate in the IDT; {@code access} is present, DPL and type. */
    Guest gate(int vector, long offset, int selector, int access) {
        return gate(vector, offset, selector, access, 0);
    }

    Guest gate(int vector, long offset, int selector, int access, int ist) {
        int size = c.longMode() ? 16 : 8;
        memory.write(IDT + size * vector, 8, gateBytes(offset, selector, access) | (long) ist << 32);
        if (size == 16) {
            memory.write(IDT + size * vector + 8, 8, offset >>> 32);
        }
        return this;
    }

    /** A gate in the GDT, with a parameter count. */
    Guest callGate(int at, long offset, int selector, int access, int count) {
        memory.write(GDT + at, 8, gateBytes(offset, selector, access) | (long) count << 32);
        return this;
    }

    private static long gateBytes(long offset, int selector, int access) {
        return offset & 0xFFFF | (long) selector << 16 | (long) access << 40 | (offset >>> 16 & 0xFFFF) << 48;
    }

    /** The page is not present (64-bit mode). */
    Guest unmap(long page) {
        memory.write(PT + 8 * (page >>> 12), 8, 0);
        c.flushTlb();
        return this;
    }

    Guest flag(long bits) {
        Flags.materialize(c);
        c.rflags |= bits;
        return this;
    }

    Guest set(int register, long value) {
        c.gpr[register] = value;
        return this;
    }

    /** The external interrupt controller asks for an interrupt. */
    Guest interrupt(int vector) {
        externalVector = vector;
        c.request(Cpu.EXTERNAL_REQUEST);
        return this;
    }

    /** Runs until the processor waits, or 1000 ticks. */
    Guest run() {
        return run(1000);
    }

    Guest run(long ticks) {
        processor.run(timeline.now() + ticks);
        return this;
    }

    long label(String name) {
        return program.label(name);
    }

    long read(long address, int size) {
        return memory.read(address, size);
    }

    private final class Wires implements Platform {
        @Override
        public int in(int port, int size) {
            return -1;
        }

        @Override
        public void out(int port, int size, int value) {}

        @Override
        public int acknowledgeExternalInterrupt() {
            c.withdraw(Cpu.EXTERNAL_REQUEST);
            return externalVector;
        }
    }
}
