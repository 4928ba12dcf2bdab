package dev.javisor.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.VmxCapabilities;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLineTest {
    @TempDir
    private Path folder;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private Path screen;

    @BeforeEach
    void setUp() {
        screen = folder.resolve("screen");
    }

    private int javisor(String... args) {
        return Main.execute(args, new PrintStream(out, true), new PrintStream(err, true));
    }

    private int qemu(String... args) {
        return QemuMain.execute(args, new PrintStream(out, true), new PrintStream(err, true));
    }

    private String guest(String code) throws IOException {
        String header = "header: dd 0x1BADB002, 0x10000, -(0x1BADB002 + 0x10000), header, header, 0, 0, start";
        return Files.write(folder.resolve("guest"), Asm.assemble(CodeSize.BITS32, 0x100000, header, code)).toString();
    }

    private String file(String name, int size) throws IOException {
        return Files.write(folder.resolve(name), new byte[size]).toString();
    }

    private int run(String code, String... more) throws IOException {
        String[] args = {"run", "--kernel", guest(code), "--memory", "4M", "--serial", "file:" + screen};
        String[] all = Arrays.copyOf(args, args.length + more.length);
        System.arraycopy(more, 0, all, args.length, more.length);
        return javisor(all);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "start: mov dx, 0x604;mov ax, 0x2000;out dx, ax;jmp $ | 0",
                "start: mov eax, 0;out 0xF4, eax                      | 1",
                "start: mov eax, 38;out 0xF4, eax                     | 77",
                "start: lidt [none];int3;none: dw 0;dd 0              | 4",
                "start: cli;hlt                                       | 8",
            })
    void theGuestsEndDecidesTheStatus(String code, int status) throws IOException {
        assertThat(run(code.replace(';', '\n'))).isEqualTo(status);
    }

    @Test
    void limitAndResetHaveTheirStatuses() throws IOException {
        assertThat(run("start: jmp start", "--limit-instructions", "1000")).isEqualTo(10);
        assertThat(run("start: mov al, 6\n mov dx, 0xCF9\n out dx, al\n jmp $", "--no-reboot")).isEqualTo(6);
    }

    @Test
    void theSerialPortGoesToTheFile() throws IOException {
        run("start: mov dx, 0x3F8\n mov al, 'x'\n out dx, al\n mov eax, 0\n out 0xF4, eax");
        assertThat(screen).hasContent("x");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "run",
                "run --kernel /no/such/kernel",
                "run --kernel KERNEL --initrd /no/such/initrd",
                "run --kernel KERNEL --firmware KERNEL",
                "run --kernel KERNEL --firmware DISK --entry 64",
                "run --firmware KERNEL --append quiet",
                "run --kernel KERNEL --firmware-vars DISK",
                "run --firmware DISK --firmware-vars /no/such/file",
                "run --firmware DISK --firmware-vars ODD",
                "run --firmware DISK --firmware-vars DISK,ro",
                "run --firmware DISK --firmware-vars DISK --drive DISK",
                "run --firmware DISK --firmware-vars DISK --engine lockstep",
                "run --kernel KERNEL --cpu no-such-model",
                "run --kernel KERNEL --cpu max-intel,+no-such-feature",
                "run --kernel KERNEL --memory much",
                "run --kernel KERNEL --memory 0",
                "run --kernel KERNEL --memory 1K",
                "run --kernel KERNEL --smp 0",
                "run --kernel KERNEL --smp 65",
                "run --kernel KERNEL --smp many",
                "run --kernel KERNEL --machine sparc",
                "run --kernel KERNEL --on cloud",
                "run --kernel KERNEL --serial tape",
                "run --kernel KERNEL --serial file:/no/such/folder/file",
                "run --kernel KERNEL --serial file:FOLDER",
                "run --kernel KERNEL --serial file:KERNEL",
                "run --kernel KERNEL --serial null --drive /no/such/disk",
                "run --kernel KERNEL --serial null --drive FOLDER",
                "run --kernel KERNEL --serial null --drive EMPTY",
                "run --kernel KERNEL --serial null --drive ODD",
                "run --kernel KERNEL --serial null --drive DISK --drive DISK",
                "run --kernel KERNEL --serial file:DISK --drive DISK",
                "run --kernel KERNEL --initrd DISK --memory 2M",
                "run --kernel KERNEL --memory 1.5G",
                "run --kernel KERNEL --memory 99999G",
                "run --kernel KERNEL --limit-instructions -1",
                "run --kernel KERNEL --page-room 64M",
                "run --kernel KERNEL --page-delay 5 --page-room much",
                "run --kernel KERNEL --page-delay 5 --page-room 4K",
                "run --kernel EMPTY",
                "run --kernel ODD",
                "run --kernel KERNEL --serial null --send-after a \\q",
                "run --kernel KERNEL --test-device mouse",
                "run --kernel KERNEL --no-such-option",
                "run --firmware KERNEL",
                "run --kernel .",
                "cpu",
                "cpu show no-such-model",
                "run --kernel KERNEL --explain-vmcs 4096",
                "run --kernel KERNEL --explain-vmcs @0x1001",
                "explain",
                "explain vmcs",
                "explain vmcs /no/such/file",
                "explain vmcs FOLDER",
                "explain vmcs ODD",
                "explain vmcs DISK",
                "explain vmcs DISK@0x1001",
                "explain vmcs DISK@4M",
                "explain vmcs DISK@0x400000",
                "explain vmcs DISK --cpu qemu64",
                "explain list no-such-rule",
                "disasm",
                "disasm 0g",
                "disasm --bits 8 90",
                "disasm --file /no/such/file",
                "disasm --offset 9223372036854775807 --length 9223372036854775807 90",
                "no-such-command",
            })
    void mistakesGetOneLineAndStatusTwo(String line) throws IOException {
        String kernel = guest("start: jmp start");
        line = line.replace("KERNEL", kernel)
                .replace("FOLDER", folder.toString())
                .replace("EMPTY", file("empty", 0))
                .replace("ODD", file("odd", 1000))
                .replace("DISK", file("disk", 4 << 20));
        assertThat(javisor(line.split(" "))).isEqualTo(2);
        assertThat(err.toString(StandardCharsets.UTF_8).lines()).hasSize(1).allMatch(l -> l.startsWith("javisor: "));
        assertThat(out.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void aDiskImageStaysAsItIsWhenARunIsRefused() throws IOException {
        String disk = file("disk", 1024);
        assertThat(run("start: jmp start", "--drive", disk, "--debugcon", "file:" + disk)).isEqualTo(2);
        assertThat(Path.of(disk)).hasSize(1024);
    }

    /** Clears the first byte of the flash memory that lies below a firmware of 64 KiB, in protected mode. */
    private static final String PROGRAMS_FLASH =
            """
            bits 16
            start:  o32 lgdt [cs:gdtr]
                    mov eax, cr0
                    or al, 1
                    mov cr0, eax
                    jmp dword 8:(0xFFFF0000 + flat)
            gdtr:   dw 23
                    dd 0xFFFF0000 + gdt
            gdt:    dq 0, 0xCF9B000000FFFF, 0xCF93000000FFFF
            bits 32
            flat:   mov ax, 16
                    mov ds, ax
                    mov ebx, 0xFFFEF000
                    mov byte [ebx], 0x40
                    mov byte [ebx], 0
                    mov dx, 0xF4
                    mov al, 5
                    out dx, al
                    hlt
            bits 16
                    org 0xFFF0
                    jmp 0xF000:start
                    org 0x10000
            """;

    @ParameterizedTest
    @ValueSource(strings = {"metal", "hypervisor"})
    void firmwareVariablesStayWhereTheyAreAskedTo(String place) throws IOException {
        Path rom = Files.write(folder.resolve("rom"), Asm.assemble(CodeSize.BITS16, 0, PROGRAMS_FLASH));
        Path vars = Path.of(file("vars", 4096));
        Files.write(vars, new byte[] {7, 8}, StandardOpenOption.WRITE);
        String[] run = {"run", "--on", place, "--serial", "null", "--firmware", rom.toString(), "--firmware-vars", vars + ",snapshot"};
        assertThat(javisor(run)).isEqualTo(11);
        assertThat(Files.readAllBytes(vars)).startsWith(7, 8).hasSize(4096);
        run[run.length - 1] = vars.toString();
        assertThat(javisor(run)).isEqualTo(11);
        assertThat(Files.readAllBytes(vars)).startsWith(0, 8).hasSize(4096);
    }

    @Test
    void uefiFirmwareWithoutItsVariablesIsRemarkedOn() throws IOException {
        byte[] volume = Arrays.copyOf(Asm.assemble(CodeSize.BITS16, 0, PROGRAMS_FLASH), 3 << 16);
        ByteBuffer.wrap(volume).order(ByteOrder.LITTLE_ENDIAN).putInt(40, 0x4856465F);
        String rom = Files.write(folder.resolve("rom"), volume).toString();
        javisor("run", "--serial", "null", "--firmware", rom, "--limit-instructions", "1");
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("--firmware-vars");
        err.reset();
        javisor("run", "--serial", "null", "--firmware", rom, "--firmware-vars", file("vars", 4096), "--limit-instructions", "1");
        assertThat(err.toString(StandardCharsets.UTF_8)).doesNotContain("--firmware-vars");
    }

    @Test
    void qemusFlashMemoriesAreFirmwareAndVariables() throws IOException {
        Path rom = Files.write(folder.resolve("rom"), Asm.assemble(CodeSize.BITS16, 0, PROGRAMS_FLASH));
        Path vars = Path.of(file("vars", 4096));
        Files.write(vars, new byte[] {7, 8}, StandardOpenOption.WRITE);
        String code = "if=pflash,format=raw,unit=0,readonly=on,file=" + rom;
        String second = "if=pflash,format=raw,unit=1,file=" + vars;
        assertThat(qemu("-drive", code, "-drive", second, "-serial", "null", "-device", "isa-debug-exit"))
                .isEqualTo(11);
        assertThat(Files.readAllBytes(vars)).startsWith(0, 8);
        assertThat(qemu("-drive", code, "-drive", second, "-drive", second)).isEqualTo(2);
    }

    @Test
    void onlyReadersShareADrive() throws IOException {
        String disk = file("disk", 1024);
        String[] twoReaders = {"--drive", disk + ",ro", "--drive", disk + ",ro", "--limit-instructions", "10"};
        assertThat(run("start: jmp start", twoReaders)).isEqualTo(10);
        assertThat(run("start: jmp start", "--drive", disk + ",ro", "--drive", disk)).isEqualTo(2);
    }

    @Test
    void theDemoEndsByItselfAndRepeatsItself() {
        assertThat(javisor("demo")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("SYSCALL", "one second of HLT", "the same state to the bit");
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void outputThatCannotBeWrittenIsReported() {
        OutputStream full = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("no space left");
            }
        };
        assertThat(Main.execute(new String[] {"cpu", "list"}, full, new PrintStream(err, true))).isEqualTo(2);
        assertThat(err.toString(StandardCharsets.UTF_8)).isEqualToNormalizingNewlines("javisor: standard output: cannot be written\n");
    }

    @Test
    void aReaderThatHasEnoughEndsTheCommandSilently() {
        OutputStream closed = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("Broken pipe");
            }
        };
        assertThat(Main.execute(new String[] {"cpu", "list"}, closed, new PrintStream(err, true))).isEqualTo(141);
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"--help", "run --help", "demo --help", "cpu --help", "cpu list --help", "cpu show --help", "disasm --help"})
    void helpIsEverywhere(String line) {
        assertThat(javisor(line.split(" "))).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).startsWith("Usage: javisor");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--version", "run --version", "cpu list --version"})
    void versionIsEverywhere(String line) {
        assertThat(javisor(line.split(" "))).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).startsWith("javisor ");
    }

    @Test
    void everyExitStatusIsDocumented() {
        javisor("run", "--help");
        String help = out.toString(StandardCharsets.UTF_8);
        int[] documented = {
            ExitStatus.OK, ExitStatus.USER_ERROR, ExitStatus.SHUTDOWN, ExitStatus.RESET, ExitStatus.HALTED, ExitStatus.INSTRUCTION_LIMIT,
            ExitStatus.FAILURE, ExitStatus.INTERNAL_ERROR, ExitStatus.INTERRUPTED
        };
        for (int status : documented) {
            assertThat(status % 2).as("odd ones belong to the guest").isZero();
            assertThat(help.substring(help.indexOf("Exit status"))).containsPattern("\\b" + status + "\\s");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"--cpu=max-intel,kvm=on", "--page-delay=5"})
    void whatOnlyTheHypervisorHasTheMetalRefuses(String option) throws IOException {
        assertThat(run("start: mov eax, 0\nout 0xF4, eax", "--on", "metal", option)).isEqualTo(2);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("--on hypervisor").hasLineCount(1);
        assertThat(run("start: mov eax, 0\nout 0xF4, eax", "--on", "hypervisor", option)).isEqualTo(1);
    }

    /** Leaves 1 for the hypervisor, which has taken VMX away from the default model, and 3 for the metal. */
    private static final String HAS_VMX = "start: mov eax, 1\ncpuid\nshr ecx, 5\nand ecx, 1\nmov eax, ecx\nout 0xF4, eax";

    @ParameterizedTest
    @CsvSource({
        "--stat, 1", "--on=hypervisor, 1", "--on=metal, 3", "'--cpu=max-intel,+vmx', 3", "'--cpu=max-intel,vmx=on', 3",
        "'--cpu=max-intel,+vmx,-vmx', 1", "--explain, 3", "--explain-vmcs=current, 3", "--no-explain, 1", "'--cpu=max-intel,kvm=on', 1"
    })
    void aGuestRunsOnTheHypervisorUnlessItShallHaveVmx(String option, int status) throws IOException {
        assertThat(run(HAS_VMX, option)).isEqualTo(status);
        boolean chosen = status == 3 && !option.startsWith("--on");
        assertThat(err.toString(StandardCharsets.UTF_8).contains(": the guest runs on the metal, as")).isEqualTo(chosen);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--on=hypervisor", "--page-delay=5"})
    void vmxIsRefusedWhereThereIsNone(String option) throws IOException {
        assertThat(run(HAS_VMX, "--cpu", "max-intel,+vmx", option)).isEqualTo(2);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("--on metal has it").hasLineCount(1);
    }

    /** An exception of the instruction behind the prefix names that instruction. */
    @ParameterizedTest
    @CsvSource({"--on=metal", "--on=hypervisor", "'--cpu=max-intel,+vmx'"})
    void thePrefixForForcedEmulationIsWithoutEffect(String place) throws IOException {
        String prefix = "db 0x0F, 0x0B, 'kvm'\n";
        String guest = "start: mov esp, 0x90000\n mov dword [0x50030], handler & 0xFFFF | 0x100000\n mov dword [0x50034], 0x108E00\n"
                + "lidt [idtr]\n mov ebx, 5\n xor ecx, ecx\n" + prefix + "inc ebx\n" + prefix + "fault: ud2\n"
                + "handler: pop eax\n cmp eax, fault\n sete cl\n lea eax, [ebx + 8 * ecx]\n out 0xF4, eax\n idtr: dw 0x37\n dd 0x50000\n";
        assertThat(run(guest, place, "--force-emulation-prefix")).isEqualTo(2 * (6 + 8) + 1);
        assertThat(run(guest, place)).as("the prefix itself is undefined").isEqualTo(2 * 5 + 1);
        assertThat(run(guest.replace("'kvm'", "'kvn'"), place, "--force-emulation-prefix")).as("no prefix").isEqualTo(2 * 5 + 1);
    }

    @Test
    void aSnapshotLeavesTheImageAsItIs() throws IOException {
        String disk = file("disk", 1024);
        String[] twice = {"--drive", disk + ",snapshot", "--drive", disk + ",ro", "--limit-instructions", "10"};
        assertThat(run("start: jmp start", twice)).isEqualTo(10);
    }

    // ---- VMX in words ----

    /** Enters with a VMCS in which all fields are 0, from 32-bit paging. */
    private static final String VMLAUNCH =
            """
            start: mov dword [0x200000], 0x83
            mov eax, 0x200000
            mov cr3, eax
            mov eax, 0x2010
            mov cr4, eax
            mov eax, 0x80000031
            mov cr0, eax
            mov ecx, 0x480
            rdmsr
            mov [0x201000], eax
            mov [0x202000], eax
            vmxon [operation]
            vmclear [control]
            vmptrld [control]
            vmlaunch
            vmlaunch
            mov eax, 0
            out 0xF4, eax
            operation: dd 0x201000, 0
            control: dd 0x202000, 0
            """;

    @Test
    void aFailedEntryIsExplained() throws IOException {
        assertThat(run(VMLAUNCH, "--explain")).isEqualTo(1);
        assertThat(err.toString(StandardCharsets.UTF_8))
                .contains("VMLAUNCH at RIP 0x", "current VMCS 0x202000", "VMfailValid, error 7", "pin-controls", "host-cr0", "guest-rflags")
                .contains("pin-based VM-execution controls (4000H) = 0x0", "to pass: set bits 4, 2:1 of the pin-based");
    }

    @Test
    void failedEntriesAreNotExplainedToThoseWhoDoNotAsk() throws IOException {
        assertThat(run(VMLAUNCH, "--on", "metal", "--no-explain")).isEqualTo(1);
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void aVmcsIsPutIntoWordsAtTheEndOfTheRun() throws IOException {
        assertThat(run(VMLAUNCH, "--no-explain", "--explain-vmcs", "current", "--explain-vmcs", "@0x200000")).isEqualTo(1);
        assertThat(err.toString(StandardCharsets.UTF_8))
                .contains("VMCS @0x202000, current on processor 0, revision " + VmxCapabilities.REVISION + ", clear")
                .containsPattern("4400H VM-instruction error +0x7  VM entry with invalid control field")
                .contains("VMLAUNCH would fail, VMfailValid with error 7:")
                .contains("@0x200000: no VMCS of Javisor's");
    }

    @Test
    void onTheHypervisorThereIsNothingToExplain() throws IOException {
        String guest = "start: mov eax, 0\nout 0xF4, eax";
        assertThat(run(guest, "--on", "hypervisor", "--explain", "--explain-vmcs", "current")).isEqualTo(1);
        assertThat(err.toString(StandardCharsets.UTF_8)).isEqualToIgnoringNewLines(
                "javisor: nothing to explain: the hypervisor does not offer VMX to its guests yet");
        err.reset();
        assertThat(run(guest, "--on", "hypervisor")).isEqualTo(1);
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void aVmcsIsPutIntoWordsFromAFile() throws IOException {
        byte[] image = new byte[0x4000];
        ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).putInt(0x2000, VmxCapabilities.REVISION);
        String memory = Files.write(folder.resolve("memory"), image).toString();
        String region = Files.write(folder.resolve("region"), Arrays.copyOfRange(image, 0x2000, 0x3000)).toString();
        assertThat(javisor("explain", "vmcs", memory + "@0x2000")).isZero();
        assertThat(javisor("explain", "vmcs", region)).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains(memory + "@0x2000, revision ", region + ", revision ", "pin-controls");
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void theChecksOfVmEntriesAreListed() {
        assertThat(javisor("explain", "list", "host-cr")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8))
                .contains("\"Checks on Host Control Registers, MSRs, and SSP\"", "host-cr0", "host CR4 (6C04H)")
                .doesNotContain("guest-cr0");
    }

    // ---- the QEMU command line ----

    @Test
    void qemuIsRecognised() {
        assertThat(qemu("-h")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).matches("(?s)QEMU emulator version \\d+\\.\\d+\\.\\d+ .*");
    }

    @Test
    void qemuDevicesAreListed() {
        assertThat(qemu("-device", "?")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("\"pc-testdev\"", "pci-testdev");
    }

    @Test
    void qemuRunsAGuest() throws IOException {
        String kernel = guest("start: mov eax, 0\n out 0xF4, eax");
        String line = "--no-reboot -nodefaults -global kvm-pit.lost_tick_policy=discard -device pc-testdev -device "
                + "isa-debug-exit,iobase=0xf4,iosize=0x4 -display none -serial file:" + screen
                + " -device pci-testdev -machine accel=tcg -smp 2 -cpu max,vendor=GenuineIntel -m 64 -kernel " + kernel;
        assertThat(qemu(line.split(" "))).isEqualTo(1);
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void qemuEndsAllRightWhenAGuestWithoutRebootResets() throws IOException {
        String triple = guest("start: lidt [none]\n int3\n none: dw 0\n dd 0");
        assertThat(qemu("-kernel", triple, "-no-reboot", "-serial", "null")).isZero();
    }

    @Test
    void qemuSaysThatAKernelCannotBeOpened() {
        assertThat(qemu("-kernel", "_NO_FILE_4Uhere_")).isEqualTo(2);
        assertThat(err.toString(StandardCharsets.UTF_8).lines())
                .hasSize(1)
                .allMatch(l -> l.contains("could not open kernel") && l.contains("_NO_FILE_4Uhere_"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-cpu no-such-model", "-cpu max,hv_passthrough", "-device hyperv-testdev", "-machine vmport=on", "-machine isapc",
                "-no-such-option", "-smp", "-smp x", "-m x"
            })
    void qemuRefusesWhatItDoesNotHaveBeforeItLooksForTheKernel(String line) {
        String[] args = (line + " -kernel _NO_FILE_4Uhere_").split(" ");
        assertThat(qemu(line.equals("-smp") ? new String[] {"-smp"} : args)).isEqualTo(2);
        assertThat(err.toString(StandardCharsets.UTF_8).lines()).hasSize(1).noneMatch(l -> l.contains("could not open kernel"));
    }
}
