package dev.javisor.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.machine.boot.ImageFile;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.machine.console.Script;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MachineTest {
    private static final String HEADER =
            """
            header: dd 0x1BADB002, 0x10000, -(0x1BADB002 + 0x10000), header, header, 0, 0, start
            """;
    /** Prints the interrupt count of a periodic timer while it works, with interrupts through the 8259 pair. */
    static final String BUSY =
            """
            start:  mov esp, 0x90000
                    mov word [0x50100], handler & 0xFFFF
                    mov word [0x50102], 0x10
                    mov word [0x50104], 0x8E00
                    mov word [0x50106], handler >> 16
                    lidt [idtr]
                    mov al, 0x11
                    out 0x20, al
                    mov al, 0x20
                    out 0x21, al
                    mov al, 4
                    out 0x21, al
                    mov al, 1
                    out 0x21, al
                    mov al, 0xFE
                    out 0x21, al
                    mov al, 0x34
                    out 0x43, al
                    mov al, 200
                    out 0x40, al
                    mov al, 0
                    out 0x40, al
                    sti
            work:   add eax, [0x60000 + ebx*4]
                    rol eax, 7
                    mov [0x60000 + ebx*4], eax
                    inc ebx
                    and ebx, 0xFF
                    cmp ecx, 20
                    jb work
                    cli
                    mov dx, 0x604
                    mov ax, 0x2000
                    out dx, ax
                    hlt
            handler: push eax
                    inc ecx
                    mov al, 0x20
                    out 0x20, al
                    pop eax
                    iret
            idtr:   dw 0x1FF
                    dd 0x50000
            """;

    /** Three processors draw lots under a lock. */
    static final String SPINNING =
            """
            start:  mov esi, ap
                    mov edi, 0x8000
                    mov ecx, 64
                    rep movsb
                    mov dword [0xFEE000F0], 0x1FF
                    mov dword [0xFEE00300], 0xC4500
                    mov dword [0xFEE00300], 0xC4608
            .wait:  pause
                    cmp word [0x9000], 20000
                    jb .wait
                    mov dx, 0x604
                    mov ax, 0x2000
                    out dx, ax
                    hlt
            bits 16
            ap:     xor ax, ax
                    mov ds, ax
            again:  mov al, 1
                    xchg al, [0x9002]
                    test al, al
                    jz .own
                    pause
                    jmp again
            .own:   inc word [0x9000]
                    mov byte [0x9002], 0
                    jmp again
            """;

    static MachineConfiguration.Builder builder(String code) {
        return builder(CpuModels.parse("max-intel"), code);
    }

    static MachineConfiguration.Builder builder(CpuModel model, String code) {
        byte[] image = Asm.assemble(CodeSize.BITS32, 0x100000, HEADER, code);
        return MachineConfiguration.builder(model)
                .kernel(new ImageFile("guest", image))
                .memory(4 << 20);
    }

    private static MachineExit run(String code) {
        try (Machine m = new Machine(builder(code).build())) {
            return m.run();
        }
    }

    @Test
    void theGuestSwitchesTheMachineOff() {
        assertThat(run("start: mov dx, 0x604\n mov ax, 0x2000\n out dx, ax\n jmp $")).isEqualTo(new MachineExit.PowerOff());
    }

    @Test
    void theGuestChoosesItsStatus() {
        assertThat(run("start: mov eax, 5\n out 0xF4, eax\n jmp $")).isEqualTo(new MachineExit.GuestExit(11));
    }

    @Test
    void aTripleFaultShutsTheProcessorDown() {
        assertThat(run("start: lidt [none]\n int3\n none: dw 0\n dd 0")).isInstanceOf(MachineExit.Shutdown.class);
    }

    @Test
    void aMachineWhoseProcessorsWaitForNothingHasHalted() {
        assertThat(run("start: cli\n hlt")).isEqualTo(new MachineExit.Halted());
    }

    @Test
    void aMachineThatWaitsForAnInterruptThatIsMaskedHasHalted() {
        String code =
                """
                start:  mov al, 0xFF
                        out 0x21, al
                        out 0xA1, al
                        mov al, 0x34
                        out 0x43, al
                        out 0x40, al
                        out 0x40, al
                        sti
                        hlt
                """;
        assertThat(run(code)).isEqualTo(new MachineExit.Halted());
    }

    @Test
    void faultsThatOnlyLeadToFaultsAreTheEnd() {
        String code =
                """
                start:  mov esp, 0x80000000
                        mov word [0x50030], 0x1000
                        mov word [0x50032], 0x10
                        mov word [0x50034], 0x8E00
                        mov word [0x50036], 0xF000
                        lidt [idtr]
                        ud2
                idtr:   dw 0x1FF
                        dd 0x50000
                """;
        assertThat(run(code)).as("the handler of #UD is where nothing is").isEqualTo(new MachineExit.Halted());
    }

    @Test
    void aResetStartsTheKernelAfresh() {
        String code =
                """
                start:  inc dword [count]
                        inc dword [0x300000]
                        cmp dword [0x300000], 3
                        je done
                        mov al, 6
                        mov dx, 0xCF9
                        out dx, al
                        jmp $
                done:   mov eax, [count]
                        out 0xF4, eax
                count:  dd 0
                """;
        assertThat(run(code)).as("the image is loaded again, other memory stays").isEqualTo(new MachineExit.GuestExit(3));
        try (Machine m = new Machine(builder(code).stopAtReset(true).build())) {
            assertThat(m.run()).isEqualTo(new MachineExit.Reset());
        }
    }

    /** Lets all other processors begin with the 16-bit code at {@code ap}. */
    private static final String START_OTHERS =
            """
            start:  mov esi, ap
                    mov edi, 0x8000
                    mov ecx, 16
                    rep movsb
                    mov dword [0xFEE000F0], 0x1FF
                    mov dword [0xFEE00300], 0xC4500
                    mov dword [0xFEE00300], 0xC4608
            """;

    @Test
    void aJumpToTheResetVectorIsAReset() {
        String code = START_OTHERS
                + """
                        jmp $
                bits 16
                ap:     jmp 0xFFFF:0
                """;
        try (Machine m = new Machine(builder(code).processors(2).stopAtReset(true).build())) {
            assertThat(m.run(1_000_000)).isEqualTo(new MachineExit.Reset());
        }
    }

    /** Linux warns of a difference. */
    @ParameterizedTest
    @ValueSource(strings = {"max-intel", "max-amd"})
    void theMultiprocessorTableSaysTheVersionOfTheLocalApics(String model) {
        String code = "start: mov eax, [0xFEE00030]\n mov [0x50000], eax\n mov dx, 0x604\n mov ax, 0x2000\n out dx, ax\n jmp $";
        try (Machine m = new Machine(builder(CpuModels.parse(model), code).build())) {
            assertThat(m.run()).isEqualTo(new MachineExit.PowerOff());
            long table = 0xF0000;
            while (m.memory().read(table, 4) != 0x504D4350) {
                table += 16;
            }
            long processor = table + 44;
            assertThat(m.memory().read(processor, 1)).as("entry type").isZero();
            assertThat(m.memory().read(processor + 2, 1)).isEqualTo(m.memory().read(0x50000, 1));
        }
    }

    @Test
    void theInstructionLimitIsExact() {
        for (long limit : new long[] {1, 2, 999, 123_457}) {
            try (Machine m = new Machine(builder("start: inc eax\n nop\n jmp start").build())) {
                assertThat(m.run(limit)).isEqualTo(new MachineExit.InstructionLimit());
                assertThat(m.retired()).isEqualTo(limit);
            }
        }
    }

    @Test
    void equalMachinesEndInEqualStates() {
        assertThat(stateHash(Long.MAX_VALUE)).isEqualTo(stateHash(Long.MAX_VALUE));
    }

    /** However often the run is interrupted. */
    @ParameterizedTest
    @ValueSource(longs = {997, 10_000, 54_321})
    void runningInPartsEndsInTheSameState(long part) {
        assertThat(stateHash(part)).isEqualTo(stateHash(Long.MAX_VALUE));
    }

    @ParameterizedTest
    @ValueSource(longs = {997, 54_321})
    void severalProcessorsInPartsEndInTheSameState(long part) {
        assertThat(stateHash(SPINNING, 3, part)).isEqualTo(stateHash(SPINNING, 3, Long.MAX_VALUE));
    }

    private static String stateHash(long part) {
        return stateHash(BUSY, 1, part);
    }

    private static String stateHash(String code, int processors, long part) {
        try (Machine m = new Machine(builder(code).processors(processors).build())) {
            MachineExit exit = m.run(part);
            while (exit instanceof MachineExit.InstructionLimit) {
                exit = m.run(m.retired() + part);
            }
            assertThat(exit).isEqualTo(new MachineExit.PowerOff());
            return m.stateHash();
        }
    }

    @Test
    void aLoadedMachineGoesOnLikeTheSavedOne() {
        MachineConfiguration c = builder(BUSY).build();
        try (Machine saved = new Machine(c);
                Machine loaded = new Machine(c)) {
            saved.run(100_000);
            StateOutput out = new StateOutput();
            saved.save(out);
            byte[] memory = new byte[4 << 20];
            saved.memory().read(0, memory, 0, memory.length);
            loaded.memory().write(0, memory, 0, memory.length);
            loaded.load(new StateInput(out.toByteArray()));
            assertThat(loaded.stateHash()).isEqualTo(saved.stateHash());
            assertThat(loaded.run()).isEqualTo(saved.run());
            assertThat(loaded.stateHash()).isEqualTo(saved.stateHash());
        }
    }

    @Test
    void anotherSeedIsAnotherMachine() {
        String code =
                """
                start:  rdrand eax
                        mov [0x300000], eax
                        mov eax, 0
                        out 0xF4, eax
                """;
        long[] value = new long[3];
        for (int i = 0; i < 3; i++) {
            try (Machine m = new Machine(builder(code).seed(i == 2 ? 2 : 1).build())) {
                m.run();
                value[i] = m.memory().read(0x300000, 4);
            }
        }
        assertThat(value[0]).isEqualTo(value[1]).isNotEqualTo(value[2]);
    }

    @Test
    void theConsoleEchoesWhatIsTypedWhenItIsAsked() {
        String code =
                """
                start:  mov dx, 0x3F8
                        mov al, '?'
                        out dx, al
                wait:   mov dx, 0x3FD
                        in al, dx
                        test al, 1
                        jz wait
                        mov dx, 0x3F8
                        in al, dx
                        out dx, al
                        cmp al, '!'
                        jne wait
                        mov eax, 0
                        out 0xF4, eax
                """;
        StringBuilder screen = new StringBuilder();
        Script script = new Script().sendAfter("?".getBytes(StandardCharsets.US_ASCII), "hi!".getBytes(StandardCharsets.US_ASCII));
        long[] retired = new long[2];
        for (int i = 0; i < 2; i++) {
            Script s = i == 0 ? script : new Script().sendAfter(new byte[] {'?'}, "hi!".getBytes(StandardCharsets.US_ASCII));
            try (Machine m = new Machine(builder(code).serial(s.and(c -> screen.append((char) c))).build())) {
                s.start(m.input(0)::add);
                assertThat(m.run()).isEqualTo(new MachineExit.GuestExit(1));
                retired[i] = m.retired();
            }
        }
        assertThat(screen).hasToString("?hi!?hi!");
        assertThat(retired[0]).as("typed at a time of the guest").isEqualTo(retired[1]);
    }

    @Test
    void outputIsHandedOnWhileTheGuestComputes() {
        String code =
                """
                start:  mov dx, 0x3F8
                        mov al, '?'
                        out dx, al
                        jmp $
                """;
        Machine[] machine = new Machine[1];
        ByteSink sink = new ByteSink() {
            private int collected;

            @Override
            public void write(int value) {
                collected++;
            }

            @Override
            public void flush() {
                if (collected > 0) {
                    machine[0].interrupt();
                }
            }
        };
        try (Machine m = new Machine(builder(code).serial(sink).build())) {
            machine[0] = m;
            assertThat(m.run(100_000_000)).isEqualTo(new MachineExit.Interrupted());
        }
    }

    @Test
    void anotherThreadInterrupts() throws InterruptedException {
        try (Machine m = new Machine(builder("start: jmp start").build())) {
            Thread t = Thread.ofPlatform().start(m::interrupt);
            assertThat(m.run()).isEqualTo(new MachineExit.Interrupted());
            t.join();
        }
    }

    @Test
    void severalProcessorsTakeTurns() {
        String code = START_OTHERS
                + """
                wait:   pause
                        cmp word [0x9000], 3
                        jne wait
                        mov eax, 0
                        out 0xF4, eax
                bits 16
                ap:     xor ax, ax
                        mov ds, ax
                        lock inc word [0x9000]
                        cli
                        hlt
                """;
        try (Machine m = new Machine(builder(code).processors(4).build())) {
            assertThat(m.run()).isEqualTo(new MachineExit.GuestExit(1));
        }
    }
}
