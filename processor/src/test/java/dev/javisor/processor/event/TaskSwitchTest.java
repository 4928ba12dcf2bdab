package dev.javisor.processor.event;

import static dev.javisor.processor.event.Guest.CODE32;
import static dev.javisor.processor.event.Guest.DATA;
import static dev.javisor.processor.event.Guest.GDT;
import static dev.javisor.processor.event.Guest.RAX;
import static dev.javisor.processor.event.Guest.RBX;
import static dev.javisor.processor.event.Guest.RCX;
import static dev.javisor.processor.event.Guest.RSP;
import static dev.javisor.processor.event.Guest.SPARE;
import static dev.javisor.processor.event.Guest.TASK;
import static dev.javisor.processor.event.Guest.TSS;
import static dev.javisor.processor.event.Guest.TSS2;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import org.junit.jupiter.api.Test;

/** "Task Management": switches by JMP, CALL, interrupt and IRET. */
class TaskSwitchTest {
    private static final String FAULTS =
            "v10: mov ebx, 10\n jmp out\n v11: mov ebx, 11\n jmp out\n v12: mov ebx, 12\n jmp out\n v13: mov ebx, 13\n out: pop eax\n hlt";

    /** A second task at SPARE that starts at label "task". */
    private static Guest twoTasks(String... text) {
        Guest g = Guest.protected32(text);
        g.descriptor(SPARE, TSS2, 0x67, 0x89);
        g.memory.write(TSS2 + 0x20, 4, g.label("task"));
        g.memory.write(TSS2 + 0x24, 4, 2);
        g.memory.write(TSS2 + 0x28, 4, 0xAAAA);
        g.memory.write(TSS2 + 0x38, 4, 0x18000);
        for (int i = 0; i < 6; i++) {
            g.memory.write(TSS2 + 0x48 + 4 * i, 4, i == Cpu.CS ? CODE32 : DATA);
        }
        return g;
    }

    private static long type(Guest g, int selector) {
        return g.read(GDT + selector + 5, 1) & 15;
    }

    @Test
    void jumpSavesTheOldTaskAndLoadsTheNewOne() {
        Guest g = twoTasks("mov ecx, 0x1111", "jmp 0x50:0xF4F4F4F4", "after: nop", "task: mov ebx, eax", "hlt").run();
        assertThat(g.c.gpr[RBX]).isEqualTo(0xAAAA);
        assertThat(g.c.gpr[RCX]).isZero();
        assertThat(g.c.gpr[RSP]).isEqualTo(0x18000);
        assertThat(g.c.selector[Cpu.TR]).isEqualTo(SPARE);
        assertThat(g.c.cr0 & Cr.TS).isNotZero();
        assertThat(g.read(TSS + 0x20, 4)).isEqualTo(g.label("after"));
        assertThat(g.read(TSS + 0x2C, 4)).isEqualTo(0x1111);
        assertThat(g.read(TSS + 0x4C, 2)).isEqualTo(CODE32);
        assertThat(type(g, TASK)).as("available").isEqualTo(9);
        assertThat(type(g, SPARE)).as("busy").isEqualTo(11);
        assertThat(g.c.rflags & Flags.NT).isZero();
    }

    @Test
    void callNestsAndIretReturns() {
        Guest g = twoTasks("mov ecx, 5", "call 0x50:0", "call 0x50:0", "hlt", "task: inc eax", "iret", "jmp task");
        g.run();
        assertThat(g.c.rip).isEqualTo(g.label("task"));
        assertThat(g.c.gpr[RCX]).isEqualTo(5);
        assertThat(g.read(TSS2 + 0x28, 4)).as("called twice").isEqualTo(0xAAAC);
        assertThat(g.read(TSS2, 2)).as("link").isEqualTo(TASK);
        assertThat(type(g, TASK)).isEqualTo(11);
        assertThat(type(g, SPARE)).isEqualTo(9);
        assertThat(g.read(TSS2 + 0x24, 4) & Flags.NT).as("IRET clears NT in the image").isZero();
    }

    @Test
    void exceptionThroughATaskGatePushesItsErrorCodeInTheNewTask() {
        Guest g = twoTasks("mov eax, 0x1230", "bad: mov es, ax", "mov ebx, 1", "hlt", "task: pop ebx", "add dword [0x4020], 2", "iret");
        g.gate(13, 0, SPARE, 0x85).run();
        assertThat(g.read(TSS2 + 0x34, 4)).as("EBX of the task").isEqualTo(0x1230);
        assertThat(g.c.rip).isEqualTo(g.label("task"));
        assertThat(g.c.gpr[RBX]).isEqualTo(1);
        assertThat(g.c.activity).isEqualTo(Cpu.HLT);
    }

    @Test
    void faultSavesRfAndSoftwareInterruptTheNextInstruction() {
        Guest g = twoTasks("bad: ud2", "task: hlt").gate(6, 0, SPARE, 0x85).run();
        assertThat(g.read(TSS + 0x20, 4)).isEqualTo(g.label("bad"));
        assertThat(g.read(TSS + 0x24, 4) & Flags.RF).isNotZero();
        g = twoTasks("int 0x40", "next: nop", "task: hlt").gate(64, 0, SPARE, 0x85).run();
        assertThat(g.read(TSS + 0x20, 4)).isEqualTo(g.label("next"));
        assertThat(g.c.rflags & Flags.NT).isNotZero();
    }

    @Test
    void sixteenBitTaskLoadsWords() {
        Guest g = Guest.protected32("jmp 0x50:0", "task: hlt").descriptor(SPARE, TSS2, 0x2B, 0x81);
        g.memory.write(TSS2 + 0x0E, 2, g.label("task"));
        g.memory.write(TSS2 + 0x10, 2, 2);
        g.memory.write(TSS2 + 0x12, 2, 0xBEEF);
        for (int i = 0; i < 4; i++) {
            g.memory.write(TSS2 + 0x22 + 2 * i, 2, i == Cpu.CS ? CODE32 : DATA);
        }
        g.run();
        assertThat(g.c.gpr[RAX] & 0xFFFF).isEqualTo(0xBEEF);
        assertThat(g.c.rip).isEqualTo(g.label("task") + 1);
        assertThat(g.c.selector[Cpu.FS]).isZero();
    }

    @Test
    void descriptorThatIsNoAvailableTssFaultsInTheOldTask() {
        assertThat(jump(0x8B, 0x67)).as("busy").isEqualTo(13 << 16 | SPARE);
        assertThat(jump(0x09, 0x67)).as("absent").isEqualTo(11 << 16 | SPARE);
        assertThat(jump(0x89, 0x66)).as("too short").isEqualTo(10 << 16 | SPARE);
    }

    private static long jump(int access, int limit) {
        Guest g = twoTasks("jmp 0x50:0", FAULTS, "task: hlt").descriptor(SPARE, TSS2, limit, access).run();
        assertThat(g.c.selector[Cpu.TR]).isEqualTo(TASK);
        return g.c.gpr[RBX] << 16 | g.c.gpr[RAX];
    }

    @Test
    void badSegmentsFaultInTheNewTask() {
        for (int[] bad : new int[][] {{Cpu.DS, 0x58, 10}, {Cpu.SS, 0, 10}, {Cpu.CS, DATA, 10}, {6, 0x58, 10}}) {
            Guest g = twoTasks("jmp 0x50:0", FAULTS, "task: hlt", "v8: hlt");
            int at = bad[0] == 6 ? 0x60 : 0x48 + 4 * bad[0];
            g.memory.write(TSS2 + at, 2, bad[1]);
            g.run();
            assertThat(g.c.selector[Cpu.TR]).as("register %d", bad[0]).isEqualTo(SPARE);
            if (bad[0] == Cpu.DS) {
                assertThat(g.c.gpr[RBX] << 16 | g.c.gpr[RAX]).isEqualTo(10 << 16 | 0x58);
            } else {
                assertThat(g.c.activity).as("no stack to report on").isEqualTo(Cpu.SHUTDOWN);
            }
        }
    }

    @Test
    void debugTrapFlagOfTheTssTrapsBeforeTheFirstInstruction() {
        Guest g = twoTasks("jmp 0x50:0", "task: mov ecx, 1", "hlt", "v1: mov eax, dr6", "pop ebx", "hlt");
        g.memory.write(TSS2 + 0x64, 2, 1);
        g.run();
        assertThat(g.c.gpr[RAX]).isEqualTo(0xFFFF8FF0L);
        assertThat(g.c.gpr[RBX]).isEqualTo(g.label("task"));
    }

    @Test
    void switchDisablesLocalBreakpoints() {
        Guest g = twoTasks("jmp 0x50:0", "task: hlt");
        g.c.dr7 = 0x455 | 0x2 | 0xF0000;
        g.c.dr[0] = 0x70000;
        g.c.updateBreakpoints();
        assertThat(g.run().c.dr7).isEqualTo(0x402 | 0xF0000);
    }

    @Test
    void tasksAreNotSwitchedInIa32eMode() {
        Guest g = Guest.bits64("int 0x40", "v13: pop rbx", "hlt").gate(64, 0, TASK, 0x85);
        assertThat(g.run().c.gpr[RBX]).isEqualTo(8 * 64 + 2);
        g = Guest.bits64("pushfq", "or qword [rsp], 0x4000", "popfq", "iretq", "v13: pop rbx", "mov ecx, 1", "hlt").run();
        assertThat(g.c.gpr[RBX]).isZero();
        assertThat(g.c.gpr[RCX]).isEqualTo(1);
    }
}
