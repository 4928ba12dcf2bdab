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

/** A VM with one vcpu and one MiB of memory at 0, and code in it. */
final class Guest implements AutoCloseable {
    static final long CODE = 0x1000, STACK = 0x9000, SIZE = 1 << 20;

    final Arena arena = Arena.ofConfined();
    final Kvm kvm;
    final Vm vm;
    final Vcpu vcpu;
    final MemorySegment ram = arena.allocate(SIZE, 4096);

    private Guest(Engine engine) {
        kvm = Kvm.open(CpuModels.parse(CpuModels.DEFAULT), new Timeline(), engine);
        vm = kvm.createVm();
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
        Guest g = new Guest(engine);
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
