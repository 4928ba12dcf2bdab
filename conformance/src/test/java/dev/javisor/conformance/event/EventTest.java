package dev.javisor.conformance.event;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.Place;
import dev.javisor.machine.Registers;
import dev.javisor.processor.execution.Engine;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A guest's events are those of the architecture, on the metal and on the hypervisor, interpreted and compiled, to the tick. */
class EventTest {
    private static final long LIMIT = 200_000;

    /** How a guest runs. With holes, nothing is in the extended page tables at any boundary, so that every delivery is interrupted. */
    private enum Way {
        METAL_INTERPRETED("max-intel", Place.METAL, Engine.INTERPRETER, false),
        METAL_COMPILED("max-intel", Place.METAL, Engine.COMPILER, false),
        HYPERVISOR_INTERPRETED("max-intel", Place.HYPERVISOR, Engine.INTERPRETER, false),
        HYPERVISOR_COMPILED("max-intel", Place.HYPERVISOR, Engine.COMPILER, false),
        HYPERVISOR_HOLES("max-intel", Place.HYPERVISOR, Engine.INTERPRETER, true),
        PLAIN_APIC_COMPILED("max-intel", Place.HYPERVISOR, Engine.COMPILER, false),
        PLAIN_APIC_HOLES("max-intel", Place.HYPERVISOR, Engine.INTERPRETER, true),
        AMD_INTERPRETED("max-amd", Place.METAL, Engine.INTERPRETER, false),
        AMD_COMPILED("max-amd", Place.METAL, Engine.COMPILER, false);

        final String model;
        final Place place;
        final Engine engine;
        final boolean holes;

        Way(String model, Place place, Engine engine, boolean holes) {
            this.model = model;
            this.place = place;
            this.engine = engine;
            this.holes = holes;
        }

        boolean isApicVirtual() {
            return this != PLAIN_APIC_COMPILED && this != PLAIN_APIC_HOLES;
        }
    }

    private record Outcome(List<String> sees, Registers registers, long time, long retired) {}

    private static final Map<EventCase, Outcome> METAL = new HashMap<>(), AMD = new HashMap<>();

    static List<Arguments> ways() {
        List<Arguments> all = new ArrayList<>();
        for (EventCase c : EventCases.all()) {
            for (Way w : Way.values()) {
                if (c.interruptible() || !w.holes) {
                    all.add(Arguments.of(c, w));
                }
            }
        }
        return all;
    }

    @ParameterizedTest(name = "{0} ({1})")
    @MethodSource("ways")
    void theGuestSees(EventCase test, Way way) {
        Outcome o = run(test, way);
        boolean amd = way.model.equals("max-amd");
        Way interpreted = amd ? Way.AMD_INTERPRETED : Way.METAL_INTERPRETED;
        assertThat(o.sees).isEqualTo(amd ? test.seesOnAmd() : test.sees());
        assertThat(o).isEqualTo((amd ? AMD : METAL).computeIfAbsent(test, t -> run(t, interpreted)));
    }

    private static Outcome run(EventCase test, Way way) {
        EventGuest guest = new EventGuest(test);
        MachineConfiguration.Builder b = guest.configuration(way.model, way.place, way.engine).apicVirtualization(way.isApicVirtual());
        try (Machine m = guest.machine(b)) {
            MachineExit end;
            do {
                end = way.holes ? m.run(LIMIT, m.time() + 1) : m.run(LIMIT);
                if (way.holes) {
                    Holes.punch(m);
                }
            } while (end instanceof MachineExit.TimeLimit);
            return new Outcome(EventLog.of(guest, m.memory(), end), m.registers().getFirst(), m.time(), m.retired());
        }
    }
}
