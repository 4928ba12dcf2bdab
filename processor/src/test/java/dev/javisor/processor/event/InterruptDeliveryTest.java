package dev.javisor.processor.event;

import static dev.javisor.processor.event.Guest.CODE32;
import static dev.javisor.processor.event.Guest.CODE32_USER;
import static dev.javisor.processor.event.Guest.CODE64;
import static dev.javisor.processor.event.Guest.CODE64_USER;
import static dev.javisor.processor.event.Guest.DATA;
import static dev.javisor.processor.event.Guest.DATA_USER;
import static dev.javisor.processor.event.Guest.IST;
import static dev.javisor.processor.event.Guest.RAX;
import static dev.javisor.processor.event.Guest.RBX;
import static dev.javisor.processor.event.Guest.RCX;
import static dev.javisor.processor.event.Guest.RDX;
import static dev.javisor.processor.event.Guest.RSP;
import static dev.javisor.processor.event.Guest.STACK;
import static dev.javisor.processor.event.Guest.STACK0;
import static dev.javisor.processor.event.Guest.STACK3;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import org.junit.jupiter.api.Test;

/** "Interrupt and Exception Handling": delivery through the IDT in each mode, and the way back. */
class InterruptDeliveryTest {
    /** From level 0 to user code at label "user", 32-bit. */
    private static final String TO_USER32 = "push 0x23\n push 0x28000\n push 0x3002\n push 0x1B\n push user\n iret";

    private static final String TO_USER64 = "push 0x23\n push 0x28000\n push 0x3002\n push 0x33\n push user\n iretq";

    @Test
    void realModePushesFlagsAndReturnAddressAndClearsIf() {
        Guest g = Guest.real("sti", "int 0x21", "back: hlt", "v33: mov bp, sp", "mov ax, [bp]", "mov bx, [bp+4]", "pushf", "pop cx",
                "iret").run();
        assertThat(g.c.rip).isEqualTo(g.label("back") + 1);
        assertThat(g.c.gpr[RAX] & 0xFFFF).isEqualTo(g.label("back"));
        assertThat(g.c.gpr[RBX] & Flags.IF).isNotZero();
        assertThat(g.c.gpr[RCX] & Flags.IF).isZero();
        assertThat(g.c.gpr[RSP]).isEqualTo(0x7000);
        assertThat(g.c.rflags & Flags.IF).isNotZero();
    }

    @Test
    void realModeExceptionsHaveNoErrorCodeAndNameTheFaultingInstruction() {
        Guest g = Guest.real("bad: mov ax, [0xFFFF]", "v13: pop ax", "hlt").run();
        assertThat(g.c.gpr[RAX] & 0xFFFF).isEqualTo(g.label("bad"));
        assertThat(g.c.gpr[RSP]).isEqualTo(0x7000 - 4);
    }

    @Test
    void sameLevelFrameHasFiveOrThreeWordsAndTheErrorCode() {
        Guest g = Guest.protected32("mov eax, 0x1230", "bad: mov ds, ax", "v13: hlt").run();
        assertThat(g.c.gpr[RSP]).isEqualTo(STACK - 16);
        assertThat(g.read(STACK - 16, 4)).isEqualTo(0x1230);
        assertThat(g.read(STACK - 12, 4)).isEqualTo(g.label("bad"));
        assertThat(g.read(STACK - 8, 4)).isEqualTo(CODE32);
        assertThat(g.read(STACK - 4, 4) & Flags.RF).as("RF of a fault").isNotZero();

        g = Guest.bits64("ud2", "v6: hlt").set(RSP, STACK - 3).run();
        assertThat(g.c.gpr[RSP]).as("aligned to 16").isEqualTo(STACK - 16 - 40);
        assertThat(g.read(STACK - 16 - 40, 8)).isEqualTo(Guest.CODE);
        assertThat(g.read(STACK - 16 - 32, 8)).isEqualTo(CODE64);
        assertThat(g.read(STACK - 16 - 16, 8)).isEqualTo(STACK - 3);
        assertThat(g.read(STACK - 16 - 8, 8)).isEqualTo(DATA);
    }

    @Test
    void innerLevelSwitchesToTheStackOfTheTss() {
        Guest g = Guest.protected32(TO_USER32, "user: int 0x40", "after: nop", "v64: hlt").gate(64, 0, 0, 0);
        g.gate(64, g.label("v64"), CODE32, 0xEE).run();
        assertThat(g.c.cpl).isZero();
        assertThat(g.c.selector[Cpu.SS]).isEqualTo(DATA);
        assertThat(g.c.gpr[RSP]).isEqualTo(STACK0 - 20);
        assertThat(g.read(STACK0 - 20, 4)).isEqualTo(g.label("after"));
        assertThat(g.read(STACK0 - 16, 4)).isEqualTo(CODE32_USER);
        assertThat(g.read(STACK0 - 8, 4)).isEqualTo(STACK3);
        assertThat(g.read(STACK0 - 4, 4)).isEqualTo(DATA_USER);
    }

    @Test
    void innerLevelIn64BitModeMakesTheStackSegmentNull() {
        Guest g = Guest.bits64(TO_USER64, "user: int 0x40", "after: nop", "v64: hlt");
        g.gate(64, g.label("v64"), CODE64, 0xEE).run();
        assertThat(g.c.selector[Cpu.SS]).isZero();
        assertThat(g.c.gpr[RSP]).isEqualTo(STACK0 - 40);
        assertThat(g.read(STACK0 - 40, 8)).isEqualTo(g.label("after"));
        assertThat(g.read(STACK0 - 32, 8)).isEqualTo(CODE64_USER);
        assertThat(g.read(STACK0 - 8, 8)).isEqualTo(DATA_USER);
    }

    @Test
    void interruptStackTableIsUsedWithoutChangeOfLevel() {
        Guest g = Guest.bits64("int 0x40", "v64: hlt");
        g.gate(64, g.label("v64"), CODE64, 0x8E, 1).run();
        assertThat(g.c.gpr[RSP]).isEqualTo(IST - 40);
        assertThat(g.read(IST - 16, 8)).isEqualTo(STACK);
        assertThat(g.c.selector[Cpu.SS]).isEqualTo(DATA);
    }

    @Test
    void returnFrom64BitHandlerRestoresStackAndSegments() {
        Guest g = Guest.bits64(TO_USER64, "user: mov rax, 7", "int 0x40", "after: jmp after", "v64: mov rbx, cs", "iretq");
        g.gate(64, g.label("v64"), CODE64, 0xEE).run();
        assertThat(g.c.gpr[RBX]).isEqualTo(CODE64);
        assertThat(g.c.rip).isEqualTo(g.label("after"));
        assertThat(g.c.cpl).isEqualTo(3);
        assertThat(g.c.gpr[RSP]).isEqualTo(STACK3);
    }

    /** So does an AMD EPYC, and what it means to programs is why Linux leaves the RPL of null selectors alone. */
    @Test
    void returnToAnOuterLevelClearsTheRplOfNullSelectorsAndKeepsBases() {
        for (String inner : new String[] {"ud2", "int 0x40"}) {
            Guest g = Guest.bits64("mov rax, cr4", "or eax, 0x10000", "mov cr4, rax", "mov ecx, 3", "mov es, ecx", "mov gs, ecx",
                    TO_USER64, "user: mov eax, gs", "mov ds, ecx", "mov es, ecx", "mov gs, ecx", "mov edx, 0x12345678",
                    "wrgsbase rdx", "mov ebx, gs", inner, "mov r9d, ds", "mov r10d, es", "mov r11d, gs", "after: jmp after",
                    "v6: add qword [rsp], 2", "v64: mov r8, gs", "iretq");
            g.gate(64, g.label("v64"), CODE64, 0xEE).run();
            assertThat(g.c.rip).isEqualTo(g.label("after"));
            assertThat(g.c.gpr[RAX]).as("after the first return").isZero();
            assertThat(g.c.gpr[RBX]).as("loaded at the outer level").isEqualTo(3);
            assertThat(g.c.gpr[8]).as("at the inner level").isEqualTo(3);
            assertThat(new long[] {g.c.gpr[9], g.c.gpr[10], g.c.gpr[11]}).containsOnly(0);
            assertThat(g.c.segBase[Cpu.GS]).isEqualTo(0x12345678);
        }
    }

    @Test
    void programsMayNotCallGatesOfInnerLevels() {
        Guest g = Guest.protected32(TO_USER32, "user: int 0x40", "v64: hlt", "v13: pop eax", "hlt").run();
        assertThat(g.c.gpr[RAX]).as("IDT bit, EXT clear").isEqualTo(8 * 64 + 2);
        assertThat(g.read(STACK0 - 20, 4)).isEqualTo(g.label("user"));
    }

    @Test
    void hardwareEventsIgnoreTheGatesPrivilege() {
        Guest g = Guest.bits64(TO_USER64, "user: ud2", "v6: hlt").run();
        assertThat(g.c.rip).isEqualTo(g.label("v6") + 1);
    }

    @Test
    void missingGateHasErrorCodeWithIdtAndExtBits() {
        assertThat(Guest.protected32("ud2", "v11: pop eax", "hlt", "v13: pop ebx", "hlt").gate(6, 0, CODE32, 0x0E).run().c.gpr[RAX])
                .isEqualTo(8 * 6 + 3);
        assertThat(Guest.protected32("ud2", "v11: pop eax", "hlt", "v13: pop ebx", "hlt").gate(6, 0, CODE32, 0x89).run().c.gpr[RBX])
                .isEqualTo(8 * 6 + 3);
        assertThat(Guest.bits64("int 0x50", "v11: pop rax", "hlt").gate(0x50, 0, CODE64, 0x0E).run().c.gpr[RAX]).isEqualTo(8 * 0x50 + 2);
    }

    @Test
    void gateToBadCodeSegmentNamesItsSelector() {
        assertThat(Guest.protected32("int 0x40", "v13: pop ebx", "hlt").gate(64, 0, DATA, 0x8E).run().c.gpr[RBX]).isEqualTo(DATA);
        assertThat(Guest.protected32("int 0x40", "v13: pop ebx", "hlt").gate(64, 0, 0, 0x8E).run().c.gpr[RBX]).isZero();
        assertThat(Guest.protected32("int 0x40", "v11: pop ebx", "hlt").descriptor(Guest.SPARE, 0, 0xFFFFF, 0xC01A).gate(64, 0,
                Guest.SPARE, 0x8E).run().c.gpr[RBX])
                .isEqualTo(Guest.SPARE);
        assertThat(Guest.bits64("int 0x40", "v13: pop rbx", "hlt").gate(64, 0, CODE32, 0x8E).run().c.gpr[RBX]).isEqualTo(CODE32);
    }

    @Test
    void badInnerStackIsAnInvalidTss() {
        Guest g = Guest.protected32(TO_USER32, "user: int 0x40", "v64: hlt", "v10: pop eax", "hlt");
        g.gate(64, g.label("v64"), CODE32, 0xEE);
        g.descriptor(Guest.SPARE, 0, 0xFFFFF, 0xC090);
        g.memory.write(Guest.TSS + 8, 2, Guest.SPARE);
        g.run();
        assertThat(g.c.activity).as("#TS uses the same stack, so does #DF").isEqualTo(Cpu.SHUTDOWN);
        assertThat(g.c.shutdownReason).contains("triple fault");
    }

    @Test
    void trapGateKeepsIfAndInterruptGateClearsIt() {
        Guest g = Guest.protected32("int 0x40", "v64: pushfd", "pop eax", "hlt").flag(Flags.IF | Flags.NT | Flags.TF);
        g.gate(1, g.label("v64"), CODE32, 0x8F);
        g.c.rflags &= ~Flags.TF;
        g.gate(64, g.label("v64"), CODE32, 0x8F).run();
        assertThat(g.c.gpr[RAX] & (Flags.IF | Flags.NT)).isEqualTo(Flags.IF);
        g = Guest.protected32("int 0x40", "v64: pushfd", "pop eax", "hlt").flag(Flags.IF).run();
        assertThat(g.c.gpr[RAX] & Flags.IF).isZero();
    }

    @Test
    void sixteenBitGatePushesWords() {
        Guest g = Guest.protected32("int 0x40", "after: nop", "v64: hlt");
        g.gate(64, g.label("v64"), CODE32, 0x86).run();
        assertThat(g.c.gpr[RSP]).isEqualTo(STACK - 6);
        assertThat(g.read(STACK - 6, 2)).isEqualTo(g.label("after"));
    }

    @Test
    void pageFaultDuringContributoryExceptionIsServedAndTheReverseIsADoubleFault() {
        Guest g = Guest.bits64("ud2", "v8: pop rax", "hlt").unmap(0x50000);
        g.gate(6, 0x1000, CODE64, 0x8E).gate(14, 0x50000, 0x7F8, 0x8E).set(RSP, 0x51000);
        g.gate(8, g.label("v8"), CODE64, 0x8E, 1).run();
        assertThat(g.c.gpr[RAX]).isZero();
        assertThat(g.c.rip).isEqualTo(g.label("v8") + 2);
        assertThat(g.read(IST - 40, 8)).as("RIP of the first event").isEqualTo(Guest.CODE);

        g = Guest.bits64("bad: mov ds, [0x60000]", "v14: pop rax", "mov rbx, cr2", "hlt").unmap(0x50000).set(RSP, 0x51000);
        g.memory.write(0x60000, 2, 0x7F8);
        g.gate(13, 0x1000, CODE64, 0x8E).gate(14, g.label("v14"), CODE64, 0x8E, 1).run();
        assertThat(g.c.gpr[RAX]).as("supervisor write, not present").isEqualTo(2);
        assertThat(g.c.gpr[RBX]).isEqualTo(0x51000 - 8);
    }

    @Test
    void faultWhileDeliveringADoubleFaultShutsDown() {
        Guest g = Guest.bits64("ud2");
        g.c.idtLimit = 0;
        g.run();
        assertThat(g.c.activity).isEqualTo(Cpu.SHUTDOWN);
        assertThat(g.c.shutdownReason).contains("triple fault");
        assertThat(g.processor.isRunnable()).isFalse();
    }

    @Test
    void softwareExceptionsPushTheNextInstruction() {
        Guest g = Guest.protected32("int3", "after: nop", "v3: pop eax", "hlt").run();
        assertThat(g.c.gpr[RAX]).isEqualTo(g.label("after"));
        g = Guest.protected32("mov al, 0x7F", "add al, 1", "into", "after: nop", "v4: pop eax", "hlt").run();
        assertThat(g.c.gpr[RAX]).isEqualTo(g.label("after"));
        g = Guest.protected32("xor al, al", "into", "hlt", "v4: mov ebx, 1", "hlt").run();
        assertThat(g.c.gpr[RBX]).isZero();
        g = Guest.protected32("db 0xF1", "after: nop", "v1: pop eax", "mov ebx, dr6", "hlt").run();
        assertThat(g.c.gpr[RAX]).isEqualTo(g.label("after"));
        assertThat(g.c.gpr[RBX]).isEqualTo(0xFFFF0FF0L);
    }

    @Test
    void returnToBadCodeSegmentFaultsOnIretWithTheStackIntact() {
        Guest g = Guest.protected32("pushfd", "push 0x10", "push 0", "bad: iret", "v13: pop eax", "pop ebx", "hlt").run();
        assertThat(g.c.gpr[RAX]).isEqualTo(DATA);
        assertThat(g.c.gpr[RBX]).isEqualTo(g.label("bad"));
        g = Guest.bits64("push 0x10", "push rsp", "pushfq", "push 0x28", "mov rax, 0x800000000000", "push rax", "iretq", "v13: pop rbx",
                "hlt").run();
        assertThat(g.c.gpr[RBX]).as("non-canonical").isZero();
        assertThat(g.c.rip).isEqualTo(g.label("v13") + 2);
    }

    @Test
    void returnToOuterLevelDropsSegmentsThatItMayNotUse() {
        Guest g = Guest.protected32("mov ax, 0x23", "mov es, ax", TO_USER32, "user: mov ecx, ds", "mov edx, es", "int 0x40", "v64: hlt");
        g.gate(64, g.label("v64"), CODE32, 0xEE).run();
        assertThat(g.c.gpr[RCX]).isZero();
        assertThat(g.c.gpr[RDX]).isEqualTo(0x23);
    }

    @Test
    void droppedSegmentKeepsItsBaseSoThatGsSurvivesUserMode() {
        Guest g = Guest.bits64(TO_USER64, "user: int 0x40", "v64: mov eax, gs", "mov rbx, [gs:8]", "hlt");
        g.gate(64, g.label("v64"), CODE64, 0xEE);
        g.c.segBase[Cpu.GS] = 0x60000;
        g.c.updateMode();
        g.memory.write(0x60008, 8, 0x1234);
        g.run();
        assertThat(g.c.gpr[RAX]).isZero();
        assertThat(g.c.gpr[RBX]).isEqualTo(0x1234);
    }

    @Test
    void alignmentFaultsWithoutEndLetTimeGoOn() {
        Guest g = Guest.protected32(TO_USER32.replace("0x28000", "0x28001").replace("0x3002", "0x43002"), "user: push eax", "v17: hlt");
        g.c.cr0 |= Cr.AM;
        g.gate(17, g.label("v17"), CODE32_USER, 0xEE).run(100);
        assertThat(g.timeline.now()).isEqualTo(100);
        assertThat(g.c.rip).isEqualTo(g.label("user"));
        assertThat(g.c.activity).isEqualTo(Cpu.ACTIVE);
        g.c.request(Cpu.NMI_REQUEST);
        g.gate(2, g.label("v17"), CODE32, 0x8E).run();
        assertThat(g.c.activity).as("interrupts still get through").isEqualTo(Cpu.HLT);
    }

    @Test
    void userMayNotChangeIfOrIopl() {
        Guest g = Guest.protected32(
                "push 0x23\n push 0x28000\n push 2\n push 0x1B\n push user\n iret", "user: push 0x3202", "popfd", "pushfd", "pop eax",
                        "bad: cli", "v13: mov ebx, [esp+4]", "hlt").run();
        assertThat(g.c.gpr[RAX] & 0x3200).isZero();
        assertThat(g.c.gpr[RBX]).isEqualTo(g.label("bad"));
    }
}
