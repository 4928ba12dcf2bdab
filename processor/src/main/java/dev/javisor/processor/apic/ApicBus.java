package dev.javisor.processor.apic;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Carries interrupt messages: between local APICs, from I/O APICs and devices (MSI) to local APICs, and end-of-interrupt broadcasts back.
 * Also the wires that reach every local APIC: INTR of the 8259 pair on LINT0, NMI on LINT1. Holds no state of its own: the levels of the
 * wires are kept where they arrive.
 */
public final class ApicBus {
    /** Physical destination that means every local APIC. */
    public static final int BROADCAST = -1;

    private final List<LocalApic> apics = new ArrayList<>();
    private final List<EoiListener> eoiListeners = new ArrayList<>();

    /** Told that a processor has ended a level-triggered interrupt. */
    @FunctionalInterface
    public interface EoiListener {
        void ended(int processor, int vector);
    }

    /** Adds a local APIC; lower positions win ties of lowest-priority arbitration. */
    void attach(LocalApic apic) {
        apics.add(apic);
    }

    /** Told the vector of every level-triggered interrupt that a processor ends: what an I/O APIC listens for. */
    public void onEoi(IntConsumer listener) {
        eoiListeners.add((processor, vector) -> listener.accept(vector));
    }

    /** As {@link #onEoi}, for who wants to know which processor it was. */
    public void onEoiOf(EoiListener listener) {
        eoiListeners.add(listener);
    }

    /**
     * Delivers a message of an I/O APIC.
     *
     * @param destination 8-bit destination field; physical FFH reaches every processor
     * @param mode see {@link DeliveryMode}
     * @param vector 0 to 255; only fixed, lowest-priority and start-up messages use it
     * @param level level-triggered: the end of the interrupt is broadcast to {@link #onEoi} listeners
     * @return whether any processor took it
     */
    public boolean deliver(int destination, boolean logical, int mode, int vector, boolean level) {
        return send(destination & 0xFF, logical, true, mode, vector, level, true);
    }

    /**
     * Delivers a message signalled interrupt, a 32-bit write to FEExxxxxH ("Message Signalled Interrupts").
     *
     * @param address the address written to
     * @param data the value written
     * @return whether any processor took it
     */
    public boolean message(long address, int data) {
        return message((int) (address >>> 12) & 0xFF, true, address, data);
    }

    /**
     * As {@link #message(long, int)}, for an APIC ID of 32 bits: bits 31 to 8 are those of the address from bit 40 on.
     *
     * @param narrowBroadcast ID FFH reaches every processor, as FFFFFFFFH does
     */
    public boolean wideMessage(long address, int data, boolean narrowBroadcast) {
        int destination = (int) (address >>> 40) << 8 | (int) (address >>> 12) & 0xFF;
        return message(destination, destination == 0xFF && narrowBroadcast, address, data);
    }

    private boolean message(int destination, boolean narrow, long address, int data) {
        int mode = data >>> 8 & 7;
        boolean logical = (address & 4) != 0;
        if ((address & 8) != 0 && logical && mode == DeliveryMode.FIXED) {
            mode = DeliveryMode.LOWEST_PRIORITY;
        }
        boolean level = (data & 0x8000) != 0;
        return send(destination, logical, narrow, mode, data & 0xFF, level, !level || (data & 0x4000) != 0);
    }

    /** The level of the 8259 pair's INTR output, wired to LINT0 of every processor. */
    public void setExternalInterrupt(boolean asserted) {
        for (LocalApic a : apics) {
            a.setLint0(asserted);
        }
    }

    /** The level of the board's NMI line, wired to LINT1 of every processor. */
    public void setNmi(boolean asserted) {
        for (LocalApic a : apics) {
            a.setLint1(asserted);
        }
    }

    /**
     * @param narrow the destination field has 8 bits, so that physical FFH is the broadcast
     * @param assertion false for an INIT level de-assert, which modern processors ignore
     */
    boolean send(int destination, boolean logical, boolean narrow, int mode, int vector, boolean level, boolean assertion) {
        boolean all = destination == (narrow ? 0xFF : BROADCAST);
        if (mode == DeliveryMode.LOWEST_PRIORITY) {
            LocalApic target = arbitrate(destination, logical, all);
            return target != null && target.accept(DeliveryMode.FIXED, vector, level, assertion);
        }
        boolean taken = false;
        for (LocalApic a : apics) {
            if (all || a.matches(destination, logical)) {
                taken |= a.accept(mode, vector, level, assertion);
            }
        }
        return taken;
    }

    /** Shorthands "all including self" and "all excluding self" ({@code except}). */
    void sendAll(LocalApic except, int mode, int vector, boolean level, boolean assertion) {
        if (mode == DeliveryMode.LOWEST_PRIORITY) {
            mode = DeliveryMode.FIXED;
        }
        for (LocalApic a : apics) {
            if (a != except) {
                a.accept(mode, vector, level, assertion);
            }
        }
    }

    private LocalApic arbitrate(int destination, boolean logical, boolean all) {
        LocalApic best = null;
        for (LocalApic a : apics) {
            a.refresh();
            boolean eligible = a.softwareEnabled() && (all || a.matches(destination, logical));
            if (eligible && (best == null || a.processorPriority() < best.processorPriority())) {
                best = a;
            }
        }
        return best;
    }

    void endOfInterrupt(int processor, int vector) {
        for (EoiListener l : eoiListeners) {
            l.ended(processor, vector);
        }
    }
}
