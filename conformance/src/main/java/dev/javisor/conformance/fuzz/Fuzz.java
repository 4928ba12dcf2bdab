package dev.javisor.conformance.fuzz;

import dev.javisor.conformance.Options;
import dev.javisor.conformance.Watchdog;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * Gives Javisor nonsense for a while, and reports what went wrong with the seed that shows it again.
 *
 * <pre>
 *     Fuzz [--seconds S] [--count N] [--seed X] [--only CAMPAIGN] [--case SEED]
 * </pre>
 */
public final class Fuzz {
    /** A case takes milliseconds. */
    private static final int PATIENCE_SECONDS = 20;

    private static final int FRAMES = 12;

    private final PrintStream out;
    private final List<Campaign> campaigns = new ArrayList<>();
    private final Map<String, Map<String, Integer>> outcomes = new LinkedHashMap<>();
    private final Map<String, Integer> failures = new LinkedHashMap<>();
    private long seconds = 600;
    private long count = Long.MAX_VALUE;
    private long seed = System.nanoTime();
    private Long single;
    private String only;
    private int cases;

    Fuzz(PrintStream out) {
        this.out = out;
    }

    public static void main(String[] args) throws Exception {
        Fuzz fuzz = new Fuzz(System.out);
        Options.read("fuzz", args, fuzz::option);
        fuzz.run();
        System.exit(fuzz.failures.isEmpty() ? 0 : 1);
    }

    Fuzz option(String name, String value) {
        switch (name) {
            case "--seconds" -> seconds = Long.parseLong(value);
            case "--count" -> count = Long.parseLong(value);
            case "--seed" -> seed = Long.decode(value);
            case "--case" -> single = Long.decode(value);
            case "--only" -> only = value;
            default -> throw new IllegalArgumentException("no option " + name);
        }
        return this;
    }

    /** What went wrong, each with its number of cases. */
    Map<String, Integer> failures() {
        return failures;
    }

    int cases() {
        return cases;
    }

    void run() throws Exception {
        campaigns.add(new MachineCampaign("code", World::new));
        campaigns.add(new MachineCampaign("devices", DeviceWorld::new));
        campaigns.add(new MachineCampaign("vmx", VmxWorld::new));
        campaigns.add(new PlaceCampaign());
        campaigns.add(new ApiCampaign());
        campaigns.add(new CommandCampaign());
        campaigns.removeIf(c -> only != null && !only.equals(c.name()));
        if (campaigns.isEmpty()) {
            throw new IllegalArgumentException("no campaign " + only);
        }
        out.println("seed " + seed + " (--seed " + seed + ")");
        long start = System.nanoTime();
        try {
            Watchdog.run(PATIENCE_SECONDS, watchdog -> run(watchdog, start));
        } catch (Watchdog.Stall e) {
            failed("stall", e);
        } finally {
            for (Campaign c : campaigns) {
                c.close();
            }
        }
        report((System.nanoTime() - start) / 1e9);
    }

    private void run(Watchdog watchdog, long start) {
        SplittableRandom seeds = new SplittableRandom(seed);
        do {
            for (Campaign c : campaigns) {
                long s = single == null ? seeds.nextLong() : single;
                String what = c.name() + " --case " + s;
                watchdog.step(() -> what);
                cases++;
                try {
                    String outcome = c.run(s);
                    outcomes.computeIfAbsent(c.name(), k -> new TreeMap<>()).merge(outcome, 1, Integer::sum);
                } catch (Throwable t) {
                    failed(what, t);
                }
            }
        } while (single == null && cases < count && System.nanoTime() - start < seconds * 1_000_000_000L);
    }

    /** Failures at the same place are shown once. */
    private void failed(String what, Throwable t) {
        StackTraceElement[] trace = t.getStackTrace();
        String place = t.getClass().getName() + " at " + (trace.length == 0 ? "?" : trace[0]);
        if (failures.merge(place, 1, Integer::sum) > (t instanceof AssertionError ? 5 : 1)) {
            return;
        }
        out.println("FAILED: --only " + what + ": " + t);
        for (int i = 0; i < Math.min(FRAMES, trace.length); i++) {
            out.println("        at " + trace[i]);
        }
    }

    private void report(double time) {
        outcomes.forEach((name, counts) -> {
            int sum = counts.values().stream().mapToInt(Integer::intValue).sum();
            out.println(name + " " + sum + ": " + counts);
        });
        for (Campaign c : campaigns) {
            if (c.instructions() != 0) {
                out.println(c.name() + " instructions " + c.instructions());
            }
        }
        int sum = failures.values().stream().mapToInt(Integer::intValue).sum();
        out.printf("%d cases in %.1f s, %d failures%n", cases, time, sum);
        failures.forEach((place, n) -> out.println(n + " " + place));
    }
}
