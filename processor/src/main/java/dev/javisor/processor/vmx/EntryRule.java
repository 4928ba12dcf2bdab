package dev.javisor.processor.vmx;

import dev.javisor.isa.VmcsField;
import java.util.List;
import java.util.function.Predicate;

/**
 * One check of VM entries, as data: the processor asks which one fails first, people ask which ones fail.
 *
 * @param id short and stable, for people to look for
 * @param group what the failure of the rule means
 * @param section title of the manual's section that has the check
 * @param requirement what must hold
 * @param qualification exit qualification when a rule of the guest-state area fails first
 * @param fields the fields that it looks at
 */
public record EntryRule(
        String id, Group group, String section, String requirement, int qualification, List<VmcsField> fields,
        Predicate<EntryContext> holds) {
    /** In the order in which they are checked. */
    public enum Group {
        /** VMfail with error 7. */
        CONTROLS,
        /** VMfail with error 8. */
        HOST_STATE,
        /** Exit reason 33. */
        GUEST_STATE,
        /** Exit reason 34. */
        MSR_LOADING
    }

    /** Builds the rules of one section. */
    static final class Section {
        private final List<EntryRule> rules;
        private final Group group;
        private final String title;

        Section(List<EntryRule> rules, Group group, String title) {
            this.rules = rules;
            this.group = group;
            this.title = title;
        }

        void rule(String id, String requirement, Predicate<EntryContext> holds, VmcsField... fields) {
            qualified(0, id, requirement, holds, fields);
        }

        void qualified(int qualification, String id, String requirement, Predicate<EntryContext> holds, VmcsField... fields) {
            rules.add(new EntryRule(id, group, title, requirement, qualification, List.of(fields), holds));
        }
    }

    boolean holdsIn(EntryContext x) {
        return holds.test(x);
    }
}
