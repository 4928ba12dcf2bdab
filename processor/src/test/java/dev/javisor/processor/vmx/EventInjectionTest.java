package dev.javisor.processor.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.execution.Engine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Events that VM entries inject, and those that an exit finds half-delivered. */
class EventInjectionTest {
    private static final long EXTERNAL = 0, NMI = 2 << 8, EXCEPTION = 3 << 8;
    private static final long SOFTWARE = 4 << 8, PRIVILEGED = 5 << 8, SOFTWARE_EXCEPTION = 6 << 8;
    private static final long ERROR_CODE = 1 << 11, VALID = 1L << 31;
    private static final long IF = 0x200, BLOCKED_BY_STI = 1, BLOCKED_BY_MOV_SS = 2, BLOCKED_BY_NMI = 8;

    private static VmxHost guest(Engine engine) {
        return new VmxHost(engine, "start:", "nop", "vmcall", "handler:", "vmcall", "iretq");
    }

    private static void expectInHandler(VmxHost h) {
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(h.label("handler"));
        assertThat(h.get(VmcsField.ENTRY_INTERRUPTION_INFO) & VALID).as("injected once").isZero();
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void anExceptionPushesItsErrorCode(Engine engine) {
        VmxHost h = guest(engine).gate(Event.GP, "handler").inject(EXCEPTION | ERROR_CODE | Event.GP, 0x1230, 0);
        expectInHandler(h);
        assertThat(h.memory.read(h.get(VmcsField.GUEST_RSP), 8)).isEqualTo(0x1230);
        assertThat(h.memory.read(h.get(VmcsField.GUEST_RSP) + 8, 8)).isEqualTo(VmxHost.CODE);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void softwareEventsReturnBehindTheirInstruction(Engine engine) {
        for (long type : new long[] {SOFTWARE | 0x40, PRIVILEGED | Event.DB, SOFTWARE_EXCEPTION | Event.BP}) {
            VmxHost h = guest(engine).gate((int) type & 0xFF, "handler").inject(type, 0, 1);
            expectInHandler(h);
            assertThat(h.memory.read(h.get(VmcsField.GUEST_RSP), 8)).isEqualTo(VmxHost.CODE + 1);
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void anInjectedNmiBlocksNmisUntilIret(Engine engine) {
        VmxHost h = guest(engine).gate(Event.NMI_VECTOR, "handler").on(VmxControl.NMI_EXITING, VmxControl.VIRTUAL_NMIS);
        h.inject(NMI | 2, 0, 0);
        expectInHandler(h);
        assertThat(h.get(VmcsField.GUEST_INTERRUPTIBILITY)).isEqualTo(BLOCKED_BY_NMI);
        h.skip();
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.get(VmcsField.GUEST_INTERRUPTIBILITY)).isZero();
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void anExitDuringDeliveryReportsTheEvent(Engine engine) {
        for (long info : new long[] {EXTERNAL | 0x50, EXCEPTION | ERROR_CODE | Event.PF, SOFTWARE | 0x40, SOFTWARE_EXCEPTION | Event.BP}) {
            VmxHost h = guest(engine).gate((int) info & 0xFF, "handler").withEpt().set(VmcsField.GUEST_RFLAGS, IF | 2);
            long stack = VmxHost.eptEntry(VmxHost.STACK - 8);
            long mapping = h.memory.read(stack, 8);
            h.memory.write(stack, 8, 0);
            h.inject(info, (info & ERROR_CODE) != 0 ? 2 : 0, 1);
            assertThat(h.run()).isEqualTo(ExitReason.EPT_VIOLATION);
            assertThat(h.get(VmcsField.IDT_VECTORING_INFO)).isEqualTo(info | VALID);
            assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(VmxHost.CODE);
            assertThat(h.get(VmcsField.GUEST_RSP)).isEqualTo(VmxHost.STACK);
            if ((info & ERROR_CODE) != 0) {
                assertThat(h.get(VmcsField.IDT_VECTORING_ERROR_CODE)).isEqualTo(2);
            }
            if ((info & SOFTWARE) != 0) {
                assertThat(h.get(VmcsField.EXIT_INSTRUCTION_LENGTH)).isEqualTo(1);
            }
            h.memory.write(stack, 8, mapping);
            h.inject(h.get(VmcsField.IDT_VECTORING_INFO), (int) h.get(VmcsField.IDT_VECTORING_ERROR_CODE),
                    (int) h.get(VmcsField.EXIT_INSTRUCTION_LENGTH));
            expectInHandler(h);
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void theMonitorTrapFlagStopsBeforeTheHandlerOfAnInjectedEvent(Engine engine) {
        VmxHost h = guest(engine).gate(0x40, "handler").on(VmxControl.MONITOR_TRAP_FLAG).inject(SOFTWARE | 0x40, 0, 1);
        assertThat(h.run()).isEqualTo(ExitReason.MONITOR_TRAP_FLAG);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(h.label("handler"));
        assertThat(h.memory.read(h.get(VmcsField.GUEST_RSP), 8)).isEqualTo(VmxHost.CODE + 1);
    }

    /** Neither gate is there, so that every delivery raises #GP. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void aSecondExceptionExitsBeforeItBecomesADoubleFaultOrAShutdown(Engine engine) {
        for (long first : new long[] {Event.GP, Event.DF}) {
            long info = EXCEPTION | ERROR_CODE | first;
            VmxHost h = guest(engine).set(VmcsField.EXCEPTION_BITMAP, 1 << Event.GP).inject(info, 0, 0);
            assertThat(h.run()).isEqualTo(ExitReason.EXCEPTION_OR_NMI);
            assertThat(h.get(VmcsField.EXIT_INTERRUPTION_INFO) & 0xFF).isEqualTo(Event.GP);
            assertThat(h.get(VmcsField.IDT_VECTORING_INFO)).isEqualTo(info | VALID);
            assertThat(guest(engine).inject(info, 0, 0).run()).isEqualTo(ExitReason.TRIPLE_FAULT);
        }
        VmxHost h = guest(engine).set(VmcsField.EXCEPTION_BITMAP, 1 << Event.DF).inject(EXCEPTION | ERROR_CODE | Event.GP, 0, 0);
        assertThat(h.run()).isEqualTo(ExitReason.EXCEPTION_OR_NMI);
        assertThat(h.get(VmcsField.EXIT_INTERRUPTION_INFO) & 0xFF).isEqualTo(Event.DF);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void anInterruptWindowOpensBehindTheStiShadow(Engine engine) {
        VmxHost h = new VmxHost(engine, "sti", "nop", "nop", "vmcall").on(VmxControl.INTERRUPT_WINDOW_EXITING);
        assertThat(h.run()).isEqualTo(ExitReason.INTERRUPT_WINDOW);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(VmxHost.CODE + 2);
        assertThat(h.get(VmcsField.GUEST_INTERRUPTIBILITY)).isZero();
        h.off(VmxControl.INTERRUPT_WINDOW_EXITING);
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void anEntryWithShadowDelaysWhatIsPending(Engine engine) {
        VmxHost h = guest(engine).on(VmxControl.INTERRUPT_WINDOW_EXITING).set(VmcsField.GUEST_RFLAGS, IF | 2);
        h.set(VmcsField.GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS);
        assertThat(h.run()).isEqualTo(ExitReason.INTERRUPT_WINDOW);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(VmxHost.CODE + 1);
        h = guest(engine).on(VmxControl.INTERRUPT_WINDOW_EXITING).set(VmcsField.GUEST_RFLAGS, IF | 2);
        assertThat(h.run()).isEqualTo(ExitReason.INTERRUPT_WINDOW);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(VmxHost.CODE);
        h = guest(engine).set(VmcsField.GUEST_INTERRUPTIBILITY, BLOCKED_BY_STI);
        assertThat(h.enter()).as("blocking by STI with IF clear").isFalse();
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void externalInterruptsExitWhateverTheFlagSays(Engine engine) {
        VmxHost h = new VmxHost(engine, "here: jmp here").on(VmxControl.EXTERNAL_INTERRUPT_EXITING,
                VmxControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT);
        h.externalVector = 0x33;
        h.enter();
        h.processor.run(h.timeline.now() + 100);
        assertThat(h.isInGuest()).isTrue();
        h.c.request(Cpu.EXTERNAL_REQUEST);
        h.go();
        assertThat(h.get(VmcsField.EXIT_REASON)).isEqualTo(ExitReason.EXTERNAL_INTERRUPT.number);
        assertThat(h.get(VmcsField.EXIT_INTERRUPTION_INFO)).isEqualTo(VALID | 0x33);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void pendingDebugExceptionsComeAtTheEntry(Engine engine) {
        VmxHost h = guest(engine).gate(Event.DB, "handler").set(VmcsField.GUEST_PENDING_DEBUG, 1 << 14);
        h.set(VmcsField.GUEST_RFLAGS, 0x102).set(VmcsField.GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS);
        expectInHandler(h);
        assertThat(h.memory.read(h.get(VmcsField.GUEST_RSP), 8)).as("behind the shadow's instruction").isEqualTo(VmxHost.CODE + 1);
        assertThat(h.c.dr6 & 0x4000).isEqualTo(0x4000);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void anInterceptedDebugExceptionTellsItsCauseAndLeavesDr6(Engine engine) {
        VmxHost h = guest(engine).set(VmcsField.EXCEPTION_BITMAP, 1 << Event.DB).set(VmcsField.GUEST_RFLAGS, 0x102);
        long dr6 = h.c.dr6;
        assertThat(h.run()).isEqualTo(ExitReason.EXCEPTION_OR_NMI);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isEqualTo(0x4000);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(VmxHost.CODE + 1);
        assertThat(h.c.dr6).isEqualTo(dr6);
    }

    /** VM entry never fails because of it. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void aMachineCheckThatComesWithTheEntryIsTheGuests(Engine engine) {
        VmxHost h = guest(engine).gate(Event.MC, "handler");
        h.set(VmcsField.GUEST_CR4, h.get(VmcsField.GUEST_CR4) | Cr.MCE);
        h.c.request(Cpu.MACHINE_CHECK_REQUEST);
        expectInHandler(h);
        h = guest(engine).set(VmcsField.EXCEPTION_BITMAP, 1 << Event.MC);
        h.set(VmcsField.GUEST_CR4, h.get(VmcsField.GUEST_CR4) | Cr.MCE);
        h.c.request(Cpu.MACHINE_CHECK_REQUEST);
        assertThat(h.run()).isEqualTo(ExitReason.EXCEPTION_OR_NMI);
        assertThat(h.get(VmcsField.EXIT_INTERRUPTION_INFO) & 0xFF).isEqualTo(Event.MC);
    }
}
