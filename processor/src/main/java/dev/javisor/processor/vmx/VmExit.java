package dev.javisor.processor.vmx;

import dev.javisor.isa.ExitReason;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.GuestExit;

/** A VM exit that is on its way: what the exit-information fields will say. Each processor has one, which it uses again and again. */
final class VmExit extends GuestExit {
    ExitReason reason;
    long qualification;
    /** Bytes of the instruction that caused the exit, or 0. */
    int instructionLength;
    /** Instruction information, or -1 when the field stays as it is. */
    long instructionInfo;
    /** The event that exits, for an exception, NMI or acknowledged interrupt; else null. */
    Event event;
    /** Valid for EPT violations and misconfigurations. */
    long guestPhysical;
    /** Guest-linear address, valid when {@link #hasLinear}. */
    long linear;

    boolean hasLinear;
    boolean hasGuestPhysical;
    /** RFLAGS.RF is saved as a fault's frame would show it. */
    boolean faultLike;

    VmExit of(ExitReason reason, long qualification) {
        this.reason = reason;
        this.qualification = qualification;
        instructionLength = 0;
        instructionInfo = -1;
        event = null;
        hasLinear = false;
        hasGuestPhysical = false;
        faultLike = false;
        return this;
    }

    /** Bit 12 of the qualification says that an IRET had ended blocking by NMI. */
    boolean reportsNmiUnblocking() {
        return switch (reason) {
            case EPT_VIOLATION, PAGE_MODIFICATION_LOG_FULL, SPP_RELATED_EVENT, INSTRUCTION_TIMEOUT -> true;
            default -> false;
        };
    }

    /** Exits that take priority over a #DB trap, which therefore stays pending. */
    boolean keepsPendingDebug() {
        return switch (reason) {
            case INIT_SIGNAL, MONITOR_TRAP_FLAG, TPR_BELOW_THRESHOLD, VIRTUALIZED_EOI, APIC_WRITE, BUS_LOCK, INSTRUCTION_TIMEOUT -> true;
            default -> event != null && event.type() == Event.HARDWARE_EXCEPTION && event.vector() == Event.MC;
        };
    }

    boolean isDebugException() {
        return event != null && event.vector() == Event.DB;
    }

    @Override
    public String getMessage() {
        return reason == null ? "VM exit" : reason.text;
    }
}
