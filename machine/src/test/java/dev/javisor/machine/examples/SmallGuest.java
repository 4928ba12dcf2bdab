package dev.javisor.machine.examples;

import dev.javisor.hypervisor.Kvm;
import dev.javisor.hypervisor.Vcpu;
import dev.javisor.hypervisor.Vm;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A VM with 64 KiB of memory and a few instructions of real mode in it. */
public final class SmallGuest implements AutoCloseable {
    private final Arena arena = Arena.ofConfined();
    private final Kvm kvm = Kvm.open();
    final MemorySegment ram = arena.allocate(0x10000, 4096);
    final Vm vm = kvm.createVm();
    final Vcpu vcpu;

    public SmallGuest(String... code) {
        vm.setUserMemoryRegion(0, 0, 0, ram);
        byte[] bytes = Asm.assemble(CodeSize.BITS16, 0x1000, String.join("\n", code));
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, ram, 0x1000, bytes.length);
        vcpu = vm.createVcpu(0);
        Sregs sregs = vcpu.getSregs();
        sregs.cs.selector = 0;
        sregs.cs.base = 0;
        vcpu.setSregs(sregs);
        Regs regs = vcpu.getRegs();
        regs.rip = 0x1000;
        regs.rsp = 0x8000;
        vcpu.setRegs(regs);
    }

    @Override
    public void close() {
        kvm.close();
        arena.close();
    }
}
