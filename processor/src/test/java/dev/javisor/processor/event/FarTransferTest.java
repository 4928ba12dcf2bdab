package dev.javisor.processor.event;

import static dev.javisor.processor.event.Guest.CODE16;
import static dev.javisor.processor.event.Guest.CODE32;
import static dev.javisor.processor.event.Guest.CODE32_USER;
import static dev.javisor.processor.event.Guest.CODE64;
import static dev.javisor.processor.event.Guest.DATA;
import static dev.javisor.processor.event.Guest.DATA_USER;
import static dev.javisor.processor.event.Guest.RAX;
import static dev.javisor.processor.event.Guest.RBX;
import static dev.javisor.processor.event.Guest.RCX;
import static dev.javisor.processor.event.Guest.RSP;
import static dev.javisor.processor.event.Guest.SPARE;
import static dev.javisor.processor.event.Guest.STACK;
import static dev.javisor.processor.event.Guest.STACK0;
import static dev.javisor.processor.event.Guest.STACK3;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.core.Cpu;
import org.junit.jupiter.api.Test;

/** Far JMP, CALL and RET, call gates, and the fast system calls. */
class FarTransferTest {
    private static final String FAULTS =
            "v10: mov ebx, 10\n jmp out\n v11: mov ebx, 11\n jmp out\n v12: mov ebx, 12\n jmp out\n v13: mov ebx, 13\n out: pop eax\n hlt";
    private static final String TO_USER32 = "push 0x23\n push 0x28000\n push 2\n push 0x1B\n push user\n iret";
    private static final String TO_USER64 = "push 0x23\n push 0x28000\n push 2\n push 0x33\n push user\n iretq";

    private static long jump32(int selector, int spareAccess) {
        Guest g = Guest.protected32("jmp " + selector + ":next", "next: hlt", FAULTS).descriptor(SPARE, 0, 0xFFFFF, spareAccess).run();
        return g.c.gpr[RBX] << 16 | g.c.gpr[RAX];
    }

    @Test
    void jumpChecksTheCodeSegment() {
        assertThat(jump32(CODE32, 0)).isZero();
        assertThat(jump32(SPARE, 0xC09E)).as("conforming").isZero();
        assertThat(jump32(SPARE, 0xC0FE)).as("conforming, outer").isEqualTo(13 << 16 | SPARE);
        assertThat(jump32(SPARE, 0xC0FA)).as("outer level").isEqualTo(13 << 16 | SPARE);
        assertThat(jump32(SPARE | 1, 0xC09A)).as("RPL above CPL").isEqualTo(13 << 16 | SPARE);
        assertThat(jump32(SPARE, 0xC01A)).isEqualTo(11 << 16 | SPARE);
        assertThat(jump32(DATA, 0)).isEqualTo(13 << 16 | DATA);
        assertThat(jump32(0, 0)).isEqualTo(13 << 16);
    }

    @Test
    void targetBeyondTheLimitFaultsInTheCaller() {
        Guest g = Guest.protected32("jmp 0x50:0x8100", FAULTS).descriptor(SPARE, 0, 0x80FF, 0x409A).run();
        assertThat(g.c.gpr[RBX] << 16 | g.c.gpr[RAX]).isEqualTo(13 << 16);
        assertThat(g.c.selector[Cpu.CS]).isEqualTo(CODE32);
    }

    @Test
    void jumpToSixteenBitCodeAndReturnFar() {
        Guest g = Guest.protected32("call 0x48:sub", "mov ecx, 1", "hlt", "bits 16", "sub: mov ax, 0x1234", "o32 retf").run();
        assertThat(g.c.gpr[RAX]).isEqualTo(0x1234);
        assertThat(g.c.gpr[RCX]).isEqualTo(1);
        assertThat(g.c.gpr[RSP]).isEqualTo(STACK);
        assertThat(CODE16).isEqualTo(0x48);
    }

    @Test
    void realModeFarCallPushesSegmentAndOffset() {
        Guest g = Guest.real("db 0x9A", "dw sub - 0x100, 0x10", "after: hlt", "sub: pop ax", "pop bx", "mov cx, cs", "hlt").run();
        assertThat(g.c.gpr[RAX]).isEqualTo(g.label("after"));
        assertThat(g.c.gpr[RBX]).isZero();
        assertThat(g.c.gpr[RCX]).isEqualTo(0x10);
        assertThat(g.c.segBase[Cpu.CS]).isEqualTo(0x100);
    }

    @Test
    void callGateToAnInnerLevelCopiesParameters() {
        Guest g = Guest.protected32(TO_USER32, "user: push 0x11", "push 0x22", "call 0x53:0xDEAD", "back: int 0x40",
                "inner: mov eax, [esp+8]", "mov ecx, [esp+12]", "retf 8", "v64: hlt");
        g.gate(64, g.label("v64"), CODE32, 0xEE);
        g.callGate(SPARE, g.label("inner"), CODE32, 0xEC, 2).run();
        assertThat(g.c.gpr[RAX]).isEqualTo(0x22);
        assertThat(g.c.gpr[RCX]).isEqualTo(0x11);
        assertThat(g.read(STACK0 - 20, 4)).as("INT from level 3 again").isEqualTo(g.label("back") + 2);
        assertThat(g.read(STACK0 - 8, 4)).as("parameters released on the outer stack").isEqualTo(STACK3);
        assertThat(g.read(STACK0 - 4, 4)).isEqualTo(DATA_USER);
    }

    @Test
    void callGateChecksPrivilegePresenceAndTarget() {
        assertThat(gate(CODE32, 0xEC)).isZero();
        assertThat(gate(CODE32, 0x8C)).as("DPL below RPL").isEqualTo(13 << 16 | SPARE);
        assertThat(gate(CODE32, 0x6C)).isEqualTo(11 << 16 | SPARE);
        assertThat(gate(DATA, 0xEC)).isEqualTo(13 << 16 | DATA);
        assertThat(gate(0, 0xEC)).isEqualTo(13 << 16);
    }

    private static long gate(int selector, int access) {
        Guest g = Guest.protected32("call 0x53:0", FAULTS, "target: xor ebx, ebx", "xor eax, eax", "hlt");
        g.callGate(SPARE, g.label("target"), selector, access, 0).run();
        return g.c.gpr[RBX] << 16 | g.c.gpr[RAX];
    }

    @Test
    void jumpThroughAGateMayNotChangeTheLevel() {
        Guest g = Guest.protected32(TO_USER32, "user: jmp 0x53:0", "inner: hlt", FAULTS);
        g.callGate(SPARE, g.label("inner"), CODE32, 0xEC, 0).run();
        assertThat(g.c.gpr[RBX] << 16 | g.c.gpr[RAX]).isEqualTo(13 << 16 | CODE32);
    }

    @Test
    void sixtyFourBitCallGateSwitchesToRsp0() {
        Guest g = Guest.bits64(TO_USER64, "user: call far [0x60000]", "back: jmp back", "inner: mov rax, [rsp+16]", "mov ecx, ss",
                "o64 retf");
        g.memory.write(0x60000, 8, (long) (SPARE | 3) << 32);
        g.callGate(SPARE, g.label("inner"), CODE64, 0xEC, 0).run();
        assertThat(g.c.gpr[RAX]).as("user's stack pointer").isEqualTo(STACK3);
        assertThat(g.c.gpr[RCX]).as("SS is null").isZero();
        assertThat(g.c.rip).isEqualTo(g.label("back"));
        assertThat(g.c.cpl).isEqualTo(3);
        assertThat(g.c.selector[Cpu.SS]).isEqualTo(DATA_USER);
    }

    @Test
    void jumpIntoCompatibilityModeAndBack() {
        Guest g = Guest.bits64("jmp far [0x60000]", "back: mov ecx, 1", "hlt", "bits 32", "compat: mov eax, cs", "jmp 0x28:back");
        g.memory.write(0x60000, 4, g.label("compat"));
        g.memory.write(0x60004, 2, CODE32);
        g.run();
        assertThat(g.c.gpr[RAX]).isEqualTo(CODE32);
        assertThat(g.c.gpr[RCX]).isEqualTo(1);
        assertThat(g.c.codeSize64).isTrue();
    }

    @Test
    void codeSegmentThatIsBothLongAndBigFaultsInIa32eMode() {
        Guest g = Guest.bits64("jmp far [0x60000]", "v13: pop rbx", "hlt").descriptor(SPARE, 0, 0, 0x609A);
        g.memory.write(0x60004, 2, SPARE);
        assertThat(g.run().c.gpr[RBX]).isEqualTo(SPARE);
    }

    @Test
    void farPointersHave64BitsWithRexW() {
        for (String model : new String[] {"max-intel", "max-amd"}) {
            Guest g = Guest.bits64On(model, "db 0x48, 0xFF, 0x2C, 0x25", "dd 0x60000", "hlt", "next: mov ebx, 1", "hlt", "v13: hlt");
            g.memory.write(0x60000, 8, g.label("next"));
            g.memory.write(0x60008, 2, CODE64);
            assertThat(g.run().c.gpr[RBX]).as(model).isEqualTo(1);
        }
    }

    @Test
    void farReturnToInnerLevelFaults() {
        Guest g = Guest.protected32(TO_USER32, "user: push 8", "push 0", "retf", FAULTS).run();
        assertThat(g.c.gpr[RBX] << 16 | g.c.gpr[RAX]).isEqualTo(13 << 16 | CODE32);
        assertThat(CODE32_USER & 3).isEqualTo(3);
    }

    // ---- SYSCALL, SYSENTER ----

    private static Guest syscallGuest(String model, String... text) {
        Guest g = Guest.bits64On(model, text);
        g.c.efer |= 1;
        g.c.star = 0x001B_0028_0000_0000L;
        return g;
    }

    @Test
    void syscallSavesRipAndRflagsAndMasks() {
        Guest g = syscallGuest("max-intel", "syscall", "back: nop", "entry: pushfq", "pop rax", "hlt").flag(0x200);
        g.c.lstar = g.label("entry");
        g.c.sfmask = 0x200;
        g.run();
        assertThat(g.c.gpr[RCX]).isEqualTo(g.label("back"));
        assertThat(g.c.gpr[11]).isEqualTo(0x202);
        assertThat(g.c.gpr[RAX] & 0x200).isZero();
        assertThat(g.c.selector[Cpu.CS]).isEqualTo(0x28);
        assertThat(g.c.selector[Cpu.SS]).isEqualTo(0x30);
    }

    @Test
    void sysretGoesToLevel3InTheSizeAskedFor() {
        Guest g = syscallGuest("max-intel", "mov ecx, user", "mov r11d, 0x202", "o64 sysret", "user: jmp user");
        g.run(20);
        assertThat(g.c.cpl).isEqualTo(3);
        assertThat(g.c.selector[Cpu.CS]).isEqualTo(0x2B);
        assertThat(g.c.selector[Cpu.SS]).isEqualTo(0x23);
        assertThat(g.c.codeSize64).isTrue();
        g = syscallGuest("max-intel", "mov ecx, user", "mov r11d, 0x202", "sysret", "user: jmp user");
        g.run(20);
        assertThat(g.c.selector[Cpu.CS]).isEqualTo(0x1B);
        assertThat(g.c.codeBits).isEqualTo(32);
    }

    @Test
    void syscallNeedsEferSceAndOnIntel64BitMode() {
        Guest g = Guest.bits64("syscall", "v6: hlt").run();
        assertThat(g.c.rip).isEqualTo(g.label("v6") + 1);
        for (String model : new String[] {"max-intel", "max-amd"}) {
            g = syscallGuest(model, "jmp far [0x60000]", "entry: mov ebx, 1", "hlt", "v6: mov ebx, 6", "hlt", "bits 32", "compat: syscall");
            g.memory.write(0x60000, 4, g.label("compat"));
            g.memory.write(0x60004, 2, CODE32);
            g.c.cstar = g.label("entry");
            assertThat(g.run().c.gpr[RBX]).as(model).isEqualTo(model.equals("max-intel") ? 6 : 1);
        }
    }

    @Test
    void sysretToNonCanonicalAddressFaultsInTheKernelOnIntelOnly() {
        for (String model : new String[] {"max-intel", "max-amd"}) {
            Guest g = syscallGuest(model, "mov rcx, 0x800000000000", "mov r11d, 2", "o64 sysret", "v13: mov rbx, [rsp+16]", "hlt");
            assertThat(g.run().c.gpr[RBX]).as("CS of the fault").isEqualTo(model.equals("max-intel") ? CODE64 : 0x2B);
        }
    }

    @Test
    void singleStepOfSyscallGoesByTheFlagAtItsEnd() {
        Guest g = syscallGuest("max-intel", "pushfq", "or qword [rsp], 0x100", "popfq", "syscall", "entry: nop", "nop", "mov ecx, user",
                "mov r11d, 0x102", "o64 sysret", "user: nop",
                "v1: inc rdi", "mov rbx, [rsp]", "hlt");
        g.c.lstar = g.label("entry");
        g.c.sfmask = 0x100;
        g.run();
        assertThat(g.c.gpr[Guest.RDI]).isEqualTo(1);
        assertThat(g.c.gpr[RBX]).as("right behind SYSRET").isEqualTo(g.label("user"));
    }

    @Test
    void sysenterAndSysexitUseTheMsrs() {
        Guest g = Guest.protected32(TO_USER32, "user: mov edx, back", "mov ecx, esp", "sysenter", "back: jmp back", "entry: mov eax, esp",
                "mov ebx, cs", "sysexit");
        g.c.sysenterCs = CODE32;
        g.c.sysenterEip = g.label("entry");
        g.c.sysenterEsp = 0x1F000;
        g.run();
        assertThat(g.c.gpr[RAX]).isEqualTo(0x1F000);
        assertThat(g.c.gpr[RBX]).isEqualTo(CODE32);
        assertThat(g.c.rip).isEqualTo(g.label("back"));
        assertThat(g.c.selector[Cpu.CS]).isEqualTo(CODE32_USER);
        assertThat(g.c.selector[Cpu.SS]).isEqualTo(DATA_USER);
        assertThat(g.c.gpr[RSP]).isEqualTo(STACK3);
    }

    @Test
    void sysenterFaultsWithNullSelectorAndIsUndefinedInLongModeOnAmd() {
        assertThat(Guest.protected32("sysenter", FAULTS).run().c.gpr[RBX]).isEqualTo(13);
        Guest g = Guest.bits64On("max-amd", "sysenter", "v6: hlt");
        g.c.sysenterCs = CODE64;
        assertThat(g.run().c.rip).isEqualTo(g.label("v6") + 1);
    }

    @Test
    void swapgsExchangesBasesAtLevel0Only() {
        Guest g = Guest.bits64("swapgs", "mov rax, [gs:0]", TO_USER64, "user: swapgs", "v13: mov ebx, 13", "hlt");
        g.c.kernelGsBase = 0x60000;
        g.c.segBase[Cpu.GS] = 0x1000;
        g.c.updateMode();
        g.memory.write(0x60000, 8, 99);
        g.run();
        assertThat(g.c.gpr[RAX]).isEqualTo(99);
        assertThat(g.c.kernelGsBase).isEqualTo(0x1000);
        assertThat(g.c.gpr[RBX]).isEqualTo(13);
    }
}
