package dev.javisor.conformance.vmx;

import dev.javisor.isa.Feature;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** For each rule a VMCS that violates it, and nothing else as far as that is possible. */
final class BrokenEntries {
    /** Neither a physical nor a canonical linear address. */
    private static final long NO_ADDRESS = 1L << 62;

    private static final long VALID = 1L << 31, ERROR_CODE = 1 << 11, NMI = VALID | 2 << 8 | 2, GP = VALID | 3 << 8 | 13;
    private static final long SOFTWARE_INTERRUPT = VALID | 4 << 8 | 0x80, EXTERNAL_INTERRUPT = VALID | 0x40, STI = 1, MOV_SS = 2;
    private static final long HLT = 1, BS = 1 << 14, ALL = -1;
    private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};

    /**
     * @param also rules that cannot but be violated too, behind or before the one that it is about
     * @param features that the processor must have although it does not implement them, as far as the rule goes
     */
    record Broken(String rule, boolean wide, GuestKind kind, Consumer<VmxHost> damage, List<String> also, List<Feature> features) {
        @Override
        public String toString() {
            return rule + " (" + kind + " on a " + (wide ? 64 : 32) + "-bit host)";
        }

        Broken and(String... more) {
            return new Broken(rule, wide, kind, damage, List.of(more), features);
        }

        Broken with(Feature... more) {
            return new Broken(rule, wide, kind, damage, also, List.of(more));
        }
    }

    private final List<Broken> all = new ArrayList<>();

    private BrokenEntries() {}

    static List<Broken> all() {
        BrokenEntries b = new BrokenEntries();
        b.execution();
        b.apic();
        b.translation();
        b.functions();
        b.exitAndEntry();
        b.injection();
        b.host();
        b.guestRegisters();
        b.enforcement();
        b.segments();
        b.tables();
        b.nonRegisterState();
        b.msrs();
        return b.all;
    }

    private void add(Broken b) {
        all.add(b);
    }

    private static Broken broken(boolean wide, GuestKind kind, String rule, Consumer<VmxHost> damage) {
        return new Broken(rule, wide, kind, damage, List.of(), List.of());
    }

    private static Broken wide(String rule, Consumer<VmxHost> damage) {
        return broken(true, GuestKind.LONG, rule, damage);
    }

    private static Broken pae(String rule, Consumer<VmxHost> damage) {
        return broken(true, GuestKind.PAE, rule, damage);
    }

    private static Broken v86(String rule, Consumer<VmxHost> damage) {
        return broken(true, GuestKind.V86, rule, damage);
    }

    private static Broken real(String rule, Consumer<VmxHost> damage) {
        return broken(true, GuestKind.REAL, rule, damage);
    }

    /** On a 32-bit host. */
    private static Broken narrow(String rule, Consumer<VmxHost> damage) {
        return broken(false, GuestKind.PAE, rule, damage);
    }

    private void execution() {
        add(wide("pin-controls", h -> h.flip(VmcsField.PIN_CONTROLS, 2)));
        add(wide("pin-controls", h -> h.flip(VmcsField.PIN_CONTROLS, 1L << 20)));
        add(wide("primary-controls", h -> h.flip(VmcsField.PRIMARY_CONTROLS, 2)));
        add(wide("primary-controls", h -> h.flip(VmcsField.PRIMARY_CONTROLS, 1)));
        add(wide("secondary-controls", h -> h.on(VmxControl.DESCRIPTOR_TABLE_EXITING).flip(VmcsField.SECONDARY_CONTROLS, 1L << 29)));
        add(wide("tertiary-controls", h -> h.on(VmxControl.ACTIVATE_TERTIARY).set(VmcsField.TERTIARY_CONTROLS, 1L << 63))
                .with(Feature.VMX_TERTIARY_CTLS));
        add(wide("cr3-target-count", h -> h.set(VmcsField.CR3_TARGET_COUNT, 5)));
        page("io-bitmap-a", VmcsField.IO_BITMAP_A, VmxControl.USE_IO_BITMAPS);
        page("io-bitmap-b", VmcsField.IO_BITMAP_B, VmxControl.USE_IO_BITMAPS);
        page("msr-bitmaps", VmcsField.MSR_BITMAPS, VmxControl.USE_MSR_BITMAPS);
        add(wide("virtual-nmis", h -> h.on(VmxControl.VIRTUAL_NMIS)));
        add(wide("nmi-window", h -> h.on(VmxControl.NMI_WINDOW_EXITING)));
    }

    /** An address that is not aligned, and one beyond the physical-address width. */
    private void page(String rule, VmcsField f, VmxControl... controls) {
        add(wide(rule, h -> h.on(controls).flip(f, 0x800)));
        add(wide(rule, h -> h.on(controls).set(f, 1L << h.model().physicalBits())));
    }

    private void apic() {
        page("virtual-apic-page", VmcsField.VIRTUAL_APIC_ADDRESS, VmxControl.USE_TPR_SHADOW);
        add(wide("tpr-threshold-reserved", h -> h.on(VmxControl.USE_TPR_SHADOW).set(VmcsField.TPR_THRESHOLD, 0x10)));
        add(wide("tpr-threshold-vtpr", h -> {
            h.on(VmxControl.USE_TPR_SHADOW).set(VmcsField.TPR_THRESHOLD, 5);
            h.memory.write(VmxHost.VIRTUAL_APIC + 0x80, 1, 0x4F);
        }));
        page("apic-access-page", VmcsField.APIC_ACCESS_ADDRESS, VmxControl.VIRTUALIZE_APIC_ACCESSES);
        add(wide("x2apic-mode-tpr-shadow", h -> h.on(VmxControl.VIRTUALIZE_X2APIC_MODE)));
        add(wide("apic-registers-tpr-shadow", h -> h.on(VmxControl.APIC_REGISTER_VIRTUALIZATION)));
        add(wide(
                "virtual-interrupts-tpr-shadow",
                h -> h.on(VmxControl.VIRTUAL_INTERRUPT_DELIVERY, VmxControl.EXTERNAL_INTERRUPT_EXITING)));
        add(wide("ipi-virtualization-tpr-shadow", h -> h.on(VmxControl.IPI_VIRTUALIZATION))
                .with(Feature.VMX_TERTIARY_CTLS, Feature.VMX_IPI_VIRTUALIZATION));
        add(wide(
                "x2apic-mode-apic-accesses",
                h -> h.on(VmxControl.USE_TPR_SHADOW, VmxControl.VIRTUALIZE_X2APIC_MODE, VmxControl.VIRTUALIZE_APIC_ACCESSES)));
        add(wide("virtual-interrupts-exiting", h -> h.on(VmxControl.USE_TPR_SHADOW, VmxControl.VIRTUAL_INTERRUPT_DELIVERY)));
        add(wide("posted-virtual-interrupts", h -> posted(h).off(VmxControl.VIRTUAL_INTERRUPT_DELIVERY)));
        add(wide("posted-acknowledge", h -> posted(h).off(VmxControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT)));
        add(wide("posted-vector", h -> posted(h).set(VmcsField.POSTED_INTERRUPT_VECTOR, 0x100)));
        add(wide("posted-descriptor", h -> posted(h).flip(VmcsField.POSTED_INTERRUPT_DESCRIPTOR, 0x20)));
        add(wide("posted-descriptor", h -> posted(h).set(VmcsField.POSTED_INTERRUPT_DESCRIPTOR, NO_ADDRESS)));
        add(wide("pid-pointer-table", h -> h.on(VmxControl.USE_TPR_SHADOW, VmxControl.IPI_VIRTUALIZATION)
                        .set(VmcsField.PID_POINTER_TABLE, 4))
                .with(Feature.VMX_TERTIARY_CTLS, Feature.VMX_IPI_VIRTUALIZATION));
        add(wide("pid-pointer-table", h -> h.on(VmxControl.USE_TPR_SHADOW, VmxControl.IPI_VIRTUALIZATION)
                        .set(VmcsField.PID_POINTER_TABLE, (1L << h.model().physicalBits()) - 8)
                        .set(VmcsField.LAST_PID_POINTER_INDEX, 1))
                .with(Feature.VMX_TERTIARY_CTLS, Feature.VMX_IPI_VIRTUALIZATION));
    }

    private static VmxHost posted(VmxHost h) {
        return h.on(
                VmxControl.USE_TPR_SHADOW, VmxControl.VIRTUAL_INTERRUPT_DELIVERY, VmxControl.EXTERNAL_INTERRUPT_EXITING,
                VmxControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT, VmxControl.PROCESS_POSTED_INTERRUPTS);
    }

    private void translation() {
        add(wide("vpid", h -> h.on(VmxControl.ENABLE_VPID).set(VmcsField.VIRTUAL_PROCESSOR_ID, 0)));
        add(wide("ept-memory-type", h -> h.on(VmxControl.ENABLE_EPT).flip(VmcsField.EPT_POINTER, 2)));
        add(wide("ept-walk-length", h -> h.on(VmxControl.ENABLE_EPT).flip(VmcsField.EPT_POINTER, 1 << 3)));
        add(wide("ept-reserved", h -> h.on(VmxControl.ENABLE_EPT).flip(VmcsField.EPT_POINTER, 1 << 8)));
        add(wide("ept-reserved", h -> h.on(VmxControl.ENABLE_EPT).flip(VmcsField.EPT_POINTER, 1L << h.model().physicalBits())));
        add(wide("enable-pml-ept", h -> h.on(VmxControl.ENABLE_PML)));
        page("pml-address", VmcsField.PML_ADDRESS, VmxControl.ENABLE_EPT, VmxControl.ENABLE_PML);
        add(wide("unrestricted-guest-ept", h -> h.on(VmxControl.UNRESTRICTED_GUEST)));
        add(wide("mode-based-execute-control-ept", h -> h.on(VmxControl.MODE_BASED_EXECUTE_CONTROL)));
        add(wide("sub-page-write-permissions-ept", h -> h.on(VmxControl.SUB_PAGE_WRITE_PERMISSIONS)).with(Feature.VMX_SPP));
        add(wide("sub-page-table", h -> h.on(VmxControl.ENABLE_EPT, VmxControl.SUB_PAGE_WRITE_PERMISSIONS)
                        .set(VmcsField.SUB_PAGE_PERMISSION_TABLE, 8))
                .with(Feature.VMX_SPP));
        Feature[] hlat = {Feature.VMX_TERTIARY_CTLS, Feature.VMX_HLAT};
        add(wide("hlat-pointer", h -> h.on(VmxControl.ENABLE_HLAT).set(VmcsField.HLAT_POINTER, 0x20)).with(hlat));
        add(wide("ept-paging-write-ept", h -> h.on(VmxControl.EPT_PAGING_WRITE)).with(hlat));
        add(wide("guest-paging-verification-ept", h -> h.on(VmxControl.GUEST_PAGING_VERIFICATION)).with(hlat));
    }

    private void functions() {
        add(wide(
                "vm-functions",
                h -> h.on(VmxControl.ENABLE_EPT, VmxControl.ENABLE_VM_FUNCTIONS).set(VmcsField.VM_FUNCTION_CONTROLS, 2)));
        add(wide("eptp-switching-ept", h -> h.on(VmxControl.ENABLE_VM_FUNCTIONS).set(VmcsField.VM_FUNCTION_CONTROLS, 1)));
        add(wide(
                "eptp-list",
                h -> h.on(VmxControl.ENABLE_EPT, VmxControl.ENABLE_VM_FUNCTIONS)
                        .set(VmcsField.VM_FUNCTION_CONTROLS, 1)
                        .flip(VmcsField.EPTP_LIST_ADDRESS, 8)));
        page("vmread-bitmap", VmcsField.VMREAD_BITMAP, VmxControl.VMCS_SHADOWING);
        page("vmwrite-bitmap", VmcsField.VMWRITE_BITMAP, VmxControl.VMCS_SHADOWING);
        page("ve-information", VmcsField.VE_INFORMATION_ADDRESS, VmxControl.ENABLE_EPT, VmxControl.EPT_VIOLATION_VE);
        add(wide(
                "tsc-multiplier",
                h -> h.on(VmxControl.USE_TSC_OFFSETTING, VmxControl.USE_TSC_SCALING).set(VmcsField.TSC_MULTIPLIER, 0)));
    }

    private void list(String rule, VmcsField address, VmcsField count) {
        add(wide(rule, h -> h.set(count, 1).flip(address, 8)));
        add(wide(rule, h -> h.set(count, 2).set(address, (1L << h.model().physicalBits()) - 16)));
    }

    private void exitAndEntry() {
        add(wide("exit-controls", h -> h.flip(VmcsField.EXIT_CONTROLS, 1)));
        add(wide("exit-controls", h -> h.flip(VmcsField.EXIT_CONTROLS, 1 << 7)));
        add(wide("secondary-exit-controls", h -> h.on(VmxControl.ACTIVATE_SECONDARY_EXIT).set(VmcsField.SECONDARY_EXIT_CONTROLS, 1L << 40))
                .with(Feature.FRED));
        add(wide("save-timer", h -> h.on(VmxControl.SAVE_PREEMPTION_TIMER)));
        list("exit-msr-store", VmcsField.EXIT_MSR_STORE_ADDRESS, VmcsField.EXIT_MSR_STORE_COUNT);
        list("exit-msr-load", VmcsField.EXIT_MSR_LOAD_ADDRESS, VmcsField.EXIT_MSR_LOAD_COUNT);
        add(wide("entry-controls", h -> h.flip(VmcsField.ENTRY_CONTROLS, 1)));
        add(wide("entry-controls", h -> h.flip(VmcsField.ENTRY_CONTROLS, 1L << 10)));
        list("entry-msr-load", VmcsField.ENTRY_MSR_LOAD_ADDRESS, VmcsField.ENTRY_MSR_LOAD_COUNT);
    }

    private void inject(String rule, long info) {
        add(wide(rule, h -> h.set(VmcsField.ENTRY_INTERRUPTION_INFO, info)));
    }

    private void injection() {
        inject("injection-type", VALID | 1 << 8);
        inject("injection-nmi", NMI + 1);
        inject("injection-exception", GP + 32);
        inject("injection-other", VALID | 7 << 8 | 1);
        inject("injection-error-code", NMI | ERROR_CODE);
        add(real("injection-error-code-real", h -> h.set(VmcsField.ENTRY_INTERRUPTION_INFO, GP | ERROR_CODE)));
        inject("injection-reserved", GP | 1 << 12);
        inject("injection-reserved", GP | 1 << 30);
        add(wide(
                "injection-error-code-reserved",
                h -> h.set(VmcsField.ENTRY_INTERRUPTION_INFO, GP | ERROR_CODE).set(VmcsField.ENTRY_EXCEPTION_ERROR_CODE, 1 << 16)));
        add(wide(
                "injection-length",
                h -> h.set(VmcsField.ENTRY_INTERRUPTION_INFO, SOFTWARE_INTERRUPT).set(VmcsField.ENTRY_INSTRUCTION_LENGTH, 16)));
    }

    private void canonical(String rule, VmcsField f) {
        add(wide(rule, h -> h.set(f, NO_ADDRESS)));
    }

    private void host() {
        add(wide("host-cr0", h -> h.flip(VmcsField.HOST_CR0, Cr.NE)));
        add(wide("host-cr0", h -> h.flip(VmcsField.HOST_CR0, 1L << 32)));
        add(wide("host-cr4", h -> h.flip(VmcsField.HOST_CR4, Cr.VMXE)));
        add(wide("host-cr4", h -> h.flip(VmcsField.HOST_CR4, 1L << 15)));
        add(wide("host-cr4-cet", h -> h.flip(VmcsField.HOST_CR4, Cr.CET).flip(VmcsField.HOST_CR0, Cr.WP)).with(Feature.SHSTK));
        add(wide("host-cr3", h -> h.set(VmcsField.HOST_CR3, 1L << h.model().physicalBits())));
        canonical("host-sysenter-esp", VmcsField.HOST_SYSENTER_ESP);
        canonical("host-sysenter-eip", VmcsField.HOST_SYSENTER_EIP);
        add(wide("host-pat", h -> h.on(VmxControl.LOAD_HOST_PAT).set(VmcsField.HOST_PAT, 2)));
        add(wide("host-pat", h -> h.on(VmxControl.LOAD_HOST_PAT).set(VmcsField.HOST_PAT, 8L << 56)));
        add(wide("host-efer", h -> h.on(VmxControl.LOAD_HOST_EFER).flip(VmcsField.HOST_EFER, 2)));
        add(wide("host-efer-mode", h -> h.on(VmxControl.LOAD_HOST_EFER).flip(VmcsField.HOST_EFER, Cr.LMA)));
        add(wide("host-efer-mode", h -> h.on(VmxControl.LOAD_HOST_EFER).flip(VmcsField.HOST_EFER, Cr.LME)));
        add(narrow("host-efer-mode", h -> h.on(VmxControl.LOAD_HOST_EFER).set(VmcsField.HOST_EFER, Cr.LME)));
        add(wide("host-pkrs", h -> h.on(VmxControl.LOAD_HOST_PKRS).set(VmcsField.HOST_PKRS, 1L << 32)));
        for (String s : new String[] {"es", "cs", "ss", "ds", "fs", "gs", "tr"}) {
            VmcsField f = VmcsField.valueOf("HOST_" + s.toUpperCase(Locale.ROOT) + "_SELECTOR");
            add(wide("host-" + s, h -> h.flip(f, 3)));
            add(wide("host-" + s, h -> h.flip(f, 4)));
        }
        add(wide("host-cs-null", h -> h.set(VmcsField.HOST_CS_SELECTOR, 0)));
        add(wide("host-tr-null", h -> h.set(VmcsField.HOST_TR_SELECTOR, 0)));
        add(narrow("host-ss-null", h -> h.set(VmcsField.HOST_SS_SELECTOR, 0)));
        canonical("host-fs-base", VmcsField.HOST_FS_BASE);
        canonical("host-gs-base", VmcsField.HOST_GS_BASE);
        canonical("host-gdtr-base", VmcsField.HOST_GDTR_BASE);
        canonical("host-idtr-base", VmcsField.HOST_IDTR_BASE);
        canonical("host-tr-base", VmcsField.HOST_TR_BASE);
        add(pae("host-size-now", h -> h.off(VmxControl.HOST_ADDRESS_SPACE_SIZE)));
        add(narrow("host-size-now", h -> h.on(VmxControl.HOST_ADDRESS_SPACE_SIZE)).and("host-pae"));
        add(wide("host-size-guest", h -> h.off(VmxControl.HOST_ADDRESS_SPACE_SIZE)).and("host-size-now"));
        add(narrow("host-pcide", h -> h.flip(VmcsField.HOST_CR4, Cr.PCIDE)));
        add(narrow("host-rip-32", h -> h.set(VmcsField.HOST_RIP, 1L << 32)));
        add(wide("host-pae", h -> h.flip(VmcsField.HOST_CR4, Cr.PAE)));
        canonical("host-rip", VmcsField.HOST_RIP);
    }

    private void guestRegisters() {
        add(wide("guest-cr0", h -> h.flip(VmcsField.GUEST_CR0, Cr.NE)));
        add(wide("guest-cr0", h -> h.flip(VmcsField.GUEST_CR0, 1L << 63)));
        add(real("guest-cr0-paging", h -> h.flip(VmcsField.GUEST_CR0, Cr.PG)));
        add(wide("guest-cr4", h -> h.flip(VmcsField.GUEST_CR4, Cr.VMXE)));
        add(wide("guest-cr4", h -> h.flip(VmcsField.GUEST_CR4, 1L << 15)));
        add(wide("guest-cr4-cet", h -> h.flip(VmcsField.GUEST_CR4, Cr.CET).flip(VmcsField.GUEST_CR0, Cr.WP)).with(Feature.SHSTK));
        add(wide("guest-debugctl", h -> h.on(VmxControl.LOAD_DEBUG_CONTROLS).set(VmcsField.GUEST_DEBUGCTL, 1 << 3)));
        add(wide("guest-ia32e", h -> h.flip(VmcsField.GUEST_CR4, Cr.PAE)));
        add(pae("guest-pcide", h -> h.flip(VmcsField.GUEST_CR4, Cr.PCIDE)));
        add(wide("guest-cr3", h -> h.set(VmcsField.GUEST_CR3, 1L << h.model().physicalBits())));
        add(wide("guest-dr7", h -> h.on(VmxControl.LOAD_DEBUG_CONTROLS).flip(VmcsField.GUEST_DR7, 1L << 32)));
        canonical("guest-sysenter-esp", VmcsField.GUEST_SYSENTER_ESP);
        canonical("guest-sysenter-eip", VmcsField.GUEST_SYSENTER_EIP);
        add(wide("guest-pat", h -> h.on(VmxControl.LOAD_PAT).set(VmcsField.GUEST_PAT, 3L << 8)));
        add(wide("guest-efer", h -> h.on(VmxControl.LOAD_EFER).flip(VmcsField.GUEST_EFER, 1L << 9)));
        add(wide("guest-efer-lma", h -> h.on(VmxControl.LOAD_EFER).set(VmcsField.GUEST_EFER, 0)));
        add(pae("guest-efer-lma", h -> h.on(VmxControl.LOAD_EFER).set(VmcsField.GUEST_EFER, Cr.LMA | Cr.LME)));
        add(wide("guest-efer-lme", h -> h.on(VmxControl.LOAD_EFER).set(VmcsField.GUEST_EFER, Cr.LMA)));
        add(pae("guest-efer-lme", h -> h.on(VmxControl.LOAD_EFER).set(VmcsField.GUEST_EFER, Cr.LME)));
        add(wide("guest-pkrs", h -> h.on(VmxControl.LOAD_PKRS).set(VmcsField.GUEST_PKRS, 1L << 40)));
    }

    private void cet(Broken b) {
        add(b.with(Feature.SHSTK));
    }

    private void enforcement(String who, VmxControl load, VmcsField control, VmcsField ssp, VmcsField table) {
        cet(wide(who + "-s-cet-reserved", h -> h.on(load).set(control, 1 << 6)));
        cet(wide(who + "-s-cet-tracker", h -> h.on(load).set(control, 3 << 10)));
        cet(wide(who + "-s-cet", h -> h.on(load).set(control, NO_ADDRESS)));
        cet(wide(who + "-ssp-table", h -> h.on(load).set(table, NO_ADDRESS)));
        cet(wide(who + "-ssp-aligned", h -> h.on(load).set(ssp, 2)));
        cet(wide(who + "-ssp", h -> h.on(load).set(ssp, NO_ADDRESS)));
    }

    private void enforcement() {
        VmxControl host = VmxControl.LOAD_HOST_CET;
        VmxControl guest = VmxControl.LOAD_CET;
        enforcement("host", host, VmcsField.HOST_S_CET, VmcsField.HOST_SSP, VmcsField.HOST_INTERRUPT_SSP_TABLE);
        enforcement("guest", guest, VmcsField.GUEST_S_CET, VmcsField.GUEST_SSP, VmcsField.GUEST_INTERRUPT_SSP_TABLE);
        cet(narrow("host-s-cet-32", h -> h.on(host).set(VmcsField.HOST_S_CET, 1L << 32)));
        cet(narrow("host-ssp-32", h -> h.on(host).set(VmcsField.HOST_SSP, 1L << 32)));
        cet(narrow("host-ssp-table-32", h -> h.on(host).set(VmcsField.HOST_INTERRUPT_SSP_TABLE, 1L << 32)));
        cet(pae("guest-ssp-32", h -> h.on(guest).set(VmcsField.GUEST_SSP, 1L << 32)));
    }

    private static VmcsField field(String segment, String part) {
        return VmcsField.valueOf("GUEST_" + segment.toUpperCase(Locale.ROOT) + "_" + part);
    }

    private static VmcsField access(String segment) {
        return field(segment, "ACCESS_RIGHTS");
    }

    private void segments() {
        add(wide("guest-tr-selector", h -> h.flip(VmcsField.GUEST_TR_SELECTOR, 4)));
        add(wide("guest-ldtr-selector", h -> h.withLdt().flip(VmcsField.GUEST_LDTR_SELECTOR, 4)));
        add(wide("guest-ss-rpl", h -> h.flip(VmcsField.GUEST_CS_SELECTOR, 1)));
        for (String s : new String[] {"tr", "fs", "gs"}) {
            canonical("guest-" + s + "-base", field(s, "BASE"));
        }
        add(wide("guest-ldtr-base", h -> h.withLdt().set(VmcsField.GUEST_LDTR_BASE, NO_ADDRESS)));
        for (String s : new String[] {"cs", "ss", "ds", "es"}) {
            add(wide("guest-" + s + "-base", h -> h.set(field(s, "BASE"), 1L << 32)));
        }
        for (int i = Cpu.ES; i <= Cpu.GS; i++) {
            String s = SEGMENTS[i];
            add(v86("guest-" + s + "-v86-base", h -> h.flip(field(s, "BASE"), 0x10)));
            add(v86("guest-" + s + "-v86-limit", h -> h.flip(field(s, "LIMIT"), 0x10000)));
            add(v86("guest-" + s + "-v86-access", h -> h.flip(access(s), 0x20)));
        }
        add(wide("guest-cs-type", h -> h.flip(VmcsField.GUEST_CS_ACCESS_RIGHTS, 1)));
        add(wide("guest-cs-type", h -> h.set(VmcsField.GUEST_CS_ACCESS_RIGHTS, 0xA093)));
        add(wide("guest-ss-type", h -> h.flip(VmcsField.GUEST_SS_ACCESS_RIGHTS, 1)));
        add(wide("guest-cs-dpl", h -> h.flip(VmcsField.GUEST_CS_ACCESS_RIGHTS, 0x20)));
        add(wide("guest-cs-dpl", h -> h.flip(VmcsField.GUEST_CS_ACCESS_RIGHTS, 0x24)));
        add(real("guest-cs-dpl", h -> h.set(VmcsField.GUEST_CS_ACCESS_RIGHTS, 0xB3)));
        add(wide("guest-ss-dpl-rpl", h -> h.flip(VmcsField.GUEST_SS_ACCESS_RIGHTS, 0x60).flip(VmcsField.GUEST_CS_ACCESS_RIGHTS, 0x60)));
        add(real("guest-ss-dpl", h -> h.flip(VmcsField.GUEST_SS_ACCESS_RIGHTS, 0x60).flip(VmcsField.GUEST_CS_ACCESS_RIGHTS, 0x60)));
        for (String s : new String[] {"ds", "es", "fs", "gs"}) {
            add(wide("guest-" + s + "-accessed", h -> h.flip(access(s), 1)));
            add(wide("guest-" + s + "-readable", h -> h.set(access(s), 0xC099)));
            add(wide("guest-" + s + "-dpl", h -> h.flip(field(s, "SELECTOR"), 3)));
        }
        for (String s : SEGMENTS) {
            Consumer<VmxHost> usable = h -> {
                if (s.equals("ldtr")) {
                    h.withLdt();
                }
            };
            add(wide("guest-" + s + "-s", usable.andThen(h -> h.flip(access(s), 0x10))));
            add(wide("guest-" + s + "-present", usable.andThen(h -> h.flip(access(s), 0x80))));
            add(wide("guest-" + s + "-reserved", usable.andThen(h -> h.flip(access(s), 0x100))));
            add(wide("guest-" + s + "-reserved", usable.andThen(h -> h.flip(access(s), 0x20000))));
            add(wide("guest-" + s + "-granularity", usable.andThen(h -> h.set(field(s, "LIMIT"), 0xFFF0_0FFEL))));
        }
        add(wide("guest-cs-l-d", h -> h.flip(VmcsField.GUEST_CS_ACCESS_RIGHTS, 0x4000)));
        add(wide("guest-tr-type", h -> h.flip(VmcsField.GUEST_TR_ACCESS_RIGHTS, 2)));
        add(wide("guest-tr-type", h -> h.flip(VmcsField.GUEST_TR_ACCESS_RIGHTS, 8)));
        add(wide("guest-tr-usable", h -> h.flip(VmcsField.GUEST_TR_ACCESS_RIGHTS, Cpu.UNUSABLE)));
        add(wide("guest-ldtr-type", h -> h.withLdt().flip(VmcsField.GUEST_LDTR_ACCESS_RIGHTS, 1)));
    }

    private void tables() {
        canonical("guest-gdtr-base", VmcsField.GUEST_GDTR_BASE);
        canonical("guest-idtr-base", VmcsField.GUEST_IDTR_BASE);
        add(wide("guest-gdtr-limit", h -> h.flip(VmcsField.GUEST_GDTR_LIMIT, 1 << 16)));
        add(wide("guest-idtr-limit", h -> h.flip(VmcsField.GUEST_IDTR_LIMIT, 1L << 31)));
        add(pae("guest-rip-32", h -> h.flip(VmcsField.GUEST_RIP, 1L << 32)));
        add(wide("guest-rip", h -> h.flip(VmcsField.GUEST_RIP, 1L << 60)));
        add(wide("guest-rflags", h -> h.flip(VmcsField.GUEST_RFLAGS, 2)));
        add(wide("guest-rflags", h -> h.flip(VmcsField.GUEST_RFLAGS, 1L << 22)));
        add(real("guest-rflags-vm", h -> {
            h.flip(VmcsField.GUEST_RFLAGS, Flags.VM);
            for (int i = Cpu.ES; i <= Cpu.GS; i++) {
                h.set(access(SEGMENTS[i]), 0xF3);
            }
        }));
        inject("guest-rflags-if", EXTERNAL_INTERRUPT);
        for (int i = 0; i < 4; i++) {
            int number = i;
            add(pae("guest-pdpte" + i, h -> h.memory.write(VmxHost.POINTERS + 8 * number, 8, 3)));
            add(pae(
                    "guest-pdpte" + i,
                    h -> h.on(VmxControl.ENABLE_EPT).set(VmcsField.of(VmcsField.GUEST_PDPTE0.encoding + 2 * number), 1L << 63 | 1)));
        }
    }

    private void nonRegisterState() {
        VmcsField activity = VmcsField.GUEST_ACTIVITY;
        VmcsField state = VmcsField.GUEST_INTERRUPTIBILITY;
        VmcsField pending = VmcsField.GUEST_PENDING_DEBUG;
        VmcsField info = VmcsField.ENTRY_INTERRUPTION_INFO;
        VmcsField flags = VmcsField.GUEST_RFLAGS;
        add(wide("activity", h -> h.set(activity, 4)));
        add(wide("activity-hlt-privilege", h -> {
            h.set(activity, HLT);
            h.flip(VmcsField.GUEST_SS_ACCESS_RIGHTS, 0x60).flip(VmcsField.GUEST_SS_SELECTOR, 3);
            h.flip(VmcsField.GUEST_CS_ACCESS_RIGHTS, 0x60).flip(VmcsField.GUEST_CS_SELECTOR, 3);
        }));
        add(wide("activity-blocking", h -> h.set(activity, HLT).set(state, MOV_SS)));
        add(wide("activity-injection", h -> h.set(activity, HLT).set(info, GP)));
        add(wide("activity-injection", h -> h.set(activity, 3).set(info, NMI)));
        add(wide("interruptibility-reserved", h -> h.set(state, 1 << 5)));
        add(wide("interruptibility-sti-mov-ss", h -> h.set(state, STI | MOV_SS).flip(flags, Flags.IF)));
        add(wide("interruptibility-sti-if", h -> h.set(state, STI)));
        add(wide("interruptibility-interrupt", h -> h.set(state, STI).flip(flags, Flags.IF).set(info, EXTERNAL_INTERRUPT)));
        add(wide("interruptibility-nmi", h -> h.set(state, MOV_SS).set(info, NMI)));
        add(wide("interruptibility-smi", h -> h.set(state, 4)));
        add(wide("interruptibility-virtual-nmi", h -> h.on(VmxControl.NMI_EXITING, VmxControl.VIRTUAL_NMIS).set(state, 8).set(info, NMI)));
        add(wide("pending-debug-reserved", h -> h.set(pending, 1 << 4)));
        add(wide("pending-debug-bs", h -> h.set(activity, HLT).set(pending, BS)));
        add(wide("pending-debug-bs", h -> h.set(state, MOV_SS).flip(flags, Flags.TF)));
        VmcsField link = VmcsField.VMCS_LINK_POINTER;
        add(wide("link-pointer-address", h -> h.set(link, VmxHost.SHADOW_VMCS + 8)));
        add(wide("link-pointer-revision", h -> h.on(VmxControl.VMCS_SHADOWING).set(link, VmxHost.SHADOW_VMCS)
                .memory.write(VmxHost.SHADOW_VMCS, 4, 1L << 31 | 9)));
        add(wide("link-pointer-shadow", h -> h.set(link, VmxHost.SHADOW_VMCS)));
        add(wide("link-pointer-current", h -> h.set(link, VmxHost.VMCS)));
    }

    private void msr(String rule, long index, long value) {
        add(wide(rule, h -> h.set(VmcsField.ENTRY_MSR_LOAD_COUNT, 2)
                .msr(VmxHost.ENTRY_MSRS, 1, 0x174, 8)
                .msr(VmxHost.ENTRY_MSRS, 2, index, value)));
    }

    private void msrs() {
        add(wide("entry-msr-count", h -> {
            h.set(VmcsField.ENTRY_MSR_LOAD_COUNT, 513).set(VmcsField.ENTRY_MSR_LOAD_ADDRESS, 0x40000);
            for (int i = 1; i <= 513; i++) {
                h.msr(0x40000, i, 0x174, i);
            }
        }));
        msr("entry-msr-base", 0xC000_0100L, 0);
        msr("entry-msr-base", 0xC000_0101L, 0);
        add(wide("entry-msr-x2apic", h -> {
            h.cpu.apic.setBaseMsr(h.cpu.apicBaseMsr | 0xC00);
            h.set(VmcsField.ENTRY_MSR_LOAD_COUNT, 1).msr(VmxHost.ENTRY_MSRS, 1, 0x808, 0);
        }));
        msr("entry-msr-smm", 0x9B, 0);
        msr("entry-msr-microcode", 0x79, 0);
        msr("entry-msr-microcode", 0x8B, 0);
        msr("entry-msr-reserved", 1L << 32 | 0x174, 0);
        msr("entry-msr-value", 0x277, ALL);
        msr("entry-msr-value", 0x4000_0000L, 0);
    }
}
