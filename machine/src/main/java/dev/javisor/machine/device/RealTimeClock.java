package dev.javisor.machine.device;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.chipset.Clock;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateMismatchException;
import dev.javisor.processor.state.StateOutput;
import java.time.LocalDateTime;

/**
 * MC146818A real-time clock with 128 bytes of battery-backed memory (Motorola "MC146818A Real-Time Clock Plus RAM" data sheet), as a PC has
 * it at ports 70H and 71H. Its time begins at a given moment and advances with guest time. Flags that nobody can see yet are worked out
 * when the registers are read; only an enabled interrupt needs a deadline.
 */
public final class RealTimeClock implements PortDevice, Device {
    /** Memory byte that ACPI names as the century. */
    public static final int CENTURY = 0x32;

    private static final int PORT = 0x70;
    private static final int BYTES = 128;
    private static final int FREQUENCY = 32768;

    /** An update cycle: it shows for 244 microseconds before it starts and takes 1984 microseconds. */
    private static final int UPDATE_TICKS = 8 + 65;

    private static final int SECONDS = 0;
    private static final int SECONDS_ALARM = 1;
    private static final int MINUTES = 2;
    private static final int MINUTES_ALARM = 3;
    private static final int HOURS = 4;
    private static final int HOURS_ALARM = 5;
    private static final int DAY_OF_WEEK = 6;
    private static final int DAY = 7;
    private static final int MONTH = 8;
    private static final int YEAR = 9;
    private static final int A = 10;
    private static final int B = 11;
    private static final int C = 12;
    private static final int D = 13;

    // Register A
    private static final int UIP = 0x80;
    private static final int DIVIDER = 0x70;
    private static final int DIVIDER_RUNS = 0x20;
    private static final int RATE = 0x0F;
    // Register B
    private static final int SET = 0x80;
    private static final int DATA_MODE = 0x04;
    private static final int HOURS_24 = 0x02;
    // Registers B (enable) and C (flag)
    private static final int PERIODIC = 0x40;
    private static final int ALARM = 0x20;
    private static final int UPDATE = 0x10;
    private static final int IRQF = 0x80;
    // Register D
    private static final int VALID = 0x80;

    // Battery-backed memory, as AT BIOSes use it: sizes in KiB, the last two in units of 64 KiB
    private static final int BASE_MEMORY = 0x15;
    private static final int EXTENDED_MEMORY = 0x17;
    private static final int EXTENDED_MEMORY_FOUND = 0x30;
    private static final int MEMORY_BEYOND_16M = 0x34;
    private static final int MEMORY_BEYOND_4G = 0x5B;

    private static final int DONT_CARE = 0xC0;
    private static final int SECONDS_A_DAY = 86400;
    private static final int PM = 0x80;

    private final Clock clock;
    private final InterruptLine irq;
    private final byte[] memory = new byte[BYTES];
    private final Timeline.Deadline next = new Timeline.Deadline(this::synchronize);

    private int index;
    private boolean nmiDisabled;
    /** Tick at which the divider chain was at zero. */
    private long origin;
    /** Tick up to which time and flags are worked out. */
    private long current;

    /** @param start what the clock shows when the machine is made, and how far into the second it is; years 0 to 9999 */
    public RealTimeClock(Timeline timeline, InterruptLine irq8, LocalDateTime start) {
        clock = new Clock(timeline, FREQUENCY);
        irq = irq8;
        memory[A] = DIVIDER_RUNS | 6;
        memory[B] = HOURS_24;
        current = clock.now();
        origin = current - (long) start.getNano() * FREQUENCY / 1_000_000_000;
        store(start);
    }

    /** Puts the clock at its ports. */
    public void connect(IoBus bus) {
        bus.register(PORT, 2, this);
    }

    /** Sets a byte of battery-backed memory (14 to 127), as firmware does at power-on. */
    public void setMemory(int at, int value) {
        if (at <= D || at >= BYTES) {
            throw new IllegalArgumentException("no byte of battery-backed memory: " + at);
        }
        memory[at] = (byte) value;
    }

    /**
     * Notes the size of RAM where firmware and old systems look for it.
     *
     * @param low bytes below 4 GiB, at least 1 MiB
     * @param high bytes above 4 GiB
     */
    public void setMemorySize(long low, long high) {
        long extended = Math.min((low >>> 10) - 1024, 0xFFFF);
        long beyond16 = Math.min(Math.max(0, low - (16 << 20)) >>> 16, 0xFFFF);
        setNumber(BASE_MEMORY, 640, 2);
        setNumber(EXTENDED_MEMORY, extended, 2);
        setNumber(EXTENDED_MEMORY_FOUND, extended, 2);
        setNumber(MEMORY_BEYOND_16M, beyond16, 2);
        setNumber(MEMORY_BEYOND_4G, high >>> 16, 3);
    }

    private void setNumber(int at, long value, int size) {
        for (int i = 0; i < size; i++) {
            setMemory(at + i, (int) (value >>> 8 * i));
        }
    }

    public int memory(int at) {
        return memory[at] & 0xFF;
    }

    /** Bit 7 of the index port: the board masks non-maskable interrupts. */
    public boolean nmiDisabled() {
        return nmiDisabled;
    }

    @Override
    public int read(int offset, int size) {
        if (offset == 0) {
            return 0xFF;
        }
        synchronize();
        return switch (index) {
            case A -> memory(A) | (updateInProgress() ? UIP : 0);
            case C -> {
                int flags = memory(C);
                memory[C] = 0;
                irq.set(false);
                plan();
                yield flags;
            }
            case D -> VALID;
            default -> memory(index);
        };
    }

    @Override
    public void write(int offset, int size, int value) {
        if (offset == 0) {
            index = value & 0x7F;
            nmiDisabled = (value & 0x80) != 0;
            return;
        }
        synchronize();
        switch (index) {
            case A -> writeA(value);
            case B -> {
                memory[B] = (byte) ((value & SET) != 0 ? value & ~UPDATE : value);
                requestInterrupt();
            }
            case C, D -> { }
            default -> memory[index] = (byte) value;
        }
        plan();
    }

    private void writeA(int value) {
        boolean ran = running();
        memory[A] = (byte) (value & ~UIP);
        if (!ran && running()) {
            // The first update comes half a second after the divider chain is let go.
            origin = current - FREQUENCY / 2;
        }
    }

    private boolean running() {
        return (memory(A) & DIVIDER) == DIVIDER_RUNS;
    }

    private boolean updateInProgress() {
        return running() && (memory(B) & SET) == 0 && Math.floorMod(current - origin, (long) FREQUENCY) >= FREQUENCY - UPDATE_TICKS;
    }

    /** Ticks between periodic interrupts; 0 when there are none. */
    private int period() {
        int rate = memory(A) & RATE;
        return rate == 0 ? 0 : 1 << (rate <= 2 ? rate + 6 : rate - 1);
    }

    /** Works out what happened until now. */
    private void synchronize() {
        long from = current;
        current = clock.now();
        if (running() && current > from) {
            if (period() != 0 && multiples(from, current, period()) > 0) {
                memory[C] |= PERIODIC;
            }
            long seconds = multiples(from, current, FREQUENCY);
            if (seconds > 0 && (memory(B) & SET) == 0) {
                if (secondsToAlarm() <= seconds) {
                    memory[C] |= ALARM;
                }
                memory[C] |= UPDATE;
                advance(seconds);
            }
        }
        requestInterrupt();
        plan();
    }

    private long multiples(long from, long to, long period) {
        return Math.floorDiv(to - origin, period) - Math.floorDiv(from - origin, period);
    }

    private void requestInterrupt() {
        boolean request = (memory(B) & memory(C) & (PERIODIC | ALARM | UPDATE)) != 0;
        memory[C] = (byte) (memory(C) & ~IRQF | (request ? IRQF : 0));
        irq.set(request);
    }

    /** Schedules the next enabled interrupt, unless the request is there already. */
    private void plan() {
        long when = Long.MAX_VALUE;
        int enabled = memory(B);
        if (running() && (memory(C) & IRQF) == 0) {
            if ((enabled & PERIODIC) != 0 && period() != 0) {
                when = multipleAfter(period());
            }
            if ((enabled & SET) == 0) {
                long update = multipleAfter(FREQUENCY);
                if ((enabled & UPDATE) != 0) {
                    when = Math.min(when, update);
                }
                long alarm = (enabled & ALARM) != 0 ? secondsToAlarm() : Long.MAX_VALUE;
                if (alarm != Long.MAX_VALUE) {
                    when = Math.min(when, update + (alarm - 1) * FREQUENCY);
                }
            }
        }
        if (when == Long.MAX_VALUE) {
            clock.cancel(next);
        } else {
            clock.schedule(next, when);
        }
    }

    private long multipleAfter(long period) {
        return origin + (Math.floorDiv(current - origin, period) + 1) * period;
    }

    // ---- the calendar ----

    /** Updates until the alarm matches, at least 1, or {@link Long#MAX_VALUE}. */
    private long secondsToAlarm() {
        int now = secondOfDay(SECONDS, MINUTES, HOURS);
        if (now < 0) {
            // The clock runs into valid values first.
            return 1;
        }
        for (int ahead = 1; ahead <= SECONDS_A_DAY; ahead++) {
            int s = (now + ahead) % SECONDS_A_DAY;
            if (alarmMatches(SECONDS_ALARM, s % 60) && alarmMatches(MINUTES_ALARM, s / 60 % 60) && alarmMatchesHour(s / 3600)) {
                return ahead;
            }
        }
        return Long.MAX_VALUE;
    }

    private boolean alarmMatches(int register, int value) {
        return (memory(register) & DONT_CARE) == DONT_CARE || memory(register) == encode(value);
    }

    private boolean alarmMatchesHour(int hour) {
        return (memory(HOURS_ALARM) & DONT_CARE) == DONT_CARE || memory(HOURS_ALARM) == encodeHour(hour);
    }

    /** -1 when one of the values is none of its unit. */
    private int secondOfDay(int second, int minute, int hour) {
        int s = decode(memory(second));
        int m = decode(memory(minute));
        int h = decodeHour(memory(hour));
        return s < 60 && m < 60 && h >= 0 && h < 24 ? h * 3600 + m * 60 + s : -1;
    }

    private void advance(long seconds) {
        while (seconds > 0) {
            LocalDateTime t = time();
            if (t != null) {
                store(t.plusSeconds(seconds));
                return;
            }
            step();
            seconds--;
        }
    }

    /** One update of values that are no time or date: each unit counts up, and starts over at or beyond its end. */
    private void step() {
        if (carry(SECONDS, 59, 0) && carry(MINUTES, 59, 0) && carryHour() && carryDay() && carry(MONTH, 12, 1)) {
            carry(YEAR, 99, 0);
        }
    }

    private boolean carry(int register, int last, int first) {
        int v = decode(memory(register));
        memory[register] = (byte) encode(v >= last ? first : v + 1);
        return v >= last;
    }

    private boolean carryHour() {
        int h = decodeHour(memory(HOURS));
        boolean over = h < 0 || h >= 23;
        memory[HOURS] = (byte) encodeHour(over ? 0 : h + 1);
        return over;
    }

    private boolean carryDay() {
        carry(DAY_OF_WEEK, 7, 1);
        return carry(DAY, 31, 1);
    }

    /** What the registers show, or null when that is no date and time. */
    private LocalDateTime time() {
        int s = secondOfDay(SECONDS, MINUTES, HOURS);
        int day = decode(memory(DAY));
        int month = decode(memory(MONTH));
        int year = decodeBcd(memory(CENTURY)) * 100 + decode(memory(YEAR));
        if (s < 0 || day < 1 || month < 1 || month > 12 || decode(memory(YEAR)) > 99 || decodeBcd(memory(CENTURY)) > 99) {
            return null;
        }
        LocalDateTime first = LocalDateTime.of(year, month, 1, 0, 0);
        return day > first.toLocalDate().lengthOfMonth() ? null : first.plusDays(day - 1L).plusSeconds(s);
    }

    /** The day of week counts on from what the guest set it to. */
    private void store(LocalDateTime t) {
        LocalDateTime before = time();
        int weekday = decode(memory(DAY_OF_WEEK));
        if (before != null && weekday >= 1 && weekday <= 7) {
            long days = t.toLocalDate().toEpochDay() - before.toLocalDate().toEpochDay();
            weekday = (int) Math.floorMod(weekday - 1 + days, 7L) + 1;
        } else {
            weekday = t.getDayOfWeek().getValue() % 7 + 1;
        }
        memory[SECONDS] = (byte) encode(t.getSecond());
        memory[MINUTES] = (byte) encode(t.getMinute());
        memory[HOURS] = (byte) encodeHour(t.getHour());
        memory[DAY_OF_WEEK] = (byte) encode(weekday);
        memory[DAY] = (byte) encode(t.getDayOfMonth());
        memory[MONTH] = (byte) encode(t.getMonthValue());
        memory[YEAR] = (byte) encode(t.getYear() % 100);
        memory[CENTURY] = (byte) encodeBcd(t.getYear() / 100 % 100);
    }

    private int encode(int value) {
        return (memory(B) & DATA_MODE) != 0 ? value : encodeBcd(value);
    }

    private int decode(int value) {
        return (memory(B) & DATA_MODE) != 0 ? value : decodeBcd(value);
    }

    private static int encodeBcd(int value) {
        return value / 10 << 4 | value % 10;
    }

    private static int decodeBcd(int value) {
        return (value >>> 4) * 10 + (value & 15);
    }

    private int encodeHour(int hour) {
        if ((memory(B) & HOURS_24) != 0) {
            return encode(hour);
        }
        return encode((hour + 11) % 12 + 1) | (hour >= 12 ? PM : 0);
    }

    private int decodeHour(int value) {
        if ((memory(B) & HOURS_24) != 0) {
            return decode(value);
        }
        int h = decode(value & ~PM);
        return h < 1 || h > 12 ? -1 : h % 12 + ((value & PM) != 0 ? 12 : 0);
    }

    /** Time, date and memory are on battery; interrupts are disabled and their flags cleared. */
    @Override
    public void reset() {
        synchronize();
        index = 0;
        nmiDisabled = false;
        memory[B] &= ~(PERIODIC | ALARM | UPDATE | 8);
        memory[C] = 0;
        irq.set(false);
        plan();
    }

    @Override
    public void save(StateOutput out) {
        out.putBytes("memory", memory);
        out.putInt("index", index);
        out.putBoolean("nmiDisabled", nmiDisabled);
        out.putLong("origin", origin);
        out.putLong("current", current);
        next.save(out, "next");
    }

    @Override
    public void load(StateInput in) {
        byte[] m = in.getBytes("memory");
        if (m.length != BYTES) {
            throw new StateMismatchException("saved clock memory has " + m.length + " bytes");
        }
        System.arraycopy(m, 0, memory, 0, BYTES);
        index = in.getInt("index") & 0x7F;
        nmiDisabled = in.getBoolean("nmiDisabled");
        origin = in.getLong("origin");
        current = in.getLong("current");
        clock.load(in, "next", next);
    }
}
