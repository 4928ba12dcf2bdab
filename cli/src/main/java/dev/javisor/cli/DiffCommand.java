package dev.javisor.cli;

import dev.javisor.hypervisor.Kvm;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.Place;
import dev.javisor.machine.Registers;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.machine.console.Script;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.trace.TraceEntry;
import dev.javisor.processor.trace.TraceSink;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.CommandLine.Command;

/** {@code javisor diff}: the same guest on the metal and on the hypervisor. */
@Command(
        name = "diff",
        sortOptions = false,
        description = "Runs the same guest on the metal and on the hypervisor, and compares what they do.",
        footer = {
            "",
            "Takes the options of run, except --on. Compared are the first console, line by line without the times",
            "that a kernel puts before them; how the run ends; how many instructions and how much guest time it",
            "has taken; the events that were delivered, and where; processors, devices, memory and screen at the",
            "end. What differs is traced back to the first instruction behind which processors or devices are not",
            "in the same state. The guest may write to its drives, but the files stay as they are, and each side",
            "sees what it has written itself.",
            "",
            "Exit status: 0 no difference; 1 a difference, which is shown, also one of times alone; 2 wrong usage",
            "or unusable file."
        })
final class DiffCommand extends RunCommand {
    private static final int DIFFERENT = 1;
    /** Lines shown before the first difference. */
    private static final int CONTEXT = 3;

    /** What a kernel puts before a line: seconds since its start. */
    private static final Pattern TIME = Pattern.compile("^\\[ *[0-9]+\\.[0-9]+\\] ");

    /** What a run has led to. */
    private record State(List<Registers> processors, String devices, String memory, List<String> screen) {
        /** What a processor's registers hold when it has shut down depends on how far the deliveries had come: nobody sees it. */
        static State of(Machine m, MachineExit exit) {
            List<Registers> registers = exit instanceof MachineExit.Shutdown ? List.of() : m.registers();
            return new State(registers, HexFormat.of().formatHex(m.devices()), m.memoryHash(), m.screen());
        }
    }

    /** How a run went. */
    private record Run(List<String> console, MachineExit exit, long retired, long time, DeliveredEvents events, State end) {
        boolean isLike(Run other) {
            return console.equals(other.console) && exit.equals(other.exit) && retired == other.retired && time == other.time
                    && events.areLike(other.events) && end.equals(other.end);
        }
    }

    /** The events that have reached their handlers: how many, and a digest of what they were and where. */
    private static final class DeliveredEvents implements TraceSink {
        private long count;
        private long digest;

        @Override
        public void accept(TraceEntry e) {
            if (e.what() instanceof Occurrence.Delivered(Event event, long from)) {
                count++;
                // What else an event brings along, as the payload of #DB, is in a register, which only the first attempt sets.
                add(event.vector());
                add(event.type());
                add(event.hasErrorCode() ? event.errorCode() : -1);
                add(from);
                add(e.processor());
                add(e.instructions());
                add(e.rip());
            }
        }

        private void add(long value) {
            digest = 31 * digest + value;
        }

        boolean areLike(DeliveredEvents other) {
            return count == other.count && digest == other.digest;
        }
    }

    @Override
    public Integer call() {
        if (isForHypervisorOnly() || forcedEmulation) {
            throw new UserException("diff: the metal has none of what KVM offers to guests, forced emulation and a page delay");
        }
        Run metal = run(Place.METAL);
        Run hypervisor = run(Place.HYPERVISOR);
        boolean alike = compare(metal, hypervisor, javisor.out);
        if (metal.isLike(hypervisor)) {
            return ExitStatus.OK;
        }
        if (alike) {
            tellTimes(metal, hypervisor, javisor.out);
        }
        javisor.out.flush();
        long behind = metal.exit instanceof MachineExit.Shutdown ? 0 : 1;
        if (!new FirstDifference(this::side, javisor.out).show(Math.max(metal.retired, hypervisor.retired) + behind)) {
            javisor.out.println("registers and devices are the same behind all instructions that were looked at");
        }
        return DIFFERENT;
    }

    /** A machine that has its script and its own view of the drives, and nothing else. */
    private ScriptedMachine side(Place place) {
        return side(place, ByteSink.NONE);
    }

    private ScriptedMachine side(Place place, ByteSink sink) {
        Script script = script();
        MachineConfiguration.Builder b = alone(configuration(Kvm.guestModel(model())).place(place), sink.and(script));
        openSnapshots(b);
        return new ScriptedMachine(b.build(), script, console());
    }

    private Run run(Place place) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try (ScriptedMachine side = side(place, text::write)) {
            Machine machine = side.machine();
            DeliveredEvents events = new DeliveredEvents();
            machine.trace(events);
            MachineExit exit = machine.run(limit());
            List<String> lines = text.toString(StandardCharsets.ISO_8859_1).lines().toList();
            return new Run(lines, exit, machine.retired(), machine.time(), events, State.of(machine, exit));
        }
    }

    private static String normal(String line) {
        return TIME.matcher(line).replaceFirst("");
    }

    private static String end(MachineExit exit) {
        String why = ExitStatus.describe(exit);
        return "status " + ExitStatus.of(exit) + (why == null ? "" : ": " + why);
    }

    /** Compares what users see, with times left out, and shows the first line that differs. */
    private static boolean compare(Run metal, Run hypervisor, PrintStream out) {
        List<String> a = metal.console;
        List<String> b = hypervisor.console;
        int same = 0;
        while (same < a.size() && same < b.size() && normal(a.get(same)).equals(normal(b.get(same)))) {
            same++;
        }
        boolean alike = same == a.size() && same == b.size();
        if (!alike) {
            a.subList(Math.max(0, same - CONTEXT), same).forEach(line -> out.println("             " + line));
            out.println("metal:       " + (same < a.size() ? a.get(same) : "(no more)"));
            out.println("hypervisor:  " + (same < b.size() ? b.get(same) : "(no more)"));
        }
        String ends = end(metal.exit);
        String ended = end(hypervisor.exit);
        if (!ends.equals(ended)) {
            out.println("metal:       ended: " + ends);
            out.println("hypervisor:  ended: " + ended);
            alike = false;
        }
        if (metal.isLike(hypervisor)) {
            out.printf("no difference: %,d lines, %,d instructions, %,d events, %.6f s of guest time, %s%n",
                    a.size(), metal.retired, metal.events.count, (double) metal.time / Timeline.FREQUENCY, ends);
        }
        return alike;
    }

    /** The consoles and the ends are alike; says what is not. */
    private static void tellTimes(Run metal, Run hypervisor, PrintStream out) {
        boolean state = metal.end.equals(hypervisor.end);
        String kind = state ? "only times differ" : "a difference that is not on the console";
        String lines = metal.console.equals(hypervisor.console) ? "" : " but for their times";
        out.printf("%s: the same %,d lines%s and the same end, but%n", kind, metal.console.size(), lines);
        tell(out, "instructions", metal.retired, hypervisor.retired);
        tell(out, "guest time (ticks)", metal.time, hypervisor.time);
        tell(out, "events delivered", metal.events.count, hypervisor.events.count);
        if (metal.events.count == hypervisor.events.count && !metal.events.areLike(hypervisor.events)) {
            out.println("  events delivered: as many, but not all the same, or not at the same instructions");
        }
        if (!state) {
            out.println("  in the end " + String.join(", ", Stream.of(
                            metal.end.processors.equals(hypervisor.end.processors) ? "" : "registers",
                            metal.end.devices.equals(hypervisor.end.devices) ? "" : "devices",
                            metal.end.memory.equals(hypervisor.end.memory) ? "" : "memory",
                            metal.end.screen.equals(hypervisor.end.screen) ? "" : "screen")
                    .filter(part -> !part.isEmpty())
                    .toList()) + " differ");
        }
    }

    private static void tell(PrintStream out, String what, long metal, long hypervisor) {
        if (metal != hypervisor) {
            out.printf("  %s: %,d on the metal, %,d on the hypervisor%n", what, metal, hypervisor);
        }
    }
}
