package dev.javisor.conformance.restore;

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
import java.util.List;
import java.util.SplittableRandom;

/**
 * Saves guests at random instruction boundaries, and in the middle of deliveries; another process goes on from each in a fresh machine, and
 * must come to the state that the next one saves. Guests are those of the event tests, or a kernel that boots. In the end a guest that was
 * saved must be where it is without.
 *
 * <pre>
 *     Restore [--count N] [--seed X] [--on metal|hypervisor] [--engine E] [--instructions N]
 *             [--kernel FILE [--initrd FILE] [--append TEXT] [--memory MIB] [--processors N] [--cpu MODEL]]
 * </pre>
 */
public final class Restore {
    /** How many ticks a boundary is moved at most, to lie between an event and its handler. */
    private static final int SEARCH = 200;

    private final PrintStream out;
    private final Subjects subjects = new Subjects();
    private final List<Place> places = new ArrayList<>(List.of(Place.values()));
    private Engine engine = Engine.AUTO;
    private int count = 1000;
    private long seed = System.nanoTime();
    private long instructions = 400_000_000;
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
        for (int i = 0; i + 1 < args.length; i += 2) {
            r.option(args[i], args[i + 1]);
        }
        if (args.length % 2 != 0) {
            throw new IllegalArgumentException("option " + args[args.length - 1] + " needs a value");
        }
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
            int share = Math.max(1, count / (all.size() * places.size()));
            for (int i = 0; i < all.size(); i++) {
                for (Place place : places) {
                    boolean impossible = place == Place.HYPERVISOR && !all.get(i).isInterruptible();
                    if (impossible || random.nextInt(all.size() * places.size()) >= count) {
                        continue;
                    }
                    to.writeInt(i);
                    to.writeInt(place.ordinal());
                    save(all.get(i), place, random.split(), share, to);
                    to.writeLong(-1);
                }
            }
            to.writeInt(-1);
        }
        int status = process.waitFor();
        listener.join();
        String last = said.isEmpty() ? "" : said.removeLast();
        said.forEach(out::println);
        compared = last.matches("\\d+ \\d+") ? Integer.parseInt(last.split(" ")[0]) : 0;
        if (status != 0 || compared != saved) {
            failures += Math.max(1, said.size());
            out.println("the other process has ended with " + status + " after " + compared + " of " + saved + " comparisons");
        }
        out.println(compared + " boundaries, " + midway + " of them between an event and its handler; " + failures + " failures");
        return failures == 0;
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
        long retired;
        Snapshot end = new Snapshot();
        try (Machine m = subject.machine(place, engine)) {
            m.run(instructions);
            retired = m.retired();
            end.take(m);
        }
        Snapshot snapshot = new Snapshot();
        long[] boundaries = random.longs(share, 0, retired).sorted().toArray();
        try (Machine m = subject.machine(place, engine)) {
            snapshot.take(m);
            snapshot.write(to, false);
            MachineExit exit = null;
            for (long boundary : Arrays.stream(boundaries).distinct().toArray()) {
                exit = m.run(boundary);
                if (exit instanceof MachineExit.InstructionLimit && random.nextBoolean()) {
                    exit = search(m);
                }
                if (isOver(exit)) {
                    break;
                }
                if (m.time() > snapshot.time) {
                    write(m, snapshot, to, false);
                }
            }
            if (exit == null || !isOver(exit)) {
                exit = m.run(instructions);
            }
            write(m, snapshot, to, isOver(exit));
            String difference = end.difference(m);
            if (difference != null) {
                failures++;
                out.println("FAILED: " + subject.name() + " on the " + place + " ends otherwise when it is saved: " + difference);
            }
        }
    }

    private void write(Machine m, Snapshot snapshot, DataOutputStream to, boolean end) throws IOException {
        snapshot.take(m);
        snapshot.write(to, end);
        saved++;
    }

    private static boolean isOver(MachineExit exit) {
        return !(exit instanceof MachineExit.InstructionLimit || exit instanceof MachineExit.TimeLimit);
    }

    /** Goes on tick by tick until one passes without an instruction: an event is being delivered. */
    private MachineExit search(Machine m) {
        MachineExit exit = null;
        for (int i = 0; i < SEARCH; i++) {
            long retired = m.retired();
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
