package dev.javisor.hypervisor.vcpu;

import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.apic.DeliveryMode;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Hypercalls;

/** KVM's hypercalls, as far as they need no shared memory (Linux, "KVM-specific hypercalls"). */
public final class ParavirtualCalls implements Hypercalls {
    private static final int VAPIC_POLL_IRQ = 1, KICK_CPU = 5, SEND_IPI = 10, SCHED_YIELD = 11;
    /** Results. */
    private static final long NOT_PERMITTED = -1, UNKNOWN = -1000;

    private final ApicBus bus;

    /** @param bus what carries the interrupts that guests send by hypercall */
    public ParavirtualCalls(ApicBus bus) {
        this.bus = bus;
    }

    @Override
    public void call(Cpu c) {
        long mask = c.codeSize64 ? -1L : 0xFFFFFFFFL;
        long result;
        if (c.cpl != 0) {
            result = NOT_PERMITTED;
        } else {
            result = switch ((int) Math.min(c.gpr[0] & mask, 0x7FFFFFFF)) {
                // The processors take turns anyway.
                case VAPIC_POLL_IRQ, KICK_CPU, SCHED_YIELD -> 0;
                case SEND_IPI -> sendIpi(c.gpr[3] & mask, c.gpr[1] & mask, c.gpr[2] & mask, (int) c.gpr[6], c.codeSize64 ? 64 : 32);
                default -> UNKNOWN;
            };
        }
        c.gpr[0] = result & mask;
    }

    /** Sends the interrupt that an ICR value describes to the APIC IDs {@code first} + n, n being bits of two bitmaps; how many took it. */
    private long sendIpi(long low, long high, long first, int icr, int width) {
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
}
