package dev.javisor.conformance.vmx;

import dev.javisor.conformance.Options;
import dev.javisor.conformance.Watchdog;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.processor.execution.Engine;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Enters random guests by random VMCSs, on the interpreter and on compiled code. Javisor must not throw, every failed entry must have its
 * reason, and both engines must end in the same state.
 *
 * <pre>
 *     VmxFuzz [--seconds S] [--count N] [--seed X] [--engines one|both]
 * </pre>
 */
public final class VmxFuzz {
    private static final int PATIENCE = 20;

    private final PrintStream out;
    private long seconds = 10;
    private long count = Long.MAX_VALUE;
    private long seed = System.nanoTime();
    private boolean both = true;

    private long cases;
    private long entries;
    private long failed;
    private final Set<String> rules = new TreeSet<>();
    private final Map<String, Integer> exits = new TreeMap<>();

    public VmxFuzz(PrintStream out) {
        this.out = out;
    }

    public static void main(String[] args) throws Exception {
        VmxFuzz run = new VmxFuzz(System.out);
        Options.read("vmx", args, run::option);
        run.run();
    }

    /** @throws IllegalArgumentException if there is no such option, or it does not take the value */
    public VmxFuzz option(String name, String value) {
        switch (name) {
            case "--seconds" -> seconds = Long.parseLong(value);
            case "--count" -> count = Long.parseLong(value);
            case "--seed" -> seed = Long.decode(value);
            case "--engines" -> both = value.equals("both");
            default -> throw new IllegalArgumentException("no option " + name);
        }
        return this;
    }

    public long entries() {
        return entries;
    }

    /** Entries that failed, each with its reason. */
    public long failed() {
        return failed;
    }

    /**
     * Runs cases until the time is over.
     *
     * @throws IllegalStateException with the case's seed, when it is not as promised
     */
    public void run() throws Exception {
        out.println("VmxFuzz --seed " + seed);
        Watchdog.run(PATIENCE, this::run);
        out.printf("%d cases, %d entries, of which %d failed for %d reasons%n", cases, entries, failed, rules.size());
        out.println("exits: " + exits);
    }

    private void run(Watchdog watchdog) {
        CpuModel model = CpuModels.parse("max-intel");
        long start = System.nanoTime();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ram = arena.allocate(VmxHost.RAM, 4096);
            for (; cases < count && System.nanoTime() - start < seconds * 1_000_000_000L; cases++) {
                long caseSeed = seed + cases;
                watchdog.step(() -> "--seed " + caseSeed + " --count 1");
                one(model, ram, caseSeed);
            }
        }
    }

    private void one(CpuModel model, MemorySegment ram, long caseSeed) {
        VmxCase oracle = run(model, Engine.INTERPRETER, ram, caseSeed);
        entries += oracle.entries();
        if (oracle.rule() != null) {
            failed++;
            rules.add(oracle.rule());
        }
        oracle.exits().forEach(r -> exits.merge(r == null ? "none that exists" : r.text, 1, Integer::sum));
        if (both) {
            VmxCase other = run(model, Engine.COMPILER, ram, caseSeed);
            List<String> expected = oracle.state();
            List<String> found = other.state();
            if (!expected.equals(found)) {
                throw new IllegalStateException("--seed %d --count 1: engines differ, %s%n  interpreted: %s%n  compiled: %s"
                        .formatted(caseSeed, oracle, without(expected, found), without(found, expected)));
            }
        }
    }

    private static List<String> without(List<String> all, List<String> these) {
        List<String> rest = new ArrayList<>(all);
        rest.removeAll(these);
        return rest;
    }

    private static VmxCase run(CpuModel model, Engine engine, MemorySegment ram, long caseSeed) {
        VmxCase c = null;
        try {
            c = new VmxCase(model, engine, ram, caseSeed);
            c.run();
            return c;
        } catch (RuntimeException | Error e) {
            throw new IllegalStateException("--seed " + caseSeed + " --count 1, " + engine + ": " + c, e);
        }
    }
}
