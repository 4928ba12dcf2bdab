package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModels;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * A VM with local APICs in the kernel, in flat 32-bit mode: GDT, IDT, 8 MiB of memory. A guest ends with {@code out 0xF4, al}; an
 * exception without handler ends it too, with its vector.
 */
final class PvGuest implements AutoCloseable {
    static final long SIZE = 8 << 20, CODE = 0x10000, APART = 0x4000, STUBS = 0x6000, GDT = 0x5000, IDT = 0x4000, TSS = 0x5800;
    /** Where vectors without handler store their number. */
    static final long VECTOR = 0x7000;

    final Arena arena = Arena.ofConfined();
    final Timeline timeline = new Timeline();
    final Kvm kvm;
    final Vm vm;
    final ApicBus bus;
    final List<Vcpu> vcpus = new ArrayList<>();
    final MemorySegment ram = arena.allocate(SIZE, 4096);

    PvGuest(String cpu) {
        this(cpu, vm -> {});
    }

    PvGuest(String cpu, Consumer<Vm> options) {
        kvm = Kvm.open(CpuModels.parse(cpu), timeline, Engine.INTERPRETER);
        vm = kvm.createVm();
        options.accept(vm);
        bus = vm.createLocalApics(() -> 0xFF);
        vm.setUserMemoryRegion(0, 0, 0, ram);
        put(GDT + 8, 0x00CF_9B00_0000_FFFFL);
        put(GDT + 16, 0x00CF_9300_0000_FFFFL);
        put(GDT + 24, 0x00CF_FB00_0000_FFFFL);
        put(GDT + 32, 0x00CF_F300_0000_FFFFL);
        put(TSS + 4, 0x10_0000_3000L);
        for (int v = 0; v < 256; v++) {
            handler(v, STUBS + 16 * v);
            load(STUBS + 16L * v, "mov byte [" + VECTOR + "], " + v, "out 0xF4, al");
        }
    }

    /** Sends a vector to an address. */
    private void handler(int vector, long at) {
        put(IDT + 8L * vector, at & 0xFFFF | 8 << 16 | 0x8E00L << 32 | at >>> 16 << 48);
    }

    /** A handler for a vector. */
    PvGuest on(int vector, String... code) {
        long at = 0x8000 + 64L * vector;
        handler(vector, at);
        load(at, code);
        return this;
    }

    /** A further vcpu, with its code. */
    PvGuest vcpu(String... code) {
        int id = vcpus.size();
        Vcpu v = vm.createVcpu(id);
        vcpus.add(v);
        long at = CODE + id * APART;
        load(at, code);
        Sregs s = v.getSregs();
        s.cr0 |= 1;
        for (Segment x : new Segment[] {s.cs, s.ds, s.es, s.fs, s.gs, s.ss}) {
            x.base = 0;
            x.limit = -1;
            x.g = 1;
            x.db = 1;
            x.type = x == s.cs ? 11 : 3;
            x.selector = x == s.cs ? 8 : 16;
        }
        s.gdt.base = GDT;
        s.gdt.limit = 0x27;
        s.idt.base = IDT;
        s.idt.limit = 0x7FF;
        s.tr.base = TSS;
        s.tr.limit = 0x67;
        s.tr.type = 11;
        s.tr.s = 0;
        s.tr.present = 1;
        v.setSregs(s);
        Regs r = v.getRegs();
        r.rip = at;
        r.rsp = at;
        r.rflags = 2;
        v.setRegs(r);
        v.setMpState(dev.javisor.hypervisor.abi.MpState.RUNNABLE);
        return this;
    }

    void load(long at, String... code) {
        byte[] bytes = Asm.assemble(CodeSize.BITS32, at, String.join("\n", code));
        vm.memory().write(at, bytes, 0, bytes.length);
    }

    void put(long at, long value) {
        vm.memory().write(at, 8, value);
    }

    long get(long at, int size) {
        return vm.memory().read(at, size);
    }

    int word(long at) {
        return ram.get(ValueLayout.JAVA_INT_UNALIGNED, at);
    }

    /** What turns paging on: every page is where it is, and the user's. */
    String paging() {
        put(0x100000, 0x87L | 0x40_0087L << 32);
        put(0x100000 + 4 * (0xFEC00000L >>> 22), 0xFEC0_0087L);
        return "mov eax, 0x100000\nmov cr3, eax\nmov eax, cr4\nor eax, 0x10\nmov cr4, eax\nmov eax, cr0\nor eax, 0x80000000\nmov cr0, eax";
    }

    /** Turns of 1000 ticks for every vcpu that can run, until one ends; then the vector of the exception that ended it, or -1. */
    int run() {
        ram.set(ValueLayout.JAVA_INT_UNALIGNED, VECTOR, -1);
        for (int turn = 0; turn < 100_000; turn++) {
            boolean idle = true;
            for (Vcpu v : vcpus) {
                if (!v.isRunnable()) {
                    continue;
                }
                idle = false;
                VcpuExit x = v.run(timeline.now() + 1000);
                if (x instanceof VcpuExit.Io io && io.port() == 0xF4) {
                    return (byte) word(VECTOR);
                }
                if (!(x instanceof VcpuExit.Intr)) {
                    throw new AssertionError("vcpu " + v.id() + " ended with " + x);
                }
            }
            if (idle) {
                if (timeline.next() == Long.MAX_VALUE) {
                    throw new AssertionError("all vcpus wait");
                }
                timeline.skipTo(timeline.next());
            }
            timeline.runDue();
        }
        throw new AssertionError("the guest does not end");
    }

    @Override
    public void close() {
        kvm.close();
        arena.close();
    }
}
