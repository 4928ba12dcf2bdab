package dev.javisor.processor.event;

import static dev.javisor.processor.event.Guest.CODE32;
import static dev.javisor.processor.event.Guest.GDT;
import static dev.javisor.processor.event.Guest.RAX;
import static dev.javisor.processor.event.Guest.RBX;
import static dev.javisor.processor.event.Guest.RCX;
import static dev.javisor.processor.event.Guest.RDX;
import static dev.javisor.processor.event.Guest.RSP;
import static dev.javisor.processor.event.Guest.SPARE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import org.junit.jupiter.api.Test;

/** Loads of segment registers, and the instructions that only ask about selectors. */
class SegmentLoadTest {
    private static final String FAULTS =
            "v10: mov ebx, 10\n jmp out\n v11: mov ebx, 11\n jmp out\n v12: mov ebx, 12\n jmp out\n v13: mov ebx, 13\n out: pop eax\n hlt";

    /** Vector and error code of loading a selector into a register at CPL 0, as vector * 65536 + error code; 0 when it loads. */
    private static long load32(String register, int selector, int spareAccess) {
        Guest g = Guest.protected32("mov eax, " + selector, "mov " + register + ", eax", "xor eax, eax", "hlt", FAULTS);
        g.descriptor(SPARE, 0x1000, 0xFFF, spareAccess).run();
        return g.c.gpr[RBX] << 16 | g.c.gpr[RAX];
    }

    @Test
    void dataSegmentsAreCheckedForTypePrivilegeAndPresence() {
        assertThat(load32("ds", SPARE, 0x92)).isZero();
        assertThat(load32("ds", SPARE | 3, 0xF2)).isZero();
        assertThat(load32("ds", SPARE | 3, 0x92)).as("RPL above DPL").isEqualTo(13 << 16 | SPARE);
        assertThat(load32("ds", SPARE, 0x98)).as("execute-only code").isEqualTo(13 << 16 | SPARE);
        assertThat(load32("ds", SPARE, 0x9A)).isZero();
        assertThat(load32("ds", SPARE | 3, 0x9E)).as("conforming code has no privilege check").isZero();
        assertThat(load32("ds", SPARE, 0x12)).isEqualTo(11 << 16 | SPARE);
        assertThat(load32("ds", SPARE, 0x82)).as("system descriptor").isEqualTo(13 << 16 | SPARE);
        assertThat(load32("ds", 0x100, 0)).as("beyond the limit").isEqualTo(13 << 16 | 0x100);
        assertThat(load32("ds", SPARE | 4, 0x92)).as("no LDT").isEqualTo(13 << 16 | SPARE | 4);
        assertThat(load32("fs", 3, 0)).as("null").isZero();
    }

    @Test
    void stackSegmentsAreCheckedMoreStrictly() {
        assertThat(load32("ss", SPARE, 0xC092)).isZero();
        assertThat(load32("ss", SPARE, 0xC090)).as("read-only").isEqualTo(13 << 16 | SPARE);
        assertThat(load32("ss", SPARE | 1, 0xC092)).as("RPL is not CPL").isEqualTo(13 << 16 | SPARE);
        assertThat(load32("ss", SPARE, 0xC0B2)).as("DPL is not CPL").isEqualTo(13 << 16 | SPARE);
        assertThat(load32("ss", SPARE, 0xC012)).isEqualTo(12 << 16 | SPARE);
        assertThat(load32("ss", 0, 0)).as("null").isEqualTo(13 << 16);
    }

    @Test
    void nullStackSegmentIsAllowedIn64BitModeBelowLevel3() {
        Guest g = Guest.bits64("xor eax, eax", "mov ss, eax", "push 5", "pop rbx", "mov eax, 3", "bad: mov ss, eax", "v13: hlt").run();
        assertThat(g.c.gpr[RBX]).isEqualTo(5);
        assertThat(g.c.selector[Cpu.SS]).isZero();
        assertThat(g.c.rip).as("RPL is not CPL").isEqualTo(g.label("v13") + 1);
    }

    @Test
    void loadSetsTheAccessedBitAndLimitsTakeEffect() {
        Guest g = Guest.protected32("mov ax, 0x50", "mov es, ax", "mov eax, [es:0xFFC]", "bad: mov eax, [es:0xFFD]", FAULTS);
        g.descriptor(SPARE, 0x1000, 0xFFF, 0x92).run();
        assertThat(g.read(GDT + SPARE + 5, 1)).isEqualTo(0x93);
        assertThat(g.c.gpr[RBX]).isEqualTo(13);
        assertThat(g.c.segLimit[Cpu.ES]).isEqualTo(0xFFF);
        assertThat(g.c.segBase[Cpu.ES]).isEqualTo(0x1000);
    }

    @Test
    void granularityScalesTheLimitAndExpandDownTurnsItOver() {
        Guest g = Guest.protected32("mov ax, 0x50", "mov es, ax", "mov eax, [es:0x2000]", "mov eax, [es:0x1FFF]", FAULTS);
        g.descriptor(SPARE, 0, 1, 0xC096).run();
        assertThat(g.c.segLimit[Cpu.ES]).isEqualTo(0x1FFF);
        assertThat(g.c.gpr[RBX]).isEqualTo(13);
        assertThat(g.read(g.c.gpr[RSP], 4)).isEqualTo(g.label("v10") - 6);
    }

    @Test
    void nullSegmentLoadsButFaultsOnUse() {
        Guest g = Guest.protected32("xor eax, eax", "mov es, ax", "mov ecx, 1", "mov eax, [es:0]", FAULTS).run();
        assertThat(g.c.gpr[RCX]).isEqualTo(1);
        assertThat(g.c.gpr[RBX] << 16 | g.c.gpr[RAX]).isEqualTo(13 << 16);
    }

    @Test
    void popAndLoadPointerLoadLikeMov() {
        Guest g = Guest.protected32("push 0x50", "pop es", "lds esi, [0x60000]", "bad: lfs edx, [0x60010]", FAULTS);
        g.descriptor(SPARE, 0x7000, 0xFFF, 0x92);
        g.memory.write(0x60000, 8, SPARE * 0x100000000L + 0x12345678);
        g.memory.write(0x60010, 8, 0x1234_0000_0000L);
        g.c.gpr[RDX] = 7;
        g.run();
        assertThat(g.c.segBase[Cpu.ES]).isEqualTo(0x7000);
        assertThat(g.c.gpr[Guest.RSI]).isEqualTo(0x12345678);
        assertThat(g.c.selector[Cpu.DS]).isEqualTo(SPARE);
        assertThat(g.c.gpr[RDX]).as("a pointer whose selector faults loads nothing").isEqualTo(7);
    }

    @Test
    void realModeLoadsChangeSelectorAndBaseOnly() {
        Guest g = Guest.real("mov ax, 0x1234", "mov ds, ax", "mov eax, [0x20000]", "hlt");
        g.c.segLimit[Cpu.DS] = 0xFFFFFFFFL;
        g.memory.write(0x12340 + 0x20000, 4, 77);
        g.run();
        assertThat(g.c.segBase[Cpu.DS]).isEqualTo(0x12340);
        assertThat(g.c.gpr[RAX]).as("big real mode").isEqualTo(77);
    }

    @Test
    void nullLoadClearsTheBaseOnIntelAndKeepsItOnOldAmdProcessors() {
        for (String model : new String[] {"max-intel", "max-amd,-null_sel_clr_base"}) {
            Guest g = Guest.bits64On(model, "xor eax, eax", "mov fs, eax", "hlt");
            g.c.segBase[Cpu.FS] = 0x123456789L;
            g.c.updateMode();
            g.run();
            assertThat(g.c.segBase[Cpu.FS]).as(model).isEqualTo(model.equals("max-intel") ? 0 : 0x123456789L);
        }
    }

    @Test
    void larAndLslAnswerInZf() {
        Guest g = Guest.protected32("mov eax, 0x50", "lar ecx, ax", "lsl edx, ax", "pushfd", "pop esi", "mov eax, 0x53", "lar ebx, ax",
                "pushfd", "pop edi", "hlt");
        g.descriptor(SPARE, 0x12345678, 0x23456, 0xC0B3).run();
        assertThat(g.c.gpr[RCX]).as("accessed is still clear").isEqualTo(0xC2B300);
        assertThat(g.c.gpr[RDX]).isEqualTo(0x23456FFFL);
        assertThat(g.c.gpr[Guest.RSI] & Flags.ZF).isNotZero();
        assertThat(g.c.gpr[Guest.RDI] & Flags.ZF).as("RPL 3 may not see DPL 1").isZero();
        assertThat(g.c.gpr[RBX]).isZero();
    }

    @Test
    void gatesHaveRightsButNoLimit() {
        Guest g = Guest.protected32("mov eax, 0x50", "lar ecx, ax", "pushfd", "pop esi", "lsl edx, ax", "pushfd", "pop edi", "hlt");
        g.callGate(SPARE, 0x1234, CODE32, 0x8C, 0).run();
        assertThat(g.c.gpr[Guest.RSI] & Flags.ZF).isNotZero();
        assertThat(g.c.gpr[RCX] & 0xFF00).isEqualTo(0x8C00);
        assertThat(g.c.gpr[Guest.RDI] & Flags.ZF).isZero();
    }

    @Test
    void verrAndVerwCheckReadAndWrite() {
        for (int[] c : new int[][] {{0x92, 1, 1}, {0x90, 1, 0}, {0x98, 0, 0}, {0x9A, 1, 0}, {0x82, 0, 0}, {0, 0, 0}}) {
            Guest g = Guest.protected32("mov eax, 0x50", "verr ax", "setz cl", "verw ax", "setz dl", "hlt").descriptor(SPARE, 0, 1, c[0])
                    .run();
            assertThat(g.c.gpr[RCX]).as("VERR %x", c[0]).isEqualTo(c[1]);
            assertThat(g.c.gpr[RDX]).as("VERW %x", c[0]).isEqualTo(c[2]);
        }
    }

    @Test
    void arplRaisesTheRequestedPrivilegeLevel() {
        Guest g = Guest.protected32("mov eax, 0x1230", "mov ecx, 2", "arpl ax, cx", "setz dl", "arpl ax, cx", "setz bl", "hlt").run();
        assertThat(g.c.gpr[RAX]).isEqualTo(0x1232);
        assertThat(g.c.gpr[RDX]).isEqualTo(1);
        assertThat(g.c.gpr[RBX]).isZero();
    }

    /** Seen on an AMD EPYC: the segment is checked as for a write, the page only when there is one. */
    @Test
    void arplThatChangesNothingDoesNotWrite() {
        String readOnlyPage = "mov dword [0x70000], 0x83\n mov dword [0x70004], 0x81\n mov eax, 0x70000\n mov cr3, eax\n"
                + "mov eax, cr4\n or al, 0x10\n mov cr4, eax\n"
                + "mov eax, cr0\n or eax, 0x80010000\n mov cr0, eax\n";
        String[] guest = {"mov word [0x60000], 2", readOnlyPage, "arpl [0x460000], cx", "mov dl, 1", "hlt", "v14: pop ebx", "hlt"};
        Guest same = Guest.protected32("mov ecx, 2", String.join("\n", guest)).run();
        assertThat(same.c.gpr[RDX]).isEqualTo(1);
        Guest raised = Guest.protected32("mov ecx, 3", String.join("\n", guest)).run();
        assertThat(raised.c.gpr[RDX]).isZero();
        assertThat(raised.c.gpr[RBX]).as("present, write").isEqualTo(3);
        assertThat(fault("mov ds, ax\n arpl [0x1000], cx", SPARE, 0x90)).as("segment that may not be written").isEqualTo(13 << 16);
    }

    @Test
    void protectedModeInstructionsDoNotExistInRealMode() {
        for (String i : new String[] {"sldt ax", "str ax", "lldt ax", "ltr ax", "lar ax, cx", "lsl ax, cx", "verr ax", "verw ax",
                "arpl ax, cx"}) {
            assertThat(Guest.real(i, "hlt", "v6: mov bl, 1", "hlt").run().c.gpr[RBX]).as(i).isEqualTo(1);
        }
    }

    @Test
    void lldtAndLtrCheckTypeAndTable() {
        Guest g = Guest.protected32("mov eax, 0x50", "lldt ax", "mov ax, 0xC", "mov es, ax", "hlt", FAULTS).descriptor(SPARE, 0x60000,
                0x1F, 0x82);
        g.memory.write(0x60008, 8, 0x0000_9270_0000_FFFFL);
        g.run();
        assertThat(g.c.segBase[Cpu.LDTR]).isEqualTo(0x60000);
        assertThat(g.c.segBase[Cpu.ES]).isEqualTo(0x700000);
        assertThat(fault("lldt ax", SPARE, 0x92)).isEqualTo(13 << 16 | SPARE);
        assertThat(fault("lldt ax", SPARE, 0x02)).isEqualTo(11 << 16 | SPARE);
        assertThat(fault("lldt ax", SPARE | 4, 0x82)).isEqualTo(13 << 16 | SPARE | 4);
        assertThat(fault("lldt ax", 0, 0)).as("null makes LDTR unusable").isZero();
        assertThat(fault("ltr ax", 0, 0)).isEqualTo(13 << 16);
        assertThat(fault("ltr ax", SPARE, 0x8B)).as("busy").isEqualTo(13 << 16 | SPARE);
        assertThat(fault("ltr ax", SPARE, 0x09)).isEqualTo(11 << 16 | SPARE);
        assertThat(fault("ltr ax", SPARE, 0x89)).isZero();
    }

    private static long fault(String instruction, int selector, int spareAccess) {
        Guest g = Guest.protected32("mov eax, " + selector, instruction, "xor eax, eax", "hlt", FAULTS).descriptor(SPARE, 0x60000, 0x67,
                spareAccess).run();
        return g.c.gpr[RBX] << 16 | g.c.gpr[RAX];
    }

    @Test
    void ltrMarksTheDescriptorBusyAndTakes64BitBases() {
        Guest g = Guest.bits64("mov eax, 0x50", "ltr ax", "hlt", "v13: hlt").descriptor(SPARE, 0x60000, 0x67, 0x89);
        g.memory.write(GDT + SPARE + 8, 8, 0xFFFF8000L);
        g.run();
        assertThat(g.c.segBase[Cpu.TR]).isEqualTo(0xFFFF8000_00060000L);
        assertThat(g.read(GDT + SPARE + 5, 1)).isEqualTo(0x8B);
        assertThat(g.c.segAccess[Cpu.TR] & 15).isEqualTo(11);
        g = Guest.bits64("mov eax, 0x50", "ltr ax", "v13: pop rbx", "hlt").descriptor(SPARE, 0x60000, 0x67, 0x89);
        g.memory.write(GDT + SPARE + 8, 8, 0x40000000);
        assertThat(g.run().c.gpr[RBX]).as("non-canonical base").isEqualTo(SPARE);
    }

    @Test
    void tableRegistersCheckCanonicalBasesByTheProcessorsWidth() {
        for (String[] c : new String[][] {{"max-intel", "0x0080000000000000", "0"}, {"max-intel", "0x0200000000000000", "1"},
                {"max-intel,-la57", "0x0080000000000000", "1"}}) {
            Guest g = Guest.bits64On(c[0], "mov rax, " + c[1], "mov [0x60002], rax", "lgdt [0x60000]", "hlt", "v13: mov ebx, 1", "hlt")
                    .run();
            assertThat(g.c.gpr[RBX]).as(c[0] + " " + c[1]).isEqualTo(Long.parseLong(c[2]));
        }
    }

    @Test
    void lgdtTakes24BitsWith16BitOperands() {
        Guest g = Guest.protected32("o16 lidt [0x60000]", "lgdt [0x60000]", "sidt [0x60010]", "hlt");
        g.memory.write(0x60000, 8, 0x1234_5678_0FFFL);
        g.run();
        assertThat(g.c.gdtBase).isEqualTo(0x12345678L);
        assertThat(g.c.idtBase).isEqualTo(0x345678);
        assertThat(g.c.idtLimit).isEqualTo(0xFFF);
        assertThat(g.read(0x60010, 8)).isEqualTo(0x0034_5678_0FFFL);
    }

    @Test
    void umipHidesTheTablesFromPrograms() {
        for (String i : new String[] {"sgdt [0x60000]", "sidt [0x60000]", "sldt eax", "str eax", "smsw eax"}) {
            for (boolean umip : new boolean[] {false, true}) {
                Guest g = Guest.protected32("push 0x23\n push 0x28000\n push 2\n push 0x1B\n push user\n iret", "user: push 0x23\n pop ds",
                        i, "int 0x40", "v13: mov ebx, 13", "v64: hlt");
                g.gate(64, g.label("v64"), CODE32, 0xEE);
                g.c.cr4 |= umip ? 0x800 : 0;
                assertThat(g.run().c.gpr[RBX]).as(i).isEqualTo(umip ? 13 : 0);
            }
        }
    }

    @Test
    void privilegedTableInstructionsFaultForPrograms() {
        for (String i : new String[] {"lgdt [0x60000]", "lidt [0x60000]", "lldt ax", "ltr ax", "hlt", "cli", "sti"}) {
            Guest g = Guest.protected32("push 0x23\n push 0x28000\n push 2\n push 0x1B\n push user\n iret", "user: push 0x23\n pop ds", i,
                    "int 0x40", "v13: mov ebx, 13", "v64: hlt");
            g.gate(64, g.label("v64"), CODE32, 0xEE);
            assertThat(g.run().c.gpr[RBX]).as(i).isEqualTo(13);
        }
    }
}
