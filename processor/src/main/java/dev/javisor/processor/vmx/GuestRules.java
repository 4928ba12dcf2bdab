package dev.javisor.processor.vmx;

import static dev.javisor.isa.VmxControl.LOAD_DEBUG_CONTROLS;
import static dev.javisor.isa.VmxControl.LOAD_EFER;
import static dev.javisor.isa.VmxControl.LOAD_PAT;
import static dev.javisor.isa.VmxControl.LOAD_PKRS;
import static dev.javisor.isa.VmxControl.VIRTUAL_NMIS;
import static dev.javisor.isa.VmxControl.VMCS_SHADOWING;

import dev.javisor.isa.VmcsField;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.vmx.EntryRule.Group;
import dev.javisor.processor.vmx.EntryRule.Section;
import java.util.List;

/** "Checks on the Guest State Area", but for segment registers. */
final class GuestRules {
    /** Exit qualifications. */
    private static final int PDPTE = 2, NMI_INJECTION = 3, LINK_POINTER = 4;

    private static final long RFLAGS_RESERVED = 0xFFFF_FFFF_FFC0_8028L;
    private static final long BTF = 2;

    private GuestRules() {}

    static void addTo(List<EntryRule> rules) {
        registers(new Section(rules, Group.GUEST_STATE, "Checks on Guest Control Registers, Debug Registers, and MSRs"));
        SegmentRules.addTo(new Section(rules, Group.GUEST_STATE, "Checks on Guest Segment Registers"));
        tables(new Section(rules, Group.GUEST_STATE, "Checks on Guest Descriptor-Table Registers"));
        flags(new Section(rules, Group.GUEST_STATE, "Checks on Guest RIP, RFLAGS, and SSP"));
        Section other = new Section(rules, Group.GUEST_STATE, "Checks on Guest Non-Register State");
        activity(other);
        interruptibility(other);
        pendingDebug(other);
        linkPointer(other);
        new Section(rules, Group.GUEST_STATE, "Checks on Guest Page-Directory-Pointer-Table Entries")
                .qualified(
                        PDPTE,
                        "guest-pdptes",
                        "reserved bits of the page-directory-pointer-table entries that are present are 0",
                        x -> !x.paePaging() || VmEntry.arePointersValid(x),
                        VmEntry.PDPTES);
    }

    private static void registers(Section s) {
        s.rule(
                "guest-cr0",
                "guest CR0 has the bits that VMX operation fixes",
                x -> x.hasFixedCr0(VmcsField.GUEST_CR0, x.unrestricted() ? EntryContext.CR0_UNRESTRICTED : 0),
                VmcsField.GUEST_CR0);
        s.rule("guest-cr0-paging", "guest CR0.PG needs CR0.PE", x -> !x.guestCr0(Cr.PG) || x.guestCr0(Cr.PE), VmcsField.GUEST_CR0);
        s.rule("guest-cr4", "guest CR4 has the bits that VMX operation fixes, and no reserved ones",
                x -> x.hasFixedCr4(VmcsField.GUEST_CR4), VmcsField.GUEST_CR4);
        s.rule("guest-cr4-cet", "guest CR4.CET needs CR0.WP", x -> !x.guestCr4(Cr.CET) || x.guestCr0(Cr.WP), VmcsField.GUEST_CR4,
                VmcsField.GUEST_CR0);
        s.rule("guest-debugctl", "reserved bits of guest IA32_DEBUGCTL are 0",
                x -> x.off(LOAD_DEBUG_CONTROLS) || x.isDebugctl(VmcsField.GUEST_DEBUGCTL), VmcsField.GUEST_DEBUGCTL);
        s.rule(
                "guest-ia32e",
                "an IA-32e mode guest has CR0.PG and CR4.PAE",
                x -> !x.ia32e() || x.guestCr0(Cr.PG) && x.guestCr4(Cr.PAE),
                VmcsField.GUEST_CR0,
                VmcsField.GUEST_CR4,
                VmcsField.ENTRY_CONTROLS);
        s.rule(
                "guest-pcide",
                "guest CR4.PCIDE needs \"IA-32e mode guest\"",
                x -> x.ia32e() || !x.guestCr4(Cr.PCIDE),
                VmcsField.GUEST_CR4,
                VmcsField.ENTRY_CONTROLS);
        s.rule("guest-cr3", "guest CR3 is within the physical-address width", x -> x.isCr3(VmcsField.GUEST_CR3, x.ia32e()),
                VmcsField.GUEST_CR3);
        s.rule("guest-dr7", "bits 63:32 of guest DR7 are 0", x -> x.off(LOAD_DEBUG_CONTROLS) || x.get(VmcsField.GUEST_DR7) >>> 32 == 0,
                VmcsField.GUEST_DR7);
        canonical(s, "guest-sysenter-esp", VmcsField.GUEST_SYSENTER_ESP);
        canonical(s, "guest-sysenter-eip", VmcsField.GUEST_SYSENTER_EIP);
        s.rule(
                "guest-pat",
                "each byte of guest IA32_PAT is a memory type (0, 1, 4, 5, 6, 7)",
                x -> x.off(LOAD_PAT) || EntryContext.arePatTypes(x.get(VmcsField.GUEST_PAT)),
                VmcsField.GUEST_PAT);
        s.rule("guest-efer", "reserved bits of guest IA32_EFER are 0", x -> x.off(LOAD_EFER) || x.isEfer(VmcsField.GUEST_EFER),
                VmcsField.GUEST_EFER);
        s.rule(
                "guest-efer-lma",
                "LMA of guest IA32_EFER is \"IA-32e mode guest\"",
                x -> x.off(LOAD_EFER) || (x.get(VmcsField.GUEST_EFER) & Cr.LMA) != 0 == x.ia32e(),
                VmcsField.GUEST_EFER,
                VmcsField.ENTRY_CONTROLS);
        s.rule(
                "guest-efer-lme",
                "LME of guest IA32_EFER is LMA while guest CR0.PG is 1",
                x -> x.off(LOAD_EFER) || !x.guestCr0(Cr.PG)
                        || (x.get(VmcsField.GUEST_EFER) & Cr.LMA) != 0 == ((x.get(VmcsField.GUEST_EFER) & Cr.LME) != 0),
                VmcsField.GUEST_EFER,
                VmcsField.GUEST_CR0);
        s.rule("guest-pkrs", "bits 63:32 of guest IA32_PKRS are 0", x -> x.off(LOAD_PKRS) || x.get(VmcsField.GUEST_PKRS) >>> 32 == 0,
                VmcsField.GUEST_PKRS);
    }

    private static void canonical(Section s, String id, VmcsField f) {
        s.rule(id, f.text + " is canonical", x -> x.isCanonical(f), f);
    }

    private static void tables(Section s) {
        canonical(s, "guest-gdtr-base", VmcsField.GUEST_GDTR_BASE);
        canonical(s, "guest-idtr-base", VmcsField.GUEST_IDTR_BASE);
        s.rule("guest-gdtr-limit", "bits 31:16 of the guest GDTR limit are 0", x -> x.get(VmcsField.GUEST_GDTR_LIMIT) >>> 16 == 0,
                VmcsField.GUEST_GDTR_LIMIT);
        s.rule("guest-idtr-limit", "bits 31:16 of the guest IDTR limit are 0", x -> x.get(VmcsField.GUEST_IDTR_LIMIT) >>> 16 == 0,
                VmcsField.GUEST_IDTR_LIMIT);
    }

    private static void flags(Section s) {
        s.rule(
                "guest-rip",
                "guest RIP is canonical in 64-bit mode, and below 4 GiB otherwise",
                x -> x.ia32e() && (x.access(Cpu.CS) & Cpu.L) != 0 ? x.isCanonical(VmcsField.GUEST_RIP)
                        : x.get(VmcsField.GUEST_RIP) >>> 32 == 0,
                VmcsField.GUEST_RIP,
                VmcsField.GUEST_CS_ACCESS_RIGHTS,
                VmcsField.ENTRY_CONTROLS);
        s.rule(
                "guest-rflags",
                "reserved bits of guest RFLAGS are 0, and bit 1 is 1",
                x -> (x.get(VmcsField.GUEST_RFLAGS) & (RFLAGS_RESERVED | Flags.FIXED)) == Flags.FIXED,
                VmcsField.GUEST_RFLAGS);
        s.rule(
                "guest-rflags-vm",
                "guest RFLAGS.VM needs CR0.PE, and a guest that is not in IA-32e mode",
                x -> !x.v86() || !x.ia32e() && x.guestCr0(Cr.PE),
                VmcsField.GUEST_RFLAGS,
                VmcsField.GUEST_CR0,
                VmcsField.ENTRY_CONTROLS);
        s.rule(
                "guest-rflags-if",
                "injection of an external interrupt needs guest RFLAGS.IF",
                x -> !x.injects(Event.EXTERNAL_INTERRUPT) || (x.get(VmcsField.GUEST_RFLAGS) & Flags.IF) != 0,
                VmcsField.GUEST_RFLAGS,
                VmcsField.ENTRY_INTERRUPTION_INFO);
    }

    private static void activity(Section s) {
        VmcsField activity = VmcsField.GUEST_ACTIVITY;
        s.rule("activity", "the activity state is one that IA32_VMX_MISC reports", x -> x.activity() <= Cpu.WAIT_FOR_SIPI, activity);
        s.rule(
                "activity-hlt-privilege",
                "HLT needs guest SS.DPL 0",
                x -> x.activity() != Cpu.HLT || x.dpl(Cpu.SS) == 0,
                activity,
                VmcsField.GUEST_SS_ACCESS_RIGHTS);
        s.rule(
                "activity-blocking",
                "blocking by STI or by MOV SS needs the active state",
                x -> !x.blockedBy(Interruptibility.STI | Interruptibility.MOV_SS) || x.activity() == Cpu.ACTIVE,
                activity,
                VmcsField.GUEST_INTERRUPTIBILITY);
        s.rule(
                "activity-injection",
                "the event to inject is one that ends the activity state",
                x -> !x.injects() || wakes(x),
                activity,
                VmcsField.ENTRY_INTERRUPTION_INFO);
    }

    private static boolean wakes(EntryContext x) {
        int type = InterruptionInfo.type(x.info());
        boolean machineCheck = type == Event.HARDWARE_EXCEPTION && x.vector() == Event.MC;
        boolean debug = type == Event.HARDWARE_EXCEPTION && x.vector() == Event.DB;
        return switch ((int) x.activity()) {
            case Cpu.ACTIVE -> true;
            case Cpu.HLT -> type == Event.EXTERNAL_INTERRUPT || type == Event.NMI || type == Event.OTHER || debug || machineCheck;
            case Cpu.SHUTDOWN -> type == Event.NMI || machineCheck;
            default -> false;
        };
    }

    private static void interruptibility(Section s) {
        VmcsField state = VmcsField.GUEST_INTERRUPTIBILITY;
        VmcsField info = VmcsField.ENTRY_INTERRUPTION_INFO;
        s.rule("interruptibility-reserved", "bits 31:4 of the interruptibility state are 0",
                x -> (x.interruptibility() & (Interruptibility.RESERVED | Interruptibility.ENCLAVE)) == 0, state);
        s.rule(
                "interruptibility-sti-mov-ss",
                "blocking by STI and by MOV SS are not both 1",
                x -> !x.blockedBy(Interruptibility.STI) || !x.blockedBy(Interruptibility.MOV_SS),
                state);
        s.rule(
                "interruptibility-sti-if",
                "blocking by STI needs guest RFLAGS.IF",
                x -> !x.blockedBy(Interruptibility.STI) || (x.get(VmcsField.GUEST_RFLAGS) & Flags.IF) != 0,
                state,
                VmcsField.GUEST_RFLAGS);
        s.rule(
                "interruptibility-interrupt",
                "injection of an external interrupt needs no blocking by STI or MOV SS",
                x -> !x.injects(Event.EXTERNAL_INTERRUPT) || !x.blockedBy(Interruptibility.STI | Interruptibility.MOV_SS),
                state,
                info);
        s.rule(
                "interruptibility-nmi",
                "injection of an NMI needs no blocking by MOV SS",
                x -> !x.injects(Event.NMI) || !x.blockedBy(Interruptibility.MOV_SS),
                state,
                info);
        s.rule("interruptibility-smi", "blocking by SMI is for SMM", x -> !x.blockedBy(Interruptibility.SMI) || x.cpu.inSmm, state);
        s.qualified(
                NMI_INJECTION,
                "interruptibility-virtual-nmi",
                "injection of an NMI needs no blocking by NMI with \"virtual NMIs\"",
                x -> !x.injects(Event.NMI) || x.off(VIRTUAL_NMIS) || !x.blockedBy(Interruptibility.NMI),
                state,
                info);
    }

    private static void pendingDebug(Section s) {
        VmcsField pending = VmcsField.GUEST_PENDING_DEBUG;
        long known = PendingDebug.BREAKPOINTS | PendingDebug.ENABLED_BREAKPOINT | PendingDebug.BS;
        s.rule("pending-debug-reserved", "reserved bits of the pending debug exceptions are 0", x -> (x.get(pending) & ~known) == 0,
                pending);
        s.rule(
                "pending-debug-bs",
                "with blocking by STI or MOV SS, or in HLT, BS says whether single-stepping by RFLAGS.TF without BTF is on",
                x -> !x.blockedBy(Interruptibility.STI | Interruptibility.MOV_SS) && x.activity() != Cpu.HLT
                        || (x.get(pending) & PendingDebug.BS) != 0 == singleSteps(x),
                pending,
                VmcsField.GUEST_RFLAGS,
                VmcsField.GUEST_DEBUGCTL,
                VmcsField.GUEST_INTERRUPTIBILITY,
                VmcsField.GUEST_ACTIVITY);
    }

    private static boolean singleSteps(EntryContext x) {
        return (x.get(VmcsField.GUEST_RFLAGS) & Flags.TF) != 0 && (x.get(VmcsField.GUEST_DEBUGCTL) & BTF) == 0;
    }

    private static boolean linked(EntryContext x) {
        return x.get(VmcsField.VMCS_LINK_POINTER) != Vmcs.NONE;
    }

    private static void linkPointer(Section s) {
        VmcsField link = VmcsField.VMCS_LINK_POINTER;
        s.qualified(
                LINK_POINTER, "link-pointer-address", "VMCS link pointer is -1, or aligned to 4 KiB and within the physical-address width",
                x -> !linked(x) || x.isPage(link), link);
        s.qualified(
                LINK_POINTER,
                "link-pointer-revision",
                "the VMCS that the link pointer names has the processor's revision identifier, and is a shadow VMCS exactly with "
                        + "\"VMCS shadowing\"",
                x -> !linked(x) || !x.isPage(link) || isLinkable(x),
                link);
        s.qualified(LINK_POINTER, "link-pointer-current", "VMCS link pointer does not name the current VMCS",
                x -> !linked(x) || x.get(link) != x.vmcs.address, link);
    }

    private static boolean isLinkable(EntryContext x) {
        Vmcs linked = new Vmcs(x.cpu.memory, x.get(VmcsField.VMCS_LINK_POINTER));
        return linked.hasRevision() && linked.isShadow() == x.on(VMCS_SHADOWING);
    }
}
