package dev.javisor.machine;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.machine.bus.BoardControl;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.machine.device.A20Gate;
import dev.javisor.machine.device.DebugPorts;
import dev.javisor.machine.device.FirmwareConfig;
import dev.javisor.machine.device.Flash;
import dev.javisor.machine.device.Hpet;
import dev.javisor.machine.device.KeyboardController;
import dev.javisor.machine.device.PowerManagement;
import dev.javisor.machine.device.Ps2Keyboard;
import dev.javisor.machine.device.RealTimeClock;
import dev.javisor.machine.device.ResetControl;
import dev.javisor.machine.device.SystemControlPortA;
import dev.javisor.machine.device.TestDevice;
import dev.javisor.machine.device.TextDisplay;
import dev.javisor.machine.device.Uart16550;
import dev.javisor.machine.firmware.PcDescription;
import dev.javisor.machine.pci.Bridges;
import dev.javisor.machine.pci.EduDevice;
import dev.javisor.machine.pci.PciBus;
import dev.javisor.machine.pci.PciSetup;
import dev.javisor.machine.pci.PciTestDevice;
import dev.javisor.machine.pci.PciWindows;
import dev.javisor.machine.pci.PirqRouter;
import dev.javisor.machine.virtio.BlockDevice;
import dev.javisor.machine.virtio.ConsoleDevice;
import dev.javisor.machine.virtio.EntropyDevice;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.SharedLine;
import dev.javisor.processor.chipset.IoApic;
import dev.javisor.processor.chipset.PicPair;
import dev.javisor.processor.chipset.Pit8254;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The devices of a PC and the wires between them. */
final class Board implements Stateful {
    private static final int ISA_REQUESTS = 16;
    private static final int TIMER_REQUEST = 0, TIMER_INPUT = 2, CLOCK_REQUEST = 8, SCI_REQUEST = 9;
    /** PCI slots. */
    private static final int PC_BRIDGE = 1, Q35_BRIDGE = 31, FIRST_SLOT = 2;
    /** Interrupt requests of the 8259 pair that firmware gives to PCI. */
    private static final int[] PCI_REQUESTS = {10, 11, 10, 11};
    /** Interrupt requests that PIRQs can be routed to. */
    private static final int ROUTABLE = 0xDEF8;
    /** I/O APIC inputs that HPET timers can be routed to. */
    private static final int FIRST_HPET_INPUT = 20;

    private static final int EXIT_PORT = 0xF4;
    /** Nanoseconds that the clock is in its second at power-on: near the end, for which systems that set their own clock wait. */
    private static final int SECOND_PASSED = 900_000_000;

    private static final long TWO_GIGABYTES = 1L << 31, FOUR_GIGABYTES = 1L << 32;
    /** Where memory-mapped devices above 4 GiB begin, unless RAM reaches further. */
    private static final long HIGH_WINDOW = 1L << 35;

    private final MachineConfiguration configuration;
    private final Map<String, Stateful> parts = new LinkedHashMap<>();
    private final List<Device> devices = new ArrayList<>();
    final IoBus io = new IoBus();
    final PciBus pci;
    private final PirqRouter router;
    private final PicPair pic;
    private final IoApic ioApic;
    /** Requests of the 8259 pair, by ISA devices and PIRQs. */
    private final SharedLine[] requests = new SharedLine[ISA_REQUESTS];
    /** ISA interrupt requests, which reach the 8259 pair and the I/O APIC. */
    private final SharedLine[] isa = new SharedLine[ISA_REQUESTS];

    private final PciWindows windows;
    private final Timeline timeline;
    private final PhysicalMemory memory;
    private final BoardControl control;
    private final Hpet hpet;
    private final PowerManagement power;
    final FirmwareConfig firmwareConfig;
    final TextDisplay display;
    final List<Uart16550> serial = new ArrayList<>();
    /** Or null. */
    final ConsoleDevice console;

    Board(MachineConfiguration configuration, Timeline timeline, PhysicalMemory memory, ApicBus apics, BoardControl control) {
        this.configuration = configuration;
        this.timeline = timeline;
        this.memory = memory;
        this.control = control;
        pic = add("8259", new PicPair(apics::setExternalInterrupt));
        pic.connect(io);
        ioApic = add("I/O APIC", new IoApic(apics::deliver, (1 << PirqRouter.LINES) - 1 << PirqRouter.FIRST_INPUT));
        apics.onEoi(ioApic::endOfInterrupt);
        memory.add(Region.device(IoApic.DEFAULT_BASE, IoApic.SIZE, ioApic));
        for (int i = 0; i < ISA_REQUESTS; i++) {
            requests[i] = new SharedLine(pic.line(i));
            isa[i] = new SharedLine(InterruptLine.join(requests[i].source(), ioApic.line(i == TIMER_REQUEST ? TIMER_INPUT : i)));
            parts.put("8259 request " + i, requests[i]);
            parts.put("ISA request " + i, isa[i]);
        }
        router = add("PIRQ router", pirqRouter());
        power = add("power management", new PowerManagement(timeline, isa(SCI_REQUEST), control, true));
        power.connect(io);
        hpet = addTimers();

        windows = windows();
        pci = new PciBus(memory, io, windows, apics::message, router::source);
        console = addPci();
        add("PCI", pci);

        addControls();
        addPorts();
        display = add("display", new TextDisplay(timeline));
        display.connect(io);
        firmwareConfig = add("firmware configuration", new FirmwareConfig(memory));
        firmwareConfig.connect(io);
        firmwareConfig.putShort(FirmwareConfig.NB_CPUS, configuration.processors());
        firmwareConfig.putShort(FirmwareConfig.MAX_CPUS, configuration.processors());
        firmwareConfig.putLong(FirmwareConfig.RAM_SIZE, configuration.memory());
        if (configuration.has(MachineConfiguration.TestDevice.PC_TESTDEV)) {
            addTestDevice();
        }
    }

    private <D extends Device> D add(String name, D device) {
        parts.put(name, device);
        devices.add(device);
        return device;
    }

    /** @param start first address; @param content of which there are whole pages */
    void addFlash(long start, byte[] content, Flash.Store store) {
        memory.add(Region.device(start, content.length, add("flash", new Flash(content, store))));
    }

    private InterruptLine isa(int request) {
        return isa[request].source();
    }

    private PirqRouter pirqRouter() {
        InterruptLine[] inputs = new InterruptLine[PirqRouter.LINES];
        InterruptLine[][] routable = new InterruptLine[PirqRouter.LINES][ISA_REQUESTS];
        for (int i = 0; i < PirqRouter.LINES; i++) {
            inputs[i] = ioApic.line(PirqRouter.FIRST_INPUT + i);
            for (int r = 0; r < ISA_REQUESTS; r++) {
                if ((ROUTABLE >>> r & 1) != 0) {
                    routable[i][r] = requests[r].source();
                }
            }
        }
        return new PirqRouter(inputs, routable);
    }

    private PciWindows windows() {
        Chipset c = configuration.chipset();
        // Firmware puts functions from the first whole GiB on that RAM cannot reach, but not below 2 GiB.
        long low = Math.min(configuration.memory(), c.lowMemoryLimit);
        long start = c == Chipset.Q35 ? c.ecam + PciBus.ECAM_SIZE : low <= TWO_GIGABYTES ? TWO_GIGABYTES : c.lowMemoryLimit;
        long high = Math.max(HIGH_WINDOW, FOUR_GIGABYTES + Math.max(0, configuration.memory() - c.lowMemoryLimit));
        return new PciWindows(start, PciWindows.MEMORY_END, high, 1L << configuration.model().physicalBits(), 0xC000);
    }

    private Hpet addTimers() {
        InterruptLine[] inputs = new InterruptLine[IoApic.PINS];
        for (int i = FIRST_HPET_INPUT; i < IoApic.PINS; i++) {
            inputs[i] = ioApic.line(i);
        }
        Hpet h = add("HPET", new Hpet(timeline, isa(TIMER_REQUEST), isa(CLOCK_REQUEST), inputs));
        memory.add(Region.device(Hpet.DEFAULT_BASE, Hpet.SIZE, h));
        if (configuration.timer()) {
            add("8254", new Pit8254(timeline, h.pitInput())).connect(io);
        }
        LocalDateTime start = LocalDateTime.ofEpochSecond(configuration.clock(), SECOND_PASSED, ZoneOffset.UTC);
        InterruptLine alarm = InterruptLine.join(h.rtcInput(), power.rtcInput());
        RealTimeClock rtc = add("real-time clock", new RealTimeClock(timeline, alarm, start));
        rtc.connect(io);
        long low = Math.min(configuration.memory(), configuration.chipset().lowMemoryLimit);
        rtc.setMemorySize(low, configuration.memory() - low);
        return h;
    }

    /** Bridges in their usual slots, then one slot for each device. */
    private ConsoleDevice addPci() {
        boolean configured = configuration.firmware() == null;
        if (configuration.chipset() == Chipset.Q35) {
            pci.add(0, 0, Bridges.hostBridgeQ35(Chipset.Q35.ecam));
            pci.add(Q35_BRIDGE, 0, Bridges.lpcBridgeIch9(router, configured, power::moveTo));
            pci.mapEcam(Chipset.Q35.ecam);
        } else {
            pci.add(0, 0, Bridges.hostBridge440fx());
            pci.add(PC_BRIDGE, 0, Bridges.isaBridgePiix3(router));
            pci.add(PC_BRIDGE, 3, Bridges.powerManagementPiix4(configured, power::moveTo));
        }
        int slot = FIRST_SLOT;
        if (configuration.has(MachineConfiguration.TestDevice.PCI_TESTDEV)) {
            pci.add(slot++, 0, new PciTestDevice());
        }
        if (configuration.has(MachineConfiguration.TestDevice.EDU)) {
            pci.add(slot++, 0, new EduDevice());
        }
        if (configuration.hasVirtio()) {
            pci.add(slot++, 0, new EntropyDevice(configuration.seed()));
        }
        for (int i = 0; i < configuration.drives().size(); i++) {
            pci.add(slot++, 0, new BlockDevice(configuration.drives().get(i), i));
        }
        if (configuration.virtioConsole() == null) {
            return null;
        }
        ConsoleDevice c = new ConsoleDevice(configuration.virtioConsole());
        pci.add(slot, 0, c);
        return c;
    }

    private void addControls() {
        A20Gate a20 = add("A20 gate", new A20Gate(memory));
        add("port A", new SystemControlPortA(a20.portAInput(), control)).connect(io);
        add("reset control", new ResetControl(control)).connect(io);
        KeyboardController keyboard =
                new KeyboardController(isa(1), isa(12), a20.keyboardControllerInput(), control, new Ps2Keyboard(), null);
        add("keyboard controller", keyboard).connect(io);
    }

    private void addPorts() {
        for (int i = 0; i < configuration.serial().size(); i++) {
            Uart16550 uart = add("serial " + i, new Uart16550(timeline, isa(Uart16550.IRQS[i]), configuration.serial().get(i)::write));
            uart.connect(io, Uart16550.PORTS[i]);
            serial.add(uart);
        }
        ByteSink debug = configuration.debugConsole();
        DebugPorts.connectConsole(io, DebugPorts.CONSOLE, debug::write);
        DebugPorts.connectConsole(io, DebugPorts.FIRMWARE_CONSOLE, debug::write);
        DebugPorts.connectPost(io, code -> {});
        DebugPorts.connectExit(io, EXIT_PORT, 4, control);
    }

    private void addTestDevice() {
        InterruptLine[] lines = new InterruptLine[IoApic.PINS];
        for (int i = 0; i < lines.length; i++) {
            lines[i] = i < ISA_REQUESTS ? isa(i) : ioApic.line(i);
        }
        TestDevice device = add("test device", new TestDevice(lines, page -> {}));
        device.connect(io);
        memory.add(Region.device(TestDevice.MEMORY_BASE, TestDevice.MEMORY_SIZE, device.memory()));
    }

    /** What firmware tells an operating system about this board. */
    PcDescription describe() {
        CpuModel m = configuration.model();
        int family = Math.min(m.family(), 15);
        int signature = m.family() - family << 20 | m.model() >>> 4 << 16 | family << 8 | (m.model() & 15) << 4 | m.stepping();
        int features = 0;
        for (Feature f : Feature.values()) {
            if (m.features().has(f) && f.leaf == 1 && f.register == Feature.Register.EDX) {
                features |= 1 << f.bit;
            }
        }
        PcDescription.Pci bridge = new PcDescription.Pci(
                configuration.chipset().ecam,
                windows.memoryStart(),
                windows.memoryEnd() - 1,
                windows.highStart(),
                windows.highEnd() - 1,
                (device, pin) -> PirqRouter.FIRST_INPUT + PirqRouter.pirq(device + pin),
                (device, pin) -> PCI_REQUESTS[PirqRouter.pirq(device + pin)]);
        int[] ids = IntStream.range(0, configuration.processors()).toArray();
        int apicVersion = LocalApic.version(m) & 0xFF;
        return new PcDescription(ids, signature, features, apicVersion, configuration.memory(), bridge, true, serial.size(), false, true);
    }

    void reset() {
        for (Device d : devices) {
            d.reset();
        }
    }

    /** Power comes back after a suspension: what keeps its state is power management, which knows what woke the machine. */
    void resume() {
        for (Device d : devices) {
            if (d != power) {
                d.reset();
            }
        }
        setUp();
    }

    /** What firmware does to the board before it starts a kernel. */
    void setUp() {
        for (int i = 0; i < PirqRouter.LINES; i++) {
            io.out(0xCF8, 4, 0x8000_0000 | (configuration.chipset() == Chipset.Q35 ? Q35_BRIDGE : PC_BRIDGE) << 11 | 0x60);
            io.out(0xCFC + i, 1, PCI_REQUESTS[i]);
        }
        io.out(0xCF8, 4, 0);
        // Level-triggered.
        io.out(0x4D1, 1, 1 << 10 - 8 | 1 << 11 - 8);
        PciSetup.run(pci, device -> PCI_REQUESTS[PirqRouter.pirq(device)]);
    }

    @Override
    public void save(StateOutput out) {
        parts.forEach(out::put);
    }

    @Override
    public void load(StateInput in) {
        parts.forEach(in::get);
    }
}
