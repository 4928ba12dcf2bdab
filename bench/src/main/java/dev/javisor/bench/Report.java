package dev.javisor.bench;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/** Prints what was measured. */
final class Report {
    static final String STEADY = "instructions per second", WALL = "seconds", INSTRUCTIONS = "instructions", MEMORY = "bytes";
    static final String VMX = "vmx", START = "start-up", LINUX = "linux", KVM_SIEVE = "kvm-sieve";

    /** Guests that compute and do nothing else. */
    static final List<Guest> INTEGER =
            List.of(Guest.CRC, Guest.SIEVE, Guest.LIST, Guest.SORT, Guest.MATMUL, Guest.FIB, Guest.CALLS, Guest.COPY);

    private static final String NONE = "-";

    private final PrintStream out;
    private final Measurements measurements;
    private final List<String> javisor;
    private final List<String> peers;

    /**
     * @param javisor what Javisor's engines are called
     * @param peers what the others are called
     */
    Report(PrintStream out, Measurements measurements, List<String> javisor, List<String> peers) {
        this.out = out;
        this.measurements = measurements;
        this.javisor = javisor;
        this.peers = peers;
    }

    void print() {
        List<Guest> measured = Arrays.stream(Guest.values()).filter(g -> !instructions(g).isEmpty()).toList();
        if (!measured.isEmpty()) {
            steady(measured);
            wholeRuns(measured);
        }
        vmx();
        seconds(START, "From the start of the process to the first character of the guest");
        seconds(KVM_SIEVE, "sieve of kvm-unit-tests, from the start of the process to its end");
        seconds(LINUX, "Linux, from the start of the process to the prompt");
        memory();
    }

    /** What a workload is called when it runs in VMX non-root operation. */
    static String inGuest(Guest g) {
        return g.title() + " in a VMX guest";
    }

    private void vmx() {
        if (javisor.stream().allMatch(e -> measurements.get(VMX, e, STEADY).isEmpty())) {
            return;
        }
        out.println();
        out.println("In a VMX guest with EPT: million instructions per second of processor time; time as a multiple of that without VMX");
        out.println();
        Table table = new Table();
        table.row(head("guest", javisor.stream().flatMap(e -> Stream.of(e, "takes")).toList()));
        Map<String, Sample> factors = new LinkedHashMap<>();
        for (Guest g : INTEGER) {
            List<String> row = new ArrayList<>(List.of(name(g)));
            for (String e : javisor) {
                Sample inside = measurements.get(inGuest(g), e, STEADY);
                double factor = median(g.title(), e) / inside.median();
                factors.computeIfAbsent(e, x -> new Sample()).add(factor);
                row.addAll(List.of(speed(inside), number(factor) + " times"));
            }
            table.row(row);
        }
        table.row(head("median", javisor.stream().flatMap(e -> Stream.of("", number(factors.get(e).median()) + " times")).toList()));
        table.print(out);
        for (String e : javisor) {
            double length = measurements.get(VMX, e, INSTRUCTIONS).median();
            out.printf("%nVM exits and entries of a CPUID loop with EPT, %s: %.2f million per second, %.0f instructions each%n",
                    e, measurements.get(VMX, e, STEADY).median() / length / 1e6, length);
        }
    }

    private Sample instructions(Guest g) {
        return measurements.get(g.title(), javisor.getFirst(), INSTRUCTIONS);
    }

    private List<String> all() {
        List<String> all = new ArrayList<>(javisor);
        all.addAll(peers);
        return all;
    }

    private void steady(List<Guest> guests) {
        out.println();
        out.println("Million guest instructions per second of processor time, after warm-up: median ± half the range");
        out.println();
        Table speeds = new Table();
        speeds.row(head("guest", all()));
        for (Guest g : guests) {
            speeds.row(head(name(g), all().stream().map(e -> speed(measurements.get(g.title(), e, STEADY))).toList()));
        }
        speeds.print(out);
        if (!peers.isEmpty()) {
            ratios(guests);
        }
    }

    private static String name(Guest g) {
        return g.title() + ": " + g.description;
    }

    private static String speed(Sample s) {
        return s.isEmpty() ? NONE : "%.0f ±%.0f%%".formatted(s.median() / 1e6, s.spread());
    }

    private void ratios(List<Guest> guests) {
        out.println();
        out.println("Ratios of these medians; above 1: Javisor is faster");
        out.println();
        List<String[]> pairs = new ArrayList<>();
        for (String e : javisor) {
            for (String p : peers) {
                pairs.add(new String[] {e, p});
            }
        }
        Table table = new Table();
        table.row(head("guest", pairs.stream().map(p -> p[0] + " / " + p[1]).toList()));
        List<Sample> columns = pairs.stream().map(p -> new Sample()).toList();
        for (Guest g : guests) {
            List<String> row = new ArrayList<>(List.of(name(g)));
            for (int i = 0; i < pairs.size(); i++) {
                double ratio = median(g.title(), pairs.get(i)[0]) / median(g.title(), pairs.get(i)[1]);
                row.add(number(ratio));
                if (!Double.isNaN(ratio)) {
                    columns.get(i).add(ratio);
                }
            }
            table.row(row);
        }
        table.row(head("median", columns.stream().map(s -> number(s.median())).toList()));
        table.row(head("worst", columns.stream().map(s -> number(s.minimum())).toList()));
        table.print(out);
    }

    private double median(String workload, String emulator) {
        return measurements.get(workload, emulator, STEADY).median();
    }

    private static String number(double ratio) {
        return Double.isNaN(ratio) ? NONE : "%.2f".formatted(ratio);
    }

    private static List<String> head(String first, List<String> others) {
        List<String> row = new ArrayList<>(List.of(first));
        row.addAll(others);
        return row;
    }

    private void wholeRuns(List<Guest> guests) {
        out.println();
        out.println("Seconds by the clock for a whole process, start and warm-up included: median ± half the range");
        out.println();
        Table table = new Table();
        table.row(head("guest", head("million instructions", all())));
        for (Guest g : guests) {
            String count = "%.0f".formatted(instructions(g).median() / 1e6);
            table.row(head(g.title(), head(count, wall(g.title()))));
        }
        table.print(out);
    }

    private List<String> wall(String workload) {
        return all().stream()
                .map(e -> measurements.get(workload, e, WALL))
                .map(s -> s.isEmpty() ? NONE : "%.2f ±%.0f%%".formatted(s.median(), s.spread()))
                .toList();
    }

    private void seconds(String workload, String what) {
        if (all().stream().allMatch(e -> measurements.get(workload, e, WALL).isEmpty())) {
            return;
        }
        out.println();
        out.println(what + ", in seconds; Javisor's time as a multiple of the others'");
        out.println();
        Table table = new Table();
        table.row(head("", head("seconds", javisor.stream().map(e -> e + " takes").toList())));
        ToDoubleFunction<String> time = e -> measurements.get(workload, e, WALL).median();
        List<String> names = all();
        List<String> cells = wall(workload);
        for (int i = 0; i < names.size(); i++) {
            String peer = names.get(i);
            List<String> multiples = javisor.stream()
                    .map(e -> time.applyAsDouble(e) / time.applyAsDouble(peer))
                    .map(m -> peers.contains(peer) && !Double.isNaN(m) ? "%.1f times".formatted(m) : "")
                    .toList();
            table.row(head(peer, head(cells.get(i), multiples)));
        }
        table.print(out);
    }

    private void memory() {
        for (String e : all()) {
            Sample guests = new Sample();
            for (Guest g : Guest.values()) {
                guests.addAll(measurements.get(g.title(), e, MEMORY));
            }
            Sample linux = measurements.get(LINUX, e, MEMORY);
            if (!guests.isEmpty() || !linux.isEmpty()) {
                out.printf(
                        "%nHost memory beside the guest's RAM, at most: %s%s%s%n",
                        e, guests.isEmpty() ? "" : ", guests above %.0f MB".formatted(guests.maximum() / 1e6),
                        linux.isEmpty() ? "" : ", Linux at its prompt %.0f MB".formatted(linux.maximum() / 1e6));
            }
        }
    }
}
