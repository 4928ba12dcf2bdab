package dev.javisor.processor.core;

/**
 * An event from the moment it is raised to the moment it stands in a frame, a VMCS field or a saved state.
 *
 * @param type see the constants; numbering as in FRED and VMX event information
 * @param vector 0 to 255
 * @param hasErrorCode whether an error code is delivered
 * @param errorCode error code, 0 if none
 * @param instructionLength bytes, for software events (types 4 to 7); else 0
 * @param payload event data, applied at delivery: the linear address of #PF (CR2), the pending bits of #DB in positive polarity (DR6),
 *     IA32_XFD_ERR of #NM; else 0
 * @param nested the event was raised while another was being delivered
 */
public record Event(int type, int vector, boolean hasErrorCode, int errorCode, int instructionLength, long payload, boolean nested) {
    public static final int EXTERNAL_INTERRUPT = 0,
            NMI = 2,
            HARDWARE_EXCEPTION = 3,
            SOFTWARE_INTERRUPT = 4,
            PRIVILEGED_SOFTWARE_EXCEPTION = 5,
            SOFTWARE_EXCEPTION = 6,
            OTHER = 7;

    /** Exception vectors. */
    public static final int DE = 0, DB = 1, NMI_VECTOR = 2, BP = 3, OF = 4, BR = 5, UD = 6, NM = 7, DF = 8, TS = 10, NP = 11, SS = 12,
            GP = 13, PF = 14, MF = 16, AC = 17, MC = 18, XM = 19, VE = 20, CP = 21;

    /** A hardware exception without error code. */
    public static Event exception(int vector) {
        return new Event(HARDWARE_EXCEPTION, vector, false, 0, 0, 0, false);
    }

    /** A hardware exception with error code. */
    public static Event exception(int vector, int errorCode) {
        return new Event(HARDWARE_EXCEPTION, vector, true, errorCode, 0, 0, false);
    }

    public static Event pageFault(long linear, int errorCode) {
        return new Event(HARDWARE_EXCEPTION, PF, true, errorCode, 0, linear, false);
    }

    /** #DB with the causes in positive polarity (B0-3, BD 13, BS 14, BT 15, ...). */
    public static Event debug(long payload) {
        return new Event(HARDWARE_EXCEPTION, DB, false, 0, 0, payload, false);
    }

    public static Event interrupt(int vector) {
        return new Event(EXTERNAL_INTERRUPT, vector, false, 0, 0, 0, false);
    }

    public static Event nmi() {
        return new Event(NMI, NMI_VECTOR, false, 0, 0, 0, false);
    }

    /** INT n, INT3, INTO, INT1: the frame holds the RIP of the next instruction. */
    public static Event software(int type, int vector, int instructionLength) {
        return new Event(type, vector, false, 0, instructionLength, 0, false);
    }

    /** The #DB of INT1, with the causes of a MOV SS before it. */
    public static Event int1(int instructionLength, long payload) {
        return new Event(PRIVILEGED_SOFTWARE_EXCEPTION, DB, false, 0, instructionLength, payload, false);
    }

    /** #DB, of whatever cause. */
    public boolean isDebugException() {
        return vector == DB && (type == HARDWARE_EXCEPTION || type == PRIVILEGED_SOFTWARE_EXCEPTION);
    }

    public boolean isSoftware() {
        return type >= SOFTWARE_INTERRUPT;
    }
}
