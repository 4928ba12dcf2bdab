package dev.javisor.isa;

/** Basic exit reasons ("VMX Basic Exit Reasons"). */
public enum ExitReason {
    EXCEPTION_OR_NMI(0, "exception or non-maskable interrupt"),
    EXTERNAL_INTERRUPT(1, "external interrupt"),
    TRIPLE_FAULT(2, "triple fault"),
    INIT_SIGNAL(3, "INIT signal"),
    STARTUP_IPI(4, "start-up IPI"),
    IO_SMI(5, "I/O system-management interrupt"),
    OTHER_SMI(6, "other SMI"),
    INTERRUPT_WINDOW(7, "interrupt window"),
    NMI_WINDOW(8, "NMI window"),
    TASK_SWITCH(9, "task switch"),
    CPUID(10, "CPUID"),
    GETSEC(11, "GETSEC"),
    HLT(12, "HLT"),
    INVD(13, "INVD"),
    INVLPG(14, "INVLPG"),
    RDPMC(15, "RDPMC"),
    RDTSC(16, "RDTSC"),
    RSM(17, "RSM"),
    VMCALL(18, "VMCALL"),
    VMCLEAR(19, "VMCLEAR"),
    VMLAUNCH(20, "VMLAUNCH"),
    VMPTRLD(21, "VMPTRLD"),
    VMPTRST(22, "VMPTRST"),
    VMREAD(23, "VMREAD"),
    VMRESUME(24, "VMRESUME"),
    VMWRITE(25, "VMWRITE"),
    VMXOFF(26, "VMXOFF"),
    VMXON(27, "VMXON"),
    CONTROL_REGISTER_ACCESS(28, "control-register accesses"),
    MOV_DR(29, "MOV DR"),
    IO_INSTRUCTION(30, "I/O instruction"),
    RDMSR(31, "RDMSR"),
    WRMSR(32, "WRMSR"),
    INVALID_GUEST_STATE(33, "VM-entry failure due to invalid guest state"),
    MSR_LOADING(34, "VM-entry failure due to MSR loading"),
    MWAIT(36, "MWAIT"),
    MONITOR_TRAP_FLAG(37, "monitor trap flag"),
    MONITOR(39, "MONITOR"),
    PAUSE(40, "PAUSE"),
    /**
     * Never with us, as the manual permits: a machine check that becomes pending while VM entry is at work is taken once the guest has been
     * entered, as the guest's.
     */
    MACHINE_CHECK_DURING_ENTRY(41, "VM-entry failure due to machine-check event"),
    TPR_BELOW_THRESHOLD(43, "TPR below threshold"),
    APIC_ACCESS(44, "APIC access"),
    VIRTUALIZED_EOI(45, "virtualized EOI"),
    ACCESS_TO_GDTR_OR_IDTR(46, "access to GDTR or IDTR"),
    ACCESS_TO_LDTR_OR_TR(47, "access to LDTR or TR"),
    EPT_VIOLATION(48, "EPT violation"),
    EPT_MISCONFIGURATION(49, "EPT misconfiguration"),
    INVEPT(50, "INVEPT"),
    RDTSCP(51, "RDTSCP"),
    PREEMPTION_TIMER_EXPIRED(52, "VMX-preemption timer expired"),
    INVVPID(53, "INVVPID"),
    WBINVD(54, "WBINVD or WBNOINVD"),
    XSETBV(55, "XSETBV"),
    APIC_WRITE(56, "APIC write"),
    RDRAND(57, "RDRAND"),
    INVPCID(58, "INVPCID"),
    VMFUNC(59, "VMFUNC"),
    ENCLS(60, "ENCLS"),
    RDSEED(61, "RDSEED"),
    PAGE_MODIFICATION_LOG_FULL(62, "page-modification log full"),
    XSAVES(63, "XSAVES"),
    XRSTORS(64, "XRSTORS"),
    PCONFIG(65, "PCONFIG"),
    SPP_RELATED_EVENT(66, "SPP-related event"),
    UMWAIT(67, "UMWAIT"),
    TPAUSE(68, "TPAUSE"),
    LOADIWKEY(69, "LOADIWKEY"),
    ENCLV(70, "ENCLV"),
    ENQCMD_PASID_TRANSLATION_FAILURE(72, "ENQCMD PASID translation failure"),
    ENQCMDS_PASID_TRANSLATION_FAILURE(73, "ENQCMDS PASID translation failure"),
    BUS_LOCK(74, "bus lock"),
    INSTRUCTION_TIMEOUT(75, "instruction timeout"),
    SEAMCALL(76, "SEAMCALL"),
    TDCALL(77, "TDCALL"),
    RDMSRLIST(78, "RDMSRLIST"),
    WRMSRLIST(79, "WRMSRLIST"),
    URDMSR(80, "URDMSR"),
    UWRMSR(81, "UWRMSR"),
    RDMSR_IMMEDIATE(84, "RDMSR with immediate"),
    WRMSRNS_IMMEDIATE(85, "WRMSRNS with immediate");

    /** Bits 15:0 of the exit reason. */
    public final int number;
    /** The manual's name. */
    public final String text;

    ExitReason(int number, String text) {
        this.number = number;
        this.text = text;
    }

    /** The reason with a number, or null. */
    public static ExitReason of(int number) {
        return number >= 0 && number < Index.REASONS.length ? Index.REASONS[number] : null;
    }

    private static final class Index {
        private static final ExitReason[] REASONS = new ExitReason[values()[values().length - 1].number + 1];

        static {
            for (ExitReason r : values()) {
                REASONS[r.number] = r;
            }
        }
    }
}
