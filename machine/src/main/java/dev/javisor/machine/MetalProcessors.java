package dev.javisor.machine;

import dev.javisor.hypervisor.paravirtual.ParavirtualCalls;
import dev.javisor.machine.boot.StartState;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Platform;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.CodeCache;
import dev.javisor.processor.execution.CompilerStatistics;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.paging.Paging;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.system.FirmwareRegisters;
import dev.javisor.processor.system.Msrs;
import dev.javisor.processor.trace.TraceSink;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A machine's own processors. */
final class MetalProcessors implements Processors {
    private final ApicBus bus;
    private final CodeCache cache;
    private final List<Processor> all = new ArrayList<>();

    MetalProcessors(MachineConfiguration configuration, PhysicalMemory memory, Timeline timeline, ApicBus bus, Platform board) {
        this.bus = bus;
        cache = new CodeCache(memory, configuration.engine());
        Paging paging = new Paging(configuration.model(), memory);
        for (int i = 0; i < configuration.processors(); i++) {
            LogicalProcessor p = new LogicalProcessor(configuration.model(), i, memory, timeline, cache, paging, board);
            p.cpu().processors = configuration.processors();
            p.cpu().rngState = configuration.randomSeed(i);
            p.cpu().pauseYields = configuration.processors() > 1;
            if (configuration.has(MachineConfiguration.TestDevice.KVM_HYPERCALLS)) {
                p.cpu().hypercalls = new ParavirtualCalls(bus, null, ParavirtualCalls.Peers.NONE);
            }
            p.cpu().forcedEmulation = configuration.forcedEmulation();
            all.add(new Metal(p, new LocalApic(p.cpu(), bus)));
        }
    }

    @Override
    public List<Processor> all() {
        return List.copyOf(all);
    }

    @Override
    public List<LogicalProcessor> metal() {
        return all.stream().map(p -> ((Metal) p).processor).toList();
    }

    @Override
    public ApicBus interrupts() {
        return bus;
    }

    @Override
    public Map<String, Long> exits() {
        return Map.of();
    }

    @Override
    public CompilerStatistics compilerStatistics() {
        return cache.statistics();
    }

    @Override
    public void close() {
        // they have nothing of their own
    }

    private record Metal(LogicalProcessor processor, LocalApic apic) implements Processor {
        private Cpu cpu() {
            return processor.cpu();
        }

        @Override
        public void run(long limit) {
            processor.run(limit);
        }

        @Override
        public boolean isRunnable() {
            return processor.isRunnable();
        }

        @Override
        public boolean hasYielded() {
            return processor.hasYielded();
        }

        @Override
        public void stop() {
            processor.stop();
        }

        @Override
        public void settle() {
            // it always is
        }

        @Override
        public void reset() {
            processor.reset();
        }

        @Override
        public void start(StartState state) {
            state.apply(cpu());
        }

        @Override
        public void startReal(int segment, int offset) {
            Cpu c = cpu();
            c.selector[Cpu.CS] = segment;
            c.segBase[Cpu.CS] = (long) segment << 4;
            c.segLimit[Cpu.CS] = 0xFFFF;
            c.rip = offset;
            c.updateMode();
        }

        @Override
        public void setUp(long devices) {
            FirmwareRegisters.setUp(cpu().model, devices, (index, value) -> Msrs.write(cpu(), index, value));
            if (cpu().index == 0) {
                apic.setVirtualWireMode();
            }
        }

        @Override
        public boolean isShutDown() {
            return cpu().activity == Cpu.SHUTDOWN;
        }

        @Override
        public String failure() {
            return null;
        }

        @Override
        public boolean waitsForInterrupt() {
            Cpu c = cpu();
            return c.activity == Cpu.MWAIT || c.activity == Cpu.HLT && (c.rflags & Flags.IF) != 0;
        }

        @Override
        public long rip() {
            return cpu().rip;
        }

        @Override
        public void trace(TraceSink sink) {
            processor.trace(sink);
        }

        @Override
        public Registers registers() {
            return Registers.of(cpu());
        }

        @Override
        public CodeView code() {
            return CodeView.of(cpu());
        }

        @Override
        public long retired() {
            return cpu().retired;
        }

        @Override
        public long compiledInstructions() {
            return processor.compiledInstructions();
        }

        @Override
        public long regionEntries() {
            return processor.regionEntries();
        }

        @Override
        public void save(StateOutput out) {
            processor.save(out);
        }

        @Override
        public void load(StateInput in) {
            processor.load(in);
        }
    }
}
