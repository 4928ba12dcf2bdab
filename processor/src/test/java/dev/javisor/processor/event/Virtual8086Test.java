package dev.javisor.processor.event;

import static dev.javisor.processor.event.Guest.CODE32;
import static dev.javisor.processor.event.Guest.RAX;
import static dev.javisor.processor.event.Guest.RBX;
import static dev.javisor.processor.event.Guest.RCX;
import static dev.javisor.processor.event.Guest.RSP;
import static dev.javisor.processor.event.Guest.STACK0;
import static dev.javisor.processor.event.Guest.TSS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** "8086 Emulation": entry by IRET, events to the monitor, virtual-8086 mode extensions, and protected-mode virtual interrupts. */
class Virtual8086Test {
    /** Enters virtual-8086 mode at label v86 with the given flags; #GP ends in EBX = 13 with the error code in EAX. */
    private static Guest guest(long flags, String... code) {
        List<String> text = new ArrayList<>(List.of(
                "push 0x44\n push 0x33\n push 0x22\n push 0x11\n push 0\n push 0x7000", "push " + (flags | Flags.VM | 2), "push 0",
                        "push v86", "iret", "v13: mov ebx, 13", "pop eax", "hlt",
                "v64: mov ebx, 64", "hlt", "bits 16", "v86:"));
        text.addAll(List.of(code));
        Guest g = Guest.protected32(text.toArray(new String[0]));
        g.gate(64, g.label("v64"), CODE32, 0xEE);
        g.memory.write(TSS + 0x66, 2, 0x88);
        g.descriptor(Guest.TASK, TSS, 0x200, 0x8B);
        g.c.segLimit[Cpu.TR] = 0x200;
        return g;
    }

    @Test
    void iretEntersAndInterruptsLeaveWithTheSegmentsOnTheStack() {
        Guest g = guest(Flags.IOPL, "mov ax, ds", "int 0x40", "back: nop").run();
        assertThat(g.c.gpr[RAX] & 0xFFFF).isEqualTo(0x22);
        assertThat(g.c.gpr[RBX]).isEqualTo(64);
        assertThat(g.c.v86()).isFalse();
        assertThat(g.c.gpr[RSP]).isEqualTo(STACK0 - 36);
        assertThat(g.read(STACK0 - 36, 4)).isEqualTo(g.label("back"));
        assertThat(g.read(STACK0 - 28, 4) & Flags.VM).isNotZero();
        assertThat(g.read(STACK0 - 24, 4)).isEqualTo(0x7000);
        assertThat(g.read(STACK0 - 16, 4)).as("ES").isEqualTo(0x11);
        assertThat(g.read(STACK0 - 4, 4)).as("GS").isEqualTo(0x44);
        assertThat(g.c.selector[Cpu.DS]).isZero();
        assertThat(g.c.segAccess[Cpu.DS] & Cpu.UNUSABLE).isNotZero();
    }

    @Test
    void segmentsAreLoadedAsOnAn8086() {
        Guest g = guest(Flags.IOPL, "mov ax, 0x6000", "mov es, ax", "mov bx, [es:0x10]", "mov cx, bx", "int 0x40");
        g.memory.write(0x60010, 2, 0x1234);
        assertThat(g.run().c.gpr[RCX]).isEqualTo(0x1234);
    }

    @Test
    void sensitiveInstructionsNeedIopl3() {
        for (String i : new String[] {"cli", "sti", "pushf", "popf", "int 0x40", "iret"}) {
            Guest g = guest(0, i, "hlt").run();
            assertThat(g.c.gpr[RBX] << 16 | g.c.gpr[RAX]).as(i).isEqualTo(13 << 16);
        }
        assertThat(guest(Flags.IOPL, "cli", "pushf", "pop ax", "mov cx, ax", "int 0x40").run().c.gpr[RCX] & Flags.IF).isZero();
    }

    @Test
    void handlerMustBeAtLevel0() {
        Guest g = guest(Flags.IOPL, "int 0x41");
        g.descriptor(Guest.SPARE, 0, 0xFFFFF, 0xC09E).gate(65, 0, Guest.SPARE, 0xEE).run();
        assertThat(g.c.gpr[RBX] << 16 | g.c.gpr[RAX]).as("conforming").isEqualTo(13 << 16 | Guest.SPARE);
    }

    @Test
    void breakpointDoesNotDependOnIopl() {
        Guest g = guest(0, "int3");
        g.gate(3, g.label("v64"), CODE32, 0xEE);
        assertThat(g.run().c.gpr[RBX]).isEqualTo(64);
    }

    @Test
    void extensionsGiveTheProgramAVirtualInterruptFlag() {
        Guest g = guest(Flags.VIF, "cli", "pushf", "pop cx", "sti", "pushf", "pop dx", "int3");
        g.gate(3, g.label("v64"), CODE32, 0xEE);
        g.c.cr4 |= Cr.VME;
        g.run();
        assertThat(g.c.gpr[RCX] & (Flags.IF | Flags.IOPL)).as("IF shows VIF, IOPL shows 3").isEqualTo(Flags.IOPL);
        assertThat(g.c.gpr[Guest.RDX] & Flags.IF).isNotZero();
    }

    @Test
    void enablingVirtualInterruptsWithOnePendingFaults() {
        for (String i : new String[] {"sti", "push 0x200\n popf"}) {
            Guest g = guest(Flags.VIP, i, "int3");
            g.gate(3, g.label("v64"), CODE32, 0xEE);
            g.c.cr4 |= Cr.VME;
            assertThat(g.run().c.gpr[RBX]).as(i).isEqualTo(13);
        }
    }

    @Test
    void redirectionBitmapSendsIntToTheProgramsOwnTable() {
        Guest g = guest(Flags.VIF, "int 0x21", "back: int3", "own: mov bp, sp", "mov cx, [bp]", "mov dx, [bp+4]", "iret");
        g.gate(3, g.label("v64"), CODE32, 0xEE);
        g.c.cr4 |= Cr.VME;
        g.memory.write(4 * 0x21, 4, g.label("own"));
        g.run();
        assertThat(g.c.gpr[RCX]).isEqualTo(g.label("back"));
        assertThat(g.c.gpr[Guest.RDX] & (Flags.IF | Flags.IOPL)).isEqualTo(Flags.IF | Flags.IOPL);
        assertThat(g.read(STACK0 - 28, 4) & Flags.VIF).as("given back by IRET").isNotZero();

        g = guest(0, "int 0x21");
        g.c.cr4 |= Cr.VME;
        g.memory.write(TSS + 0x68 + 4, 1, 2);
        g.run();
        assertThat(g.c.gpr[RBX] << 16 | g.c.gpr[RAX]).as("to the monitor, below IOPL 3").isEqualTo(13 << 16);
    }

    @Test
    void protectedModeVirtualInterruptsLetProgramsHaveVif() {
        String[] code = {"push 0x23\n push 0x28000\n push 2\n push 0x1B\n push user\n iret", "user: sti", "pushfd", "pop ecx", "cli",
                "int 0x40", "v64: mov eax, [esp+8]", "hlt", "v13: mov ebx, 13", "hlt"};
        Guest g = Guest.protected32(code);
        g.gate(64, g.label("v64"), CODE32, 0xEE);
        g.c.cr4 |= Cr.PVI;
        g.run();
        assertThat(g.c.gpr[RCX] & (Flags.VIF | Flags.IF)).isEqualTo(Flags.VIF);
        assertThat(g.c.gpr[RAX] & Flags.VIF).isZero();
        assertThat(Guest.protected32(code).run().c.gpr[RBX]).as("without PVI").isEqualTo(13);
    }
}
