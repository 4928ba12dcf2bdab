package dev.javisor.hypervisor.paravirtual;

import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cpu;

/** The page from which the guest computes the {@link SystemClock} out of one vcpu's time-stamp counter. */
final class VcpuClock {
    private static final long ENABLE = 1;
    private static final int SIZE = 32, VERSION = 0, TIMESTAMP = 8, SYSTEM_TIME = 16, MULTIPLIER = 24, SHIFT = 28, FLAGS = 29;
    private static final int STABLE = 1, GUEST_STOPPED = 2;

    private final Cpu cpu;
    private final SystemClock clock;
    private final SharedPage page;
    private long register;
    /** What the time-stamp counter had been moved and scaled by when the page was written. */
    private long tscOffset, tscMultiplier;

    private boolean stopped;
    /** The page was not there when it should have been written. */
    private boolean due;

    VcpuClock(Cpu cpu, SystemClock clock) {
        this.cpu = cpu;
        this.clock = clock;
        page = new SharedPage(cpu.memory, SIZE);
    }

    long register() {
        return register;
    }

    void setRegister(long value) {
        connect(value);
        update();
    }

    void connect(long value) {
        register = value;
        if ((value & ENABLE) != 0) {
            page.at(value & ~ENABLE);
        } else {
            page.none();
        }
    }

    /** KVM_KVMCLOCK_CTRL: the guest is told that it has not been running. */
    boolean tellStopped() {
        if (!page.isGiven()) {
            return false;
        }
        stopped = true;
        update();
        return true;
    }

    /** The time-stamp counter may have been moved. */
    void follow() {
        if (due || cpu.tscOffset != tscOffset || cpu.tscMultiplier != tscMultiplier) {
            update();
        }
    }

    /** What has to be told when the page can be written. */
    long[] state() {
        return new long[] {register, stopped ? 1 : 0, due ? 1 : 0};
    }

    void setState(long[] s) {
        connect(s[0]);
        adopt();
        stopped = s[1] != 0;
        due = s[2] != 0;
    }

    /** The page is as the guest left it, and right. */
    void adopt() {
        tscOffset = cpu.tscOffset;
        tscMultiplier = cpu.tscMultiplier;
    }

    void update() {
        adopt();
        due = page.isGiven();
        if (!page.isThere()) {
            return;
        }
        due = false;
        long reference = clock.reference(cpu);
        SystemClock.Rate rate = SystemClock.Rate.of(cpu);
        page.write(TIMESTAMP, 8, SystemClock.counter(cpu, reference));
        page.write(SYSTEM_TIME, 8, clock.nanoseconds(reference));
        page.write(MULTIPLIER, 4, rate.multiplier());
        page.write(SHIFT, 1, rate.shift());
        // The guest clears the flag itself when it has seen it.
        long untouched = page.read(FLAGS, 1) & GUEST_STOPPED;
        page.write(FLAGS, 1, untouched | (stopped ? GUEST_STOPPED : 0) | (cpu.has(Feature.KVMCLOCK_STABLE_BIT) ? STABLE : 0));
        page.nextVersion(VERSION);
        stopped = false;
    }
}
