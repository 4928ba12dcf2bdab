package dev.javisor.isa;

import dev.javisor.isa.VmxControl.Word;
import java.util.List;

/** What the VMX capability registers of a processor say ("VMX Capability Reporting Facility"). Follows from its features. Immutable. */
public final class VmxCapabilities {
    /** Bytes of a VMCS region. */
    public static final int REGION_SIZE = 4096;
    /** VMCS revision identifier: follows from the layout of the region. */
    public static final int REVISION = VmcsField.layout(List.of(VmcsField.values()));

    /** CR0 and CR4 bits that must be one in VMX operation. */
    public static final long CR0_FIXED0 = 0x8000_0021L, CR4_FIXED0 = 0x2000;

    /**
     * The VMX-preemption timer counts once in 2 to the power of this ticks of the time-stamp counter. A tick is an instruction, so this is
     * faster than on other processors, for a short turn of the guest to count; kvm-intel refuses timers beyond 430 MHz.
     */
    public static final int PREEMPTION_TIMER_RATE = 3;

    public static final int CR3_TARGETS = 4;
    /** Number of VM functions: EPTP switching. */
    public static final long VM_FUNCTIONS = 1;

    // IA32_VMX_BASIC: WB memory, INS and OUTS information, TRUE registers, no constraint between error code and vector
    private static final long WRITE_BACK = 6L << 50, IO_INFORMATION = 1L << 54, TRUE_CONTROLS = 1L << 55, ANY_ERROR_CODE = 1L << 56;

    // IA32_VMX_MISC
    private static final long STORES_LMA = 1 << 5, HLT = 1 << 6, SHUTDOWN = 1 << 7, WAIT_FOR_SIPI = 1 << 8;
    private static final long VMWRITE_ANY_FIELD = 1 << 29, INJECTION_LENGTH_ZERO = 1 << 30;

    // IA32_VMX_EPT_VPID_CAP
    public static final long EXECUTE_ONLY = 1, WALK_4 = 1 << 6, WALK_5 = 1 << 7, UNCACHEABLE = 1 << 8, EPT_WRITE_BACK = 1 << 14,
            PAGES_2M = 1 << 16, PAGES_1G = 1 << 17;

    private static final long INVEPT = 1 << 20, ADVANCED_INFORMATION = 1 << 22, INVEPT_TYPES = 3 << 25;
    public static final long ACCESSED_AND_DIRTY = 1 << 21;
    private static final long INVVPID = 1L << 32, INVVPID_TYPES = 15L << 40;

    /** Positions of the registers behind IA32_VMX_BASIC. */
    public static final int BASIC = 0, PIN_BASED = 1, PRIMARY = 2, EXIT = 3, ENTRY = 4, MISC = 5, CR0_FIXED_0 = 6, CR0_FIXED_1 = 7,
            CR4_FIXED_0 = 8;

    public static final int CR4_FIXED_1 = 9, VMCS_ENUM = 10, SECONDARY = 11, EPT_VPID = 12, TRUE_PIN_BASED = 13, TRUE_PRIMARY = 14,
            TRUE_EXIT = 15;
    public static final int TRUE_ENTRY = 16, VM_FUNCTION = 17, TERTIARY = 18, SECONDARY_EXIT = 19;

    private final FeatureSet features;
    private final long[] allowed = new long[Word.values().length];
    private final int highestIndex;
    private final long eptVpid;

    public VmxCapabilities(FeatureSet features) {
        this.features = features;
        for (VmxControl c : VmxControl.values()) {
            if (c.isOn(features)) {
                allowed[c.word.ordinal()] |= c.bit;
            }
        }
        for (Word w : Word.values()) {
            allowed[w.ordinal()] |= w.default1;
        }
        int highest = 0;
        for (VmcsField f : VmcsField.values()) {
            if (f.isOn(features)) {
                highest = Math.max(highest, f.index());
            }
        }
        highestIndex = highest;
        long ept = EXECUTE_ONLY | WALK_4 | UNCACHEABLE | EPT_WRITE_BACK | PAGES_2M | PAGES_1G | INVEPT | ACCESSED_AND_DIRTY
                | ADVANCED_INFORMATION | INVEPT_TYPES;
        ept |= features.has(Feature.LA57) ? WALK_5 : 0;
        eptVpid = (has(VmxControl.ENABLE_EPT) ? ept : 0) | (has(VmxControl.ENABLE_VPID) ? INVVPID | INVVPID_TYPES : 0);
    }

    /** Software may set the control. */
    public boolean has(VmxControl c) {
        return c.isOn(features);
    }

    public boolean has(VmcsField f) {
        return f.isOn(features);
    }

    /** Bits of a control word that may be one. */
    public long allowed1(Word w) {
        return allowed[w.ordinal()];
    }

    /** Bits of a control word that must be one. */
    public long required1(Word w) {
        return w.default1 & ~w.optional;
    }

    /** IA32_VMX_EPT_VPID_CAP. */
    public long eptVpid() {
        return eptVpid;
    }

    /** IA32_VMX_MISC. */
    public long misc() {
        return PREEMPTION_TIMER_RATE | STORES_LMA | HLT | SHUTDOWN | WAIT_FOR_SIPI | (long) CR3_TARGETS << 16 | VMWRITE_ANY_FIELD
                | INJECTION_LENGTH_ZERO;
    }

    private long basic() {
        return REVISION | (long) REGION_SIZE << 32 | WRITE_BACK | IO_INFORMATION | TRUE_CONTROLS | ANY_ERROR_CODE;
    }

    private long capability(Word w, long required) {
        return allowed1(w) << 32 | required;
    }

    /** Whether a register exists. @param index its position behind IA32_VMX_BASIC */
    public boolean exists(int index) {
        return switch (index) {
            case EPT_VPID -> eptVpid != 0;
            case VM_FUNCTION -> has(VmxControl.ENABLE_VM_FUNCTIONS);
            case TERTIARY -> has(VmxControl.ACTIVATE_TERTIARY);
            case SECONDARY_EXIT -> has(VmxControl.ACTIVATE_SECONDARY_EXIT);
            default -> index >= BASIC && index <= SECONDARY_EXIT;
        };
    }

    /**
     * The value of a register.
     *
     * @param index its position behind IA32_VMX_BASIC; the register exists
     * @param cr4 the bits of CR4 that the processor supports
     */
    public long register(int index, long cr4) {
        return switch (index) {
            case BASIC -> basic();
            case PIN_BASED -> capability(Word.PIN_BASED, Word.PIN_BASED.default1);
            case PRIMARY -> capability(Word.PRIMARY, Word.PRIMARY.default1);
            case EXIT -> capability(Word.EXIT, Word.EXIT.default1);
            case ENTRY -> capability(Word.ENTRY, Word.ENTRY.default1);
            case MISC -> misc();
            case CR0_FIXED_0 -> CR0_FIXED0;
            case CR0_FIXED_1 -> 0xFFFF_FFFFL;
            case CR4_FIXED_0 -> CR4_FIXED0;
            case CR4_FIXED_1 -> cr4;
            case VMCS_ENUM -> (long) highestIndex << 1;
            case SECONDARY -> capability(Word.SECONDARY, 0);
            case EPT_VPID -> eptVpid;
            case TRUE_PIN_BASED -> capability(Word.PIN_BASED, required1(Word.PIN_BASED));
            case TRUE_PRIMARY -> capability(Word.PRIMARY, required1(Word.PRIMARY));
            case TRUE_EXIT -> capability(Word.EXIT, required1(Word.EXIT));
            case TRUE_ENTRY -> capability(Word.ENTRY, required1(Word.ENTRY));
            case VM_FUNCTION -> VM_FUNCTIONS;
            case TERTIARY -> allowed1(Word.TERTIARY);
            default -> allowed1(Word.SECONDARY_EXIT);
        };
    }
}
