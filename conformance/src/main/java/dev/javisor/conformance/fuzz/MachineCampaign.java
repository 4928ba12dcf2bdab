package dev.javisor.conformance.fuzz;

import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineExit;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.memory.Region;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.SplittableRandom;
import java.util.function.LongFunction;

/** Cases that run on a machine, most of them twice: again, on the compiling engine, or from a saved state. The end must be the same. */
final class MachineCampaign implements Campaign {
    private static final int SLICES = 6, LONGEST_SLICE = 4000;

    /** How the second run differs from the first. */
    private enum Twin {
        NONE,
        SAME,
        COMPILED,
        SAVED
    }

    private final String name;
    private final LongFunction<Scenario> scenarios;
    private long instructions;

    MachineCampaign(String name, LongFunction<Scenario> scenarios) {
        this.name = name;
        this.scenarios = scenarios;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public long instructions() {
        return instructions;
    }

    @Override
    public String run(long seed) {
        Scenario scenario = scenarios.apply(seed);
        SplittableRandom random = new SplittableRandom(~seed);
        Twin twin = Twin.values()[random.nextInt(Twin.values().length)];
        long events = random.nextLong();
        String[] first = new String[SLICES];
        String[] second = new String[SLICES];
        MachineExit end = run(scenario, events, Engine.INTERPRETER, twin == Twin.SAVED ? Saving.KEEP : Saving.NEVER, first);
        switch (twin) {
            case NONE -> {}
            case SAME -> run(scenario, events, Engine.INTERPRETER, Saving.NEVER, second);
            case COMPILED -> run(scenario, events, Engine.COMPILER, Saving.NEVER, second);
            case SAVED -> run(scenario, events, Engine.INTERPRETER, Saving.REPLACE, second);
        }
        for (int k = 0; k < SLICES && twin != Twin.NONE; k++) {
            if (first[k] != null && !first[k].equals(second[k])) {
                throw new AssertionError("%s, %s, slice %d differs:%n%s%n%s".formatted(scenario.label(), twin, k, first[k], second[k]));
            }
        }
        return scenario.label() + " " + end.getClass().getSimpleName();
    }

    private enum Saving {
        NEVER,
        KEEP,
        REPLACE
    }

    private MachineExit run(Scenario scenario, long events, Engine engine, Saving saving, String[] states) {
        SplittableRandom random = new SplittableRandom(events);
        Machine machine = scenario.machine(engine);
        try {
            MachineExit exit = null;
            for (int k = 0; k < SLICES && goesOn(exit, scenario, machine, random); k++) {
                exit = run(machine, random.nextInt(1, LONGEST_SLICE));
                scenario.disturb(machine, random);
                states[k] = describe(machine, exit);
                if (k == SLICES / 2 && saving != Saving.NEVER) {
                    byte[] saved = save(machine);
                    if (saving == Saving.REPLACE) {
                        Machine restored = scenario.machine(engine);
                        restore(restored, machine, saved);
                        machine.close();
                        machine = restored;
                    }
                }
            }
            instructions += machine.retired();
            states[SLICES - 1] = machine.stateHash() + " " + describe(machine, exit);
            return exit;
        } finally {
            machine.close();
        }
    }

    private static boolean goesOn(MachineExit exit, Scenario scenario, Machine machine, SplittableRandom random) {
        return exit == null
                || exit instanceof MachineExit.InstructionLimit
                || exit instanceof MachineExit.Interrupted
                || exit instanceof MachineExit.Shutdown && scenario.revive(machine, random);
    }

    /** Runs so many instructions, or so long as they would take if there were ten times as many. */
    static MachineExit run(Machine machine, int instructions) {
        Timeline timeline = machine.processors().getFirst().cpu().timeline;
        Timeline.Deadline bound = new Timeline.Deadline(() -> {
            machine.interrupt();
            machine.processors().forEach(LogicalProcessor::stop);
        });
        timeline.schedule(bound, timeline.now() + 10L * instructions);
        MachineExit exit = machine.run(machine.retired() + instructions);
        timeline.cancel(bound);
        return exit;
    }

    static byte[] save(Machine machine) {
        StateOutput out = new StateOutput();
        machine.save(out);
        return out.toByteArray();
    }

    /** Makes a machine of the same configuration continue where another one is. */
    static void restore(Machine into, Machine from, byte[] saved) {
        for (Region r : into.memory().regions()) {
            if (r.isMemory() && !r.readOnly) {
                r.segment.copyFrom(from.memory().regionAt(r.start).segment);
            }
        }
        into.load(new StateInput(saved));
    }

    static String describe(Machine machine, MachineExit exit) {
        StringBuilder s = new StringBuilder();
        s.append(exit).append(" time ").append(machine.time());
        machine.processors().forEach(p -> {
            Cpu c = p.cpu();
            s.append("; rip ").append(Long.toHexString(c.rip)).append(" cs ").append(Integer.toHexString(c.selector[Cpu.CS]));
            s.append(" flags ").append(Long.toHexString(Flags.rflags(c))).append(" retired ").append(c.retired);
            s.append(" cr0 ").append(Long.toHexString(c.cr0)).append(" cr2 ").append(Long.toHexString(c.cr2));
            s.append(" activity ").append(c.activity).append(" regs");
            for (int i = 0; i < 16; i++) {
                s.append(' ').append(Long.toHexString(c.gpr[i]));
            }
        });
        return s.toString();
    }
}
