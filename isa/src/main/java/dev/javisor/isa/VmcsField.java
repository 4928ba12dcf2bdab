package dev.javisor.isa;

import java.util.List;

/**
 * The fields of a VMCS: encoding, the manual's name, and the controls of which any brings the field ("Field Encoding in VMCS"). Width,
 * type and access follow from the encoding.
 */
public enum VmcsField {
    VIRTUAL_PROCESSOR_ID(0x0000, "virtual-processor identifier (VPID)", VmxControl.ENABLE_VPID),
    POSTED_INTERRUPT_VECTOR(0x0002, "posted-interrupt notification vector", VmxControl.PROCESS_POSTED_INTERRUPTS),
    EPTP_INDEX(0x0004, "EPTP index", VmxControl.EPT_VIOLATION_VE),
    HLAT_PREFIX_SIZE(0x0006, "HLAT prefix size", VmxControl.ENABLE_HLAT),
    LAST_PID_POINTER_INDEX(0x0008, "last PID-pointer index", VmxControl.IPI_VIRTUALIZATION),

    GUEST_ES_SELECTOR(0x0800, "guest ES selector"),
    GUEST_CS_SELECTOR(0x0802, "guest CS selector"),
    GUEST_SS_SELECTOR(0x0804, "guest SS selector"),
    GUEST_DS_SELECTOR(0x0806, "guest DS selector"),
    GUEST_FS_SELECTOR(0x0808, "guest FS selector"),
    GUEST_GS_SELECTOR(0x080A, "guest GS selector"),
    GUEST_LDTR_SELECTOR(0x080C, "guest LDTR selector"),
    GUEST_TR_SELECTOR(0x080E, "guest TR selector"),
    GUEST_INTERRUPT_STATUS(0x0810, "guest interrupt status", VmxControl.VIRTUAL_INTERRUPT_DELIVERY),
    PML_INDEX(0x0812, "PML index", VmxControl.ENABLE_PML),
    GUEST_UINV(0x0814, "guest UINV", VmxControl.LOAD_UINV),

    HOST_ES_SELECTOR(0x0C00, "host ES selector"),
    HOST_CS_SELECTOR(0x0C02, "host CS selector"),
    HOST_SS_SELECTOR(0x0C04, "host SS selector"),
    HOST_DS_SELECTOR(0x0C06, "host DS selector"),
    HOST_FS_SELECTOR(0x0C08, "host FS selector"),
    HOST_GS_SELECTOR(0x0C0A, "host GS selector"),
    HOST_TR_SELECTOR(0x0C0C, "host TR selector"),

    IO_BITMAP_A(0x2000, "address of I/O bitmap A"),
    IO_BITMAP_B(0x2002, "address of I/O bitmap B"),
    MSR_BITMAPS(0x2004, "address of MSR bitmaps"),
    EXIT_MSR_STORE_ADDRESS(0x2006, "VM-exit MSR-store address"),
    EXIT_MSR_LOAD_ADDRESS(0x2008, "VM-exit MSR-load address"),
    ENTRY_MSR_LOAD_ADDRESS(0x200A, "VM-entry MSR-load address"),
    EXECUTIVE_VMCS_POINTER(0x200C, "executive-VMCS pointer"),
    PML_ADDRESS(0x200E, "PML address", VmxControl.ENABLE_PML),
    TSC_OFFSET(0x2010, "TSC offset"),
    VIRTUAL_APIC_ADDRESS(0x2012, "virtual-APIC address", VmxControl.USE_TPR_SHADOW),
    APIC_ACCESS_ADDRESS(0x2014, "APIC-access address", VmxControl.VIRTUALIZE_APIC_ACCESSES),
    POSTED_INTERRUPT_DESCRIPTOR(0x2016, "posted-interrupt descriptor address", VmxControl.PROCESS_POSTED_INTERRUPTS),
    VM_FUNCTION_CONTROLS(0x2018, "VM-function controls", VmxControl.ENABLE_VM_FUNCTIONS),
    EPT_POINTER(0x201A, "EPT pointer", VmxControl.ENABLE_EPT),
    EOI_EXIT_BITMAP_0(0x201C, "EOI-exit bitmap 0", VmxControl.VIRTUAL_INTERRUPT_DELIVERY),
    EOI_EXIT_BITMAP_1(0x201E, "EOI-exit bitmap 1", VmxControl.VIRTUAL_INTERRUPT_DELIVERY),
    EOI_EXIT_BITMAP_2(0x2020, "EOI-exit bitmap 2", VmxControl.VIRTUAL_INTERRUPT_DELIVERY),
    EOI_EXIT_BITMAP_3(0x2022, "EOI-exit bitmap 3", VmxControl.VIRTUAL_INTERRUPT_DELIVERY),
    EPTP_LIST_ADDRESS(0x2024, "EPTP-list address", VmxControl.ENABLE_VM_FUNCTIONS),
    VMREAD_BITMAP(0x2026, "VMREAD-bitmap address", VmxControl.VMCS_SHADOWING),
    VMWRITE_BITMAP(0x2028, "VMWRITE-bitmap address", VmxControl.VMCS_SHADOWING),
    VE_INFORMATION_ADDRESS(0x202A, "virtualization-exception information address", VmxControl.EPT_VIOLATION_VE),
    XSS_EXITING_BITMAP(0x202C, "XSS-exiting bitmap", VmxControl.ENABLE_XSAVES),
    ENCLS_EXITING_BITMAP(0x202E, "ENCLS-exiting bitmap", VmxControl.ENABLE_ENCLS_EXITING),
    SUB_PAGE_PERMISSION_TABLE(0x2030, "sub-page-permission-table pointer", VmxControl.SUB_PAGE_WRITE_PERMISSIONS),
    TSC_MULTIPLIER(0x2032, "TSC multiplier", VmxControl.USE_TSC_SCALING),
    TERTIARY_CONTROLS(0x2034, "tertiary processor-based VM-execution controls", VmxControl.ACTIVATE_TERTIARY),
    ENCLV_EXITING_BITMAP(0x2036, "ENCLV-exiting bitmap", VmxControl.ENABLE_ENCLV_EXITING),
    PCONFIG_EXITING_BITMAP(0x203E, "PCONFIG-exiting bitmap", VmxControl.ENABLE_PCONFIG),
    HLAT_POINTER(0x2040, "hypervisor-managed linear-address translation pointer", VmxControl.ENABLE_HLAT),
    PID_POINTER_TABLE(0x2042, "PID-pointer table address", VmxControl.IPI_VIRTUALIZATION),
    SECONDARY_EXIT_CONTROLS(0x2044, "secondary VM-exit controls", VmxControl.ACTIVATE_SECONDARY_EXIT),
    SPEC_CTRL_MASK(0x204A, "IA32_SPEC_CTRL mask", VmxControl.VIRTUALIZE_SPEC_CTRL),
    SPEC_CTRL_SHADOW(0x204C, "IA32_SPEC_CTRL shadow", VmxControl.VIRTUALIZE_SPEC_CTRL),
    INJECTED_EVENT_DATA(0x2052, "injected-event data", VmxControl.LOAD_FRED),

    GUEST_PHYSICAL_ADDRESS(0x2400, "guest-physical address", VmxControl.ENABLE_EPT),
    ORIGINAL_EVENT_DATA(0x2404, "original-event data", VmxControl.LOAD_FRED),

    VMCS_LINK_POINTER(0x2800, "VMCS link pointer"),
    GUEST_DEBUGCTL(0x2802, "guest IA32_DEBUGCTL"),
    GUEST_PAT(0x2804, "guest IA32_PAT", VmxControl.LOAD_PAT, VmxControl.SAVE_PAT),
    GUEST_EFER(0x2806, "guest IA32_EFER", VmxControl.LOAD_EFER, VmxControl.SAVE_EFER),
    GUEST_PERF_GLOBAL_CTRL(0x2808, "guest IA32_PERF_GLOBAL_CTRL", VmxControl.LOAD_PERF_GLOBAL_CTRL),
    GUEST_PDPTE0(0x280A, "guest PDPTE0", VmxControl.ENABLE_EPT),
    GUEST_PDPTE1(0x280C, "guest PDPTE1", VmxControl.ENABLE_EPT),
    GUEST_PDPTE2(0x280E, "guest PDPTE2", VmxControl.ENABLE_EPT),
    GUEST_PDPTE3(0x2810, "guest PDPTE3", VmxControl.ENABLE_EPT),
    GUEST_BNDCFGS(0x2812, "guest IA32_BNDCFGS", VmxControl.LOAD_BNDCFGS, VmxControl.CLEAR_BNDCFGS),
    GUEST_RTIT_CTL(0x2814, "guest IA32_RTIT_CTL", VmxControl.LOAD_RTIT_CTL, VmxControl.CLEAR_RTIT_CTL),
    GUEST_LBR_CTL(0x2816, "guest IA32_LBR_CTL", VmxControl.LOAD_LBR_CTL),
    GUEST_PKRS(0x2818, "guest IA32_PKRS", VmxControl.LOAD_PKRS),
    GUEST_FRED_CONFIG(0x281A, "guest IA32_FRED_CONFIG", VmxControl.LOAD_FRED),
    GUEST_FRED_RSP1(0x281C, "guest IA32_FRED_RSP1", VmxControl.LOAD_FRED),
    GUEST_FRED_RSP2(0x281E, "guest IA32_FRED_RSP2", VmxControl.LOAD_FRED),
    GUEST_FRED_RSP3(0x2820, "guest IA32_FRED_RSP3", VmxControl.LOAD_FRED),
    GUEST_FRED_STKLVLS(0x2822, "guest IA32_FRED_STKLVLS", VmxControl.LOAD_FRED),
    GUEST_FRED_SSP1(0x2824, "guest IA32_FRED_SSP1", VmxControl.LOAD_FRED),
    GUEST_FRED_SSP2(0x2826, "guest IA32_FRED_SSP2", VmxControl.LOAD_FRED),
    GUEST_FRED_SSP3(0x2828, "guest IA32_FRED_SSP3", VmxControl.LOAD_FRED),
    GUEST_SPEC_CTRL(0x282E, "guest IA32_SPEC_CTRL", VmxControl.LOAD_SPEC_CTRL),

    HOST_PAT(0x2C00, "host IA32_PAT", VmxControl.LOAD_HOST_PAT),
    HOST_EFER(0x2C02, "host IA32_EFER", VmxControl.LOAD_HOST_EFER),
    HOST_PERF_GLOBAL_CTRL(0x2C04, "host IA32_PERF_GLOBAL_CTRL", VmxControl.LOAD_HOST_PERF_GLOBAL_CTRL),
    HOST_PKRS(0x2C06, "host IA32_PKRS", VmxControl.LOAD_HOST_PKRS),
    HOST_FRED_CONFIG(0x2C08, "host IA32_FRED_CONFIG", VmxControl.LOAD_HOST_FRED),
    HOST_FRED_RSP1(0x2C0A, "host IA32_FRED_RSP1", VmxControl.LOAD_HOST_FRED),
    HOST_FRED_RSP2(0x2C0C, "host IA32_FRED_RSP2", VmxControl.LOAD_HOST_FRED),
    HOST_FRED_RSP3(0x2C0E, "host IA32_FRED_RSP3", VmxControl.LOAD_HOST_FRED),
    HOST_FRED_STKLVLS(0x2C10, "host IA32_FRED_STKLVLS", VmxControl.LOAD_HOST_FRED),
    HOST_FRED_SSP1(0x2C12, "host IA32_FRED_SSP1", VmxControl.LOAD_HOST_FRED),
    HOST_FRED_SSP2(0x2C14, "host IA32_FRED_SSP2", VmxControl.LOAD_HOST_FRED),
    HOST_FRED_SSP3(0x2C16, "host IA32_FRED_SSP3", VmxControl.LOAD_HOST_FRED),
    HOST_SPEC_CTRL(0x2C1A, "host IA32_SPEC_CTRL", VmxControl.LOAD_HOST_SPEC_CTRL),

    PIN_CONTROLS(0x4000, "pin-based VM-execution controls"),
    PRIMARY_CONTROLS(0x4002, "primary processor-based VM-execution controls"),
    EXCEPTION_BITMAP(0x4004, "exception bitmap"),
    PAGE_FAULT_ERROR_MASK(0x4006, "page-fault error-code mask"),
    PAGE_FAULT_ERROR_MATCH(0x4008, "page-fault error-code match"),
    CR3_TARGET_COUNT(0x400A, "CR3-target count"),
    EXIT_CONTROLS(0x400C, "primary VM-exit controls"),
    EXIT_MSR_STORE_COUNT(0x400E, "VM-exit MSR-store count"),
    EXIT_MSR_LOAD_COUNT(0x4010, "VM-exit MSR-load count"),
    ENTRY_CONTROLS(0x4012, "VM-entry controls"),
    ENTRY_MSR_LOAD_COUNT(0x4014, "VM-entry MSR-load count"),
    ENTRY_INTERRUPTION_INFO(0x4016, "VM-entry interruption-information field"),
    ENTRY_EXCEPTION_ERROR_CODE(0x4018, "VM-entry exception error code"),
    ENTRY_INSTRUCTION_LENGTH(0x401A, "VM-entry instruction length"),
    TPR_THRESHOLD(0x401C, "TPR threshold", VmxControl.USE_TPR_SHADOW),
    SECONDARY_CONTROLS(0x401E, "secondary processor-based VM-execution controls", VmxControl.ACTIVATE_SECONDARY),
    PLE_GAP(0x4020, "PLE_Gap", VmxControl.PAUSE_LOOP_EXITING),
    PLE_WINDOW(0x4022, "PLE_Window", VmxControl.PAUSE_LOOP_EXITING),
    INSTRUCTION_TIMEOUT_CONTROL(0x4024, "instruction-timeout control", VmxControl.INSTRUCTION_TIMEOUT),

    VM_INSTRUCTION_ERROR(0x4400, "VM-instruction error"),
    EXIT_REASON(0x4402, "exit reason"),
    EXIT_INTERRUPTION_INFO(0x4404, "VM-exit interruption information"),
    EXIT_INTERRUPTION_ERROR_CODE(0x4406, "VM-exit interruption error code"),
    IDT_VECTORING_INFO(0x4408, "IDT-vectoring information field"),
    IDT_VECTORING_ERROR_CODE(0x440A, "IDT-vectoring error code"),
    EXIT_INSTRUCTION_LENGTH(0x440C, "VM-exit instruction length"),
    EXIT_INSTRUCTION_INFO(0x440E, "VM-exit instruction information"),

    GUEST_ES_LIMIT(0x4800, "guest ES limit"),
    GUEST_CS_LIMIT(0x4802, "guest CS limit"),
    GUEST_SS_LIMIT(0x4804, "guest SS limit"),
    GUEST_DS_LIMIT(0x4806, "guest DS limit"),
    GUEST_FS_LIMIT(0x4808, "guest FS limit"),
    GUEST_GS_LIMIT(0x480A, "guest GS limit"),
    GUEST_LDTR_LIMIT(0x480C, "guest LDTR limit"),
    GUEST_TR_LIMIT(0x480E, "guest TR limit"),
    GUEST_GDTR_LIMIT(0x4810, "guest GDTR limit"),
    GUEST_IDTR_LIMIT(0x4812, "guest IDTR limit"),
    GUEST_ES_ACCESS_RIGHTS(0x4814, "guest ES access rights"),
    GUEST_CS_ACCESS_RIGHTS(0x4816, "guest CS access rights"),
    GUEST_SS_ACCESS_RIGHTS(0x4818, "guest SS access rights"),
    GUEST_DS_ACCESS_RIGHTS(0x481A, "guest DS access rights"),
    GUEST_FS_ACCESS_RIGHTS(0x481C, "guest FS access rights"),
    GUEST_GS_ACCESS_RIGHTS(0x481E, "guest GS access rights"),
    GUEST_LDTR_ACCESS_RIGHTS(0x4820, "guest LDTR access rights"),
    GUEST_TR_ACCESS_RIGHTS(0x4822, "guest TR access rights"),
    GUEST_INTERRUPTIBILITY(0x4824, "guest interruptibility state"),
    GUEST_ACTIVITY(0x4826, "guest activity state"),
    GUEST_SMBASE(0x4828, "guest SMBASE"),
    GUEST_SYSENTER_CS(0x482A, "guest IA32_SYSENTER_CS"),
    PREEMPTION_TIMER_VALUE(0x482E, "VMX-preemption timer value", VmxControl.ACTIVATE_PREEMPTION_TIMER),
    HOST_SYSENTER_CS(0x4C00, "host IA32_SYSENTER_CS"),

    CR0_MASK(0x6000, "CR0 guest/host mask"),
    CR4_MASK(0x6002, "CR4 guest/host mask"),
    CR0_READ_SHADOW(0x6004, "CR0 read shadow"),
    CR4_READ_SHADOW(0x6006, "CR4 read shadow"),
    CR3_TARGET_0(0x6008, "CR3-target value 0"),
    CR3_TARGET_1(0x600A, "CR3-target value 1"),
    CR3_TARGET_2(0x600C, "CR3-target value 2"),
    CR3_TARGET_3(0x600E, "CR3-target value 3"),

    EXIT_QUALIFICATION(0x6400, "exit qualification"),
    IO_RCX(0x6402, "I/O RCX"),
    IO_RSI(0x6404, "I/O RSI"),
    IO_RDI(0x6406, "I/O RDI"),
    IO_RIP(0x6408, "I/O RIP"),
    GUEST_LINEAR_ADDRESS(0x640A, "guest-linear address"),

    GUEST_CR0(0x6800, "guest CR0"),
    GUEST_CR3(0x6802, "guest CR3"),
    GUEST_CR4(0x6804, "guest CR4"),
    GUEST_ES_BASE(0x6806, "guest ES base"),
    GUEST_CS_BASE(0x6808, "guest CS base"),
    GUEST_SS_BASE(0x680A, "guest SS base"),
    GUEST_DS_BASE(0x680C, "guest DS base"),
    GUEST_FS_BASE(0x680E, "guest FS base"),
    GUEST_GS_BASE(0x6810, "guest GS base"),
    GUEST_LDTR_BASE(0x6812, "guest LDTR base"),
    GUEST_TR_BASE(0x6814, "guest TR base"),
    GUEST_GDTR_BASE(0x6816, "guest GDTR base"),
    GUEST_IDTR_BASE(0x6818, "guest IDTR base"),
    GUEST_DR7(0x681A, "guest DR7"),
    GUEST_RSP(0x681C, "guest RSP"),
    GUEST_RIP(0x681E, "guest RIP"),
    GUEST_RFLAGS(0x6820, "guest RFLAGS"),
    GUEST_PENDING_DEBUG(0x6822, "guest pending debug exceptions"),
    GUEST_SYSENTER_ESP(0x6824, "guest IA32_SYSENTER_ESP"),
    GUEST_SYSENTER_EIP(0x6826, "guest IA32_SYSENTER_EIP"),
    GUEST_S_CET(0x6828, "guest IA32_S_CET", VmxControl.LOAD_CET),
    GUEST_SSP(0x682A, "guest SSP", VmxControl.LOAD_CET),
    GUEST_INTERRUPT_SSP_TABLE(0x682C, "guest IA32_INTERRUPT_SSP_TABLE_ADDR", VmxControl.LOAD_CET),

    HOST_CR0(0x6C00, "host CR0"),
    HOST_CR3(0x6C02, "host CR3"),
    HOST_CR4(0x6C04, "host CR4"),
    HOST_FS_BASE(0x6C06, "host FS base"),
    HOST_GS_BASE(0x6C08, "host GS base"),
    HOST_TR_BASE(0x6C0A, "host TR base"),
    HOST_GDTR_BASE(0x6C0C, "host GDTR base"),
    HOST_IDTR_BASE(0x6C0E, "host IDTR base"),
    HOST_SYSENTER_ESP(0x6C10, "host IA32_SYSENTER_ESP"),
    HOST_SYSENTER_EIP(0x6C12, "host IA32_SYSENTER_EIP"),
    HOST_RSP(0x6C14, "host RSP"),
    HOST_RIP(0x6C16, "host RIP"),
    HOST_S_CET(0x6C18, "host IA32_S_CET", VmxControl.LOAD_HOST_CET),
    HOST_SSP(0x6C1A, "host SSP", VmxControl.LOAD_HOST_CET),
    HOST_INTERRUPT_SSP_TABLE(0x6C1C, "host IA32_INTERRUPT_SSP_TABLE_ADDR", VmxControl.LOAD_HOST_CET);

    /** Field width, encoding bits 14:13. */
    public enum Width {
        BITS16,
        BITS64,
        BITS32,
        NATURAL
    }

    /** Field type, encoding bits 11:10. */
    public enum Type {
        CONTROL,
        READ_ONLY,
        GUEST,
        HOST
    }

    /** Encodings are smaller than this. */
    private static final int ENCODINGS = 0x8000;

    /** Encoding with access type "full". */
    public final int encoding;
    /** The manual's name. */
    public final String text;

    public final Width width;
    public final Type type;

    private final List<VmxControl> gates;
    private final long mask;

    VmcsField(int encoding, String text, VmxControl... any) {
        this.encoding = encoding;
        this.text = text;
        this.width = Width.values()[encoding >> 13 & 3];
        this.type = Type.values()[encoding >> 10 & 3];
        this.gates = List.of(any);
        this.mask = switch (width) {
            case BITS16 -> 0xFFFFL;
            case BITS32 -> 0xFFFF_FFFFL;
            case BITS64, NATURAL -> -1L;
        };
    }

    /** Bits 9:1 of the encoding. */
    public int index() {
        return encoding >> 1 & 0x1FF;
    }

    /** The bits that the field can hold. */
    public long mask() {
        return mask;
    }

    /** Whether a processor has the field. */
    public boolean isOn(FeatureSet features) {
        for (VmxControl c : gates) {
            if (c.isOn(features)) {
                return true;
            }
        }
        return gates.isEmpty();
    }

    /**
     * A number for a table of fields in this order, 31 bits and not 0: VMCS regions are laid out by the table, and those of another table
     * shall not be taken for ours.
     */
    static int layout(List<VmcsField> table) {
        int hash = 0x811C_9DC5;
        for (VmcsField f : table) {
            hash = (hash ^ f.encoding) * 0x0100_0193;
        }
        return hash >>> 1 | 1;
    }

    /** The field that an encoding (access type included) names, or null. */
    public static VmcsField of(long encoding) {
        return encoding >= 0 && encoding < ENCODINGS ? Index.FIELDS[(int) encoding] : null;
    }

    private static final class Index {
        private static final VmcsField[] FIELDS = new VmcsField[ENCODINGS];

        static {
            for (VmcsField f : values()) {
                FIELDS[f.encoding] = f;
                if (f.width == Width.BITS64) {
                    FIELDS[f.encoding + 1] = f;
                }
            }
        }
    }
}
