package dev.javisor.machine.device;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateMismatchException;
import dev.javisor.processor.state.StateOutput;
import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * 16550A serial port (National Semiconductor "PC16550D Universal Asynchronous Receiver/Transmitter with FIFOs" data sheet). The wire to the
 * host takes no time: a character written is sent at once, so the transmitter is always empty again. Received characters wait outside
 * while the receiver is full, as a peer does that obeys flow control.
 */
public final class Uart16550 implements PortDevice, Device {
    /** I/O ports of COM1 to COM4. */
    public static final int[] PORTS = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    /** ISA interrupt requests of COM1 to COM4. */
    public static final int[] IRQS = {4, 3, 4, 3};

    private static final int FIFO_SIZE = 16;
    private static final long CRYSTAL = 1_843_200;

    // Interrupt enable and pending causes
    private static final int RECEIVED_DATA = 1;
    private static final int TRANSMITTER_EMPTY = 2;
    private static final int LINE_STATUS = 4;
    private static final int MODEM_STATUS = 8;
    // Interrupt identification
    private static final int NO_INTERRUPT = 1;
    private static final int CHARACTER_TIMEOUT = 0xC;
    private static final int FIFOS_ENABLED = 0xC0;
    // FIFO control
    private static final int FIFO_ENABLE = 1;
    private static final int CLEAR_RECEIVER = 2;
    // Line control
    private static final int BREAK = 0x40;
    private static final int DIVISOR_LATCH = 0x80;
    // Modem control
    private static final int DTR = 1;
    private static final int RTS = 2;
    private static final int OUT1 = 4;
    private static final int OUT2 = 8;
    private static final int LOOP = 0x10;
    // Line status
    private static final int DATA_READY = 1;
    private static final int OVERRUN = 2;
    private static final int BREAK_INTERRUPT = 0x10;
    private static final int HOLDING_EMPTY = 0x20;
    private static final int TRANSMITTER_IDLE = 0x40;
    private static final int FIFO_ERROR = 0x80;
    // Modem status
    private static final int CTS = 0x10;
    private static final int DSR = 0x20;
    private static final int RI = 0x40;
    private static final int DCD = 0x80;

    private final Timeline timeline;
    private final InterruptLine irq;
    private final IntConsumer output;
    private final Timeline.Deadline timeout = new Timeline.Deadline(this::charactersTimedOut);

    private int interruptEnable, fifoControl, lineControl, modemControl, scratch;
    private int divisor = 12;
    private int lineErrors;
    private int modemDelta, modemLines = CTS | DSR | DCD;
    /** The transmitter became empty and was not served yet. */
    private boolean emptyPending;
    private boolean timedOut;

    private final int[] fifo = new int[FIFO_SIZE];
    private int head, length;
    /** What the peer holds back while the receiver is full. */
    private byte[] waiting = {};

    /** @param output takes each character that is sent, 0 to 255, at once */
    public Uart16550(Timeline timeline, InterruptLine irq, IntConsumer output) {
        this.timeline = timeline;
        this.irq = irq;
        this.output = output;
    }

    /** Puts the serial port at eight ports from {@code port} on. */
    public void connect(IoBus bus, int port) {
        bus.register(port, 8, this);
    }

    /** Characters that the host sends; to be called between instructions, at a moment of guest time that a replay can repeat. */
    public void receive(byte[] characters) {
        waiting = Arrays.copyOf(waiting, waiting.length + characters.length);
        System.arraycopy(characters, 0, waiting, waiting.length - characters.length, characters.length);
        fillReceiver();
        update();
    }

    private void fillReceiver() {
        int n = (modemControl & LOOP) != 0 ? 0 : Math.min(capacity() - length, waiting.length);
        for (int i = 0; i < n; i++) {
            accept(waiting[i] & 0xFF);
        }
        if (n > 0) {
            waiting = Arrays.copyOfRange(waiting, n, waiting.length);
        }
    }

    private int capacity() {
        return fifosEnabled() ? FIFO_SIZE : 1;
    }

    private boolean fifosEnabled() {
        return (fifoControl & FIFO_ENABLE) != 0;
    }

    private int triggerLevel() {
        if (!fifosEnabled()) {
            return 1;
        }
        return switch (fifoControl >>> 6) {
            case 0 -> 1;
            case 1 -> 4;
            case 2 -> 8;
            default -> 14;
        };
    }

    private void accept(int character) {
        if (length == capacity()) {
            lineErrors |= OVERRUN;
            if (!fifosEnabled()) {
                fifo[head] = character;
            }
        } else {
            fifo[(head + length++) % FIFO_SIZE] = character;
        }
        restartTimeout();
    }

    /** Four character times without an access, while the FIFO holds less than the trigger level. */
    private void restartTimeout() {
        timedOut = false;
        if (fifosEnabled() && length > 0) {
            long bits = 4L * (1 + 5 + (lineControl & 3) + ((lineControl & 8) >>> 3) + 1 + ((lineControl & 4) >>> 2));
            int d = divisor == 0 ? 0x10000 : divisor;
            timeline.schedule(timeout, timeline.now() + bits * 16 * d * Timeline.FREQUENCY / CRYSTAL);
        } else {
            timeline.cancel(timeout);
        }
    }

    private void charactersTimedOut() {
        timedOut = true;
        update();
    }

    @Override
    public int read(int offset, int size) {
        boolean latch = (lineControl & DIVISOR_LATCH) != 0;
        int value = switch (offset) {
            case 0 -> latch ? divisor & 0xFF : readReceiver();
            case 1 -> latch ? divisor >>> 8 : interruptEnable;
            case 2 -> readInterruptIdentification();
            case 3 -> lineControl;
            case 4 -> modemControl;
            case 5 -> readLineStatus();
            case 6 -> readModemStatus();
            default -> scratch;
        };
        update();
        return value;
    }

    @Override
    public void write(int offset, int size, int value) {
        boolean latch = (lineControl & DIVISOR_LATCH) != 0;
        switch (offset) {
            case 0 -> {
                if (latch) {
                    divisor = divisor & 0xFF00 | value;
                } else {
                    transmit(value);
                }
            }
            case 1 -> {
                if (latch) {
                    divisor = divisor & 0xFF | value << 8;
                } else {
                    writeInterruptEnable(value & 0xF);
                }
            }
            case 2 -> writeFifoControl(value);
            case 3 -> writeLineControl(value);
            case 4 -> writeModemControl(value & 0x1F);
            case 7 -> scratch = value;
            default -> { }
        }
        update();
    }

    private int readReceiver() {
        if (length == 0) {
            return 0;
        }
        int c = fifo[head];
        length--;
        if (fifosEnabled()) {
            head = (head + 1) % FIFO_SIZE;
        }
        restartTimeout();
        fillReceiver();
        return c;
    }

    private void transmit(int character) {
        // The write takes the request away before the register, empty again at once, raises it anew.
        emptyPending = false;
        update();
        emptyPending = true;
        if ((modemControl & LOOP) != 0) {
            accept(character);
        } else {
            output.accept(character);
        }
    }

    private void writeInterruptEnable(int value) {
        // Enabling the interrupt while the holding register is empty raises it.
        if ((value & ~interruptEnable & TRANSMITTER_EMPTY) != 0) {
            emptyPending = true;
        }
        interruptEnable = value;
    }

    private void writeFifoControl(int value) {
        boolean toggled = ((value ^ fifoControl) & FIFO_ENABLE) != 0;
        if (toggled || (value & FIFO_ENABLE) != 0 && (value & CLEAR_RECEIVER) != 0) {
            length = head = 0;
            timedOut = false;
            timeline.cancel(timeout);
        }
        // The other bits count only together with the enable bit; the clear bits clear themselves.
        fifoControl = (value & FIFO_ENABLE) != 0 ? value & 0xC9 : 0;
        fillReceiver();
    }

    private void writeLineControl(int value) {
        boolean breakBegins = (value & ~lineControl & BREAK) != 0;
        lineControl = value;
        if (breakBegins && (modemControl & LOOP) != 0) {
            accept(0);
            lineErrors |= BREAK_INTERRUPT;
        }
    }

    private void writeModemControl(int value) {
        int before = modemInputs();
        modemControl = value;
        int after = modemInputs();
        modemDelta |= (before ^ after) >>> 4 & 0xB;
        if ((before & ~after & RI) != 0) {
            // The trailing edge of ring indicator.
            modemDelta |= 4;
        }
        fillReceiver();
    }

    /** CTS, DSR, RI and DCD; in loopback they are RTS, DTR, OUT1 and OUT2. */
    private int modemInputs() {
        if ((modemControl & LOOP) == 0) {
            return modemLines;
        }
        return ((modemControl & RTS) != 0 ? CTS : 0) | ((modemControl & DTR) != 0 ? DSR : 0) | ((modemControl & OUT1) != 0 ? RI : 0)
                | ((modemControl & OUT2) != 0 ? DCD : 0);
    }

    private int readLineStatus() {
        int status = HOLDING_EMPTY | TRANSMITTER_IDLE | (length > 0 ? DATA_READY : 0) | lineErrors
                | (fifosEnabled() && (lineErrors & BREAK_INTERRUPT) != 0 ? FIFO_ERROR : 0);
        lineErrors = 0;
        return status;
    }

    private int readModemStatus() {
        int status = modemInputs() | modemDelta;
        modemDelta = 0;
        return status;
    }

    private int readInterruptIdentification() {
        int id = interruptIdentification();
        if (id == TRANSMITTER_EMPTY) {
            emptyPending = false;
        }
        return id | (fifosEnabled() ? FIFOS_ENABLED : 0);
    }

    /** The pending cause with the highest priority. */
    private int interruptIdentification() {
        if ((interruptEnable & LINE_STATUS) != 0 && lineErrors != 0) {
            return 6;
        }
        if ((interruptEnable & RECEIVED_DATA) != 0 && length >= triggerLevel()) {
            return 4;
        }
        if ((interruptEnable & RECEIVED_DATA) != 0 && timedOut && length > 0) {
            return CHARACTER_TIMEOUT;
        }
        if ((interruptEnable & TRANSMITTER_EMPTY) != 0 && emptyPending) {
            return TRANSMITTER_EMPTY;
        }
        if ((interruptEnable & MODEM_STATUS) != 0 && modemDelta != 0) {
            return 0;
        }
        return NO_INTERRUPT;
    }

    /**
     * On old PCs, OUT2 connects the interrupt output to the bus. Virtual machines have it connected always, and systems that were made on
     * them leave OUT2 alone; only loopback, which takes all outputs off their pins, disconnects it.
     */
    private void update() {
        boolean connected = (modemControl & LOOP) == 0;
        irq.set(connected && interruptIdentification() != NO_INTERRUPT);
    }

    @Override
    public void reset() {
        interruptEnable = fifoControl = lineControl = modemControl = lineErrors = modemDelta = 0;
        head = length = 0;
        emptyPending = timedOut = false;
        timeline.cancel(timeout);
        update();
    }

    @Override
    public void save(StateOutput out) {
        out.putInts(
                "registers",
                new int[] {interruptEnable, fifoControl, lineControl, modemControl, scratch, divisor, lineErrors, modemDelta});
        out.putInts("fifo", fifo);
        out.putInts("state", new int[] {head, length, emptyPending ? 1 : 0, timedOut ? 1 : 0});
        out.putBytes("waiting", waiting);
        timeout.save(out, "timeout");
    }

    @Override
    public void load(StateInput in) {
        int[] r = new int[8];
        in.getInts("registers", r);
        interruptEnable = r[0];
        fifoControl = r[1];
        lineControl = r[2];
        modemControl = r[3];
        scratch = r[4];
        divisor = r[5];
        lineErrors = r[6];
        modemDelta = r[7];
        in.getInts("fifo", fifo);
        int[] s = new int[4];
        in.getInts("state", s);
        if (s[0] < 0 || s[0] >= FIFO_SIZE || s[1] < 0 || s[1] > FIFO_SIZE) {
            throw new StateMismatchException("saved serial port has an impossible receiver FIFO");
        }
        head = s[0];
        length = s[1];
        emptyPending = s[2] != 0;
        timedOut = s[3] != 0;
        waiting = in.getBytes("waiting");
        timeout.load(timeline, in, "timeout");
    }
}
