package dev.javisor.processor.chipset;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/**
 * The PC's 8254 interval timer, and system control port B that holds the gate of its speaker channel. Channel 0 drives interrupt request
 * 0; channel 1 asks for memory refresh, which port B shows as a toggling bit.
 */
public final class Pit8254 implements PortDevice, Device {
    /** Hz. */
    public static final long FREQUENCY = 1_193_182;

    private static final int PORT = 0x40;
    private static final int CONTROL = 3;
    private static final int PORT_B = 0x61;
    private static final int SPEAKER_CHANNEL = 2, SPEAKER_DATA = 2;
    private static final long NANOSECONDS = 1_000_000_000L;
    /** CLK pulses between two refresh requests, about 15 microseconds. */
    private static final int REFRESH_PULSES = 18;

    private final Clock clock;
    private final InterruptLine irq;
    private final PitCounter[] counters = {new PitCounter(true), new PitCounter(true), new PitCounter(false)};
    private final Timeline.Deadline change = new Timeline.Deadline(this::outMayChange);
    private int portB;
    /** Another timer has taken channel 0's place at the interrupt line. */
    private boolean replaced;

    public Pit8254(Timeline timeline, InterruptLine irq0) {
        clock = new Clock(timeline, FREQUENCY);
        irq = irq0;
    }

    /** Puts the timer and port B at their ports. */
    public void connect(IoBus bus) {
        connectCounters(bus);
        bus.register(PORT_B, 1, new SystemControlPortB());
    }

    /** Puts the timer at its ports; port B is somebody else's. */
    public void connectCounters(IoBus bus) {
        bus.register(PORT, 4, this);
    }

    @Override
    public int read(int offset, int size) {
        return offset == CONTROL ? 0xFF : counters[offset].read(clock.now());
    }

    @Override
    public void write(int offset, int size, int value) {
        long now = clock.now();
        if (offset == CONTROL) {
            writeControl(value, now);
        } else {
            counters[offset].writeCount(value, now);
        }
        outMayChange();
    }

    private void writeControl(int value, long now) {
        int channel = value >>> 6;
        if (channel == 3) {
            readBack(value, now);
        } else if ((value >>> 4 & 3) == 0) {
            counters[channel].latchCount(now);
        } else {
            counters[channel].writeControl(value);
        }
    }

    private void readBack(int value, long now) {
        for (int i = 0; i < counters.length; i++) {
            if ((value & 2 << i) != 0) {
                if ((value & 0x20) == 0) {
                    counters[i].latchCount(now);
                }
                if ((value & 0x10) == 0) {
                    counters[i].latchStatus(now);
                }
            }
        }
    }

    private void outMayChange() {
        long now = clock.now();
        irq.set(!replaced && counters[0].out(now));
        long next = counters[0].nextChange(now);
        if (next == PitCounter.NEVER) {
            clock.cancel(change);
        } else {
            clock.schedule(change, next);
        }
    }

    @Override
    public void reset() {
        for (int i = 0; i < counters.length; i++) {
            counters[i].reset(i != SPEAKER_CHANNEL);
        }
        portB = 0;
        replaced = false;
        outMayChange();
    }

    // ---- as registers ----

    /** When a pulse begins. */
    static long nanoseconds(long pulse) {
        return pulse / FREQUENCY * NANOSECONDS + (pulse % FREQUENCY * NANOSECONDS + FREQUENCY - 1) / FREQUENCY;
    }

    /** The pulse that a time falls into. */
    static long pulse(long nanoseconds) {
        return nanoseconds / NANOSECONDS * FREQUENCY + nanoseconds % NANOSECONDS * FREQUENCY / NANOSECONDS;
    }

    /** @param channel 0 to 2 */
    public PitRegisters registers(int channel) {
        return counters[channel].registers(clock.now());
    }

    /**
     * @param channels one for each
     * @param speaker bit 1 of port 61H
     * @param replaces another timer drives the interrupt line
     */
    public void setRegisters(PitRegisters[] channels, boolean speaker, boolean replaces) {
        for (int i = 0; i < counters.length; i++) {
            counters[i].setRegisters(channels[i], clock.now());
        }
        portB = portB & ~3 | (channels[SPEAKER_CHANNEL].gate() ? 1 : 0) | (speaker ? SPEAKER_DATA : 0);
        replaced = replaces;
        outMayChange();
    }

    /** Bit 1 of port 61H. */
    public boolean isSpeakerOn() {
        return (portB & SPEAKER_DATA) != 0;
    }

    /** Another timer drives the interrupt line. */
    public boolean isReplaced() {
        return replaced;
    }

    @Override
    public void save(StateOutput out) {
        for (PitCounter c : counters) {
            out.put("counter", c);
        }
        out.putInt("portB", portB);
        out.putBoolean("replaced", replaced);
        change.save(out, "change");
    }

    @Override
    public void load(StateInput in) {
        for (PitCounter c : counters) {
            in.get("counter", c);
        }
        portB = in.getInt("portB");
        replaced = in.getBoolean("replaced");
        clock.load(in, "change", change);
    }

    /** Port 61H: bit 0 gate of channel 2, bit 1 speaker, bits 2 and 3 error check enables, bit 4 refresh, bit 5 OUT of channel 2. */
    private final class SystemControlPortB implements PortDevice {
        @Override
        public int read(int offset, int size) {
            long now = clock.now();
            int refresh = (int) (now / REFRESH_PULSES & 1) << 4;
            return portB | refresh | (counters[SPEAKER_CHANNEL].out(now) ? 0x20 : 0);
        }

        @Override
        public void write(int offset, int size, int value) {
            portB = value & 0xF;
            counters[SPEAKER_CHANNEL].setGate((value & 1) != 0, clock.now());
        }
    }
}
