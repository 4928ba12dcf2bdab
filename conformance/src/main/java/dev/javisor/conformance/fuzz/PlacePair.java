package dev.javisor.conformance.fuzz;

import dev.javisor.conformance.event.Holes;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Disassembler;
import dev.javisor.machine.CodeView;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.Place;
import dev.javisor.machine.Registers;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.trace.TraceEntry;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;

/** One guest on the metal and on the hypervisor. */
final class PlacePair implements AutoCloseable {
    /** A page of RAM that is gone for a moment. */
    private static final long HOLE = 0x1E0000;
    /** Most guest time for a run, and for each instruction. */
    private static final int PATIENCE = 5000, LATENCY = 20;

    private static final int RECENT = 10;
    /** In each half of eight bytes, for entries of four. */
    private static final long ACCESSED_AND_DIRTY = 0x60_0000_0060L;

    /** How the guest runs. @param holes the hypervisor forgets its tables of pages before each slice */
    record Way(Engine metal, Engine hypervisor, boolean apicVirtualization, boolean holes, boolean saves) {
        static Way random(SplittableRandom r) {
            Engine metal = r.nextInt(4) == 0 ? Engine.COMPILER : Engine.INTERPRETER;
            Engine hypervisor = r.nextBoolean() ? Engine.COMPILER : Engine.INTERPRETER;
            return new Way(metal, hypervisor, r.nextBoolean(), r.nextInt(4) == 0, r.nextInt(4) == 0);
        }
    }

    /** What can be compared in the middle of a run. */
    private record State(MachineExit exit, long time, long retired, List<Registers> registers, byte[] devices) {
        static State of(Machine m, MachineExit exit) {
            return new State(exit, m.time(), m.retired(), m.registers(), m.devices());
        }

        /** What is not as on the metal; empty when everything is. */
        String difference(State metal) {
            StringBuilder s = new StringBuilder();
            if (!exit.equals(metal.exit)) {
                s.append(" exit %s for %s".formatted(exit, metal.exit));
            }
            if (time != metal.time || retired != metal.retired) {
                s.append(" time %d for %d, retired %d for %d".formatted(time, metal.time, retired, metal.retired));
            }
            for (int i = 0; i < registers.size(); i++) {
                Registers mine = registers.get(i);
                Registers other = metal.registers.get(i);
                for (String name : mine.differences(other)) {
                    s.append(" %s of processor %d: %x for %x".formatted(name, i, mine.value(name), other.value(name)));
                }
            }
            if (!Arrays.equals(devices, metal.devices)) {
                s.append(" devices");
            }
            return s.toString();
        }
    }

    private final World world;
    private final Way way;
    private final Machine metal;
    private Machine hypervisor;
    private final long[] tables;
    private State last;
    /** They are not alike, and need not be. */
    private boolean stale;
    private Deque<TraceEntry> metalTrace, hypervisorTrace;

    PlacePair(World world, Way way) {
        this.world = world;
        this.way = way;
        metal = world.machine(configuration(Place.METAL));
        hypervisor = world.machine(configuration(Place.HYPERVISOR));
        last = State.of(metal, new MachineExit.InstructionLimit());
        tables = tables();
    }

    private MachineConfiguration.Builder configuration(Place place) {
        Engine engine = place == Place.METAL ? way.metal : way.hypervisor;
        return world.configuration().place(place).engine(engine).apicVirtualization(way.apicVirtualization);
    }

    /** From here on differences are shown with the events that came before. */
    void trace() {
        metalTrace = trace(metal);
        hypervisorTrace = trace(hypervisor);
    }

    private static Deque<TraceEntry> trace(Machine m) {
        Deque<TraceEntry> entries = new ArrayDeque<>();
        m.trace(e -> {
            entries.add(e);
            if (entries.size() > RECENT) {
                entries.remove();
            }
        });
        return entries;
    }

    /**
     * Runs both by so many instructions.
     *
     * @return null when they are alike behind that; else what is different
     */
    String run(int instructions) {
        long limit = last.retired + instructions;
        long end = last.time + PATIENCE + (long) instructions * LATENCY;
        if (way.holes) {
            Holes.punch(hypervisor, HOLE);
        }
        State a = State.of(metal, metal.run(limit, end));
        State b = State.of(hypervisor, hypervisor.run(limit, end));
        String difference = b.exit instanceof MachineExit.Failure ? "" : b.difference(a);
        if (!difference.isEmpty() && !mayBeStale()) {
            return describe(a, difference);
        }
        stale = !difference.isEmpty();
        last = b;
        return null;
    }

    /**
     * The guest has changed its paging structures, and a processor may go on with what they were: nobody knows for how long, and exits are
     * an end of that.
     */
    private boolean mayBeStale() {
        boolean elsewhere = last.registers.stream().anyMatch(r -> (r.value("cr0") & Cr.PG) != 0 && r.value("cr3") != World.TABLES);
        return elsewhere || !Arrays.equals(tables, tables());
    }

    private long[] tables() {
        long[] all = new long[World.TABLES_SIZE / 8];
        for (int i = 0; i < all.length; i++) {
            all[i] = metal.memory().read(World.TABLES + 8L * i, 8) & ~ACCESSED_AND_DIRTY;
        }
        return all;
    }

    /** How the last run has ended, for the statistics. */
    String outcome() {
        return stale ? "stale translations" : last.exit.getClass().getSimpleName();
    }

    /** The hypervisor has given up, where the metal need not; or translations were stale. */
    boolean hasFailed() {
        return stale || last.exit instanceof MachineExit.Failure;
    }

    boolean goesOn() {
        return !stale && last.exit instanceof MachineExit.InstructionLimit;
    }

    long retired() {
        return last.retired;
    }

    private String describe(State now, String difference) {
        StringBuilder s = new StringBuilder(difference);
        s.append("%n  from %d ticks, %d instructions, %s, with %s".formatted(last.time, last.retired, last.exit, way));
        for (int i = 0; i < last.registers.size(); i++) {
            Registers before = last.registers.get(i);
            if (!before.equals(now.registers.get(i))) {
                s.append("%nprocessor %d:%n%s%s".formatted(i, before, listing(metal.code().get(i), before.rip())));
            }
        }
        if (metalTrace != null) {
            s.append("metal:\n");
            metalTrace.forEach(e -> s.append(e.line()).append('\n'));
            s.append("hypervisor:\n");
            hypervisorTrace.forEach(e -> s.append(e.line()).append('\n'));
        }
        return s.toString();
    }

    private String listing(CodeView code, long rip) {
        byte[] bytes = new byte[Decoder.MAX_LENGTH];
        int n = code.read(rip, bytes);
        Decoder.Result result = new Decoder.Result();
        boolean known = new Decoder(world.model().features()).decode(bytes, 0, n, code.size(), result) == Decoder.Outcome.OK;
        return "  %x: %s%n".formatted(rip, known ? Disassembler.format(result.instruction, rip) : "no instruction");
    }

    /** Something that nobody in the guest has done happens to both. */
    void disturb(SplittableRandom random) {
        long seed = random.nextLong();
        for (Machine m : List.of(metal, hypervisor)) {
            SplittableRandom r = new SplittableRandom(seed);
            switch (r.nextInt(10)) {
                case 0, 1 -> m.memory().write(World.address(r) & World.MEMORY - 8, 8, r.nextLong());
                case 2 -> {
                    // What has been typed and has not arrived is not the machine's to save.
                    if (!way.saves) {
                        m.input(0).add(new byte[] {(byte) r.nextInt()});
                    }
                }
                default -> {}
            }
        }
        if (way.saves && random.nextInt(3) == 0) {
            Machine restored = world.machine(configuration(Place.HYPERVISOR));
            MachineCampaign.restore(restored, hypervisor, MachineCampaign.save(hypervisor));
            hypervisor.close();
            hypervisor = restored;
        }
    }

    /** Null when memory holds the same; else where it does not. */
    String memoryDifference() {
        if (metal.memoryHash().equals(hypervisor.memoryHash())) {
            return null;
        }
        byte[] a = new byte[(int) World.MEMORY];
        byte[] b = new byte[(int) World.MEMORY];
        metal.memory().read(0, a, 0, a.length);
        hypervisor.memory().read(0, b, 0, b.length);
        return "memory from %x on, with %s".formatted(Arrays.mismatch(a, b), way);
    }

    @Override
    public void close() {
        metal.close();
        hypervisor.close();
    }
}
