package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.abi.X86Mce;
import dev.javisor.processor.execution.Engine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class VcpuTest {
    @ParameterizedTest
    @EnumSource
    void runsAGuestUpToItsHlt(Engine engine) {
        try (Guest g = Guest.real(engine, "mov cx, 1000", "again: add ax, cx", "loop again", "mov [0x2000], ax", "hlt")) {
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(g.word(0x2000) & 0xFFFF).isEqualTo(1000 * 1001 / 2 & 0xFFFF);
            assertThat(g.vcpu.getRegs().rcx).isZero();
            assertThat(g.vcpu.retired()).isEqualTo(2003);
        }
    }

    @ParameterizedTest
    @EnumSource
    void portsAreUserspaces(Engine engine) {
        try (Guest g = Guest.real(engine, "mov ax, 0x1234", "mov dx, 0x3F8", "out dx, ax", "in al, 0x60", "hlt")) {
            VcpuExit.Io out = (VcpuExit.Io) g.vcpu.run();
            assertThat(out.direction()).isEqualTo(VcpuExit.IO_OUT);
            assertThat(out.port()).isEqualTo(0x3F8);
            assertThat(out.size()).isEqualTo(2);
            assertThat(out.value()).isEqualTo(0x1234);
            VcpuExit.Io in = (VcpuExit.Io) g.vcpu.run();
            assertThat(in.direction()).isEqualTo(VcpuExit.IO_IN);
            assertThat(in.port()).isEqualTo(0x60);
            in.setValue(0xAB);
            assertThat(g.vcpu.run()).isInstanceOf(VcpuExit.Hlt.class);
            assertThat(g.vcpu.getRegs().rax).isEqualTo(0x12AB);
        }
    }

    @ParameterizedTest
    @EnumSource
    void addressesWithoutMemoryAreUserspaces(Engine engine) {
        try (Guest g = Guest.flat(engine, "mov esi, 0x800000", "mov eax, 5", "add [esi+4], eax", "movzx ebx, byte [esi]", "hlt")) {
            VcpuExit.Mmio read = (VcpuExit.Mmio) g.vcpu.run();
            assertThat(read.isWrite()).isFalse();
            assertThat(read.physicalAddress()).isEqualTo(0x800004);
            assertThat(read.length()).isEqualTo(4);
            read.setValue(37);
            VcpuExit.Mmio write = (VcpuExit.Mmio) g.vcpu.run();
            assertThat(write.isWrite()).isTrue();
            assertThat(write.value()).isEqualTo(42);
            VcpuExit.Mmio second = (VcpuExit.Mmio) g.vcpu.run();
            assertThat(second.length()).isEqualTo(1);
            second.setValue(0x99);
            assertThat(g.vcpu.run()).isInstanceOf(VcpuExit.Hlt.class);
            assertThat(g.vcpu.getRegs().rbx).isEqualTo(0x99);
        }
    }

    @ParameterizedTest
    @EnumSource
    void stringIoMovesOneElementAtATime(Engine engine) {
        try (Guest g = Guest.flat(engine, "mov esi, text", "mov ecx, 3", "mov edx, 0xE9", "rep outsb", "hlt", "text: db 'abc'")) {
            StringBuilder text = new StringBuilder();
            VcpuExit x;
            while ((x = g.vcpu.run()) instanceof VcpuExit.Io io) {
                text.append((char) io.value());
            }
            assertThat(x).isInstanceOf(VcpuExit.Hlt.class);
            assertThat(text).hasToString("abc");
            assertThat(g.vcpu.getRegs().rcx).isZero();
        }
    }

    @Test
    void aTripleFaultShutsDown() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "ud2")) {
            Sregs s = g.vcpu.getSregs();
            s.idt.limit = 0;
            g.vcpu.setSregs(s);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Shutdown());
        }
    }

    @ParameterizedTest
    @EnumSource
    void theTimeLimitEndsARunWithoutATrace(Engine engine) {
        String[] code = {"mov ecx, 1000", "again: inc eax", "loop again", "cpuid", "hlt"};
        try (Guest whole = Guest.flat(engine, code); Guest parts = Guest.flat(engine, code)) {
            whole.vcpu.run();
            long limit = 1;
            while (parts.vcpu.run(limit) instanceof VcpuExit.Intr) {
                parts.vcpu.getRegs();
                limit += 7;
            }
            assertThat(parts.vcpu.getRegs().toBytes()).isEqualTo(whole.vcpu.getRegs().toBytes());
            assertThat(parts.kvm.timeline().now()).isEqualTo(whole.kvm.timeline().now());
            assertThat(parts.vcpu.retired()).isEqualTo(whole.vcpu.retired());
        }
    }

    @Test
    void impossibleStatesAreRefusedAndNothingChanges() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt")) {
            byte[] before = g.vcpu.getSregs().toBytes();
            Sregs s = g.vcpu.getSregs();
            s.cr0 = 0x8000_0000L;
            assertThatThrownBy(() -> g.vcpu.setSregs(s))
                    .isInstanceOfSatisfying(KvmException.class, e -> assertThat(e.error()).isEqualTo(KvmException.Error.INVALID_ARGUMENT));
            assertThat(g.vcpu.getSregs().toBytes()).isEqualTo(before);
        }
    }

    @Test
    void structuresHaveTheSizeOfKvms() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt")) {
            assertThat(g.vcpu.getRegs().toBytes()).hasSize(144);
            assertThat(g.vcpu.getSregs().toBytes()).hasSize(312);
            assertThat(new X86Mce().toBytes()).hasSize(64);
        }
    }
}
