package dev.javisor.bench;

import com.sun.management.ThreadMXBean;
import dev.javisor.hypervisor.Kvm;
import dev.javisor.hypervisor.Vcpu;
import dev.javisor.hypervisor.Vm;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModels;
import dev.javisor.machine.Place;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.Engine;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures what the hypervisor costs: VM exits, and the same guests on it and on the metal. All by processor time. */
@Command(
        name = "bench/exits",
        sortOptions = false,
        mixinStandardHelpOptions = true,
        description = "Measures what the hypervisor costs: VM exits per second, computing guests on it and on the metal, a boot of Linux.")
public final class Exits implements Callable<Integer> {
    private static final long CODE = 0x1000, TABLES = 0x2000, RAM = 1 << 20;
    /** Memory that is mapped page by page, because guest and host addresses are not aligned alike. */
    private static final long PAGES = 0x8000_1000L, PAGES_SIZE = 2 << 20;

    private static final int TICKS = 10_000, RUNS = 100;
    private static final int ENDLESS = 0x7FFFFFFF;
    private static final String ENGINE = "auto";

    private static final String AGAIN = "again: %s\n jmp again";

    /**
     * A guest that does one thing again and again.
     *
     * @param reason of its VM exits, as the manual calls it
     */
    private record Workload(String title, String reason, String code) {}

    private static final List<Workload> WORKLOADS = List.of(
            new Workload("CPUID", "CPUID", AGAIN.formatted("cpuid")),
            new Workload("VMCALL", "VMCALL", AGAIN.formatted("mov eax, 1000\n vmcall")),
            new Workload("RDMSR", "RDMSR", AGAIN.formatted("mov ecx, 0x3A\n rdmsr")),
            new Workload("port, device of the caller", "I/O instruction", AGAIN.formatted("mov edx, 0x1234\n out dx, al")),
            new Workload("port, 8259A of the hypervisor", "I/O instruction", AGAIN.formatted("in al, 0x21")),
            new Workload("MMIO load, device of the caller", "EPT violation", "mov ebx, 0xF0000000\n" + AGAIN.formatted("mov eax, [rbx]")),
            new Workload("MMIO store, device of the caller", "EPT violation", "mov ebx, 0xF0000000\n" + AGAIN.formatted("mov [rbx], eax")),
            new Workload("EPT violation, page gets mapped", "EPT violation", """
                    again: mov ebx, 0x80001000
                    page: mov [rbx], eax
                     add ebx, 4096
                     cmp ebx, 0x80201000
                     jb page
                     out 0x80, al
                     jmp again"""));

    @Option(names = "--warm-up", paramLabel = "SECONDS",
            description = "Processor time before what is measured (default: ${DEFAULT-VALUE}).", defaultValue = "3")
    private double warmUp;

    @Option(names = "--measure", paramLabel = "SECONDS", description = "Processor time that is measured (default: ${DEFAULT-VALUE}).",
            defaultValue = "2")
    private double measure;

    @Option(names = "--guests", split = ",", paramLabel = "NAME",
            description = "The computing guests, as bench/run calls them (default: ${DEFAULT-VALUE}).",
            defaultValue = "crc,sort,calls,flat")
    private List<String> guests;

    @Option(names = "--kernel", paramLabel = "FILE", description = "Linux kernel, to measure its boot as well.")
    private Path kernel;

    @Option(names = "--initrd", paramLabel = "FILE", description = "Its initial RAM disk.")
    private Path initrd;

    @Option(names = "--append", paramLabel = "TEXT",
            description = "Its command line (default: ${DEFAULT-VALUE}).", defaultValue = "console=ttyS0")
    private String append;

    @Option(names = "--prompt", paramLabel = "TEXT",
            description = "What it prints when it is up (default: '${DEFAULT-VALUE}').", defaultValue = "# ")
    private String prompt;

    @Option(names = "--launcher", paramLabel = "FILE", hidden = true, defaultValue = "./javisor")
    private String launcher;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    public static void main(String[] args) {
        System.exit(new CommandLine(new Exits()).execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        for (String name : guests) {
            if (Guest.named(name).isEmpty()) {
                throw new CommandLine.ParameterException(new CommandLine(this), "nothing is called " + name);
            }
        }
        Table exits = new Table();
        exits.row(List.of("VM exit and entry", "per second", "ns"));
        for (Workload w : WORKLOADS) {
            double cost = cost(w);
            exits.row(List.of(w.title, "%,.0f".formatted(1e9 / cost), "%,.0f".formatted(cost)));
        }
        exits.print(System.out);
        System.out.println();
        guests();
        if (kernel != null) {
            System.out.println();
            boot();
        }
        return 0;
    }

    // ---- the same on the metal and on the hypervisor ----

    private void guests() throws IOException, InterruptedException {
        Table table = new Table();
        table.row(List.of("million instructions per second", "metal", "hypervisor", "takes"));
        Path image = Files.createTempFile("exits", "");
        try {
            for (String name : guests) {
                Guest g = Guest.named(name).orElseThrow();
                Files.write(image, g.image(ENDLESS));
                double metal = SteadyRun.measure(image, ENGINE, Place.METAL, warmUp, measure).speed();
                double hypervisor = SteadyRun.measure(image, ENGINE, Place.HYPERVISOR, warmUp, measure).speed();
                table.row(row(g.title() + ": " + g.description, metal / 1e6, hypervisor / 1e6, "%.0f", metal / hypervisor));
            }
        } finally {
            Files.delete(image);
        }
        table.print(System.out);
    }

    private void boot() throws IOException, InterruptedException {
        LinuxBoot linux = new LinuxBoot(kernel, initrd, append, prompt);
        Emulator.Boot metal = DirectEmulator.javisor("metal", launcher, ENGINE, Place.METAL).boot(linux);
        Emulator.Boot hypervisor = DirectEmulator.javisor("hypervisor", launcher, ENGINE, Place.HYPERVISOR).boot(linux);
        Table table = new Table();
        table.row(List.of("Linux, up to the prompt", "metal", "hypervisor", "takes"));
        table.row(row("seconds", metal.seconds(), hypervisor.seconds(), "%.1f", hypervisor.seconds() / metal.seconds()));
        double ratio = hypervisor.processor() / metal.processor();
        table.row(row("seconds of processor time", metal.processor(), hypervisor.processor(), "%.1f", ratio));
        table.print(System.out);
    }

    private static List<String> row(String title, double metal, double hypervisor, String format, double ratio) {
        return List.of(title, format.formatted(metal), format.formatted(hypervisor), "%.2f times".formatted(ratio));
    }

    // ---- VM exits ----

    /** Nanoseconds for each exit. */
    private double cost(Workload w) {
        Timeline timeline = new Timeline();
        try (Arena arena = Arena.ofConfined();
                Kvm kvm = Kvm.open(CpuModels.parse(CpuModels.DEFAULT), timeline, Engine.standard())) {
            MemorySegment pages = arena.allocate(PAGES_SIZE, 4096);
            Vm vm = kvm.createVm();
            vm.createIrqchip();
            vm.setUserMemoryRegion(0, 0, 0, arena.allocate(RAM, 4096));
            vm.setUserMemoryRegion(1, 0, PAGES, pages);
            Vcpu vcpu = vm.createVcpu(0);
            start(vm, vcpu, w.code);
            runFor(vm, pages, vcpu, timeline, warmUp);
            long exits = vcpu.exits().get(w.reason);
            long time = runFor(vm, pages, vcpu, timeline, measure);
            return (double) time / (vcpu.exits().get(w.reason) - exits);
        }
    }

    /** 64-bit mode, 4 GiB mapped one to one. */
    private static void start(Vm vm, Vcpu vcpu, String code) {
        byte[] bytes = Asm.assemble(CodeSize.BITS64, CODE, code);
        vm.memory().write(CODE, bytes, 0, bytes.length);
        vm.memory().write(TABLES, 8, TABLES + 0x1000 | 7);
        for (int g = 0; g < 4; g++) {
            vm.memory().write(TABLES + 0x1000 + 8 * g, 8, (long) g << 30 | 0x87);
        }
        Sregs s = vcpu.getSregs();
        s.cr3 = TABLES;
        s.cr4 = 0x20;
        s.cr0 = 0x8000_0001L;
        s.efer = 0x500;
        for (Segment x : List.of(s.cs, s.ds, s.es, s.fs, s.gs, s.ss)) {
            x.base = 0;
            x.limit = -1;
            x.g = 1;
            x.db = 1;
        }
        s.cs.l = 1;
        s.cs.db = 0;
        vcpu.setSregs(s);
        Regs r = vcpu.getRegs();
        r.rip = CODE;
        r.rsp = CODE;
        vcpu.setRegs(r);
    }

    /** Runs for some processor time, and begins with unmapped pages when the guest asks for it. Returns how many nanoseconds it took. */
    private long runFor(Vm vm, MemorySegment pages, Vcpu vcpu, Timeline timeline, double seconds) {
        long start = threads.getCurrentThreadCpuTime();
        long time;
        do {
            for (int i = 0; i < RUNS; i++) {
                if (vcpu.run(timeline.now() + TICKS) instanceof VcpuExit.Io io && io.port() == 0x80) {
                    vm.setUserMemoryRegion(1, 0, PAGES, null);
                    vm.setUserMemoryRegion(1, 0, PAGES, pages);
                }
            }
            time = threads.getCurrentThreadCpuTime() - start;
        } while (time < seconds * 1e9);
        return time;
    }
}
