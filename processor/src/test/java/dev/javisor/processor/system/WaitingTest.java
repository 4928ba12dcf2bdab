package dev.javisor.processor.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WaitingTest {
    private static final String MONITOR = "0F01C8", MWAIT = "0F01C9", MONITORX = "0F01FA", MWAITX = "0F01FB", UMONITOR_RAX = "F30FAEF0",
            UMWAIT_EBX = "F20FAEF3", TPAUSE_EBX = "660FAEF3";

    /** The running instruction starts at machine time 0. */
    private static Rig rig() {
        Rig r = Rig.bits64();
        r.c.sliceEnd = r.c.budget + 1L;
        return r;
    }

    private static void passTime(Cpu c, long ticks) {
        c.timeline.skipTo(c.timeline.now() + ticks);
        c.sliceEnd = c.timeline.now() + c.budget + 1;
        c.timeline.runDue();
    }

    // ---- MONITOR, MWAIT ----

    @Test
    void aStoreToTheMonitoredLineEndsTheWait() {
        Rig r = rig().set(Rig.RAX, Rig.DATA + 5).run(MONITOR).run(MWAIT);
        assertThat(r.c.activity).isEqualTo(Cpu.MWAIT);
        r.store(Rig.DATA + 64, 8, 1).c.monitor.poll();
        assertThat(r.c.activity).isEqualTo(Cpu.MWAIT);
        r.store(Rig.DATA + 63, 1, 1).c.monitor.poll();
        assertThat(r.c.activity).isEqualTo(Cpu.ACTIVE);
        r.run(MWAIT);
        assertThat(r.c.activity).as("not armed any more").isEqualTo(Cpu.ACTIVE);
    }

    @Test
    void aStoreBeforeTheWaitPreventsIt() {
        Rig r = rig().set(Rig.RAX, Rig.DATA).run(MONITOR).store(Rig.DATA, 1, 1).run(MWAIT);
        assertThat(r.c.activity).isEqualTo(Cpu.ACTIVE);
    }

    @Test
    void extensions() {
        Rig r = rig().set(Rig.RAX, Rig.DATA).set(Rig.RCX, 1);
        assertThat(r.fault(MONITOR)).isEqualTo(Event.exception(Event.GP, 0));
        r.set(Rig.RCX, 0).run(MONITOR).set(Rig.RCX, 2);
        assertThat(r.fault(MWAIT)).isEqualTo(Event.exception(Event.GP, 0));
        r.set(Rig.RCX, 1).run(MWAIT);
        assertThat(r.c.waitBreaksOnInterrupt).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {MONITOR, MWAIT})
    void undefinedForUsersAndWhenSwitchedOff(String code) {
        Rig r = rig();
        r.c.miscEnable &= ~(1L << 18);
        assertThat(r.fault(code)).isEqualTo(Event.exception(Event.UD));
        r.c.miscEnable |= 1 << 18;
        r.c.cpl = 3;
        assertThat(r.fault(code)).isEqualTo(Event.exception(Event.UD));
    }

    @Test
    void monitorFaultsLikeALoad() {
        Rig r = rig().set(Rig.RAX, Rig.DATA).remove(Rig.DATA);
        assertThat(r.fault(MONITOR).vector()).isEqualTo(Event.PF);
        assertThat(r.set(Rig.RAX, 0x8000_0000_0000_0000L).fault(MONITOR)).isEqualTo(Event.exception(Event.GP, 0));
    }

    @Test
    void mwaitxHasATimer() {
        Rig r = Rig.bits64("max-amd").set(Rig.RAX, Rig.DATA);
        r.c.cpl = 3;
        r.run(MONITORX).set(Rig.RCX, 2).set(Rig.RBX, 1000).run(MWAITX);
        passTime(r.c, 999);
        assertThat(r.c.activity).isEqualTo(Cpu.MWAIT);
        passTime(r.c, 1);
        assertThat(r.c.activity).isEqualTo(Cpu.ACTIVE);
    }

    // ---- WAITPKG ----

    @Test
    void tpauseWaitsForItsDeadline() {
        Rig r = rig().set(Rig.RAX, 5000).flags(Flags.ARITHMETIC).run(TPAUSE_EBX);
        assertThat(r.flags()).isZero();
        passTime(r.c, 4999);
        assertThat(r.c.activity).isEqualTo(Cpu.MWAIT);
        passTime(r.c, 1);
        assertThat(r.c.activity).isEqualTo(Cpu.ACTIVE);
        assertThat(r.flags()).isZero();
        r.run(TPAUSE_EBX);
        assertThat(r.c.activity).as("the deadline has passed").isEqualTo(Cpu.ACTIVE);
    }

    @Test
    void theSystemsLimitSetsCarry() {
        Rig r = rig().set(Rig.RDX, 1);
        Msrs.write(r.c, 0xE1, 1000);
        r.run(TPAUSE_EBX);
        passTime(r.c, 1000);
        assertThat(r.c.activity).isEqualTo(Cpu.ACTIVE);
        assertThat(r.flags()).isEqualTo(Flags.CF);
    }

    @Test
    void umwaitNeedsAnArmedMonitor() {
        Rig r = rig().set(Rig.RAX, Rig.DATA).set(Rig.RDX, 1).run(UMWAIT_EBX);
        assertThat(r.c.activity).isEqualTo(Cpu.ACTIVE);
        r.c.cpl = 3;
        r.run(UMONITOR_RAX).run(UMWAIT_EBX);
        assertThat(r.c.activity).isEqualTo(Cpu.MWAIT);
        r.store(Rig.DATA, 4, 7).c.monitor.poll();
        assertThat(r.c.activity).isEqualTo(Cpu.ACTIVE);
    }

    @ParameterizedTest
    @ValueSource(strings = {UMWAIT_EBX, TPAUSE_EBX})
    void reservedBitsAndTimeStampDisable(String code) {
        Rig r = rig().set(Rig.RBX, 2);
        assertThat(r.fault(code)).isEqualTo(Event.exception(Event.GP, 0));
        r.set(Rig.RBX, 1).run(code);
        r.c.cpl = 3;
        r.c.cr4 |= Cr.TSD;
        assertThat(r.fault(code)).isEqualTo(Event.exception(Event.GP, 0));
    }

    @Test
    void aSavedWaitEndsWhenTheOriginalDoes() {
        Rig r = rig().set(Rig.RAX, 5000).run(TPAUSE_EBX);
        StateOutput out = new StateOutput();
        r.c.monitor.save(out);
        Rig copy = rig();
        copy.c.activity = Cpu.MWAIT;
        copy.c.monitor.load(new StateInput(out.toByteArray()));
        passTime(copy.c, 4999);
        assertThat(copy.c.activity).isEqualTo(Cpu.MWAIT);
        passTime(copy.c, 1);
        assertThat(copy.c.activity).isEqualTo(Cpu.ACTIVE);
    }

    // ---- counters and XCR0 ----

    @Test
    void timeStampCounter() {
        Rig r = rig().set(Rig.RAX, -1).set(Rig.RDX, -1).set(Rig.RCX, -1);
        r.c.tscOffset = 0x1_2345_6789_ABCDL;
        r.c.tscAux = 0x1F;
        r.run("0F31");
        assertThat(r.get(Rig.RDX) << 32 | r.get(Rig.RAX)).isEqualTo(0x1_2345_6789_ABCDL + r.c.now() - 1);
        r.run("0F01F9");
        assertThat(r.get(Rig.RCX)).isEqualTo(0x1F);
    }

    @ParameterizedTest
    @CsvSource({"max-intel,0F31", "max-intel,0F01F9", "max-amd,0F01FD"})
    void timeStampDisable(String model, String code) {
        Rig r = Rig.bits64(model);
        r.c.cr4 |= Cr.TSD;
        r.run(code);
        r.c.cpl = 3;
        assertThat(r.fault(code)).isEqualTo(Event.exception(Event.GP, 0));
        r.c.cr4 &= ~Cr.TSD;
        r.run(code);
    }

    @Test
    void performanceCounters() {
        assertThat(rig().fault("0F33")).as("Intel: none").isEqualTo(Event.exception(Event.GP, 0));
        Rig amd = Rig.bits64("max-amd").set(Rig.RAX, 1).set(Rig.RCX, 3).run("0F33");
        assertThat(amd.get(Rig.RAX)).isZero();
        assertThat(amd.set(Rig.RCX, 4).fault("0F33")).isEqualTo(Event.exception(Event.GP, 0));
    }

    @ParameterizedTest
    @CsvSource({"0,1,true", "0,3,true", "0,0x203,true", "0,0,false", "0,2,false", "0,0x400,false", "1,1,false"})
    void xsetbv(int register, String value, boolean legal) {
        Rig r = rig().set(Rig.RCX, register).set(Rig.RAX, Long.decode(value));
        assertThat(r.fault("0F01D1")).as("without CR4.OSXSAVE").isEqualTo(Event.exception(Event.UD));
        r.c.cr4 |= Cr.OSXSAVE;
        if (legal) {
            assertThat(r.run("0F01D1").c.xcr0).isEqualTo(Long.decode(value));
            r.c.cpl = 3;
        }
        assertThat(r.fault("0F01D1")).isEqualTo(Event.exception(Event.GP, 0));
    }
}
