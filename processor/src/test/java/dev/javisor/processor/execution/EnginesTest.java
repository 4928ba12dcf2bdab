package dev.javisor.processor.execution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.compiler.Effort;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Platform;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.event.Reset;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.paging.Paging;
import java.lang.foreign.Arena;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Compiled code does what the interpreter does, instruction for instruction. */
class EnginesTest {
    /** A page that is not present in 64-bit mode. */
    static final long ABSENT = 0x50000;

    /** Memory to play with. */
    static final long DATA = 0x6000;

    private static final long CODE = 0x8000, STACK = 0x5000, IDT = 0x2000, GDT = 0x1000, PML4 = 0x30000;
    private static final int RAM = 0x80000, PROGRAMS = 60;

    private static final class NoDevices implements Platform {
        @Override
        public int in(int port, int size) {
            return -1;
        }

        @Override
        public void out(int port, int size, int value) {}

        @Override
        public int acknowledgeExternalInterrupt() {
            return 0;
        }
    }

    /** A processor with a program in memory. */
    private static final class Subject {
        final PhysicalMemory memory = new PhysicalMemory();
        final Timeline timeline = new Timeline();
        final CodeCache cache;
        final LogicalProcessor processor;
        final Cpu c;

        Subject(Engine engine, CodeSize size, Asm.Program program) {
            this(engine, size, program, 1_000_000);
        }

        /** @param limit operations that the code cache keeps */
        Subject(Engine engine, CodeSize size, Asm.Program program, int limit) {
            CpuModel model = CpuModels.parse("max-intel");
            memory.addRam(0, Arena.ofAuto().allocate(RAM, 4096));
            cache = new CodeCache(memory, engine, limit);
            processor = new LogicalProcessor(model, 0, memory, timeline, cache, new Paging(model, memory), new NoDevices());
            c = processor.cpu();
            Reset.reset(c);
            memory.write(CODE, program.code(), 0, program.code().length);
            c.selector[Cpu.CS] = 8;
            c.segBase[Cpu.CS] = 0;
            if (size != CodeSize.BITS16) {
                protect(size);
            }
            for (int v = 0; v < 32; v++) {
                gate(size, v, program.label("next"));
            }
            c.cr4 |= Cr.OSFXSR | Cr.OSXMMEXCPT;
            c.rip = CODE;
            c.gpr[3] = DATA;
            c.updateMode();
        }

        private void protect(CodeSize size) {
            boolean wide = size == CodeSize.BITS64;
            c.cr0 |= Cr.PE;
            memory.write(GDT + 8, 8, wide ? 0x00AF9A000000FFFFL : 0x00CF9A000000FFFFL);
            c.gdtBase = GDT;
            c.gdtLimit = 0xFF;
            c.idtBase = IDT;
            c.idtLimit = 0xFFF;
            for (int s = Cpu.ES; s <= Cpu.GS; s++) {
                c.segLimit[s] = 0xFFFFFFFFL;
                c.segAccess[s] = s == Cpu.CS ? wide ? 0xA09B : 0xC09B : 0xC093;
            }
            if (wide) {
                c.cr0 |= Cr.PG;
                c.cr4 = Cr.PAE;
                c.efer = Cr.LME | Cr.LMA;
                c.cr3 = PML4;
                for (int level = 0; level < 3; level++) {
                    memory.write(PML4 + 0x1000L * level, 8, PML4 + 0x1000L * (level + 1) | 3);
                }
                for (long page = 0; page < RAM; page += 4096) {
                    memory.write(PML4 + 0x3000 + (page >>> 9), 8, page == ABSENT ? 0 : page | 3);
                }
            }
        }

        private void gate(CodeSize size, int vector, long handler) {
            switch (size) {
                case BITS16 -> memory.write(4L * vector, 4, handler);
                case BITS32 -> memory.write(IDT + 8L * vector, 8, handler & 0xFFFF | 8 << 16 | 0x8E00L << 32);
                default -> memory.write(IDT + 16L * vector, 8, handler & 0xFFFF | 8 << 16 | 0x8E00L << 32);
            }
        }

        void run(long ticks) {
            c.gpr[4] = STACK;
            processor.run(timeline.now() + ticks);
        }

        String state() {
            StringBuilder s = new StringBuilder();
            for (int r = 0; r < 16; r++) {
                s.append(String.format("%d=%x ", r, c.gpr[r]));
            }
            byte[] data = new byte[128];
            memory.read(DATA, data, 0, data.length);
            return s.append(String.format(
                            "rip=%x flags=%x cr2=%x time=%d retired=%d %s%n", c.rip, Flags.rflags(c), c.cr2, timeline.now(), c.retired,
                            HexFormat.of().formatHex(data)))
                    .toString();
        }
    }

    @ParameterizedTest
    @EnumSource(CodeSize.class)
    void randomProgramsRunAlike(CodeSize size) {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        System.out.println("EnginesTest " + size + " -Djavisor.seed=" + seed);
        long compiled = 0;
        for (int p = 0; p < PROGRAMS; p++) {
            Random random = new Random(seed + p);
            Asm.Program program = Asm.program(size, CODE, RandomProgram.text(random, size));
            compiled += compare(size, program, random, Effort.values()[random.nextInt(Effort.values().length)], "seed " + (seed + p));
        }
        assertThat(compiled).as("instructions that compiled code ran").isPositive();
    }

    @ParameterizedTest
    @EnumSource(CodeSize.class)
    void randomSseProgramsRunAlike(CodeSize size) {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        System.out.println("EnginesTest SSE " + size + " -Djavisor.seed=" + seed);
        for (int p = 0; p < PROGRAMS / 2; p++) {
            Random random = new Random(seed + p);
            Asm.Program program = Asm.program(size, CODE, RandomProgram.vectors(random, size));
            compare(size, program, random, random.nextInt(4) == 0 ? Effort.PATIENT : Effort.FULL, "SSE seed " + (seed + p));
        }
    }

    @ParameterizedTest
    @EnumSource(CodeSize.class)
    void aShiftByZeroLeavesTheFlagsToTheNextCondition(CodeSize size) {
        String[] text = {"next:", "xor eax, eax", "dec eax", "mov edx, 7", "sar edx, 0", "setle ah", "shl edx, 32", "js on", "inc ecx",
                "on:", "jmp next"};
        compare(size, Asm.program(size, CODE, text), "shift by zero");
    }

    @ParameterizedTest
    @EnumSource(CodeSize.class)
    void aRepeatedStringInstructionThatReachesCodeHandlesAsManyElementsAsEver(CodeSize size) {
        String[] text = {"next:", "mov esi, 0x7E00", "mov edi, esi", "mov ecx, 0x1100", "rep movsb", "inc edx", "mov edi, 0x7E00",
                "mov ecx, 0x1100", "repne scasb", "jmp next"};
        compare(size, Asm.program(size, CODE, text), "string over code");
    }

    @Test
    void aBranchToANonCanonicalAddressIsAFaultOfTheBranch() {
        String[] text = {"next:", "inc ecx", "mov rdx, 0x800000000000", "test cl, 3", "jz call", "test cl, 1", "jz return", "jmp rdx",
                "call:", "dec rax", "call rdx", "return:", "push rdx", "add eax, ecx", "ret"};
        compare(CodeSize.BITS64, Asm.program(CodeSize.BITS64, CODE, text), "non-canonical target");
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void codeThatIsForgottenForLackOfRoomRunsAsBefore(Engine engine) {
        StringBuilder text = new StringBuilder("next:\n");
        for (int page = 0; page < 6; page++) {
            text.append("page" + page + ": inc eax\n rol rax, 3\n jmp page" + (page + 1) + "\n times 4095 nop\n");
        }
        Asm.Program program = Asm.program(CodeSize.BITS64, CODE, text + "page6: jmp next");
        Subject roomy = new Subject(engine, CodeSize.BITS64, program);
        Subject small = new Subject(engine, CodeSize.BITS64, program, 5);
        for (int ticks = 1; ticks < 100; ticks += 7) {
            roomy.run(ticks);
            small.run(ticks);
            assertThat(small.state()).isEqualTo(roomy.state());
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void codeThatChangesInEachRoundRunsAsItWasWrittenLast(Engine engine) {
        String text = """
                xor edx, edx
                mov ecx, 100
                again: mov [changed - 1], cl
                add edx, 1
                changed: test cl, 1
                jz even
                mov dword [routine], 0x90C2FF90
                jmp on
                even: mov dword [routine], 0x9005EA83
                on: call routine
                dec ecx
                jnz again
                next: jmp next
                routine: nop
                nop
                nop
                nop
                ret
                """;
        int sum = 0;
        for (int round = 100; round > 0; round--) {
            // NOP, INC EDX, NOP or SUB EDX, 5, NOP
            sum += round + (round % 2 == 0 ? -5 : 1);
        }
        Subject subject = new Subject(engine, CodeSize.BITS64, Asm.program(CodeSize.BITS64, CODE, text));
        subject.run(2000);
        assertThat(subject.c.gpr[2]).isEqualTo(sum);
    }

    @Test
    void hotRegionsThatBecomeOneRunAsBefore() {
        String text = """
                next: mov ecx, ebx
                again: call outer
                lea rdx, [rel other]
                test eax, 4
                jz indirect
                lea rdx, [rel inner]
                indirect: call rdx
                inc dword [rbx]
                dec ecx
                jnz again
                jmp next
                outer: push rax
                call inner
                pop rdx
                add eax, edx
                ret
                inner: imul eax, eax, 1664525
                add eax, 1013904223
                ret
                other: sub eax, ecx
                jmp inner
                """;
        Asm.Program program = Asm.program(CodeSize.BITS64, CODE, text);
        Subject oracle = new Subject(Engine.INTERPRETER, CodeSize.BITS64, program);
        System.setProperty("javisor.compilerLevels", "2");
        Subject subject = new Subject(Engine.AUTO, CodeSize.BITS64, program);
        System.clearProperty("javisor.compilerLevels");
        boolean together = false;
        for (int slice = 0; slice < 500 && !together; slice++) {
            int ticks = 1_000_003 + 4_999 * slice;
            long entries = subject.processor.regionEntries();
            oracle.run(ticks);
            subject.run(ticks);
            assertThat(subject.state()).isEqualTo(oracle.state());
            together = subject.cache.statistics().improved() > 0 && subject.processor.regionEntries() - entries < 100;
        }
        assertThat(together).as("compiled code calls and returns without being left").isTrue();
    }

    @Test
    void hotRegionsThatAreTooLargeToBecomeOneAreMadeAgainOnce() throws InterruptedException {
        String half = "add eax, ecx\n".repeat(110);
        String text = "next:\n" + half + "jmp on\n times 300 nop\n on:\n" + half + "jmp next";
        System.setProperty("javisor.compilerLevels", "2");
        Subject subject = new Subject(Engine.AUTO, CodeSize.BITS64, Asm.program(CodeSize.BITS64, CODE, text));
        System.clearProperty("javisor.compilerLevels");
        CompilerStatistics statistics = subject.cache.statistics();
        for (int slice = 0; slice < 200; slice++) {
            subject.run(1_000_000);
            Thread.sleep(5);
        }
        assertThat(statistics.improved()).as("of %d regions", statistics.regions()).isBetween(1L, statistics.regions());
    }

    private static void compare(CodeSize size, Asm.Program program, String what) {
        for (Effort effort : Effort.values()) {
            compare(size, program, new Random(1), effort, what);
        }
    }

    /** Runs a program on both engines; instructions that compiled code ran. */
    private static long compare(CodeSize size, Asm.Program program, Random random, Effort effort, String what) {
        Subject oracle = new Subject(Engine.INTERPRETER, size, program);
        System.setProperty("javisor.compilerEffort", effort.name());
        Subject subject = new Subject(Engine.COMPILER, size, program);
        System.clearProperty("javisor.compilerEffort");
        for (int slice = 0; slice < 40; slice++) {
            int ticks = random.nextInt(1, 400);
            String before = oracle.state();
            oracle.run(ticks);
            subject.run(ticks);
            assertThat(subject.state()).as("%s, %s, %s, slice %d of %d ticks, from %s", size, what, effort, slice, ticks, before)
                    .isEqualTo(oracle.state());
        }
        return subject.processor.compiledInstructions();
    }
}
