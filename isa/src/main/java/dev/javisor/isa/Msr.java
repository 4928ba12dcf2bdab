package dev.javisor.isa;

import dev.javisor.isa.CpuModel.Vendor;
import java.util.List;

/**
 * The model-specific registers: index, vendor and features that bring them, what may be written, and the value after reset. A register
 * that a model does not have faults, as one that is not in the table does.
 */
public enum Msr {
    // Architectural registers and registers of Intel processors
    P5_MC_ADDR(at(0x0).intel().readOnly(0)),
    P5_MC_TYPE(at(0x1).intel().readOnly(0)),
    TSC(at(0x10).needs(Feature.TSC).field()),
    KVM_WALL_CLOCK_OLD(at(0x11).needs(Feature.KVMCLOCK).field()),
    KVM_SYSTEM_TIME_OLD(at(0x12).needs(Feature.KVMCLOCK).field()),
    PLATFORM_ID(at(0x17).intel().readOnly(0)),
    APIC_BASE(at(0x1B).needs(Feature.APIC).field()),
    EBL_CR_POWERON(at(0x2A).intel().readOnly(0)),
    SMI_COUNT(at(0x34).intel().readOnly(0)),
    FEATURE_CONTROL(at(0x3A).intel().rule(Rule.FEATURE_CONTROL)),
    TSC_ADJUST(at(0x3B).needs(Feature.TSC_ADJUST).field()),
    SPEC_CTRL(at(0x48)
            .needs(
                    Feature.SPEC_CTRL, Feature.INTEL_STIBP, Feature.SPEC_CTRL_SSBD, Feature.AMD_IBRS, Feature.AMD_STIBP, Feature.AMD_SSBD)
            .rule(Rule.SPEC_CTRL)),
    PRED_CMD(at(0x49).needs(Feature.SPEC_CTRL, Feature.AMD_IBPB, Feature.SBPB).command(1)),
    BIOS_UPDT_TRIG(at(0x79).intel().command(-1)),
    BIOS_SIGN_ID(at(0x8B).intel()),
    PATCH_LEVEL(at(0x8B).amd().readOnly(0x0A10_11FF)),
    PLATFORM_INFO(at(0xCE).intel().readOnly(0x8000_1400)),
    UMWAIT_CONTROL(at(0xE1).needs(Feature.WAITPKG).writable(0xFFFF_FFFDL)),
    PKG_CST_CONFIG_CONTROL(at(0xE2).intel().rule(Rule.CST_CONFIG).reset(0x8000)),
    MPERF(at(0xE7).needs(Feature.APERFMPERF).field()),
    APERF(at(0xE8).needs(Feature.APERFMPERF).field()),
    MTRRCAP(at(0xFE).needs(Feature.MTRR).readOnly(0x508)),
    ARCH_CAPABILITIES(at(0x10A).needs(Feature.ARCH_CAPABILITIES).readOnly(0x4000_0000_0D10_E17BL)),
    FLUSH_CMD(at(0x10B).needs(Feature.FLUSH_L1D).command(1)),
    MISC_FEATURES_ENABLES(at(0x140).intel().writable(1)),
    SYSENTER_CS(at(0x174).needs(Feature.SEP).field()),
    SYSENTER_ESP(at(0x175).needs(Feature.SEP).field().rule(Rule.SYSENTER_POINTER)),
    SYSENTER_EIP(at(0x176).needs(Feature.SEP).field().rule(Rule.SYSENTER_POINTER)),
    MCG_CAP(at(0x179).needs(Feature.MCA).readOnly(0x100 | Msr.MACHINE_CHECK_BANKS)),
    MCG_STATUS(at(0x17A).needs(Feature.MCA).writable(0xF)),
    MCG_CTL(at(0x17B).needs(Feature.MCA).rule(Rule.ALL_OR_NONE).reset(-1)),
    PERF_STATUS(at(0x198).intel().readOnly(0x1400)),
    PERF_CTL(at(0x199).intel().writable(0x1_0000_FFFFL).reset(0x1400)),
    MISC_ENABLE(at(0x1A0).intel().rule(Rule.MISC_ENABLE).field().reset(0x4_1801)),
    DEBUGCTL(at(0x1D9).rule(Rule.DEBUGCTL).field()),
    LASTBRANCH_FROM_IP(at(0x1DB).readOnly(0)),
    LASTBRANCH_TO_IP(at(0x1DC).readOnly(0)),
    LER_FROM_IP(at(0x1DD).readOnly(0)),
    LER_TO_IP(at(0x1DE).readOnly(0)),
    POWER_CTL(at(0x1FC).intel()),
    MTRR_PHYSBASE(at(0x200).banks(8, 2).needs(Feature.MTRR).rule(Rule.MTRR_BASE)),
    MTRR_PHYSMASK(at(0x201).banks(8, 2).needs(Feature.MTRR).rule(Rule.MTRR_MASK)),
    MTRR_FIX64K(at(0x250).needs(Feature.MTRR).rule(Rule.MTRR_FIXED)),
    MTRR_FIX16K(at(0x258).banks(2, 1).needs(Feature.MTRR).rule(Rule.MTRR_FIXED)),
    MTRR_FIX4K(at(0x268).banks(8, 1).needs(Feature.MTRR).rule(Rule.MTRR_FIXED)),
    PAT(at(0x277).needs(Feature.PAT).rule(Rule.PAT).reset(0x0007_0406_0007_0406L)),
    MTRR_DEF_TYPE(at(0x2FF).needs(Feature.MTRR).rule(Rule.MTRR_DEFAULT)),
    MC_CTL(at(0x400).banks(Msr.MACHINE_CHECK_BANKS, 4).needs(Feature.MCA).rule(Rule.ALL_OR_NONE)),
    MC_STATUS(at(0x401).banks(Msr.MACHINE_CHECK_BANKS, 4).needs(Feature.MCA).rule(Rule.MC_STATUS)),
    MC_ADDR(at(0x402).banks(Msr.MACHINE_CHECK_BANKS, 4).needs(Feature.MCA)),
    MC_MISC(at(0x403).banks(Msr.MACHINE_CHECK_BANKS, 4).needs(Feature.MCA)),
    VMX_CAPABILITY(at(0x480).banks(20, 1).needs(Feature.VMX).readOnly(0).field()),
    DS_AREA(at(0x600).needs(Feature.DTS).rule(Rule.CANONICAL)),
    TSC_DEADLINE(at(0x6E0).needs(Feature.TSC_DEADLINE_TIMER).field()),
    PKRS(at(0x6E1).needs(Feature.PKS).writable(0xFFFF_FFFFL).field()),
    X2APIC(at(0x800).banks(256, 1).needs(Feature.X2APIC).field()),
    XSS(at(0xDA0).needs(Feature.XSAVES).rule(Rule.XSS).field()),

    // Registers of KVM
    KVM_WALL_CLOCK(at(0x4B56_4D00).needs(Feature.KVMCLOCK2).field()),
    KVM_SYSTEM_TIME(at(0x4B56_4D01).needs(Feature.KVMCLOCK2).field()),
    KVM_ASYNC_PF_EN(at(0x4B56_4D02).needs(Feature.KVM_ASYNCPF).rule(Rule.KVM_ASYNC_PF).field()),
    KVM_STEAL_TIME(at(0x4B56_4D03).needs(Feature.KVM_STEAL_TIME).writable(~0x3EL).field()),
    KVM_PV_EOI_EN(at(0x4B56_4D04).needs(Feature.KVM_PV_EOI).writable(~2L).field()),
    KVM_POLL_CONTROL(at(0x4B56_4D05).needs(Feature.KVM_POLL_CONTROL).writable(1).reset(1)),
    KVM_ASYNC_PF_INT(at(0x4B56_4D06).needs(Feature.KVM_ASYNCPF_INT).writable(0xFF).field()),
    KVM_ASYNC_PF_ACK(at(0x4B56_4D07).needs(Feature.KVM_ASYNCPF_INT).field()),

    // Registers of the 64-bit extensions
    EFER(at(0xC000_0080).field()),
    STAR(at(0xC000_0081).needs(Feature.SYSCALL).field()),
    LSTAR(at(0xC000_0082).needs(Feature.LM).rule(Rule.CANONICAL).field()),
    CSTAR(at(0xC000_0083).needs(Feature.LM).rule(Rule.CANONICAL).field()),
    FMASK(at(0xC000_0084).needs(Feature.LM).writable(0xFFFF_FFFFL).field()),
    FS_BASE(at(0xC000_0100).needs(Feature.LM).rule(Rule.CANONICAL).field()),
    GS_BASE(at(0xC000_0101).needs(Feature.LM).rule(Rule.CANONICAL).field()),
    KERNEL_GS_BASE(at(0xC000_0102).needs(Feature.LM).rule(Rule.CANONICAL).field()),
    TSC_AUX(at(0xC000_0103).needs(Feature.RDTSCP, Feature.RDPID).rule(Rule.TSC_AUX).field()),

    // Registers of AMD processors
    MPERF_READ_ONLY(at(0xC000_00E7).amd().needs(Feature.APERFMPERF_RO).readOnly(0).field()),
    APERF_READ_ONLY(at(0xC000_00E8).amd().needs(Feature.APERFMPERF_RO).readOnly(0).field()),
    // The four performance counters that every AMD processor has; here they count nothing, and operating systems find that out.
    PERF_LEGACY_CTL(at(0xC001_0000).banks(4, 1).amd().ignored()),
    PERF_LEGACY_CTR(at(0xC001_0004).banks(4, 1).amd().ignored()),
    SYSCFG(at(0xC001_0010).amd().writable(0x7C_0000)),
    HWCR(at(0xC001_0015).amd().reset(0x100_0010)),
    IORR_BASE(at(0xC001_0016).banks(2, 2).amd()),
    IORR_MASK(at(0xC001_0017).banks(2, 2).amd()),
    TOP_MEM(at(0xC001_001A).amd()),
    TOP_MEM2(at(0xC001_001D).amd()),
    NB_CFG(at(0xC001_001F).amd()),
    PATCH_LOADER(at(0xC001_0020).amd().command(-1)),
    INT_PENDING(at(0xC001_0055).amd()),
    MMIO_CONFIG_BASE(at(0xC001_0058).amd()),
    SMM_BASE(at(0xC001_0111).amd().writable(0xFFFF_FFFFL).field()),
    SMM_ADDR(at(0xC001_0112).amd()),
    SMM_MASK(at(0xC001_0113).amd()),
    OSVW_ID_LENGTH(at(0xC001_0140).amd().needs(Feature.OSVW)),
    OSVW_STATUS(at(0xC001_0141).amd().needs(Feature.OSVW)),
    LS_CFG(at(0xC001_1020).amd()),
    IC_CFG(at(0xC001_1021).amd()),
    DC_CFG(at(0xC001_1022).amd()),
    BU_CFG(at(0xC001_1023).amd()),
    DE_CFG(at(0xC001_1029).amd().reset(2)),
    BU_CFG2(at(0xC001_102A).amd()),
    BP_CFG(at(0xC001_102E).amd()),
    DE_CFG2(at(0xC001_10E3).amd());

    /** Number of machine-check banks. */
    public static final int MACHINE_CHECK_BANKS = 4;

    /** What may be written; anything else is #GP(0). */
    public enum Rule {
        /** Any value. */
        ANY,
        /** Only bits of {@link #writable}. */
        RESERVED_BITS,
        /** Nothing. */
        READ_ONLY,
        /** Any value, which is lost. */
        IGNORED,
        /** A linear address that is canonical for the widest paging mode of the model. */
        CANONICAL,
        /** Intel: canonical; AMD: any value, of which 32 bits are kept. */
        SYSENTER_POINTER,
        /** Intel: bits 63:32 are zero; AMD: they are ignored. */
        TSC_AUX,
        /** All bits clear, or (required of Intel processors only) all bits set. */
        ALL_OR_NONE,
        /** Zero; other values only with HWCR.McStatusWrEn on AMD. */
        MC_STATUS,
        /** Nothing once the lock bit is set; before, the lock bit and the bits of features that the model has. */
        FEATURE_CONTROL,
        /** 32 bits, of which the low half stays as it is once its bit 15, the lock, is set. */
        CST_CONFIG,
        /** The bits that CPUID enumerates. */
        SPEC_CTRL,
        /** The bits that turn features on and off; the others keep their values. */
        MISC_ENABLE,
        /** The bits that the vendor defines. */
        DEBUGCTL,
        /** Eight memory types. */
        PAT,
        /** Eight memory types that an MTRR can hold. */
        MTRR_FIXED,
        /** Memory type and page-aligned physical address. */
        MTRR_BASE,
        /** Valid bit and page-aligned physical address. */
        MTRR_MASK,
        /** Memory type and the enable bits. */
        MTRR_DEFAULT,
        /** Supervisor state components of the model. */
        XSS,
        /** An address of 64 bytes, and how page faults are told that the model enumerates. */
        KVM_ASYNC_PF
    }

    /** Index of the first register. */
    public final int index;
    /** Number of registers, each {@link #stride} behind the one before. */
    public final int count;

    public final int stride;
    public final Rule rule;
    /** Bits that may be set where the rule is {@link Rule#RESERVED_BITS}; the bits that a command register understands. */
    public final long writable;
    /** A command: written, never read. */
    public final boolean writeOnly;
    /** Value after reset. */
    public final long reset;
    /** Position in the array of register values, or -1 when the processor keeps the register elsewhere. */
    public final int slot;

    private final Vendor vendor;
    private final List<Feature> features;

    Msr(Spec s) {
        index = s.index;
        count = s.count;
        stride = s.stride;
        rule = s.rule;
        writable = s.writable;
        writeOnly = s.writeOnly;
        reset = s.reset;
        vendor = s.vendor;
        features = s.features;
        slot = s.field ? -1 : Slots.take(s.count);
    }

    /** Gives out positions in declaration order. */
    private static final class Slots {
        private static int next;

        static int take(int count) {
            int slot = next;
            next += count;
            return slot;
        }
    }

    /** Whether the vendor defines this register. */
    boolean isOf(Vendor v) {
        return vendor == null || vendor == v;
    }

    /** Whether a model has this register. */
    public boolean isOn(CpuModel model) {
        if (!isOf(model.vendor())) {
            return false;
        }
        for (Feature f : features) {
            if (model.features().has(f)) {
                return true;
            }
        }
        return features.isEmpty();
    }

    /** Position in a row of equal registers. */
    public int bank(int msr) {
        return (msr - index) / stride;
    }

    /** Fills in the values after reset, each at the {@link #slot} of its register. */
    public static void reset(long[] values) {
        for (Msr m : values()) {
            for (int i = 0; i < m.count && m.slot >= 0; i++) {
                values[m.slot + i] = m.reset;
            }
        }
    }

    // ---- the notation of the table ----

    private static Spec at(int index) {
        return new Spec(index);
    }

    private static final class Spec {
        private final int index;
        private int count = 1;
        private int stride = 1;
        private Vendor vendor;
        private List<Feature> features = List.of();
        private Rule rule = Rule.ANY;
        private long writable = -1;
        private long reset;
        private boolean writeOnly;
        private boolean field;

        private Spec(int index) {
            this.index = index;
        }

        Spec banks(int number, int distance) {
            count = number;
            stride = distance;
            return this;
        }

        Spec intel() {
            vendor = Vendor.INTEL;
            return this;
        }

        Spec amd() {
            vendor = Vendor.AMD;
            return this;
        }

        /** Any of these features brings the register. */
        Spec needs(Feature... any) {
            features = List.of(any);
            return this;
        }

        Spec rule(Rule r) {
            rule = r;
            return this;
        }

        Spec writable(long bits) {
            writable = bits;
            rule = Rule.RESERVED_BITS;
            return this;
        }

        Spec command(long bits) {
            writeOnly = true;
            return writable(bits);
        }

        Spec readOnly(long value) {
            rule = Rule.READ_ONLY;
            return reset(value);
        }

        Spec ignored() {
            return rule(Rule.IGNORED);
        }

        Spec reset(long value) {
            reset = value;
            return this;
        }

        /** The processor has a place of its own for the value. */
        Spec field() {
            field = true;
            return this;
        }
    }
}
