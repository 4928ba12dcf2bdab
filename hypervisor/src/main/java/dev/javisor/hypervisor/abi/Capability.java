package dev.javisor.hypervisor.abi;

import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** KVM_CAP_...: what {@code checkExtension} is asked about, with KVM's numbers. */
public enum Capability {
    IRQCHIP(0),
    HLT(1),
    USER_MEMORY(3),
    SET_TSS_ADDR(4),
    EXT_CPUID(7),
    NR_VCPUS(9),
    NR_MEMSLOTS(10),
    MP_STATE(14),
    COALESCED_MMIO(15),
    DESTROY_MEMORY_REGION_WORKS(21),
    USER_NMI(22),
    SET_GUEST_DEBUG(23),
    IRQ_ROUTING(25),
    JOIN_MEMORY_REGIONS_WORKS(30),
    MCE(31),
    IRQFD(32),
    PIT2(33),
    SET_BOOT_CPU_ID(34),
    PIT_STATE2(35),
    IOEVENTFD(36),
    SET_IDENTITY_MAP_ADDR(37),
    ADJUST_CLOCK(39),
    INTERNAL_ERROR_DATA(40),
    VCPU_EVENTS(41),
    INTR_SHADOW(49),
    DEBUGREGS(50),
    XSAVE(55),
    XCRS(56),
    TSC_CONTROL(60),
    GET_TSC_KHZ(61),
    MAX_VCPUS(66),
    TSC_DEADLINE_TIMER(72),
    SIGNAL_MSI(77),
    READONLY_MEM(81),
    IRQFD_RESAMPLE(82),
    X86_IOAPIC_POLARITY_IGNORED(97),
    ENABLE_CAP_VM(98),
    CHECK_EXTENSION_VM(105),
    DISABLE_QUIRKS(116),
    X86_SMM(117),
    SPLIT_IRQCHIP(121),
    IOEVENTFD_ANY_LENGTH(122),
    MAX_VCPU_ID(128),
    X2APIC_API(129),
    IMMEDIATE_EXIT(136),
    X86_DISABLE_EXITS(143),
    GET_MSR_FEATURES(153),
    COALESCED_PIO(162),
    EXCEPTION_PAYLOAD(164),
    MANUAL_DIRTY_LOG_PROTECT2(168),
    X86_USER_SPACE_MSR(188),
    X86_MSR_FILTER(189),
    DIRTY_LOG_RING(192),
    X86_BUS_LOCK_EXIT(193),
    SREGS2(200),
    EXIT_HYPERCALL(201),
    EXIT_ON_EMULATION_FAILURE(204),
    XSAVE2(208),
    DISABLE_QUIRKS2(213),
    VM_TSC_CONTROL(214),
    X86_TRIPLE_FAULT_EVENT(218),
    X86_NOTIFY_VMEXIT(219),
    DIRTY_LOG_RING_ACQ_REL(223);

    /** Bits of the argument of {@link #X86_USER_SPACE_MSR}: which accesses exit. */
    public static final int MSR_EXIT_REASON_INVAL = 1, MSR_EXIT_REASON_UNKNOWN = 2, MSR_EXIT_REASON_FILTER = 4;
    /** Bits of the argument of {@link #EXIT_HYPERCALL}: one for each hypercall that can exit. */
    public static final long EXIT_HYPERCALL_ALL = 1L << VcpuExit.Hypercall.MAP_GPA_RANGE;
    /** Bits of the argument of {@link #X2APIC_API}: APIC IDs of 32 bits in messages and register pages; FFH is one of them. */
    public static final int X2APIC_API_USE_32BIT_IDS = 1, X2APIC_API_DISABLE_BROADCAST_QUIRK = 2;

    public static final int X2APIC_API_ALL = X2APIC_API_USE_32BIT_IDS | X2APIC_API_DISABLE_BROADCAST_QUIRK;
    /** Bits of the argument of {@link #MANUAL_DIRTY_LOG_PROTECT2}. */
    public static final int DIRTY_LOG_MANUAL_PROTECT_ENABLE = 1, DIRTY_LOG_INITIALLY_SET = 2;

    /** Bits of the argument of {@link #X86_DISABLE_EXITS}: what the guest does without exit. */
    public static final int DISABLE_EXITS_MWAIT = 1, DISABLE_EXITS_HLT = 2, DISABLE_EXITS_PAUSE = 4, DISABLE_EXITS_CSTATE = 8;

    public static final int DISABLE_EXITS_ALL = 15;
    /** A bit of the argument of {@link #DISABLE_QUIRKS2}: the other vendor's hypercall instruction is replaced. */
    public static final int QUIRK_FIX_HYPERCALL_INSN = 1 << 5;
    /** Of those bits, the ones of quirks that KVM has and that are never there. */
    public static final int QUIRKS_WITHOUT_EFFECT = 0x1F | 1 << 6;

    public static final int QUIRKS_ALL = QUIRK_FIX_HYPERCALL_INSN | QUIRKS_WITHOUT_EFFECT;
    /** Bits of the argument of {@link #X86_BUS_LOCK_EXIT}. */
    public static final int BUS_LOCK_DETECTION_OFF = 1, BUS_LOCK_DETECTION_EXIT = 2;

    public static final int BUS_LOCK_DETECTION_ALL = 3;
    /** Low bits of the argument of {@link #X86_NOTIFY_VMEXIT}; its high half is the window. */
    public static final int NOTIFY_VMEXIT_ENABLED = 1, NOTIFY_VMEXIT_USER = 2;

    public static final int NOTIFY_VMEXIT_ALL = 3;

    private static final Map<Integer, Capability> BY_NUMBER =
            Stream.of(values()).collect(Collectors.toUnmodifiableMap(c -> c.number, c -> c));

    public final int number;

    Capability(int number) {
        this.number = number;
    }

    /** The capability with a number, or null. */
    public static Capability of(int number) {
        return BY_NUMBER.get(number);
    }
}
