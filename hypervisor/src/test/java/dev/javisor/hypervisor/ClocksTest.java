package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.ClockData;
import dev.javisor.hypervisor.abi.KvmException.Error;
import dev.javisor.hypervisor.abi.PitState;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.core.TscScale;
import dev.javisor.processor.execution.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The clocks of a guest as the interface sets them: time-stamp counter, kvm-clock, interval timer. */
class ClocksTest {
    private static final int VALUE = 0x3000;
    private static final String[] STAMP = {"rdtsc", "mov [0x3000], eax", "mov [0x3004], edx", "out 0xF4, al"};

    // ---- the frequency of the time-stamp counter ----

    @ParameterizedTest
    @ValueSource(ints = {1, 999_999, 2_000_000, 3_500_000, Integer.MAX_VALUE})
    void theTimeStampCounterCountsAsFastAsItIsTold(int khz) {
        try (PvGuest g = new PvGuest("max-intel").vcpu(STAMP)) {
            g.vcpus.getFirst().setTscKhz(khz);
            assertThat(g.vcpus.getFirst().getTscKhz()).isEqualTo(khz);
            g.timeline.skipTo(2_000_000_000L);
            g.run();
            long perSecond = khz * 1000L;
            assertThat(g.get(VALUE, 8)).isBetween(perSecond - perSecond / 1_000_000 - 1, perSecond + perSecond / 1_000_000 + 1);
        }
    }

    @Test
    void readingByInterfaceAndByGuestIsTheSameCounter() {
        try (PvGuest g = new PvGuest("max-intel").vcpu("rdtsc", "mov [0x3000], eax", "mov [0x3004], edx", "cpuid", "out 0xF4, al")) {
            Vcpu v = g.vcpus.getFirst();
            v.setTscKhz(3_000_000);
            v.setMsr(0x10, 1L << 40);
            assertThat(v.getMsr(0x10)).isEqualTo(1L << 40);
            long before = g.timeline.now();
            g.timeline.skipTo(before + 1000);
            assertThat(v.getMsr(0x10)).isEqualTo((1L << 40) + 1500);
            g.run();
            assertThat(g.get(VALUE, 8)).isEqualTo((1L << 40) + 1500);
        }
    }

    @Test
    void aSecondMachineOfAHostThatHasRunCountsFromItsOwnBeginning() {
        String[] stamp = {"rdtsc", "mov [0x2000], eax", "hlt"};
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt"); Arena arena = Arena.ofConfined()) {
            g.kvm.timeline().skipTo(1_000_000);
            Vm second = g.kvm.createVm();
            MemorySegment ram = arena.allocate(Guest.SIZE, 4096);
            second.setUserMemoryRegion(0, 0, 0, ram);
            byte[] code = Asm.assemble(CodeSize.BITS16, Guest.CODE, String.join("\n", stamp));
            second.memory().write(Guest.CODE, code, 0, code.length);
            Vcpu v = second.createVcpu(0);
            Sregs s = v.getSregs();
            s.cs.base = 0;
            s.cs.selector = 0;
            v.setSregs(s);
            Regs r = v.getRegs();
            r.rip = Guest.CODE;
            v.setRegs(r);
            v.run();
            assertThat(ram.get(ValueLayout.JAVA_INT, 0x2000)).isZero();
            assertThat(v.getMsr(0x10)).isLessThan(10);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {500_000, 2_000_000, 3_333_333})
    void aDeadlineIsMetWhenTheScaledCounterGetsThere(int khz) {
        String[] wait = {"mov dword [0xFEE000F0], 0x1FF", "mov dword [0xFEE00320], 0x40060", "rdtsc", "add eax, 100000", "adc edx, 0",
            "mov [0x3008], eax", "mov ecx, 0x6E0", "wrmsr", "sti", "hlt", "out 0xF4, al"};
        String[] stamp = {"rdtsc", "mov [0x3000], eax", "mov dword [0xFEE000B0], 0", "iret"};
        try (PvGuest g = new PvGuest("max-intel").on(0x60, stamp).vcpu(wait)) {
            g.vcpus.getFirst().setTscKhz(khz);
            g.run();
            assertThat(g.word(VALUE) - g.word(0x3008)).isBetween(0, 8);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {700_001, 2_000_000, 3_333_333})
    void theClockOfTheGuestFollowsTheScaledCounter(int khz) {
        String[] code = {"mov ecx, 0x4B564D01", "mov eax, 0x2001", "xor edx, edx", "wrmsr", "cpuid", "rdtsc", "mov [0x3000], eax",
            "mov [0x3004], edx", "out 0xF4, al"};
        try (PvGuest g = new PvGuest("max-intel,kvm=on").vcpu(code)) {
            g.vcpus.getFirst().setTscKhz(khz);
            g.timeline.skipTo(5_000_000_000L);
            g.run();
            long delta = g.get(VALUE, 8) - g.get(0x2008, 8);
            int shift = (byte) g.get(0x201C, 1);
            long shifted = shift < 0 ? delta >>> -shift : delta << shift;
            long clock = g.get(0x2010, 8) + Math.unsignedMultiplyHigh(shifted << 32, g.get(0x2018, 4));
            assertThat(clock).isBetween(g.vm.getClock().clock - 40, g.vm.getClock().clock + 4);
            assertThat(g.get(0x2018, 4)).as("as precise as it can be").isGreaterThanOrEqualTo(1L << 31);
        }
    }

    @Test
    void theCountersOfRunningTimeStandStillWhileTheGuestDoesNotRun() {
        String[] code = {"cpuid", "in al, 0x10", "xor ecx, ecx", "db 0x0F, 0x01, 0xFD", "mov [0x3000], eax", "inc ecx",
            "db 0x0F, 0x01, 0xFD", "mov [0x3004], eax", "mov [0x3008], edx", "out 0xF4, al"};
        try (PvGuest g = new PvGuest("max-amd").vcpu(code)) {
            g.timeline.skipTo(5_000_000);
            assertThat(g.vcpus.getFirst().run()).isInstanceOf(VcpuExit.Io.class);
            g.timeline.skipTo(7_000_000);
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(VALUE)).as("MPERF").isBetween(Latency.CPUID + Latency.DEVICE + 3, Latency.CPUID + Latency.DEVICE + 12);
            assertThat(g.word(0x3004) - g.word(VALUE)).as("APERF").isBetween(1, 5);
            assertThat(g.word(0x3008)).isZero();
        }
    }

    @Test
    void aNegativeFrequencyIsRefusedAndZeroIsThatOfGuestTime() {
        try (PvGuest g = new PvGuest("max-intel").vcpu(STAMP)) {
            Vcpu v = g.vcpus.getFirst();
            v.setTscKhz(1_000_000);
            Refusal.of(() -> v.setTscKhz(-1), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setTscKhz(-5), Error.INVALID_ARGUMENT);
            assertThat(v.getTscKhz()).isEqualTo(1_000_000);
            v.setTscKhz(0);
            assertThat(v.getTscKhz()).isEqualTo(2_000_000);
            g.vm.setTscKhz(1_234_567);
            assertThat(g.vm.createVcpu(5).getTscKhz()).isEqualTo(1_234_567);
            assertThat(g.kvm.checkExtension(Capability.TSC_CONTROL)).isEqualTo(1);
        }
    }

    @Test
    void scalingRoundsDownAndTheFirstTimeIsNotTooEarly() {
        long m = TscScale.multiplier(3, 7);
        for (long count : new long[] {0, 1, 2, 3, 1000, 1L << 40}) {
            long t = TscScale.firstTime(count, m);
            assertThat(TscScale.scale(t, m)).isGreaterThanOrEqualTo(count);
            assertThat(t == 0 || TscScale.scale(t - 1, m) < count).isTrue();
        }
        assertThat(TscScale.firstTime(-1, 1)).as("never").isEqualTo(Long.MAX_VALUE);
        assertThat(TscScale.unscale(6, TscScale.multiplier(3, 1))).isEqualTo(2);
    }

    // ---- kvm-clock ----

    @Test
    void theClockGoesOnWithTheTimeOfDayThatHasPassed() {
        try (PvGuest g = new PvGuest("max-intel").vcpu(STAMP)) {
            g.vm.setTimeOfDay(1_000_000);
            ClockData d = g.vm.getClock();
            assertThat(d.flags).isEqualTo(ClockData.TSC_STABLE | ClockData.REALTIME | ClockData.HOST_TSC);
            assertThat(d.realtime).isEqualTo(1_000_000);
            assertThat(d.toBytes()).hasSize(48);
            g.timeline.skipTo(2_000_000);
            d.clock = 77;
            g.vm.setClock(d);
            assertThat(g.vm.getClock().clock).as("a millisecond later").isEqualTo(1_000_077);
            assertThat(g.vm.getClock().hostTsc).isEqualTo(2_000_000);
            d.flags = 0;
            g.vm.setClock(d);
            assertThat(g.vm.getClock().clock).isEqualTo(77);
            d.flags = ClockData.REALTIME;
            d.realtime = Long.MAX_VALUE / 2;
            g.vm.setClock(d);
            assertThat(g.vm.getClock().clock).as("never backwards").isEqualTo(77);
            d.flags = 1;
            Refusal.of(() -> g.vm.setClock(d), Error.INVALID_ARGUMENT);
        }
    }

    // ---- interval timer ----

    private static Guest timer(String... code) {
        return Guest.flatWithHandler(
                vm -> {
                    vm.createIrqchip();
                    vm.createPit2(Vm.PIT_SPEAKER_DUMMY);
                },
                new String[] {"iretd"}, code);
    }

    private static final String[] PROGRAM = {
        "mov al, 0x34", "out 0x43, al", "mov al, 0x10", "out 0x40, al", "mov al, 0x27", "out 0x40, al", "mov al, 0xB6", "out 0x43, al",
        "mov al, 7", "out 0x42, al", "mov al, 3", "out 0x61, al", "mov al, 0xC2", "out 0x43, al", "in al, 0x40", "hlt"
    };

    @Test
    void theTimerCanBeMoved() {
        try (Guest a = timer(PROGRAM); Guest b = timer("hlt")) {
            a.vcpu.run();
            PitState s = a.vm.getPit2();
            assertThat(s.toBytes()).hasSize(112);
            assertThat(s.channels[0].count).isEqualTo(10_000);
            assertThat(s.channels[0].mode).isEqualTo(2);
            assertThat(s.channels[0].countLatched).as("the status is read first").isEqualTo(PitState.Channel.WORD_LOW);
            assertThat(s.channels[2].writeState).as("the other byte").isEqualTo(PitState.Channel.WORD_HIGH);
            assertThat(s.channels[2].writeLatch).isEqualTo(7);
            assertThat(s.channels[2].countLoadTime).isEqualTo(-1);
            assertThat(s.channels[1].count).isEqualTo(0x10000);
            assertThat(s.flags).isEqualTo(PitState.SPEAKER_DATA_ON);
            PitState copy = new PitState();
            copy.fromBytes(s.toBytes());
            b.kvm.timeline().skipTo(a.kvm.timeline().now());
            b.vm.setPit2(copy);
            assertThat(b.vm.getPit2().toBytes()).isEqualTo(s.toBytes());
            assertThat(b.kvm.timeline().next()).as("the end of the period").isEqualTo(a.kvm.timeline().next());
        }
    }

    @Test
    void aTimerThatAnotherReplacesDrivesNothing() {
        try (Guest g = timer(PROGRAM)) {
            g.vcpu.run();
            PitState s = g.vm.getPit2();
            s.flags |= PitState.HPET_LEGACY;
            g.vm.setPit2(s);
            assertThat(g.vm.getPit2().flags).isEqualTo(PitState.HPET_LEGACY | PitState.SPEAKER_DATA_ON);
            assertThat(g.vm.getIrqchip(2).ioapic.irr & 1).isZero();
            s.flags = 0;
            g.vm.setPit2(s);
            assertThat(g.vm.getIrqchip(2).ioapic.irr & 1).as("OUT is high").isEqualTo(1);
        }
    }

    @Test
    void impossibleTimersAreRefused() {
        try (Guest g = timer("hlt")) {
            List<Consumer<PitState>> bad = List.of(
                    s -> s.flags = 4, s -> s.channels[0].mode = 6, s -> s.channels[1].count = 0x10001, s -> s.channels[2].count = -1,
                    s -> s.channels[0].rwMode = 5, s -> s.channels[0].readState = 5, s -> s.channels[0].writeLatch = 256,
                    s -> s.channels[2].countLatched = 9);
            byte[] before = g.vm.getPit2().toBytes();
            for (Consumer<PitState> change : bad) {
                PitState s = g.vm.getPit2();
                s.channels[0].count = 55;
                change.accept(s);
                Refusal.of(() -> g.vm.setPit2(s), Error.INVALID_ARGUMENT);
            }
            assertThat(g.vm.getPit2().toBytes()).isEqualTo(before);
        }
        try (PvGuest none = new PvGuest("max-intel")) {
            Refusal.of(none.vm::getPit2, Error.NO_DEVICE);
            Refusal.of(() -> none.vm.setPit2(new PitState()), Error.NO_DEVICE);
        }
    }
}
