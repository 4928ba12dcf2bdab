package dev.javisor.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TraceTest {
    /** Ends with a triple fault: its gates are none. */
    private static final String GUEST = """
            header: dd 0x1BADB002, 0x10000, -(0x1BADB002 + 0x10000), header, header, 0, 0, start
            start: mov ecx, 100
            again: loop again
            xor eax, eax
            cpuid
            lidt [table]
            ud2
            table: dw 0x7FF
            dd 0x300000
            """;

    @TempDir
    private Path folder;

    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private Path kernel;

    @BeforeEach
    void assemble() throws IOException {
        kernel = Files.write(folder.resolve("guest"), Asm.assemble(CodeSize.BITS32, 0x100000, GUEST));
    }

    private int javisor(String command, String... more) {
        err.reset();
        String[] args = {command, "--kernel", kernel.toString(), "--memory", "4M", "--serial", "null"};
        String[] all = Arrays.copyOf(args, args.length + more.length);
        System.arraycopy(more, 0, all, args.length, more.length);
        return Main.execute(all, new PrintStream(new ByteArrayOutputStream()), new PrintStream(err, true));
    }

    private List<String> lines() {
        return err.toString(StandardCharsets.UTF_8).lines().map(l -> l.replaceAll(" +", " ")).toList();
    }

    @Test
    void eventsThatAreMergedAreTold() {
        assertThat(javisor("trace", "--on", "metal", "--events", "merge")).isEqualTo(ExitStatus.SHUTDOWN);
        assertThat(lines().getFirst()).contains("104 cpu0 L0 replaced #GP(0x33) during the delivery of #UD: takes its place");
        assertThat(lines().get(1)).contains("merged #GP(0x6b) during the delivery of #GP(0x33): makes #DF(0)");
        assertThat(lines().get(2)).contains("triple #GP(0x43) during the delivery of #DF(0): triple fault");
    }

    @ParameterizedTest
    @ValueSource(strings = {"metal", "hypervisor"})
    void aTraceChangesNothing(String place) {
        javisor("run", "--on", place, "--state-hash");
        String without = err.toString(StandardCharsets.UTF_8);
        javisor("trace", "--on", place, "--state-hash", "--text", folder.resolve("trace").toString());
        assertThat(err.toString(StandardCharsets.UTF_8)).isEqualTo(without).contains("state-hash");
    }

    @Test
    void exitsAndEntriesComeInTurnsWithTheCountOfInstructions() {
        javisor("trace", "--on", "hypervisor", "--events", "exit,entry");
        List<String> lines = lines().stream().filter(l -> l.contains(" L1 ")).toList();
        for (int i = 0; i < lines.size(); i++) {
            assertThat(lines.get(i)).contains(i % 2 == 0 ? " entry " : " exit ");
        }
        assertThat(lines).anyMatch(l -> l.contains("102 cpu0 L1 exit CPUID")).anyMatch(l -> l.contains("103 cpu0 L1 entry"));
        assertThat(lines.getLast()).contains("104 cpu0 L1 exit triple fault");
    }

    @Test
    void perfettoGetsASliceForEachTurn() throws IOException {
        Path file = folder.resolve("trace.json");
        javisor("trace", "--on", "hypervisor", "--perfetto", file.toString());
        List<String> lines = Files.readAllLines(file);
        assertThat(lines.getFirst()).isEqualTo("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
        assertThat(lines.getLast()).isEqualTo("]}");
        List<String> begins = lines.stream().filter(l -> l.contains("\"ph\":\"B\"")).toList();
        List<String> ends = lines.stream().filter(l -> l.contains("\"ph\":\"E\"")).toList();
        assertThat(begins).hasSameSizeAs(ends);
        assertThat(begins).anyMatch(l -> l.contains("\"name\":\"CPUID\"") && l.contains("\"instructions\":102"));
    }

    /** A data breakpoint whose trap is delivered on a stack that was never used. */
    private static final String BREAKPOINT = """
            header: dd 0x1BADB002, 0x10000, -(0x1BADB002 + 0x10000), header, header, 0, 0, start
            start: mov esp, 0x110000
            mov word [idt+8], handler & 0xFFFF
            mov word [idt+10], cs
            mov dword [idt+12], (handler & 0xFFFF0000) + 0x8E00
            lidt [idtr]
            mov eax, watched
            mov dr0, eax
            mov eax, 0xD0402
            mov dr7, eax
            mov esp, 0x700000
            mov [watched], eax
            mov eax, [counter]
            out 0xF4, eax
            handler: inc dword [counter]
            iretd
            align 4
            watched: dd 0
            counter: dd 0
            idtr: dw 0x7FF
            dd idt
            align 8
            idt: times 256 dq 0
            """;

    private int diff(String policy) throws IOException {
        Files.write(kernel, Asm.assemble(CodeSize.BITS32, 0x100000, BREAKPOINT));
        err.reset();
        PrintStream out = new PrintStream(err, true);
        String[] args = {"diff", "--kernel", kernel.toString(), "--memory", "8M", "--requeue-hardware-exceptions", policy};
        return Main.execute(args, out, out);
    }

    @Test
    void aTripleFaultTakesTheSameTimeInBothPlaces() {
        assertThat(javisor("diff")).isZero();
    }

    @Test
    void whatTheGuestReadsOfTimeIsTheSameInBothPlaces() throws IOException {
        String code = "header: dd 0x1BADB002, 0x10000, -(0x1BADB002 + 0x10000), header, header, 0, 0, start\n"
                + "start: cpuid\nin al, 0x40\nmov ecx, 5\nrdtsc\nmov [0x200000], eax\nmov [0xFEE00080], eax\nmov eax, 3\nout 0xF4, eax";
        Files.write(kernel, Asm.assemble(CodeSize.BITS32, 0x100000, code));
        err.reset();
        PrintStream out = new PrintStream(err, true);
        assertThat(Main.execute(new String[] {"diff", "--kernel", kernel.toString(), "--memory", "8M"}, out, out)).isZero();
        String told = err.toString(StandardCharsets.UTF_8);
        assertThat(told).startsWith("no difference: 0 lines, 8 instructions, 0 events").contains("status 7");
    }

    @Test
    void aDifferenceIsShownWithTheEventsAroundIt() throws IOException {
        assertThat(diff("always")).isZero();
        assertThat(diff("never")).isEqualTo(1);
        assertThat(err.toString(StandardCharsets.UTF_8).replaceAll(" +", " "))
                .contains("metal: ended: status 3", "hypervisor: ended: status 1")
                .containsPattern("(?s)events on the metal.*delivered #DB B0.*events on the hypervisor.*drop #DB: the policy is never");
    }

    @Test
    void exitsAreCountedByReason() {
        assertThat(javisor("stat", "--on", "hypervisor")).isEqualTo(ExitStatus.SHUTDOWN);
        assertThat(lines()).anyMatch(l -> l.matches("CPUID 1 [0-9.]+% 0 1.0 .*")).anyMatch(l -> l.startsWith("triple fault 1 "));
        javisor("stat", "--on", "metal");
        assertThat(lines()).contains("no VM exits");
    }

    @Test
    void classesThatDoNotExistAreRefused() {
        assertThat(javisor("trace", "--events", "entry,nothing")).isEqualTo(ExitStatus.USER_ERROR);
        assertThat(lines()).singleElement().asString().startsWith("javisor: --events nothing: ");
        assertThat(javisor("trace", "--text", kernel.toString())).isEqualTo(ExitStatus.USER_ERROR);
    }

    @Test
    void policiesThatDoNotExistAreRefused() {
        assertThat(javisor("run", "--requeue-hardware-exceptions", "sometimes")).isEqualTo(ExitStatus.USER_ERROR);
    }
}
