package dev.javisor.machine.device;

import dev.javisor.machine.bus.BoardControl;
import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.chipset.Clock;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/**
 * ACPI fixed hardware ("ACPI Hardware Specification"): PM1a event and control registers, power management timer, general-purpose event
 * block 0, and the SMI command port that hands the hardware to the operating system and back.
 */
public final class PowerManagement implements PortDevice, Device {
    /** First I/O port. The offsets below are from here. */
    public static final int PORT = 0x600;

    public static final int EVENT = 0x00;
    public static final int CONTROL = 0x04;
    public static final int TIMER = 0x08;
    public static final int GPE0 = 0x20;
    /** Bytes of the general-purpose event block: half of them status, half enable. */
    public static final int GPE0_LENGTH = 16;
    /** Bytes of all registers. */
    public static final int LENGTH = 0x40;

    /** SMI control and enable register of an ICH9. */
    private static final int SMI_ENABLE = 0x30;
    /** SMIs by the command port count as set up. A firmware that sees this does not set up system management mode. */
    private static final int COMMAND_PORT_ENABLED = 0x20;

    public static final int SMI_COMMAND_PORT = 0xB2;
    /** Values for the SMI command port. */
    public static final int ACPI_ENABLE = 2;

    public static final int ACPI_DISABLE = 3;

    /** Sleep types that the DSDT gives for S3 and S5. */
    public static final int SLEEP_TYPE_S3 = 1;

    public static final int SLEEP_TYPE_S5 = 0;

    /** Hz. */
    public static final long TIMER_FREQUENCY = 3_579_545;

    // PM1 status and enable
    private static final int TIMER_EVENT = 1;
    private static final int GLOBAL = 1 << 5;
    private static final int POWER_BUTTON = 1 << 8;
    private static final int SLEEP_BUTTON = 1 << 9;
    private static final int RTC = 1 << 10;
    private static final int WAKE = 1 << 15;
    private static final int ENABLES = TIMER_EVENT | GLOBAL | POWER_BUTTON | SLEEP_BUTTON | RTC;
    private static final int STATUSES = ENABLES | 1 << 4 | WAKE;
    // PM1 control
    private static final int SCI_ENABLE = 1;
    private static final int BUS_MASTER_RELOAD = 2;
    private static final int SLEEP_TYPE = 7 << 10;
    private static final int SLEEP_ENABLE = 1 << 13;

    private final Clock clock;
    private final InterruptLine sci;
    private final BoardControl board;
    private final int timerBits;
    private final Timeline.Deadline carry = new Timeline.Deadline(this::timerCarries);

    private IoBus bus;
    /** Where firmware has put the registers, beside their usual place; or null. */
    private IoBus.Range moved;

    private int status, enable, control;
    private long gpeStatus, gpeEnable;
    private boolean rtcLine;
    private long gpeLines;
    private boolean asleep;
    private int smiCommand, smiData;
    /** Timer tick up to which its carry was looked at. */
    private long timerSeen;

    /**
     * @param sci the system control interrupt, level-triggered
     * @param extendedTimer the timer has 32 bits instead of 24
     */
    public PowerManagement(Timeline timeline, InterruptLine sci, BoardControl board, boolean extendedTimer) {
        clock = new Clock(timeline, TIMER_FREQUENCY);
        this.sci = sci;
        this.board = board;
        timerBits = extendedTimer ? 32 : 24;
    }

    public void connect(IoBus bus) {
        this.bus = bus;
        bus.register(PORT, LENGTH, this);
        bus.register(SMI_COMMAND_PORT, 2, new SmiCommand());
    }

    /**
     * Firmware wants the registers from this port on; 0 for nowhere. They are there too from now on: where the tables say that they are,
     * they stay.
     */
    public void moveTo(int port) {
        if (moved != null) {
            bus.unregister(moved);
            moved = null;
        }
        if (port != 0 && port != PORT) {
            moved = bus.register(port, Math.min(LENGTH, (1 << 16) - port), this);
        }
    }

    /** The user presses the power button. */
    public void pressPowerButton() {
        status |= POWER_BUTTON;
        update();
    }

    /** Input for the real-time clock's interrupt, which may wake the machine. */
    public InterruptLine rtcInput() {
        return level -> {
            if (level && !rtcLine) {
                status |= RTC;
            }
            rtcLine = level;
            update();
        };
    }

    /** General-purpose event {@code n}, 0 to 63: its status is set when the line becomes active. */
    public InterruptLine generalPurposeEvent(int n) {
        if (n < 0 || n >= GPE0_LENGTH * 4) {
            throw new IllegalArgumentException("no general-purpose event " + n);
        }
        long bit = 1L << n;
        return level -> {
            if (level) {
                gpeStatus |= bit & ~gpeLines;
                gpeLines |= bit;
            } else {
                gpeLines &= ~bit;
            }
            update();
        };
    }

    public boolean sciEnabled() {
        return (control & SCI_ENABLE) != 0;
    }

    /** The machine sleeps (S3) until a wake event. */
    public boolean asleep() {
        return asleep;
    }

    private void update() {
        noteCarry();
        boolean event = (status & enable & ENABLES) != 0 || (gpeStatus & gpeEnable) != 0;
        // The power button wakes whatever the enable bits say.
        if (asleep && (event || (status & POWER_BUTTON) != 0)) {
            asleep = false;
            status |= WAKE;
            board.wake();
        }
        sci.set(event && sciEnabled());
        if ((enable & TIMER_EVENT) != 0 && (status & TIMER_EVENT) == 0) {
            clock.schedule(carry, (timerSeen >> timerBits - 1) + 1 << timerBits - 1);
        } else {
            clock.cancel(carry);
        }
    }

    private void timerCarries() {
        update();
    }

    /** The timer's highest bit changing sets its status. */
    private void noteCarry() {
        long now = clock.now();
        if (now >> timerBits - 1 != timerSeen >> timerBits - 1) {
            status |= TIMER_EVENT;
        }
        timerSeen = now;
    }

    @Override
    public int width() {
        return 4;
    }

    @Override
    public int read(int offset, int size) {
        noteCarry();
        int v = 0;
        for (int i = size - 1; i >= 0; i--) {
            v = v << 8 | readByte(offset + i);
        }
        return v;
    }

    private int readByte(int offset) {
        int at = offset & 3;
        return switch (offset & ~3) {
            case EVENT -> (enable << 16 | status) >>> 8 * at & 0xFF;
            case CONTROL -> control >>> 8 * at & 0xFF;
            case TIMER -> (int) (clock.now() & (1L << timerBits) - 1) >>> 8 * at & 0xFF;
            case SMI_ENABLE -> COMMAND_PORT_ENABLED >>> 8 * at & 0xFF;
            case GPE0, GPE0 + 4 -> (int) (gpeStatus >>> 8 * (offset & 7)) & 0xFF;
            case GPE0 + 8, GPE0 + 12 -> (int) (gpeEnable >>> 8 * (offset & 7)) & 0xFF;
            default -> 0;
        };
    }

    @Override
    public void write(int offset, int size, int value) {
        noteCarry();
        for (int i = 0; i < size; i++) {
            writeByte(offset + i, value >>> 8 * i & 0xFF);
        }
        update();
    }

    private void writeByte(int offset, int value) {
        int shift = 8 * (offset & 1);
        switch (offset) {
            case EVENT, EVENT + 1 -> status &= ~(value << shift) | ~STATUSES;
            case EVENT + 2, EVENT + 3 -> enable = (enable & ~(0xFF << shift) | value << shift) & ENABLES;
            case CONTROL -> control = control & ~BUS_MASTER_RELOAD | value & BUS_MASTER_RELOAD;
            case CONTROL + 1 -> {
                control = control & ~SLEEP_TYPE | value << 8 & SLEEP_TYPE;
                if ((value << 8 & SLEEP_ENABLE) != 0) {
                    sleep((control & SLEEP_TYPE) >>> 10);
                }
            }
            default -> {
                if (offset >= GPE0 && offset < GPE0 + GPE0_LENGTH) {
                    int at = 8 * (offset & 7);
                    if (offset < GPE0 + GPE0_LENGTH / 2) {
                        gpeStatus &= ~((long) value << at);
                    } else {
                        gpeEnable = gpeEnable & ~(0xFFL << at) | (long) value << at;
                    }
                }
            }
        }
    }

    private void sleep(int type) {
        if (type == SLEEP_TYPE_S3) {
            asleep = true;
            board.suspend();
        } else if (type == SLEEP_TYPE_S5) {
            board.powerOff();
        }
    }

    @Override
    public void reset() {
        status = enable = control = smiCommand = smiData = 0;
        gpeStatus = gpeEnable = 0;
        asleep = false;
        timerSeen = clock.now();
        update();
    }

    @Override
    public void save(StateOutput out) {
        out.putInts("registers", new int[] {status, enable, control, smiCommand, smiData, rtcLine ? 1 : 0, asleep ? 1 : 0});
        out.putLongs("gpe", new long[] {gpeStatus, gpeEnable, gpeLines, timerSeen});
        carry.save(out, "carry");
    }

    @Override
    public void load(StateInput in) {
        int[] r = new int[7];
        in.getInts("registers", r);
        status = r[0];
        enable = r[1];
        control = r[2];
        smiCommand = r[3];
        smiData = r[4];
        rtcLine = r[5] != 0;
        asleep = r[6] != 0;
        long[] g = new long[4];
        in.getLongs("gpe", g);
        gpeStatus = g[0];
        gpeEnable = g[1];
        gpeLines = g[2];
        timerSeen = g[3];
        clock.load(in, "carry", carry);
    }

    /** Command and data byte. There is no system management firmware behind it: the hardware itself obeys the two ACPI commands. */
    private final class SmiCommand implements PortDevice {
        @Override
        public int read(int offset, int size) {
            return offset == 0 ? smiCommand : smiData;
        }

        @Override
        public void write(int offset, int size, int value) {
            if (offset != 0) {
                smiData = value;
                return;
            }
            smiCommand = value;
            if (value == ACPI_ENABLE) {
                control |= SCI_ENABLE;
            } else if (value == ACPI_DISABLE) {
                control &= ~SCI_ENABLE;
            }
            update();
        }
    }
}
