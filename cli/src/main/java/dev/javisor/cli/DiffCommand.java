package dev.javisor.cli;

import dev.javisor.hypervisor.Kvm;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.Place;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.machine.console.Script;
import dev.javisor.machine.virtio.Drive;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;

/** {@code javisor diff}: the same guest on the metal and on the hypervisor. */
@Command(
        name = "diff",
        sortOptions = false,
        description = "Runs the same guest on the metal and on the hypervisor, and compares what they do.",
        footer = {
            "",
            "Takes the options of run. Compared are the first console, line by line without the times that a",
            "kernel puts before them, how the run ends, and how many instructions and how much guest time it",
            "has taken. What differs is then traced back to the first instruction behind which processors or",
            "devices are not in the same state. Drives must be read-only.",
            "",
            "Exit status: 0 no difference; 1 a difference, which is shown; 2 wrong usage or unusable file."
        })
final class DiffCommand extends RunCommand {
    private static final int DIFFERENT = 1;
    /** Lines shown before the first difference. */
    private static final int CONTEXT = 3;

    /** What a kernel puts before a line: seconds since its start. */
    private static final Pattern TIME = Pattern.compile("^\\[ *[0-9]+\\.[0-9]+\\] ");

    /** How a run went. */
    private record Run(List<String> console, MachineExit exit, long retired, long time) {}

    @Override
    public Integer call() {
        if (isForHypervisorOnly()) {
            throw new UserException("diff: the metal has none of what KVM offers to guests, forced emulation and a page delay");
        }
        Run metal = run(Place.METAL);
        Run hypervisor = run(Place.HYPERVISOR);
        boolean equal = compare(metal, hypervisor, javisor.out);
        if (!equal || metal.retired != hypervisor.retired || metal.time != hypervisor.time) {
            javisor.out.flush();
            new FirstDifference(this::machine, javisor.out).show(Math.max(metal.retired, hypervisor.retired));
            equal = false;
        }
        return equal ? ExitStatus.OK : DIFFERENT;
    }

    /** A machine that has its script and nothing else. */
    private Machine machine(Place place) {
        Script script = script();
        MachineConfiguration.Builder b = configuration(Kvm.guestModel(model())).place(place).serial(ByteSink.NONE.and(script));
        Machine m = new Machine(b.build());
        script.start(m.input(0)::add);
        return m;
    }

    private Run run(Place place) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        Script script = script();
        ByteSink sink = text::write;
        MachineConfiguration.Builder b = configuration(Kvm.guestModel(model())).place(place).serial(sink.and(script));
        openDrives(b);
        MachineConfiguration c = b.build();
        try (Machine machine = new Machine(c)) {
            script.start(machine.input(0)::add);
            MachineExit exit = machine.run(limit());
            return new Run(text.toString(StandardCharsets.ISO_8859_1).lines().toList(), exit, machine.retired(), machine.time());
        } finally {
            c.drives().forEach(Drive::close);
        }
    }

    private static String normal(String line) {
        return TIME.matcher(line).replaceFirst("");
    }

    private static String end(MachineExit exit) {
        String why = ExitStatus.describe(exit);
        return "status " + ExitStatus.of(exit) + (why == null ? "" : ": " + why);
    }

    private static boolean compare(Run metal, Run hypervisor, PrintStream out) {
        List<String> a = metal.console;
        List<String> b = hypervisor.console;
        int same = 0;
        while (same < a.size() && same < b.size() && normal(a.get(same)).equals(normal(b.get(same)))) {
            same++;
        }
        boolean equal = same == a.size() && same == b.size();
        if (!equal) {
            a.subList(Math.max(0, same - CONTEXT), same).forEach(line -> out.println("             " + line));
            out.println("metal:       " + (same < a.size() ? a.get(same) : "(no more)"));
            out.println("hypervisor:  " + (same < b.size() ? b.get(same) : "(no more)"));
        }
        String ends = end(metal.exit);
        String ended = end(hypervisor.exit);
        if (!ends.equals(ended)) {
            out.println("metal:       ended: " + ends);
            out.println("hypervisor:  ended: " + ended);
            equal = false;
        }
        if (equal) {
            out.printf("the same %,d lines; instructions: %,d and %,d%n", a.size(), metal.retired, hypervisor.retired);
        }
        return equal;
    }
}
