package dev.javisor.processor.apic;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The registers of a {@link LocalApic} as a hypervisor exchanges them with a processor that has them while a guest runs ("APIC
 * Virtualization and Virtual Interrupts").
 */
public final class ApicHandOver {
    private final LocalApic apic;
    private Runnable refresh = () -> {};

    ApicHandOver(LocalApic apic) {
        this.apic = apic;
    }

    /** Is told before somebody asks for priorities. */
    public void setRefresh(Runnable action) {
        refresh = action;
    }

    void refresh() {
        refresh.run();
    }

    /** Changes whenever a register has changed, other than the task priority and those of requests and of interrupts in service. */
    public long changes() {
        return apic.changes;
    }

    /** The register page has a register that can be read at {@code index} times 16. */
    public boolean hasRegister(int index) {
        ApicRegister r = ApicRegister.at(index);
        return !apic.isAbsent(r) && r.readable(false);
    }

    /** A register that {@link #hasRegister there is}. */
    public int register(int index) {
        return apic.readRegister(ApicRegister.at(index), index);
    }

    /** RDMSR of a register of the x2APIC, counted from 800H, is possible. */
    public boolean isReadable(int index) {
        ApicRegister r = ApicRegister.at(index);
        return r != null && r.readable(true) && (r != ApicRegister.LVT_CMCI || apic.hasCmci());
    }

    /**
     * The first 1024 bytes of the register page, as software in xAPIC mode would read them; in x2APIC mode the high half of the interrupt
     * command is at its place.
     *
     * @param wideIds in x2APIC mode the ID has 32 bits, else it stands in bits 31 to 24
     */
    public byte[] page(boolean wideIds) {
        ByteBuffer b = ByteBuffer.allocate(LocalApic.PAGE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int index = 0; index < LocalApic.PAGE_BYTES >> 4; index++) {
            ApicRegister r = ApicRegister.at(index);
            if (!apic.isAbsent(r) && r.readable(false)) {
                b.putInt(index << 4, apic.readRegister(r, index));
            }
        }
        if (apic.x2apic()) {
            b.putInt(ApicRegister.ID.offset, wideIds ? apic.x2apicId() : apic.x2apicId() << 24);
            b.putInt(ApicRegister.COMMAND_HIGH.offset, apic.commandDestination);
        }
        return b.array();
    }

    public int taskPriority() {
        return apic.taskPriority;
    }

    public void setTaskPriority(int value) {
        apic.taskPriority = value & 0xFF;
    }

    /** The two halves of the interrupt command in xAPIC mode, as they were written last. */
    public void setCommand(int low, int high) {
        apic.command = low & apic.writable(ApicRegister.COMMAND) & ~LocalApic.DELIVERY_PENDING;
        apic.commandDestination = high >>> 24;
    }

    /** The interrupts in service, one bit for each vector; to be changed in place. */
    public long[] inService() {
        return apic.inService.words;
    }

    /** The vectors whose last request was level-triggered, one bit for each. */
    public long[] levelTriggered() {
        return apic.levelTriggered.words;
    }

    /** A request waits that is level-triggered. */
    public boolean hasLevelRequest() {
        long any = 0;
        for (int i = 0; i < apic.requested.words.length; i++) {
            any |= apic.requested.words[i] & apic.levelTriggered.words[i];
        }
        return any != 0;
    }

    /** The requests, one bit for each vector, which are nobody's matter here any more. */
    public long[] takeRequests() {
        long[] taken = apic.requested.words.clone();
        apic.requested.clear();
        apic.update();
        return taken;
    }

    /** Requests that {@link #takeRequests} had taken come back. */
    public void giveBack(long[] requests) {
        for (int i = 0; i < requests.length; i++) {
            apic.requested.words[i] |= requests[i];
        }
        apic.update();
    }

    /** An instruction that has completed has written a register: its effects are of the time before its tick. */
    public void writeBehind(int offset, long value) {
        apic.timer.setLag(1);
        apic.write(offset, 4, value);
        apic.timer.setLag(0);
    }

    /** The end of an interrupt that is not in service any more. */
    public void endedElsewhere(int vector) {
        apic.endedElsewhere(vector);
    }
}
