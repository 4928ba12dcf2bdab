package dev.javisor.cli;

import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.Place;
import dev.javisor.machine.Registers;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * Finds the first instruction behind which a guest's processors or devices are not the same on the hypervisor as on the metal: runs both
 * side by side and compares them ever more often, from the last moment at which they were alike.
 */
final class FirstDifference {
    /** Instructions between two comparisons, from round to round. */
    private static final long[] STEPS = {1 << 22, 1 << 14, 1 << 7, 1};
    /** Instructions behind the difference in which events are still shown. */
    private static final int BEHIND = 100;

    /** What is compared, and when: at a number of instructions. */
    private record State(long retired, long time, List<Registers> processors, byte[] devices, MachineExit exit) {
        static State of(Machine m, MachineExit exit) {
            List<Registers> processors = m.registers();
            return new State(m.retired(), m.time(), processors, m.devices(), exit);
        }

        boolean isLike(State other) {
            return retired == other.retired && time == other.time && processors.equals(other.processors)
                    && Arrays.equals(devices, other.devices) && exit.equals(other.exit);
        }
    }

    private final Function<Place, ScriptedMachine> machines;
    private final PrintStream out;

    /** @param machines makes a machine that has not run */
    FirstDifference(Function<Place, ScriptedMachine> machines, PrintStream out) {
        this.machines = machines;
        this.out = out;
    }

    /**
     * Describes the first difference within a number of instructions.
     *
     * @return false when there is none
     */
    boolean show(long limit) {
        long alike = 0;
        long end = limit;
        for (long step : STEPS) {
            try (ScriptedMachine first = machines.apply(Place.METAL);
                    ScriptedMachine second = machines.apply(Place.HYPERVISOR)) {
                Machine metal = first.machine();
                Machine hypervisor = second.machine();
                RecentTrace onMetal = new RecentTrace();
                RecentTrace onHypervisor = new RecentTrace();
                if (step == 1) {
                    metal.trace(onMetal);
                    hypervisor.trace(onHypervisor);
                }
                metal.run(alike);
                hypervisor.run(alike);
                State before = State.of(metal, metal.run(alike));
                for (; ; ) {
                    long next = Math.min(end, alike + step);
                    State b = State.of(hypervisor, hypervisor.run(next));
                    State a = State.of(metal, metal.run(next));
                    if (!a.isLike(b)) {
                        if (step == 1) {
                            describe(metal, before, a, b);
                            events("metal", metal, a, onMetal);
                            events("hypervisor", hypervisor, b, onHypervisor);
                            return true;
                        }
                        end = next;
                        break;
                    }
                    if (next == end || !(a.exit instanceof MachineExit.InstructionLimit)) {
                        return false;
                    }
                    before = a;
                    alike = next;
                }
            }
        }
        return false;
    }

    /** The events before the difference, and those that follow soon. */
    private void events(String place, Machine machine, State state, RecentTrace trace) {
        trace.mark();
        if (state.exit instanceof MachineExit.InstructionLimit) {
            machine.run(state.retired + BEHIND);
        }
        out.printf("events on the %s, up to here and a little further:%n", place);
        trace.print(out);
    }

    private void describe(Machine metal, State before, State a, State b) {
        out.printf("the first difference is behind instruction %,d, at %,d ticks%n", before.retired, before.time);
        for (int p = 0; p < before.processors.size(); p++) {
            Registers x = a.processors.get(p);
            Registers y = b.processors.get(p);
            if (x.equals(y) && before.processors.size() > 1) {
                continue;
            }
            out.printf("processor %d before:%n%s", p, before.processors.get(p));
            out.print(CodeListing.at(metal.code().get(p), metal.configuration().model(), before.processors.get(p).rip()));
            if (!x.equals(y)) {
                out.printf("different: %s%n", String.join(", ", x.differences(y)));
                out.printf("processor %d on the metal:%n%sprocessor %d on the hypervisor:%n%s", p, x, p, y);
            }
        }
        out.printf("metal:       %,d instructions, %,d ticks, %s%n", a.retired, a.time, a.exit);
        out.printf("hypervisor:  %,d instructions, %,d ticks, %s%n", b.retired, b.time, b.exit);
        if (!Arrays.equals(a.devices, b.devices)) {
            out.println("the devices are not in the same state");
        }
    }
}
