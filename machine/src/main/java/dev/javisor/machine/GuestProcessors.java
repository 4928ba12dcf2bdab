package dev.javisor.machine;

import dev.javisor.hypervisor.Kvm;
import dev.javisor.hypervisor.Vcpu;
import dev.javisor.hypervisor.Vm;
import dev.javisor.hypervisor.abi.MpState;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.machine.MachineConfiguration.TestDevice;
import dev.javisor.machine.boot.StartState;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.CompilerStatistics;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.system.FirmwareRegisters;
import dev.javisor.processor.trace.TraceSink;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A machine's processors as vcpus of the hypervisor: runs them, and answers for the board what they ask of devices. */
final class GuestProcessors implements Processors {
    private static final long IF = 0x200;

    // Local APIC registers that make up the virtual wire mode
    private static final int SPURIOUS_VECTOR = 0xF0, LINT0 = 0x350, LINT1 = 0x360;
    private static final int SOFTWARE_ENABLED = 0x1FF, EXTINT = 0x700, NMI = 0x400;

    private final Kvm kvm;
    private final Vm vm;
    private final ApicBus bus;
    private final PhysicalMemory memory;
    private final List<Processor> all = new ArrayList<>();
    private final MachineConfiguration configuration;
    private IoBus ports;
    /** Null when all memory is there. */
    private final SlowMemory pages;

    GuestProcessors(MachineConfiguration configuration, PhysicalMemory memory, Timeline timeline) {
        this.configuration = configuration;
        this.memory = memory;
        kvm = Kvm.open(configuration.model(), timeline, configuration.engine());
        vm = kvm.createVm();
        vm.setRequeuePolicy(configuration.requeuePolicy());
        vm.setHypercalls(configuration.model().isParavirtual() || configuration.has(TestDevice.KVM_HYPERCALLS));
        vm.setForcedEmulation(configuration.forcedEmulation());
        vm.setApicVirtualization(configuration.apicVirtualization());
        pages = configuration.pageDelay() == 0 ? null : slowMemory(timeline);
        vm.setPageSource(pages);
        vm.setTimeOfDay(configuration.clock() * 1_000_000_000L);
        bus = vm.createLocalApics(() -> ports.acknowledgeExternalInterrupt());
    }

    private SlowMemory slowMemory(Timeline timeline) {
        int room = (int) Math.min(Integer.MAX_VALUE, configuration.pageRoom() >>> 12);
        return new SlowMemory(vm, timeline, configuration.pageDelay(), room, () -> all.forEach(Processor::stop));
    }

    /** Makes the vcpus; the board is complete. */
    void connect(IoBus board) {
        ports = board;
        GuestMemory slots = new GuestMemory(vm, memory);
        for (int i = 0; i < configuration.processors(); i++) {
            Vcpu v = vm.createVcpu(i);
            v.setProcessors(configuration.processors());
            v.setSeed(configuration.randomSeed(i));
            v.setPauseYields(configuration.processors() > 1);
            all.add(new Guest(v));
        }
        slots.update();
        memory.observeMapping(slots::update);
        memory.setCodeObserver(vm.codeObserver());
    }

    @Override
    public List<Processor> all() {
        return List.copyOf(all);
    }

    @Override
    public List<LogicalProcessor> metal() {
        return List.of();
    }

    @Override
    public ApicBus interrupts() {
        return bus;
    }

    @Override
    public Map<String, Long> exits() {
        Map<String, Long> sum = new TreeMap<>();
        vm.vcpus().forEach(v -> v.exits().forEach((reason, n) -> sum.merge(reason, n, Long::sum)));
        return sum;
    }

    @Override
    public CompilerStatistics compilerStatistics() {
        return kvm.compilerStatistics();
    }

    @Override
    public void close() {
        kvm.close();
    }

    private final class Guest implements Processor {
        private final Vcpu vcpu;
        private boolean stopped;
        private boolean shutDown;
        private String failure;

        Guest(Vcpu vcpu) {
            this.vcpu = vcpu;
        }

        @Override
        public void run(long limit) {
            stopped = false;
            if (pages != null) {
                pages.makeRoom();
            }
            boolean goesOn = true;
            while (goesOn) {
                // A run without time completes the access that the board has answered.
                VcpuExit x = vcpu.run(stopped ? 0 : limit);
                switch (x) {
                    case VcpuExit.Io io -> port(io);
                    case VcpuExit.Mmio mmio -> device(mmio);
                    case VcpuExit.Shutdown s -> {
                        shutDown = true;
                        goesOn = false;
                    }
                    case VcpuExit.Intr i -> goesOn = false;
                    default -> {
                        failure = explain(x);
                        goesOn = false;
                    }
                }
            }
        }

        private static String explain(VcpuExit x) {
            return switch (x) {
                case VcpuExit.FailEntry f -> "VM entry failed: " + f.explanation();
                case VcpuExit.InternalError e when e.suberror() == VcpuExit.InternalError.DELIVERY_EV ->
                        "an event cannot be delivered where there is no memory, at guest-physical address 0x%x".formatted(e.data().get(3));
                case VcpuExit.InternalError e -> "internal error " + e.suberror() + " of the hypervisor";
                case VcpuExit.Unknown u -> "VM exit %d, which the hypervisor does not know".formatted(u.hardwareExitReason());
                default -> "unexpected " + x;
            };
        }

        private void port(VcpuExit.Io io) {
            if (io.direction() == VcpuExit.IO_OUT) {
                ports.out(io.port(), io.size(), io.value());
            } else {
                io.setValue(ports.in(io.port(), io.size()));
            }
        }

        /** Devices take accesses of 1, 2, 4 and 8 bytes. */
        private void device(VcpuExit.Mmio m) {
            if (m.isWrite()) {
                memory.write(m.physicalAddress(), m.length(), m.value());
            } else {
                m.setValue(memory.read(m.physicalAddress(), m.length()));
            }
        }

        @Override
        public boolean isRunnable() {
            return !shutDown && failure == null && vcpu.isRunnable();
        }

        @Override
        public boolean hasYielded() {
            return stopped || vcpu.hasYielded();
        }

        @Override
        public void stop() {
            stopped = true;
            vcpu.stop();
        }

        @Override
        public void settle() {
            vcpu.getRegs();
        }

        @Override
        public void reset() {
            shutDown = false;
            failure = null;
            vcpu.reset();
        }

        @Override
        public void start(StartState state) {
            Sregs s = vcpu.getSregs();
            Regs r = vcpu.getRegs();
            state.apply(s, r);
            vcpu.setSregs(s);
            vcpu.setRegs(r);
        }

        @Override
        public void startReal(int segment, int offset) {
            Sregs s = vcpu.getSregs();
            Segment cs = s.cs;
            cs.selector = segment;
            cs.base = (long) segment << 4;
            cs.limit = 0xFFFF;
            vcpu.setSregs(s);
            Regs r = vcpu.getRegs();
            r.rip = offset;
            vcpu.setRegs(r);
        }

        @Override
        public void setUp(long devices) {
            FirmwareRegisters.setUp(configuration.model(), devices, vcpu::setMsr);
            if (vcpu.id() == 0) {
                byte[] page = vcpu.getLapic();
                ByteBuffer b = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
                b.putInt(SPURIOUS_VECTOR, SOFTWARE_ENABLED).putInt(LINT0, EXTINT).putInt(LINT1, NMI);
                vcpu.setLapic(page);
            }
        }

        @Override
        public boolean isShutDown() {
            return shutDown;
        }

        @Override
        public String failure() {
            return failure;
        }

        @Override
        public boolean waitsForInterrupt() {
            return vcpu.getMpState() == MpState.HALTED && (vcpu.getRegs().rflags & IF) != 0;
        }

        @Override
        public long rip() {
            return vcpu.getRegs().rip;
        }

        @Override
        public void trace(TraceSink sink) {
            vcpu.trace(sink);
        }

        @Override
        public Registers registers() {
            return Registers.of(vcpu);
        }

        @Override
        public CodeView code() {
            return CodeView.of(vcpu, memory);
        }

        @Override
        public long retired() {
            return vcpu.retired();
        }

        @Override
        public long compiledInstructions() {
            return vcpu.compiledInstructions();
        }

        @Override
        public long regionEntries() {
            return vcpu.regionEntries();
        }

        @Override
        public void save(StateOutput out) {
            out.putBoolean("shut down", shutDown);
            out.put("vcpu", vcpu);
            if (vcpu.id() == 0 && pages != null) {
                out.put("pages", pages);
            }
        }

        @Override
        public void load(StateInput in) {
            shutDown = in.getBoolean("shut down");
            in.get("vcpu", vcpu);
            if (vcpu.id() == 0 && pages != null) {
                in.get("pages", pages);
            }
        }
    }
}
