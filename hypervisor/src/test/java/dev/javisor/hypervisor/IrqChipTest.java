package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.IrqChip;
import dev.javisor.hypervisor.abi.IrqRoutingEntry;
import dev.javisor.hypervisor.abi.KvmException.Error;
import dev.javisor.hypervisor.abi.Msi;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.bus.InterruptLine;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Interrupt controllers in the kernel: all of them, local APICs only, or none. */
class IrqChipTest {
    private static final int LEVEL = 0x8000;

    /** Handler of vector 30H: counts in BL, and ends the interrupt at the local APIC. */
    private static final String[] APIC_HANDLER = {"inc bl", "mov dword [0xFEE000B0], 0", "iretd"};

    private static final String[] ENABLE_APIC = {"mov dword [0xFEE000F0], 0x1FF"};

    /** A flat guest with handler {@code h} at vectors 20H to 3FH. */
    private static Guest guest(Consumer<Vm> chips, String[] handler, String... code) {
        return Guest.flatWithHandler(chips, handler, code);
    }

    private static String[] join(String[]... parts) {
        List<String> all = new ArrayList<>();
        for (String[] p : parts) {
            all.addAll(List.of(p));
        }
        return all.toArray(String[]::new);
    }

    private static long bl(Guest g) {
        return g.vcpu.getRegs().rbx & 0xFF;
    }

    @Test
    void anInterruptOfTheLegacyControllersReachesTheGuest() {
        String[] handler = {"inc bl", "mov al, 0x20", "out 0x20, al", "iretd"};
        String[] program = {
            "mov al, 0x11", "out 0x20, al", "mov al, 0x20", "out 0x21, al", "mov al, 4", "out 0x21, al", "mov al, 1", "out 0x21, al",
            "mov al, 0xDF", "out 0x21, al", "mov dword [0xFEE000F0], 0x1FF", "mov dword [0xFEE00350], 0x700", "sti", "again: hlt",
            "jmp again"
        };
        try (Guest g = guest(Vm::createIrqchip, handler, program)) {
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Intr());
            g.vm.irqLine(4, true);
            assertThat(g.vcpu.isRunnable()).as("request 4 is masked").isFalse();
            g.vm.irqLine(5, true);
            g.vm.irqLine(5, false);
            g.vcpu.run();
            assertThat(bl(g)).isZero();
            g.vm.irqLine(5, true);
            assertThat(g.vm.getIrqchip(IrqRoutingEntry.PIC_MASTER).pic.irr).isEqualTo(0x30);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Intr());
            assertThat(bl(g)).isEqualTo(1);
            assertThat(g.vm.getIrqchip(IrqRoutingEntry.PIC_MASTER).pic.isr).isZero();
        }
    }

    @Test
    void aLevelTriggeredInterruptComesUntilItsSourceIsQuiet() {
        String[] redirect = {
            "mov dword [0xFEC00000], 0x1A", "mov dword [0xFEC00010], 0x8030", "mov dword [0xFEC00000], 0x1B",
            "mov dword [0xFEC00010], 0", "sti", "again: hlt", "jmp again"
        };
        String[] handler = {"inc bl", "cmp bl, 3", "jb done", "out 0x80, al", "done: mov dword [0xFEE000B0], 0", "iretd"};
        try (Guest g = guest(Vm::createIrqchip, handler, join(ENABLE_APIC, redirect))) {
            g.vcpu.run();
            g.vm.irqLine(5, true);
            assertThat(g.vcpu.run()).as("the third time").isInstanceOf(VcpuExit.Io.class);
            IrqChip chip = g.vm.getIrqchip(IrqRoutingEntry.IOAPIC);
            assertThat(chip.ioapic.redirtbl[5]).as("remote IRR").isEqualTo(0xC030);
            assertThat(chip.ioapic.irr).isEqualTo(1 << 5);
            assertThat(chip.toBytes()).hasSize(520);
            g.vm.irqLine(5, false);
            g.vcpu.run();
            assertThat(bl(g)).isEqualTo(3);
        }
    }

    @Test
    void aMessageGoesToTheLocalApicAtOnce() {
        try (Guest g = guest(Vm::createIrqchip, APIC_HANDLER, join(ENABLE_APIC, new String[] {"sti", "again: hlt", "jmp again"}))) {
            g.vcpu.run();
            assertThat(g.vm.signalMsi(new Msi(0xFEE0_0000L, 0x30))).isTrue();
            assertThat(g.vm.signalMsi(new Msi(0xFEE0_7000L, 0x30))).as("there is no processor 7").isFalse();
            g.vcpu.run();
            assertThat(bl(g)).isEqualTo(1);
            g.vm.setGsiRouting(List.of(IrqRoutingEntry.msi(40, 0xFEE0_0000L, 0x31)));
            g.vm.irqLine(40, true);
            g.vm.irqLine(5, true);
            g.vcpu.run();
            assertThat(bl(g)).isEqualTo(2);
        }
    }

    @Test
    void theHighHalfOfAMessagesAddressIsThatOfAWideApicId() {
        try (Guest g = guest(Vm::createIrqchip, APIC_HANDLER, join(ENABLE_APIC, new String[] {"sti", "again: hlt", "jmp again"}))) {
            g.vcpu.run();
            assertThat(g.vm.signalMsi(new Msi(0x100_FEE0_0000L, 0x30))).as("ignored").isTrue();
            g.vm.enableCap(Capability.X2APIC_API, Capability.X2APIC_API_USE_32BIT_IDS);
            assertThat(g.vm.signalMsi(new Msi(0x100_FEE0_0000L, 0x30))).as("there is no processor 256").isFalse();
            assertThat(g.vm.signalMsi(new Msi(0xFEEF_F000L, 0x31))).as("all").isTrue();
            assertThat(g.vm.signalMsi(new Msi(0xFFFF_FF00_FEEF_F000L, 0x32))).as("all").isTrue();
            g.vm.enableCap(Capability.X2APIC_API, Capability.X2APIC_API_ALL);
            assertThat(g.vm.signalMsi(new Msi(0xFEEF_F000L, 0x31))).as("there is no processor 255").isFalse();
            Refusal.of(() -> g.vm.signalMsi(new Msi(0x1_FEE0_0000L, 0x30)), Error.INVALID_ARGUMENT);
            Msi flags = new Msi(0xFEE0_0000L, 0x30);
            flags.flags = 1;
            Refusal.of(() -> g.vm.signalMsi(flags), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setGsiRouting(List.of(IrqRoutingEntry.msi(9, 0x1_FEE0_0000L, 0x30))), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.enableCap(Capability.X2APIC_API, 4), Error.INVALID_ARGUMENT);
            g.vcpu.run();
            assertThat(bl(g)).isEqualTo(3);
        }
    }

    @Test
    void inX2apicModeTheIdIsTheProcessorsForGood() {
        try (Guest g = guest(Vm::createIrqchip, APIC_HANDLER, "hlt")) {
            Vcpu v = g.vm.createVcpu(3);
            v.setMsr(0x1B, 0xFEE0_0C00L);
            byte[] page = v.getLapic();
            assertThat(page[0x23]).as("bits 31 to 24").isEqualTo((byte) 3);
            page[0x23] = 4;
            page[0x80] = 0x50;
            Refusal.of(() -> v.setLapic(page), Error.INVALID_ARGUMENT);
            assertThat(v.getCr8()).isZero();
            page[0x23] = 3;
            page[0x90] = 0x50;
            page[0xA0] = 0x50;
            page[0x310] = 5;
            v.setLapic(page);
            assertThat(v.getCr8()).isEqualTo(5);
            assertThat(v.getMsr(0x830)).as("interrupt command").isEqualTo(5L << 32);
            assertThat(v.getLapic()).isEqualTo(page);
            g.vm.enableCap(Capability.X2APIC_API, Capability.X2APIC_API_USE_32BIT_IDS);
            assertThat(v.getLapic()[0x20]).isEqualTo((byte) 3);
            Refusal.of(() -> v.setLapic(new byte[1023]), Error.INVALID_ARGUMENT);
        }
    }

    @Test
    void theTimerInTheKernelDrivesItsGsi() {
        String[] program = {
            "mov al, 0x34", "out 0x43, al", "mov al, 100", "out 0x40, al", "mov al, 0", "out 0x40, al",
            "mov dword [0xFEC00000], 0x11", "mov dword [0xFEC00010], 0", "mov dword [0xFEC00000], 0x10", "mov dword [0xFEC00010], 0x30",
            "sti", "again: cmp bl, 3", "jb again", "in al, 0x61", "hlt"
        };
        Consumer<Vm> chips = vm -> {
            vm.createIrqchip();
            vm.createPit2(0);
        };
        try (Guest g = guest(chips, APIC_HANDLER, join(ENABLE_APIC, program))) {
            VcpuExit.Io speaker = (VcpuExit.Io) g.vcpu.run();
            assertThat(speaker.port()).as("the caller's").isEqualTo(0x61);
            long perPeriod = 100 * 2_000_000_000L / 1_193_182;
            assertThat(g.kvm.timeline().now()).isBetween(3 * perPeriod, 3 * perPeriod + 10_000);
        }
    }

    @Test
    void withLocalApicsOnlyTheCallerIsToldTheEndOfLevelTriggeredInterrupts() {
        try (Guest g = guest(
                vm -> vm.createLocalApics(() -> 0xFF), APIC_HANDLER,
                join(ENABLE_APIC, new String[] {"sti", "again: hlt", "jmp again"}))) {
            g.vm.setGsiRouting(List.of(IrqRoutingEntry.msi(3, 0xFEE0_0000L, LEVEL | 0x4030), IrqRoutingEntry.msi(4, 0xFEE0_0000L, 0x31)));
            g.vcpu.run();
            g.vm.signalMsi(new Msi(0xFEE0_0000L, LEVEL | 0x4030));
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.IoApicEoi(0x30));
            g.vm.signalMsi(new Msi(0xFEE0_0000L, 0x31));
            assertThat(g.vcpu.run()).as("edge-triggered").isEqualTo(new VcpuExit.Intr());
            assertThat(bl(g)).isEqualTo(2);
            Refusal.of(() -> g.vm.irqLine(3, true), Error.NO_DEVICE);
            Refusal.of(() -> g.vm.getIrqchip(0), Error.NO_DEVICE);
        }
    }

    @Test
    void aCallerWithItsOwnControllersAsksForTheMomentToInject() {
        try (Guest g = guest(vm -> {}, new String[] {"inc bl", "iretd"}, "cli", "nop", "sti", "nop", "nop", "hlt")) {
            assertThat(g.vcpu.isReadyForInterruptInjection()).isFalse();
            assertThat(g.vcpu.getIfFlag()).isFalse();
            g.vcpu.setRequestInterruptWindow(true);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.IrqWindowOpen());
            assertThat(g.vcpu.getRegs().rip).as("one instruction behind STI").isEqualTo(Guest.CODE + 4);
            assertThat(g.vcpu.isReadyForInterruptInjection()).isTrue();
            assertThat(g.vcpu.getIfFlag()).isTrue();
            g.vcpu.interrupt(0x30);
            assertThat(g.vcpu.isReadyForInterruptInjection()).isFalse();
            g.vcpu.setRequestInterruptWindow(false);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(bl(g)).isEqualTo(1);
        }
    }

    @Test
    void theLocalApicOfTheCallerIsMemoryOfDevicesAndCr8Exits() {
        String[] program = {"mov eax, [0xFEE00020]", "mov ecx, 0x1B", "rdmsr", "wrmsr", "hlt"};
        try (Guest g = guest(vm -> {}, new String[] {"iretd"}, program)) {
            VcpuExit.Mmio read = (VcpuExit.Mmio) g.vcpu.run();
            assertThat(read.physicalAddress()).isEqualTo(0xFEE0_0020L);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(g.vcpu.getApicBase()).isEqualTo(0xFEE0_0900L);
            Refusal.of(g.vcpu::getLapic, Error.NO_DEVICE);
            g.vcpu.setCr8(7);
            assertThat(g.vcpu.getSregs().cr8).isEqualTo(7);
            Refusal.of(() -> g.vcpu.setCr8(16), Error.INVALID_ARGUMENT);
        }
        try (Guest g = Guest.longMode("mov eax, 9", "mov cr8, rax", "mov eax, 3", "mov cr8, rax", "mov rbx, cr8", "hlt")) {
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.SetTpr());
            assertThat(g.vcpu.getCr8()).isEqualTo(3);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(bl(g)).isEqualTo(3);
        }
    }

    @Test
    void immediateExitsLeaveTheGuestAlone() {
        try (Guest g = guest(vm -> {}, new String[] {"iretd"}, "in al, 0x10", "hlt")) {
            VcpuExit.Io in = (VcpuExit.Io) g.vcpu.run();
            in.setValue(0x5A);
            g.vcpu.setImmediateExit(true);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Intr());
            assertThat(g.vcpu.getRegs().rax).as("the access is complete").isEqualTo(0x5A);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Intr());
            g.vcpu.setImmediateExit(false);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
        }
    }

    @Test
    void theStateOfTheControllersCanBeMoved() {
        try (Guest a = guest(Vm::createIrqchip, APIC_HANDLER, "hlt"); Guest b = guest(Vm::createIrqchip, APIC_HANDLER, "hlt")) {
            a.vm.irqLine(9, true);
            for (int id = IrqRoutingEntry.PIC_MASTER; id <= IrqRoutingEntry.IOAPIC; id++) {
                IrqChip chip = a.vm.getIrqchip(id);
                chip.pic.irqBase = 0x40;
                chip.pic.imr = 0x5A;
                chip.pic.priorityAdd = 3;
                chip.ioapic.redirtbl[3] = 0x0100_0000_0001_0033L;
                IrqChip copy = new IrqChip();
                copy.fromBytes(chip.toBytes());
                b.vm.setIrqchip(copy);
                assertThat(b.vm.getIrqchip(id).toBytes()).isEqualTo(chip.toBytes());
            }
            IrqChip elsewhere = a.vm.getIrqchip(IrqRoutingEntry.IOAPIC);
            elsewhere.ioapic.baseAddress = 0xFEC0_1000L;
            Refusal.of(() -> b.vm.setIrqchip(elsewhere), Error.INVALID_ARGUMENT);
            Refusal.of(() -> b.vm.getIrqchip(3), Error.INVALID_ARGUMENT);
        }
    }

    @Test
    void controllersAreMadeOnceAndBeforeVcpus() {
        try (Kvm kvm = Kvm.open()) {
            Vm vm = kvm.createVm();
            Refusal.of(() -> vm.createPit2(0), Error.NOT_FOUND);
            Refusal.of(() -> vm.signalMsi(new Msi(0xFEE0_0000L, 0x30)), Error.NO_DEVICE);
            vm.createIrqchip();
            Refusal.of(vm::createIrqchip, Error.ALREADY_EXISTS);
            Refusal.of(() -> vm.createLocalApics(() -> 0), Error.ALREADY_EXISTS);
            Refusal.of(() -> vm.createPit2(2), Error.INVALID_ARGUMENT);
            vm.createPit2(Vm.PIT_SPEAKER_DUMMY);
            Refusal.of(() -> vm.createPit2(0), Error.ALREADY_EXISTS);
            Vcpu v = vm.createVcpu(0);
            Refusal.of(() -> v.interrupt(0x30), Error.NO_DEVICE);
            Vm late = kvm.createVm();
            late.createVcpu(0);
            Refusal.of(late::createIrqchip, Error.INVALID_ARGUMENT);
        }
    }

    @Test
    void routesThatLeadNowhereAreRefusedAndTheOldOnesStay() {
        try (Guest g = guest(Vm::createIrqchip, APIC_HANDLER, "hlt")) {
            IrqRoutingEntry good = IrqRoutingEntry.irqchip(7, IrqRoutingEntry.IOAPIC, 7);
            IrqRoutingEntry flags = IrqRoutingEntry.irqchip(7, IrqRoutingEntry.IOAPIC, 7);
            flags.flags = 1;
            List<List<IrqRoutingEntry>> bad = List.of(
                    List.of(IrqRoutingEntry.irqchip(1, IrqRoutingEntry.IOAPIC, 24)),
                    List.of(IrqRoutingEntry.irqchip(1, IrqRoutingEntry.PIC_MASTER, 8)),
                    List.of(IrqRoutingEntry.irqchip(1, 3, 0)),
                    List.of(IrqRoutingEntry.irqchip(4096, IrqRoutingEntry.IOAPIC, 0)),
                    List.of(new IrqRoutingEntry()),
                    List.of(flags),
                    List.of(good, good),
                    List.of(good, IrqRoutingEntry.msi(7, 0xFEE0_0000L, 0x30)));
            for (List<IrqRoutingEntry> routes : bad) {
                Refusal.of(() -> g.vm.setGsiRouting(routes), Error.INVALID_ARGUMENT);
            }
            g.vm.irqLine(6, true);
            assertThat(g.vm.getIrqchip(IrqRoutingEntry.IOAPIC).ioapic.irr).isEqualTo(1 << 6);
            assertThat(good.toBytes()).hasSize(48);
            assertThat(new Msi(0, 0).toBytes()).hasSize(32);
        }
    }

    /** Whoever raises the line hears of the end of each interrupt, in which the line falls. */
    @Test
    void theEndOfALevelTriggeredInterruptIsTold() {
        String[] redirect = {
            "mov dword [0xFEC00000], 0x1A", "mov dword [0xFEC00010], 0x8030", "mov dword [0xFEC00000], 0x1B",
            "mov dword [0xFEC00010], 0", "sti", "again: hlt", "jmp again"
        };
        for (boolean virtualApic : new boolean[] {true, false}) {
            Consumer<Vm> chips = vm -> {
                vm.setApicVirtualization(virtualApic);
                vm.createIrqchip();
            };
            try (Guest g = guest(chips, APIC_HANDLER, join(ENABLE_APIC, redirect))) {
                InterruptLine[] line = new InterruptLine[1];
                int[] ended = {0, 0};
                line[0] = g.vm.irqfd(5, () -> {
                    ended[0]++;
                    // The device wants more once.
                    line[0].set(ended[0] < 2);
                });
                g.vm.irqfd(6, () -> ended[1]++);
                g.vcpu.run();
                line[0].set(true);
                assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Intr());
                assertThat(bl(g)).isEqualTo(2);
                assertThat(ended).containsExactly(2, 0);
                assertThat(g.vm.getIrqchip(IrqRoutingEntry.IOAPIC).ioapic.irr).isZero();
            }
        }
        try (Kvm kvm = Kvm.open()) {
            Vm vm = kvm.createVm();
            Refusal.of(() -> vm.irqfd(5, () -> {}), Error.INVALID_ARGUMENT);
            vm.createIrqchip();
            Refusal.of(() -> vm.irqfd(4096, () -> {}), Error.INVALID_ARGUMENT);
        }
    }
}
