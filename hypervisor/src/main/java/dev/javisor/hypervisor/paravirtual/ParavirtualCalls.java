package dev.javisor.hypervisor.paravirtual;

import dev.javisor.isa.Feature;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.apic.DeliveryMode;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Hypercalls;

/** KVM's hypercalls (Linux, "KVM-specific hypercalls"). */
public final class ParavirtualCalls implements Hypercalls {
    /** The vcpus of a VM, as hypercalls of one of them concern others. */
    public interface Peers {
        /** Peers of a processor that no hypervisor runs: there is nobody to wake. */
        Peers NONE = new Peers() {
            @Override
            public void kick(long apicId) {}

            @Override
            public void yield() {}
        };

        /** Lets the vcpu with an APIC ID go on although it has halted. */
        void kick(long apicId);

        /** The calling vcpu gives the rest of its turn away. */
        void yield();
    }

    private static final int VAPIC_POLL_IRQ = 1, KICK_CPU = 5, CLOCK_PAIRING = 9, SEND_IPI = 10, SCHED_YIELD = 11, MAP_GPA_RANGE = 12;
    /** Results. */
    private static final long NOT_PERMITTED = -1, FAULT = -14, INVALID = -22, NOT_SUPPORTED = -95, UNKNOWN = -1000;

    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSI = 6;

    /** Logical destinations and shorthands of an ICR value have no meaning where a bitmap says who is meant. */
    private static final int ICR_DESTINATION = 0x800 | 0xC0000;

    private static final int PAIRING_BYTES = 64, TIME_OF_DAY = 0;
    private static final long NANOSECONDS = 1_000_000_000L;

    private final ApicBus bus;
    private final SystemClock clock;
    private final Peers peers;
    private boolean asksUserspace;

    /**
     * @param bus what carries the interrupts that guests send by hypercall
     * @param clock or null
     */
    public ParavirtualCalls(ApicBus bus, SystemClock clock, Peers peers) {
        this.bus = bus;
        this.clock = clock;
        this.peers = peers;
    }

    @Override
    public void call(Cpu c) {
        long mask = c.codeSize64 ? -1L : 0xFFFFFFFFL;
        c.gpr[RAX] = (c.cpl != 0 ? NOT_PERMITTED : answer(c, mask)) & mask;
    }

    private long answer(Cpu c, long mask) {
        long number = c.gpr[RAX] & mask;
        long first = c.gpr[RBX] & mask;
        long second = c.gpr[RCX] & mask;
        if (number == VAPIC_POLL_IRQ) {
            return 0;
        }
        if (number == KICK_CPU && Paravirtual.offers(c, Feature.KVM_PV_UNHALT)) {
            peers.kick(second);
            peers.yield();
            return 0;
        }
        if (number == CLOCK_PAIRING && clock != null) {
            return pairClocks(c, first, second);
        }
        if (number == SEND_IPI && Paravirtual.offers(c, Feature.KVM_PV_IPI)) {
            return sendIpi(first, second, c.gpr[RDX] & mask, (int) c.gpr[RSI], c.codeSize64 ? 64 : 32);
        }
        if (number == SCHED_YIELD && Paravirtual.offers(c, Feature.KVM_PV_SCHED_YIELD)) {
            if (first != c.index) {
                peers.yield();
            }
            return 0;
        }
        if (number == MAP_GPA_RANGE && asksUserspace) {
            // Any other range is userspace's matter.
            return INVALID;
        }
        return UNKNOWN;
    }

    /** Whether userspace answers the calls that map ranges of guest-physical memory. */
    public void setAsksUserspace(boolean asks) {
        asksUserspace = asks;
    }

    /** Sends the interrupt that an ICR value describes to the APIC IDs {@code first} + n, n being bits of two bitmaps; how many took it. */
    private long sendIpi(long low, long high, long first, int icr, int width) {
        if ((icr & ICR_DESTINATION) != 0) {
            return INVALID;
        }
        int mode = icr >>> 8 & 7;
        if (mode != DeliveryMode.FIXED && mode != DeliveryMode.NMI) {
            return 0;
        }
        long delivered = 0;
        for (int i = 0; i < 2 * width; i++) {
            long bits = i < width ? low : high;
            long id = first + i;
            boolean addressed = (bits >>> i % width & 1) != 0 && Long.compareUnsigned(id, 0xFF) < 0;
            if (addressed && bus.deliver((int) id, false, mode, icr & 0xFF, false)) {
                delivered++;
            }
        }
        return delivered;
    }

    /** The time of day, and the time-stamp counter of the same moment. */
    private long pairClocks(Cpu c, long gpa, long type) {
        if (type != TIME_OF_DAY) {
            return NOT_SUPPORTED;
        }
        if (!SharedPage.isMemory(c.memory, gpa, PAIRING_BYTES)) {
            return FAULT;
        }
        long reference = clock.reference();
        long time = clock.timeOfDay(reference);
        long[] words = {time / NANOSECONDS, time % NANOSECONDS, SystemClock.counter(c, reference), 0, 0, 0, 0, 0};
        for (int i = 0; i < words.length; i++) {
            c.memory.write(gpa + 8L * i, 8, words[i]);
        }
        return 0;
    }
}
