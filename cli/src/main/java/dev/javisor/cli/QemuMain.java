package dev.javisor.cli;

import dev.javisor.isa.CpuModels;
import dev.javisor.isa.UnknownCpuException;
import dev.javisor.machine.Chipset;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineConfiguration.TestDevice;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.Place;
import dev.javisor.machine.boot.BadImageException;
import dev.javisor.machine.boot.ImageFile;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.machine.console.Script;
import dev.javisor.machine.virtio.Drive;
import dev.javisor.machine.virtio.Drive.Access;
import dev.javisor.processor.execution.Engine;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * {@code javisor-qemu}: takes the command line of QEMU as far as kvm-unit-tests uses it, so that its scripts run on Javisor. Exit
 * status as QEMU's: the guest's through the debug-exit device; 0 for power-off, and for a reset or triple fault with -no-reboot.
 */
public final class QemuMain {
    /** The version that scripts read from the first line, and take their expectations from. */
    private static final String SPOKEN_VERSION = "9.2.0";

    private static final List<String> DEVICES = List.of("pc-testdev", "pci-testdev", "isa-debug-exit", "edu", "virtio-rng-pci");
    /** Options without value that change nothing here. */
    private static final Set<String> IGNORED_FLAGS = Set.of("nodefaults", "enable-kvm", "nographic", "no-user-config", "no-acpi",
            "no-hpet", "S");
    /** Options whose value changes nothing here. */
    private static final Set<String> IGNORED_OPTIONS = Set.of("global", "display", "vga", "overcommit", "monitor", "net", "nic",
            "parallel", "name", "vnc");
    /** Machine properties that change nothing here. */
    private static final Set<String> IGNORED_MACHINE = Set.of(
            "accel", "engine", "on", "apicv", "force_emulation_prefix", "page_delay", "page_room", "kernel-irqchip",
            "kernel_irqchip", "usb", "graphics", "hpet", "smm");

    private final List<String> arguments;
    private int at;
    private String cpu = "max";
    private int processors = 1;
    private Place place = standardPlace();
    private long memory = 128L << 20;
    private Chipset chipset = Chipset.PC;
    private boolean timer = true;
    private boolean forcedEmulation;
    private boolean apicVirtualization = true;
    private long pageDelay;
    private String pageRoom;
    /** Seconds since 1970-01-01T00:00Z: the host's time, as with QEMU. */
    private long clock = System.currentTimeMillis() / 1000;
    private String kernel;
    private String initrd;
    private String append = "";
    private String firmware;
    private boolean noReboot;
    private String engine = standardEngine();
    private final List<String> serial = new ArrayList<>();
    private String debugConsole = "null";
    private final List<String> drives = new ArrayList<>();
    /** Flash memories: firmware, and its variables. */
    private final List<String> flash = new ArrayList<>();
    private final Set<TestDevice> testDevices = EnumSet.of(TestDevice.KVM_HYPERCALLS);

    private QemuMain(List<String> arguments) {
        this.arguments = arguments;
    }

    public static void main(String[] args) {
        System.exit(execute(args, System.out, System.err));
    }

    static int execute(String[] args, PrintStream out, PrintStream err) {
        try {
            return new QemuMain(List.of(args)).run(out);
        } catch (UserException | BadImageException | UnknownCpuException e) {
            err.println("javisor-qemu: " + e.getMessage());
            return ExitStatus.USER_ERROR;
        } catch (RuntimeException | Error e) {
            return Main.report(e, err);
        }
    }

    private int run(PrintStream out) {
        while (at < arguments.size()) {
            String a = arguments.get(at++);
            String name = a.startsWith("--") ? a.substring(2) : a.startsWith("-") ? a.substring(1) : null;
            if (name == null) {
                drives.add("file=" + a);
            } else if (name.equals("h") || name.equals("help")) {
                help(out);
                return 0;
            } else if (name.equals("version")) {
                out.println(versionLine());
                return 0;
            } else if (name.equals("device") && at < arguments.size() && Set.of("?", "help").contains(arguments.get(at))) {
                DEVICES.forEach(d -> out.println("name \"" + d + "\""));
                return 0;
            } else if (name.equals("cpu") && at < arguments.size() && Set.of("?", "help").contains(arguments.get(at))) {
                CpuModels.names().forEach(m -> out.println("x86 " + m));
                return 0;
            } else {
                option(a, name);
            }
        }
        return start();
    }

    private static String versionLine() {
        return "QEMU emulator version " + SPOKEN_VERSION + " (its command line, spoken by Javisor)";
    }

    private static void help(PrintStream out) {
        out.println(versionLine());
        out.println("usage: javisor-qemu -kernel FILE [-initrd FILE] [-append TEXT] [-cpu MODEL[,+f,-f]] [-smp N] [-m SIZE]");
        out.println("       [-machine pc|q35[,pit=off]] [-bios FILE] [-drive file=F,format=raw[,if=pflash][,readonly=on]]");
        out.println("       [-serial stdio|file:F|null] [-debugcon stdio|file:F] [-device NAME[,...]] [-no-reboot]");
        out.println("       [-accel javisor[,engine=interpreter|compiler|auto|lockstep][,on=metal|hypervisor]");
        out.println("              [,apicv=off][,force_emulation_prefix=on][,page_delay=NS[,page_room=SIZE]]]");
        out.println("       [-rtc base=utc|YYYY-MM-DD[Thh:mm:ss]]");
        out.println("JAVISOR_ENGINE=ENGINE in the environment: runs the guest on that engine, unless -accel says otherwise.");
        out.println("On the hypervisor a guest is offered what KVM offers, unless -cpu says kvm=off.");
        out.println("JAVISOR_ON=hypervisor in the environment: runs the guest on the hypervisor, unless -accel says otherwise.");
        out.println("JAVISOR_EXPLAIN=1 in the environment: says on standard error why VM entries of the guest fail.");
        out.println("Takes QEMU's command line as far as kvm-unit-tests uses it. For everything else there is javisor.");
    }

    private String value(String option) {
        if (at == arguments.size()) {
            throw new UserException(option + " needs a value");
        }
        return arguments.get(at++);
    }

    private void option(String option, String name) {
        if (IGNORED_FLAGS.contains(name)) {
            return;
        }
        if (IGNORED_OPTIONS.contains(name)) {
            value(option);
            return;
        }
        switch (name) {
            case "no-reboot" -> noReboot = true;
            case "kernel" -> kernel = value(option);
            case "initrd" -> initrd = value(option);
            case "append" -> append = value(option);
            case "bios" -> firmware = value(option);
            case "cpu" -> cpu = value(option);
            case "smp" -> processors = number(value(option).split(",")[0].replaceFirst("^cpus=", ""));
            case "m" -> memory = Sizes.parse(value(option).split(",")[0].replaceFirst("^size=", ""), 20);
            case "serial" -> serial.add(value(option).replaceFirst("^mon:", ""));
            case "debugcon" -> debugConsole = value(option);
            case "drive" -> drive(value(option));
            case "machine", "M" -> machine(value(option));
            case "device" -> device(value(option));
            case "accel" -> accelerator(value(option));
            case "rtc" -> clock(value(option));
            default -> throw new UserException(option + ": invalid option");
        }
    }

    private void drive(String text) {
        if (!List.of(text.split(",")).contains("if=pflash")) {
            drives.add(text);
            return;
        }
        if (flash.size() == 2) {
            throw new UserException("-drive " + text + ": there are flash memories for a firmware and its variables");
        }
        flash.add(text);
    }

    private static int number(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new UserException("'" + text + "' is no number");
        }
    }

    private void machine(String text) {
        accelerator(text);
        for (String part : text.split(",")) {
            int equals = part.indexOf('=');
            String key = equals < 0 ? "type" : part.substring(0, equals);
            String value = part.substring(equals + 1);
            if (key.equals("type")) {
                chipset = switch (value) {
                    case "pc", "pc-i440fx" -> Chipset.PC;
                    case "q35", "pc-q35" -> Chipset.Q35;
                    default -> throw new UserException("unsupported machine type '" + value + "'; pc and q35 are known");
                };
            } else if (key.equals("pit")) {
                timer = !value.equals("off");
            } else if (key.equals("vmport") && value.equals("on")) {
                throw new UserException("machine property vmport=on is not supported");
            } else if (!IGNORED_MACHINE.contains(key) && !key.equals("vmport")) {
                throw new UserException("machine property '" + key + "' not found");
            }
        }
    }

    /** The value of NAME=on or NAME=off. */
    private static boolean isOn(String property) {
        return switch (property.substring(property.indexOf('=') + 1)) {
            case "on" -> true;
            case "off" -> false;
            default -> throw new UserException("accelerator property " + property + " is neither on nor off");
        };
    }

    /** Whatever accelerator is asked for, it is Javisor; its other properties are Javisor's own. */
    private void accelerator(String text) {
        for (String part : text.split(",")) {
            if (part.startsWith("engine=")) {
                engine = part.substring("engine=".length());
            } else if (part.startsWith("on=")) {
                place = place(part.substring("on=".length()));
            } else if (part.startsWith("force_emulation_prefix=")) {
                forcedEmulation = isOn(part);
            } else if (part.startsWith("apicv=")) {
                apicVirtualization = isOn(part);
            } else if (part.startsWith("page_delay=")) {
                pageDelay = RunCommand.ticks(number(part.substring("page_delay=".length())));
            } else if (part.startsWith("page_room=")) {
                pageRoom = part.substring("page_room=".length());
            }
        }
    }

    /** The time of day at power-on: the host's, or one that is given. */
    private void clock(String text) {
        for (String part : text.split(",")) {
            String base = part.startsWith("base=") ? part.substring("base=".length()) : "utc";
            if (!base.equals("utc") && !base.equals("localtime")) {
                try {
                    LocalDateTime time = base.contains("T") ? LocalDateTime.parse(base) : LocalDate.parse(base).atStartOfDay();
                    clock = time.toEpochSecond(ZoneOffset.UTC);
                } catch (DateTimeParseException e) {
                    throw new UserException("-rtc " + text + ": base is utc, or a date and time as 2026-01-31T12:00:00");
                }
            }
        }
    }

    /** On the hypervisor guests are offered what KVM offers, unless they shall not; the metal has nothing of that. */
    private String model() {
        if (place == Place.METAL) {
            return cpu + ",kvm=off";
        }
        String name = cpu.split(",")[0];
        return name + ",kvm=on" + cpu.substring(name.length());
    }

    private static Place place(String name) {
        return Place.named(name).orElseThrow(() -> new UserException("a guest runs on metal or hypervisor, not on '" + name + "'"));
    }

    /** For scripts that choose the accelerator themselves; so is {@link #standardPlace()}. */
    private static String standardEngine() {
        String wish = System.getenv("JAVISOR_ENGINE");
        return wish == null || wish.isEmpty() ? Engine.standard().toString() : wish;
    }

    private static Engine engine(String name) {
        return Engine.named(name).orElseThrow(() -> new UserException("there is no engine '" + name + "'"));
    }

    private static Place standardPlace() {
        String wish = System.getenv("JAVISOR_ON");
        return wish == null || wish.isEmpty() ? Place.METAL : place(wish);
    }

    private void device(String text) {
        String name = text.split(",")[0];
        switch (name) {
            case "pc-testdev" -> testDevices.add(TestDevice.PC_TESTDEV);
            case "pci-testdev" -> testDevices.add(TestDevice.PCI_TESTDEV);
            case "edu" -> testDevices.add(TestDevice.EDU);
            case "isa-debug-exit", "virtio-rng-pci" -> {
                // Always there.
            }
            default -> throw new UserException("'" + name + "' is not a valid device model name");
        }
    }

    private int start() {
        if (place == Place.HYPERVISOR && RunCommand.namesVmx(cpu)) {
            warn("the hypervisor does not offer VMX to its guests yet; -accel javisor,on=metal does");
        }
        boolean lockstep = engine.equals(RunCommand.LOCKSTEP);
        MachineConfiguration.Builder b = configuration(lockstep ? Engine.COMPILER : engine(engine));
        int input = -1;
        for (int i = 0; i < serial.size(); i++) {
            Output o = Output.parse(serial.get(i));
            input = o.kind() == Output.Kind.STDIO && input < 0 ? i : input;
            b.serial(o.open(List.of(), QemuMain::warn));
        }
        ByteSink debug = Output.parse(debugConsole).open(List.of(), QemuMain::warn);
        b.debugConsole(debug);
        openDrives(b);
        Session session = new Session(b.build(), System.err).input(input).statuses(QemuMain::status).explain(explains());
        if (lockstep) {
            if (!drives.isEmpty() || flash.size() == 2) {
                throw new UserException("engine lockstep takes no drives and no variables");
            }
            MachineConfiguration.Builder reference = configuration(Engine.INTERPRETER);
            serial.forEach(port -> reference.serial(ByteSink.NONE));
            session.input(-1).lockstep(reference.build(), new Script());
        }
        return session.run();
    }

    /** The machine, connected to nothing. */
    private MachineConfiguration.Builder configuration(Engine how) {
        MachineConfiguration.Builder b = MachineConfiguration.builder(CpuModels.parse(model()));
        try {
            b.processors(processors).memory(memory);
        } catch (IllegalArgumentException e) {
            throw new UserException(e.getMessage());
        }
        boolean guest = place == Place.HYPERVISOR;
        b.engine(how).place(place).forcedEmulation(forcedEmulation).pageDelay(guest ? pageDelay : 0);
        b.apicVirtualization(apicVirtualization);
        if (guest && pageRoom != null) {
            RunCommand.pageRoom(b, pageRoom, pageDelay);
        }
        b.clock(clock).chipset(chipset).timer(timer).stopAtReset(noReboot).commandLine(append);
        testDevices.forEach(b::testDevice);
        if (kernel != null) {
            try {
                b.kernel(ImageFile.read(kernel, memory));
            } catch (BadImageException e) {
                throw new UserException("could not open kernel file " + e.getMessage());
            }
        } else if (firmware == null && flash.isEmpty()) {
            throw new UserException("-kernel or -bios is needed");
        } else {
            b.firmware(ImageFile.read(firmware == null ? driveFile(flash.getFirst()) : firmware, memory));
        }
        if (initrd != null) {
            initrd(b);
        }
        return b;
    }

    /** One file, or for a multiboot kernel several, with arguments: {@code FILE TEXT,FILE TEXT}. */
    private void initrd(MachineConfiguration.Builder b) {
        if (Files.exists(Path.of(initrd))) {
            b.initrd(ImageFile.read(initrd, memory));
            return;
        }
        for (String module : initrd.split(",")) {
            b.module(RunCommand.module(module, memory));
        }
    }

    private void openDrives(MachineConfiguration.Builder b) {
        try {
            if (kernel == null && flash.size() == 2) {
                String variables = flash.getLast();
                b.variables(Drive.open(driveFile(variables), isReadOnly(variables) ? Access.SNAPSHOT : Access.READ_WRITE, QemuMain::warn));
            }
            drives.forEach(d -> b.drive(Drive.open(driveFile(d), isReadOnly(d), QemuMain::warn)));
        } catch (IllegalArgumentException e) {
            throw new UserException(e.getMessage());
        }
    }

    private static String driveFile(String text) {
        String file = null;
        for (String part : text.split(",")) {
            if (part.startsWith("file=")) {
                file = part.substring(5);
            } else if (part.startsWith("format=") && !part.equals("format=raw")) {
                throw new UserException("-drive " + text + ": only raw images are supported");
            }
        }
        if (file == null) {
            throw new UserException("-drive " + text + ": names no file");
        }
        return file;
    }

    private static boolean isReadOnly(String drive) {
        List<String> parts = List.of(drive.split(","));
        return parts.contains("readonly=on") || parts.contains("readonly");
    }

    /** Tests fail entries by the thousand on purpose, so nobody is told without asking. */
    private static boolean explains() {
        String wish = System.getenv("JAVISOR_EXPLAIN");
        return wish != null && !wish.isEmpty() && !wish.equals("0");
    }

    private static int status(MachineExit exit) {
        return switch (exit) {
            case MachineExit.PowerOff(), MachineExit.Reset(), MachineExit.Shutdown _ -> 0;
            default -> ExitStatus.of(exit);
        };
    }

    private static void warn(String message) {
        System.err.println("javisor-qemu: warning: " + message);
    }
}
