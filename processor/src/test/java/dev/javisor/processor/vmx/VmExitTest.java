package dev.javisor.processor.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.execution.Engine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What makes a guest exit, and what the host learns of it. */
class VmExitTest {
    private static final long VALID = 1L << 31, ERROR_CODE = 1 << 11, EXCEPTION = 3 << 8;
    private static final int RCX = 1, RDX = 2;

    @ParameterizedTest
    @EnumSource(Engine.class)
    void instructionsThatAlwaysExitReportTheirLength(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov eax, 7", "cpuid", "vmcall", "invd", "xsetbv");
        assertThat(h.run()).isEqualTo(ExitReason.CPUID);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(VmxHost.CODE + 5);
        assertThat(h.get(VmcsField.EXIT_INSTRUCTION_LENGTH)).isEqualTo(2);
        assertThat(h.rax()).isEqualTo(7);
        assertThat(h.skip().run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.get(VmcsField.EXIT_INSTRUCTION_LENGTH)).isEqualTo(3);
        assertThat(h.skip().run()).isEqualTo(ExitReason.INVD);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void instructionsExitWhenTheirControlSaysSo(Engine engine) {
        String[] text = {"hlt", "rdtsc", "pause", "invlpg [rbx]", "mov rax, dr7", "mov cr3, rcx", "mov rdx, cr3", "wbinvd", "vmcall"};
        VmxControl[] controls = {VmxControl.HLT_EXITING, VmxControl.RDTSC_EXITING, VmxControl.PAUSE_EXITING, VmxControl.INVLPG_EXITING,
            VmxControl.MOV_DR_EXITING, VmxControl.CR3_LOAD_EXITING, VmxControl.CR3_STORE_EXITING, VmxControl.WBINVD_EXITING};
        ExitReason[] reasons = {ExitReason.HLT, ExitReason.RDTSC, ExitReason.PAUSE, ExitReason.INVLPG, ExitReason.MOV_DR,
            ExitReason.CONTROL_REGISTER_ACCESS, ExitReason.CONTROL_REGISTER_ACCESS, ExitReason.WBINVD};
        VmxHost h = new VmxHost(engine, text).on(controls);
        for (ExitReason r : reasons) {
            assertThat(h.run()).isEqualTo(r);
            h.skip();
        }
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);

        h = new VmxHost(engine, text).off(VmxControl.CR3_LOAD_EXITING, VmxControl.CR3_STORE_EXITING);
        h.set(VmcsField.GUEST_RIP, h.guest.origin() + 1);
        h.c.gpr[RCX] = VmxHost.PML4;
        assertThat(h.run()).as("without controls").isEqualTo(ExitReason.VMCALL);
        assertThat(h.c.gpr[RDX]).isEqualTo(VmxHost.PML4);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void portsExitByTheirBitmap(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov dx, 0x3f8", "in al, 0x70", "out dx, ax", "vmcall");
        h.port = 0x5A;
        h.memory.write(VmxHost.BITMAPS + 0x1000 + 0x3F9 / 8, 1, 1 << (0x3F9 & 7));
        assertThat(h.run()).as("the second byte of the access").isEqualTo(ExitReason.IO_INSTRUCTION);
        assertThat(h.rax() & 0xFF).isEqualTo(0x5A);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isEqualTo(0x3F8L << 16 | 1);
        assertThat(h.get(VmcsField.EXIT_INSTRUCTION_LENGTH)).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void msrsExitByTheirBitmapAndOutsideOfIt(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov ecx, 0x174", "rdmsr", "wrmsr", "mov ecx, 0x40000000", "rdmsr");
        h.memory.write(VmxHost.BITMAPS + 0x800 + 0x174 / 8, 1, 1 << (0x174 & 7));
        assertThat(h.run()).isEqualTo(ExitReason.WRMSR);
        assertThat(h.skip().run()).isEqualTo(ExitReason.RDMSR);
        assertThat(h.c.gpr[RCX]).isEqualTo(0x40000000L);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void exceptionsExitByTheBitmapWithWhatTheyAre(Engine engine) {
        VmxHost h = new VmxHost(engine, "ud2").set(VmcsField.EXCEPTION_BITMAP, 1 << Event.UD);
        assertThat(h.run()).isEqualTo(ExitReason.EXCEPTION_OR_NMI);
        assertThat(h.get(VmcsField.EXIT_INTERRUPTION_INFO)).isEqualTo(VALID | EXCEPTION | Event.UD);
        assertThat(h.get(VmcsField.GUEST_RIP)).isEqualTo(VmxHost.CODE);
        assertThat(h.get(VmcsField.IDT_VECTORING_INFO)).isZero();
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void pageFaultsExitByTheirErrorCode(Engine engine) {
        String[] text = {"mov byte [0x300000], 1"};
        for (boolean match : new boolean[] {true, false}) {
            VmxHost h = new VmxHost(engine, text).set(VmcsField.EXCEPTION_BITMAP, 1 << Event.PF);
            h.set(VmcsField.PAGE_FAULT_ERROR_MASK, 2).set(VmcsField.PAGE_FAULT_ERROR_MATCH, match ? 2 : 0);
            h.memory.write(VmxHost.PML4 + 0x2008, 8, 0);
            long cr2 = h.c.cr2;
            if (match) {
                assertThat(h.run()).isEqualTo(ExitReason.EXCEPTION_OR_NMI);
                assertThat(h.get(VmcsField.EXIT_INTERRUPTION_INFO)).isEqualTo(VALID | EXCEPTION | ERROR_CODE | Event.PF);
                assertThat(h.get(VmcsField.EXIT_INTERRUPTION_ERROR_CODE)).isEqualTo(2);
                assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isEqualTo(0x300000);
                assertThat(h.c.cr2).as("CR2, which an exit does not write").isEqualTo(cr2);
            } else {
                assertThat(h.run()).as("no IDT").isEqualTo(ExitReason.TRIPLE_FAULT);
                assertThat(h.c.cr2).isEqualTo(0x300000);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void controlRegistersHaveMasksAndShadows(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov rax, cr4", "mov rdx, rax", "mov cr4, rax", "xor eax, 4", "mov cr4, rax");
        h.set(VmcsField.CR4_MASK, 0x2000).set(VmcsField.CR4_READ_SHADOW, 0);
        h.set(VmcsField.CR4_MASK, 0x2004);
        assertThat(h.run()).isEqualTo(ExitReason.CONTROL_REGISTER_ACCESS);
        assertThat(h.c.gpr[RDX] & 0x2000).as("VMXE as the shadow has it").isZero();
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).as("MOV to CR4 from RAX").isEqualTo(4);
        assertThat(h.rax() & 4).as("the write that differs from the shadow").isEqualTo(4);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void eptViolationsTellTheAccess(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov al, [0x6000]", "mov [0x6008], al", "vmcall").withEpt();
        long entry = VmxHost.eptEntry(VmxHost.DATA);
        h.memory.write(entry, 8, VmxHost.DATA | 1 | 6 << 3);
        assertThat(h.run()).isEqualTo(ExitReason.EPT_VIOLATION);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION) & 0x1BF).as("a write; readable; linear address; not the walk")
                .isEqualTo(2 | 1 << 3 | 1 << 7 | 1 << 8);
        assertThat(h.get(VmcsField.GUEST_PHYSICAL_ADDRESS)).isEqualTo(VmxHost.DATA + 8);
        assertThat(h.get(VmcsField.GUEST_LINEAR_ADDRESS)).isEqualTo(VmxHost.DATA + 8);
        h.memory.write(entry, 8, VmxHost.DATA | 7 | 6 << 3);
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.memory.read(entry, 8) & 0x300).as("accessed and dirty").isEqualTo(0x300);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void reservedBitsInEptAreMisconfigurations(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov al, [0x6000]").withEpt();
        h.memory.write(VmxHost.eptEntry(VmxHost.DATA), 8, VmxHost.DATA | 2 | 6 << 3);
        assertThat(h.run()).as("writable, not readable").isEqualTo(ExitReason.EPT_MISCONFIGURATION);
        assertThat(h.get(VmcsField.GUEST_PHYSICAL_ADDRESS)).isEqualTo(VmxHost.DATA);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void thePreemptionTimerCountsEveryEighthTick(Engine engine) {
        VmxHost h = new VmxHost(engine, "xor eax, eax", "again:", "inc eax", "jmp again").on(VmxControl.ACTIVATE_PREEMPTION_TIMER,
                VmxControl.SAVE_PREEMPTION_TIMER);
        assertThat(h.capabilities.misc() & 31).as("rate in IA32_VMX_MISC").isEqualTo(3);
        h.set(VmcsField.PREEMPTION_TIMER_VALUE, 10);
        long phase = h.c.tsc() & 7;
        assertThat(h.run()).isEqualTo(ExitReason.PREEMPTION_TIMER_EXPIRED);
        assertThat(h.rax()).isEqualTo((80 - phase) / 2);
        assertThat(h.get(VmcsField.PREEMPTION_TIMER_VALUE)).isZero();
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void anExitSavesWhatIsLeftOfThePreemptionTimer(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov ecx, 50", "again:", "loop again", "vmcall", "mov ecx, 0x10", "xor edx, edx", "xor eax, eax",
                "wrmsr", "vmcall").on(VmxControl.ACTIVATE_PREEMPTION_TIMER, VmxControl.SAVE_PREEMPTION_TIMER);
        h.set(VmcsField.PREEMPTION_TIMER_VALUE, 10);
        long begin = h.c.tsc();
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.get(VmcsField.PREEMPTION_TIMER_VALUE)).isEqualTo(10 - ((begin + 51 >> 3) - (begin >> 3)));
        h.skip();
        h.set(VmcsField.PREEMPTION_TIMER_VALUE, 100);
        assertThat(h.run()).as("a new value of the time-stamp counter").isEqualTo(ExitReason.VMCALL);
        assertThat(100 - h.get(VmcsField.PREEMPTION_TIMER_VALUE)).isBetween(Latency.WRMSR / 8L, Latency.WRMSR / 8L + 2);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void theHypervisorThatInterceptsUndefinedOpcodesGetsThePrefixForForcedEmulation(Engine engine) {
        for (boolean intercepts : new boolean[] {false, true}) {
            VmxHost h = new VmxHost(engine, "db 0x0F, 0x0B, 'kvm'", "vmcall");
            h.c.forcedEmulation = true;
            h.set(VmcsField.EXCEPTION_BITMAP, intercepts ? 1L << Event.UD : 0);
            assertThat(h.run()).isEqualTo(intercepts ? ExitReason.EXCEPTION_OR_NMI : ExitReason.VMCALL);
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void theMonitorTrapFlagStopsAfterEachInstruction(Engine engine) {
        VmxHost h = new VmxHost(engine, "nop", "mov eax, 1", "nop").on(VmxControl.MONITOR_TRAP_FLAG);
        long[] rips = {1, 6, 7};
        for (long rip : rips) {
            assertThat(h.run()).isEqualTo(ExitReason.MONITOR_TRAP_FLAG);
            assertThat(h.get(VmcsField.GUEST_RIP) - VmxHost.CODE).isEqualTo(rip);
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aTripleFaultIsAnExit(Engine engine) {
        VmxHost h = new VmxHost(engine, "ud2").set(VmcsField.GUEST_IDTR_LIMIT, 0);
        assertThat(h.run()).isEqualTo(ExitReason.TRIPLE_FAULT);
        assertThat(h.isInGuest()).isFalse();
    }
}
