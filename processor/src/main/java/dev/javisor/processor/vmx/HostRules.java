package dev.javisor.processor.vmx;

import static dev.javisor.isa.VmxControl.HOST_ADDRESS_SPACE_SIZE;
import static dev.javisor.isa.VmxControl.IA32E_MODE_GUEST;
import static dev.javisor.isa.VmxControl.LOAD_HOST_EFER;
import static dev.javisor.isa.VmxControl.LOAD_HOST_PAT;
import static dev.javisor.isa.VmxControl.LOAD_HOST_PKRS;

import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.vmx.EntryRule.Group;
import dev.javisor.processor.vmx.EntryRule.Section;
import java.util.List;

/** "Checks on Host Control Registers, MSRs, and SSP" and what follows them in the manual. */
final class HostRules {
    private static final long WITHOUT_RPL_AND_TI = 0xFFF8, LOW_HALF = 0xFFFF_FFFFL;
    private static final long MODES = Cr.LMA | Cr.LME;

    private HostRules() {}

    static void addTo(List<EntryRule> rules) {
        registers(new Section(rules, Group.HOST_STATE, "Checks on Host Control Registers, MSRs, and SSP"));
        segments(new Section(rules, Group.HOST_STATE, "Checks on Host Segment and Descriptor-Table Registers"));
        addressSpace(new Section(rules, Group.HOST_STATE, "Checks Related to Address-Space Size"));
    }

    private static boolean is64(EntryContext x) {
        return x.on(HOST_ADDRESS_SPACE_SIZE);
    }

    private static void canonical(Section s, String id, VmcsField f) {
        s.canonical(id, x -> true, f);
    }

    private static void registers(Section s) {
        s.bits(
                "host-cr0",
                "host CR0 has the bits that VMX operation fixes (IA32_VMX_CR0_FIXED0 and FIXED1)",
                x -> true,
                VmcsField.HOST_CR0,
                x -> VmxCapabilities.CR0_FIXED0,
                x -> EntryContext.CR0_BITS);
        s.bits(
                "host-cr4",
                "host CR4 has the bits that VMX operation fixes (IA32_VMX_CR4_FIXED0 and FIXED1)",
                x -> true,
                VmcsField.HOST_CR4,
                x -> VmxCapabilities.CR4_FIXED0,
                x -> x.vmx.cr4Bits());
        s.rule(
                "host-cr4-cet",
                "host CR4.CET needs host CR0.WP",
                x -> (x.get(VmcsField.HOST_CR4) & Cr.CET) == 0 || (x.get(VmcsField.HOST_CR0) & Cr.WP) != 0,
                VmcsField.HOST_CR4,
                VmcsField.HOST_CR0);
        s.bits(
                "host-cr3",
                "host CR3 is within the physical-address width",
                x -> true,
                VmcsField.HOST_CR3,
                x -> 0,
                x -> x.cr3Bits(is64(x)));
        canonical(s, "host-sysenter-esp", VmcsField.HOST_SYSENTER_ESP);
        canonical(s, "host-sysenter-eip", VmcsField.HOST_SYSENTER_EIP);
        CetRules.host(s);
        s.rule(
                "host-pat",
                "each byte of host IA32_PAT is a memory type (0, 1, 4, 5, 6, 7)",
                x -> x.off(LOAD_HOST_PAT) || EntryContext.arePatTypes(x.get(VmcsField.HOST_PAT)),
                VmcsField.HOST_PAT);
        s.bits(
                "host-efer",
                "reserved bits of host IA32_EFER are 0",
                x -> x.on(LOAD_HOST_EFER),
                VmcsField.HOST_EFER,
                x -> 0,
                EntryContext::eferBits);
        s.bits(
                "host-efer-mode",
                "LMA and LME of host IA32_EFER are as \"host address-space size\" says",
                x -> x.on(LOAD_HOST_EFER),
                VmcsField.HOST_EFER,
                x -> is64(x) ? MODES : 0,
                x -> is64(x) ? -1 : ~MODES,
                VmcsField.EXIT_CONTROLS);
        s.zeroes("host-pkrs", "bits 63:32 of host IA32_PKRS are 0", x -> x.on(LOAD_HOST_PKRS), VmcsField.HOST_PKRS, LOW_HALF);
    }

    private static void selector(Section s, String id, VmcsField f) {
        s.zeroes(id, "RPL and TI of the " + f.text + " are 0", x -> true, f, WITHOUT_RPL_AND_TI);
    }

    private static void notNull(Section s, String id, VmcsField f) {
        s.rule(id, f.text + " is not 0", x -> x.get(f) != 0, f);
    }

    private static void segments(Section s) {
        selector(s, "host-cs", VmcsField.HOST_CS_SELECTOR);
        selector(s, "host-ss", VmcsField.HOST_SS_SELECTOR);
        selector(s, "host-ds", VmcsField.HOST_DS_SELECTOR);
        selector(s, "host-es", VmcsField.HOST_ES_SELECTOR);
        selector(s, "host-fs", VmcsField.HOST_FS_SELECTOR);
        selector(s, "host-gs", VmcsField.HOST_GS_SELECTOR);
        selector(s, "host-tr", VmcsField.HOST_TR_SELECTOR);
        notNull(s, "host-cs-null", VmcsField.HOST_CS_SELECTOR);
        notNull(s, "host-tr-null", VmcsField.HOST_TR_SELECTOR);
        s.rule(
                "host-ss-null",
                "host SS selector is not 0 for a 32-bit host",
                x -> is64(x) || x.get(VmcsField.HOST_SS_SELECTOR) != 0,
                VmcsField.HOST_SS_SELECTOR,
                VmcsField.EXIT_CONTROLS);
        canonical(s, "host-fs-base", VmcsField.HOST_FS_BASE);
        canonical(s, "host-gs-base", VmcsField.HOST_GS_BASE);
        canonical(s, "host-gdtr-base", VmcsField.HOST_GDTR_BASE);
        canonical(s, "host-idtr-base", VmcsField.HOST_IDTR_BASE);
        canonical(s, "host-tr-base", VmcsField.HOST_TR_BASE);
    }

    private static void addressSpace(Section s) {
        s.rule(
                "host-size-now",
                "\"host address-space size\" is 1 exactly if the entry is made in IA-32e mode",
                x -> is64(x) == x.cpu.longMode(),
                VmcsField.EXIT_CONTROLS);
        s.needs("host-size-guest", IA32E_MODE_GUEST, HOST_ADDRESS_SPACE_SIZE);
        s.zeroes(
                "host-pcide",
                "host CR4.PCIDE is 0 for a 32-bit host",
                x -> !is64(x),
                VmcsField.HOST_CR4,
                ~Cr.PCIDE,
                VmcsField.EXIT_CONTROLS);
        s.zeroes(
                "host-rip-32",
                "bits 63:32 of host RIP are 0 for a 32-bit host",
                x -> !is64(x),
                VmcsField.HOST_RIP,
                LOW_HALF,
                VmcsField.EXIT_CONTROLS);
        s.bits(
                "host-pae",
                "host CR4.PAE is 1 for a 64-bit host",
                HostRules::is64,
                VmcsField.HOST_CR4,
                x -> Cr.PAE,
                x -> -1,
                VmcsField.EXIT_CONTROLS);
        s.canonical("host-rip", HostRules::is64, VmcsField.HOST_RIP, VmcsField.EXIT_CONTROLS);
    }
}
