package dev.javisor.processor.vmx;

import static dev.javisor.isa.VmxControl.HOST_ADDRESS_SPACE_SIZE;
import static dev.javisor.isa.VmxControl.IA32E_MODE_GUEST;
import static dev.javisor.isa.VmxControl.LOAD_HOST_EFER;
import static dev.javisor.isa.VmxControl.LOAD_HOST_PAT;
import static dev.javisor.isa.VmxControl.LOAD_HOST_PKRS;

import dev.javisor.isa.VmcsField;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.vmx.EntryRule.Group;
import dev.javisor.processor.vmx.EntryRule.Section;
import java.util.List;

/** "Checks on Host Control Registers, MSRs, and SSP" and what follows them in the manual. */
final class HostRules {
    private static final long SELECTOR_LOW_BITS = 7;

    private HostRules() {}

    static void addTo(List<EntryRule> rules) {
        registers(new Section(rules, Group.HOST_STATE, "Checks on Host Control Registers, MSRs, and SSP"));
        segments(new Section(rules, Group.HOST_STATE, "Checks on Host Segment and Descriptor-Table Registers"));
        addressSpace(new Section(rules, Group.HOST_STATE, "Checks Related to Address-Space Size"));
    }

    private static void canonical(Section s, String id, VmcsField f) {
        s.rule(id, f.text + " is canonical", x -> x.isCanonical(f), f);
    }

    private static void registers(Section s) {
        s.rule("host-cr0", "host CR0 has the bits that VMX operation fixes", x -> x.hasFixedCr0(VmcsField.HOST_CR0, 0), VmcsField.HOST_CR0);
        s.rule("host-cr4", "host CR4 has the bits that VMX operation fixes, and no reserved ones", x -> x.hasFixedCr4(VmcsField.HOST_CR4),
                VmcsField.HOST_CR4);
        s.rule(
                "host-cr4-cet",
                "host CR4.CET needs host CR0.WP",
                x -> (x.get(VmcsField.HOST_CR4) & Cr.CET) == 0 || (x.get(VmcsField.HOST_CR0) & Cr.WP) != 0,
                VmcsField.HOST_CR4,
                VmcsField.HOST_CR0);
        s.rule("host-cr3", "host CR3 is within the physical-address width", x -> x.isCr3(VmcsField.HOST_CR3, x.on(HOST_ADDRESS_SPACE_SIZE)),
                VmcsField.HOST_CR3);
        canonical(s, "host-sysenter-esp", VmcsField.HOST_SYSENTER_ESP);
        canonical(s, "host-sysenter-eip", VmcsField.HOST_SYSENTER_EIP);
        s.rule(
                "host-pat",
                "each byte of host IA32_PAT is a memory type (0, 1, 4, 5, 6, 7)",
                x -> x.off(LOAD_HOST_PAT) || EntryContext.arePatTypes(x.get(VmcsField.HOST_PAT)),
                VmcsField.HOST_PAT);
        s.rule("host-efer", "reserved bits of host IA32_EFER are 0", x -> x.off(LOAD_HOST_EFER) || x.isEfer(VmcsField.HOST_EFER),
                VmcsField.HOST_EFER);
        s.rule(
                "host-efer-mode",
                "LMA and LME of host IA32_EFER are as \"host address-space size\" says",
                x -> x.off(LOAD_HOST_EFER)
                        || (x.get(VmcsField.HOST_EFER) & (Cr.LMA | Cr.LME)) == (x.on(HOST_ADDRESS_SPACE_SIZE) ? Cr.LMA | Cr.LME : 0),
                VmcsField.HOST_EFER,
                VmcsField.EXIT_CONTROLS);
        s.rule("host-pkrs", "bits 63:32 of host IA32_PKRS are 0", x -> x.off(LOAD_HOST_PKRS) || x.get(VmcsField.HOST_PKRS) >>> 32 == 0,
                VmcsField.HOST_PKRS);
    }

    private static void selector(Section s, String id, VmcsField f) {
        s.rule(id, "RPL and TI of the " + f.text + " are 0", x -> (x.get(f) & SELECTOR_LOW_BITS) == 0, f);
    }

    private static void notNull(Section s, String id, VmcsField f) {
        s.rule(id, f.text + " is not 0", x -> x.get(f) != 0, f);
    }

    private static void segments(Section s) {
        selector(s, "host-es", VmcsField.HOST_ES_SELECTOR);
        selector(s, "host-cs", VmcsField.HOST_CS_SELECTOR);
        selector(s, "host-ss", VmcsField.HOST_SS_SELECTOR);
        selector(s, "host-ds", VmcsField.HOST_DS_SELECTOR);
        selector(s, "host-fs", VmcsField.HOST_FS_SELECTOR);
        selector(s, "host-gs", VmcsField.HOST_GS_SELECTOR);
        selector(s, "host-tr", VmcsField.HOST_TR_SELECTOR);
        notNull(s, "host-cs-null", VmcsField.HOST_CS_SELECTOR);
        notNull(s, "host-tr-null", VmcsField.HOST_TR_SELECTOR);
        s.rule(
                "host-ss-null",
                "host SS selector is not 0 for a 32-bit host",
                x -> x.on(HOST_ADDRESS_SPACE_SIZE) || x.get(VmcsField.HOST_SS_SELECTOR) != 0,
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
                "\"host address-space size\" is the mode in which the processor enters",
                x -> x.on(HOST_ADDRESS_SPACE_SIZE) == x.cpu.longMode(),
                VmcsField.EXIT_CONTROLS);
        s.rule(
                "host-size-guest",
                "\"IA-32e mode guest\" needs \"host address-space size\"",
                x -> x.on(HOST_ADDRESS_SPACE_SIZE) || x.off(IA32E_MODE_GUEST),
                VmcsField.EXIT_CONTROLS,
                VmcsField.ENTRY_CONTROLS);
        s.rule(
                "host-pcide",
                "host CR4.PCIDE is 0 for a 32-bit host",
                x -> x.on(HOST_ADDRESS_SPACE_SIZE) || (x.get(VmcsField.HOST_CR4) & Cr.PCIDE) == 0,
                VmcsField.HOST_CR4,
                VmcsField.EXIT_CONTROLS);
        s.rule(
                "host-rip-32",
                "bits 63:32 of host RIP are 0 for a 32-bit host",
                x -> x.on(HOST_ADDRESS_SPACE_SIZE) || x.get(VmcsField.HOST_RIP) >>> 32 == 0,
                VmcsField.HOST_RIP,
                VmcsField.EXIT_CONTROLS);
        s.rule(
                "host-pae",
                "host CR4.PAE is 1 for a 64-bit host",
                x -> x.off(HOST_ADDRESS_SPACE_SIZE) || (x.get(VmcsField.HOST_CR4) & Cr.PAE) != 0,
                VmcsField.HOST_CR4,
                VmcsField.EXIT_CONTROLS);
        s.rule(
                "host-rip",
                "host RIP is canonical",
                x -> x.off(HOST_ADDRESS_SPACE_SIZE) || x.isCanonical(VmcsField.HOST_RIP),
                VmcsField.HOST_RIP,
                VmcsField.EXIT_CONTROLS);
    }
}
