package dev.javisor.processor.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The state of a processor whose software is a hypervisor and its guest can be saved at every boundary of either. */
class NestedStateTest {
    private static final int MOMENTS = 60;
    private static final long TICKS = 4000, PML = 0x78000, VIRTUAL_APIC = 0x71000, APIC_ACCESS = 0x70000;
    private static final int RBX = 3;

    /** Counts exits by their reason at R8, goes on behind an instruction, and sets timer and log anew. */
    private static final String[] HOST = {
        "save: mov r9, rax", "mov r10, rdx", "mov edx, 0x4402", "vmread rax, rdx", "movzx eax, ax", "inc dword [r8+rax*4]",
        "mov edx, 0x440c", "vmread r11, rdx", "cmp eax, 10", "jne others", "mov edx, 0x681e", "vmread rax, rdx", "add rax, r11",
        "vmwrite rdx, rax", "others: mov edx, 0x482e", "mov eax, 1", "vmwrite rdx, rax", "mov edx, 0x812", "mov eax, 511",
        "vmwrite rdx, rax", "mov rax, r9", "mov rdx, r10", "vmresume", "hlt",
    };

    /** Works, sends itself interrupts, and exits for several reasons. */
    private static final String[] GUEST = {
        "again: inc rsi", "imul rdi, rsi, 0x1357", "mov [rbp+8], rdi", "cpuid", "mov dword [rbx+0x300], 0x40051", "xor rdi, [rbp+8]",
        "mov eax, 3", "mov cr8, rax", "sti", "nop", "mov dword [rbx+0x300], 0x40062", "mov rax, cr8", "add rdi, rax", "xor eax, eax",
        "mov cr8, rax", "push rdi", "pop r12", "jmp again", "handler: inc r13", "mov dword [rbx+0xb0], 0", "iretq",
    };

    private static VmxHost host(Engine engine) {
        VmxHost h = new VmxHost(engine, GUEST).withEpt();
        byte[] code = Asm.program(CodeSize.BITS64, VmxHost.HOST, HOST).code();
        h.memory.write(VmxHost.HOST, code, 0, code.length);
        h.gate(0x51, "handler").gate(0x62, "handler");
        h.on(VmxControl.USE_TPR_SHADOW, VmxControl.VIRTUALIZE_APIC_ACCESSES, VmxControl.APIC_REGISTER_VIRTUALIZATION,
                VmxControl.VIRTUAL_INTERRUPT_DELIVERY, VmxControl.EXTERNAL_INTERRUPT_EXITING, VmxControl.ACTIVATE_PREEMPTION_TIMER,
                VmxControl.ENABLE_PML, VmxControl.ENABLE_VPID);
        h.set(VmcsField.VIRTUAL_PROCESSOR_ID, 1)
                .set(VmcsField.VIRTUAL_APIC_ADDRESS, VIRTUAL_APIC)
                .set(VmcsField.APIC_ACCESS_ADDRESS, APIC_ACCESS)
                .set(VmcsField.PML_ADDRESS, PML)
                .set(VmcsField.PML_INDEX, 511)
                .set(VmcsField.PREEMPTION_TIMER_VALUE, 2)
                .set(VmcsField.of(VmcsField.EOI_EXIT_BITMAP_0.encoding + 2), 1L << 0x51 - 0x40)
                .set(VmcsField.GUEST_RFLAGS, Flags.FIXED | Flags.IF);
        h.c.gpr[RBX] = APIC_ACCESS;
        h.c.gpr[5] = VmxHost.DATA;
        h.c.gpr[8] = VmxHost.DATA + 0x1000;
        return h;
    }

    private static byte[] processor(VmxHost h) {
        StateOutput out = new StateOutput();
        h.processor.save(out);
        return out.toByteArray();
    }

    private static byte[] memory(VmxHost h) {
        byte[] bytes = new byte[VmxHost.RAM];
        h.memory.read(0, bytes, 0, bytes.length);
        return bytes;
    }

    private static VmxHost copy(Engine engine, VmxHost saved) {
        byte[] state = processor(saved);
        VmxHost h = host(engine);
        byte[] memory = memory(saved);
        h.memory.write(0, memory, 0, memory.length);
        h.timeline.setTime(saved.timeline.now());
        h.processor.load(new StateInput(state));
        return h;
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aMachineSavedAtAnyBoundaryOfHypervisorOrGuestGoesOnAlike(Engine engine) {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        System.out.println("NestedStateTest -Djavisor.seed=" + seed);
        Random random = new Random(seed);
        int inGuest = 0;
        for (int i = 0; i < MOMENTS; i++) {
            VmxHost saved = host(engine);
            assertThat(saved.enter()).isTrue();
            saved.processor.run(saved.timeline.now() + 1 + random.nextLong(TICKS));
            VmxHost restored = copy(engine, saved);
            inGuest += restored.isInGuest() ? 1 : 0;
            saved.processor.run(saved.timeline.now() + TICKS);
            restored.processor.run(restored.timeline.now() + TICKS);
            assertThat(processor(restored)).as("moment %d", i).isEqualTo(processor(saved));
            assertThat(Arrays.equals(memory(restored), memory(saved))).as("memory, moment %d", i).isTrue();
            assertThat(exits(saved, 2)).as("triple fault").isZero();
            assertThat(exits(saved, 10)).as("CPUID").isPositive();
            assertThat(exits(saved, 45)).as("virtualized EOI").isPositive();
            assertThat(exits(saved, 52)).as("timer").isPositive();
        }
        assertThat(inGuest).as("saved in non-root operation").isBetween(1, MOMENTS - 1);
    }

    private static long exits(VmxHost h, int reason) {
        return h.memory.read(VmxHost.DATA + 0x1000 + 4 * reason, 4);
    }
}
