package dev.javisor.machine.device;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.chipset.Clock;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/**
 * High precision event timer block ("IA-PC HPET Specification"): a 64-bit main counter of 100 MHz and three comparators, of which the
 * first is periodic-capable. In legacy replacement routing, timers 0 and 1 take the place of the 8254 and the real-time clock.
 */
public final class Hpet implements MmioHandler, Device {
    public static final long DEFAULT_BASE = 0xFED00000L;
    /** Bytes of the register block. */
    public static final long SIZE = 0x400;

    public static final int VENDOR = 0x8086;
    public static final int TIMERS = 3;

    /** Hz; a period of 10,000,000 femtoseconds. */
    private static final long FREQUENCY = 100_000_000;

    private static final long PERIOD = 1_000_000_000_000_000L / FREQUENCY;
    private static final long CAPABILITIES = PERIOD << 32 | (long) VENDOR << 16 | 1 << 15 | 1 << 13 | TIMERS - 1 << 8 | 1;

    private static final int CAPABILITY_REGISTER = 0x00;
    private static final int CONFIGURATION_REGISTER = 0x10;
    private static final int STATUS_REGISTER = 0x20;
    private static final int COUNTER_REGISTER = 0xF0;
    private static final int FIRST_TIMER = 0x100;

    private static final long ENABLE = 1;
    private static final long LEGACY = 2;

    // Timer configuration
    private static final long LEVEL = 1 << 1;
    private static final long INTERRUPT = 1 << 2;
    private static final long PERIODIC = 1 << 3;
    private static final long PERIODIC_CAPABLE = 1 << 4;
    private static final long WIDE = 1 << 5;
    private static final long SET_VALUE = 1 << 6;
    private static final long NARROW_MODE = 1 << 8;
    private static final long TIMER_WRITABLE = LEVEL | INTERRUPT | PERIODIC | SET_VALUE | NARROW_MODE | 0x1F << 9;

    private final Clock clock;
    private final InterruptLine irq0;
    private final InterruptLine irq8;
    private final InterruptLine[] pins;
    private final long routes;
    private final Timer[] timers = new Timer[TIMERS];

    private long configuration;
    private long status;
    /** Counter minus clock while enabled; the counter itself while halted. */
    private long counter;

    private boolean pitLevel, rtcLevel;

    /**
     * @param irq0 interrupt request 0 of the board, which the 8254 drives unless legacy replacement is on
     * @param irq8 the same for the real-time clock
     * @param pins I/O APIC inputs by number; null for those that no timer can be routed to
     */
    public Hpet(Timeline timeline, InterruptLine irq0, InterruptLine irq8, InterruptLine[] pins) {
        clock = new Clock(timeline, FREQUENCY);
        this.irq0 = irq0;
        this.irq8 = irq8;
        this.pins = pins.clone();
        long mask = 0;
        for (int i = 0; i < pins.length; i++) {
            mask |= pins[i] == null ? 0 : 1L << i;
        }
        routes = mask;
        for (int i = 0; i < TIMERS; i++) {
            timers[i] = new Timer(i);
        }
    }

    /** Input for the 8254's OUT 0, passed on to request 0 outside legacy replacement. */
    public InterruptLine pitInput() {
        return level -> {
            pitLevel = level;
            if (!legacy()) {
                irq0.set(level);
            }
        };
    }

    /** Input for the real-time clock's interrupt, passed on to request 8 outside legacy replacement. */
    public InterruptLine rtcInput() {
        return level -> {
            rtcLevel = level;
            if (!legacy()) {
                irq8.set(level);
            }
        };
    }

    private boolean legacy() {
        return (configuration & LEGACY) != 0;
    }

    private boolean enabled() {
        return (configuration & ENABLE) != 0;
    }

    private long counter() {
        return enabled() ? counter + clock.now() : counter;
    }

    @Override
    public long read(long offset, int size) {
        long v = readRegister((int) offset & ~7);
        return v >>> 8 * (offset & 7);
    }

    private long readRegister(int register) {
        if (register >= FIRST_TIMER) {
            int n = register - FIRST_TIMER >>> 5;
            return n < TIMERS ? timers[n].read(register & 0x1F) : 0;
        }
        return switch (register) {
            case CAPABILITY_REGISTER -> CAPABILITIES;
            case CONFIGURATION_REGISTER -> configuration;
            case STATUS_REGISTER -> status;
            case COUNTER_REGISTER -> counter();
            default -> 0;
        };
    }

    /** Accesses of 4 and 8 bytes; the specification allows no others, which are ignored. */
    @Override
    public void write(long offset, int size, long value) {
        if (size < 4) {
            return;
        }
        int register = (int) offset & ~7;
        boolean high = (offset & 4) != 0;
        long mask = size == 8 ? -1L : high ? 0xFFFFFFFF_00000000L : 0xFFFFFFFFL;
        long v = high ? value << 32 : value;
        if (register >= FIRST_TIMER) {
            int n = register - FIRST_TIMER >>> 5;
            if (n < TIMERS) {
                timers[n].write(register & 0x1F, v, mask);
            }
            return;
        }
        switch (register) {
            case CONFIGURATION_REGISTER -> configure(configuration & ~mask | v & mask);
            case STATUS_REGISTER -> acknowledge(v & mask);
            case COUNTER_REGISTER -> {
                long next = counter() & ~mask | v & mask;
                counter = enabled() ? next - clock.now() : next;
                for (Timer t : timers) {
                    t.schedule();
                }
            }
            default -> { }
        }
    }

    private void configure(long value) {
        long next = value & (ENABLE | LEGACY);
        long changed = next ^ configuration;
        if ((changed & LEGACY) != 0) {
            for (Timer t : timers) {
                t.release();
            }
        }
        long now = counter();
        configuration = next;
        counter = enabled() ? now - clock.now() : now;
        if ((changed & LEGACY) != 0) {
            irq0.set(!legacy() && pitLevel);
            irq8.set(!legacy() && rtcLevel);
        }
        for (Timer t : timers) {
            if (!enabled()) {
                t.release();
            } else if ((status >>> t.index & 1) != 0) {
                t.drive(true);
            }
            t.schedule();
        }
    }

    private void acknowledge(long bits) {
        for (Timer t : timers) {
            if ((bits >>> t.index & 1) != 0) {
                status &= ~(1L << t.index);
                t.release();
            }
        }
    }

    @Override
    public void reset() {
        for (Timer t : timers) {
            t.reset();
        }
        configuration = status = counter = 0;
        irq0.set(pitLevel);
        irq8.set(rtcLevel);
    }

    @Override
    public void save(StateOutput out) {
        out.putLongs("block", new long[] {configuration, status, counter, pitLevel ? 1 : 0, rtcLevel ? 1 : 0});
        for (Timer t : timers) {
            out.putLongs("timer", new long[] {t.configuration, t.comparator, t.period, t.driven ? 1 : 0});
            t.match.save(out, "match");
        }
    }

    @Override
    public void load(StateInput in) {
        long[] block = new long[5];
        in.getLongs("block", block);
        configuration = block[0];
        status = block[1];
        counter = block[2];
        pitLevel = block[3] != 0;
        rtcLevel = block[4] != 0;
        for (Timer t : timers) {
            long[] v = new long[4];
            in.getLongs("timer", v);
            t.configuration = v[0];
            t.comparator = v[1];
            t.period = v[2];
            t.driven = v[3] != 0;
            clock.load(in, "match", t.match);
        }
    }

    private final class Timer {
        private final int index;
        private final Timeline.Deadline match = new Timeline.Deadline(this::matched);
        private long configuration;
        private long comparator;
        private long period;
        /** This timer holds its interrupt line active. */
        private boolean driven;

        private Timer(int index) {
            this.index = index;
            reset();
        }

        private void reset() {
            release();
            clock.cancel(match);
            configuration = WIDE | (index == 0 ? PERIODIC_CAPABLE : 0);
            comparator = -1L;
            period = 0;
        }

        private long read(int register) {
            return switch (register) {
                case 0 -> configuration | routes << 32;
                case 8 -> comparator;
                default -> 0;
            };
        }

        private void write(int register, long value, long mask) {
            if (register == 0) {
                configure(configuration & ~mask | value & mask);
            } else if (register == 8) {
                writeComparator(value, mask);
            }
            schedule();
        }

        private void configure(long value) {
            long next = value & TIMER_WRITABLE | configuration & ~TIMER_WRITABLE;
            if (index != 0) {
                next &= ~(PERIODIC | SET_VALUE);
            }
            if ((routes >>> (next >>> 9 & 0x1F) & 1) == 0) {
                // A route that is not allowed reads back as it was.
                next = next & ~(0x1FL << 9) | configuration & 0x1FL << 9;
            }
            if (((next ^ configuration) & (LEVEL | INTERRUPT | 0x1F << 9)) != 0) {
                release();
            }
            configuration = next;
            if (narrow()) {
                comparator &= 0xFFFFFFFFL;
                period &= 0xFFFFFFFFL;
            }
            if (enabled() && (status >>> index & 1) != 0) {
                drive(true);
            }
        }

        /** In periodic mode a write sets the period, and the comparator itself only after the value-set bit was written. */
        private void writeComparator(long value, long mask) {
            boolean periodic = (configuration & PERIODIC) != 0;
            if (!periodic || (configuration & SET_VALUE) != 0) {
                comparator = clip(comparator & ~mask | value & mask);
            }
            if (periodic) {
                period = clip(period & ~mask | value & mask);
            }
            configuration &= ~SET_VALUE;
        }

        private boolean narrow() {
            return (configuration & NARROW_MODE) != 0;
        }

        private long clip(long v) {
            return narrow() ? v & 0xFFFFFFFFL : v;
        }

        /** Counts until the counter equals the comparator again, at least 1, unsigned; 0 stands for 2 to the 64th. */
        private long distance() {
            long d = clip(comparator - counter());
            return d == 0 && narrow() ? 1L << 32 : d;
        }

        private void schedule() {
            long d = distance();
            if (!enabled() || d <= 0 || d > Long.MAX_VALUE / 64) {
                clock.cancel(match);
            } else {
                clock.schedule(match, clock.now() + d);
            }
        }

        private void matched() {
            if ((configuration & PERIODIC) != 0 && period != 0) {
                long late = clip(counter() - comparator);
                comparator = clip(comparator + (Long.divideUnsigned(late, period) + 1) * period);
            }
            if ((configuration & LEVEL) != 0) {
                status |= 1L << index;
                drive(true);
            } else {
                drive(false);
                drive(true);
            }
            schedule();
        }

        private InterruptLine line() {
            if (legacy() && index < 2) {
                return index == 0 ? irq0 : irq8;
            }
            int route = (int) (configuration >>> 9) & 0x1F;
            return (routes >>> route & 1) != 0 ? pins[route] : InterruptLine.UNCONNECTED;
        }

        /** An edge-triggered timer leaves its line active until the next edge, which a longer pulse is. */
        private void drive(boolean level) {
            if (level && (configuration & INTERRUPT) == 0 || level == driven) {
                return;
            }
            driven = level;
            line().set(level);
        }

        private void release() {
            drive(false);
        }
    }
}
