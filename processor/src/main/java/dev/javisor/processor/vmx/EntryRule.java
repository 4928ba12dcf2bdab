package dev.javisor.processor.vmx;

import dev.javisor.isa.BitNames;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmcsText;
import dev.javisor.isa.VmxControl;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/**
 * One check of VM entries, as data: the processor asks which one fails first, people ask which ones fail.
 *
 * @param id short and stable, for people to look for
 * @param group what the failure of the rule means
 * @param section title of the manual's section that has the check
 * @param requirement what must hold
 * @param qualification exit qualification when a rule of the guest-state area fails first
 * @param fields the fields that it looks at
 * @param remedy where it does not hold, what would make it hold; the empty text when the requirement says that
 */
public record EntryRule(
        String id, Group group, String section, String requirement, int qualification, List<VmcsField> fields,
        Predicate<EntryContext> holds, Function<EntryContext, String> remedy) {
    private static final Function<EntryContext, String> AS_REQUIRED = x -> "";

    /** In the order in which they are checked. */
    public enum Group {
        CONTROLS("VMfailValid with error 7"),
        HOST_STATE("VMfailValid with error 8"),
        GUEST_STATE("VM exit with reason 33"),
        MSR_LOADING("VM exit with reason 34");

        /** What a VM entry ends in when a rule of the group is the first that does not hold. */
        public final String text;

        Group(String text) {
            this.text = text;
        }
    }

    boolean holdsIn(EntryContext x) {
        return holds.test(x);
    }

    /** Builds the rules of one section. */
    static final class Section {
        private final List<EntryRule> rules;
        private final Group group;
        private final String title;
        private final int qualification;

        Section(List<EntryRule> rules, Group group, String title) {
            this(rules, group, title, 0);
        }

        private Section(List<EntryRule> rules, Group group, String title, int qualification) {
            this.rules = rules;
            this.group = group;
            this.title = title;
            this.qualification = qualification;
        }

        /** The same section, for rules with this exit qualification. */
        Section reporting(int value) {
            return new Section(rules, group, title, value);
        }

        void rule(String id, String requirement, Predicate<EntryContext> holds, VmcsField... fields) {
            add(id, requirement, holds, AS_REQUIRED, fields);
        }

        /** A rule with what would make it hold, or with what it saw in memory. */
        void add(
                String id, String requirement, Predicate<EntryContext> holds, Function<EntryContext, String> remedy, VmcsField... fields) {
            rules.add(new EntryRule(id, group, title, requirement, qualification, List.of(fields), holds, remedy));
        }

        /**
         * A field of which some bits must be one and others zero.
         *
         * @param applies when it is checked
         * @param required the bits that must be one
         * @param allowed the bits that may be one
         */
        void bits(
                String id, String requirement, Predicate<EntryContext> applies, VmcsField f, ToLongFunction<EntryContext> required,
                ToLongFunction<EntryContext> allowed, VmcsField... others) {
            add(
                    id,
                    requirement,
                    x -> !applies.test(x) || missing(x, f, required) == 0 && surplus(x, f, allowed) == 0,
                    x -> changes(f, missing(x, f, required), surplus(x, f, allowed)),
                    with(f, others));
        }

        /** A field in which other bits than these must be zero. */
        void zeroes(String id, String requirement, Predicate<EntryContext> applies, VmcsField f, long allowed, VmcsField... others) {
            bits(id, requirement, applies, f, x -> 0, x -> allowed, others);
        }

        /** A physical address. @param alignment a power of two, in bytes */
        void address(String id, Predicate<EntryContext> applies, VmcsField f, long alignment, VmcsField... others) {
            String aligned = alignment == 0x1000 ? "4 KiB" : alignment + " bytes";
            bits(
                    id,
                    f.text + " is aligned to " + aligned + " and within the physical-address width",
                    applies,
                    f,
                    x -> 0,
                    x -> ~(alignment - 1 | x.cpu.model.physicalReserved()),
                    others);
        }

        /** A linear address. */
        void canonical(String id, Predicate<EntryContext> applies, VmcsField f, VmcsField... others) {
            add(
                    id,
                    f.text + " is canonical",
                    x -> !applies.test(x) || x.isCanonical(f),
                    x -> {
                        int sign = x.cpu.model.linearBits() - 1;
                        return "make bits 63:%d of the %s copies of bit %d".formatted(sign + 1, f.text, sign);
                    },
                    with(f, others));
        }

        /** What a control needs. */
        void needs(String id, VmxControl control, VmxControl needed) {
            VmcsField f = VmcsText.field(control.word);
            VmcsField g = VmcsText.field(needed.word);
            String remedy = "set " + place(needed, g) + ", or clear " + place(control, f);
            add(
                    id,
                    "\"" + control.text + "\" needs \"" + needed.text + "\"",
                    x -> x.off(control) || x.on(needed),
                    x -> remedy,
                    f == g ? new VmcsField[] {f} : new VmcsField[] {f, g});
        }

        private static String place(VmxControl c, VmcsField f) {
            return "\"%s\" (bit %d of %04XH)".formatted(c.text, c.position, f.encoding);
        }

        private static VmcsField[] with(VmcsField f, VmcsField... others) {
            List<VmcsField> all = new ArrayList<>(List.of(others));
            all.addFirst(f);
            return all.toArray(VmcsField[]::new);
        }

        private static long missing(EntryContext x, VmcsField f, ToLongFunction<EntryContext> required) {
            return required.applyAsLong(x) & ~x.get(f);
        }

        private static long surplus(EntryContext x, VmcsField f, ToLongFunction<EntryContext> allowed) {
            return x.get(f) & ~allowed.applyAsLong(x);
        }

        private static String changes(VmcsField f, long missing, long surplus) {
            return changes(f.text, VmcsText.bits(f), missing, surplus);
        }

        static String changes(String what, BitNames names, long missing, long surplus) {
            String set = missing == 0 ? "" : "set " + names.list(missing);
            String clear = surplus == 0 ? "" : "clear " + names.list(surplus);
            return set + (set.isEmpty() || clear.isEmpty() ? "" : ", ") + clear + " of the " + what;
        }
    }
}
