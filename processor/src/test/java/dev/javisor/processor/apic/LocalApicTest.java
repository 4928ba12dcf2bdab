package dev.javisor.processor.apic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.javisor.isa.CpuModels;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LocalApicTest {
    private static final int ID = 0x20, VERSION = 0x30, TPR = 0x80, PPR = 0xA0, EOI = 0xB0, LDR = 0xD0, DFR = 0xE0, SVR = 0xF0, ISR = 0x100,
            TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR = 0x300, ICR_HIGH = 0x310, LVT_TIMER = 0x320, LVT_LINT0 = 0x350, LVT_LINT1 = 0x360,
            LVT_ERROR = 0x370, INITIAL = 0x380, CURRENT = 0x390, DIVIDE = 0x3E0, SELF_IPI = 0x3F0;

    private static final long ENABLE = 0x800, EXTD = 0x400, BSP = 0x100, BASE = LocalApic.DEFAULT_BASE;

    private final Timeline timeline = new Timeline();
    private final ApicBus bus = new ApicBus();
    private final List<Cpu> cpus = new ArrayList<>();
    private final List<LocalApic> apics = new ArrayList<>();
    private final List<Integer> ended = new ArrayList<>();

    /** Processors whose APICs are enabled by software. */
    private LocalApic machine(int processors, String model) {
        for (int i = 0; i < processors; i++) {
            Cpu c = new Cpu(CpuModels.parse(model), i, new PhysicalMemory(), timeline);
            cpus.add(c);
            apics.add(new LocalApic(c, bus));
            write(i, SVR, 0x1FF);
        }
        bus.onEoi(ended::add);
        return apics.getFirst();
    }

    private LocalApic machine(int processors) {
        return machine(processors, "max-intel");
    }

    private void write(int processor, int register, long value) {
        apics.get(processor).write(register, 4, value);
    }

    private long read(int processor, int register) {
        return apics.get(processor).read(register, 4);
    }

    private void sendFromFirst(int destination, int command) {
        write(0, ICR_HIGH, (long) destination << 24);
        write(0, ICR, command);
    }

    private void passTime(long ticks) {
        long end = timeline.now() + ticks;
        while (timeline.next() <= end) {
            timeline.skipTo(timeline.next());
            timeline.runDue();
        }
        timeline.skipTo(end);
    }

    private boolean requests(int processor, int bit) {
        return (cpus.get(processor).requests & bit) != 0;
    }

    private void enableX2apic(int processor) {
        apics.get(processor).setBaseMsr(cpus.get(processor).apicBaseMsr | EXTD);
    }

    // ---- priority ----

    @Test
    void higherClassInterruptsLowerAndWaitsForItOtherwise() {
        LocalApic a = machine(1);
        bus.deliver(0, false, DeliveryMode.FIXED, 0x45, false);
        assertThat(a.acknowledge()).isEqualTo(0x45);
        assertThat(read(0, PPR)).isEqualTo(0x40);
        bus.deliver(0, false, DeliveryMode.FIXED, 0x4F, false);
        assertThat(a.pendingVector()).as("same class").isEqualTo(-1);
        bus.deliver(0, false, DeliveryMode.FIXED, 0x51, false);
        assertThat(a.acknowledge()).isEqualTo(0x51);
        write(0, EOI, 0);
        write(0, EOI, 0);
        assertThat(a.acknowledge()).isEqualTo(0x4F);
    }

    @Test
    void taskPriorityHoldsOffItsClassAndBelow() {
        LocalApic a = machine(1);
        a.setCr8(5);
        assertThat(read(0, TPR)).isEqualTo(0x50);
        bus.deliver(0, false, DeliveryMode.FIXED, 0x5F, false);
        assertThat(a.pendingVector()).isEqualTo(-1);
        assertThat(requests(0, Cpu.APIC_REQUEST)).isFalse();
        write(0, TPR, 0x4F);
        assertThat(requests(0, Cpu.APIC_REQUEST)).isTrue();
        assertThat(a.cr8()).isEqualTo(4);
        assertThat(a.pendingVector()).isEqualTo(0x5F);
    }

    @Test
    void acknowledgeWithoutRequestGivesTheSpuriousVector() {
        LocalApic a = machine(1);
        assertThat(a.acknowledge()).isEqualTo(0xFF);
        assertThat(read(0, ISR + 0x70)).isZero();
    }

    @Test
    void onlyLevelTriggeredInterruptsAreBroadcastAtTheirEnd() {
        LocalApic a = machine(1);
        bus.deliver(0, false, DeliveryMode.FIXED, 0x31, true);
        assertThat(read(0, TMR + 0x10)).isEqualTo(1 << 17);
        assertThat(read(0, IRR + 0x10)).isEqualTo(1 << 17);
        a.acknowledge();
        write(0, EOI, 0);
        bus.deliver(0, false, DeliveryMode.FIXED, 0x31, false);
        a.acknowledge();
        write(0, EOI, 0);
        assertThat(ended).containsExactly(0x31);
        write(0, SVR, 0x11FF);
        bus.deliver(0, false, DeliveryMode.FIXED, 0x31, true);
        a.acknowledge();
        write(0, EOI, 0);
        assertThat(ended).as("broadcast suppressed").hasSize(1);
    }

    @Test
    void softwareDisabledTakesOnlyNonMaskableMessages() {
        machine(1);
        write(0, LVT_TIMER, 0x40);
        write(0, SVR, 0xFF);
        assertThat(read(0, LVT_TIMER)).as("masked").isEqualTo(0x10040);
        write(0, LVT_TIMER, 0x40);
        assertThat(read(0, LVT_TIMER)).as("stays masked").isEqualTo(0x10040);
        assertThat(bus.deliver(0, false, DeliveryMode.FIXED, 0x40, false)).isFalse();
        assertThat(bus.deliver(0, false, DeliveryMode.NMI, 0, false)).isTrue();
        assertThat(requests(0, Cpu.NMI_REQUEST)).isTrue();
    }

    // ---- interrupt command ----

    @Test
    void interruptCommandReachesPhysicalDestinationsAndShorthands() {
        machine(3);
        sendFromFirst(2, 0x4041);
        assertThat(apics.stream().map(LocalApic::pendingVector)).containsExactly(-1, -1, 0x41);
        sendFromFirst(0xFF, 0x4042);
        assertThat(apics.stream().map(LocalApic::pendingVector)).containsExactly(0x42, 0x42, 0x42);
        write(0, ICR, 0x44043);
        assertThat(apics.stream().map(LocalApic::pendingVector)).containsExactly(0x43, 0x42, 0x42);
        write(0, ICR, 0x84044);
        assertThat(apics.stream().map(LocalApic::pendingVector)).containsExactly(0x44, 0x44, 0x44);
        write(0, ICR, 0xC4045);
        assertThat(apics.stream().map(LocalApic::pendingVector)).containsExactly(0x44, 0x45, 0x45);
    }

    @Test
    void initAndStartUp() {
        machine(2);
        sendFromFirst(1, 0x4500);
        assertThat(requests(1, Cpu.INIT_REQUEST)).isTrue();
        cpus.get(1).withdraw(Cpu.INIT_REQUEST);
        sendFromFirst(1, 0x8500);
        assertThat(requests(1, Cpu.INIT_REQUEST)).as("level de-assert").isFalse();
        sendFromFirst(1, 0x4699);
        assertThat(requests(1, Cpu.SIPI_REQUEST)).isTrue();
        assertThat(cpus.get(1).sipiVector).isEqualTo(0x99);
        assertThat(requests(0, Cpu.SIPI_REQUEST | Cpu.INIT_REQUEST)).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"0xFFFFFFFF,0x01,0x02,0x03", "0xFFFFFFFF,0x80,0x02,0x82", "0x0FFFFFFF,0x11,0x12,0x13", "0x0FFFFFFF,0xE4,0xE8,0xEC"})
    void logicalDestinations(String format, String first, String second, String both) {
        machine(2);
        for (int i = 0; i < 2; i++) {
            write(i, DFR, Long.decode(format));
            write(i, LDR, Long.decode(i == 0 ? first : second) << 24);
        }
        sendFromFirst(Integer.decode(second), 0x4841);
        assertThat(apics.stream().map(LocalApic::pendingVector)).containsExactly(-1, 0x41);
        sendFromFirst(Integer.decode(both), 0x4842);
        assertThat(apics.stream().map(LocalApic::pendingVector)).containsExactly(0x42, 0x42);
    }

    @Test
    void logicalClustersDoNotMix() {
        machine(2);
        for (int i = 0; i < 2; i++) {
            write(i, DFR, 0);
            write(i, LDR, (long) (i << 4 | 1) << 24);
        }
        sendFromFirst(0x11, 0x4841);
        assertThat(apics.stream().map(LocalApic::pendingVector)).containsExactly(-1, 0x41);
        sendFromFirst(0x12, 0x4842);
        assertThat(apics.stream().map(LocalApic::pendingVector)).containsExactly(-1, 0x41);
    }

    @Test
    void lowestPriorityChoosesTheLeastBusy() {
        machine(3);
        for (int i = 0; i < 3; i++) {
            write(i, LDR, 1L << 24 + i);
            write(i, TPR, i == 1 ? 0x20 : 0x30);
        }
        bus.message(0xFEE0700CL, 0x0141);
        assertThat(apics.stream().map(LocalApic::pendingVector)).containsExactly(-1, 0x41, -1);
    }

    @Test
    void messagesSignalledByDevices() {
        machine(2);
        bus.message(0xFEE01000L, 0x0041);
        assertThat(apics.stream().map(LocalApic::pendingVector)).containsExactly(-1, 0x41);
        bus.message(0xFEE00000L, 0x0400);
        assertThat(requests(0, Cpu.NMI_REQUEST)).isTrue();
    }

    // ---- errors ----

    @Test
    void errorsAreLatchedByAWriteAndRaiseTheErrorInterruptOnce() {
        LocalApic a = machine(1);
        write(0, LVT_ERROR, 0x70);
        sendFromFirst(0, 0x4005);
        assertThat(read(0, ESR)).as("not latched yet").isZero();
        assertThat(a.acknowledge()).isEqualTo(0x70);
        write(0, EOI, 0);
        sendFromFirst(0, 0x4006);
        assertThat(a.pendingVector()).as("not again before the error is cleared").isEqualTo(-1);
        write(0, ESR, 0);
        assertThat(read(0, ESR)).isEqualTo(0x20);
        bus.deliver(0, false, DeliveryMode.FIXED, 3, false);
        a.read(0x40, 4);
        write(0, ESR, 0);
        assertThat(read(0, ESR)).isEqualTo(0x40 | 0x80);
        write(0, ESR, 0);
        assertThat(read(0, ESR)).isZero();
    }

    @Test
    void registerPageTakesAlignedDoublewordsOnly() {
        LocalApic a = machine(1);
        a.write(TPR, 1, 0x50);
        a.write(TPR, 8, 0x50);
        a.write(TPR + 4, 4, 0x50);
        assertThat(read(0, TPR)).isZero();
        a.write(VERSION, 4, 0);
        assertThat(read(0, VERSION) & 0xFF).isBetween(0x10L, 0x15L);
        assertThat(a.read(VERSION + 2, 1)).isEqualTo(6);
        assertThat(a.read(VERSION + 4, 4)).isZero();
    }

    // ---- timer: 2 ticks of machine time to a cycle of the crystal clock ----

    @Test
    void oneShot() {
        LocalApic a = machine(1);
        write(0, LVT_TIMER, 0x40);
        write(0, DIVIDE, 0xB);
        write(0, INITIAL, 1000);
        assertThat(read(0, CURRENT)).isEqualTo(1000);
        passTime(2);
        assertThat(read(0, CURRENT)).isEqualTo(999);
        passTime(1997);
        assertThat(read(0, CURRENT)).isEqualTo(1);
        assertThat(a.pendingVector()).isEqualTo(-1);
        passTime(1);
        assertThat(read(0, CURRENT)).isZero();
        assertThat(a.acknowledge()).isEqualTo(0x40);
        write(0, EOI, 0);
        passTime(100_000);
        assertThat(a.pendingVector()).isEqualTo(-1);
    }

    @Test
    void periodicAndItsDivisor() {
        LocalApic a = machine(1);
        write(0, LVT_TIMER, 0x20040);
        write(0, DIVIDE, 0x3);
        write(0, INITIAL, 100);
        for (int period = 0; period < 3; period++) {
            passTime(100 * 16 * 2 - 1);
            assertThat(a.pendingVector()).isEqualTo(-1);
            passTime(1);
            assertThat(a.acknowledge()).isEqualTo(0x40);
            assertThat(read(0, CURRENT)).isEqualTo(100);
            write(0, EOI, 0);
        }
        write(0, INITIAL, 0);
        passTime(1_000_000);
        assertThat(a.pendingVector()).as("stopped").isEqualTo(-1);
    }

    @Test
    void countGoesOnWhenTheModeChanges() {
        machine(1);
        write(0, DIVIDE, 0xB);
        write(0, LVT_TIMER, 0x40);
        write(0, INITIAL, 1000);
        passTime(1200);
        write(0, LVT_TIMER, 0x20040);
        assertThat(read(0, CURRENT)).isEqualTo(400);
        passTime(1000);
        assertThat(read(0, CURRENT)).isEqualTo(900);
        write(0, LVT_TIMER, 0x40);
        passTime(10_000);
        assertThat(read(0, CURRENT)).isZero();
        write(0, LVT_TIMER, 0x20040);
        assertThat(read(0, CURRENT)).as("a stopped count stays").isZero();
    }

    @Test
    void tscDeadline() {
        LocalApic a = machine(1);
        a.setTscDeadline(500);
        assertThat(a.tscDeadline()).as("other modes ignore it").isZero();
        write(0, LVT_TIMER, 0x40040);
        passTime(100);
        a.setTscDeadline(500);
        assertThat(a.tscDeadline()).isEqualTo(500);
        passTime(399);
        assertThat(a.pendingVector()).isEqualTo(-1);
        passTime(1);
        assertThat(a.acknowledge()).isEqualTo(0x40);
        assertThat(a.tscDeadline()).isZero();
        write(0, EOI, 0);
        a.setTscDeadline(499);
        assertThat(a.acknowledge()).as("a deadline that has passed fires at once").isEqualTo(0x40);
        write(0, EOI, 0);
        a.setTscDeadline(-1);
        passTime(1_000_000_000);
        assertThat(a.pendingVector()).isEqualTo(-1);
        a.setTscDeadline(0);
        write(0, INITIAL, 5);
        assertThat(read(0, CURRENT)).as("no count in this mode").isZero();
    }

    @Test
    void deadlineFollowsTheTimeStampCounter() {
        LocalApic a = machine(1);
        write(0, LVT_TIMER, 0x40040);
        a.setTscDeadline(1000);
        cpus.getFirst().tscOffset = 900;
        a.tscChanged();
        passTime(99);
        assertThat(a.pendingVector()).isEqualTo(-1);
        passTime(1);
        assertThat(a.pendingVector()).isEqualTo(0x40);
    }

    // ---- wires ----

    @Test
    void externalInterruptPassesLint0InExtIntMode() {
        LocalApic a = machine(2);
        bus.setExternalInterrupt(true);
        assertThat(requests(0, Cpu.EXTERNAL_REQUEST)).as("masked").isFalse();
        a.setVirtualWireMode();
        assertThat(requests(0, Cpu.EXTERNAL_REQUEST)).isTrue();
        assertThat(requests(1, Cpu.EXTERNAL_REQUEST)).isFalse();
        bus.setExternalInterrupt(false);
        assertThat(requests(0, Cpu.EXTERNAL_REQUEST)).isFalse();
        bus.setNmi(true);
        assertThat(requests(0, Cpu.NMI_REQUEST)).isTrue();
    }

    @Test
    void lint0AsLevelTriggeredInterruptComesBackWhileItIsHigh() {
        LocalApic a = machine(1);
        write(0, LVT_LINT0, 0x8050);
        bus.setExternalInterrupt(true);
        assertThat(a.acknowledge()).isEqualTo(0x50);
        assertThat(read(0, LVT_LINT0)).isEqualTo(0xC050);
        write(0, EOI, 0);
        assertThat(a.acknowledge()).isEqualTo(0x50);
        bus.setExternalInterrupt(false);
        write(0, EOI, 0);
        assertThat(a.pendingVector()).isEqualTo(-1);
        assertThat(read(0, LVT_LINT0)).isEqualTo(0x8050);
    }

    @Test
    void disabledApicLeavesThePinsToTheProcessor() {
        LocalApic a = machine(1);
        a.setBaseMsr(BASE | BSP);
        bus.setExternalInterrupt(true);
        assertThat(requests(0, Cpu.EXTERNAL_REQUEST)).isTrue();
        bus.setNmi(true);
        assertThat(requests(0, Cpu.NMI_REQUEST)).isTrue();
    }

    // ---- modes ----

    @ParameterizedTest
    @ValueSource(longs = {BASE | EXTD, BASE | ENABLE | 1, BASE | ENABLE | 1L << 52, BASE | ENABLE | 0x200})
    void illegalBaseValues(long value) {
        LocalApic a = machine(1);
        assertThatExceptionOfType(GuestFault.class).isThrownBy(() -> a.setBaseMsr(value));
    }

    @Test
    void modeTransitions() {
        LocalApic a = machine(1);
        write(0, TPR, 0x40);
        enableX2apic(0);
        assertThat(a.mmioEnabled()).isFalse();
        assertThat(a.readMsr(TPR >> 4)).as("kept").isEqualTo(0x40);
        assertThatExceptionOfType(GuestFault.class).as("back to xAPIC").isThrownBy(() -> a.setBaseMsr(BASE | ENABLE));
        a.setBaseMsr(BASE);
        assertThatExceptionOfType(GuestFault.class).as("off to x2APIC").isThrownBy(() -> a.setBaseMsr(BASE | ENABLE | EXTD));
        a.setBaseMsr(0x1234000L | ENABLE);
        assertThat(a.mmioEnabled()).isTrue();
        assertThat(a.base()).isEqualTo(0x1234000L);
        assertThat(read(0, TPR)).as("reset").isZero();
        assertThat(read(0, SVR)).isEqualTo(0xFF);
    }

    @Test
    void x2apicNeedsTheFeature() {
        LocalApic a = machine(1, "max-intel,-x2apic");
        assertThatExceptionOfType(GuestFault.class).isThrownBy(() -> a.setBaseMsr(BASE | ENABLE | EXTD));
    }

    @Test
    void x2apicAddressesAndSelf() {
        machine(18);
        for (int i = 0; i < 18; i++) {
            enableX2apic(i);
        }
        LocalApic first = apics.getFirst();
        assertThat(apics.get(17).readMsr(ID >> 4)).isEqualTo(17);
        assertThat(apics.get(17).readMsr(LDR >> 4)).isEqualTo(0x10002);
        first.writeMsr(ICR >> 4, 17L << 32 | 0x41);
        assertThat(apics.get(17).pendingVector()).isEqualTo(0x41);
        first.writeMsr(ICR >> 4, 0x10003L << 32 | 0x842);
        assertThat(apics.get(16).pendingVector()).isEqualTo(0x42);
        assertThat(apics.get(17).pendingVector()).isEqualTo(0x42);
        assertThat(apics.get(1).pendingVector()).isEqualTo(-1);
        first.writeMsr(ICR >> 4, 0xFFFFFFFFL << 32 | 0x43);
        assertThat(apics).allSatisfy(a -> assertThat(a.pendingVector()).isEqualTo(0x43));
        assertThat(first.readMsr(ICR >> 4)).isEqualTo(0xFFFFFFFFL << 32 | 0x43);
        first.writeMsr(SELF_IPI >> 4, 0x44);
        assertThat(first.pendingVector()).isEqualTo(0x44);
    }

    @ParameterizedTest
    @ValueSource(ints = {0x00, 0x02, 0x09, 0x0C, 0x0E, 0x31, 0x3A, 0x40, 0xFF})
    void x2apicRegistersThatCannotBeReadOrWritten(int index) {
        LocalApic a = machine(1);
        enableX2apic(0);
        assertThatExceptionOfType(GuestFault.class).isThrownBy(() -> a.writeMsr(index, 0));
        if (index != ID >> 4) {
            assertThatExceptionOfType(GuestFault.class).isThrownBy(() -> a.readMsr(index));
        }
    }

    @ParameterizedTest
    @CsvSource({"0x08,0x100", "0x0B,1", "0x0F,0x400", "0x28,1", "0x30,0x2000", "0x32,0x80040", "0x3E,4", "0x3F,0x100", "0x38,0x100000000"})
    void x2apicReservedBits(String index, String value) {
        LocalApic a = machine(1);
        enableX2apic(0);
        assertThatExceptionOfType(GuestFault.class).isThrownBy(() -> a.writeMsr(Integer.decode(index), Long.decode(value)));
    }

    @Test
    void x2apicRegistersAreMsrsInThatModeOnly() {
        LocalApic a = machine(1);
        assertThatExceptionOfType(GuestFault.class).isThrownBy(() -> a.readMsr(ID >> 4));
        assertThatExceptionOfType(GuestFault.class).isThrownBy(() -> a.writeMsr(TPR >> 4, 0));
    }

    // ---- INIT and saved state ----

    @Test
    void initKeepsIdAndMode() {
        LocalApic a = machine(1);
        write(0, ID, 0x7000000);
        write(0, LDR, 0x1000000);
        bus.deliver(7, false, DeliveryMode.FIXED, 0x40, false);
        a.init();
        assertThat(read(0, ID)).isEqualTo(0x7000000);
        assertThat(read(0, LDR)).isZero();
        assertThat(read(0, SVR)).isEqualTo(0xFF);
        assertThat(requests(0, Cpu.APIC_REQUEST)).isFalse();
    }

    @Test
    void savedStateGoesOnAsTheOriginal() {
        LocalApic a = machine(1);
        write(0, LVT_TIMER, 0x20040);
        write(0, DIVIDE, 0xB);
        write(0, INITIAL, 1000);
        bus.deliver(0, false, DeliveryMode.FIXED, 0x51, true);
        a.acknowledge();
        passTime(500);
        StateOutput out = new StateOutput();
        a.save(out);

        LocalApicTest other = new LocalApicTest();
        LocalApic b = other.machine(1);
        other.timeline.setTime(timeline.now());
        b.load(new StateInput(out.toByteArray()));
        for (int i = 0; i < 5; i++) {
            passTime(777);
            other.passTime(777);
            assertThat(other.read(0, CURRENT)).isEqualTo(read(0, CURRENT));
            assertThat(other.read(0, IRR + 0x20)).isEqualTo(read(0, IRR + 0x20));
            assertThat(other.read(0, ISR + 0x20)).isEqualTo(read(0, ISR + 0x20)).isNotZero();
        }
        write(0, LVT_LINT1, 0x400);
        StateOutput again = new StateOutput();
        a.save(again);
        StateOutput copy = new StateOutput();
        b.save(copy);
        assertThat(copy.toByteArray()).isNotEqualTo(again.toByteArray());
        other.write(0, LVT_LINT1, 0x400);
        copy = new StateOutput();
        b.save(copy);
        assertThat(copy.toByteArray()).isEqualTo(again.toByteArray());
    }
}
