package dev.javisor.hypervisor.paravirtual;

import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cpu;

/**
 * Tells the guest for how long a vcpu would have run while others had their turn, and whether it is running now. Guest time is the only
 * measure, so that this is the same in every run.
 */
final class StealTime {
    private static final long ENABLE = 1;
    private static final int SIZE = 64, STEAL = 0, VERSION = 8, PREEMPTED = 16;
    private static final int IS_PREEMPTED = 1, FLUSH_TLB = 2;

    private final Cpu cpu;
    private final SharedPage page;
    private long register;
    /** When the last turn ended, of a vcpu that would have gone on; else -1. */
    private long left = -1;
    /** Ticks that others took; and how many nanoseconds of them the guest knows of. */
    private long stolen, told;

    StealTime(Cpu cpu) {
        this.cpu = cpu;
        page = new SharedPage(cpu.memory, SIZE);
    }

    long register() {
        return register;
    }

    void setRegister(long value) {
        connect(value);
        told = SystemClock.toNanoseconds(stolen);
        if (page.isThere()) {
            page.write(PREEMPTED, 1, 0);
            page.nextVersion(VERSION);
        }
    }

    void connect(long value) {
        register = value;
        if ((value & ENABLE) != 0) {
            page.at(value & ~ENABLE);
        } else {
            page.none();
        }
    }

    void reset() {
        connect(0);
        left = -1;
        stolen = 0;
        told = 0;
    }

    /** A turn begins. @return whether another processor has asked to have this one's translations flushed */
    boolean begin() {
        if (left >= 0) {
            stolen += cpu.timeline.now() - left;
            left = -1;
        }
        if (!page.isThere()) {
            return false;
        }
        long state = page.read(PREEMPTED, 1);
        if (state != 0) {
            page.write(PREEMPTED, 1, 0);
        }
        long now = SystemClock.toNanoseconds(stolen);
        if (now != told) {
            page.write(STEAL, 8, page.read(STEAL, 8) + now - told);
            page.nextVersion(VERSION);
            told = now;
        }
        return (state & FLUSH_TLB) != 0 && cpu.has(Feature.KVM_PV_TLB_FLUSH);
    }

    /** A turn ends. @param waits the vcpu has nothing to do */
    void end(boolean waits) {
        left = waits ? -1 : cpu.timeline.now();
        if (page.isThere() && page.read(PREEMPTED, 1) == 0) {
            page.write(PREEMPTED, 1, IS_PREEMPTED);
        }
    }

    long[] state() {
        return new long[] {register, left, stolen, told};
    }

    void setState(long[] s) {
        connect(s[0]);
        left = s[1];
        stolen = s[2];
        told = s[3];
    }
}
