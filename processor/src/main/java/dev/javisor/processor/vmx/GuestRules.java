package dev.javisor.processor.vmx;

import static dev.javisor.isa.VmxControl.ENABLE_EPT;
import static dev.javisor.isa.VmxControl.LOAD_DEBUG_CONTROLS;
import static dev.javisor.isa.VmxControl.LOAD_EFER;
import static dev.javisor.isa.VmxControl.LOAD_PAT;
import static dev.javisor.isa.VmxControl.LOAD_PKRS;
import static dev.javisor.isa.VmxControl.VIRTUAL_NMIS;
import static dev.javisor.isa.VmxControl.VMCS_SHADOWING;

import dev.javisor.isa.BitNames;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
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
    private static final long BTF = 2, LOW_HALF = 0xFFFF_FFFFL;
    private static final long PDPTE_RESERVED = 0x1E6;

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
        linkPointer(other.reporting(LINK_POINTER));
        pointers(new Section(rules, Group.GUEST_STATE, "Checks on Guest Page-Directory-Pointer-Table Entries").reporting(PDPTE));
    }

    private static void registers(Section s) {
        s.bits(
                "guest-cr0",
                "guest CR0 has the bits that VMX operation fixes (IA32_VMX_CR0_FIXED0 and FIXED1); not PE and PG of an "
                        + "unrestricted guest",
                x -> true,
                VmcsField.GUEST_CR0,
                x -> VmxCapabilities.CR0_FIXED0 & ~(x.unrestricted() ? EntryContext.CR0_UNRESTRICTED : 0),
                x -> EntryContext.CR0_BITS);
        s.rule("guest-cr0-paging", "guest CR0.PG needs CR0.PE", x -> !x.guestCr0(Cr.PG) || x.guestCr0(Cr.PE), VmcsField.GUEST_CR0);
        s.bits(
                "guest-cr4",
                "guest CR4 has the bits that VMX operation fixes (IA32_VMX_CR4_FIXED0 and FIXED1)",
                x -> true,
                VmcsField.GUEST_CR4,
                x -> VmxCapabilities.CR4_FIXED0,
                x -> x.vmx.cr4Bits());
        s.rule(
                "guest-cr4-cet",
                "guest CR4.CET needs CR0.WP",
                x -> !x.guestCr4(Cr.CET) || x.guestCr0(Cr.WP),
                VmcsField.GUEST_CR4,
                VmcsField.GUEST_CR0);
        s.rule(
                "guest-debugctl",
                "reserved bits of guest IA32_DEBUGCTL are 0",
                x -> x.off(LOAD_DEBUG_CONTROLS) || x.isDebugctl(VmcsField.GUEST_DEBUGCTL),
                VmcsField.GUEST_DEBUGCTL);
        s.rule(
                "guest-ia32e",
                "an IA-32e mode guest has CR0.PG and CR4.PAE",
                x -> !x.ia32e() || x.guestCr0(Cr.PG) && x.guestCr4(Cr.PAE),
                VmcsField.GUEST_CR0,
                VmcsField.GUEST_CR4,
                VmcsField.ENTRY_CONTROLS);
        s.zeroes(
                "guest-pcide",
                "guest CR4.PCIDE needs \"IA-32e mode guest\"",
                x -> !x.ia32e(),
                VmcsField.GUEST_CR4,
                ~Cr.PCIDE,
                VmcsField.ENTRY_CONTROLS);
        s.bits(
                "guest-cr3",
                "guest CR3 is within the physical-address width",
                x -> true,
                VmcsField.GUEST_CR3,
                x -> 0,
                x -> x.cr3Bits(x.ia32e()));
        s.zeroes("guest-dr7", "bits 63:32 of guest DR7 are 0", x -> x.on(LOAD_DEBUG_CONTROLS), VmcsField.GUEST_DR7, LOW_HALF);
        s.canonical("guest-sysenter-esp", x -> true, VmcsField.GUEST_SYSENTER_ESP);
        s.canonical("guest-sysenter-eip", x -> true, VmcsField.GUEST_SYSENTER_EIP);
        CetRules.guestRegisters(s);
        s.rule(
                "guest-pat",
                "each byte of guest IA32_PAT is a memory type (0, 1, 4, 5, 6, 7)",
                x -> x.off(LOAD_PAT) || EntryContext.arePatTypes(x.get(VmcsField.GUEST_PAT)),
                VmcsField.GUEST_PAT);
        s.bits(
                "guest-efer",
                "reserved bits of guest IA32_EFER are 0",
                x -> x.on(LOAD_EFER),
                VmcsField.GUEST_EFER,
                x -> 0,
                EntryContext::eferBits);
        s.bits(
                "guest-efer-lma",
                "LMA of guest IA32_EFER is \"IA-32e mode guest\"",
                x -> x.on(LOAD_EFER),
                VmcsField.GUEST_EFER,
                x -> x.ia32e() ? Cr.LMA : 0,
                x -> x.ia32e() ? -1 : ~Cr.LMA,
                VmcsField.ENTRY_CONTROLS);
        s.rule(
                "guest-efer-lme",
                "LME of guest IA32_EFER is LMA while guest CR0.PG is 1",
                x -> x.off(LOAD_EFER)
                        || !x.guestCr0(Cr.PG)
                        || (x.get(VmcsField.GUEST_EFER) & Cr.LMA) != 0 == ((x.get(VmcsField.GUEST_EFER) & Cr.LME) != 0),
                VmcsField.GUEST_EFER,
                VmcsField.GUEST_CR0);
        s.zeroes("guest-pkrs", "bits 63:32 of guest IA32_PKRS are 0", x -> x.on(LOAD_PKRS), VmcsField.GUEST_PKRS, LOW_HALF);
    }

    private static void tables(Section s) {
        s.canonical("guest-gdtr-base", x -> true, VmcsField.GUEST_GDTR_BASE);
        s.canonical("guest-idtr-base", x -> true, VmcsField.GUEST_IDTR_BASE);
        s.zeroes("guest-gdtr-limit", "bits 31:16 of the guest GDTR limit are 0", x -> true, VmcsField.GUEST_GDTR_LIMIT, 0xFFFF);
        s.zeroes("guest-idtr-limit", "bits 31:16 of the guest IDTR limit are 0", x -> true, VmcsField.GUEST_IDTR_LIMIT, 0xFFFF);
    }

    private static void flags(Section s) {
        s.zeroes(
                "guest-rip-32",
                "bits 63:32 of guest RIP are 0 outside 64-bit mode (CS.L in IA-32e mode)",
                x -> !x.bits64(),
                VmcsField.GUEST_RIP,
                LOW_HALF,
                VmcsField.GUEST_CS_ACCESS_RIGHTS,
                VmcsField.ENTRY_CONTROLS);
        s.rule(
                "guest-rip",
                "bits of guest RIP beyond the linear-address width are the same in 64-bit mode",
                x -> !x.bits64() || x.isLinear(VmcsField.GUEST_RIP),
                VmcsField.GUEST_RIP);
        s.bits(
                "guest-rflags",
                "reserved bits of guest RFLAGS are 0, and bit 1 is 1",
                x -> true,
                VmcsField.GUEST_RFLAGS,
                x -> Flags.FIXED,
                x -> ~RFLAGS_RESERVED);
        s.rule(
                "guest-rflags-vm",
                "guest RFLAGS.VM needs CR0.PE, and a guest that is not in IA-32e mode",
                x -> !x.v86() || !x.ia32e() && x.guestCr0(Cr.PE),
                VmcsField.GUEST_RFLAGS,
                VmcsField.GUEST_CR0,
                VmcsField.ENTRY_CONTROLS);
        s.bits(
                "guest-rflags-if",
                "injection of an external interrupt needs guest RFLAGS.IF",
                x -> x.injects(Event.EXTERNAL_INTERRUPT),
                VmcsField.GUEST_RFLAGS,
                x -> Flags.IF,
                x -> -1,
                VmcsField.ENTRY_INTERRUPTION_INFO);
        CetRules.guestSsp(s);
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
        s.zeroes(
                "interruptibility-reserved",
                "bits 31:5 of the interruptibility state are 0, and bit 4 without SGX",
                x -> true,
                state,
                ~(Interruptibility.RESERVED | Interruptibility.ENCLAVE));
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
        s.zeroes(
                "interruptibility-interrupt",
                "injection of an external interrupt needs no blocking by STI or MOV SS",
                x -> x.injects(Event.EXTERNAL_INTERRUPT),
                state,
                ~(Interruptibility.STI | Interruptibility.MOV_SS),
                info);
        s.zeroes(
                "interruptibility-nmi",
                "injection of an NMI needs no blocking by MOV SS",
                x -> x.injects(Event.NMI),
                state,
                ~Interruptibility.MOV_SS,
                info);
        s.zeroes("interruptibility-smi", "blocking by SMI is for SMM", x -> !x.cpu.inSmm, state, ~Interruptibility.SMI);
        s.reporting(NMI_INJECTION)
                .zeroes(
                        "interruptibility-virtual-nmi",
                        "injection of an NMI needs no blocking by NMI with \"virtual NMIs\"",
                        x -> x.injects(Event.NMI) && x.on(VIRTUAL_NMIS),
                        state,
                        ~Interruptibility.NMI,
                        info,
                        VmcsField.PIN_CONTROLS);
    }

    private static void pendingDebug(Section s) {
        VmcsField pending = VmcsField.GUEST_PENDING_DEBUG;
        s.zeroes(
                "pending-debug-reserved",
                "reserved bits of the pending debug exceptions are 0",
                x -> true,
                pending,
                PendingDebug.BREAKPOINTS | PendingDebug.ENABLED_BREAKPOINT | PendingDebug.BS);
        s.bits(
                "pending-debug-bs",
                "with blocking by STI or MOV SS, or in HLT, BS says whether single-stepping by RFLAGS.TF without BTF is on",
                x -> x.blockedBy(Interruptibility.STI | Interruptibility.MOV_SS) || x.activity() == Cpu.HLT,
                pending,
                x -> singleSteps(x) ? PendingDebug.BS : 0,
                x -> singleSteps(x) ? -1 : ~PendingDebug.BS,
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

    private static boolean reachesLink(EntryContext x) {
        return linked(x) && x.isPage(VmcsField.VMCS_LINK_POINTER) && x.isVisible(x.get(VmcsField.VMCS_LINK_POINTER));
    }

    private static Vmcs link(EntryContext x) {
        return new Vmcs(x.memory(), x.get(VmcsField.VMCS_LINK_POINTER));
    }

    private static void linkPointer(Section s) {
        VmcsField link = VmcsField.VMCS_LINK_POINTER;
        s.address("link-pointer-address", GuestRules::linked, link, 0x1000);
        s.add(
                "link-pointer-revision",
                "the VMCS that the link pointer names has the processor's revision identifier, " + VmxCapabilities.REVISION,
                x -> !reachesLink(x) || link(x).hasRevision(),
                x -> x.isVisible(x.get(link))
                        ? "write the identifier into its first 4 bytes, which are %#x".formatted(link(x).revision())
                        : "",
                link);
        s.rule(
                "link-pointer-shadow",
                "the VMCS that the link pointer names is a shadow VMCS (bit 31 of its first 4 bytes) exactly with \"VMCS shadowing\"",
                x -> !reachesLink(x) || link(x).isShadow() == x.on(VMCS_SHADOWING),
                link,
                VmcsField.SECONDARY_CONTROLS);
        s.rule(
                "link-pointer-current",
                "VMCS link pointer does not name the current VMCS",
                x -> !linked(x) || x.get(link) != x.vmcs.address(),
                link);
    }

    private static void pointers(Section s) {
        for (int i = 0; i < VmEntry.PDPTES.length; i++) {
            int number = i;
            s.add(
                    "guest-pdpte" + number,
                    "reserved bits of PDPTE" + number + ", if it is present, are 0 (with EPT of the field, else of memory at guest CR3)",
                    x -> !x.paePaging() || isPointerValid(x, number),
                    x -> pointerRemedy(x, number),
                    VmEntry.PDPTES[number],
                    VmcsField.GUEST_CR3);
        }
    }

    private static long pointerReserved(EntryContext x) {
        return PDPTE_RESERVED | x.cpu.model.physicalReserved();
    }

    private static long pointerAddress(EntryContext x, int number) {
        return (x.get(VmcsField.GUEST_CR3) & 0xFFFF_FFE0L) + 8 * number;
    }

    private static long pointer(EntryContext x, int number) {
        return x.on(ENABLE_EPT) ? x.get(VmEntry.PDPTES[number]) : x.memory().read(pointerAddress(x, number), 8);
    }

    private static String pointerRemedy(EntryContext x, int number) {
        boolean field = x.on(ENABLE_EPT);
        if (!field && !x.isVisible(pointerAddress(x, number))) {
            return "";
        }
        long e = pointer(x, number);
        String what = field ? VmEntry.PDPTES[number].text : "8 bytes at %#x, which are %#x".formatted(pointerAddress(x, number), e);
        return Section.changes(what, BitNames.NONE, 0, e & pointerReserved(x));
    }

    private static boolean isPointerValid(EntryContext x, int number) {
        if (x.off(ENABLE_EPT) && !x.isVisible(pointerAddress(x, number))) {
            return true;
        }
        long e = pointer(x, number);
        return (e & 1) == 0 || (e & pointerReserved(x)) == 0;
    }
}
