package dev.javisor.cli.experiment;

import dev.javisor.isa.VmcsText;
import dev.javisor.processor.core.Event;
import java.util.ArrayList;
import java.util.List;

/**
 * What a guest has seen, compared with what it sees when nothing interrupts deliveries.
 *
 * @param lost events that its handlers did not see
 * @param duplicated events that they saw once more
 * @param unexpected events that they should not have seen at all
 * @param reordered those that they saw came in another order
 * @param remarks what else was different, in words
 */
record Verdict(int lost, int duplicated, int unexpected, boolean reordered, List<String> remarks) {
    static Verdict of(Trial.Result expected, Trial.Result actual) {
        List<Trial.Seen> rest = new ArrayList<>(actual.seen());
        List<String> remarks = new ArrayList<>();
        int lost = 0;
        int last = -1;
        boolean reordered = false;
        for (Trial.Seen e : expected.seen()) {
            Trial.Seen a = rest.stream().filter(e::matches).findFirst().orElse(null);
            if (a == null) {
                lost++;
                continue;
            }
            rest.remove(a);
            int at = identity(actual.seen(), a);
            reordered |= at < last;
            last = at;
            remark(remarks, e, a, "RIP", e.rip(), a.rip());
            remark(remarks, e, a, "CR2", e.cr2(), a.cr2());
            remark(remarks, e, a, "DR6", e.dr6(), a.dr6());
        }
        int duplicated = (int) rest.stream().filter(a -> expected.seen().stream().anyMatch(a::matches)).count();
        if (actual.end() != null) {
            remarks.add(actual.end());
        }
        return new Verdict(lost, duplicated, rest.size() - duplicated, reordered, List.copyOf(remarks));
    }

    private static int identity(List<Trial.Seen> all, Trial.Seen one) {
        for (int i = 0; i < all.size(); i++) {
            if (all.get(i) == one) {
                return i;
            }
        }
        throw new IllegalArgumentException("not one of them: " + one);
    }

    private static void remark(List<String> remarks, Trial.Seen e, Trial.Seen a, String register, long expected, long actual) {
        if (expected != actual) {
            remarks.add("%s %#x, not %#x, at %s".formatted(register, actual, expected, name(e.vector())));
        }
    }

    /** What a handler or the end of the guest is called. */
    static String name(int vector) {
        return switch (vector) {
            case Trial.Seen.END -> "the end";
            case Event.NMI_VECTOR -> "NMI";
            default -> vector < 32 ? VmcsText.exception(vector) : "vector %#x".formatted(vector);
        };
    }

    /** The guest sees what it should. */
    boolean isRight() {
        return lost + duplicated + unexpected == 0 && !reordered && remarks.isEmpty();
    }

    /** In few words. */
    String text() {
        List<String> words = new ArrayList<>();
        count(words, lost, "lost");
        count(words, duplicated, "duplicated");
        count(words, unexpected, "unexpected");
        if (reordered) {
            words.add("reordered");
        }
        if (words.isEmpty() && !remarks.isEmpty()) {
            words.add("altered");
        }
        return words.isEmpty() ? "ok" : String.join(", ", words);
    }

    private static void count(List<String> words, int n, String word) {
        if (n > 0) {
            words.add(n + " " + word);
        }
    }
}
