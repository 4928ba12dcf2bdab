package dev.javisor.processor.vmx;

import dev.javisor.processor.vmx.EntryRule.Group;
import java.util.ArrayList;
import java.util.List;

/** All checks of VM entries, in the order in which they are made. */
public final class EntryRules {
    private static final List<EntryRule> ALL = collect();

    /** Those that come before anything of the guest is loaded. */
    private static final EntryRule[] CHECKS = ALL.stream().filter(r -> r.group() != Group.MSR_LOADING).toArray(EntryRule[]::new);

    /** Words of a set of checks, which has a bit for each. */
    static final int SET = CHECKS.length + 63 >>> 6;

    private EntryRules() {}

    private static List<EntryRule> collect() {
        List<EntryRule> rules = new ArrayList<>();
        ControlRules.addTo(rules);
        HostRules.addTo(rules);
        GuestRules.addTo(rules);
        MsrLists.addTo(rules);
        return List.copyOf(rules);
    }

    /** The rules, in the order in which the processor applies them. */
    public static List<EntryRule> all() {
        return ALL;
    }

    /** Adds all checks to a set of them. */
    static void addAll(long[] set) {
        for (int i = 0; i < CHECKS.length; i++) {
            set[i >>> 6] |= 1L << i;
        }
    }

    /** The first check that does not hold, or null. */
    static EntryRule firstViolated(EntryContext x) {
        long[] due = x.due();
        for (int word = 0; word < SET; word++) {
            for (long left = due[word]; left != 0; left &= left - 1) {
                int number = 64 * word + Long.numberOfTrailingZeros(left);
                if (!x.holds(CHECKS[number], number)) {
                    return CHECKS[number];
                }
            }
        }
        return null;
    }
}
