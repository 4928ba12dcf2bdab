package dev.javisor.processor.chipset;

import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/**
 * One counter of an 8254 (Intel "82C54 CHMOS Programmable Interval Timer" data sheet, "Mode Definitions"). It holds no running number: what
 * the counting element and OUT are at a clock pulse follows from the pulse at which counting began. All times are pulses of CLK.
 */
final class PitCounter implements Stateful {
    /** No such pulse. */
    static final long NEVER = Long.MAX_VALUE;

    private int mode;
    private boolean bcd;
    /** Read/write field of the control word: 1 least significant byte only, 2 most significant only, 3 both in this order. */
    private int access = 3;

    private boolean gate;

    /** Count register; 0 stands for the largest count. */
    private int count;
    /** The least significant byte was written and waits for the other one. */
    private boolean halfWritten;
    private int writtenLow;
    private boolean readHigh;

    private boolean countLatched;
    private int latchedCount;
    private boolean statusLatched;
    private int latchedStatus;

    /** The counting element holds a count. */
    private boolean running;
    /** Pulse at which the counting element took its count; in modes 2 and 3 the start of a period. */
    private long origin;
    /** Count that the counting element started from, 1 to 65536. */
    private int initial = 1;
    /** A new count waits for the end of the period (mode 2) or half period (mode 3). */
    private boolean reloadPending;
    private long reloadPulse;
    /** Gate low holds the counting element {@link #held} pulses after its origin. */
    private boolean stopped;
    private long held;

    PitCounter(boolean gate) {
        this.gate = gate;
    }

    void reset(boolean newGate) {
        mode = 0;
        bcd = false;
        access = 3;
        gate = newGate;
        count = writtenLow = latchedCount = latchedStatus = 0;
        halfWritten = readHigh = countLatched = statusLatched = running = reloadPending = stopped = false;
        origin = held = 0;
        initial = 1;
    }

    // ---- programming ----

    void writeControl(int word) {
        int m = word >>> 1 & 7;
        mode = m >= 6 ? m - 4 : m;
        bcd = (word & 1) != 0;
        access = word >>> 4 & 3;
        halfWritten = readHigh = countLatched = statusLatched = false;
        running = reloadPending = stopped = false;
    }

    void writeCount(int value, long now) {
        advance(now);
        switch (access) {
            case 1 -> load(value, now);
            case 2 -> load(value << 8, now);
            default -> {
                if (!halfWritten) {
                    writtenLow = value;
                    halfWritten = true;
                    if (mode == 0) {
                        // The first byte stops the count and sets OUT low.
                        running = false;
                    }
                } else {
                    halfWritten = false;
                    load(value << 8 | writtenLow, now);
                }
            }
        }
    }

    private void load(int value, long now) {
        count = value;
        switch (mode) {
            case 0, 4 -> {
                start(now + 1);
                stopped = !gate;
                held = 0;
            }
            case 2, 3 -> {
                if (running && !stopped && now >= origin) {
                    reloadPending = true;
                    reloadPulse = mode == 2 ? periodEnd(now) : nextInPeriod(now, (initial + 1) / 2);
                } else {
                    start(now + 1);
                    stopped = !gate;
                    held = 0;
                }
            }
            // Modes 1 and 5 wait for a trigger; a running shot is not affected.
            default -> { }
        }
    }

    private void start(long pulse) {
        running = true;
        reloadPending = false;
        origin = pulse;
        initial = decoded(count);
    }

    private int decoded(int value) {
        if (!bcd) {
            return value == 0 ? 0x10000 : value;
        }
        int n = (value >>> 12 & 15) * 1000 + (value >>> 8 & 15) * 100 + (value >>> 4 & 15) * 10 + (value & 15);
        return n == 0 ? 10000 : n;
    }

    boolean gate() {
        return gate;
    }

    void setGate(boolean level, long now) {
        if (level == gate) {
            return;
        }
        advance(now);
        gate = level;
        switch (mode) {
            case 0, 4 -> {
                if (running && !level) {
                    held = now - origin;
                    stopped = true;
                } else if (running) {
                    origin = now - held;
                    stopped = false;
                }
            }
            case 2, 3 -> {
                if (running && !level) {
                    held = now - origin;
                    stopped = true;
                } else if (running) {
                    stopped = false;
                    start(now + 1);
                }
            }
            default -> {
                if (level) {
                    boolean low = mode == 1 && !out(now);
                    start(now + 1);
                    if (low) {
                        // A shot that is triggered again keeps OUT low without a gap.
                        origin = now;
                        initial++;
                    }
                }
            }
        }
    }

    /** Takes a waiting count when its moment has come. */
    private void advance(long now) {
        if (!reloadPending || stopped) {
            return;
        }
        long boundary = reloadPulse;
        if (now < boundary) {
            return;
        }
        boolean low = mode == 3 && Math.floorMod(boundary - origin, (long) initial) != 0;
        int next = decoded(count);
        // A low half period that begins here belongs to a period that would have begun a high half earlier.
        start(low ? boundary - (next + 1) / 2 : boundary);
    }

    private long periodEnd(long now) {
        return now - (now - origin) % initial + initial;
    }

    // ---- reading ----

    void latchCount(long now) {
        if (!countLatched) {
            countLatched = true;
            latchedCount = value(now);
        }
    }

    void latchStatus(long now) {
        if (!statusLatched) {
            statusLatched = true;
            latchedStatus = (out(now) ? 0x80 : 0) | (nullCount(now) ? 0x40 : 0) | access << 4 | mode << 1 | (bcd ? 1 : 0);
        }
    }

    /** The count was not yet taken into the counting element. */
    private boolean nullCount(long now) {
        advance(now);
        return !running || reloadPending || now < origin && !stopped;
    }

    int read(long now) {
        if (statusLatched) {
            statusLatched = false;
            return latchedStatus;
        }
        int v = countLatched ? latchedCount : value(now);
        boolean high = access == 2 || access == 3 && readHigh;
        if (access == 3) {
            readHigh = !readHigh;
        }
        if (access != 3 || high) {
            countLatched = false;
        }
        return high ? v >>> 8 & 0xFF : v & 0xFF;
    }

    /** Content of the counting element, as it is read: 16 bits, binary or BCD. */
    private int value(long now) {
        advance(now);
        if (!running) {
            return count;
        }
        long elapsed = Math.max(0, elapsed(now));
        long v;
        switch (mode) {
            case 2 -> v = initial - elapsed % initial;
            case 3 -> {
                long position = elapsed % initial;
                int high = (initial + 1) / 2;
                v = (initial & ~1) - 2 * (position < high ? position : position - high);
            }
            default -> v = initial - elapsed;
        }
        int modulus = bcd ? 10000 : 0x10000;
        int n = (int) Math.floorMod(v, (long) modulus);
        return bcd ? n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10 : n;
    }

    private long elapsed(long now) {
        return stopped ? held : now - origin;
    }

    /** Level of OUT. */
    boolean out(long now) {
        advance(now);
        if (!running) {
            return mode != 0;
        }
        long e = elapsed(now);
        return switch (mode) {
            case 0 -> e >= initial;
            case 1 -> e < 0 || e >= initial;
            case 2 -> stopped || e < 0 || initial == 1 || e % initial != initial - 1;
            case 3 -> stopped || e < 0 || e % initial < (initial + 1) / 2;
            default -> e != initial;
        };
    }

    /** First pulse after {@code now} at which OUT may change, or {@link #NEVER}. */
    long nextChange(long now) {
        advance(now);
        if (!running || stopped) {
            return NEVER;
        }
        long e = now - origin;
        return switch (mode) {
            case 0 -> e < initial ? origin + initial : NEVER;
            case 1 -> e < 0 ? origin : e < initial ? origin + initial : NEVER;
            case 2 -> initial == 1 && !reloadPending ? NEVER : nextInPeriod(now, initial - 1);
            case 3 -> initial == 1 && !reloadPending ? NEVER : nextInPeriod(now, (initial + 1) / 2);
            default -> e < initial ? origin + initial : e == initial ? origin + initial + 1 : NEVER;
        };
    }

    /** OUT changes {@code low} pulses after the start of each period, and at its end. */
    private long nextInPeriod(long now, int low) {
        if (now < origin) {
            return origin + low;
        }
        long start = now - (now - origin) % initial;
        return now - start < low ? start + low : start + initial;
    }

    // ---- as registers ----

    /** Pulse at which counting began, if its pauses had not been; -1 when it does not count. */
    private long started(long now) {
        return !running ? -1 : stopped ? Math.max(0, now - held) : origin;
    }

    PitRegisters registers(long now) {
        advance(now);
        long nanoseconds = running ? Pit8254.nanoseconds(started(now)) : -1;
        return new PitRegisters(
                mode, bcd, access, gate, count, halfWritten, writtenLow, readHigh, countLatched, latchedCount, statusLatched, latchedStatus,
                nanoseconds);
    }

    /** Counting goes on where it was; a time to come means that it begins anew. */
    void setRegisters(PitRegisters r, long now) {
        reset(r.gate());
        mode = r.mode();
        bcd = r.bcd();
        access = r.access();
        count = r.count();
        halfWritten = r.halfWritten();
        writtenLow = r.writtenLow();
        readHigh = r.readHigh();
        countLatched = r.countLatched();
        latchedCount = r.latchedCount();
        statusLatched = r.statusLatched();
        latchedStatus = r.latchedStatus();
        if (r.started() >= 0) {
            long pulse = Pit8254.pulse(r.started());
            start(pulse <= now ? pulse : now + 1);
            stopped = !gate && mode != 1 && mode != 5;
            held = stopped ? now - origin : 0;
        }
    }

    @Override
    public void save(StateOutput out) {
        out.putLongs(
                "counter", new long[] {mode, access, count, writtenLow, latchedCount, latchedStatus, origin, initial, held, reloadPulse});
        out.putInt("flags", (bcd ? 1 : 0) | (gate ? 2 : 0) | (halfWritten ? 4 : 0) | (readHigh ? 8 : 0) | (countLatched ? 16 : 0)
                | (statusLatched ? 32 : 0) | (running ? 64 : 0) | (reloadPending ? 128 : 0) | (stopped ? 256 : 0));
    }

    @Override
    public void load(StateInput in) {
        long[] v = new long[10];
        in.getLongs("counter", v);
        mode = (int) v[0];
        access = (int) v[1];
        count = (int) v[2];
        writtenLow = (int) v[3];
        latchedCount = (int) v[4];
        latchedStatus = (int) v[5];
        origin = v[6];
        initial = (int) Math.max(1, v[7]);
        held = v[8];
        reloadPulse = v[9];
        int f = in.getInt("flags");
        bcd = (f & 1) != 0;
        gate = (f & 2) != 0;
        halfWritten = (f & 4) != 0;
        readHigh = (f & 8) != 0;
        countLatched = (f & 16) != 0;
        statusLatched = (f & 32) != 0;
        running = (f & 64) != 0;
        reloadPending = (f & 128) != 0;
        stopped = (f & 256) != 0;
    }
}
