package dev.javisor.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.CpuModels;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A guest does the same on the hypervisor as on the metal, instruction by instruction and tick by tick. */
class PlaceTest {
    /** How a run has ended: guest time, instructions, and a part of memory that the guest has worked on. */
    private record Outcome(MachineExit exit, long time, long retired, int memory) {
        static Outcome of(Machine m, MachineExit exit) {
            byte[] memory = new byte[0x10000];
            int hash = 0;
            for (long at = 0x50000; at < 0xA0000; at += memory.length) {
                m.memory().read(at, memory, 0, memory.length);
                hash = 31 * hash + Arrays.hashCode(memory);
            }
            return new Outcome(exit, m.time(), m.retired(), hash);
        }
    }

    /** Looks at the guest behind each instruction, which is also how it leaves and is entered again everywhere. */
    private static void isTheSameBehindEachInstruction(String code, int processors, Engine engine) {
        try (Machine metal = new Machine(configuration(code, processors, Place.METAL, engine));
                Machine hypervisor = new Machine(configuration(code, processors, Place.HYPERVISOR, engine))) {
            MachineExit exit = new MachineExit.InstructionLimit();
            for (long n = 1; exit instanceof MachineExit.InstructionLimit; n++) {
                exit = metal.run(n);
                assertThat(hypervisor.run(n)).isEqualTo(exit);
                assertThat(hypervisor.registers()).describedAs("behind instruction " + n).isEqualTo(metal.registers());
                assertThat(hypervisor.time()).describedAs("behind instruction " + n).isEqualTo(metal.time());
            }
            assertThat(exit).isEqualTo(new MachineExit.PowerOff());
        }
    }

    private static MachineConfiguration configuration(String code, int processors, Place place, Engine engine) {
        return MachineTest.builder(code).processors(processors).place(place).engine(engine).build();
    }

    private static Outcome run(String code, int processors, Place place, Engine engine) {
        try (Machine m = new Machine(configuration(code, processors, place, engine))) {
            return Outcome.of(m, m.run());
        }
    }

    private static void isTheSame(String code, int processors, Engine engine) {
        Outcome metal = run(code, processors, Place.METAL, engine);
        assertThat(metal.exit).isEqualTo(new MachineExit.PowerOff());
        assertThat(run(code, processors, Place.HYPERVISOR, engine)).isEqualTo(metal);
    }

    @ParameterizedTest
    @EnumSource
    void interruptsAndPortsComeAtTheSameInstructions(Engine engine) {
        isTheSame(MachineTest.BUSY, 1, engine);
    }

    @ParameterizedTest
    @EnumSource
    void severalProcessorsTakeTheSameTurns(Engine engine) {
        isTheSame(MachineTest.SPINNING, 4, engine);
    }

    private static final String END = "mov dx, 0x604\n mov ax, 0x2000\n out dx, ax\n jmp $\n";

    /** Memory is mapped when it is used for the first time: in the middle of what the processor does in one tick. */
    @ParameterizedTest
    @EnumSource
    void aStringOperationOverNewPagesTakesTheSameTime(Engine engine) {
        String code = "start: mov edi, 0x1FE000\n mov ecx, 9000\n rep stosd\n"
                + " mov esi, 0x3FE000\n mov edi, 0x30001\n mov ecx, 7000\n rep movsb\n";
        isTheSame(code + END, 1, engine);
    }

    @ParameterizedTest
    @EnumSource
    void aStringOperationOverDevicesTakesTheSameTime(Engine engine) {
        String code = "start: mov esi, 0xFED00000\n mov edi, 0x50000\n mov ecx, 5000\n rep movsb\n"
                + " mov esi, 0xFEC00000\n mov ecx, 3\n rep lodsd\n mov esi, 0x50000\n mov ecx, 40\n mov dx, 0xE9\n rep outsb\n";
        isTheSame(code + END, 1, engine);
    }

    /** VMX operation wants CR0.NE set. */
    @ParameterizedTest
    @EnumSource
    void aGuestWithoutNumericErrorReportingHasNoFloatingPointFault(Engine engine) {
        String divide = "start: mov esp, 0x90000\n fninit\n mov word [0x50000], 0x33B\n fldcw [0x50000]\n fld1\n fldz\n fdivp st1, st0\n";
        isTheSame(divide + "fwait\n fsin\n fnstsw ax\n mov [0x50004], eax\n" + END, 1, engine);
    }

    @ParameterizedTest
    @EnumSource
    void anInstructionAtTheEndOfTheAddressSpaceGoesOnAtItsBeginning(Engine engine) {
        // FFH, of which there is no memory, and E0H: JMP EAX
        String code = "start: mov byte [0], 0xE0\n mov eax, there\n mov ecx, 0xFFFFFFFF\n jmp ecx\n there: ";
        isTheSame(code + END, 1, engine);
    }

    @ParameterizedTest
    @EnumSource
    void codeCanBeFetchedFromADevice(Engine engine) {
        // RET, in the index register of the I/O APIC
        String code = "start: mov esp, 0x90000\n mov dword [0xFEC00000], 0xC3\n mov eax, 0xFEC00000\n call eax\n";
        isTheSame(code + END, 1, engine);
    }

    /** There the processor finds no code, and the hypervisor must not look for it for ever. */
    @ParameterizedTest
    @EnumSource
    void aGuestThatRunsIntoItsLocalApicFindsNoCode(Engine engine) {
        String[] registers = {"0xFEE00000", "0xFEE00FF8", "0xFEDFFFFF"};
        for (String at : registers) {
            String code = "start: mov esp, 0x90000\n mov dword [0x50130], handler & 0xFFFF | 0x100000\n mov dword [0x50134], 0x108E00\n"
                    + "lidt [idtr]\n mov eax, [0xFEE00020]\n mov eax, " + at + "\n jmp eax\n idtr: dw 0xFF\n dd 0x50100\n handler: ";
            isTheSame(code + END, 1, engine);
        }
    }

    private static final String INT1 = """
            start:  mov esp, 0x90000
                    mov dword [0x50108], handler & 0xFFFF | 0x100000
                    mov dword [0x5010C], 0x108E00
                    lidt [idtr]
                    int1
                    nop
                    mov dx, 0x604
                    mov ax, 0x2000
                    out dx, ax
                    jmp $
            handler: iretd
            idtr:   dw 0xFF
                    dd 0x50100
            """;

    @ParameterizedTest
    @EnumSource
    void aDeliveryEndsInTheTurnThatItsTickBelongsTo(Engine engine) {
        isTheSameBehindEachInstruction(INT1, 1, engine);
    }

    /** The fetch of IRET exits, because its page is new, which saves RF as set. */
    @ParameterizedTest
    @EnumSource
    void anExitBeforeAnInstructionLeavesNoResumeFlag(Engine engine) {
        String code = "start: mov esp, 0x90000\n mov word [0x200000], 0xCF66\n mov word [0x5000], 0xE2FF\n mov edx, there\n o16 pushf\n"
                + "o16 push cs\n push word 0x5000\n mov eax, 0x200000\n jmp eax\n there: ";
        isTheSameBehindEachInstruction(code + END, 1, engine);
    }

    @ParameterizedTest
    @EnumSource
    void aClosedA20GateShowsEvenMegabytesAtOddOnes(Engine engine) {
        String copied = "start: mov esi, low\n mov edi, 0x8000\n mov ecx, 128\n rep movsb\n mov eax, 0x8000\n jmp eax\n";
        String gate = "mov al, 0xD1\n out 0x64, al\n mov al, %s\n out 0x60, al\n";
        String code = copied + "low: mov dword [0x150000], 1\n mov dword [0x50000], 2\n" + gate.formatted("0xDD")
                + "mov ebx, [0x150000]\n inc dword [0x350000]\n inc dword [0x150000]\n" + gate.formatted("0xDF")
                + "mov ecx, [0x150000]\n mov edx, [0x50000]\n lea eax, [ebx + 4 * ecx]\n lea eax, [eax + 4 * edx]\n out 0xF4, eax\n jmp $";
        assertThat(run(code, 1, Place.METAL, engine).exit).isEqualTo(new MachineExit.GuestExit(2 * (2 + 4 + 12) + 1));
        assertThat(run(code, 1, Place.HYPERVISOR, engine)).isEqualTo(run(code, 1, Place.METAL, engine));
    }

    /** The frame goes where there is nothing, which the hypervisor cannot emulate. */
    @ParameterizedTest
    @EnumSource
    void anEventThatCannotBeDeliveredEndsTheMachine(Engine engine) {
        String code = "start: mov word [0x50030], 8\n mov word [0x50032], 0x10\n mov word [0x50034], 0x8E00\n"
                + "lidt [idtr]\n mov esp, 0xE0000000\n ud2\n idtr: dw 0x107\n dd 0x50000\n";
        assertThat(run(code, 1, Place.HYPERVISOR, engine).exit).isInstanceOf(MachineExit.Failure.class);
    }

    /** The hypervisor's processor must know the guest's MAXPHYADDR: there is no exit where a guest's page table has a reserved bit. */
    @ParameterizedTest
    @EnumSource
    void aNarrowPhysicalAddressReservesBitsOfPageTables(Place place) {
        String code = "start: mov dword [0x50000], 0x60001\n mov dword [0x60000], 0x83\n mov dword [0x60008], 0x83\n"
                + "mov dword [0x6000C], 1 << (%d - 32)\n mov eax, 0x50000\n mov cr3, eax\n mov eax, 0x20\n mov cr4, eax\n"
                + "mov eax, 0x80000011\n mov cr0, eax\n mov eax, [0x200000]\n" + END;
        for (int bits : new int[] {36, 38, 40}) {
            for (int bit : new int[] {bits - 1, bits}) {
                var configuration = MachineTest.builder(CpuModels.parse("max-intel,phys-bits=" + bits), code.formatted(bit));
                try (Machine m = new Machine(configuration.place(place).build())) {
                    Class<?> end = bit < bits ? MachineExit.PowerOff.class : MachineExit.Shutdown.class;
                    assertThat(m.run()).as("bit %d of %d", bit, bits).isInstanceOf(end);
                }
            }
        }
    }

    /** Ticks from RDTSC to the handler of an exception that this raises: RDTSC, two MOVs and the delivery take one each. */
    private static long ticksToHandler(String instruction, int vector, Place place) {
        String code = """
                start:  mov esp, 0x90000
                        mov dword [0x50100 + 8 * %1$d], handler & 0xFFFF | 0x100000
                        mov dword [0x50104 + 8 * %1$d], 0x108E00
                        lidt [idtr]
                        mov ecx, 0x12345678
                        rdtsc
                        mov ebp, eax
                        mov eax, -1
                        %2$s
                        jmp $
                handler: rdtsc
                        sub eax, ebp
                        mov [0x50000], eax
                        mov dx, 0x604
                        mov ax, 0x2000
                        out dx, ax
                        jmp $
                idtr:   dw 0xFF
                        dd 0x50100
                """.formatted(vector, instruction);
        try (Machine m = new Machine(MachineTest.builder(code).place(place).build())) {
            assertThat(m.run()).isEqualTo(new MachineExit.PowerOff());
            return m.memory().read(0x50000, 4);
        }
    }

    @ParameterizedTest
    @EnumSource
    void anInstructionThatFaultsTakesNoTimeOfItsOwn(Place place) {
        assertThat(ticksToHandler("ud2", 6, place)).isEqualTo(4);
        assertThat(ticksToHandler("wrmsr", 13, place)).as("there is no such register").isEqualTo(4);
        assertThat(ticksToHandler("bound eax, [0xFED000F0]", 5, place)).as("it has read a device").isEqualTo(4);
    }

    /** Ticks from behind one RDTSC to behind another, which are one instruction each, with this between them. */
    private static long ticks(String instruction, Place place) {
        String code = "start: mov esp, 0x90000\n mov esi, 0xFEE00020\n xor ecx, ecx\n mov eax, 1\n xor edx, edx\n"
                + "mov edi, 0x50800\n mov ebx, cr0\n %s\n rdtsc\n mov ebp, eax\n mov eax, 1\n xor edx, edx\n %s\n rdtsc\n sub eax, ebp\n"
                + "mov [0x50000], eax\n" + END;
        String prepared = instruction.contains("msr") ? "mov ecx, 0x174" : "mov ecx, 3";
        try (Machine m = new Machine(MachineTest.builder(code.formatted(prepared, instruction)).place(place).build())) {
            assertThat(m.run()).isEqualTo(new MachineExit.PowerOff());
            return m.memory().read(0x50000, 4) - 4;
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsOutsideOfTheCoreTakesTime(Place place) {
        assertThat(ticks("nop", place)).isEqualTo(1);
        assertThat(ticks("in al, 0x40", place)).isEqualTo(1 + Latency.DEVICE);
        assertThat(ticks("out 0x80, al", place)).isEqualTo(1 + Latency.DEVICE);
        assertThat(ticks("rep insb", place)).as("three elements, each with a tick").isEqualTo(3 * (1 + Latency.DEVICE));
        assertThat(ticks("mov eax, [0xFED000F0]", place)).isEqualTo(1 + Latency.DEVICE);
        assertThat(ticks("mov [0xE0000000], eax", place)).as("nobody's address").isEqualTo(1 + Latency.DEVICE);
        assertThat(ticks("inc dword [0xFED00108]", place)).as("a load and a store").isEqualTo(1 + 2 * Latency.DEVICE);
        assertThat(ticks("mov [0xF0000], eax", place)).as("memory").isEqualTo(1);
        assertThat(ticks("lodsd", place)).isEqualTo(1 + Latency.LOCAL_APIC);
        assertThat(ticks("mov [esi + 0x60], eax", place)).isEqualTo(1 + Latency.LOCAL_APIC);
        assertThat(ticks("cpuid", place)).isEqualTo(1 + Latency.CPUID);
        assertThat(ticks("wrmsr", place)).isEqualTo(1 + Latency.WRMSR);
        assertThat(ticks("rdmsr", place)).isEqualTo(1);
        assertThat(ticks("mov cr0, ebx", place)).isEqualTo(1 + Latency.CONTROL_REGISTER);
        assertThat(ticks("mov cr4, edx", place)).isEqualTo(1 + Latency.CONTROL_REGISTER);
        assertThat(ticks("mov cr3, edx", place)).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource
    void whatAStringInstructionMovesTakesTime(Place place) {
        assertThat(ticks("mov ecx, 15\n rep stosd", place)).as("60 bytes").isEqualTo(2);
        assertThat(ticks("mov ecx, 16\n rep stosd", place)).as("64 bytes").isEqualTo(3);
        assertThat(ticks("mov ecx, 5376\n rep stosd", place)).as("two batches, over pages not there yet").isEqualTo(1 + 2 + 5376 / 16);
        assertThat(ticks("mov ecx, 1000\n mov esi, 0xF0000\n rep movsb", place)).isEqualTo(3 + 1000 / 64);
        assertThat(ticks("mov ecx, 1000\n mov al, [edi]\n not al\n repne scasb", place)).isEqualTo(4 + 1000 / 64);
        assertThat(ticks("mov ecx, 40\n mov esi, 0xF0000\n mov edi, 0xE0000000\n rep movsd", place))
                .as("to nobody's address")
                .isEqualTo(4 + 40 * Latency.DEVICE + 40 / 16);
        assertThat(ticks("std\n mov ecx, 32\n mov edi, 0x40000F\n rep stosb\n cld", place))
                .as("half of them to nobody's address, then to memory")
                .isEqualTo(5 + 16 * Latency.DEVICE);
    }

    @ParameterizedTest
    @EnumSource
    void aTimerGoesOnWhileADeviceIsWaitedFor(Place place) {
        String code = "start: mov esp, 0x90000\n mov dword [0xFEE000F0], 0x1FF\n mov dword [0xFEE003E0], 0xB\n"
                + "mov dword [0xFEE00320], 0x40\n mov dword [0xFEE00380], 300\n in al, 0x80\n"
                + "mov eax, [0xFEE00390]\n mov [0x50000], eax\n mov eax, [0xFEE00220]\n mov [0x50004], eax\n"
                + "mov dword [0xFEE00320], 0x40\n mov dword [0xFEE00380], 5000\n in al, 0x80\n mov eax, [0xFEE00390]\n"
                + "mov [0x50008], eax\n" + END;
        try (Machine m = new Machine(MachineTest.builder(code).place(place).build())) {
            assertThat(m.run()).isEqualTo(new MachineExit.PowerOff());
            assertThat(m.memory().read(0x50000, 4)).as("counted down").isZero();
            assertThat(m.memory().read(0x50004, 4)).as("requested").isEqualTo(1);
            assertThat(m.memory().read(0x50008, 4))
                    .as("at half the rate")
                    .isBetween(5000L - Latency.DEVICE / 2 - Latency.LOCAL_APIC, 5000L - Latency.DEVICE / 2);
        }
    }

    private static final String PAUSING =
            """
            start:  mov esp, 0x90000
                    mov word [0x50100], handler & 0xFFFF
                    mov word [0x50102], 0x10
                    mov word [0x50104], 0x8E00
                    mov word [0x50106], handler >> 16
                    lidt [idtr]
                    mov al, 0xFF
                    out 0x21, al
                    mov dword [0xFEE000F0], 0x1FF
                    mov dword [0xFEE003E0], 0xB
                    mov dword [0xFEE00320], 0x20020
                    mov dword [0xFEE00380], 3000
                    mov ecx, 0xE1
                    mov eax, 20000
                    xor edx, edx
                    wrmsr
                    mov edi, 20
            again:  rdtsc
                    add eax, 5000
                    xor ecx, ecx
                    tpause ecx
                    rdtsc
                    mov esi, eax
                    mov eax, 0x50000
                    xor ecx, ecx
                    xor edx, edx
                    monitor
                    mov ebx, cr3
                    sti
                    mwait
                    cli
                    mov dword [0xFEE00300], 0x40020
                    rdtsc
                    add eax, 5000
                    tpause ecx
                    sti
                    mov ss, [selector]
                    cli
                    dec edi
                    jnz again
            """
            + "        mov dx, 0x604\n        mov ax, 0x2000\n        out dx, ax\n        jmp $\n"
            + """
            handler:
                    mov dword [0xFEE000B0], 0
                    iretd
            selector: dw 0x18
            idtr:   dw 0x107
                    dd 0x50000
            """;

    @ParameterizedTest
    @EnumSource
    void waitsEndAtTheSameTime(Engine engine) {
        isTheSame(PAUSING, 1, engine);
    }

    @ParameterizedTest
    @EnumSource
    void lookingAtAGuestDoesNotChangeIt(Engine engine) {
        isTheSameBehindEachInstruction(PAUSING, 1, engine);
    }

    @ParameterizedTest
    @EnumSource
    void aGuestOfTheHypervisorSeesNoVirtualizationExtensions(Engine engine) {
        String code = "start: mov eax, 1\n cpuid\n bt ecx, 5\n setc al\n movzx eax, al\n out 0xF4, eax\n jmp $";
        assertThat(run(code, 1, Place.HYPERVISOR, engine).exit).isEqualTo(new MachineExit.GuestExit(1));
    }

    private static MachineConfiguration slow(long room, Engine engine) {
        String code = "start: mov edx, 2\n again: mov edi, 0x200000\n next: mov [edi], edi\n add edi, 4096\n"
                + " cmp edi, 0x400000\n jb next\n dec edx\n jnz again\n";
        return MachineTest.builder(code + END).place(Place.HYPERVISOR).engine(engine).pageDelay(10_000).pageRoom(room).build();
    }

    /** The guest touches 512 pages, twice. Where its run is cut makes no difference. */
    @ParameterizedTest
    @EnumSource
    void pagesThatWereTakenAwayAreWaitedForAgain(Engine engine) {
        try (Machine roomy = new Machine(slow(4 << 20, engine));
                Machine narrow = new Machine(slow(1 << 20, engine));
                Machine cut = new Machine(slow(1 << 20, engine))) {
            assertThat(roomy.run()).isEqualTo(new MachineExit.PowerOff());
            assertThat(roomy.time()).isBetween(512 * 10_000L, 2 * 512 * 10_000L);
            Outcome whole = Outcome.of(narrow, narrow.run());
            assertThat(whole.time).isGreaterThan(2 * 512 * 10_000L);
            assertThat(whole.retired).isEqualTo(roomy.retired());
            MachineExit exit = new MachineExit.InstructionLimit();
            for (long n = 7; exit instanceof MachineExit.InstructionLimit; n += 7) {
                exit = cut.run(n);
            }
            assertThat(Outcome.of(cut, exit)).isEqualTo(whole);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSavedGuestGoesOnInAnotherMachine(Engine engine) {
        Outcome whole = run(MachineTest.BUSY, 1, Place.HYPERVISOR, engine);
        for (long limit : new long[] {1, 50, 333, 1000}) {
            MachineConfiguration c = configuration(MachineTest.BUSY, 1, Place.HYPERVISOR, engine);
            try (Machine first = new Machine(c); Machine second = new Machine(c)) {
                assertThat(first.run(limit)).isEqualTo(new MachineExit.InstructionLimit());
                StateOutput saved = new StateOutput();
                first.save(saved);
                byte[] memory = new byte[4 << 20];
                first.memory().read(0, memory, 0, memory.length);
                second.memory().write(0, memory, 0, memory.length);
                second.load(new StateInput(saved.toByteArray()));
                assertThat(Outcome.of(second, second.run())).isEqualTo(whole);
                assertThat(Outcome.of(first, first.run())).isEqualTo(whole);
            }
        }
    }
}
