package dev.javisor.machine.firmware;

import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.processor.memory.PhysicalMemory;

/** The BIOS data area as a PC's firmware leaves it. Kernels and loaders learn from it where conventional memory ends. */
public final class BiosDataArea {
    private static final long SERIAL_PORTS = 0x400, EXTENDED_AREA = 0x40E, EQUIPMENT = 0x410, CONVENTIONAL_KILOBYTES = 0x413,
            KEYBOARD_TYPE = 0x496, VIDEO_MODE = 0x449, VIDEO_COLUMNS = 0x44A, VIDEO_PAGE_SIZE = 0x44C, CRTC_PORT = 0x463,
            LAST_ROW = 0x484, CHARACTER_HEIGHT = 0x485;
    private static final int[] PORTS = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    private static final int COPROCESSOR = 1 << 1, COLOUR_80_COLUMNS = 1 << 5, SERIAL_COUNT_SHIFT = 9;
    private static final int KEYBOARD_101_KEYS = 0x10;

    private BiosDataArea() {}

    /** Writes the data area, and the size of the extended one. */
    public static void write(PhysicalMemory memory, PcDescription pc) {
        for (int i = 0; i < pc.serialPorts(); i++) {
            memory.write(SERIAL_PORTS + 2L * i, 2, PORTS[i]);
        }
        memory.write(EXTENDED_AREA, 2, MemoryMap.CONVENTIONAL_END >>> 4);
        memory.write(EQUIPMENT, 2, COPROCESSOR | COLOUR_80_COLUMNS | pc.serialPorts() << SERIAL_COUNT_SHIFT);
        memory.write(CONVENTIONAL_KILOBYTES, 2, MemoryMap.CONVENTIONAL_END >>> 10);
        memory.write(KEYBOARD_TYPE, 1, KEYBOARD_101_KEYS);
        memory.write(VIDEO_MODE, 1, 3);
        memory.write(VIDEO_COLUMNS, 2, 80);
        memory.write(VIDEO_PAGE_SIZE, 2, 0x1000);
        memory.write(CRTC_PORT, 2, 0x3D4);
        memory.write(LAST_ROW, 1, 24);
        memory.write(CHARACTER_HEIGHT, 2, 16);
        memory.write(MemoryMap.CONVENTIONAL_END, 1, 0xA0000 - MemoryMap.CONVENTIONAL_END >>> 10);
    }
}
