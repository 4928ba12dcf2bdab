package dev.javisor.processor.vmx;

import dev.javisor.processor.core.Event;

/** The format that the interruption-information fields of a VMCS share. */
final class InterruptionInfo {
    static final long VALID = 1L << 31, ERROR_CODE = 1 << 11, NMI_UNBLOCKING = 1 << 12;
    /** Bits that must be zero in the VM-entry field. */
    static final long RESERVED = 0x7FFF_F000;

    private InterruptionInfo() {}

    static int vector(long info) {
        return (int) info & 0xFF;
    }

    static int type(long info) {
        return (int) info >>> 8 & 7;
    }

    static boolean isValid(long info) {
        return (info & VALID) != 0;
    }

    static long of(Event e) {
        return VALID | (e.hasErrorCode() ? ERROR_CODE : 0) | (long) e.type() << 8 | e.vector();
    }

    /** The event that a VM-entry interruption-information field describes. */
    static Event event(long info, long errorCode, long instructionLength) {
        int type = type(info);
        boolean coded = (info & ERROR_CODE) != 0;
        int length = type >= Event.SOFTWARE_INTERRUPT ? (int) instructionLength : 0;
        return new Event(type, vector(info), coded, coded ? (int) errorCode & 0xFFFF : 0, length, 0, false);
    }
}
