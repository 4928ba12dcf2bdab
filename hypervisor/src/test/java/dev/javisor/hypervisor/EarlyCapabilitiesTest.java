package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.KvmException.Error;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuExit;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What must be chosen before there are vcpus. */
class EarlyCapabilitiesTest {
    private static final String[] TIMER_HANDLER = {"inc bl", "mov dword [0xFEE000B0], 0", "iretd"};
    /** Halts until the timer of the local APIC has come three times. */
    private static final String[] HALTING = {
        "mov dword [0xFEE000F0], 0x1FF", "mov dword [0xFEE003E0], 0xB", "mov dword [0xFEE00320], 0x20030",
        "mov dword [0xFEE00380], 5000", "again: sti", "hlt", "cli", "cmp bl, 3", "jb again", "out 0x80, al"
    };

    private static Guest guest(Consumer<Vm> chips, String... code) {
        return Guest.flatWithHandler(chips, TIMER_HANDLER, code);
    }

    private static long haltExits(Guest g) {
        return g.vcpu.exits().getOrDefault("HLT", 0L);
    }

    /** Runs up to the end; returns the guest time of it. */
    private static long finish(Guest g) {
        VcpuExit x = g.vcpu.run();
        while (x instanceof VcpuExit.Intr && g.kvm.waitForTimer()) {
            x = g.vcpu.run();
        }
        assertThat(x).isInstanceOf(VcpuExit.Io.class);
        assertThat(g.vcpu.getRegs().rbx & 0xFF).isEqualTo(3);
        return g.kvm.timeline().now();
    }

    @Test
    void aGuestMayHaltInHardware() {
        for (boolean virtualApic : new boolean[] {true, false}) {
            Consumer<Vm> plain = vm -> {
                vm.setApicVirtualization(virtualApic);
                vm.createIrqchip();
            };
            Consumer<Vm> quiet = plain.andThen(vm -> vm.enableCap(Capability.X86_DISABLE_EXITS, Capability.DISABLE_EXITS_HLT));
            try (Guest a = guest(plain, HALTING); Guest b = guest(quiet, HALTING)) {
                long end = finish(a);
                assertThat(haltExits(a)).isEqualTo(3);
                assertThat(finish(b)).as("guests see no difference").isEqualTo(end);
                assertThat(haltExits(b)).isZero();
            }
        }
    }

    /** Its state says so, and a new VM that gets it goes on waiting. */
    @Test
    void whoLooksAtAGuestThatHaltsInHardwareSeesIt() {
        Consumer<Vm> quiet = vm -> {
            vm.createIrqchip();
            vm.enableCap(Capability.X86_DISABLE_EXITS, Capability.DISABLE_EXITS_ALL);
        };
        try (Guest g = guest(quiet, HALTING)) {
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Intr());
            assertThat(g.vcpu.isRunnable()).isFalse();
            assertThat(g.vcpu.isHalted()).isTrue();
            assertThat(g.vcpu.run()).as("it goes on waiting").isEqualTo(new VcpuExit.Intr());
            finish(g);
        }
    }

    /** The operand crosses a cache line; the first instruction's does not. */
    private static final String[] LOCKING = {"mov edi, 0x8000", "lock inc dword [edi]", "lock inc dword [edi+62]", "nop", "hlt"};

    @Test
    void busLocksExit() {
        Consumer<Vm> seen = vm -> vm.enableCap(Capability.X86_BUS_LOCK_EXIT, Capability.BUS_LOCK_DETECTION_EXIT);
        try (Guest g = guest(seen, LOCKING)) {
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.BusLock());
            assertThat(g.vcpu.hasBusLock()).isTrue();
            assertThat(g.word(0x8000 + 62)).as("the instruction is at its end").isEqualTo(1);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(g.vcpu.hasBusLock()).isFalse();
        }
        for (Consumer<Vm> unseen : List.<Consumer<Vm>>of(
                vm -> {}, vm -> vm.enableCap(Capability.X86_BUS_LOCK_EXIT, Capability.BUS_LOCK_DETECTION_OFF))) {
            try (Guest g = guest(unseen, LOCKING)) {
                assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            }
        }
    }

    @Test
    void argumentsThatMakeNoSenseAreRefused() {
        Capability[] all = {
            Capability.X86_DISABLE_EXITS, Capability.X86_BUS_LOCK_EXIT, Capability.X86_NOTIFY_VMEXIT, Capability.DIRTY_LOG_RING
        };
        try (Kvm kvm = Kvm.open()) {
            Vm vm = kvm.createVm();
            Refusal.of(() -> vm.enableCap(Capability.X86_DISABLE_EXITS, 16), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.enableCap(Capability.X86_BUS_LOCK_EXIT, 0), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.enableCap(Capability.X86_BUS_LOCK_EXIT, 3), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.enableCap(Capability.X86_NOTIFY_VMEXIT, 5L << 32), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.enableCap(Capability.X86_NOTIFY_VMEXIT, 5), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.enableCap(Capability.DISABLE_QUIRKS2, 1 << 20), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.enableCap(Capability.EXIT_ON_EMULATION_FAILURE, 2), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.enableCap(Capability.NR_VCPUS, 0), Error.INVALID_ARGUMENT);
            vm.enableCap(Capability.EXIT_ON_EMULATION_FAILURE, 1);
            vm.enableCap(Capability.DISABLE_QUIRKS, 1 << 20);
            vm.createVcpu(0);
            for (Capability c : all) {
                Refusal.of(() -> vm.enableCap(c, 1 << 14), Error.INVALID_ARGUMENT);
            }
            Refusal.of(() -> vm.enableCap(Capability.X86_DISABLE_EXITS, 2), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.enableCap(Capability.X86_BUS_LOCK_EXIT, 2), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.enableCap(Capability.X86_NOTIFY_VMEXIT, 3), Error.INVALID_ARGUMENT);
        }
    }

    @Test
    void aQuirkCanBeDisabled() {
        String[] hypercall = {"vmmcall", "hlt"};
        try (Guest g = guest(vm -> {}, hypercall)) {
            assertThat(g.vcpu.run()).as("replaced by VMCALL").isEqualTo(new VcpuExit.Hlt());
        }
        try (Guest g = guest(vm -> {}, hypercall)) {
            g.vm.enableCap(Capability.DISABLE_QUIRKS2, Capability.QUIRK_FIX_HYPERCALL_INSN);
            assertThat(g.vcpu.run()).as("#UD without handler").isEqualTo(new VcpuExit.Shutdown());
        }
    }

    @Test
    void anyVcpuCanBeTheBootstrapProcessor() {
        try (Kvm kvm = Kvm.open()) {
            Vm vm = kvm.createVm();
            vm.createIrqchip();
            Refusal.of(() -> vm.setBootCpuId(-1), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.setBootCpuId(Vm.MAXIMUM_VCPUS), Error.INVALID_ARGUMENT);
            vm.setBootCpuId(2);
            Vcpu first = vm.createVcpu(0);
            Vcpu second = vm.createVcpu(2);
            assertThat(first.getApicBase() & 0x100).isZero();
            assertThat(second.getApicBase() & 0x100).isEqualTo(0x100);
            assertThat(first.isRunnable()).isFalse();
            assertThat(second.isRunnable()).isTrue();
            Refusal.of(() -> vm.setBootCpuId(0), Error.BUSY);
        }
    }

    @Test
    void soItIsWithLocalApicsInUserspace() {
        try (Kvm kvm = Kvm.open()) {
            Vm vm = kvm.createVm();
            vm.setBootCpuId(1);
            assertThat(vm.createVcpu(0).getApicBase() & 0x100).isZero();
            assertThat(vm.createVcpu(1).getApicBase() & 0x100).isEqualTo(0x100);
        }
    }

    /** An alignment check whose frame, on a stack of privilege level 3, fails the alignment check, for ever. */
    private static Guest endless(Consumer<Vm> chips) {
        Guest g = Guest.flatWithHandler(chips, TIMER_HANDLER, "mov eax, [0x8001]", "hlt");
        g.vm.memory().write(Guest.GDT + 8, 8, 0x00CF_FB00_0000_FFFFL);
        g.vm.memory().write(Guest.GDT + 16, 8, 0x00CF_F300_0000_FFFFL);
        g.vm.memory().write(Guest.IDT + 8 * 17, 8, Guest.HANDLER & 0xFFFF | 0xB << 16 | 0x8E00L << 32);
        Sregs s = g.vcpu.getSregs();
        s.cr0 |= 0x40000;
        for (Segment x : new Segment[] {s.cs, s.ds, s.es, s.ss}) {
            x.dpl = 3;
            x.selector = x == s.cs ? 0xB : 0x13;
        }
        g.vcpu.setSregs(s);
        Regs r = g.vcpu.getRegs();
        r.rflags |= 0x40000;
        r.rsp |= 1;
        g.vcpu.setRegs(r);
        return g;
    }

    @Test
    void aGuestWithoutBoundariesIsReported() {
        long window = 1000L << 32;
        try (Guest g = endless(vm -> vm.enableCap(Capability.X86_NOTIFY_VMEXIT, window | Capability.NOTIFY_VMEXIT_ALL))) {
            for (int i = 0; i < 3; i++) {
                assertThat(g.vcpu.run(g.kvm.timeline().now() + 300)).isEqualTo(new VcpuExit.Notify(0));
            }
        }
        for (Consumer<Vm> nobody : List.<Consumer<Vm>>of(
                vm -> {}, vm -> vm.enableCap(Capability.X86_NOTIFY_VMEXIT, window | Capability.NOTIFY_VMEXIT_ENABLED))) {
            try (Guest g = endless(nobody)) {
                assertThat(g.vcpu.run(g.kvm.timeline().now() + 300)).isEqualTo(new VcpuExit.Intr());
            }
        }
    }
}
