package dev.javisor.isa;

import java.util.List;

/** The control bits of a VMCS: word, bit, the manual's name, and the features with which a processor lets software set the bit. */
public enum VmxControl {
    EXTERNAL_INTERRUPT_EXITING(Word.PIN_BASED, 0, "external-interrupt exiting"),
    NMI_EXITING(Word.PIN_BASED, 3, "NMI exiting"),
    VIRTUAL_NMIS(Word.PIN_BASED, 5, "virtual NMIs"),
    ACTIVATE_PREEMPTION_TIMER(Word.PIN_BASED, 6, "activate VMX-preemption timer", Feature.VMX_PREEMPTION_TIMER),
    PROCESS_POSTED_INTERRUPTS(Word.PIN_BASED, 7, "process posted interrupts", Feature.VMX_POSTED_INTR),

    INTERRUPT_WINDOW_EXITING(Word.PRIMARY, 2, "interrupt-window exiting"),
    USE_TSC_OFFSETTING(Word.PRIMARY, 3, "use TSC offsetting"),
    HLT_EXITING(Word.PRIMARY, 7, "HLT exiting"),
    INVLPG_EXITING(Word.PRIMARY, 9, "INVLPG exiting"),
    MWAIT_EXITING(Word.PRIMARY, 10, "MWAIT exiting"),
    RDPMC_EXITING(Word.PRIMARY, 11, "RDPMC exiting"),
    RDTSC_EXITING(Word.PRIMARY, 12, "RDTSC exiting"),
    CR3_LOAD_EXITING(Word.PRIMARY, 15, "CR3-load exiting"),
    CR3_STORE_EXITING(Word.PRIMARY, 16, "CR3-store exiting"),
    ACTIVATE_TERTIARY(Word.PRIMARY, 17, "activate tertiary controls", Feature.VMX_TERTIARY_CTLS),
    CR8_LOAD_EXITING(Word.PRIMARY, 19, "CR8-load exiting"),
    CR8_STORE_EXITING(Word.PRIMARY, 20, "CR8-store exiting"),
    USE_TPR_SHADOW(Word.PRIMARY, 21, "use TPR shadow", Feature.VMX_VTPR),
    NMI_WINDOW_EXITING(Word.PRIMARY, 22, "NMI-window exiting"),
    MOV_DR_EXITING(Word.PRIMARY, 23, "MOV-DR exiting"),
    UNCONDITIONAL_IO_EXITING(Word.PRIMARY, 24, "unconditional I/O exiting"),
    USE_IO_BITMAPS(Word.PRIMARY, 25, "use I/O bitmaps"),
    MONITOR_TRAP_FLAG(Word.PRIMARY, 27, "monitor trap flag"),
    USE_MSR_BITMAPS(Word.PRIMARY, 28, "use MSR bitmaps"),
    MONITOR_EXITING(Word.PRIMARY, 29, "MONITOR exiting"),
    PAUSE_EXITING(Word.PRIMARY, 30, "PAUSE exiting"),
    ACTIVATE_SECONDARY(Word.PRIMARY, 31, "activate secondary controls"),

    VIRTUALIZE_APIC_ACCESSES(Word.SECONDARY, 0, "virtualize APIC accesses", Feature.VMX_APICV_XAPIC),
    ENABLE_EPT(Word.SECONDARY, 1, "enable EPT", Feature.VMX_EPT),
    DESCRIPTOR_TABLE_EXITING(Word.SECONDARY, 2, "descriptor-table exiting"),
    ENABLE_RDTSCP(Word.SECONDARY, 3, "enable RDTSCP", Feature.RDTSCP),
    VIRTUALIZE_X2APIC_MODE(Word.SECONDARY, 4, "virtualize x2APIC mode", Feature.VMX_APICV_X2APIC),
    ENABLE_VPID(Word.SECONDARY, 5, "enable VPID", Feature.VMX_VPID),
    WBINVD_EXITING(Word.SECONDARY, 6, "WBINVD exiting"),
    UNRESTRICTED_GUEST(Word.SECONDARY, 7, "unrestricted guest", Feature.VMX_UNRESTRICTED_GUEST, Feature.VMX_EPT),
    APIC_REGISTER_VIRTUALIZATION(Word.SECONDARY, 8, "APIC-register virtualization", Feature.VMX_APICV_REGISTER),
    VIRTUAL_INTERRUPT_DELIVERY(Word.SECONDARY, 9, "virtual-interrupt delivery", Feature.VMX_APICV_VID),
    PAUSE_LOOP_EXITING(Word.SECONDARY, 10, "PAUSE-loop exiting", Feature.VMX_PLE),
    RDRAND_EXITING(Word.SECONDARY, 11, "RDRAND exiting", Feature.RDRAND),
    ENABLE_INVPCID(Word.SECONDARY, 12, "enable INVPCID", Feature.INVPCID),
    ENABLE_VM_FUNCTIONS(Word.SECONDARY, 13, "enable VM functions", Feature.VMX_VMFUNC, Feature.VMX_EPT),
    VMCS_SHADOWING(Word.SECONDARY, 14, "VMCS shadowing", Feature.VMX_SHADOW_VMCS),
    ENABLE_ENCLS_EXITING(Word.SECONDARY, 15, "enable ENCLS exiting", Feature.SGX),
    RDSEED_EXITING(Word.SECONDARY, 16, "RDSEED exiting", Feature.RDSEED),
    ENABLE_PML(Word.SECONDARY, 17, "enable PML", Feature.VMX_PML, Feature.VMX_EPT),
    EPT_VIOLATION_VE(Word.SECONDARY, 18, "EPT-violation #VE", Feature.VMX_EPT_VIOLATION_VE, Feature.VMX_EPT),
    CONCEAL_VMX_FROM_PT(Word.SECONDARY, 19, "conceal VMX from PT", Feature.INTEL_PT),
    ENABLE_XSAVES(Word.SECONDARY, 20, "enable XSAVES/XRSTORS", Feature.XSAVES),
    MODE_BASED_EXECUTE_CONTROL(Word.SECONDARY, 22, "mode-based execute control for EPT", Feature.VMX_MBEC, Feature.VMX_EPT),
    SUB_PAGE_WRITE_PERMISSIONS(Word.SECONDARY, 23, "sub-page write permissions for EPT", Feature.VMX_SPP, Feature.VMX_EPT),
    PT_USES_GUEST_PHYSICAL(Word.SECONDARY, 24, "Intel PT uses guest physical addresses", Feature.INTEL_PT),
    USE_TSC_SCALING(Word.SECONDARY, 25, "use TSC scaling", Feature.VMX_TSC_SCALING),
    ENABLE_USER_WAIT_AND_PAUSE(Word.SECONDARY, 26, "enable user wait and pause", Feature.WAITPKG),
    ENABLE_PCONFIG(Word.SECONDARY, 27, "enable PCONFIG", Feature.PCONFIG),
    ENABLE_ENCLV_EXITING(Word.SECONDARY, 28, "enable ENCLV exiting", Feature.SGX),
    BUS_LOCK_DETECTION(Word.SECONDARY, 30, "VMM bus-lock detection", Feature.VMX_BUS_LOCK_DETECTION),
    INSTRUCTION_TIMEOUT(Word.SECONDARY, 31, "instruction timeout", Feature.VMX_NOTIFY_EXITING),

    LOADIWKEY_EXITING(Word.TERTIARY, 0, "LOADIWKEY exiting", Feature.KEY_LOCKER),
    ENABLE_HLAT(Word.TERTIARY, 1, "enable HLAT", Feature.VMX_HLAT),
    EPT_PAGING_WRITE(Word.TERTIARY, 2, "EPT paging-write control", Feature.VMX_HLAT),
    GUEST_PAGING_VERIFICATION(Word.TERTIARY, 3, "guest-paging verification", Feature.VMX_HLAT),
    IPI_VIRTUALIZATION(Word.TERTIARY, 4, "IPI virtualization", Feature.VMX_IPI_VIRTUALIZATION),
    ENABLE_MSR_LIST(Word.TERTIARY, 6, "enable MSR-list instructions", Feature.MSRLIST),
    VIRTUALIZE_SPEC_CTRL(Word.TERTIARY, 7, "virtualize IA32_SPEC_CTRL", Feature.VMX_VIRTUAL_SPEC_CTRL),

    SAVE_DEBUG_CONTROLS(Word.EXIT, 2, "save debug controls"),
    HOST_ADDRESS_SPACE_SIZE(Word.EXIT, 9, "host address-space size", Feature.LM),
    LOAD_HOST_PERF_GLOBAL_CTRL(Word.EXIT, 12, "load IA32_PERF_GLOBAL_CTRL", Feature.VMX_PERF_GLOBAL_CTRL),
    ACKNOWLEDGE_INTERRUPT_ON_EXIT(Word.EXIT, 15, "acknowledge interrupt on exit"),
    SAVE_PAT(Word.EXIT, 18, "save IA32_PAT", Feature.PAT),
    LOAD_HOST_PAT(Word.EXIT, 19, "load IA32_PAT", Feature.PAT),
    SAVE_EFER(Word.EXIT, 20, "save IA32_EFER", Feature.LM),
    LOAD_HOST_EFER(Word.EXIT, 21, "load IA32_EFER", Feature.LM),
    SAVE_PREEMPTION_TIMER(Word.EXIT, 22, "save VMX-preemption timer value", Feature.VMX_PREEMPTION_TIMER),
    CLEAR_BNDCFGS(Word.EXIT, 23, "clear IA32_BNDCFGS", Feature.MPX),
    CONCEAL_EXITS_FROM_PT(Word.EXIT, 24, "conceal VMX from PT", Feature.INTEL_PT),
    CLEAR_RTIT_CTL(Word.EXIT, 25, "clear IA32_RTIT_CTL", Feature.INTEL_PT),
    CLEAR_LBR_CTL(Word.EXIT, 26, "clear IA32_LBR_CTL", Feature.ARCH_LBR),
    CLEAR_UINV(Word.EXIT, 27, "clear UINV", Feature.UINTR),
    LOAD_HOST_CET(Word.EXIT, 28, "load CET state", Feature.SHSTK),
    LOAD_HOST_PKRS(Word.EXIT, 29, "load PKRS", Feature.PKS),
    SAVE_PERF_GLOBAL_CTRL(Word.EXIT, 30, "save IA32_PERF_GLOBAL_CTRL", Feature.VMX_PERF_GLOBAL_CTRL),
    ACTIVATE_SECONDARY_EXIT(Word.EXIT, 31, "activate secondary controls", Feature.FRED),

    SAVE_FRED(Word.SECONDARY_EXIT, 0, "save IA32_FRED state", Feature.FRED),
    LOAD_HOST_FRED(Word.SECONDARY_EXIT, 1, "load IA32_FRED state", Feature.FRED),
    LOAD_HOST_SPEC_CTRL(Word.SECONDARY_EXIT, 2, "load IA32_SPEC_CTRL", Feature.VMX_VIRTUAL_SPEC_CTRL),
    PREMATURELY_BUSY_SHADOW_STACK(Word.SECONDARY_EXIT, 3, "prematurely busy shadow stack", Feature.CET_SSS),

    LOAD_DEBUG_CONTROLS(Word.ENTRY, 2, "load debug controls"),
    IA32E_MODE_GUEST(Word.ENTRY, 9, "IA-32e mode guest", Feature.LM),
    ENTRY_TO_SMM(Word.ENTRY, 10, "entry to SMM", Feature.VMX_DUAL_MONITOR),
    DEACTIVATE_DUAL_MONITOR(Word.ENTRY, 11, "deactivate dual-monitor treatment", Feature.VMX_DUAL_MONITOR),
    LOAD_PERF_GLOBAL_CTRL(Word.ENTRY, 13, "load IA32_PERF_GLOBAL_CTRL", Feature.VMX_PERF_GLOBAL_CTRL),
    LOAD_PAT(Word.ENTRY, 14, "load IA32_PAT", Feature.PAT),
    LOAD_EFER(Word.ENTRY, 15, "load IA32_EFER", Feature.LM),
    LOAD_BNDCFGS(Word.ENTRY, 16, "load IA32_BNDCFGS", Feature.MPX),
    CONCEAL_ENTRIES_FROM_PT(Word.ENTRY, 17, "conceal VMX from PT", Feature.INTEL_PT),
    LOAD_RTIT_CTL(Word.ENTRY, 18, "load IA32_RTIT_CTL", Feature.INTEL_PT),
    LOAD_UINV(Word.ENTRY, 19, "load UINV", Feature.UINTR),
    LOAD_CET(Word.ENTRY, 20, "load CET state", Feature.SHSTK),
    LOAD_LBR_CTL(Word.ENTRY, 21, "load guest IA32_LBR_CTL", Feature.ARCH_LBR),
    LOAD_PKRS(Word.ENTRY, 22, "load PKRS", Feature.PKS),
    LOAD_FRED(Word.ENTRY, 23, "load IA32_FRED state", Feature.FRED),
    LOAD_SPEC_CTRL(Word.ENTRY, 24, "load IA32_SPEC_CTRL", Feature.VMX_VIRTUAL_SPEC_CTRL);

    /** The words that hold controls: the bits of the default-1 class, and those of them that are not fixed by the TRUE registers. */
    public enum Word {
        PIN_BASED("pin-based VM-execution controls", 0x16, 0),
        PRIMARY("primary processor-based VM-execution controls", 0x0401_E172L, 0x1_8000),
        SECONDARY("secondary processor-based VM-execution controls", 0, 0),
        TERTIARY("tertiary processor-based VM-execution controls", 0, 0),
        EXIT("primary VM-exit controls", 0x3_6DFF, 4),
        SECONDARY_EXIT("secondary VM-exit controls", 0, 0),
        ENTRY("VM-entry controls", 0x11FF, 4);

        /** The manual's name. */
        public final String text;
        /** Bits that are one on processors without TRUE capability registers. */
        public final long default1;
        /** Bits of the default-1 class that may be zero all the same. */
        public final long optional;

        Word(String text, long default1, long optional) {
            this.text = text;
            this.default1 = default1;
            this.optional = optional;
        }
    }

    public final Word word;
    public final int position;
    public final long bit;
    /** The manual's name. */
    public final String text;

    private final List<Feature> features;

    VmxControl(Word word, int position, String text, Feature... all) {
        this.word = word;
        this.position = position;
        this.bit = 1L << position;
        this.text = text;
        this.features = List.of(all);
    }

    /** Whether software may set the bit. */
    public boolean isOn(FeatureSet set) {
        for (Feature f : features) {
            if (!set.has(f)) {
                return false;
            }
        }
        return set.has(Feature.VMX);
    }
}
