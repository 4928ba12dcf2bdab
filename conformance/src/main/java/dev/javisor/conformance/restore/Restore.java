package dev.javisor.conformance.restore;

import dev.javisor.conformance.Options;
import dev.javisor.conformance.event.Holes;
import dev.javisor.conformance.restore.Subjects.Subject;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.Place;
import dev.javisor.processor.execution.Engine;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Saves guests at random instruction boundaries, and in the middle of deliveries; another process goes on from each in a fresh machine, and
 * must come to the state, byte for byte, that is saved at the next. Guests are those of the event tests, and if there is a kernel, its boot
 * for half of the boundaries. In the end a guest that was saved must be where it is without.
 *
 * <p>So every instruction behind the first boundary runs in a machine that was restored not long before. Since execution is deterministic,
 * equal states have equal ends: it is not necessary that each machine runs to the end. What a state leaves out would be missing between
 * the last boundary before its use and the use. Some machines, chosen at random, do run to the end all the same, and are compared at every
 * boundary: they would show what takes longer to be seen than the next boundary is away.
 *
 * <pre>
 *     Restore [--count N] [--seed X] [--on metal|hypervisor] [--engine E] [--instructions N] [--to-end N]
 *             [--kernel FILE [--initrd FILE] [--append TEXT] [--memory MIB] [--processors N] [--cpu MODEL]]
 * </pre>
 */
public final class Restore {
    /** Ticks around a delivery in which a boundary is looked for that lies between the event and its handler. */
    private static final int SEARCH = 8;

    private final PrintStream out;
    private final Subjects subjects = new Subjects();
    private final List<Place> places = new ArrayList<>(List.of(Place.values()));
    private Engine engine = Engine.AUTO;
    private int count = 1000;
    private long seed = System.nanoTime();
    private long instructions = 400_000_000;
    /** How many machines of each guest and place run to the end, about. */
    private int toEnd = 1;
    private boolean worker;
    private int failures;
    private int saved;
    private int compared;
    private int midway;

    Restore(PrintStream out) {
        this.out = out;
    }

    public static void main(String[] args) throws Exception {
        Restore r = new Restore(System.out);
        Options.read("restore", args, r::option);
        System.exit(r.worker ? new RestoreWorker(r.subjects, r.engine).run() ? 0 : 1 : r.run() ? 0 : 1);
    }

    Restore option(String name, String value) {
        switch (name) {
            case "--count" -> count = Integer.parseInt(value);
            case "--seed" -> seed = Long.decode(value);
            case "--engine" -> engine = Engine.named(value).orElseThrow(() -> new IllegalArgumentException("no engine " + value));
            case "--instructions" -> instructions = Long.parseLong(value);
            case "--on" -> {
                places.clear();
                places.add(Place.named(value).orElseThrow(() -> new IllegalArgumentException("no place " + value)));
            }
            case "--to-end" -> toEnd = Integer.parseInt(value);
            case "--worker" -> worker = true;
            default -> {
                if (!subjects.option(name, value)) {
                    throw new IllegalArgumentException("no option " + name);
                }
            }
        }
        return this;
    }

    /** Boundaries at which a guest was saved, and went on elsewhere. */
    int compared() {
        return compared;
    }

    /** Of those, how many lay between an event and the first instruction of its handler. */
    int midway() {
        return midway;
    }

    /** @return whether everything was equal */
    boolean run() throws IOException, InterruptedException {
        out.println("seed " + seed + " (--seed " + seed + ")");
        Process process = start();
        List<String> said = new ArrayList<>();
        Thread listener = Thread.ofPlatform().start(() -> listen(process, said));
        try (DataOutputStream to = new DataOutputStream(new BufferedOutputStream(process.getOutputStream(), 1 << 20))) {
            SplittableRandom random = new SplittableRandom(seed);
            List<Subject> all = subjects.all();
            int boots = subjects.boots();
            int events = all.size() - boots;
            if (boots > 0) {
                saveAll(all, events, boots, count / 2, random, to);
            }
            // The guests of the event tests are short: they are run until there are enough boundaries.
            while (saved < count && failures == 0) {
                saveAll(all, 0, events, count - saved, random, to);
            }
            to.writeInt(-1);
        }
        int status = process.waitFor();
        listener.join();
        String last = said.isEmpty() ? "" : said.removeLast();
        said.forEach(out::println);
        String[] counts = last.matches("\\d+ \\d+") ? last.split(" ") : new String[] {"0", "0"};
        compared = Integer.parseInt(counts[0]);
        if (status != 0 || compared != saved) {
            failures += Math.max(1, said.size());
            out.println("the other process has ended with " + status + " after " + compared + " of " + saved + " comparisons");
        }
        out.println("%d boundaries, %d of them between an event and its handler, %s followed to the end; %d failures"
                .formatted(compared, midway, counts[1], failures));
        return failures == 0;
    }

    /** Saves {@code n} guests from the {@code first} on, at {@code wanted} boundaries, or fewer if they have not so many. */
    private void saveAll(List<Subject> all, int first, int n, int wanted, SplittableRandom random, DataOutputStream to) throws IOException {
        int share = Math.max(1, wanted / (n * places.size()));
        for (int i = first; i < first + n; i++) {
            for (Place place : places) {
                boolean impossible = place == Place.HYPERVISOR && !all.get(i).isInterruptible();
                if (impossible || random.nextInt(n * places.size()) >= wanted) {
                    continue;
                }
                to.writeInt(i);
                to.writeInt(place.ordinal());
                save(all.get(i), place, random.split(), share, to);
                to.writeLong(-1);
            }
        }
    }

    private void listen(Process process, List<String> said) {
        try (BufferedReader from = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            from.lines().forEach(said::add);
        } catch (IOException e) {
            said.add(e.toString());
        }
    }

    private Process start() throws IOException {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Restore.class.getName()));
        command.addAll(List.of("--worker", "yes", "--engine", engine.toString()));
        command.addAll(subjects.arguments());
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    /** Runs a guest to its end, and again with stops. */
    private void save(Subject subject, Place place, SplittableRandom random, int share, DataOutputStream to) throws IOException {
        Deliveries deliveries = new Deliveries();
        long length;
        long retired;
        Snapshot end = new Snapshot();
        try (Machine m = subject.machine(place, engine)) {
            m.trace(deliveries);
            m.run(instructions);
            length = m.time();
            retired = m.retired();
            end.take(m);
            if (subject.isLong()) {
                out.println("%s on the %s: %d instructions, %d deliveries, ends with state %s"
                        .formatted(subject.name(), place, m.retired(), deliveries.count(), end.hash()));
            }
        }
        long[] times = subject.isLong()
                ? random.longs(share, 0, length).toArray()
                : times(subject, place, random.longs(share, 0, retired).sorted().toArray());
        Snapshot snapshot = new Snapshot();
        try (Machine m = subject.machine(place, engine)) {
            snapshot.take(m);
            snapshot.write(to, 0);
            MachineExit exit = null;
            for (Target target : targets(random, times, deliveries)) {
                if (target.time <= m.time()) {
                    continue;
                }
                exit = m.run(instructions, target.time);
                if (exit instanceof MachineExit.TimeLimit && target.delivery) {
                    exit = search(m, place);
                }
                if (isOver(exit)) {
                    break;
                }
                if (m.time() > snapshot.time) {
                    write(m, snapshot, to, random.nextInt(share) < toEnd ? Snapshot.TO_END : 0);
                }
            }
            if (exit == null || !isOver(exit)) {
                exit = m.run(instructions);
            }
            write(m, snapshot, to, isOver(exit) ? Snapshot.OVER : 0);
            String difference = end.difference(m);
            if (difference != null) {
                failures++;
                out.println("FAILED: " + subject.name() + " on the " + place + " ends otherwise when it is saved: " + difference);
            }
        }
    }

    /** Where a guest is saved: at a time, or when the next event from then on is being delivered. */
    private record Target(long time, boolean delivery) {}

    /** When a guest has retired so many instructions. A short guest spends most of its time in a few accesses to devices. */
    private long[] times(Subject subject, Place place, long[] instructionCounts) {
        try (Machine m = subject.machine(place, engine)) {
            return Arrays.stream(instructionCounts)
                    .map(n -> {
                        m.run(n);
                        return m.time();
                    })
                    .toArray();
        }
    }

    /** Half of them at the given times, half of them just before an event. */
    private static List<Target> targets(SplittableRandom random, long[] times, Deliveries deliveries) {
        List<Target> all = new ArrayList<>();
        for (long time : times) {
            boolean delivery = deliveries.count() > 0 && random.nextBoolean();
            long before = delivery ? deliveries.time(random.nextInt(deliveries.count())) - random.nextInt(SEARCH / 2) : time;
            all.add(new Target(before, delivery));
        }
        all.sort(Comparator.comparingLong(Target::time));
        return all;
    }

    private void write(Machine m, Snapshot snapshot, DataOutputStream to, int flags) throws IOException {
        snapshot.take(m);
        snapshot.write(to, flags);
        saved++;
    }

    private static boolean isOver(MachineExit exit) {
        return !(exit instanceof MachineExit.InstructionLimit || exit instanceof MachineExit.TimeLimit);
    }

    /**
     * Goes on tick by tick until one passes without an instruction: an event is being delivered. On the hypervisor nothing is in the
     * extended page tables meanwhile, so that every delivery is interrupted.
     */
    private MachineExit search(Machine m, Place place) {
        MachineExit exit = null;
        for (int i = 0; i < SEARCH; i++) {
            long retired = m.retired();
            if (place == Place.HYPERVISOR) {
                Holes.punch(m);
            }
            exit = m.run(Long.MAX_VALUE, m.time() + 1);
            if (isOver(exit)) {
                break;
            }
            if (m.retired() == retired) {
                midway++;
                break;
            }
        }
        return exit;
    }
}
