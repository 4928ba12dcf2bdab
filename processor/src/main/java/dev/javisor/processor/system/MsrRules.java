package dev.javisor.processor.system;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Msr;
import dev.javisor.isa.XsaveComponent;
import dev.javisor.processor.core.Cpu;

/** What may be written to the model-specific registers: the predicates behind the rules of the table. */
final class MsrRules {
    // IA32_SPEC_CTRL
    private static final long IBRS = 1, STIBP = 2, SSBD = 4, PSFD = 0x80, BHI_DIS_S = 0x400;

    // IA32_FEATURE_CONTROL
    private static final long LOCK = 1, VMX_IN_SMX = 2, VMX_OUTSIDE_SMX = 4;

    /** IA32_MISC_ENABLE: fast strings, automatic thermal control, Enhanced SpeedStep, MONITOR, limit of CPUID, xTPR disable, XD disable. */
    private static final long MISC_ENABLE_WRITABLE = 0x4_00C5_0009L;

    /** Performance monitoring, branch trace storage and PEBS availability: read-only. */
    private static final long MISC_ENABLE_READ_ONLY = 0x1880;

    // KVM's register for asynchronous page faults: delivery by VM exit is for guests that are hypervisors
    private static final long ASYNC_PF_RESERVED = 0x34, ASYNC_PF_AS_INTERRUPT = 8;

    private static final long HWCR_STATUS_WRITE = 1 << 18;

    private static final long DEBUGCTL_INTEL = 0x3, DEBUGCTL_AMD = 0x3F;

    private static final long CST_LOCK = 1 << 15;

    /** Memory types UC, WC, WT, WP, WB; the PAT also has UC-. */
    private static final int MTRR_TYPES = 0b111_0011, PAT_TYPES = 0b1111_0011;

    private static final long MTRR_TYPE_FIELD = 0xFFF, MTRR_VALID = 0x800, MTRR_ENABLES = 0xC00;

    private MsrRules() {}

    static boolean allows(Cpu c, Msr m, long value) {
        return switch (m.rule) {
            case ANY, IGNORED -> true;
            case RESERVED_BITS -> (value & ~m.writable) == 0;
            case READ_ONLY -> false;
            case CANONICAL -> canonical(c.model, value);
            case SYSENTER_POINTER -> !c.model.isIntel() || canonical(c.model, value);
            case TSC_AUX -> !c.model.isIntel() || value >>> 32 == 0;
            case ALL_OR_NONE -> value == 0 || value == -1 || !c.model.isIntel();
            case MC_STATUS -> value == 0 || !c.model.isIntel() && (c.msr[Msr.HWCR.slot] & HWCR_STATUS_WRITE) != 0;
            case FEATURE_CONTROL -> (c.msr[m.slot] & LOCK) == 0 && (value & ~featureControl(c)) == 0;
            case CST_CONFIG -> value >>> 32 == 0 && ((c.msr[m.slot] & CST_LOCK) == 0 || (value ^ c.msr[m.slot]) << 48 == 0);
            case SPEC_CTRL -> (value & ~specCtrl(c)) == 0;
            case MISC_ENABLE -> (value & ~(MISC_ENABLE_WRITABLE | MISC_ENABLE_READ_ONLY)) == 0;
            case DEBUGCTL -> (value & ~(c.model.isIntel() ? DEBUGCTL_INTEL : DEBUGCTL_AMD)) == 0;
            case PAT -> areTypes(value, PAT_TYPES);
            case MTRR_FIXED -> areTypes(value, MTRR_TYPES);
            case MTRR_BASE -> isType(value & 0xFF, MTRR_TYPES) && (value & (0xF00 | c.model.physicalReserved())) == 0;
            case MTRR_MASK -> (value & (MTRR_TYPE_FIELD & ~MTRR_VALID | c.model.physicalReserved())) == 0;
            case MTRR_DEFAULT -> isType(value & 0xFF, MTRR_TYPES) && (value & ~(0xFF | MTRR_ENABLES)) == 0;
            case XSS -> (value & ~supervisorState(c)) == 0;
            case KVM_ASYNC_PF -> (value & (ASYNC_PF_RESERVED | (c.has(Feature.KVM_ASYNCPF_INT) ? 0 : ASYNC_PF_AS_INTERRUPT))) == 0;
        };
    }

    /** The value that a register holds after an allowed write. */
    static long stored(Cpu c, Msr m, long value) {
        return switch (m.rule) {
            case IGNORED -> 0;
            case SYSENTER_POINTER, TSC_AUX -> c.model.isIntel() ? value : value & 0xFFFFFFFFL;
            case MISC_ENABLE -> value & MISC_ENABLE_WRITABLE | c.miscEnable & MISC_ENABLE_READ_ONLY;
            default -> value;
        };
    }

    private static boolean canonical(CpuModel model, long value) {
        int unused = 64 - model.linearBits();
        return value << unused >> unused == value;
    }

    private static boolean isType(long type, int types) {
        return type < 8 && (types >>> type & 1) != 0;
    }

    private static boolean areTypes(long value, int types) {
        for (int i = 0; i < 64; i += 8) {
            if (!isType(value >>> i & 0xFF, types)) {
                return false;
            }
        }
        return true;
    }

    private static long featureControl(Cpu c) {
        return LOCK | (c.has(Feature.VMX) ? VMX_OUTSIDE_SMX : 0) | (c.has(Feature.VMX) && c.has(Feature.SMX) ? VMX_IN_SMX : 0);
    }

    private static long specCtrl(Cpu c) {
        return (c.has(Feature.SPEC_CTRL) || c.has(Feature.AMD_IBRS) ? IBRS : 0)
                | (c.has(Feature.INTEL_STIBP) || c.has(Feature.AMD_STIBP) ? STIBP : 0)
                | (c.has(Feature.SPEC_CTRL_SSBD) || c.has(Feature.AMD_SSBD) ? SSBD : 0)
                | (c.has(Feature.INTEL_PSFD) || c.has(Feature.AMD_PSFD) ? PSFD : 0)
                | (c.has(Feature.BHI_CTRL) ? BHI_DIS_S : 0);
    }

    /** State components that XSAVES and XRSTORS manage beside those of XCR0. */
    static long supervisorState(Cpu c) {
        long mask = 0;
        for (XsaveComponent x : XsaveComponent.values()) {
            if (x.supervisor && c.has(x.feature)) {
                mask |= x.bit();
            }
        }
        return mask;
    }
}
