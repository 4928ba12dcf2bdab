package dev.javisor.machine.device;

import dev.javisor.machine.bus.BoardControl;
import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateMismatchException;
import dev.javisor.processor.state.StateOutput;
import java.util.Arrays;

/**
 * 8042 keyboard and auxiliary device controller at ports 60H and 64H (IBM "Keyboard and Auxiliary Device Controller"), with the A20 gate
 * and the processor reset on its output port.
 */
public final class KeyboardController implements Device {
    private static final int DATA_PORT = 0x60;
    private static final int COMMAND_PORT = 0x64;

    // Status
    private static final int OUTPUT_FULL = 0x01;
    private static final int SYSTEM = 0x04;
    private static final int LAST_WAS_COMMAND = 0x08;
    private static final int NOT_INHIBITED = 0x10;
    private static final int AUX_OUTPUT = 0x20;
    // Command byte
    private static final int KEYBOARD_INTERRUPT = 0x01;
    private static final int AUX_INTERRUPT = 0x02;
    private static final int SYSTEM_FLAG = 0x04;
    private static final int DISABLE_KEYBOARD = 0x10;
    private static final int DISABLE_AUX = 0x20;
    private static final int TRANSLATE = 0x40;
    // Output port
    private static final int NOT_RESET = 0x01;
    private static final int A20 = 0x02;
    private static final int AUX_FULL_PIN = 0x20;
    private static final int KEYBOARD_FULL_PIN = 0x10;
    private static final int CLOCK_AND_DATA = 0xC0;

    private static final int RAM_SIZE = 32;
    private static final int NOTHING = -1;

    /** Scan codes of set 2 (00H to 83H) as set 1 has them. */
    private static final int[] SET_1 = {
        0xFF, 0x43, 0x41, 0x3F, 0x3D, 0x3B, 0x3C, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3E, 0x0F, 0x29, 0x59,
        0x65, 0x38, 0x2A, 0x70, 0x1D, 0x10, 0x02, 0x5A, 0x66, 0x71, 0x2C, 0x1F, 0x1E, 0x11, 0x03, 0x5B,
        0x67, 0x2E, 0x2D, 0x20, 0x12, 0x05, 0x04, 0x5C, 0x68, 0x39, 0x2F, 0x21, 0x14, 0x13, 0x06, 0x5D,
        0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5E, 0x6A, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5F,
        0x6B, 0x33, 0x25, 0x17, 0x18, 0x0B, 0x0A, 0x60, 0x6C, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0C, 0x61,
        0x6D, 0x73, 0x28, 0x74, 0x1A, 0x0D, 0x62, 0x6E, 0x3A, 0x36, 0x1C, 0x1B, 0x75, 0x2B, 0x63, 0x76,
        0x55, 0x56, 0x77, 0x78, 0x79, 0x7A, 0x0E, 0x7B, 0x7C, 0x4F, 0x7D, 0x4B, 0x47, 0x7E, 0x7F, 0x6F,
        0x52, 0x53, 0x50, 0x4C, 0x4D, 0x48, 0x01, 0x45, 0x57, 0x4E, 0x51, 0x4A, 0x37, 0x49, 0x46, 0x54,
        0x80, 0x81, 0x82, 0x41
    };
    private static final int RELEASE_PREFIX = 0xF0;

    private final InterruptLine irq1;
    private final InterruptLine irq12;
    private final InterruptLine a20;
    private final BoardControl board;
    private final Ps2Keyboard keyboard;
    /** Null when there is none. */
    private final Ps2Mouse mouse;

    private final int[] ram = new int[RAM_SIZE];
    private int output;
    private boolean outputFull, outputFromAux;
    /** The controller's own answer that waits for the output buffer, with bit 8 for the auxiliary side. */
    private int reply = NOTHING;
    /** Command that waits for its parameter, or 0. */
    private int command;
    private boolean lastWasCommand;
    private int outputPort = NOT_RESET | A20 | CLOCK_AND_DATA;
    /** The last byte from the keyboard was the release prefix, which translation turns into bit 7 of the next. */
    private boolean releasing;

    /** @param mouse the auxiliary device, or null */
    public KeyboardController(
            InterruptLine irq1, InterruptLine irq12, InterruptLine a20, BoardControl board, Ps2Keyboard keyboard, Ps2Mouse mouse) {
        this.irq1 = irq1;
        this.irq12 = irq12;
        this.a20 = a20;
        this.board = board;
        this.keyboard = keyboard;
        this.mouse = mouse;
        keyboard.connect(this::fill);
        if (mouse != null) {
            mouse.connect(this::fill);
        }
        ram[0] = initialCommandByte();
    }

    public void connect(IoBus bus) {
        bus.register(DATA_PORT, 1, new DataPort());
        bus.register(COMMAND_PORT, 1, new CommandPort());
    }

    /** What a firmware leaves behind that has found its devices working. */
    private static int initialCommandByte() {
        return KEYBOARD_INTERRUPT | AUX_INTERRUPT | SYSTEM_FLAG | TRANSLATE;
    }

    private boolean set(int commandByteBit) {
        return (ram[0] & commandByteBit) != 0;
    }

    /** Moves the next byte into an empty output buffer, and drives the interrupts. */
    private void fill() {
        if (!outputFull) {
            if (reply != NOTHING) {
                offer(reply & 0xFF, (reply & 0x100) != 0);
                reply = NOTHING;
            } else if (!set(DISABLE_KEYBOARD) && keyboard.hasData()) {
                fromKeyboard();
            } else if (mouse != null && !set(DISABLE_AUX) && mouse.hasData()) {
                offer(mouse.take(), true);
            }
        }
        irq1.set(outputFull && !outputFromAux && set(KEYBOARD_INTERRUPT));
        irq12.set(outputFull && outputFromAux && set(AUX_INTERRUPT));
    }

    private void fromKeyboard() {
        while (keyboard.hasData()) {
            int code = keyboard.take();
            if (!set(TRANSLATE)) {
                offer(code, false);
                return;
            }
            if (code == RELEASE_PREFIX) {
                releasing = true;
                continue;
            }
            offer((code < SET_1.length ? SET_1[code] : code) | (releasing ? 0x80 : 0), false);
            releasing = false;
            return;
        }
    }

    private void offer(int value, boolean aux) {
        output = value;
        outputFull = true;
        outputFromAux = aux;
    }

    private void answer(int value) {
        reply = value;
        fill();
    }

    private int readData() {
        int value = output;
        outputFull = false;
        // The request falls before the next byte raises it again.
        irq1.set(false);
        irq12.set(false);
        fill();
        return value;
    }

    private int status() {
        return (outputFull ? OUTPUT_FULL : 0) | (set(SYSTEM_FLAG) ? SYSTEM : 0) | (lastWasCommand ? LAST_WAS_COMMAND : 0) | NOT_INHIBITED
                | (outputFull && outputFromAux ? AUX_OUTPUT : 0);
    }

    private void writeData(int value) {
        lastWasCommand = false;
        int c = command;
        command = 0;
        if (c >= 0x60 && c < 0x80) {
            ram[c & 0x1F] = value;
            fill();
            return;
        }
        switch (c) {
            case 0xD1 -> writeOutputPort(value);
            case 0xD2 -> answer(value);
            case 0xD3 -> answer(value | 0x100);
            case 0xD4 -> {
                ram[0] &= ~DISABLE_AUX;
                if (mouse != null) {
                    mouse.write(value);
                } else {
                    // Nobody answers: the controller reports a timeout.
                    answer(0x1FE);
                }
            }
            default -> {
                // Data for the keyboard enables its interface.
                ram[0] &= ~DISABLE_KEYBOARD;
                releasing = false;
                keyboard.write(value);
            }
        }
        fill();
    }

    private void writeCommand(int value) {
        lastWasCommand = true;
        command = 0;
        if (value >= 0x20 && value < 0x40) {
            answer(ram[value & 0x1F]);
            return;
        }
        if (value >= 0x60 && value < 0x80) {
            command = value;
            return;
        }
        if (value >= 0xF0) {
            // Pulses the output port bits that are 0 in the command; bit 0 is the processor's reset.
            if ((value & NOT_RESET) == 0) {
                board.reset();
            }
            return;
        }
        switch (value) {
            case 0xA4 -> answer(0xF1);
            case 0xA7 -> ram[0] |= DISABLE_AUX;
            case 0xA8 -> ram[0] &= ~DISABLE_AUX;
            case 0xA9 -> answer(mouse != null ? 0x00 : 0x02);
            case 0xAA -> {
                ram[0] = ram[0] & ~(KEYBOARD_INTERRUPT | AUX_INTERRUPT) | SYSTEM_FLAG | DISABLE_KEYBOARD | DISABLE_AUX;
                outputFull = false;
                answer(0x55);
            }
            case 0xAB -> answer(0x00);
            case 0xAD -> ram[0] |= DISABLE_KEYBOARD;
            case 0xAE -> ram[0] &= ~DISABLE_KEYBOARD;
            case 0xC0 -> answer(0x80);
            case 0xD0 -> answer(outputPort | (outputFull ? outputFromAux ? AUX_FULL_PIN : KEYBOARD_FULL_PIN : 0));
            case 0xD1, 0xD2, 0xD3, 0xD4 -> command = value;
            case 0xDD -> writeOutputPort(outputPort & ~A20);
            case 0xDF -> writeOutputPort(outputPort | A20);
            case 0xE0 -> answer(0x00);
            default -> { }
        }
        fill();
    }

    private void writeOutputPort(int value) {
        outputPort = value & (A20 | CLOCK_AND_DATA) | NOT_RESET;
        a20.set((outputPort & A20) != 0);
        if ((value & NOT_RESET) == 0) {
            board.reset();
        }
    }

    @Override
    public void reset() {
        Arrays.fill(ram, 0);
        ram[0] = initialCommandByte();
        output = command = 0;
        outputFull = outputFromAux = lastWasCommand = releasing = false;
        reply = NOTHING;
        keyboard.reset();
        if (mouse != null) {
            mouse.reset();
        }
        outputPort = NOT_RESET | A20 | CLOCK_AND_DATA;
        a20.set(true);
        fill();
    }

    @Override
    public void save(StateOutput out) {
        out.putInts("ram", ram);
        out.putInts("buffers", new int[] {output, reply, command, outputPort});
        out.putInt("flags", (outputFull ? 1 : 0) | (outputFromAux ? 2 : 0) | (lastWasCommand ? 4 : 0) | (releasing ? 8 : 0));
        out.put("keyboard", keyboard);
        out.putBoolean("mouse", mouse != null);
        if (mouse != null) {
            out.put("mouse", mouse);
        }
    }

    @Override
    public void load(StateInput in) {
        in.getInts("ram", ram);
        int[] b = new int[4];
        in.getInts("buffers", b);
        output = b[0];
        reply = b[1];
        command = b[2];
        outputPort = b[3];
        int f = in.getInt("flags");
        outputFull = (f & 1) != 0;
        outputFromAux = (f & 2) != 0;
        lastWasCommand = (f & 4) != 0;
        releasing = (f & 8) != 0;
        in.get("keyboard", keyboard);
        if (in.getBoolean("mouse") != (mouse != null)) {
            throw new StateMismatchException("saved keyboard controller has another auxiliary device");
        }
        if (mouse != null) {
            in.get("mouse", mouse);
        }
    }

    private final class DataPort implements PortDevice {
        @Override
        public int read(int offset, int size) {
            return readData();
        }

        @Override
        public void write(int offset, int size, int value) {
            writeData(value);
        }
    }

    private final class CommandPort implements PortDevice {
        @Override
        public int read(int offset, int size) {
            return status();
        }

        @Override
        public void write(int offset, int size, int value) {
            writeCommand(value);
        }
    }
}
