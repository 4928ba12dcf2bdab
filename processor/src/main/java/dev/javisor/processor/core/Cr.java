package dev.javisor.processor.core;

/** Bits of the control registers and of IA32_EFER. */
public final class Cr {
    // CR0
    public static final long PE = 1, MP = 2, EM = 4, TS = 8, ET = 0x10, NE = 0x20, WP = 0x10000, AM = 0x40000, NW = 0x20000000L,
            CD = 0x40000000L, PG = 0x80000000L;

    // CR4
    public static final long VME = 1,
            PVI = 2,
            TSD = 4,
            DE = 8,
            PSE = 0x10,
            PAE = 0x20,
            MCE = 0x40,
            PGE = 0x80,
            PCE = 0x100,
            OSFXSR = 0x200,
            OSXMMEXCPT = 0x400,
            UMIP = 0x800,
            LA57 = 0x1000,
            VMXE = 0x2000,
            SMXE = 0x4000,
            FSGSBASE = 0x10000,
            PCIDE = 0x20000,
            OSXSAVE = 0x40000,
            KL = 0x80000,
            SMEP = 0x100000,
            SMAP = 0x200000,
            PKE = 0x400000,
            CET = 0x800000,
            PKS = 0x1000000,
            UINTR = 0x2000000,
            LASS = 0x8000000,
            LAM_SUP = 0x10000000,
            FRED = 1L << 32;

    /** Bits of CR0 and CR4 whose change ends all cached translations. */
    public static final long CR0_TRANSLATION = PE | PG, CR4_TRANSLATION = PSE | PAE | PGE | LA57 | PCIDE | SMEP | SMAP | PKE | PKS | LASS;

    // CR3
    public static final long LAM_U57 = 1L << 61, LAM_U48 = 1L << 62, NOFLUSH = 1L << 63;

    // IA32_EFER
    public static final long SCE = 1, LME = 0x100, LMA = 0x400, NXE = 0x800, SVME = 0x1000, LMSLE = 0x2000, FFXSR = 0x4000, TCE = 0x8000,
            AUTOIBRS = 0x200000;

    private Cr() {}
}
