package dev.javisor.processor.vmx;

import static dev.javisor.isa.VmxControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT;
import static dev.javisor.isa.VmxControl.ACTIVATE_PREEMPTION_TIMER;
import static dev.javisor.isa.VmxControl.APIC_REGISTER_VIRTUALIZATION;
import static dev.javisor.isa.VmxControl.ENABLE_EPT;
import static dev.javisor.isa.VmxControl.ENABLE_PML;
import static dev.javisor.isa.VmxControl.ENABLE_VM_FUNCTIONS;
import static dev.javisor.isa.VmxControl.ENABLE_VPID;
import static dev.javisor.isa.VmxControl.EPT_PAGING_WRITE;
import static dev.javisor.isa.VmxControl.EPT_VIOLATION_VE;
import static dev.javisor.isa.VmxControl.EXTERNAL_INTERRUPT_EXITING;
import static dev.javisor.isa.VmxControl.GUEST_PAGING_VERIFICATION;
import static dev.javisor.isa.VmxControl.MODE_BASED_EXECUTE_CONTROL;
import static dev.javisor.isa.VmxControl.NMI_EXITING;
import static dev.javisor.isa.VmxControl.NMI_WINDOW_EXITING;
import static dev.javisor.isa.VmxControl.PROCESS_POSTED_INTERRUPTS;
import static dev.javisor.isa.VmxControl.SAVE_PREEMPTION_TIMER;
import static dev.javisor.isa.VmxControl.SUB_PAGE_WRITE_PERMISSIONS;
import static dev.javisor.isa.VmxControl.UNRESTRICTED_GUEST;
import static dev.javisor.isa.VmxControl.USE_IO_BITMAPS;
import static dev.javisor.isa.VmxControl.USE_MSR_BITMAPS;
import static dev.javisor.isa.VmxControl.USE_TPR_SHADOW;
import static dev.javisor.isa.VmxControl.USE_TSC_SCALING;
import static dev.javisor.isa.VmxControl.VIRTUALIZE_APIC_ACCESSES;
import static dev.javisor.isa.VmxControl.VIRTUALIZE_X2APIC_MODE;
import static dev.javisor.isa.VmxControl.VIRTUAL_INTERRUPT_DELIVERY;
import static dev.javisor.isa.VmxControl.VIRTUAL_NMIS;
import static dev.javisor.isa.VmxControl.VMCS_SHADOWING;

import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxControl.Word;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.vmx.EntryRule.Group;
import dev.javisor.processor.vmx.EntryRule.Section;
import java.util.List;
import java.util.Locale;

/** "Checks on VMX Controls". */
final class ControlRules {
    private static final long LONGEST_INSTRUCTION = 15;

    private ControlRules() {}

    static void addTo(List<EntryRule> rules) {
        Section execution = new Section(rules, Group.CONTROLS, "VM-Execution Control Fields");
        words(execution);
        bitmaps(execution);
        interrupts(execution);
        apic(execution);
        translation(execution);
        Section exit = new Section(rules, Group.CONTROLS, "VM-Exit Control Fields");
        exits(exit);
        Section entry = new Section(rules, Group.CONTROLS, "VM-Entry Control Fields");
        entries(entry);
        injection(entry);
    }

    private static void word(Section s, String id, Word w, VmcsField field) {
        s.rule(id, "reserved bits of the " + w.text + " are set as the capability register says", x -> x.areAllowed(w), field);
    }

    /** What a control needs. */
    private static void needs(Section s, String id, VmxControl control, VmxControl needed, VmcsField... fields) {
        s.rule(id, "\"" + control.text + "\" needs \"" + needed.text + "\"", x -> x.off(control) || x.on(needed), fields);
    }

    private static void page(Section s, String id, VmxControl control, VmcsField address) {
        s.rule(id, address.text + " is aligned to 4 KiB and within the physical-address width", x -> x.off(control) || x.isPage(address),
                address);
    }

    private static void words(Section s) {
        word(s, "pin-controls", Word.PIN_BASED, VmcsField.PIN_CONTROLS);
        word(s, "primary-controls", Word.PRIMARY, VmcsField.PRIMARY_CONTROLS);
        word(s, "secondary-controls", Word.SECONDARY, VmcsField.SECONDARY_CONTROLS);
        word(s, "tertiary-controls", Word.TERTIARY, VmcsField.TERTIARY_CONTROLS);
        s.rule(
                "cr3-target-count",
                "CR3-target count is at most " + VmxCapabilities.CR3_TARGETS,
                x -> x.get(VmcsField.CR3_TARGET_COUNT) <= VmxCapabilities.CR3_TARGETS,
                VmcsField.CR3_TARGET_COUNT);
    }

    private static void bitmaps(Section s) {
        page(s, "io-bitmap-a", USE_IO_BITMAPS, VmcsField.IO_BITMAP_A);
        page(s, "io-bitmap-b", USE_IO_BITMAPS, VmcsField.IO_BITMAP_B);
        page(s, "msr-bitmaps", USE_MSR_BITMAPS, VmcsField.MSR_BITMAPS);
        page(s, "vmread-bitmap", VMCS_SHADOWING, VmcsField.VMREAD_BITMAP);
        page(s, "vmwrite-bitmap", VMCS_SHADOWING, VmcsField.VMWRITE_BITMAP);
        page(s, "ve-information", EPT_VIOLATION_VE, VmcsField.VE_INFORMATION_ADDRESS);
    }

    private static void interrupts(Section s) {
        needs(s, "virtual-nmis", VIRTUAL_NMIS, NMI_EXITING, VmcsField.PIN_CONTROLS);
        needs(s, "nmi-window", NMI_WINDOW_EXITING, VIRTUAL_NMIS, VmcsField.PRIMARY_CONTROLS, VmcsField.PIN_CONTROLS);
    }

    private static void apic(Section s) {
        page(s, "virtual-apic-page", USE_TPR_SHADOW, VmcsField.VIRTUAL_APIC_ADDRESS);
        s.rule(
                "tpr-threshold-reserved",
                "bits 31:4 of the TPR threshold are 0 without \"virtual-interrupt delivery\"",
                x -> x.off(USE_TPR_SHADOW) || x.on(VIRTUAL_INTERRUPT_DELIVERY) || x.get(VmcsField.TPR_THRESHOLD) >>> 4 == 0,
                VmcsField.TPR_THRESHOLD);
        s.rule(
                "tpr-threshold-vtpr",
                "TPR threshold is not above bits 7:4 of VTPR",
                x -> x.off(USE_TPR_SHADOW)
                        || x.on(VIRTUAL_INTERRUPT_DELIVERY)
                        || x.on(VIRTUALIZE_APIC_ACCESSES)
                        || (x.get(VmcsField.TPR_THRESHOLD) & 15) <= vtpr(x) >>> 4,
                VmcsField.TPR_THRESHOLD,
                VmcsField.VIRTUAL_APIC_ADDRESS);
        needs(s, "x2apic-mode-tpr-shadow", VIRTUALIZE_X2APIC_MODE, USE_TPR_SHADOW, VmcsField.SECONDARY_CONTROLS,
                VmcsField.PRIMARY_CONTROLS);
        needs(s, "apic-registers-tpr-shadow", APIC_REGISTER_VIRTUALIZATION, USE_TPR_SHADOW, VmcsField.SECONDARY_CONTROLS,
                VmcsField.PRIMARY_CONTROLS);
        needs(s, "virtual-interrupts-tpr-shadow", VIRTUAL_INTERRUPT_DELIVERY, USE_TPR_SHADOW, VmcsField.SECONDARY_CONTROLS,
                VmcsField.PRIMARY_CONTROLS);
        s.rule(
                "x2apic-mode-apic-accesses",
                "\"virtualize x2APIC mode\" and \"virtualize APIC accesses\" are not both 1",
                x -> x.off(VIRTUALIZE_X2APIC_MODE) || x.off(VIRTUALIZE_APIC_ACCESSES),
                VmcsField.SECONDARY_CONTROLS);
        needs(s, "virtual-interrupts-exiting", VIRTUAL_INTERRUPT_DELIVERY, EXTERNAL_INTERRUPT_EXITING, VmcsField.SECONDARY_CONTROLS,
                VmcsField.PIN_CONTROLS);
        page(s, "apic-access-page", VIRTUALIZE_APIC_ACCESSES, VmcsField.APIC_ACCESS_ADDRESS);
        needs(s, "posted-virtual-interrupts", PROCESS_POSTED_INTERRUPTS, VIRTUAL_INTERRUPT_DELIVERY, VmcsField.PIN_CONTROLS,
                VmcsField.SECONDARY_CONTROLS);
        needs(s, "posted-acknowledge", PROCESS_POSTED_INTERRUPTS, ACKNOWLEDGE_INTERRUPT_ON_EXIT, VmcsField.PIN_CONTROLS,
                VmcsField.EXIT_CONTROLS);
        s.rule(
                "posted-vector",
                "bits 15:8 of the posted-interrupt notification vector are 0",
                x -> x.off(PROCESS_POSTED_INTERRUPTS) || x.get(VmcsField.POSTED_INTERRUPT_VECTOR) <= 0xFF,
                VmcsField.POSTED_INTERRUPT_VECTOR);
        s.rule(
                "posted-descriptor",
                "posted-interrupt descriptor address is aligned to 64 bytes and within the physical-address width",
                x -> x.off(PROCESS_POSTED_INTERRUPTS) || x.isAddress(VmcsField.POSTED_INTERRUPT_DESCRIPTOR, 64),
                VmcsField.POSTED_INTERRUPT_DESCRIPTOR);
    }

    private static long vtpr(EntryContext x) {
        return x.isPage(VmcsField.VIRTUAL_APIC_ADDRESS) ? x.cpu.memory.read(x.get(VmcsField.VIRTUAL_APIC_ADDRESS) + VirtualApic.TPR, 1)
                : 0xFF;
    }

    private static void translation(Section s) {
        s.rule("vpid", "VPID is not 0", x -> x.off(ENABLE_VPID) || x.get(VmcsField.VIRTUAL_PROCESSOR_ID) != 0,
                VmcsField.VIRTUAL_PROCESSOR_ID);
        s.rule(
                "ept-memory-type",
                "bits 2:0 of the EPT pointer are a memory type that is supported",
                x -> x.off(ENABLE_EPT) || EptPointer.hasMemoryType(x.vmx, x.get(VmcsField.EPT_POINTER)),
                VmcsField.EPT_POINTER);
        s.rule(
                "ept-walk-length",
                "bits 5:3 of the EPT pointer are a page-walk length, less 1, that is supported",
                x -> x.off(ENABLE_EPT) || EptPointer.hasWalkLength(x.vmx, x.get(VmcsField.EPT_POINTER)),
                VmcsField.EPT_POINTER);
        s.rule(
                "ept-reserved",
                "reserved bits of the EPT pointer, and those beyond the physical-address width, are 0",
                x -> x.off(ENABLE_EPT) || EptPointer.hasZeroes(x.vmx, x.get(VmcsField.EPT_POINTER)),
                VmcsField.EPT_POINTER);
        for (VmxControl c : new VmxControl[] {
            UNRESTRICTED_GUEST, ENABLE_PML, MODE_BASED_EXECUTE_CONTROL, SUB_PAGE_WRITE_PERMISSIONS, EPT_PAGING_WRITE,
            GUEST_PAGING_VERIFICATION
        }) {
            needs(s, c.name().toLowerCase(Locale.ROOT).replace('_', '-') + "-ept", c, ENABLE_EPT, VmcsField.SECONDARY_CONTROLS);
        }
        page(s, "pml-address", ENABLE_PML, VmcsField.PML_ADDRESS);
        page(s, "sub-page-table", SUB_PAGE_WRITE_PERMISSIONS, VmcsField.SUB_PAGE_PERMISSION_TABLE);
        s.rule(
                "vm-functions",
                "VM-function controls select functions that are supported",
                x -> x.off(ENABLE_VM_FUNCTIONS) || (x.get(VmcsField.VM_FUNCTION_CONTROLS) & ~VmxCapabilities.VM_FUNCTIONS) == 0,
                VmcsField.VM_FUNCTION_CONTROLS);
        s.rule(
                "eptp-switching-ept",
                "EPTP switching needs \"enable EPT\"",
                x -> !switchesEptp(x) || x.on(ENABLE_EPT),
                VmcsField.VM_FUNCTION_CONTROLS,
                VmcsField.SECONDARY_CONTROLS);
        s.rule(
                "eptp-list",
                "EPTP-list address is aligned to 4 KiB and within the physical-address width",
                x -> !switchesEptp(x) || x.isPage(VmcsField.EPTP_LIST_ADDRESS),
                VmcsField.EPTP_LIST_ADDRESS);
        s.rule("tsc-multiplier", "TSC multiplier is not 0", x -> x.off(USE_TSC_SCALING) || x.get(VmcsField.TSC_MULTIPLIER) != 0,
                VmcsField.TSC_MULTIPLIER);
    }

    private static boolean switchesEptp(EntryContext x) {
        return x.on(ENABLE_VM_FUNCTIONS) && (x.get(VmcsField.VM_FUNCTION_CONTROLS) & VmxCapabilities.VM_FUNCTIONS) != 0;
    }

    private static void exits(Section s) {
        word(s, "exit-controls", Word.EXIT, VmcsField.EXIT_CONTROLS);
        word(s, "secondary-exit-controls", Word.SECONDARY_EXIT, VmcsField.SECONDARY_EXIT_CONTROLS);
        needs(s, "save-timer", SAVE_PREEMPTION_TIMER, ACTIVATE_PREEMPTION_TIMER, VmcsField.EXIT_CONTROLS, VmcsField.PIN_CONTROLS);
        s.rule(
                "exit-msr-store",
                "VM-exit MSR-store area is aligned to 16 bytes and ends within the physical-address width",
                x -> x.isMsrList(VmcsField.EXIT_MSR_STORE_ADDRESS, VmcsField.EXIT_MSR_STORE_COUNT),
                VmcsField.EXIT_MSR_STORE_ADDRESS,
                VmcsField.EXIT_MSR_STORE_COUNT);
        s.rule(
                "exit-msr-load",
                "VM-exit MSR-load area is aligned to 16 bytes and ends within the physical-address width",
                x -> x.isMsrList(VmcsField.EXIT_MSR_LOAD_ADDRESS, VmcsField.EXIT_MSR_LOAD_COUNT),
                VmcsField.EXIT_MSR_LOAD_ADDRESS,
                VmcsField.EXIT_MSR_LOAD_COUNT);
    }

    private static void entries(Section s) {
        word(s, "entry-controls", Word.ENTRY, VmcsField.ENTRY_CONTROLS);
        s.rule(
                "entry-msr-load",
                "VM-entry MSR-load area is aligned to 16 bytes and ends within the physical-address width",
                x -> x.isMsrList(VmcsField.ENTRY_MSR_LOAD_ADDRESS, VmcsField.ENTRY_MSR_LOAD_COUNT),
                VmcsField.ENTRY_MSR_LOAD_ADDRESS,
                VmcsField.ENTRY_MSR_LOAD_COUNT);
    }

    private static void injection(Section s) {
        VmcsField info = VmcsField.ENTRY_INTERRUPTION_INFO;
        s.rule("injection-reserved", "bits 30:12 of the interruption information are 0",
                x -> !x.injects() || (x.info() & InterruptionInfo.RESERVED) == 0, info);
        s.rule("injection-type", "the interruption type is not 1", x -> !x.injects(1), info);
        s.rule(
                "injection-other",
                "an event of type 7 has vector 0 (pending MTF VM exit)",
                x -> !x.injects(Event.OTHER) || x.vector() == 0,
                info);
        s.rule("injection-nmi", "an NMI has vector 2", x -> !x.injects(Event.NMI) || x.vector() == Event.NMI_VECTOR, info);
        s.rule("injection-exception", "a hardware exception has a vector below 32",
                x -> !x.injects(Event.HARDWARE_EXCEPTION) || x.vector() < 32, info);
        s.rule(
                "injection-error-code",
                "an error code goes with a hardware exception, and not into a guest in real-address mode",
                x -> !x.injectsErrorCode() || x.injects(Event.HARDWARE_EXCEPTION) && !(x.unrestricted() && !x.guestCr0(Cr.PE)),
                info,
                VmcsField.GUEST_CR0);
        s.rule(
                "injection-error-code-reserved",
                "bits 31:16 of the exception error code are 0",
                x -> !x.injectsErrorCode() || x.get(VmcsField.ENTRY_EXCEPTION_ERROR_CODE) >>> 16 == 0,
                info,
                VmcsField.ENTRY_EXCEPTION_ERROR_CODE);
        s.rule(
                "injection-length",
                "the instruction length of a software event is at most 15",
                x -> !isSoftware(x) || x.get(VmcsField.ENTRY_INSTRUCTION_LENGTH) <= LONGEST_INSTRUCTION,
                info,
                VmcsField.ENTRY_INSTRUCTION_LENGTH);
    }

    private static boolean isSoftware(EntryContext x) {
        return x.injects(Event.SOFTWARE_INTERRUPT) || x.injects(Event.PRIVILEGED_SOFTWARE_EXCEPTION) || x.injects(Event.SOFTWARE_EXCEPTION);
    }
}
