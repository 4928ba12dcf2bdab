package dev.javisor.bench;

import dev.javisor.machine.Place;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures Javisor beside QEMU's TCG and Bochs: the same guests, interleaved. */
@Command(
        name = "bench/run",
        sortOptions = false,
        mixinStandardHelpOptions = true,
        description = "Measures how fast guests run in Javisor's interpreter, in its compiler and, as far as they are installed,"
                + " in QEMU (TCG) and Bochs.")
public final class Bench implements Callable<Integer> {
    /** Rounds that no measurement ever sees the end of. */
    private static final int ENDLESS = 0x7FFFFFFF;

    private static final int STARTS = 5;
    private static final int EXIT_ROUNDS = 100;

    @Option(names = "--guests", split = ",", paramLabel = "NAME",
            description = "What to run, separated by commas: ${COMPLETION-CANDIDATES} (default: everything that is given).",
            completionCandidates = Names.class)
    private List<String> names = new Names().all;

    @Option(names = "--repetitions", paramLabel = "N",
            description = "Repetitions of everything (default: ${DEFAULT-VALUE}).", defaultValue = "3")
    private int repetitions;

    @Option(names = "--warm-up", paramLabel = "SECONDS",
            description = "Warm-up before steady speed is measured (default: ${DEFAULT-VALUE}).",
            defaultValue = "6")
    private double warmUp;

    @Option(names = "--measure", paramLabel = "SECONDS", description = "For how long steady speed is measured (default: ${DEFAULT-VALUE}).",
            defaultValue = "2")
    private double measure;

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

    @Option(names = "--kvm-unit-tests", paramLabel = "FOLDER",
            description = "A tree of kvm-unit-tests, built for x86_64, to run its sieve.")
    private Path kernelTests;

    @Option(names = "--qemu", paramLabel = "FILE", description = "QEMU (default: ${DEFAULT-VALUE}).", defaultValue = "qemu-system-x86_64")
    private String qemu;

    @Option(names = "--bochs", paramLabel = "FILE", description = "Bochs (default: ${DEFAULT-VALUE}).", defaultValue = "bochs")
    private String bochs;

    @Option(names = "--bochs-share", paramLabel = "FOLDER", description = "Where Bochs's BIOS images are (default: ${DEFAULT-VALUE}).",
            defaultValue = "/usr/share/bochs")
    private String bochsShare;

    @Option(names = "--samples", paramLabel = "FILE", description = "Adds all measurements to a file; the tables show everything in it.")
    private Path samples;

    @Option(names = "--launcher", paramLabel = "FILE", hidden = true, defaultValue = "./javisor")
    private String launcher;

    /** Javisor's engines, by what they are called in tables. */
    private static final Map<String, String> ENGINES = new LinkedHashMap<>();

    static {
        ENGINES.put("interpreter", "interpreter");
        ENGINES.put("compiler", "auto");
    }

    private final List<Emulator> javisor = new ArrayList<>();
    private final List<Emulator> peers = new ArrayList<>();
    private Measurements measurements;
    private Path folder;
    private boolean agreed = true;

    /** Everything that can be run. */
    private static final class Names implements Iterable<String> {
        private final List<String> all =
                Stream.of(Guest.titles(), List.of(Report.VMX, Report.START, Report.LINUX, Report.KVM_SIEVE)).flatMap(List::stream).toList();

        @Override
        public Iterator<String> iterator() {
            return all.iterator();
        }
    }

    public static void main(String[] args) {
        System.exit(new CommandLine(new Bench()).execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        for (String name : names) {
            if (!new Names().all.contains(name)) {
                throw new CommandLine.ParameterException(new CommandLine(this), "nothing is called " + name);
            }
        }
        measurements = new Measurements(samples);
        folder = Files.createTempDirectory("bench");
        try {
            ENGINES.forEach((title, engine) -> javisor.add(DirectEmulator.javisor(title, launcher, engine, Place.METAL)));
            int processors = Runtime.getRuntime().availableProcessors();
            System.out.printf("%s, Java %s, %d processors, load %.1f%n", processor(), Runtime.version(), processors, load());
            findPeers();
            // Builds what is missing.
            javisor.getFirst().run(image("first", Guest.first()));
            for (int i = 0; i < repetitions; i++) {
                for (String name : names) {
                    System.err.printf("repetition %d of %d: %s%n", i + 1, repetitions, name);
                    measure(name);
                }
            }
            System.out.printf("Load at the end: %.1f%n", load());
            new Report(System.out, measurements, titles(javisor), titles(peers)).print();
            return agreed ? 0 : 1;
        } finally {
            try (Stream<Path> files = Files.list(folder)) {
                for (Path f : files.toList()) {
                    Files.delete(f);
                }
            }
            Files.delete(folder);
        }
    }

    private void findPeers() throws IOException, InterruptedException {
        if (HostProcess.isInstalled(qemu)) {
            peers.add(DirectEmulator.qemu("TCG", qemu));
            peers.add(DirectEmulator.qemu("TCG -icount", qemu, "-icount", "shift=0"));
            System.out.println("TCG: " + firstLine(qemu, "--version"));
        } else {
            System.out.println("TCG: " + qemu + " is not installed");
        }
        if (HostProcess.isInstalled(bochs)) {
            Bochs found = new Bochs(bochs, bochsShare, folder, image("first", Guest.first()));
            peers.add(found);
            System.out.println("Bochs: " + found.version());
        } else {
            System.out.println("Bochs: " + bochs + " is not installed");
        }
    }

    private static String firstLine(String... command) throws IOException {
        Process p = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        return new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().findFirst().orElse("");
    }

    /** What the host runs on. */
    private static String processor() throws IOException {
        Path file = Path.of("/proc/cpuinfo");
        return Files.exists(file)
                ? Files.readAllLines(file).stream()
                        .filter(l -> l.startsWith("model name"))
                        .map(l -> l.substring(l.indexOf(':') + 2))
                        .findFirst()
                        .orElse("unknown processor")
                : System.getProperty("os.arch");
    }

    private static List<String> titles(List<Emulator> emulators) {
        return emulators.stream().map(Emulator::title).toList();
    }

    private static double load() {
        return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    }

    private List<Emulator> all() {
        return Stream.of(javisor, peers).flatMap(List::stream).toList();
    }

    private Path image(String name, byte[] bytes) throws IOException {
        return Files.write(folder.resolve(name), bytes);
    }

    /** One repetition of one thing. */
    private void measure(String name) throws IOException, InterruptedException {
        switch (name) {
            case Report.VMX -> vmx();
            case Report.START -> startUp();
            case Report.LINUX -> {
                if (kernel != null) {
                    boot();
                }
            }
            case Report.KVM_SIEVE -> {
                if (kernelTests != null) {
                    kernelTest(kernelTests.resolve("x86/sieve.flat"));
                }
            }
            default -> guest(Guest.named(name).orElseThrow());
        }
    }

    private void guest(Guest g) throws IOException, InterruptedException {
        Path one = image(g.title() + "-1", g.image(1));
        Path all = image(g.title(), g.image(g.rounds));
        Path endless = image(g.title() + "-endless", g.image(ENDLESS));
        double difference = 0;
        List<String> outputs = new ArrayList<>();
        for (Emulator e : all()) {
            Emulator.Run small = e.run(one);
            Emulator.Run run = e.run(all);
            outputs.add(small.output() + " " + run.output());
            measurements.add(g.title(), e.title(), Report.WALL, run.seconds());
            if (javisor.contains(e)) {
                difference = run.instructions() - small.instructions();
                measurements.add(g.title(), e.title(), Report.INSTRUCTIONS, run.instructions());
                steady(g.title(), e.title(), endless);
            } else if (run.processor() > small.processor()) {
                measurements.add(g.title(), e.title(), Report.STEADY, difference / (run.processor() - small.processor()));
            }
        }
        if (outputs.stream().anyMatch(o -> o.length() != 33 || !o.equals(outputs.getFirst()))) {
            agreed = false;
            System.out.printf("%s: the checksums differ: %s%n", g.title(), outputs);
        }
    }

    /** Speed after warm-up, in a JVM of its own with this one's flags. */
    private void steady(String workload, String title, Path image) throws IOException, InterruptedException {
        SteadyRun.Figures figures = SteadyRun.measure(image, ENGINES.get(title), Place.METAL, warmUp, measure);
        measurements.add(workload, title, Report.STEADY, figures.speed());
        measurements.add(workload, title, Report.MEMORY, figures.memory());
    }

    /** What VMX costs, in Javisor alone: VM exits, and integer code in a guest with EPT beside the same without VMX. */
    private void vmx() throws IOException, InterruptedException {
        Path one = image("exits-1", Guest.exits(1));
        Path all = image("exits", Guest.exits(EXIT_ROUNDS));
        Path endless = image("exits-endless", Guest.exits(ENDLESS));
        for (Emulator e : javisor) {
            double difference = e.run(all).instructions() - e.run(one).instructions();
            measurements.add(Report.VMX, e.title(), Report.INSTRUCTIONS, difference / ((EXIT_ROUNDS - 1) * Guest.EXITS));
            steady(Report.VMX, e.title(), endless);
            for (Guest g : Report.INTEGER) {
                steady(g.title(), e.title(), image(g.title() + "-endless", g.image(ENDLESS)));
                steady(Report.inGuest(g), e.title(), image(g.title() + "-ept", g.virtualImage(ENDLESS)));
            }
        }
    }

    private void startUp() throws IOException, InterruptedException {
        Path first = image("first", Guest.first());
        for (int i = 0; i < STARTS; i++) {
            for (Emulator e : all()) {
                measurements.add(Report.START, e.title(), Report.WALL, e.start(first));
            }
        }
    }

    private void boot() throws IOException, InterruptedException {
        LinuxBoot linux = new LinuxBoot(kernel, initrd, append, prompt);
        for (Emulator e : all()) {
            System.err.println("  " + e.title());
            Emulator.Boot boot = e.boot(linux);
            measurements.add(Report.LINUX, e.title(), Report.WALL, boot.seconds());
            measurements.add(Report.LINUX, e.title(), Report.MEMORY, boot.memory());
        }
    }

    /** Bochs does not load ELF images. */
    private void kernelTest(Path test) throws IOException, InterruptedException {
        for (Emulator e : all()) {
            if (e instanceof DirectEmulator) {
                measurements.add(Report.KVM_SIEVE, e.title(), Report.WALL, e.run(test).seconds());
            }
        }
    }
}
