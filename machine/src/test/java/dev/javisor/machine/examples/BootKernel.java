package dev.javisor.machine.examples;

import dev.javisor.hypervisor.Kvm;
import dev.javisor.hypervisor.Vcpu;
import dev.javisor.hypervisor.Vm;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.machine.boot.BootContext;
import dev.javisor.machine.boot.BootImage;
import dev.javisor.machine.boot.ImageFile;
import dev.javisor.machine.boot.StartState;
import dev.javisor.machine.device.Uart16550;
import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.processor.bus.IoBus;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Boots a kernel: interrupt controllers and timer in the hypervisor, a serial port of our own. */
public final class BootKernel {
    private static final long MEMORY = 256L << 20;

    private BootKernel() {}

    /** Arguments: a kernel that {@code javisor run --kernel} takes, and its command line. */
    public static void main(String[] arguments) throws IOException {
        System.out.println(run(Files.readAllBytes(Path.of(arguments[0])), arguments[1], System.out));
    }

    /** Runs until the kernel does something that the loop below does not know. */
    public static VcpuExit run(byte[] kernel, String commandLine, PrintStream console) {
        try (Kvm kvm = Kvm.open(); Arena arena = Arena.ofConfined()) {
            Vm vm = kvm.createVm();
            vm.createIrqchip();
            vm.createPit2(Vm.PIT_SPEAKER_DUMMY);
            MemorySegment ram = arena.allocate(MEMORY, 4096);
            vm.setUserMemoryRegion(0, 0, 0, ram);
            Vcpu vcpu = vm.createVcpu(0);

            BootContext context = new BootContext(
                    vm.memory(), MemoryMap.pc(MEMORY, 3L << 30), List.of(), commandLine, 0, true, BootContext.EntryChoice.BEST);
            StartState start = BootImage.of(new ImageFile("kernel", kernel)).load(context);
            Sregs sregs = vcpu.getSregs();
            Regs regs = vcpu.getRegs();
            start.apply(sregs, regs);
            vcpu.setSregs(sregs);
            vcpu.setRegs(regs);

            IoBus ports = new IoBus();
            new Uart16550(kvm.timeline(), vm.irqfd(4), console::write).connect(ports, 0x3F8);
            while (true) {
                switch (vcpu.run()) {
                    case VcpuExit.Io io when io.direction() == VcpuExit.IO_OUT -> ports.out(io.port(), io.size(), io.value());
                    case VcpuExit.Io io -> io.setValue(ports.in(io.port(), io.size()));
                    case VcpuExit.Mmio mmio when mmio.isWrite() -> { }
                    case VcpuExit.Mmio mmio -> mmio.setValue(-1);
                    case VcpuExit.Intr halted when kvm.waitForTimer() -> { }
                    case VcpuExit end -> {
                        return end;
                    }
                }
            }
        }
    }
}
