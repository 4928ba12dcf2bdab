package dev.javisor.processor;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.InterruptController;
import dev.javisor.processor.core.Platform;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.core.Translation;
import dev.javisor.processor.event.Boundary;
import dev.javisor.processor.event.Reset;
import dev.javisor.processor.execution.CodeCache;
import dev.javisor.processor.execution.Fetcher;
import dev.javisor.processor.execution.Interpreter;
import dev.javisor.processor.execution.TieredEngine;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;
import dev.javisor.processor.trace.TraceEntry;
import dev.javisor.processor.trace.TraceSink;
import dev.javisor.processor.vmx.Vmx;

/** One logical processor, put together: state, paging, interrupt controller, engine. */
public final class LogicalProcessor implements Stateful {
    private static final long LONGEST_SLICE = 1 << 30;

    private final Cpu cpu;
    private final Interpreter interpreter;
    /** Null when all code is interpreted. */
    private final TieredEngine tiers;

    /**
     * @param index position in the machine, 0 for the bootstrap processor
     * @param cache decoded code, shared by the processors of the machine
     */
    public LogicalProcessor(
            CpuModel model, int index, PhysicalMemory memory, Timeline timeline, CodeCache cache, Translation translation,
            Platform platform) {
        cpu = new Cpu(model, index, memory, timeline);
        cpu.translation = translation;
        cpu.platform = platform;
        if (model.features().has(Feature.VMX)) {
            cpu.virtualization = new Vmx(cpu);
        }
        Fetcher fetcher = new Fetcher(cpu, cache, new Decoder(model));
        interpreter = new Interpreter(cpu, fetcher);
        tiers = cache.compiles() ? new TieredEngine(cpu, fetcher, interpreter, cache) : null;
    }

    public Cpu cpu() {
        return cpu;
    }

    /** Instructions retired by compiled code. */
    public long compiledInstructions() {
        return tiers == null ? 0 : tiers.compiledInstructions();
    }

    /** How often compiled code was entered. */
    public long regionEntries() {
        return tiers == null ? 0 : tiers.regionEntries();
    }

    /** From here on somebody is told what happens to events; null for nobody. */
    public void trace(TraceSink sink) {
        cpu.tracer = sink == null
                ? null
                : (c, o) -> sink.accept(new TraceEntry(c.now(), c.retiredNow(), c.index, c.guest == null ? 0 : 1, c.rip, o));
    }

    /** Connects the local APIC. */
    public void attach(InterruptController apic) {
        cpu.apic = apic;
    }

    /** Has something to do: runs, or would be woken by an event that is already there. */
    public boolean isRunnable() {
        cpu.monitor.poll();
        return cpu.activity == Cpu.ACTIVE || cpu.requests != 0 && Boundary.wakes(cpu);
    }

    /** Power-up or RESET. */
    public void reset() {
        Reset.reset(cpu);
    }

    /** The last {@link #run} ended because the processor gave way. */
    public boolean hasYielded() {
        return cpu.yielded;
    }

    /** Ends {@link #run} behind the instruction that is running. To be called by devices. */
    public void stop() {
        cpu.yielded = true;
        cpu.endSlice();
    }

    /**
     * Runs until machine time {@code limit}, or until the processor waits (HLT, MWAIT, shutdown, wait-for-SIPI) or gives way to others
     * (PAUSE). Deadlines of the timeline run exactly when they are due.
     *
     * @return instructions retired
     */
    public long run(long limit) {
        return run(limit, null, false);
    }

    /**
     * Runs a guest for a host that is not made of instructions: as {@link #run}, but ends at the VM exit too, which takes no time.
     *
     * @param entry the VM entry to begin with, or null to go on with the guest that runs already
     */
    public long runGuest(long limit, Runnable entry) {
        return run(limit, entry, true);
    }

    private long run(long limit, Runnable entry, boolean guestOnly) {
        Cpu c = cpu;
        Timeline timeline = c.timeline;
        long start = timeline.now();
        c.otherTime = start - c.deliveries - c.retired;
        c.monitor.poll();
        c.notRunning += start - c.stoppedAt;
        c.budget = 0;
        c.sliceEnd = start;
        timeline.activate(c);
        c.yielded = false;
        try {
            if (entry != null) {
                entry.run();
            }
            boolean entered = !guestOnly || c.guest != null;
            while (c.now() < limit && !c.yielded && (!guestOnly || c.guest != null)) {
                if (c.requests != 0 && Boundary.process(c)) {
                    continue;
                }
                if (c.activity != Cpu.ACTIVE) {
                    break;
                }
                long now = c.now();
                long end = Math.min(limit, timeline.next());
                if (end <= now) {
                    timeline.runDue();
                    continue;
                }
                c.budget = (int) Math.min(end - now, LONGEST_SLICE);
                c.sliceEnd = now + c.budget;
                if (Boundary.mustStep(c)) {
                    step();
                } else if (tiers != null) {
                    tiers.run();
                } else {
                    interpreter.run();
                }
                if (c.latency != 0) {
                    int ticks = c.latency;
                    c.latency = 0;
                    timeline.pass(ticks);
                }
                if (c.delay != 0) {
                    delay();
                }
            }
            if (entered && guestOnly && c.guest == null) {
                // The exit has taken a tick as a delivery does; what the host makes of it has its own.
                c.budget++;
                c.deliveries--;
            }
        } finally {
            timeline.activate(null);
        }
        c.stoppedAt = timeline.now();
        long before = c.retired;
        c.retired = c.retiredNow();
        return c.retired - before;
    }

    /** Lets time pass as the last instruction asked for (PAUSE): no deadline is missed, an event that is due ends it. */
    private void delay() {
        Cpu c = cpu;
        boolean due = c.requests != 0 && Boundary.wakes(c);
        c.idle(due ? 0 : Math.clamp(c.timeline.next() - c.now(), 0, c.delay));
        c.delay = 0;
    }

    /** One instruction with everything that hangs on its boundaries: TF, shadows, code breakpoints. */
    private void step() {
        if (Boundary.beforeStep(cpu)) {
            boolean trace = (Flags.rflags(cpu) & Flags.TF) != 0;
            boolean retired = interpreter.step();
            Boundary.afterStep(cpu, trace, retired);
        }
    }

    /**
     * Cached translations are not saved. They are forgotten here too, so that what goes on and what is restored see the same page tables.
     */
    @Override
    public void save(StateOutput out) {
        cpu.flushTlb();
        CpuState.save(cpu, out);
    }

    @Override
    public void load(StateInput in) {
        CpuState.load(cpu, in);
    }
}
