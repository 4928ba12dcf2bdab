package dev.javisor.processor.vmx;

import static dev.javisor.isa.VmxControl.HOST_ADDRESS_SPACE_SIZE;
import static dev.javisor.isa.VmxControl.LOAD_CET;
import static dev.javisor.isa.VmxControl.LOAD_HOST_CET;

import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.vmx.EntryRule.Section;
import java.util.function.Predicate;

/** What the checks on host and guest say about the state of control-flow enforcement. */
final class CetRules {
    /** Bits 9:6 of IA32_S_CET are reserved; bits 63:12 are an address. */
    private static final long S_CET_BITS = ~0x3C0L, SUPPRESS_AND_TRACKER = 3 << 10;

    private static final long WORD_ALIGNED = ~3L, LOW_HALF = 0xFFFF_FFFFL;

    private CetRules() {}

    static void host(Section s) {
        registers(s, "host", LOAD_HOST_CET, VmcsField.HOST_S_CET, VmcsField.HOST_INTERRUPT_SSP_TABLE);
        s.zeroes("host-ssp-aligned", "bits 1:0 of host SSP are 0", x -> x.on(LOAD_HOST_CET), VmcsField.HOST_SSP, WORD_ALIGNED);
        s.canonical("host-ssp", x -> x.on(LOAD_HOST_CET), VmcsField.HOST_SSP);
        Predicate<EntryContext> narrow = x -> x.on(LOAD_HOST_CET) && x.off(HOST_ADDRESS_SPACE_SIZE);
        upperHalf(s, "host-s-cet-32", narrow, VmcsField.HOST_S_CET);
        upperHalf(s, "host-ssp-32", narrow, VmcsField.HOST_SSP);
        upperHalf(s, "host-ssp-table-32", narrow, VmcsField.HOST_INTERRUPT_SSP_TABLE);
    }

    private static void upperHalf(Section s, String id, Predicate<EntryContext> applies, VmcsField f) {
        s.zeroes(id, "bits 63:32 of the " + f.text + " are 0 for a 32-bit host", applies, f, LOW_HALF, VmcsField.EXIT_CONTROLS);
    }

    static void guestRegisters(Section s) {
        registers(s, "guest", LOAD_CET, VmcsField.GUEST_S_CET, VmcsField.GUEST_INTERRUPT_SSP_TABLE);
    }

    static void guestSsp(Section s) {
        s.zeroes("guest-ssp-aligned", "bits 1:0 of guest SSP are 0", x -> x.on(LOAD_CET), VmcsField.GUEST_SSP, WORD_ALIGNED);
        s.zeroes(
                "guest-ssp-32",
                "bits 63:32 of guest SSP are 0 outside 64-bit mode",
                x -> x.on(LOAD_CET) && !x.bits64(),
                VmcsField.GUEST_SSP,
                LOW_HALF,
                VmcsField.GUEST_CS_ACCESS_RIGHTS,
                VmcsField.ENTRY_CONTROLS);
        s.rule(
                "guest-ssp",
                "bits of guest SSP beyond the linear-address width are the same in 64-bit mode",
                x -> x.off(LOAD_CET) || !x.bits64() || x.isLinear(VmcsField.GUEST_SSP),
                VmcsField.GUEST_SSP);
    }

    private static void registers(Section s, String who, VmxControl load, VmcsField control, VmcsField table) {
        s.zeroes(who + "-s-cet-reserved", "bits 9:6 of " + control.text + " are 0", x -> x.on(load), control, S_CET_BITS);
        s.rule(
                who + "-s-cet-tracker",
                "SUPPRESS and TRACKER, bits 10 and 11, of " + control.text + " are not both 1",
                x -> x.off(load) || (x.get(control) & SUPPRESS_AND_TRACKER) != SUPPRESS_AND_TRACKER,
                control);
        s.canonical(who + "-s-cet", x -> x.on(load), control);
        s.canonical(who + "-ssp-table", x -> x.on(load), table);
    }
}
