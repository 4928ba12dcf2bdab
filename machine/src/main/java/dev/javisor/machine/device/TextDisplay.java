package dev.javisor.machine.device;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The registers of a VGA in text mode 3. Its memory, 128 KiB from A0000H on, is RAM of the board; nothing is drawn, but the text can be
 * read. Kernels without any other output write there, and move the cursor.
 */
public final class TextDisplay implements PortDevice, Device {
    private static final int FIRST_PORT = 0x3C0, PORTS = 0x1B;
    /** Offsets from the first port. */
    private static final int ATTRIBUTE = 0, ATTRIBUTE_READ = 1, MISCELLANEOUS = 2, SEQUENCER = 4, DAC_MASK = 6, DAC_READ_INDEX = 7,
            DAC_WRITE_INDEX = 8, DAC_DATA = 9, MISCELLANEOUS_READ = 0xC, GRAPHICS = 0xE, CRTC = 0x14, INPUT_STATUS_1 = 0x1A;

    private static final int ATTRIBUTES = 0x15, SEQUENCERS = 5, GRAPHICS_REGISTERS = 9, CRTCS = 0x19, COLOURS = 256 * 3;
    private static final int COLUMNS = 1, OVERFLOW = 7, MAXIMUM_SCAN_LINE = 9, START_HIGH = 0xC, START_LOW = 0xD,
            VERTICAL_RETRACE_END = 0x11, VERTICAL_END = 0x12;
    private static final int PROTECT = 0x80, LINE_COMPARE = 0x10;

    private static final byte[] MODE_3_CRTC = bytes(0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0, 0x4F, 0x0D, 0x0E, 0, 0, 0, 0, 0x9C,
            0x8E, 0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF);
    private static final byte[] MODE_3_ATTRIBUTE =
            bytes(0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x0C, 0, 0x0F, 8, 0);
    private static final byte[] MODE_3_SEQUENCER = bytes(3, 0, 3, 0, 2);
    private static final byte[] MODE_3_GRAPHICS = bytes(0, 0, 0, 0, 0, 0x10, 0x0E, 0, 0xFF);
    private static final int MODE_3_MISCELLANEOUS = 0x67;

    private static final long TEXT = 0xB8000;
    private static final int TEXT_SIZE = 0x8000, BLANK = 0x0720;
    private static final Charset CODE_PAGE = Charset.forName("IBM437");

    private static final long LINE = Timeline.FREQUENCY / 31_469, FRAME = 449 * LINE, RETRACE_START = 412 * LINE, RETRACE_END = 414 * LINE;
    private static final int DISPLAY_DISABLED = 1, VERTICAL_RETRACE = 8;

    private final Timeline timeline;
    private final byte[] attributes = new byte[ATTRIBUTES];
    private final byte[] sequencer = new byte[SEQUENCERS];
    private final byte[] graphics = new byte[GRAPHICS_REGISTERS];
    private final byte[] crtc = new byte[CRTCS];
    private final byte[] colours = new byte[COLOURS];
    private int attributeIndex, sequencerIndex, graphicsIndex, crtcIndex;
    private int miscellaneous, colourMask, colourIndex;
    /** The next write to the attribute controller is data. */
    private boolean attributeData;
    /** The colour index was written to be read from. */
    private boolean colourRead;

    public TextDisplay(Timeline timeline) {
        this.timeline = timeline;
        reset();
    }

    public void connect(IoBus bus) {
        bus.register(FIRST_PORT, PORTS, this);
    }

    /** An empty screen, as firmware leaves it. */
    public static void clear(PhysicalMemory memory) {
        for (int cell = 0; cell < 80 * 25; cell++) {
            memory.write(TEXT + 2L * cell, 2, BLANK);
        }
    }

    /** Lines of text on the screen, without the spaces at their ends. */
    public List<String> text(PhysicalMemory memory) {
        int columns = (crtc[COLUMNS] & 0xFF) + 1;
        int height = (crtc[OVERFLOW] & 0x40) << 3 | (crtc[OVERFLOW] & 2) << 7 | crtc[VERTICAL_END] & 0xFF;
        int rows = (height + 1) / ((crtc[MAXIMUM_SCAN_LINE] & 0x1F) + 1);
        int start = (crtc[START_HIGH] & 0xFF) << 8 | crtc[START_LOW] & 0xFF;
        List<String> lines = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            byte[] line = new byte[columns];
            for (int column = 0; column < columns; column++) {
                int cell = (start + row * columns + column) * 2 % TEXT_SIZE;
                int c = (int) memory.read(TEXT + cell, 1) & 0xFF;
                line[column] = (byte) (c < ' ' || c == 0x7F ? ' ' : c);
            }
            lines.add(new String(line, CODE_PAGE).stripTrailing());
        }
        return lines;
    }

    @Override
    public int read(int port, int size) {
        return switch (port) {
            case ATTRIBUTE -> attributeIndex;
            case ATTRIBUTE_READ -> get(attributes, attributeIndex & 0x1F);
            case SEQUENCER -> sequencerIndex;
            case SEQUENCER + 1 -> get(sequencer, sequencerIndex);
            case DAC_MASK -> colourMask;
            case DAC_READ_INDEX -> colourRead ? 3 : 0;
            case DAC_WRITE_INDEX -> colourIndex / 3;
            case DAC_DATA -> nextColour(-1);
            case MISCELLANEOUS_READ -> miscellaneous;
            case GRAPHICS -> graphicsIndex;
            case GRAPHICS + 1 -> get(graphics, graphicsIndex);
            case CRTC -> crtcIndex;
            case CRTC + 1 -> get(crtc, crtcIndex);
            case INPUT_STATUS_1 -> {
                attributeData = false;
                yield inputStatus();
            }
            case MISCELLANEOUS -> 0;
            default -> 0xFF;
        };
    }

    @Override
    public void write(int port, int size, int value) {
        switch (port) {
            case ATTRIBUTE -> {
                if (attributeData) {
                    set(attributes, attributeIndex & 0x1F, value);
                } else {
                    attributeIndex = value & 0x3F;
                }
                attributeData = !attributeData;
            }
            case MISCELLANEOUS -> miscellaneous = value;
            case SEQUENCER -> sequencerIndex = value & 7;
            case SEQUENCER + 1 -> set(sequencer, sequencerIndex, value);
            case DAC_MASK -> colourMask = value;
            case DAC_READ_INDEX, DAC_WRITE_INDEX -> {
                colourIndex = value * 3;
                colourRead = port == DAC_READ_INDEX;
            }
            case DAC_DATA -> nextColour(value & 0x3F);
            case GRAPHICS -> graphicsIndex = value & 0xF;
            case GRAPHICS + 1 -> set(graphics, graphicsIndex, value);
            case CRTC -> crtcIndex = value & 0x3F;
            case CRTC + 1 -> setCrtc(value);
            default -> {}
        }
    }

    private static int get(byte[] registers, int index) {
        return index < registers.length ? registers[index] & 0xFF : 0;
    }

    private static void set(byte[] registers, int index, int value) {
        if (index < registers.length) {
            registers[index] = (byte) value;
        }
    }

    private void setCrtc(int value) {
        boolean locked = (crtc[VERTICAL_RETRACE_END] & PROTECT) != 0 && crtcIndex <= OVERFLOW;
        if (!locked) {
            set(crtc, crtcIndex, value);
        } else if (crtcIndex == OVERFLOW) {
            crtc[OVERFLOW] = (byte) (crtc[OVERFLOW] & ~LINE_COMPARE | value & LINE_COMPARE);
        }
    }

    /** Red, green and blue in turn; reads when {@code value} is negative. */
    private int nextColour(int value) {
        if (value >= 0) {
            colours[colourIndex] = (byte) value;
        }
        int colour = colours[colourIndex];
        colourIndex = (colourIndex + 1) % COLOURS;
        return colour;
    }

    private int inputStatus() {
        long inFrame = timeline.now() % FRAME;
        boolean vertical = inFrame >= RETRACE_START && inFrame < RETRACE_END;
        boolean disabled = inFrame >= 400 * LINE || inFrame % LINE >= LINE * 4 / 5;
        return (disabled ? DISPLAY_DISABLED : 0) | (vertical ? VERTICAL_RETRACE : 0);
    }

    private static byte[] bytes(int... values) {
        byte[] b = new byte[values.length];
        for (int i = 0; i < b.length; i++) {
            b[i] = (byte) values[i];
        }
        return b;
    }

    @Override
    public void reset() {
        System.arraycopy(MODE_3_ATTRIBUTE, 0, attributes, 0, ATTRIBUTES);
        System.arraycopy(MODE_3_SEQUENCER, 0, sequencer, 0, SEQUENCERS);
        System.arraycopy(MODE_3_GRAPHICS, 0, graphics, 0, GRAPHICS_REGISTERS);
        System.arraycopy(MODE_3_CRTC, 0, crtc, 0, CRTCS);
        Arrays.fill(colours, (byte) 0);
        attributeIndex = 0x20;
        sequencerIndex = 0;
        graphicsIndex = 0;
        crtcIndex = 0;
        miscellaneous = MODE_3_MISCELLANEOUS;
        colourMask = 0xFF;
        colourIndex = 0;
        attributeData = false;
        colourRead = false;
    }

    @Override
    public void save(StateOutput out) {
        out.putBytes("attribute controller", attributes);
        out.putBytes("sequencer", sequencer);
        out.putBytes("graphics controller", graphics);
        out.putBytes("CRT controller", crtc);
        out.putBytes("colours", colours);
        out.putLongs("indexes", new long[] {
            attributeIndex, sequencerIndex, graphicsIndex, crtcIndex, miscellaneous, colourMask, colourIndex, attributeData ? 1 : 0,
            colourRead ? 1 : 0
        });
    }

    private static void restore(StateInput in, String name, byte[] registers) {
        byte[] saved = in.getBytes(name);
        System.arraycopy(saved, 0, registers, 0, Math.min(saved.length, registers.length));
    }

    @Override
    public void load(StateInput in) {
        restore(in, "attribute controller", attributes);
        restore(in, "sequencer", sequencer);
        restore(in, "graphics controller", graphics);
        restore(in, "CRT controller", crtc);
        restore(in, "colours", colours);
        long[] v = new long[9];
        in.getLongs("indexes", v);
        attributeIndex = (int) v[0] & 0x3F;
        sequencerIndex = (int) v[1] & 7;
        graphicsIndex = (int) v[2] & 0xF;
        crtcIndex = (int) v[3] & 0x3F;
        miscellaneous = (int) v[4];
        colourMask = (int) v[5];
        colourIndex = Math.floorMod((int) v[6], COLOURS);
        attributeData = v[7] != 0;
        colourRead = v[8] != 0;
    }
}
