package dev.javisor.processor.chipset;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.function.IntConsumer;

/**
 * I/O APIC with 24 interrupt inputs and the EOI register of version 20H (Intel "82093AA I/O Advanced Programmable Interrupt Controller"
 * and "I/O Controller Hub" data sheets). Inputs are wires: what a device asserts is high or low on the wire as the board says, and the
 * polarity bit of the redirection entry tells which of both is a request.
 */
public final class IoApic implements MmioHandler, Device {
    public static final long DEFAULT_BASE = 0xFEC00000L;
    /** Bytes of the register page. */
    public static final long SIZE = 0x1000;

    public static final int PINS = 24;

    private static final int VERSION = 0x20;
    private static final int SELECT = 0x00;
    private static final int WINDOW = 0x10;
    private static final int EOI = 0x40;
    private static final int ID_REGISTER = 0;
    private static final int VERSION_REGISTER = 1;
    private static final int ARBITRATION_REGISTER = 2;
    private static final int REDIRECTION_TABLE = 0x10;

    // Redirection table entry
    private static final int LOGICAL = 1 << 11;
    private static final int ACTIVE_LOW = 1 << 13;
    private static final int REMOTE_IRR = 1 << 14;
    private static final int LEVEL = 1 << 15;
    private static final int MASKED = 1 << 16;
    private static final long WRITABLE = 0xFF00_0000_0001_AFFFL;

    private static final int FIXED = 0;
    private static final int LOWEST_PRIORITY = 1;

    /** Takes interrupt messages to the local APICs. */
    @FunctionalInterface
    public interface MessageBus {
        /**
         * @param destination 8-bit destination field
         * @param mode delivery mode, 0 (fixed) to 7 (ExtINT)
         * @param level level-triggered
         * @return whether a processor took it
         */
        boolean deliver(int destination, boolean logical, int mode, int vector, boolean level);
    }

    /**
     * What it holds.
     *
     * @param select the register that the window shows
     * @param asserted inputs that devices assert, one bit each
     */
    public record Registers(int id, int select, int asserted, long[] redirection) {}

    private final MessageBus bus;
    private final int activeLowWires;
    /** Inputs tell what devices assert, whatever the polarity bits say. */
    private final boolean ignoresPolarity;
    private IntConsumer listener = pin -> {};

    private final long[] redirection = new long[PINS];
    /** Inputs that devices assert, one bit each. */
    private int asserted;

    private int id;
    private int select;

    /** @param activeLowWires one bit for each input whose wire is low when a device asserts it, as PCI's INTx lines are */
    public IoApic(MessageBus bus, int activeLowWires) {
        this(bus, activeLowWires, false);
    }

    private IoApic(MessageBus bus, int activeLowWires, boolean ignoresPolarity) {
        this.bus = bus;
        this.activeLowWires = activeLowWires & (1 << PINS) - 1;
        this.ignoresPolarity = ignoresPolarity;
        reset();
    }

    /** One whose inputs are no wires but what devices assert: the polarity bits have no effect. */
    public static IoApic withoutPolarity(MessageBus bus) {
        return new IoApic(bus, 0, true);
    }

    public Registers registers() {
        return new Registers(id, select, asserted, redirection.clone());
    }

    /** Sets everything. What the inputs ask for then is asked for anew. */
    public void setRegisters(Registers r) {
        id = r.id & 15;
        select = r.select & 0xFF;
        asserted = r.asserted & (1 << PINS) - 1;
        for (int pin = 0; pin < PINS; pin++) {
            redirection[pin] = r.redirection[pin] & (WRITABLE | REMOTE_IRR);
        }
        for (int pin = 0; pin < PINS; pin++) {
            serviceLevel(pin);
        }
    }

    /** Interrupt input {@code pin}, 0 to 23. */
    public InterruptLine line(int pin) {
        if (pin < 0 || pin >= PINS) {
            throw new IllegalArgumentException("no I/O APIC input " + pin);
        }
        return level -> setLine(pin, level);
    }

    /** The processors ended the level-triggered interrupt {@code vector}. */
    public void endOfInterrupt(int vector) {
        for (int pin = 0; pin < PINS; pin++) {
            long e = redirection[pin];
            if ((e & (REMOTE_IRR | LEVEL)) == (REMOTE_IRR | LEVEL) && (e & 0xFF) == vector) {
                listener.accept(pin);
                redirection[pin] &= ~REMOTE_IRR;
                serviceLevel(pin);
            }
        }
    }

    /** Who is told that the interrupt of a level-triggered input has ended, before it may come again. */
    public void onEnd(IntConsumer pin) {
        listener = pin;
    }

    private void setLine(int pin, boolean level) {
        boolean before = active(pin);
        asserted = level ? asserted | 1 << pin : asserted & ~(1 << pin);
        if ((redirection[pin] & LEVEL) != 0) {
            serviceLevel(pin);
        } else if (!before && active(pin) && (redirection[pin] & MASKED) == 0) {
            // An edge at a masked input is lost ("Interrupt Mask" of the redirection table).
            send(redirection[pin], false);
        }
    }

    private boolean active(int pin) {
        if (ignoresPolarity) {
            return (asserted >>> pin & 1) != 0;
        }
        boolean wire = ((asserted ^ activeLowWires) >>> pin & 1) != 0;
        return wire != ((redirection[pin] & ACTIVE_LOW) != 0);
    }

    private void serviceLevel(int pin) {
        long e = redirection[pin];
        if ((e & (LEVEL | MASKED | REMOTE_IRR)) == LEVEL && active(pin)) {
            int mode = (int) (e >>> 8) & 7;
            if (mode == FIXED || mode == LOWEST_PRIORITY) {
                redirection[pin] = e | REMOTE_IRR;
            }
            send(e, true);
        }
    }

    private void send(long e, boolean level) {
        bus.deliver((int) (e >>> 56), (e & LOGICAL) != 0, (int) (e >>> 8) & 7, (int) e & 0xFF, level);
    }

    @Override
    public long read(long offset, int size) {
        int shift = (int) (offset & 3) * 8;
        return switch ((int) offset & ~3) {
            case SELECT -> (select & 0xFFFFFFFFL) >>> shift;
            case WINDOW -> (readRegister() & 0xFFFFFFFFL) >>> shift;
            default -> 0;
        };
    }

    @Override
    public void write(long offset, int size, long value) {
        switch ((int) offset) {
            case SELECT -> select = (int) value & 0xFF;
            case WINDOW -> writeRegister((int) value);
            case EOI -> endOfInterrupt((int) value & 0xFF);
            default -> { }
        }
    }

    private int readRegister() {
        int entry = select - REDIRECTION_TABLE;
        if (entry >= 0 && entry < 2 * PINS) {
            return (int) (redirection[entry / 2] >>> 32 * (entry & 1));
        }
        return switch (select) {
            // The arbitration register follows the identification register.
            case ID_REGISTER, ARBITRATION_REGISTER -> id << 24;
            case VERSION_REGISTER -> PINS - 1 << 16 | VERSION;
            default -> 0;
        };
    }

    private void writeRegister(int value) {
        int entry = select - REDIRECTION_TABLE;
        if (entry >= 0 && entry < 2 * PINS) {
            writeEntry(entry / 2, (entry & 1) != 0, value);
        } else if (select == ID_REGISTER) {
            id = value >>> 24 & 15;
        }
    }

    private void writeEntry(int pin, boolean high, int value) {
        long e = redirection[pin];
        boolean before = active(pin);
        long half = high ? 0xFFFFFFFF_00000000L : 0xFFFFFFFFL;
        long next = e & ~half | (high ? (long) value << 32 : value & 0xFFFFFFFFL) & half;
        next = next & WRITABLE | e & REMOTE_IRR;
        if ((next & LEVEL) == 0) {
            next &= ~REMOTE_IRR;
        }
        redirection[pin] = next;
        if ((next & LEVEL) != 0) {
            serviceLevel(pin);
        } else if (!before && active(pin) && (next & MASKED) == 0) {
            send(next, false);
        }
    }

    @Override
    public void reset() {
        for (int pin = 0; pin < PINS; pin++) {
            redirection[pin] = MASKED;
        }
        id = 0;
        select = 0;
    }

    @Override
    public void save(StateOutput out) {
        out.putLongs("redirection", redirection);
        out.putInt("asserted", asserted);
        out.putInt("id", id);
        out.putInt("select", select);
    }

    @Override
    public void load(StateInput in) {
        in.getLongs("redirection", redirection);
        asserted = in.getInt("asserted");
        id = in.getInt("id");
        select = in.getInt("select");
    }
}
