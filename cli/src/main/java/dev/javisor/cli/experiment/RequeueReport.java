package dev.javisor.cli.experiment;

import dev.javisor.cli.experiment.RequeueExperiment.Run;
import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.processor.core.Event;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What the experiment has found, as tables and as JSON. */
public final class RequeueReport {
    private final List<Run> runs;
    private final List<RequeuePolicy> policies;

    RequeueReport(List<Run> runs, List<RequeuePolicy> policies) {
        this.runs = runs;
        this.policies = policies;
    }

    List<Run> runs() {
        return runs;
    }

    /** The hypervisor's own policy loses, duplicates and reorders nothing. */
    public boolean keepsThePromise() {
        return runs.stream().filter(r -> r.policy() == RequeuePolicy.ALWAYS).allMatch(r -> r.verdict().isRight());
    }

    // ---- tables ----

    /** @param markdown as Markdown, else with aligned columns */
    public String tables(boolean markdown) {
        StringBuilder t = new StringBuilder();
        t.append(heading(markdown, "What guests saw when VM exits interrupted the delivery of an event"));
        t.append(table(markdown, outcomes()));
        t.append("\nIn parentheses: in how many of the runs whose delivery was interrupted. The expectation is the same guest,\n"
                + "undisturbed.\n\n");
        t.append(heading(markdown, "What that cost: exits / decisions / injections / nested exceptions / instructions"));
        t.append(table(markdown, costs()));
        t.append("\nSums over the same runs, each from the first interrupted delivery to its end. A decision is the hypervisor's, that\n"
                + "there shall be an exception. Where events are lost, the instructions of their handlers are missing.\n\n");
        t.append(heading(markdown, "What interrupted deliveries"));
        t.append(table(markdown, provocations()));
        List<List<String>> commands = commands();
        if (commands.size() > 1) {
            t.append('\n').append(heading(markdown, "One of each, with its trace"));
            t.append(table(markdown, commands));
        }
        return t.toString();
    }

    private static String heading(boolean markdown, String text) {
        return markdown ? "### " + text + "\n\n" : text + "\n" + "-".repeat(text.length()) + "\n";
    }

    private List<EventCase> events() {
        return runs.stream().map(Run::event).distinct().toList();
    }

    private List<Run> provoked(EventCase e, RequeuePolicy p) {
        return runs.stream().filter(r -> r.event() == e && r.policy() == p && r.isProvoked()).toList();
    }

    private List<String> header(String first) {
        return Stream.concat(Stream.of(first), policies.stream().map(RequeuePolicy::id)).toList();
    }

    private List<List<String>> outcomes() {
        List<List<String>> rows = new ArrayList<>(List.of(header("event")));
        for (EventCase e : events()) {
            List<String> row = new ArrayList<>(List.of(e.text()));
            policies.forEach(p -> row.add(outcome(provoked(e, p))));
            rows.add(row);
        }
        return rows;
    }

    private static String outcome(List<Run> of) {
        if (of.isEmpty()) {
            return "-";
        }
        List<String> kinds = of.stream().map(r -> r.verdict().text()).distinct().toList();
        return kinds.stream()
                .map(k -> k + " (" + of.stream().filter(r -> r.verdict().text().equals(k)).count() + ")")
                .collect(Collectors.joining("; "));
    }

    private List<List<String>> costs() {
        List<List<String>> rows = new ArrayList<>(List.of(header("event")));
        for (EventCase e : events()) {
            List<String> row = new ArrayList<>(List.of(e.text()));
            policies.forEach(p -> row.add(cost(provoked(e, p))));
            rows.add(row);
        }
        List<String> sum = new ArrayList<>(List.of("all"));
        policies.forEach(p -> sum.add(cost(runs.stream().filter(r -> r.policy() == p && r.isProvoked()).toList())));
        rows.add(sum);
        return rows;
    }

    private static String cost(List<Run> of) {
        Trial.Cost c = of.stream().map(r -> r.result().cost()).reduce(Trial.Cost.NONE, Trial.Cost::plus);
        return c.exits() + " / " + c.decisions() + " / " + c.injections() + " / " + c.nested() + " / " + c.instructions();
    }

    private List<List<String>> provocations() {
        List<List<String>> rows = new ArrayList<>(List.of(List.of("provocation", "runs", "interrupted", "exits during deliveries")));
        for (Provocation w : Provocation.values()) {
            List<Run> of = runs.stream().filter(r -> r.provocation() == w).toList();
            if (!of.isEmpty()) {
                rows.add(List.of(
                        w.text,
                        Integer.toString(of.size()),
                        Long.toString(of.stream().filter(Run::isProvoked).count()),
                        Long.toString(of.stream().mapToLong(r -> r.result().interrupting()).sum())));
            }
        }
        return rows;
    }

    private List<List<String>> commands() {
        List<List<String>> rows = new ArrayList<>(List.of(List.of("event", "policy", "outcome", "command")));
        for (EventCase e : events()) {
            for (RequeuePolicy p : policies) {
                List<String> told = new ArrayList<>();
                for (Run r : provoked(e, p)) {
                    String outcome = r.verdict().text();
                    if (!r.verdict().isRight() && !told.contains(outcome)) {
                        told.add(outcome);
                        rows.add(List.of(e.text(), p.id(), outcome + remarks(r.verdict()), r.command()));
                    }
                }
            }
        }
        return rows;
    }

    private static String remarks(Verdict v) {
        return v.remarks().isEmpty() ? "" : "; " + String.join("; ", v.remarks());
    }

    private static String table(boolean markdown, List<List<String>> rows) {
        int[] width = new int[rows.getFirst().size()];
        rows.forEach(row -> Arrays.setAll(width, i -> Math.max(width[i], row.get(i).length())));
        StringBuilder t = new StringBuilder();
        for (int n = 0; n < rows.size(); n++) {
            List<String> row = rows.get(n);
            StringBuilder line = new StringBuilder(markdown ? "| " : "");
            for (int i = 0; i < width.length; i++) {
                boolean last = i == width.length - 1;
                line.append(String.format("%-" + Math.max(1, width[i]) + "s", row.get(i))).append(markdown ? last ? " |" : " | " : "  ");
            }
            t.append(line.toString().stripTrailing()).append('\n');
            if (n == 0) {
                t.append(Arrays.stream(width).mapToObj(w -> "-".repeat(markdown ? w + 2 : w))
                        .collect(Collectors.joining(markdown ? "|" : "  ", markdown ? "|" : "", markdown ? "|\n" : "\n")));
            }
        }
        return t.toString();
    }

    // ---- JSON ----

    /** An array of runs. */
    public String json() {
        return runs.stream().map(RequeueReport::json).collect(Collectors.joining(",\n", "[\n", "\n]\n"));
    }

    private static String json(Run r) {
        Verdict v = r.verdict();
        Trial.Cost c = r.result().cost();
        return String.format(
                Locale.ROOT,
                "{\"event\":\"%s\",\"provocation\":\"%s\",\"policy\":\"%s\",\"interrupted\":%d,\"right\":%b,\"lost\":%d,\"duplicated\":%d,"
                        + "\"unexpected\":%d,\"reordered\":%b,\"remarks\":[%s],\"exits\":%d,\"decisions\":%d,"
                        + "\"injections\":%d,\"nested\":%d,\"instructions\":%d,\"command\":\"%s\"}",
                r.event().id(), r.provocation().id(), r.policy().id(), r.result().interrupting(), v.isRight(), v.lost(), v.duplicated(),
                v.unexpected(), v.reordered(),
                v.remarks().stream().map(s -> '"' + s + '"').collect(Collectors.joining(",")),
                c.exits(), c.decisions(), c.injections(), c.nested(), c.instructions(), r.command());
    }

    // ---- one run ----

    /** What the guest has seen, and what it should have seen. */
    static String describe(Run r) {
        return "the guest saw:         " + seen(r.result())
                + "\nundisturbed, it sees:  " + seen(r.expected())
                + "\noutcome:               " + r.verdict().text() + remarks(r.verdict()) + "\n";
    }

    private static String seen(Trial.Result r) {
        String events = r.seen().stream()
                .filter(s -> s.vector() != Trial.Seen.END)
                .map(RequeueReport::seen)
                .collect(Collectors.joining(", "));
        return (events.isEmpty() ? "nothing" : events) + (r.end() == null ? "" : "; " + r.end());
    }

    private static String seen(Trial.Seen s) {
        String where = Verdict.name(s.vector()) + " at " + Long.toHexString(s.rip());
        return switch (s.vector()) {
            case Event.DB -> where + " DR6 " + Long.toHexString(s.dr6());
            case Event.PF -> where + " CR2 " + Long.toHexString(s.cr2());
            default -> where;
        };
    }
}
