package dev.javisor.processor.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.CpuModels;
import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.execution.Engine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Guests that lock the bus, and guests that never come to the end of an instruction. */
class BusLockTest {
    private static final long ALSO_BUS_LOCK = 1 << 26, SPLIT = VmxHost.DATA + 0x3C;
    private static final int RBX = 3;

    private static VmxHost guest(Engine engine, long operand, String... text) {
        VmxHost h = new VmxHost(engine, text).on(VmxControl.BUS_LOCK_DETECTION);
        h.c.gpr[RBX] = operand;
        return h;
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aSplitLockExitsBehindItsInstruction(Engine engine) {
        String[] locked = {"lock add qword [rbx], 1", "xchg [rbx], rax", "lock cmpxchg8b [rbx]", "lock bts qword [rbx], rcx"};
        for (String instruction : locked) {
            VmxHost h = guest(engine, SPLIT, "mov eax, 3", instruction, "behind:", "nop", "vmcall");
            assertThat(h.run()).as(instruction).isEqualTo(ExitReason.BUS_LOCK);
            assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(h.label("behind"));
            assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isZero();
            assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        }
    }

    /** The loop is long enough to be compiled. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void locksWithinACacheLineAndOtherSplitAccessesDoNot(Engine engine) {
        VmxHost h = guest(engine, SPLIT, "mov ecx, 5000", "again:", "lock inc dword [rbx]", "add qword [rbx], 1", "inc qword [rbx]",
                "loop again", "lock add qword [rbx], 1", "vmcall");
        assertThat(h.run()).isEqualTo(ExitReason.BUS_LOCK);
        assertThat(h.c.gpr[1]).as("rounds that are left").isZero();
        assertThat(h.memory.read(SPLIT, 8)).isEqualTo(3 * 5000 + 1);
        VmxHost off = guest(engine, SPLIT, "lock add qword [rbx], 1", "vmcall").off(VmxControl.BUS_LOCK_DETECTION);
        assertThat(off.run()).isEqualTo(ExitReason.VMCALL);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void anotherExitMentionsTheLock(Engine engine) {
        VmxHost h = guest(engine, SPLIT, "lock add qword [rbx], 1", "nop", "vmcall").on(VmxControl.MONITOR_TRAP_FLAG);
        assertThat(h.run()).isEqualTo(ExitReason.MONITOR_TRAP_FLAG);
        assertThat(h.get(VmcsField.EXIT_REASON) & ALSO_BUS_LOCK).isNotZero();
        assertThat(h.run()).isEqualTo(ExitReason.MONITOR_TRAP_FLAG);
        assertThat(h.get(VmcsField.EXIT_REASON) & ALSO_BUS_LOCK).isZero();
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aSingleStepTrapWaitsForTheExit(Engine engine) {
        VmxHost h = guest(engine, SPLIT, "lock add qword [rbx], 1", "vmcall", "handler:", "vmcall").gate(Event.DB, "handler");
        h.set(VmcsField.GUEST_RFLAGS, 0x102);
        assertThat(h.run()).isEqualTo(ExitReason.BUS_LOCK);
        assertThat(h.get(VmcsField.GUEST_PENDING_DEBUG)).isEqualTo(1 << 14);
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(h.label("handler"));
    }

    /** 32-bit user code whose stack is misaligned: the delivery of #AC raises #AC, and so on. */
    private static VmxHost endless(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov eax, [rbx]", "vmcall", "handler:", "vmcall").withEpt().in32BitMode(3);
        h.memory.write(VmxHost.GUEST_IDT + 8 * Event.AC, 8, h.label("handler") | (8 | 3) << 16 | 0xEE00L << 32);
        h.set(VmcsField.GUEST_CR0, h.get(VmcsField.GUEST_CR0) | Cr.AM).set(VmcsField.GUEST_RFLAGS, Flags.FIXED | Flags.AC);
        h.set(VmcsField.GUEST_RSP, VmxHost.STACK - 2).set(VmcsField.EXCEPTION_BITMAP, 0);
        h.c.gpr[RBX] = VmxHost.DATA + 1;
        return h;
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void exceptionsWithoutEndExitWhenTheInstructionTimesOut(Engine engine) {
        VmxHost h = endless(engine).on(VmxControl.INSTRUCTION_TIMEOUT).set(VmcsField.INSTRUCTION_TIMEOUT_CONTROL, 0);
        assertThat(h.run()).isEqualTo(ExitReason.INSTRUCTION_TIMEOUT);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).as("the context is valid").isZero();
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(VmxHost.CODE);
        assertThat(h.get(VmcsField.IDT_VECTORING_INFO) & 0x7FF).isEqualTo(3 << 8 | Event.AC);
        h.set(VmcsField.GUEST_RSP, VmxHost.STACK).set(VmcsField.ENTRY_EXCEPTION_ERROR_CODE, 0);
        h.inject(h.get(VmcsField.IDT_VECTORING_INFO), 0, 0);
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(h.label("handler"));
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void withoutTimeoutTheyGoOnForAsLongAsNothingElseHappens(Engine engine) {
        VmxHost h = endless(engine).on(VmxControl.ACTIVATE_PREEMPTION_TIMER).set(VmcsField.PREEMPTION_TIMER_VALUE, 20);
        assertThat(h.run()).isEqualTo(ExitReason.PREEMPTION_TIMER_EXPIRED);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(VmxHost.CODE);
    }

    /** The frame of a #DB hits a data breakpoint, so that another #DB follows whose frame is in the same place. */
    private static VmxHost debugLoop(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov rax, [rbx]", "vmcall", "handler:", "vmcall").gate(Event.DB, "handler");
        h.memory.write(VmxHost.GUEST_IDT + 16 * Event.DB + 4, 1, 1);
        h.memory.write(VmxHost.DATA + 0x800 + 0x24, 8, VmxHost.STACK);
        h.set(VmcsField.GUEST_TR_BASE, VmxHost.DATA + 0x800).on(VmxControl.LOAD_DEBUG_CONTROLS);
        h.set(VmcsField.GUEST_DR7, 0x400 | 2 | 0xB << 16);
        h.c.dr[0] = VmxHost.STACK - 8;
        h.c.gpr[RBX] = VmxHost.STACK - 8;
        return h;
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void debugExceptionsWithoutEndExitToo(Engine engine) {
        VmxHost h = debugLoop(engine).on(VmxControl.INSTRUCTION_TIMEOUT);
        assertThat(h.run()).isEqualTo(ExitReason.INSTRUCTION_TIMEOUT);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(h.label("handler"));
        assertThat(h.get(VmcsField.GUEST_PENDING_DEBUG)).as("the next one").isEqualTo(1 << 12 | 1);
        h.set(VmcsField.GUEST_DR7, 0x400);
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(debugLoop(engine).set(VmcsField.EXCEPTION_BITMAP, 1 << Event.DB).on(VmxControl.INSTRUCTION_TIMEOUT).run())
                .isEqualTo(ExitReason.EXCEPTION_OR_NMI);
    }

    @Test
    void bothAreOfferedToProcessorsThatHaveThem() {
        VmxCapabilities skylake = new VmxCapabilities(CpuModels.parse("skylake-server").features());
        VmxCapabilities newer = new VmxCapabilities(CpuModels.parse("sapphire-rapids").features());
        for (VmxControl k : new VmxControl[] {VmxControl.BUS_LOCK_DETECTION, VmxControl.INSTRUCTION_TIMEOUT}) {
            assertThat(skylake.allowed1(k.word) & k.bit).isZero();
            assertThat(newer.allowed1(k.word) & k.bit).isEqualTo(k.bit);
        }
        assertThat(skylake.has(VmcsField.INSTRUCTION_TIMEOUT_CONTROL)).isFalse();
        assertThat(newer.has(VmcsField.INSTRUCTION_TIMEOUT_CONTROL)).isTrue();
    }
}
