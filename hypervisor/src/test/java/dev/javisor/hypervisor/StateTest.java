package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.DebugRegs;
import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.KvmException.Error;
import dev.javisor.hypervisor.abi.MpState;
import dev.javisor.hypervisor.abi.Msi;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.Sregs2;
import dev.javisor.hypervisor.abi.Struct;
import dev.javisor.hypervisor.abi.Translation;
import dev.javisor.hypervisor.abi.VcpuEvents;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.abi.Xcrs;
import dev.javisor.hypervisor.abi.Xsave;
import dev.javisor.isa.CpuModels;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.Engine;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;

/** State structures: what goes in comes out, and what no processor can be in is refused without any effect. */
class StateTest {
    private static final int XSTATE_BV = 512, XMM = 160, MXCSR = 24, PAGING = 0x8000_0000;

    private static ByteBuffer bytes(Xsave x) {
        return ByteBuffer.wrap(x.region).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void extendedStateIsWhatTheGuestSees() {
        String[] code = {"mov eax, cr4", "or eax, 0x600", "mov cr4, eax", "fninit", "fld1", "movd edx, xmm3", "hlt"};
        try (Guest g = Guest.flat(Engine.INTERPRETER, code)) {
            Xsave x = g.vcpu.getXsave();
            bytes(x).putInt(XMM + 16 * 3, 0x77);
            g.vcpu.setXsave(x);
            assertThat(g.vcpu.getXsave().region).isEqualTo(x.region);
            g.vcpu.run();
            assertThat(g.vcpu.getRegs().rdx).isEqualTo(0x77);
            assertThat(bytes(g.vcpu.getXsave()).getLong(32)).as("ST(0)").isEqualTo(0x8000_0000_0000_0000L);
            bytes(x).putLong(XSTATE_BV, 0);
            g.vcpu.setXsave(x);
            assertThat(bytes(g.vcpu.getXsave()).getInt(XMM + 16 * 3)).as("the initial configuration").isZero();
            assertThat(x.toBytes()).hasSize(4096);
        }
    }

    @Test
    void impossibleExtendedStateIsRefused() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt")) {
            byte[] before = g.vcpu.getXsave().region;
            List<Consumer<ByteBuffer>> bad = List.of(
                    b -> b.putLong(XSTATE_BV, 1L << 62),
                    b -> b.putLong(XSTATE_BV + 8, 1L << 63),
                    b -> b.putLong(XSTATE_BV + 56, 1),
                    b -> b.putInt(MXCSR, 0x1_0000));
            for (Consumer<ByteBuffer> change : bad) {
                Xsave x = g.vcpu.getXsave();
                bytes(x).putInt(XMM, 5);
                change.accept(bytes(x));
                Refusal.of(() -> g.vcpu.setXsave(x), Error.INVALID_ARGUMENT);
                assertThat(g.vcpu.getXsave().region).isEqualTo(before);
            }
        }
    }

    @Test
    void extendedControlRegistersTakeWhatXsetbvTakes() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt")) {
            Xcrs x = g.vcpu.getXcrs();
            assertThat(x.nrXcrs).isEqualTo(1);
            assertThat(x.toBytes()).hasSize(392);
            x.value[0] = 3;
            g.vcpu.setXcrs(x);
            assertThat(g.vcpu.getXcr0()).isEqualTo(3);
            for (long value : new long[] {0, 2, 1L << 62 | 1, 5}) {
                x.value[0] = value;
                Refusal.of(() -> g.vcpu.setXcrs(x), Error.INVALID_ARGUMENT);
            }
            x.nrXcrs = 17;
            Refusal.of(() -> g.vcpu.setXcrs(x), Error.INVALID_ARGUMENT);
            assertThat(g.vcpu.getXcr0()).isEqualTo(3);
        }
    }

    @Test
    void pagePointersArePartOfTheStateOfPaePagingOnly() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "mov eax, [0x40000000]", "hlt")) {
            g.vm.memory().write(0x5000, 8, 0x83);
            g.vm.memory().write(0x4000, 8, 0x5001);
            Sregs2 s = g.vcpu.getSregs2();
            assertThat(s.flags).isZero();
            assertThat(s.toBytes()).hasSize(320);
            s.sregs.cr3 = 0x4000;
            s.sregs.cr4 = 0x20;
            s.sregs.cr0 |= PAGING & 0xFFFF_FFFFL;
            s.flags = Sregs2.PDPTRS_VALID;
            s.pdptrs[0] = 0x5001;
            s.pdptrs[1] = 0x5001;
            g.vcpu.setSregs2(s);
            assertThat(g.vcpu.getSregs2().toBytes()).isEqualTo(s.toBytes());
            assertThat(g.vcpu.run()).as("the second pointer is in the processor only").isEqualTo(new VcpuExit.Hlt());
            Sregs2 unpaged = g.vcpu.getSregs2();
            unpaged.sregs.cr0 &= ~(PAGING & 0xFFFF_FFFFL);
            Refusal.of(() -> g.vcpu.setSregs2(unpaged), Error.INVALID_ARGUMENT);
        }
    }

    @Test
    void translationsLeaveNoTrace() {
        try (Guest g = Guest.longMode("hlt")) {
            g.vm.memory().write(Guest.TABLES + 0x1000 + 8, 8, 0x81);
            Translation t = g.vcpu.translate(0x1234);
            assertThat(t.valid && t.writeable && t.usermode).isTrue();
            assertThat(t.physicalAddress).isEqualTo(0x1234);
            Translation second = g.vcpu.translate(0x4000_0010L);
            assertThat(second.valid).isTrue();
            assertThat(second.writeable || second.usermode).isFalse();
            assertThat(second.physicalAddress).isEqualTo(0x10);
            assertThat(g.vcpu.translate(1L << 31).valid).isFalse();
            assertThat(g.vcpu.translate(1L << 60).valid).as("not canonical").isFalse();
            assertThat(g.vm.memory().read(Guest.TABLES, 8) & 0x20).as("accessed flag").isZero();
            assertThat(t.toBytes()).hasSize(24);
        }
    }

    @Test
    void withoutPayloadsAnExceptionHasItsEffectWhenItIsSaved() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt")) {
            VcpuEvents v = g.vcpu.getVcpuEvents();
            v.exceptionPending = true;
            v.exceptionNr = 14;
            v.exceptionHasErrorCode = true;
            v.exceptionHasPayload = true;
            v.exceptionPayload = 0x4321;
            g.vcpu.setVcpuEvents(v);
            g.vm.enableCap(Capability.EXCEPTION_PAYLOAD, 0);
            VcpuEvents old = g.vcpu.getVcpuEvents();
            assertThat(old.exceptionInjected).isTrue();
            assertThat(old.exceptionPending).isFalse();
            assertThat(old.flags & VcpuEvents.VALID_PAYLOAD).isZero();
            assertThat(g.vcpu.getSregs().cr2).isEqualTo(0x4321);
            Refusal.of(() -> g.vcpu.setVcpuEvents(v), Error.INVALID_ARGUMENT);
            g.vm.enableCap(Capability.X86_TRIPLE_FAULT_EVENT, 0);
            v.flags = VcpuEvents.VALID_TRIPLE_FAULT;
            Refusal.of(() -> g.vcpu.setVcpuEvents(v), Error.INVALID_ARGUMENT);
        }
    }

    @Test
    void theTimeStampCounterIsGuestTimeAndAnOffset() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "nop", "rdtsc", "hlt")) {
            g.vcpu.setTscOffset(1 << 20);
            assertThat(g.vcpu.getTscOffset()).isEqualTo(1 << 20);
            g.vcpu.run();
            assertThat(g.vcpu.getRegs().rax).isEqualTo((1 << 20) + 1);
        }
    }

    @Test
    void impossibleRegistersAreRefused() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt")) {
            byte[] before = g.vcpu.getSregs().toBytes();
            List<Consumer<Sregs>> bad = List.of(
                    s -> s.cr0 = 1L << 32,
                    s -> s.cr0 = 0x2000_0001,
                    s -> s.cr0 = PAGING & 0xFFFF_FFFFL,
                    s -> s.cr4 = 1L << 40,
                    s -> s.cr3 = 1L << 60,
                    s -> s.efer = 2,
                    s -> s.efer = 0x400,
                    s -> s.cr8 = 16,
                    s -> s.apicBase = 1,
                    s -> s.apicBase = 1L << 60);
            for (Consumer<Sregs> change : bad) {
                Sregs s = g.vcpu.getSregs();
                s.gdt.limit = 77;
                change.accept(s);
                Refusal.of(() -> g.vcpu.setSregs(s), Error.INVALID_ARGUMENT);
                assertThat(g.vcpu.getSregs().toBytes()).isEqualTo(before);
            }
            DebugRegs d = g.vcpu.getDebugRegs();
            d.dr7 = 1L << 32;
            Refusal.of(() -> g.vcpu.setDebugRegs(d), Error.INVALID_ARGUMENT);
            GuestDebug debug = new GuestDebug();
            debug.control = 4;
            Refusal.of(() -> g.vcpu.setGuestDebug(debug), Error.INVALID_ARGUMENT);
            for (Struct s : List.of(g.vcpu.getRegs(), new Sregs(), new Xcrs(), new Xsave())) {
                Refusal.of(() -> s.fromBytes(new byte[s.size() + 1]), Error.INVALID_ARGUMENT);
            }
        }
    }

    @Test
    void aStateThatOnlyTheEntryRefusesFailsThereWithItsReason() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt")) {
            Sregs s = g.vcpu.getSregs();
            s.tr.type = 5;
            g.vcpu.setSregs(s);
            VcpuExit.FailEntry failure = (VcpuExit.FailEntry) g.vcpu.run();
            assertThat(failure.explanation()).contains("TR");
            s.tr.type = 11;
            g.vcpu.setSregs(s);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
        }
    }

    @Test
    void aSecondThreadIsRefused() throws InterruptedException {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "out 0x80, al", "hlt")) {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch done = new CountDownLatch(1);
            g.vm.ioeventfd(true, 0x80, 1, null, () -> {
                inside.countDown();
                try {
                    done.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            AtomicReference<Object> result = new AtomicReference<>();
            Thread runner = new Thread(() -> result.set(g.vcpu.run()));
            runner.start();
            inside.await();
            Refusal.of(g.vcpu::run, Error.BUSY);
            Refusal.of(g.vcpu::getRegs, Error.BUSY);
            Refusal.of(() -> g.vm.createVcpu(1), Error.BUSY);
            Refusal.of(() -> g.vm.setUserMemoryRegion(3, 0, 0, null), Error.BUSY);
            done.countDown();
            runner.join();
            Assertions.assertThat(result.get()).isEqualTo(new VcpuExit.Hlt());
        }
    }

    @Test
    void aVcpuThatRunsIsNotCalledFromWithin() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "out 0x80, al", "hlt")) {
            g.vm.ioeventfd(true, 0x80, 1, null, () -> {
                Refusal.of(g.vcpu::getRegs, Error.BUSY);
                Refusal.of(g.vcpu::run, Error.BUSY);
            });
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
        }
    }

    @Test
    void capabilitiesHaveKvmsNumbers() {
        try (Kvm kvm = Kvm.open()) {
            assertThat(kvm.getApiVersion()).isEqualTo(12);
            assertThat(kvm.checkExtension(Capability.NR_MEMSLOTS.number)).isEqualTo(32764);
            assertThat(kvm.checkExtension(121)).as("split irqchip").isEqualTo(1);
            assertThat(kvm.checkExtension(208)).as("bytes of KVM_GET_XSAVE2").isEqualTo(4096);
            assertThat(kvm.checkExtension(31)).as("machine-check banks").isEqualTo(4);
            assertThat(kvm.checkExtension(100_000)).isZero();
            Vm vm = kvm.createVm();
            Refusal.of(() -> vm.enableCap(Capability.IRQCHIP, 0), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.enableCap(Capability.X86_USER_SPACE_MSR, 8), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.enableCap(Capability.MANUAL_DIRTY_LOG_PROTECT2, 2), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.setTssAddr(1L << 32), Error.INVALID_ARGUMENT);
            vm.setTssAddr(0xFFFB_D000L);
            vm.enableCap(Capability.SPLIT_IRQCHIP, 24);
            Refusal.of(() -> vm.enableCap(Capability.SPLIT_IRQCHIP, 24), Error.ALREADY_EXISTS);
            vm.createVcpu(0);
            Refusal.of(() -> vm.createVcpu(0), Error.ALREADY_EXISTS);
            Refusal.of(() -> vm.createVcpu(Vm.MAXIMUM_VCPUS), Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.setIdentityMapAddr(0), Error.INVALID_ARGUMENT);
        }
    }

    @Test
    void withoutLocalApicAllVcpusRunAndOnlyTheCallerKnowsWhoWaits() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt", "inc eax", "hlt")) {
            Vcpu second = g.vm.createVcpu(1);
            assertThat(second.getMpState()).isEqualTo(MpState.RUNNABLE);
            assertThat(g.vcpu.run()).isInstanceOf(VcpuExit.Hlt.class);
            assertThat(g.vcpu.getMpState()).isEqualTo(MpState.RUNNABLE);
            for (MpState s : MpState.values()) {
                if (s != MpState.RUNNABLE) {
                    Refusal.of(() -> g.vcpu.setMpState(s), Error.INVALID_ARGUMENT);
                }
            }
            g.vcpu.setMpState(MpState.RUNNABLE);
            assertThat(g.vcpu.run()).isInstanceOf(VcpuExit.Hlt.class);
            assertThat(g.vcpu.getRegs().rax).isEqualTo(1);
        }
    }

    @Test
    void aVcpuSaysWhetherItWaitsForItsFirstInitOrForAStartUpIpi() {
        Timeline timeline = new Timeline();
        try (Kvm kvm = Kvm.open(CpuModels.parse("max-intel"), timeline, Engine.INTERPRETER)) {
            Vm vm = kvm.createVm();
            vm.createIrqchip();
            Vcpu first = vm.createVcpu(0);
            Vcpu second = vm.createVcpu(1);
            assertThat(first.getMpState()).isEqualTo(MpState.RUNNABLE);
            assertThat(second.getMpState()).isEqualTo(MpState.UNINITIALIZED);
            ipi(vm, 0x500);
            assertThat(second.getMpState()).isEqualTo(MpState.INIT_RECEIVED);
            ipi(vm, 0x612);
            assertThat(second.getMpState()).isEqualTo(MpState.RUNNABLE);
            assertThat(second.getSregs().cs.base).isEqualTo(0x12000);
            second.setMpState(MpState.SIPI_RECEIVED);
            assertThat(second.getMpState()).isEqualTo(MpState.RUNNABLE);
            second.setMpState(MpState.HALTED);
            assertThat(second.getMpState()).isEqualTo(MpState.HALTED);
        }
    }

    /** A message of the delivery mode that stands in its bits 10 to 8, to processor 1. */
    private static void ipi(Vm vm, int command) {
        vm.signalMsi(new Msi(0xFEE0_1000L, command));
    }
}
