package dev.javisor.processor.vmx;

import dev.javisor.processor.vmx.EntryRule.Group;
import java.util.ArrayList;
import java.util.List;

/** All checks of VM entries, in the order in which they are made. */
public final class EntryRules {
    private static final List<EntryRule> ALL = collect();

    /** Those that come before anything of the guest is loaded. */
    private static final EntryRule[] CHECKS = ALL.stream().filter(r -> r.group() != Group.MSR_LOADING).toArray(EntryRule[]::new);

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

    /** The first check that does not hold, or null. */
    static EntryRule firstViolated(EntryContext x) {
        for (EntryRule r : CHECKS) {
            if (!r.holdsIn(x)) {
                return r;
            }
        }
        return null;
    }
}
