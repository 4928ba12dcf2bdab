package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModels;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Consumer;

/** A VM with one vcpu and one MiB of memory at 0, and code in it. */
final class Guest implements AutoCloseable {
    static final long CODE = 0x1000, STACK = 0x9000, SIZE = 1 << 20;
    static final long GDT = 0xA000, IDT = 0xB000, HANDLER = 0xC000, TABLES = 0xD000;

    final Arena arena = Arena.ofConfined();
    final Kvm kvm;
    final Vm vm;
    final Vcpu vcpu;
    final MemorySegment ram = arena.allocate(SIZE, 4096);

    private Guest(Engine engine) {
        this(engine, v -> {});
    }

    /** @param chips makes what must be made before the vcpu */
    private Guest(Engine engine, Consumer<Vm> chips) {
        kvm = Kvm.open(CpuModels.parse(CpuModels.DEFAULT), new Timeline(), engine);
        vm = kvm.createVm();
        chips.accept(vm);
        vm.setUserMemoryRegion(0, 0, 0, ram);
        vcpu = vm.createVcpu(0);
    }

    /** Real-address mode, all segments at 0. */
    static Guest real(Engine engine, String... code) {
        Guest g = new Guest(engine);
        g.load(CODE, CodeSize.BITS16, code);
        Sregs s = g.vcpu.getSregs();
        s.cs.base = 0;
        s.cs.selector = 0;
        g.vcpu.setSregs(s);
        g.start();
        return g;
    }

    /** 32-bit protected mode, flat, without paging. */
    static Guest flat(Engine engine, String... code) {
        return flat(engine, v -> {}, code);
    }

    /** As {@link #flat}, with a GDT, and one handler for the vectors 20H to 3FH. */
    static Guest flatWithHandler(Consumer<Vm> chips, String[] handler, String... code) {
        Guest g = flat(Engine.INTERPRETER, chips, code);
        g.load(HANDLER, CodeSize.BITS32, handler);
        g.vm.memory().write(GDT + 8, 8, 0x00CF_9B00_0000_FFFFL);
        g.vm.memory().write(GDT + 16, 8, 0x00CF_9300_0000_FFFFL);
        for (int v = 0x20; v < 0x40; v++) {
            g.vm.memory().write(IDT + 8 * v, 8, HANDLER & 0xFFFF | 8 << 16 | 0x8E00L << 32 | HANDLER >>> 16 << 48);
        }
        Sregs s = g.vcpu.getSregs();
        s.gdt.base = GDT;
        s.gdt.limit = 23;
        s.idt.base = IDT;
        s.idt.limit = 0x7FF;
        g.vcpu.setSregs(s);
        return g;
    }

    /** 64-bit mode: the first GiB is mapped where it is. */
    static Guest longMode(String... code) {
        Guest g = new Guest(Engine.INTERPRETER);
        g.load(CODE, CodeSize.BITS64, code);
        g.vm.memory().write(TABLES, 8, TABLES + 0x1000 | 7);
        g.vm.memory().write(TABLES + 0x1000, 8, 0x87);
        Sregs s = g.vcpu.getSregs();
        s.cr3 = TABLES;
        s.cr4 = 0x20;
        s.cr0 = 0x8000_0001L;
        s.efer = 0x500;
        for (Segment x : new Segment[] {s.cs, s.ds, s.es, s.fs, s.gs, s.ss}) {
            x.base = 0;
            x.limit = -1;
            x.g = 1;
            x.db = x == s.cs ? 0 : 1;
            x.l = x == s.cs ? 1 : 0;
            x.type = x == s.cs ? 11 : 3;
            x.selector = x == s.cs ? 8 : 16;
        }
        g.vcpu.setSregs(s);
        g.start();
        return g;
    }

    private static Guest flat(Engine engine, Consumer<Vm> chips, String... code) {
        Guest g = new Guest(engine, chips);
        g.load(CODE, CodeSize.BITS32, code);
        Sregs s = g.vcpu.getSregs();
        s.cr0 |= 1;
        for (Segment x : new Segment[] {s.cs, s.ds, s.es, s.fs, s.gs, s.ss}) {
            x.base = 0;
            x.limit = -1;
            x.g = 1;
            x.db = 1;
            x.type = x == s.cs ? 11 : 3;
            x.selector = x == s.cs ? 8 : 16;
        }
        g.vcpu.setSregs(s);
        g.start();
        return g;
    }

    private void start() {
        Regs r = vcpu.getRegs();
        r.rip = CODE;
        r.rsp = STACK;
        r.rflags = 2;
        vcpu.setRegs(r);
    }

    /** Puts code into memory. */
    void load(long at, CodeSize size, String... code) {
        byte[] bytes = Asm.assemble(size, at, String.join("\n", code));
        vm.memory().write(at, bytes, 0, bytes.length);
    }

    int word(long address) {
        return ram.get(ValueLayout.JAVA_INT_UNALIGNED, address);
    }

    @Override
    public void close() {
        kvm.close();
        arena.close();
    }
}
