package dev.javisor.cli;

import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.Feature;
import dev.javisor.machine.Chipset;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineConfiguration.TestDevice;
import dev.javisor.machine.Place;
import dev.javisor.machine.boot.BootContext.EntryChoice;
import dev.javisor.machine.boot.BootModule;
import dev.javisor.machine.boot.FirmwareImage;
import dev.javisor.machine.boot.ImageFile;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.machine.console.Script;
import dev.javisor.machine.virtio.Drive;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.Engine;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code javisor run}. */
@Command(
        name = "run",
        sortOptions = false,
        description = "Starts a PC with a kernel or a firmware image.",
        footer = {
            "",
            "On a terminal every key goes to the guest, but Ctrl-A: Ctrl-A x ends the machine.",
            "",
            "Exit status: 0 the guest switched the machine off; odd: the guest's own, through the",
            "debug-exit port 0xf4; 2 wrong usage or unusable file; 4 triple fault; 6 reset, with",
            "--no-reboot; 8 the guest has stopped for good; 10 instruction limit; 12 the hypervisor",
            "cannot go on; 70 error in Javisor; 129, 130 or 143 ended by the signal HUP, INT (Ctrl-C, Ctrl-A x) or TERM; 141 nobody reads",
            "standard output any more."
        })
class RunCommand implements Callable<Integer> {
    private static final int DEFAULT_MEMORY = 512;
    /** How users ask for VMX, whether the model has it or not. */
    private static final Pattern VMX = Pattern.compile("\\+?vmx(=.*)?");
    /** An engine, for the command line. */
    static final String LOCKSTEP = "lockstep";

    @ParentCommand
    Main javisor;

    @Option(names = "--cpu", paramLabel = "MODEL[,+f,-f]",
            description = "CPU model, with features added and taken away (default: ${DEFAULT-VALUE}).",
            defaultValue = CpuModels.DEFAULT)
    private String cpu;

    @Option(names = "--smp", paramLabel = "N", description = "Number of processors, 1 to 64 (default: ${DEFAULT-VALUE}).",
            defaultValue = "1")
    private int processors;

    @Option(names = {"--memory", "-m"}, paramLabel = "SIZE",
            description = "RAM, for example 512M or 4G (default: " + DEFAULT_MEMORY + "M).")
    private String memory;

    @Option(names = "--machine", paramLabel = "pc|q35", description = "Chip set (default: ${DEFAULT-VALUE}).", defaultValue = "pc")
    private String machine;

    @Option(names = "--on", paramLabel = "metal|hypervisor",
            description = "What the guest runs on: the processors themselves, or the hypervisor (default: the hypervisor; the metal when"
                    + " VMX is asked for, by --cpu ...,+vmx, --explain or --explain-vmcs, as guests of the hypervisor have none).")
    private String on;

    @Option(names = "--requeue-hardware-exceptions", paramLabel = "always|never|faults-only",
            description = "What the hypervisor does about an exception whose delivery a VM exit has interrupted: deliver it again"
                    + " (default, and right), or expect that it comes again by itself. Also: all-but-faults, nothing.",
            defaultValue = "always")
    private String requeue;

    @Option(names = "--kernel", paramLabel = "FILE", description = "Kernel: Linux bzImage, multiboot, PVH or other ELF.")
    private String kernel;

    @Option(names = "--initrd", paramLabel = "FILE", description = "Initial RAM disk, or multiboot module.")
    private String initrd;

    @Option(names = "--module", paramLabel = "'FILE[ TEXT]'",
            description = "Multiboot module, with its arguments. May be repeated; an --initrd comes first.")
    private List<String> modules = new ArrayList<>();

    @Option(names = "--append", paramLabel = "TEXT", description = "Kernel command line.", defaultValue = "")
    private String append;

    @Option(names = "--entry", paramLabel = "32|64", description = "Entry point of a Linux kernel (default: 64 if there is one).")
    private String entry;

    @Option(names = "--firmware", paramLabel = "FILE", description = "Firmware image, such as SeaBIOS; with --kernel, it starts that.")
    private String firmware;

    @Option(names = "--firmware-vars", paramLabel = "FILE[,snapshot]",
            description = "Variables of UEFI firmware, in flash memory; snapshot: what the guest changes is lost at the end.")
    private String variables;

    private boolean remarked;

    @Option(names = "--drive", paramLabel = "FILE[,ro|,snapshot]",
            description = "Raw disk image, as virtio block device; ro: the guest cannot write; snapshot: what it writes is lost at the end."
                    + " May be repeated.")
    private List<String> drives = new ArrayList<>();

    @Option(names = "--serial", paramLabel = "stdio|file:F|null",
            description = "Serial port, COM1 first (default: stdio). May be repeated.")
    private List<String> serial = new ArrayList<>();

    @Option(names = "--debugcon", paramLabel = "stdio|file:F", description = "Debug console at port 0xe9.", defaultValue = "null")
    private String debugConsole;

    @Option(names = "--virtio-console", paramLabel = "stdio|file:F", description = "Adds a virtio console (hvc0).")
    private String virtioConsole;

    @Option(names = "--send-after", paramLabel = "PATTERN TEXT", hideParamSyntax = true, arity = "2",
            description = "Types TEXT on the console when PATTERN has appeared on it. May be repeated, one after the other. \\n is Enter.")
    private List<String> sendAfter = new ArrayList<>();

    @Option(names = "--no-reboot", description = "A reset ends the run.")
    private boolean noReboot;

    @Option(
            names = "--test-device",
            paramLabel = "NAME",
            description = "Adds pc-testdev, pci-testdev, edu or kvm-hypercalls. May be repeated.")
    private List<String> testDevices = new ArrayList<>();

    @Option(names = "--seed", paramLabel = "N", description = "Seed of everything random in the machine (default: ${DEFAULT-VALUE}).",
            defaultValue = "1")
    private long seed;

    @Option(names = "--engine", paramLabel = "interpreter|compiler|auto|lockstep",
            description = "What runs guest code (default: auto). The guest cannot tell. lockstep: a compiling and an interpreting machine"
                    + " side by side, up to the first difference; without keyboard and drives.")
    private String engine;

    @Option(names = "--limit-instructions", paramLabel = "N", description = "Ends the run when N instructions have retired.")
    private Long limit;

    @Option(names = "--state-hash", description = "At the end, prints the SHA-256 of the machine's whole state.")
    private boolean stateHash;

    @Option(names = "--screen", description = "At the end, prints the text on the guest's screen.")
    private boolean screen;

    @Option(names = "--explain", negatable = true,
            description = "Says why VM entries of a guest on the metal fail (default: if standard error is a terminal).")
    private Boolean explain;

    @Option(names = "--explain-vmcs", paramLabel = "@ADDRESS|current",
            description = "At the end, prints the VMCS at ADDRESS in words, or the current ones. May be repeated.")
    private List<String> explainVmcs = new ArrayList<>();

    @Option(names = "--stat", description = "At the end, prints instructions, time and speed.")
    private boolean statistics;

    @Option(names = "--force-emulation-prefix",
            description = "On the hypervisor, carries out instructions behind 0f 0b 6b 76 6d (UD2, \"kvm\") in the emulator;"
                    + " on the metal, this prefix is without effect.")
    boolean forcedEmulation;

    @Option(names = "--apic-virtualization", negatable = true,
            description = "On the hypervisor, the processor delivers the interrupts of local APICs without VM exits (default), or the"
                    + " hypervisor injects them. The guest cannot tell.")
    private Boolean apicVirtualization;

    @Option(names = "--page-delay", paramLabel = "NS",
            description = "On the hypervisor, guest nanoseconds after which a page of memory is there when the guest wants it for the first"
                    + " time (default: all memory is there).")
    private long pageDelay;

    @Option(names = "--page-room", paramLabel = "SIZE",
            description = "With --page-delay: whenever more than SIZE of memory is there, all of it is taken away, to be waited for again.")
    private String pageRoom;

    @Override
    public Integer call() {
        return prepare().run();
    }

    /** The run that the options describe. */
    final Session prepare() {
        for (String which : explainVmcs) {
            if (!which.equals("current") && (!which.startsWith("@") || (ExplainCommand.address(which.substring(1)) & 0xFFF) != 0)) {
                throw new UserException("--explain-vmcs " + which + ": @ADDRESS of a page, or current");
            }
        }
        Place place = place();
        Session session = connect(configuration(model()).place(place))
                .explain(explain == null ? place == Place.METAL && HostConsole.isErrorTerminal() : explain);
        if (LOCKSTEP.equals(engine)) {
            if (!drives.isEmpty() || variables != null) {
                throw new UserException("--engine lockstep: takes no drives and no variables");
            }
            Script script = script();
            MachineConfiguration reference = alone(configuration(model()).place(place), ByteSink.NONE.and(script))
                    .engine(Engine.INTERPRETER)
                    .build();
            session.input(-1).lockstep(reference, script);
        }
        return session;
    }

    /** Where the user wants the guest to run; without a wish, on the hypervisor, unless the guest shall have what that has not. */
    private Place place() {
        String vmx = wishForVmx();
        if (on == null) {
            if (vmx == null || isForHypervisorOnly()) {
                return Place.HYPERVISOR;
            }
            warn(vmx + ": the guest runs on the metal, as guests of the hypervisor have no VMX yet");
            return Place.METAL;
        }
        Place place = Place.named(on).orElseThrow(() -> new UserException("--on " + on + ": a guest runs on metal or hypervisor"));
        if (place == Place.METAL && isForHypervisorOnly()) {
            throw new UserException("--on metal: what KVM offers to guests and a page delay need --on hypervisor");
        }
        return place;
    }

    /** What on the command line makes no sense without VMX; null when nothing does. */
    private String wishForVmx() {
        if (namesVmx(cpu)) {
            if (isForHypervisorOnly() || on != null && !on.equals("metal")) {
                throw new UserException("--cpu " + cpu + ": guests of the hypervisor have no VMX yet; --on metal has it");
            }
            return "--cpu " + cpu;
        }
        return Boolean.TRUE.equals(explain) ? "--explain" : explainVmcs.isEmpty() ? null : "--explain-vmcs";
    }

    /** Somebody who asks for this model wants VMX by its name, and the metal has it. */
    static boolean namesVmx(String cpu) {
        boolean named = Arrays.stream(cpu.split(",")).skip(1).anyMatch(part -> VMX.matcher(part).matches());
        return named && CpuModels.parse(cpu).features().has(Feature.VMX);
    }

    /** The guest shall have what only the hypervisor has. */
    boolean isForHypervisorOnly() {
        return pageDelay != 0 || model().isParavirtual();
    }

    /** A machine with the consoles that the options ask for, but connected to none, except the first. */
    final MachineConfiguration.Builder alone(MachineConfiguration.Builder b, ByteSink console) {
        boolean virtio = "stdio".equals(virtioConsole);
        for (int i = 0; i < Math.max(1, serial.size()); i++) {
            b.serial(i == 0 && !virtio ? console : ByteSink.NONE);
        }
        if (virtioConsole != null) {
            b.virtioConsole(virtio ? console : ByteSink.NONE);
        }
        return b;
    }

    /** The number of the first console. */
    final int console() {
        return "stdio".equals(virtioConsole) ? Math.max(1, serial.size()) : 0;
    }

    /** The machine that the options describe, but for what connects it with the host. */
    MachineConfiguration.Builder configuration(CpuModel model) {
        if (kernel == null && firmware == null) {
            throw new UserException("give --kernel or --firmware, or both");
        }
        if (kernel == null && (initrd != null || !modules.isEmpty() || !append.isEmpty() || entry != null)) {
            throw new UserException("--initrd, --module, --append and --entry go with --kernel");
        }
        if (variables != null && (firmware == null || access(variables) == Drive.Access.READ_ONLY)) {
            throw new UserException("--firmware-vars " + variables + ": goes with --firmware, which writes to them");
        }
        if (firmware != null && entry != null) {
            throw new UserException("--entry " + entry + ": the firmware chooses how the kernel is entered");
        }
        if (limit != null && limit < 0) {
            throw new UserException("--limit-instructions " + limit + ": is negative");
        }
        MachineConfiguration.Builder b = MachineConfiguration.builder(model);
        long bytes = memory == null ? (long) DEFAULT_MEMORY << 20 : Sizes.parse(memory, 20);
        try {
            b.processors(processors).memory(bytes);
        } catch (IllegalArgumentException e) {
            throw new UserException(e.getMessage());
        }
        if (pageRoom != null) {
            pageRoom(b, pageRoom, pageDelay);
        }
        b.requeuePolicy(policy(requeue)).forcedEmulation(forcedEmulation).apicVirtualization(!Boolean.FALSE.equals(apicVirtualization));
        b.pageDelay(ticks(pageDelay));
        b.chipset(chipset()).commandLine(append).entry(entry()).stopAtReset(noReboot).seed(seed).engine(engine());
        if (kernel != null) {
            b.kernel(ImageFile.read(kernel, bytes));
        }
        if (initrd != null) {
            b.initrd(ImageFile.read(initrd, bytes));
        }
        modules.forEach(m -> b.module(module(m, bytes)));
        if (firmware != null) {
            ImageFile image = ImageFile.read(firmware, bytes);
            b.firmware(image);
            remark(new FirmwareImage(image));
        }
        testDevices.forEach(name -> b.testDevice(testDevice(name)));
        return b;
    }

    /** Says once what else would be silence. */
    private void remark(FirmwareImage image) {
        if (variables == null && !remarked && image.lacksVariables()) {
            warn(firmware + ": UEFI firmware without its variables may do nothing; they are given by --firmware-vars");
            remarked = true;
        }
    }

    /** How much memory is there at a time. */
    static void pageRoom(MachineConfiguration.Builder b, String size, long delay) {
        if (delay == 0) {
            throw new UserException("a page room is for pages that have a delay");
        }
        try {
            b.pageRoom(Sizes.parse(size, 20));
        } catch (IllegalArgumentException e) {
            throw new UserException(e.getMessage());
        }
    }

    /** Guest time in ticks. */
    static long ticks(long nanoseconds) {
        if (nanoseconds < 0 || nanoseconds > Long.MAX_VALUE / Timeline.FREQUENCY) {
            throw new UserException("--page-delay " + nanoseconds + ": 0 to " + Long.MAX_VALUE / Timeline.FREQUENCY);
        }
        return nanoseconds * (Timeline.FREQUENCY / 1_000_000) / 1000;
    }

    CpuModel model() {
        return CpuModels.parse(cpu);
    }

    long limit() {
        return limit == null ? Long.MAX_VALUE : limit;
    }

    /** Reads a module, given as a file name and, behind a space, its arguments. */
    static BootModule module(String text, long room) {
        int space = text.indexOf(' ');
        String file = space < 0 ? text : text.substring(0, space);
        return new BootModule(ImageFile.read(file, room), space < 0 ? "" : text.substring(space + 1));
    }

    /** Opens what the machine is connected to on the host. Drives come last, as they are locked. */
    private Session connect(MachineConfiguration.Builder b) {
        String first = "stdio".equals(virtioConsole) ? "null" : "stdio";
        List<String> ports = serial.isEmpty() ? List.of(first) : serial;
        if (ports.size() > 4) {
            throw new UserException("a PC has at most four serial ports");
        }
        Script script = script();
        int input = -1;
        for (int i = 0; i < ports.size(); i++) {
            Output o = Output.parse(ports.get(i));
            ByteSink sink = o.open(files(), this::warn);
            input = o.kind() == Output.Kind.STDIO && input < 0 ? i : input;
            b.serial(i == 0 ? sink.and(script) : sink);
        }
        b.debugConsole(Output.parse(debugConsole).open(files(), this::warn));
        if (virtioConsole != null) {
            Output o = Output.parse(virtioConsole);
            input = o.kind() == Output.Kind.STDIO && input < 0 ? ports.size() : input;
            ByteSink sink = o.open(files(), this::warn);
            b.virtioConsole(input == ports.size() ? sink.and(script) : sink);
        }
        openDrives(b);
        return new Session(b.build(), javisor.err)
                .input(input)
                .script(script, input == ports.size() ? input : 0)
                .limit(limit())
                .explainVmcs(explainVmcs)
                .screen(screen)
                .statistics(statistics)
                .stateHash(stateHash);
    }

    /** What the machine reads. */
    final List<String> files() {
        Stream<String> images = Stream.of(kernel, initrd, firmware).filter(Objects::nonNull);
        return Stream.concat(images, Stream.concat(Stream.ofNullable(variables), drives.stream()).map(RunCommand::driveFile)).toList();
    }

    private static String driveFile(String drive) {
        return access(drive) == Drive.Access.READ_WRITE ? drive : drive.substring(0, drive.lastIndexOf(','));
    }

    private static Drive.Access access(String drive) {
        return drive.endsWith(",ro") ? Drive.Access.READ_ONLY
                : drive.endsWith(",snapshot") ? Drive.Access.SNAPSHOT
                : Drive.Access.READ_WRITE;
    }

    private void openDrives(MachineConfiguration.Builder b) {
        if (variables != null) {
            openVariables(b, access(variables));
        }
        drives.forEach(d -> openDrive(b, d, access(d)));
    }

    /** Whatever the guest writes is lost at the end. */
    final void openSnapshots(MachineConfiguration.Builder b) {
        if (variables != null) {
            openVariables(b, Drive.Access.SNAPSHOT);
        }
        drives.forEach(d -> openDrive(b, d, access(d) == Drive.Access.READ_ONLY ? Drive.Access.READ_ONLY : Drive.Access.SNAPSHOT));
    }

    private void openVariables(MachineConfiguration.Builder b, Drive.Access access) {
        try {
            b.variables(Drive.open(driveFile(variables), access, this::warn));
        } catch (IllegalArgumentException e) {
            throw new UserException("--firmware-vars " + variables + ": " + e.getMessage());
        }
    }

    private void openDrive(MachineConfiguration.Builder b, String drive, Drive.Access access) {
        try {
            b.drive(Drive.open(driveFile(drive), access, this::warn));
        } catch (IllegalArgumentException e) {
            throw new UserException(e.getMessage());
        }
    }

    Script script() {
        Script s = new Script();
        for (int i = 0; i + 1 < sendAfter.size(); i += 2) {
            s.sendAfter(Escapes.decode(sendAfter.get(i)), Escapes.decode(sendAfter.get(i + 1)));
        }
        return s;
    }

    private void warn(String message) {
        javisor.err.println("javisor: " + message);
    }

    private Chipset chipset() {
        return switch (machine) {
            case "pc" -> Chipset.PC;
            case "q35" -> Chipset.Q35;
            default -> throw new UserException("--machine " + machine + ": pc and q35 are known");
        };
    }

    private Engine engine() {
        if (engine == null) {
            return Engine.standard();
        }
        if (engine.equals(LOCKSTEP)) {
            return Engine.COMPILER;
        }
        return Engine.named(engine)
                .orElseThrow(() -> new UserException("--engine " + engine + ": interpreter, compiler, auto and lockstep are known"));
    }

    static RequeuePolicy policy(String id) {
        return RequeuePolicy.named(id).orElseThrow(() -> new UserException("--requeue-hardware-exceptions " + id + ": "
                + Arrays.stream(RequeuePolicy.values()).map(RequeuePolicy::id).collect(Collectors.joining(", ")) + " are known"));
    }

    private EntryChoice entry() {
        return switch (entry) {
            case null -> EntryChoice.BEST;
            case "32" -> EntryChoice.PROTECTED;
            case "64" -> EntryChoice.LONG;
            default -> throw new UserException("--entry " + entry + ": 32 and 64 are known");
        };
    }

    private static TestDevice testDevice(String name) {
        return switch (name) {
            case "pc-testdev" -> TestDevice.PC_TESTDEV;
            case "pci-testdev" -> TestDevice.PCI_TESTDEV;
            case "edu" -> TestDevice.EDU;
            case "kvm-hypercalls" -> TestDevice.KVM_HYPERCALLS;
            default -> throw new UserException("--test-device " + name + ": pc-testdev, pci-testdev, edu and kvm-hypercalls are known");
        };
    }
}
