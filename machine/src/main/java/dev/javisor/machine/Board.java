package dev.javisor.machine;

import dev.javisor.machine.bus.BoardControl;
import dev.javisor.machine.bus.Device;
import dev.javisor.machine.bus.InterruptLine;
import dev.javisor.machine.bus.IoBus;
import dev.javisor.machine.bus.SharedLine;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.machine.device.A20Gate;
import dev.javisor.machine.device.DebugPorts;
import dev.javisor.machine.device.Hpet;
import dev.javisor.machine.device.IoApic;
import dev.javisor.machine.device.PicPair;
import dev.javisor.machine.device.Pit8254;
import dev.javisor.machine.device.RealTimeClock;
import dev.javisor.machine.device.ResetControl;
import dev.javisor.machine.device.SystemControlPortA;
import dev.javisor.machine.device.TestDevice;
import dev.javisor.machine.device.Uart16550;
import dev.javisor.machine.pci.Bridges;
import dev.javisor.machine.pci.PciBus;
import dev.javisor.machine.pci.PciSetup;
import dev.javisor.machine.pci.PciWindows;
import dev.javisor.machine.pci.PirqRouter;
import dev.javisor.processor.apic.ApicBus;
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

/** The devices of a PC and the wires between them. */
final class Board implements Stateful {
    private static final int ISA_REQUESTS = 16;
    private static final int TIMER_REQUEST = 0, TIMER_INPUT = 2, CLOCK_REQUEST = 8;
    /** Interrupt requests of the 8259 pair that firmware gives to PCI. */
    private static final int[] PCI_REQUESTS = {10, 11, 10, 11};
    /** Interrupt requests that PIRQs can be routed to. */
    private static final int ROUTABLE = 0xDEF8;
    /** I/O APIC inputs that HPET timers can be routed to. */
    private static final int FIRST_HPET_INPUT = 20;

    private static final int EXIT_PORT = 0xF4;
    private static final int FIRMWARE_DEBUG_PORT = 0x402;
    private static final long FOUR_GIGABYTES = 1L << 32;

    private final MachineConfiguration configuration;
    private final Map<String, Stateful> parts = new LinkedHashMap<>();
    private final List<Device> devices = new ArrayList<>();
    final IoBus io = new IoBus();
    final PciBus pci;
    private final PirqRouter router;
    private final PicPair pic;
    private final IoApic ioApic;
    private final SharedLine[] requests = new SharedLine[ISA_REQUESTS];
    final List<Uart16550> serial = new ArrayList<>();

    Board(MachineConfiguration configuration, Timeline timeline, PhysicalMemory memory, ApicBus apics, BoardControl control) {
        this.configuration = configuration;
        pic = add("8259", new PicPair(apics::setExternalInterrupt));
        pic.connect(io);
        ioApic = add("I/O APIC", new IoApic(apics::deliver, (1 << PirqRouter.LINES) - 1 << PirqRouter.FIRST_INPUT));
        apics.onEoi(ioApic::endOfInterrupt);
        memory.add(Region.device(IoApic.DEFAULT_BASE, IoApic.SIZE, ioApic));
        for (int i = 0; i < ISA_REQUESTS; i++) {
            requests[i] = new SharedLine(pic.line(i));
            parts.put("request " + i, requests[i]);
        }
        router = add("PIRQ router", pirqRouter());

        pci = new PciBus(memory, io, windows(), apics::message, router::source);
        if (configuration.chipset() == Chipset.Q35) {
            pci.add(0, 0, Bridges.hostBridgeQ35(Chipset.Q35.ecam));
            pci.add(31, 0, Bridges.lpcBridgeIch9(router));
            pci.mapEcam(Chipset.Q35.ecam);
        } else {
            pci.add(0, 0, Bridges.hostBridge440fx());
            pci.add(1, 0, Bridges.isaBridgePiix3(router));
            pci.add(1, 3, Bridges.powerManagementPiix4());
        }
        add("PCI", pci);

        addTimers(timeline, memory);
        A20Gate a20 = add("A20 gate", new A20Gate(memory));
        SystemControlPortA portA = add("port A", new SystemControlPortA(a20.portAInput(), control));
        portA.connect(io);
        ResetControl resetControl = add("reset control", new ResetControl(control));
        resetControl.connect(io);

        for (int i = 0; i < configuration.serial().size(); i++) {
            Uart16550 uart = add("serial " + i, new Uart16550(timeline, isa(Uart16550.IRQS[i]), configuration.serial().get(i)::write));
            uart.connect(io, Uart16550.PORTS[i]);
            serial.add(uart);
        }
        ByteSink debug = configuration.debugConsole();
        DebugPorts.connectConsole(io, debug::write);
        DebugPorts.connectPost(io, code -> {});
        DebugPorts.connectExit(io, EXIT_PORT, 4, control);
        if (configuration.has(MachineConfiguration.TestDevice.PC_TESTDEV)) {
            addTestDevice(memory);
        }
    }

    private <D extends Device> D add(String name, D device) {
        parts.put(name, device);
        devices.add(device);
        return device;
    }

    /** A new line to an ISA interrupt request: 8259 pair and I/O APIC. */
    private InterruptLine isa(int request) {
        return InterruptLine.join(requests[request].source(), ioApic.line(request));
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
        long start = c == Chipset.Q35 ? c.ecam + PciBus.ECAM_SIZE : 0xE000_0000L;
        long high = FOUR_GIGABYTES + Math.max(0, configuration.memory() - c.lowMemoryLimit);
        return new PciWindows(start, PciWindows.MEMORY_END, high, 1L << configuration.model().physicalBits(), 0xC000);
    }

    private void addTimers(Timeline timeline, PhysicalMemory memory) {
        InterruptLine[] inputs = new InterruptLine[IoApic.PINS];
        for (int i = FIRST_HPET_INPUT; i < IoApic.PINS; i++) {
            inputs[i] = ioApic.line(i);
        }
        InterruptLine timer = InterruptLine.join(requests[TIMER_REQUEST].source(), ioApic.line(TIMER_INPUT));
        Hpet hpet = add("HPET", new Hpet(timeline, timer, isa(CLOCK_REQUEST), inputs));
        memory.add(Region.device(Hpet.DEFAULT_BASE, Hpet.SIZE, hpet));
        if (configuration.timer()) {
            add("8254", new Pit8254(timeline, hpet.pitInput())).connect(io);
        }
        LocalDateTime start = LocalDateTime.ofEpochSecond(configuration.clock(), 0, ZoneOffset.UTC);
        add("real-time clock", new RealTimeClock(timeline, hpet.rtcInput(), start)).connect(io);
    }

    private void addTestDevice(PhysicalMemory memory) {
        InterruptLine[] lines = new InterruptLine[IoApic.PINS];
        for (int i = 0; i < lines.length; i++) {
            lines[i] = i == TIMER_REQUEST || i >= ISA_REQUESTS ? ioApic.line(i) : i == 2 ? InterruptLine.UNCONNECTED : isa(i);
        }
        TestDevice device = add("test device", new TestDevice(lines, page -> {}));
        device.connect(io);
        memory.add(Region.device(TestDevice.MEMORY_BASE, TestDevice.MEMORY_SIZE, device.memory()));
    }

    void reset() {
        for (Device d : devices) {
            d.reset();
        }
    }

    /** What firmware does to the board before it starts a kernel. */
    void setUp() {
        for (int i = 0; i < PirqRouter.LINES; i++) {
            io.out(0xCF8, 4, 0x8000_0000 | (configuration.chipset() == Chipset.Q35 ? 31 : 1) << 11 | 0x60);
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
