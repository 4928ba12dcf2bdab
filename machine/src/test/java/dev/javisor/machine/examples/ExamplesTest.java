package dev.javisor.machine.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The examples of docs/embedding.md run, and the page shows them as they are. */
class ExamplesTest {
    private static final int MAGIC = 0x1BADB002, FLAGS = 0x10000, LOAD = 0x100000;

    /** A multiboot kernel that prints with the timer's interrupts: one letter for each. */
    private static byte[] kernel() {
        String program = String.join(
                "\n", "mov esp, 0x90000", "mov eax, tick", "mov [0x70100], ax", "mov word [0x70102], 16", "mov word [0x70104], 0x8E00",
                "shr eax, 16", "mov [0x70106], ax", "mov word [0x70200], 0x7FF", "mov dword [0x70202], 0x70000", "lidt [0x70200]",
                "mov al, 0x11", "out 0x20, al", "mov al, 0x20", "out 0x21, al",
                "mov al, 4", "out 0x21, al", "mov al, 1", "out 0x21, al", "mov al, 0xFE", "out 0x21, al", "mov dword [0xFEE000F0], 0x1FF",
                "mov dword [0xFEE00350], 0x700", "mov esi, text", "mov al, 0x34", "out 0x43, al", "mov al, 0", "out 0x40, al", "mov al, 4",
                "out 0x40, al", "sti", "wait: hlt", "cmp byte [esi], 0", "jne wait", "mov al, 0x30", "out 0x43, al", "cli", "hlt",
                "tick: push edx", "mov dx, 0x3F8",
                "lodsb", "test al, al", "je done", "out dx, al", "done: mov al, 0x20", "out 0x20, al", "pop edx", "iretd",
                "text: db 'Hello from a guest', 10, 0");
        byte[] code = Asm.assemble(CodeSize.BITS32, LOAD + 64, program);
        ByteBuffer b = ByteBuffer.allocate(64 + code.length).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(0, MAGIC).putInt(4, FLAGS).putInt(8, -(MAGIC + FLAGS));
        b.putInt(12, LOAD).putInt(16, LOAD).putInt(20, 0).putInt(24, LOAD + 0x2000).putInt(28, LOAD + 64);
        return b.position(64).put(code).array();
    }

    @Test
    void aKernelBootsWithTimerAndConsole() {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        VcpuExit end = BootKernel.run(kernel(), "", new PrintStream(console, true, StandardCharsets.US_ASCII));
        assertThat(console.toString(StandardCharsets.US_ASCII)).isEqualTo("Hello from a guest\n");
        assertThat(end).as("interrupts are off for ever").isEqualTo(new VcpuExit.Intr());
    }

    @Test
    void aPortIsAnswered() {
        assertThat(InterceptPort.run()).containsExactly(41);
    }

    @Test
    void everyInstructionIsAStep() {
        assertThat(SingleStep.run()).containsExactly(0x1003L, 0x1004L, 0x1003L, 0x1004L, 0x1006L);
    }

    @Test
    void aGuestGoesOnInAnotherVm() {
        for (long when : new long[] {0, 1, 100, 200}) {
            assertThat(SaveAndRestore.run(when)).isEqualTo(5050);
        }
    }

    @Test
    void theReasonsOfEndsAreTold() {
        List<String> reasons = WhyItEnded.run();
        assertThat(reasons.get(0)).isEqualTo("waits for an interrupt");
        assertThat(reasons.get(1)).startsWith("triple fault, instruction at ");
        assertThat(reasons.get(2)).contains("no processor can be in this state").contains("TR");
    }

    private static Path root() {
        Path p = Path.of("").toAbsolutePath();
        while (!Files.exists(p.resolve("docs/embedding.md"))) {
            p = p.getParent();
        }
        return p;
    }

    private static List<String> stripped(Stream<String> lines) {
        return lines.map(String::strip).filter(l -> !l.isEmpty()).toList();
    }

    @Test
    void thePageShowsWhatIsCompiled() throws IOException {
        Path root = root();
        List<List<String>> sources = new ArrayList<>();
        try (Stream<Path> files = Files.list(root.resolve("machine/src/test/java/dev/javisor/machine/examples"))) {
            for (Path f : files.sorted().toList()) {
                sources.add(stripped(Files.readAllLines(f).stream()));
            }
        }
        String[] parts = Files.readString(root.resolve("docs/embedding.md")).split("```");
        int blocks = 0;
        for (int i = 1; i < parts.length; i += 2) {
            if (parts[i].startsWith("java\n")) {
                List<String> block = stripped(parts[i].lines().skip(1));
                assertThat(sources).anySatisfy(source -> assertThat(source).containsSequence(block));
                blocks++;
            }
        }
        assertThat(blocks).isGreaterThanOrEqualTo(5);
    }
}
