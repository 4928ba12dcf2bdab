package dev.javisor.processor.event;

import static dev.javisor.processor.event.Guest.RAX;
import static dev.javisor.processor.event.Guest.RBX;
import static dev.javisor.processor.event.Guest.RCX;
import static dev.javisor.processor.event.Guest.RDI;
import static dev.javisor.processor.event.Guest.RDX;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Timeline;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** "Priority Among Concurrent Events", debug exceptions, shadows, waiting and waking. */
class BoundaryTest {
    private static final long LOG = 0x60000, DR6 = 0xFFFF0FF0L, BS = 0x4000, BD = 0x2000;

    /** A #DB handler that logs RIP and DR6 at LOG and counts in RDI; R15 is its own. */
    private static final String LOGGING_DB =
            """
            v1: mov r15, [rsp]
            mov [0x60000 + rdi*8], r15
            mov r15, dr6
            mov [0x60400 + rdi*8], r15
            inc rdi
            and dword [rsp + 16], 0xFFFEFFFF
            cmp r14, rdi
            jne .on
            and dword [rsp + 16], 0xFFFFFEFF
            .on: iretq
            """;

    private static final String SET_TF = "pushfq\n or qword [rsp], 0x100\n popfq";
    private static final String CLEAR_TF = "pushfq\n and qword [rsp], ~0x100\n popfq";

    /** 64-bit code with the logging handler. */
    private static Guest loggedOn(String model, String... code) {
        List<String> text = new ArrayList<>(List.of(code));
        text.add("hlt");
        text.add(LOGGING_DB);
        return Guest.bits64On(model, text.toArray(new String[0]));
    }

    private static Guest logged(String... code) {
        return loggedOn("max-intel", code).run();
    }

    private static void traps(Guest g, Object... labelsAndCauses) {
        assertThat(g.c.gpr[RDI]).as("#DB count").isEqualTo(labelsAndCauses.length / 2);
        for (int i = 0; i < labelsAndCauses.length / 2; i++) {
            assertThat(g.read(LOG + 8 * i, 8)).as("RIP %d", i).isEqualTo(g.label((String) labelsAndCauses[2 * i]));
            assertThat(g.read(LOG + 0x400 + 8 * i, 8)).as("DR6 %d", i).isEqualTo(DR6 | (Long) labelsAndCauses[2 * i + 1]);
        }
    }

    @Test
    void singleStepTrapsBehindTheInstructionAfterTheOneThatSetsTf() {
        Guest g = logged(SET_TF, "nop", "a: push rax", "b: pop rax", "c: pushfq", "d: and qword [rsp], ~0x100", "e: popfq", "f: nop");
        assertThat(g.c.activity).isEqualTo(Cpu.HLT);
        traps(g, "a", BS, "b", BS, "c", BS, "d", BS, "e", BS, "f", BS);
    }

    @Test
    void stiShadowDoesNotHoldOffSingleStep() {
        Guest g = logged("cli", SET_TF, "sti", "a: nop", "b: pushfq", "c: and qword [rsp], ~0x100", "d: popfq", "e: nop");
        traps(g, "a", BS, "b", BS, "c", BS, "d", BS, "e", BS);
    }

    @Test
    void movSsHoldsOffSingleStepForOneInstruction() {
        Guest g = logged("mov eax, ss", SET_TF, "mov ss, eax", "nop", "a: pushfq", "b: and qword [rsp], ~0x100", "c: popfq", "d: nop");
        traps(g, "a", BS, "b", BS, "c", BS, "d", BS);
    }

    @Test
    void singleStepEndsHlt() {
        Guest g = logged(SET_TF, "sti", "a: hlt", "b: pushfq", "c: and qword [rsp], ~0x100", "d: popfq", "e: nop");
        traps(g, "a", BS, "b", BS, "c", BS, "d", BS, "e", BS);
    }

    @Test
    void icebpInAMovSsShadowReportsNeitherSingleStepNorMore() {
        Guest g = logged("mov eax, ss", SET_TF, "mov ss, eax", "db 0xF1", "a: pushfq", "b: and qword [rsp], ~0x100", "c: popfq", "d: nop");
        traps(g, "a", 0L, "b", BS, "c", BS, "d", BS);
    }

    @Test
    void generalDetectIsAFaultThatClearsGdAndIsNotHeldOff() {
        Guest g = logged("mov eax, 0x2400", "mov dr7, rax", "xor ebx, ebx", "mov eax, ss", "mov ss, eax", "a: mov dr6, rbx", "nop");
        traps(g, "a", BD);
        assertThat(g.c.dr7).isEqualTo(0x400);
        assertThat(g.c.dr6).isEqualTo(DR6);
    }

    @Test
    void codeBreakpointIsAFaultThatRfSuppressesOnce() {
        Guest g = Guest.bits64("nop", "a: nop", "b: hlt", "v1: inc rdi", "mov rbx, dr6", "or dword [rsp+16], 0x10000", "iretq");
        g.c.dr[2] = g.label("a");
        g.c.dr7 = 0x420;
        g.c.updateBreakpoints();
        g.run();
        assertThat(g.c.gpr[RDI]).isEqualTo(1);
        assertThat(g.c.gpr[RBX]).isEqualTo(DR6 | 4);
        assertThat(g.c.rip).isEqualTo(g.label("b") + 1);
        assertThat(g.c.rflags & Flags.RF).as("spent").isZero();
    }

    @Test
    void codeBreakpointComesBeforeEveryFaultOfItsInstruction() {
        Guest g = Guest.bits64("a: ud2", "v6: hlt", "v1: mov rbx, [rsp]", "mov rcx, [rsp+16]", "hlt");
        g.c.dr[0] = g.label("a");
        g.c.dr7 = 0x401;
        g.c.updateBreakpoints();
        g.run();
        assertThat(g.c.gpr[RBX]).isEqualTo(g.label("a"));
        assertThat(g.c.gpr[RCX] & Flags.RF).isZero();
    }

    @Test
    void movSsHoldsOffCodeBreakpointsOnIntelOnly() {
        String[] code = {"mov eax, ss", "mov ss, eax", "a: nop", "hlt", "v1: inc rdi", "or dword [rsp+16], 0x10000", "iretq"};
        for (String model : List.of("max-intel", "max-amd")) {
            Guest g = Guest.bits64On(model, code);
            g.c.dr[0] = g.label("a");
            g.c.dr7 = 0x401;
            g.c.updateBreakpoints();
            g.run();
            assertThat(g.c.gpr[RDI]).as(model).isEqualTo(model.equals("max-intel") ? 0 : 1);
        }
    }

    @Test
    void dataBreakpointTrapsBehindTheAccessAndKeepsOldSingleStepBit() {
        Guest g = loggedOn("max-intel", "mov dword [0x61000], 42", "a: mov eax, [0x61000]", "mov eax, [0x61004]");
        g.c.dr[1] = 0x61000;
        g.c.dr7 = 0xD00408;
        g.c.dr6 = DR6 | BS | 1;
        g.c.updateBreakpoints();
        g.run();
        traps(g, "a", BS | 2);
    }

    @Test
    void dataBreakpointOfMovSsIsMergedIntoIcebpButFollowsIntN() {
        for (String[] c : new String[][] {{"db 0xF1", "1"}, {"int 1", "2"}, {"int3", "1"}}) {
            Guest g = Guest.bits64("mov ss, [0x61000]", c[0], "hlt", "v1: inc rdi", "iretq", "v3: inc rbx", "iretq");
            g.memory.write(0x61000, 8, Guest.DATA);
            g.c.dr[1] = 0x61000;
            g.c.dr7 = 0xF00408;
            g.c.updateBreakpoints();
            g.run();
            assertThat(g.c.gpr[RDI]).as(c[0]).isEqualTo(Long.parseLong(c[1]));
            assertThat(g.c.activity).isEqualTo(Cpu.HLT);
        }
    }

    @Test
    void interruptWaitsForOneInstructionBehindStiAndMovSs() {
        Guest g = Guest.bits64("sti", "a: nop", "b: nop", "hlt", "v32: mov rax, [rsp]", "hlt").interrupt(32).run();
        assertThat(g.c.gpr[RAX]).isEqualTo(g.label("b"));
        g = Guest.bits64("mov ecx, ss", "sti", "mov ss, ecx", "a: nop", "b: nop", "hlt", "v32: mov rax, [rsp]", "hlt").interrupt(32).run();
        assertThat(g.c.gpr[RAX]).as("MOV SS in the shadow of STI begins its own").isEqualTo(g.label("b"));
        g = Guest.bits64("mov ecx, ss", "mov ss, ecx", "mov ss, ecx", "b: nop", "hlt", "v32: mov rax, [rsp]", "hlt").flag(Flags.IF);
        g.run(2);
        g.interrupt(32).run();
        assertThat(g.c.gpr[RAX]).as("two in a row: the second need not").isEqualTo(g.label("b"));
    }

    @Test
    void stiWithIfSetHasNoShadow() {
        Guest g = Guest.bits64("sti", "nop", "sti", "nop", "nop", "hlt", "v32: mov rax, [rsp]", "hlt");
        g.run(2);
        g.run(1);
        assertThat(g.c.blockingBySti).isFalse();
    }

    @Test
    void stiCliLetsNothingThroughAndStiNopCliDoes() {
        Guest g = Guest.bits64("sti", "cli", "hlt", "v32: mov rax, [rsp]", "hlt").interrupt(32).run();
        assertThat(g.c.gpr[RAX]).isZero();
        g = Guest.bits64("sti", "nop", "a: cli", "hlt", "v32: mov rax, [rsp]", "hlt").interrupt(32).run();
        assertThat(g.c.gpr[RAX]).isEqualTo(g.label("a"));
    }

    @Test
    void interruptEndsHltOnlyWithIfSet() {
        Guest g = Guest.bits64("hlt", "v32: mov eax, 1", "hlt").run();
        assertThat(g.interrupt(32).processor.isRunnable()).isFalse();
        assertThat(g.run().c.gpr[RAX]).isZero();
        g = Guest.bits64("sti", "hlt", "after: nop", "v32: mov rax, [rsp]", "hlt").run();
        assertThat(g.c.activity).isEqualTo(Cpu.HLT);
        assertThat(g.interrupt(32).processor.isRunnable()).isTrue();
        assertThat(g.run().c.gpr[RAX]).isEqualTo(g.label("after"));
    }

    @Test
    void nmiIsBlockedUntilIretAndOneMoreIsKept() {
        Guest g = Guest.bits64("nop", "hlt", "hlt", "v2: inc rax", "cmp rax, 1", "jne out", "nop", "nop", "nop", "out: iretq");
        g.c.request(Cpu.NMI_REQUEST);
        g.run(7);
        assertThat(g.c.gpr[RAX]).isEqualTo(1);
        g.c.request(Cpu.NMI_REQUEST);
        g.run(2);
        assertThat(g.c.gpr[RAX]).as("still blocked").isEqualTo(1);
        g.run();
        assertThat(g.c.gpr[RAX]).isEqualTo(2);
        assertThat(g.c.nmiBlocked).isFalse();
    }

    @Test
    void faultingIretEndsNmiBlockingOnIntelOnly() {
        for (String model : List.of("max-intel", "max-amd")) {
            Guest g = Guest.bits64On(model, "nop", "hlt", "v2: inc rax", "mov qword [rsp+8], 0x10", "iretq", "v13: hlt");
            g.c.request(Cpu.NMI_REQUEST);
            g.run();
            assertThat(g.c.nmiBlocked).as(model).isEqualTo(model.equals("max-amd"));
        }
    }

    @Test
    void trapOfTheFinishedInstructionComesBeforeNmiAndInterrupt() {
        Guest g = Guest.bits64("mov dword [0x61000], 1", "hlt", "v1: inc rax", "iretq", "v2: inc rax", "mov rbx, rax", "iretq",
                "v32: inc rax", "mov rcx, rax", "iretq").flag(Flags.IF);
        g.c.dr[0] = 0x61000;
        g.c.dr7 = 0xD0402;
        g.c.updateBreakpoints();
        g.run(1);
        g.c.request(Cpu.NMI_REQUEST);
        g.interrupt(32).run();
        assertThat(g.c.gpr[RBX]).as("NMI inside the #DB handler, before its first instruction").isEqualTo(1);
        assertThat(g.c.gpr[RCX]).as("interrupt last").isEqualTo(3);
        assertThat(g.c.gpr[RAX]).isEqualTo(3);
    }

    @Test
    void branchTrapFlagStepsOverStraightCode() {
        Guest g = loggedOn("max-intel", SET_TF, "nop", "nop", "jmp a", "nop", "a: " + CLEAR_TF.replace("\n", "\n "), "nop");
        g.c.debugctl = 2;
        g.run();
        assertThat(g.read(LOG, 8)).isEqualTo(g.label("a"));
        assertThat(g.c.debugctl & 2).as("cleared by the #DB").isZero();
    }

    @Test
    void repeatedStringInstructionTrapsAfterEachIteration() {
        Guest g = Guest.bits64("mov ecx, 3", "mov edi, 0x62000", "cld", "rep stosb", "hlt", "v1: inc rbx", "mov edx, ecx",
                "mov rax, [rsp]", "iretq");
        g.c.dr[0] = 0x62001;
        g.c.dr7 = 0x10402;
        g.c.updateBreakpoints();
        g.run();
        assertThat(g.c.gpr[RDX]).as("iterations left").isEqualTo(1);
        assertThat(g.c.gpr[RBX]).isEqualTo(1);
        assertThat(g.c.gpr[RCX]).isZero();
    }

    @Test
    void initLeavesTheBootstrapProcessorAtTheResetVectorAndOthersWaiting() {
        Guest g = Guest.bits64("hlt").run();
        g.c.apicBaseMsr = 0x100;
        g.c.request(Cpu.INIT_REQUEST);
        Boundary.process(g.c);
        assertThat(g.c.activity).isEqualTo(Cpu.ACTIVE);
        assertThat(g.c.segBase[Cpu.CS] + g.c.rip).isEqualTo(0xFFFFFFF0L);
        assertThat(g.c.gpr[RDX]).isEqualTo(g.c.model.signature());
        g.c.apicBaseMsr = 0;
        g.c.request(Cpu.INIT_REQUEST);
        Boundary.process(g.c);
        assertThat(g.c.activity).isEqualTo(Cpu.WAIT_FOR_SIPI);
        g.c.request(Cpu.NMI_REQUEST);
        assertThat(g.processor.isRunnable()).as("NMI does not end wait-for-SIPI").isFalse();
        g.c.sipiVector = 0x9A;
        g.c.request(Cpu.SIPI_REQUEST);
        assertThat(g.processor.isRunnable()).isTrue();
        Boundary.process(g.c);
        assertThat(g.c.activity).isEqualTo(Cpu.ACTIVE);
        assertThat(g.c.selector[Cpu.CS]).isEqualTo(0x9A00);
        assertThat(g.c.segBase[Cpu.CS] + g.c.rip).isEqualTo(0x9A000);
    }

    @Test
    void startUpMessageToARunningProcessorIsDropped() {
        Guest g = Guest.bits64("nop", "hlt");
        g.c.request(Cpu.SIPI_REQUEST);
        g.run();
        assertThat(g.c.rip).isEqualTo(Guest.CODE + 2);
        assertThat(g.c.requests & Cpu.SIPI_REQUEST).isZero();
    }

    @Test
    void machineCheckNeedsCr4Mce() {
        Guest g = Guest.bits64("nop", "hlt", "v18: mov eax, 1", "hlt");
        g.c.cr4 |= Cr.MCE;
        g.c.request(Cpu.MACHINE_CHECK_REQUEST);
        assertThat(g.run().c.gpr[RAX]).isEqualTo(1);
        g = Guest.bits64("nop", "hlt", "v18: mov eax, 1", "hlt");
        g.c.request(Cpu.MACHINE_CHECK_REQUEST);
        assertThat(g.run().c.activity).isEqualTo(Cpu.SHUTDOWN);
        assertThat(g.c.shutdownReason).contains("machine check");
    }

    @Test
    void nmiEndsShutdownAndAnInterruptDoesNot() {
        Guest g = Guest.bits64("ud2", "v2: hlt").flag(Flags.IF);
        g.c.idtLimit = 0;
        g.run();
        assertThat(g.interrupt(32).processor.isRunnable()).isFalse();
        g.c.idtLimit = 0xFFF;
        g.c.request(Cpu.NMI_REQUEST);
        assertThat(g.run().c.activity).isEqualTo(Cpu.HLT);
        assertThat(g.c.shutdownReason).isNull();
    }

    // ---- PAUSE ----

    private static final String[] TWO_TIMES = {"rdtsc", "mov ebx, eax", "pause", "rdtsc", "sub eax, ebx", "hlt"};

    @Test
    void pauseTakesTimeButRetiresAsOne() {
        Guest g = Guest.bits64(TWO_TIMES).run();
        assertThat(g.c.gpr[RAX]).isGreaterThan(100);
        assertThat(g.c.retired).isEqualTo(TWO_TIMES.length);
    }

    @Test
    void aDeadlineEndsPauseInTime() {
        Guest g = Guest.bits64(TWO_TIMES);
        g.timeline.schedule(new Timeline.Deadline(() -> assertThat(g.timeline.now()).isEqualTo(20)), 20);
        assertThat(g.run().c.gpr[RAX]).isLessThan(25);
    }
}
