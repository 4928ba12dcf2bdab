package dev.javisor.processor.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxError;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.execution.Engine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** VMREAD and VMWRITE of a guest that is allowed to use a shadow VMCS. */
class VmcsShadowingTest {
    private static final long READ_BITMAP = 0x78000, WRITE_BITMAP = 0x79000, SHADOW = 0x7A000;
    private static final int RCX = 1, RBX = 3;

    private static VmxHost guest(Engine engine, VmcsField field) {
        VmxHost h = new VmxHost(engine, "vmread rax, rcx", "vmwrite rcx, rbx", "vmread rdx, rcx", "pushfq", "pop rsi", "vmcall");
        h.memory.write(SHADOW, 4, VmxCapabilities.REVISION | 1L << 31);
        h.on(VmxControl.VMCS_SHADOWING).set(VmcsField.VMREAD_BITMAP, READ_BITMAP).set(VmcsField.VMWRITE_BITMAP, WRITE_BITMAP);
        h.set(VmcsField.VMCS_LINK_POINTER, SHADOW);
        h.c.gpr[RCX] = field.encoding;
        h.c.gpr[RBX] = 0x7777;
        return h;
    }

    private static void forbid(VmxHost h, long bitmap, VmcsField field) {
        h.memory.write(bitmap + (field.encoding >>> 3), 1, 1 << (field.encoding & 7));
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void theGuestReadsAndWritesTheShadow(Engine engine) {
        VmxHost h = guest(engine, VmcsField.GUEST_RSP);
        new Vmcs(h.memory, SHADOW).set(VmcsField.GUEST_RSP, 0x5555);
        assertThat(h.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(h.rax()).isEqualTo(0x5555);
        assertThat(h.c.gpr[2]).isEqualTo(0x7777);
        assertThat(new Vmcs(h.memory, SHADOW).get(VmcsField.GUEST_RSP)).isEqualTo(0x7777);
        assertThat(h.get(VmcsField.GUEST_RSP)).isEqualTo(VmxHost.STACK);
        assertThat(h.c.gpr[6] & (Flags.CF | Flags.ZF)).isZero();
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aBitOfABitmapMakesItExit(Engine engine) {
        VmxHost read = guest(engine, VmcsField.GUEST_RIP);
        forbid(read, READ_BITMAP, VmcsField.GUEST_RIP);
        assertThat(read.run()).isEqualTo(ExitReason.VMREAD);
        VmxHost write = guest(engine, VmcsField.GUEST_RIP);
        forbid(write, WRITE_BITMAP, VmcsField.GUEST_RIP);
        assertThat(write.run()).isEqualTo(ExitReason.VMWRITE);
        assertThat(write.get(VmcsField.EXIT_INSTRUCTION_INFO) >>> 28).as("register of the encoding").isEqualTo(RCX);
        VmxHost wide = guest(engine, VmcsField.GUEST_RIP);
        wide.c.gpr[RCX] = 0x8000;
        assertThat(wide.run()).as("an encoding beyond the bitmap").isEqualTo(ExitReason.VMREAD);
        VmxHost off = guest(engine, VmcsField.GUEST_RIP).off(VmxControl.VMCS_SHADOWING).set(VmcsField.VMCS_LINK_POINTER, -1);
        assertThat(off.run()).isEqualTo(ExitReason.VMREAD);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void failuresAreThoseOfTheCurrentVmcs(Engine engine) {
        VmxHost none = guest(engine, VmcsField.GUEST_RIP).set(VmcsField.VMCS_LINK_POINTER, -1);
        assertThat(none.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(none.c.gpr[6] & (Flags.CF | Flags.ZF)).as("VMfailInvalid").isEqualTo(Flags.CF);
        VmxHost unknown = guest(engine, VmcsField.GUEST_RIP);
        unknown.c.gpr[RCX] = 0x7FFE;
        assertThat(unknown.run()).isEqualTo(ExitReason.VMCALL);
        assertThat(unknown.c.gpr[6] & (Flags.CF | Flags.ZF)).as("VMfailValid").isEqualTo(Flags.ZF);
        assertThat(unknown.get(VmcsField.VM_INSTRUCTION_ERROR)).isEqualTo(VmxError.UNSUPPORTED_FIELD.number);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aShadowCannotBeEntered(Engine engine) {
        VmxHost h = guest(engine, VmcsField.GUEST_RIP);
        h.vmx.vmclear(SHADOW);
        h.vmx.vmptrld(SHADOW);
        h.vmx.vmlaunch();
        assertThat(h.isInGuest()).isFalse();
        assertThat(Flags.rflags(h.c) & (Flags.CF | Flags.ZF)).isEqualTo(Flags.CF);
    }
}
