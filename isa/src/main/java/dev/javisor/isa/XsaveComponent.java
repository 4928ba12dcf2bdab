package dev.javisor.isa;

/**
 * The state components that the XSAVE feature set manages ("XSAVE-Supported Features and State-Component Bitmaps"): where each one lies in
 * the standard format and how large it is. CPUID leaf 0DH, XCR0, IA32_XSS and the instructions derive from this table.
 */
public enum XsaveComponent {
    /** x87 state, MMX included: in the legacy region. */
    X87(0, Feature.FPU, 0, 160, false, false),
    /** XMM registers and MXCSR: in the legacy region. */
    SSE(1, Feature.SSE, 160, 256, false, false),
    /** Bits 255:128 of YMM0 to YMM15. */
    AVX(2, Feature.AVX, 576, 256, false, false),
    /** The protection-key rights register. */
    PKRU(9, Feature.PKU, 2688, 8, false, false);

    /** Bit position in XCR0 or IA32_XSS. */
    public final int number;
    /** The feature that brings the component. */
    public final Feature feature;
    /** Bytes from the start of the XSAVE area, standard format; 0 for supervisor components, which have no place there. */
    public final int offset;
    /** Bytes. */
    public final int size;
    /** In the compacted format the component starts at a multiple of 64 bytes. */
    public final boolean aligned;
    /** Enabled in IA32_XSS instead of XCR0. */
    public final boolean supervisor;

    XsaveComponent(int number, Feature feature, int offset, int size, boolean aligned, boolean supervisor) {
        this.number = number;
        this.feature = feature;
        this.offset = offset;
        this.size = size;
        this.aligned = aligned;
        this.supervisor = supervisor;
    }

    /** The component's bit in XCR0, IA32_XSS, XSTATE_BV and XCOMP_BV. */
    public long bit() {
        return 1L << number;
    }
}
