package dev.javisor.processor.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.execution.Engine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** "APIC Virtualization and Virtual Interrupts", with the guest's APIC in place of a page of its memory. */
class VirtualApicTest {
    private static final long ACCESS_PAGE = 0x70000, PAGE = 0x71000, DESCRIPTOR = 0x72000;
    private static final int TPR = 0x80, PPR = 0xA0, ISR = 0x100, IRR = 0x200, ICR = 0x300, ID = 0x20;
    private static final int RBX = 3, RDX = 2, NOTIFICATION = 0xF2, OUTSTANDING = 32;
    private static final long WRITE = 1 << 12, FETCH = 2 << 12;

    private static VmxHost host(Engine engine, String... text) {
        VmxHost h = new VmxHost(engine, text).withEpt().on(VmxControl.USE_TPR_SHADOW);
        h.c.gpr[RBX] = ACCESS_PAGE;
        return h.set(VmcsField.VIRTUAL_APIC_ADDRESS, PAGE);
    }

    private static VmxHost withPage(Engine engine, String... text) {
        return host(engine, text).on(VmxControl.VIRTUALIZE_APIC_ACCESSES).set(VmcsField.APIC_ACCESS_ADDRESS, ACCESS_PAGE);
    }

    private static VmxHost withDelivery(Engine engine, String... text) {
        VmxHost h = withPage(engine, text).on(
                VmxControl.APIC_REGISTER_VIRTUALIZATION, VmxControl.VIRTUAL_INTERRUPT_DELIVERY, VmxControl.EXTERNAL_INTERRUPT_EXITING);
        for (int vector = 0x20; vector < 0x100; vector++) {
            h.gate(vector, "handler");
        }
        return h.set(VmcsField.GUEST_RFLAGS, Flags.IF | Flags.FIXED);
    }

    private static long register(VmxHost h, int offset) {
        return h.memory.read(PAGE + offset, 4);
    }

    private static void request(VmxHost h, int vector) {
        long a = PAGE + IRR + (vector >>> 5 << 4);
        h.memory.write(a, 4, h.memory.read(a, 4) | 1L << (vector & 31));
    }

    private static boolean inRow(VmxHost h, int row, int vector) {
        return (register(h, row + (vector >>> 5 << 4)) >>> (vector & 31) & 1) != 0;
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void cr8IsTheVirtualTaskPriority(Engine engine) {
        VmxHost h = host(engine, "mov eax, 7", "mov cr8, rax", "mov rdx, cr8", "mov eax, 2", "mov cr8, rax", "vmcall");
        h.set(VmcsField.TPR_THRESHOLD, 3).on(VmxControl.VIRTUALIZE_APIC_ACCESSES).set(VmcsField.APIC_ACCESS_ADDRESS, ACCESS_PAGE);
        h.memory.write(PAGE + TPR, 4, 0x50);
        assertThat(h.run()).isEqualTo(ExitReason.TPR_BELOW_THRESHOLD);
        assertThat(h.c.gpr[RDX]).isEqualTo(7);
        assertThat(register(h, TPR)).isEqualTo(0x20);
        assertThat(h.skip().get(VmcsField.GUEST_RIP)).as("a trap").isEqualTo(h.guest.origin() + h.guest.code().length - 3);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void accessesThatAreNotVirtualizedExitBeforeTheyHappen(Engine engine) {
        VmxHost h = withPage(
                engine, "mov eax, [rbx+0x80]", "mov ecx, [rbx+0x20]", "mov [rbx+0x20], eax", "mov rdx, [rbx+0x80]", "call rbx");
        h.memory.write(PAGE + TPR, 4, 0x51);
        assertThat(h.run()).isEqualTo(ExitReason.APIC_ACCESS);
        assertThat(h.rax()).isEqualTo(0x51);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isEqualTo(ID);
        assertThat(h.skip().run()).isEqualTo(ExitReason.APIC_ACCESS);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isEqualTo(ID | WRITE);
        assertThat(h.skip().run()).as("more than 4 bytes").isEqualTo(ExitReason.APIC_ACCESS);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isEqualTo(TPR);
        assertThat(h.skip().run()).isEqualTo(ExitReason.APIC_ACCESS);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isEqualTo(FETCH);
        assertThat(register(h, ID)).isZero();
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void writesToVirtualizedRegistersExitBehindTheInstruction(Engine engine) {
        VmxHost h = withPage(engine, "mov dword [rbx+0x20], 0x12000000", "mov dword [rbx+0x310], -1", "vmcall")
                .on(VmxControl.APIC_REGISTER_VIRTUALIZATION);
        assertThat(h.run()).isEqualTo(ExitReason.APIC_WRITE);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isEqualTo(ID);
        assertThat(register(h, ID)).isEqualTo(0x12000000);
        assertThat(h.run()).as("the upper half of the interrupt command has no effect").isEqualTo(ExitReason.VMCALL);
        assertThat(register(h, 0x310)).isEqualTo(0xFF000000L);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void virtualInterruptsAreDeliveredByPriorityAndEnded(Engine engine) {
        VmxHost h = withDelivery(engine, "nop", "vmcall", "handler: inc ecx", "mov dword [rbx+0xb0], 0", "iretq");
        request(h, 0x31);
        request(h, 0x85);
        h.set(VmcsField.GUEST_INTERRUPT_STATUS, 0x85).set(VmcsField.of(VmcsField.EOI_EXIT_BITMAP_0.encoding), 1L << 0x31);
        assertThat(h.run()).as("only 31H has a bit in the EOI-exit bitmap").isEqualTo(ExitReason.VIRTUALIZED_EOI);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isEqualTo(0x31);
        assertThat(h.c.gpr[1]).isEqualTo(2);
        assertThat(h.get(VmcsField.GUEST_INTERRUPT_STATUS)).isZero();
        assertThat(inRow(h, ISR, 0x85) || inRow(h, ISR, 0x31) || inRow(h, IRR, 0x85)).isFalse();
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aVirtualInterruptWaitsForItsPriority(Engine engine) {
        VmxHost h = withDelivery(
                engine, "mov dword [rbx+0x80], 0x40", "sti", "nop", "mov edx, ecx", "mov dword [rbx+0x80], 0x30", "nop", "vmcall",
                "handler: inc ecx", "iretq");
        h.set(VmcsField.GUEST_RFLAGS, Flags.FIXED).set(VmcsField.GUEST_INTERRUPT_STATUS, 0x45);
        request(h, 0x45);
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.c.gpr[RDX]).as("class 4 against priority 4").isZero();
        assertThat(h.c.gpr[1]).isEqualTo(1);
        assertThat(inRow(h, ISR, 0x45)).isTrue();
        assertThat(register(h, PPR)).isEqualTo(0x40);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aSelfIpiDoesNotExitAndOthersDo(Engine engine) {
        VmxHost h = withDelivery(
                engine, "mov dword [rbx+0x300], 0x40051", "nop", "mov dword [rbx+0x300], 0x52", "vmcall", "handler: inc ecx", "iretq");
        assertThat(h.run()).isEqualTo(ExitReason.APIC_WRITE);
        assertThat(h.get(VmcsField.EXIT_QUALIFICATION)).isEqualTo(ICR);
        assertThat(h.c.gpr[1]).isEqualTo(1);
        assertThat(h.get(VmcsField.GUEST_INTERRUPT_STATUS)).isEqualTo(0x5100);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void theNotificationVectorPostsInterrupts(Engine engine) {
        VmxHost h = withDelivery(engine, "sti", "hlt", "vmcall", "handler: inc ecx", "iretq")
                .on(VmxControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT, VmxControl.PROCESS_POSTED_INTERRUPTS)
                .set(VmcsField.POSTED_INTERRUPT_VECTOR, NOTIFICATION)
                .set(VmcsField.POSTED_INTERRUPT_DESCRIPTOR, DESCRIPTOR);
        h.memory.write(DESCRIPTOR + 0x77 / 8, 1, 1 << (0x77 & 7));
        h.memory.write(DESCRIPTOR + OUTSTANDING, 1, 3);
        assertThat(h.enter()).isTrue();
        h.go();
        assertThat(h.c.activity).isEqualTo(Cpu.HLT);
        h.externalVector = NOTIFICATION;
        h.c.request(Cpu.EXTERNAL_REQUEST);
        h.go();
        assertThat(h.get(VmcsField.EXIT_REASON)).isEqualTo(ExitReason.VMCALL.number);
        assertThat(h.c.gpr[1]).isEqualTo(1);
        assertThat(inRow(h, ISR, 0x77)).isTrue();
        assertThat(h.memory.read(DESCRIPTOR, 8) | h.memory.read(DESCRIPTOR + 8, 8)).isZero();
        assertThat(h.memory.read(DESCRIPTOR + OUTSTANDING, 1)).as("suppress notification stays").isEqualTo(2);

        assertThat(h.set(VmcsField.GUEST_RIP, h.guest.origin()).enter()).isTrue();
        h.go();
        h.externalVector = NOTIFICATION - 1;
        h.c.request(Cpu.EXTERNAL_REQUEST);
        h.go();
        assertThat(h.get(VmcsField.EXIT_REASON)).as("another vector").isEqualTo(ExitReason.EXTERNAL_INTERRUPT.number);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void x2apicRegistersAreInThePage(Engine engine) {
        VmxHost h = withDelivery(
                engine, "mov ecx, 0x808", "xor edx, edx", "mov eax, 0x20", "wrmsr", "mov eax, 0x66", "mov ecx, 0x83f", "wrmsr", "nop",
                "mov ecx, 0x802", "rdmsr", "mov ecx, 0x808", "mov edx, 1", "wrmsr", "vmcall", "handler: inc esi", "iretq", "fault: vmcall");
        h.off(VmxControl.VIRTUALIZE_APIC_ACCESSES).on(VmxControl.VIRTUALIZE_X2APIC_MODE).gate(13, "fault");
        h.memory.write(PAGE + ID, 4, 0x1234);
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(register(h, TPR)).isEqualTo(0x20);
        assertThat(h.c.gpr[6]).as("the self-IPI").isEqualTo(1);
        assertThat(h.rax()).isEqualTo(0x1234);
        assertThat(h.get(VmcsField.GUEST_RIP)).as("reserved bits: #GP").isEqualTo(h.label("fault"));
    }
}
