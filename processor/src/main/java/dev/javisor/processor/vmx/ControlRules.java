package dev.javisor.processor.vmx;

import static dev.javisor.isa.VmxControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT;
import static dev.javisor.isa.VmxControl.ACTIVATE_PREEMPTION_TIMER;
import static dev.javisor.isa.VmxControl.ACTIVATE_SECONDARY;
import static dev.javisor.isa.VmxControl.ACTIVATE_SECONDARY_EXIT;
import static dev.javisor.isa.VmxControl.ACTIVATE_TERTIARY;
import static dev.javisor.isa.VmxControl.APIC_REGISTER_VIRTUALIZATION;
import static dev.javisor.isa.VmxControl.ENABLE_EPT;
import static dev.javisor.isa.VmxControl.ENABLE_HLAT;
import static dev.javisor.isa.VmxControl.ENABLE_PML;
import static dev.javisor.isa.VmxControl.ENABLE_VM_FUNCTIONS;
import static dev.javisor.isa.VmxControl.ENABLE_VPID;
import static dev.javisor.isa.VmxControl.EPT_PAGING_WRITE;
import static dev.javisor.isa.VmxControl.EPT_VIOLATION_VE;
import static dev.javisor.isa.VmxControl.EXTERNAL_INTERRUPT_EXITING;
import static dev.javisor.isa.VmxControl.GUEST_PAGING_VERIFICATION;
import static dev.javisor.isa.VmxControl.IPI_VIRTUALIZATION;
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
import dev.javisor.isa.VmcsText;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxControl.Word;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.vmx.EntryRule.Group;
import dev.javisor.processor.vmx.EntryRule.Section;
import java.util.List;
import java.util.function.Predicate;

/** "Checks on VMX Controls". */
final class ControlRules {
    private static final int PAGE = 0x1000, POSTED_INTERRUPT_DESCRIPTOR = 64;
    private static final long HLAT_RESERVED = 0xFE7;
    private static final long LONGEST_INSTRUCTION = 15;

    private ControlRules() {}

    static void addTo(List<EntryRule> rules) {
        Section execution = new Section(rules, Group.CONTROLS, "VM-Execution Control Fields");
        words(execution);
        bitmaps(execution);
        apic(execution);
        postedInterrupts(execution);
        translation(execution);
        others(execution);
        exits(new Section(rules, Group.CONTROLS, "VM-Exit Control Fields"));
        Section entry = new Section(rules, Group.CONTROLS, "VM-Entry Control Fields");
        word(entry, "entry-controls", Word.ENTRY, "IA32_VMX_TRUE_ENTRY_CTLS (490H)", x -> true);
        injection(entry);
        msrList(entry, "entry-msr-load", VmcsField.ENTRY_MSR_LOAD_ADDRESS, VmcsField.ENTRY_MSR_LOAD_COUNT);
    }

    private static void word(Section s, String id, Word w, String register, Predicate<EntryContext> activated) {
        s.bits(
                id,
                "bits of the " + w.text + " that " + register + " fixes are as it says",
                activated,
                VmcsText.field(w),
                x -> x.vmx.capabilities.required1(w),
                x -> x.vmx.capabilities.allowed1(w));
    }

    private static void page(Section s, String id, VmxControl control, VmcsField address) {
        s.address(id, x -> x.on(control), address, PAGE);
    }

    private static void msrList(Section s, String id, VmcsField address, VmcsField count) {
        s.rule(
                id,
                address.text + " of a list that is not empty is aligned to 16 bytes, and the list within the physical-address width",
                x -> x.isMsrList(address, count),
                address,
                count);
    }

    private static void words(Section s) {
        word(s, "pin-controls", Word.PIN_BASED, "IA32_VMX_TRUE_PINBASED_CTLS (48DH)", x -> true);
        word(s, "primary-controls", Word.PRIMARY, "IA32_VMX_TRUE_PROCBASED_CTLS (48EH)", x -> true);
        word(s, "secondary-controls", Word.SECONDARY, "IA32_VMX_PROCBASED_CTLS2 (48BH)", x -> x.on(ACTIVATE_SECONDARY));
        word(s, "tertiary-controls", Word.TERTIARY, "IA32_VMX_PROCBASED_CTLS3 (492H)", x -> x.on(ACTIVATE_TERTIARY));
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
    }

    private static void apic(Section s) {
        page(s, "virtual-apic-page", USE_TPR_SHADOW, VmcsField.VIRTUAL_APIC_ADDRESS);
        s.zeroes(
                "tpr-threshold-reserved",
                "bits 31:4 of the TPR threshold are 0 without \"virtual-interrupt delivery\"",
                x -> x.on(USE_TPR_SHADOW) && x.off(VIRTUAL_INTERRUPT_DELIVERY),
                VmcsField.TPR_THRESHOLD,
                15);
        s.add(
                "tpr-threshold-vtpr",
                "TPR threshold is not above bits 7:4 of VTPR, at offset 080H of the virtual-APIC page",
                ControlRules::isThresholdReached,
                x -> x.isVisible(x.get(VmcsField.VIRTUAL_APIC_ADDRESS))
                        ? "VTPR is %02XH: make the TPR threshold at most %d".formatted(vtpr(x), vtpr(x) >>> 4)
                        : "",
                VmcsField.TPR_THRESHOLD,
                VmcsField.VIRTUAL_APIC_ADDRESS);
        s.needs("virtual-nmis", VIRTUAL_NMIS, NMI_EXITING);
        s.needs("nmi-window", NMI_WINDOW_EXITING, VIRTUAL_NMIS);
        page(s, "apic-access-page", VIRTUALIZE_APIC_ACCESSES, VmcsField.APIC_ACCESS_ADDRESS);
        s.needs("x2apic-mode-tpr-shadow", VIRTUALIZE_X2APIC_MODE, USE_TPR_SHADOW);
        s.needs("apic-registers-tpr-shadow", APIC_REGISTER_VIRTUALIZATION, USE_TPR_SHADOW);
        s.needs("virtual-interrupts-tpr-shadow", VIRTUAL_INTERRUPT_DELIVERY, USE_TPR_SHADOW);
        s.needs("ipi-virtualization-tpr-shadow", IPI_VIRTUALIZATION, USE_TPR_SHADOW);
        s.rule(
                "x2apic-mode-apic-accesses",
                "\"virtualize x2APIC mode\" and \"virtualize APIC accesses\" are not both 1",
                x -> x.off(VIRTUALIZE_X2APIC_MODE) || x.off(VIRTUALIZE_APIC_ACCESSES),
                VmcsField.SECONDARY_CONTROLS);
        s.needs("virtual-interrupts-exiting", VIRTUAL_INTERRUPT_DELIVERY, EXTERNAL_INTERRUPT_EXITING);
    }

    private static long vtpr(EntryContext x) {
        return x.memory().read(x.get(VmcsField.VIRTUAL_APIC_ADDRESS) + VirtualApic.TPR, 1);
    }

    private static boolean isThresholdReached(EntryContext x) {
        boolean checked = x.on(USE_TPR_SHADOW) && x.off(VIRTUAL_INTERRUPT_DELIVERY) && x.off(VIRTUALIZE_APIC_ACCESSES);
        return !checked
                || !x.isPage(VmcsField.VIRTUAL_APIC_ADDRESS)
                || !x.isVisible(x.get(VmcsField.VIRTUAL_APIC_ADDRESS))
                || (x.get(VmcsField.TPR_THRESHOLD) & 15) <= vtpr(x) >>> 4;
    }

    private static void postedInterrupts(Section s) {
        s.needs("posted-virtual-interrupts", PROCESS_POSTED_INTERRUPTS, VIRTUAL_INTERRUPT_DELIVERY);
        s.needs("posted-acknowledge", PROCESS_POSTED_INTERRUPTS, ACKNOWLEDGE_INTERRUPT_ON_EXIT);
        s.zeroes(
                "posted-vector",
                "bits 15:8 of the posted-interrupt notification vector are 0",
                x -> x.on(PROCESS_POSTED_INTERRUPTS),
                VmcsField.POSTED_INTERRUPT_VECTOR,
                0xFF);
        s.address(
                "posted-descriptor",
                x -> x.on(PROCESS_POSTED_INTERRUPTS),
                VmcsField.POSTED_INTERRUPT_DESCRIPTOR,
                POSTED_INTERRUPT_DESCRIPTOR);
    }

    private static void translation(Section s) {
        VmcsField pointer = VmcsField.EPT_POINTER;
        s.rule(
                "vpid",
                "VPID is not 0",
                x -> x.off(ENABLE_VPID) || x.get(VmcsField.VIRTUAL_PROCESSOR_ID) != 0,
                VmcsField.VIRTUAL_PROCESSOR_ID);
        s.rule(
                "ept-memory-type",
                "bits 2:0 of the EPT pointer are a memory type that is supported: 0 (UC) or 6 (WB)",
                x -> x.off(ENABLE_EPT) || EptPointer.hasMemoryType(x.vmx, x.get(pointer)),
                pointer);
        s.rule(
                "ept-walk-length",
                "bits 5:3 of the EPT pointer are a page-walk length, less 1, that is supported: 3, or 4 with 5-level EPT",
                x -> x.off(ENABLE_EPT) || EptPointer.hasWalkLength(x.vmx, x.get(pointer)),
                pointer);
        s.bits(
                "ept-reserved",
                "reserved bits of the EPT pointer, and those beyond the physical-address width, are 0",
                x -> x.on(ENABLE_EPT),
                pointer,
                x -> 0,
                x -> ~EptPointer.reserved(x.vmx));
        s.needs("enable-pml-ept", ENABLE_PML, ENABLE_EPT);
        page(s, "pml-address", ENABLE_PML, VmcsField.PML_ADDRESS);
        s.needs("unrestricted-guest-ept", UNRESTRICTED_GUEST, ENABLE_EPT);
        s.needs("mode-based-execute-control-ept", MODE_BASED_EXECUTE_CONTROL, ENABLE_EPT);
        s.needs("sub-page-write-permissions-ept", SUB_PAGE_WRITE_PERMISSIONS, ENABLE_EPT);
        page(s, "sub-page-table", SUB_PAGE_WRITE_PERMISSIONS, VmcsField.SUB_PAGE_PERMISSION_TABLE);
        s.bits(
                "hlat-pointer",
                "reserved bits of the HLAT pointer, and those beyond the physical-address width, are 0",
                x -> x.on(ENABLE_HLAT),
                VmcsField.HLAT_POINTER,
                x -> 0,
                x -> ~(HLAT_RESERVED | x.cpu.model.physicalReserved()));
        s.needs("ept-paging-write-ept", EPT_PAGING_WRITE, ENABLE_EPT);
        s.needs("guest-paging-verification-ept", GUEST_PAGING_VERIFICATION, ENABLE_EPT);
    }

    private static void others(Section s) {
        s.zeroes(
                "vm-functions",
                "VM-function controls select functions that are supported",
                x -> x.on(ENABLE_VM_FUNCTIONS),
                VmcsField.VM_FUNCTION_CONTROLS,
                VmxCapabilities.VM_FUNCTIONS);
        s.rule(
                "eptp-switching-ept",
                "EPTP switching needs \"enable EPT\"",
                x -> !switchesEptp(x) || x.on(ENABLE_EPT),
                VmcsField.VM_FUNCTION_CONTROLS,
                VmcsField.SECONDARY_CONTROLS);
        s.address("eptp-list", ControlRules::switchesEptp, VmcsField.EPTP_LIST_ADDRESS, PAGE);
        page(s, "vmread-bitmap", VMCS_SHADOWING, VmcsField.VMREAD_BITMAP);
        page(s, "vmwrite-bitmap", VMCS_SHADOWING, VmcsField.VMWRITE_BITMAP);
        page(s, "ve-information", EPT_VIOLATION_VE, VmcsField.VE_INFORMATION_ADDRESS);
        s.rule(
                "pid-pointer-table",
                "PID-pointer table is aligned to 8 bytes and all within the physical-address width",
                x -> x.off(IPI_VIRTUALIZATION) || isPidPointerTable(x),
                VmcsField.PID_POINTER_TABLE,
                VmcsField.LAST_PID_POINTER_INDEX);
        s.rule(
                "tsc-multiplier",
                "TSC multiplier is not 0",
                x -> x.off(USE_TSC_SCALING) || x.get(VmcsField.TSC_MULTIPLIER) != 0,
                VmcsField.TSC_MULTIPLIER);
    }

    private static boolean isPidPointerTable(EntryContext x) {
        long table = x.get(VmcsField.PID_POINTER_TABLE);
        return x.isAddress(table, 8) && x.isAddress(table + 8 * x.get(VmcsField.LAST_PID_POINTER_INDEX), 8);
    }

    private static boolean switchesEptp(EntryContext x) {
        return x.on(ENABLE_VM_FUNCTIONS) && (x.get(VmcsField.VM_FUNCTION_CONTROLS) & VmxCapabilities.VM_FUNCTIONS) != 0;
    }

    private static void exits(Section s) {
        word(s, "exit-controls", Word.EXIT, "IA32_VMX_TRUE_EXIT_CTLS (48FH)", x -> true);
        word(s, "secondary-exit-controls", Word.SECONDARY_EXIT, "IA32_VMX_EXIT_CTLS2 (493H)", x -> x.on(ACTIVATE_SECONDARY_EXIT));
        s.needs("save-timer", SAVE_PREEMPTION_TIMER, ACTIVATE_PREEMPTION_TIMER);
        msrList(s, "exit-msr-store", VmcsField.EXIT_MSR_STORE_ADDRESS, VmcsField.EXIT_MSR_STORE_COUNT);
        msrList(s, "exit-msr-load", VmcsField.EXIT_MSR_LOAD_ADDRESS, VmcsField.EXIT_MSR_LOAD_COUNT);
    }

    private static void injection(Section s) {
        VmcsField info = VmcsField.ENTRY_INTERRUPTION_INFO;
        s.rule("injection-type", "the interruption type, bits 10:8, is not 1", x -> !x.injects(1), info);
        s.rule("injection-nmi", "an NMI has vector 2", x -> !x.injects(Event.NMI) || x.vector() == Event.NMI_VECTOR, info);
        s.rule(
                "injection-exception",
                "a hardware exception has a vector below 32",
                x -> !x.injects(Event.HARDWARE_EXCEPTION) || x.vector() < 32,
                info);
        s.rule(
                "injection-other",
                "an event of type 7 has vector 0 (pending MTF VM exit)",
                x -> !x.injects(Event.OTHER) || x.vector() == 0,
                info);
        s.rule(
                "injection-error-code",
                "an error code, bit 11, goes with a hardware exception only",
                x -> !x.injectsErrorCode() || x.injects(Event.HARDWARE_EXCEPTION),
                info);
        s.rule(
                "injection-error-code-real",
                "no error code goes into an unrestricted guest in real-address mode",
                x -> !x.injectsErrorCode() || !x.unrestricted() || x.guestCr0(Cr.PE),
                info,
                VmcsField.GUEST_CR0);
        s.zeroes(
                "injection-reserved",
                "bits 30:12 of the interruption information are 0",
                EntryContext::injects,
                info,
                ~InterruptionInfo.RESERVED);
        s.zeroes(
                "injection-error-code-reserved",
                "bits 31:16 of the exception error code are 0",
                EntryContext::injectsErrorCode,
                VmcsField.ENTRY_EXCEPTION_ERROR_CODE,
                0xFFFF,
                info);
        s.rule(
                "injection-length",
                "the instruction length of a software event is at most 15",
                x -> !isSoftware(x) || x.get(VmcsField.ENTRY_INSTRUCTION_LENGTH) <= LONGEST_INSTRUCTION,
                VmcsField.ENTRY_INSTRUCTION_LENGTH,
                info);
    }

    private static boolean isSoftware(EntryContext x) {
        return x.injects(Event.SOFTWARE_INTERRUPT)
                || x.injects(Event.PRIVILEGED_SOFTWARE_EXCEPTION)
                || x.injects(Event.SOFTWARE_EXCEPTION);
    }
}
