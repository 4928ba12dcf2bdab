package dev.javisor.machine.firmware;

import dev.javisor.machine.memory.MemoryMap;
import dev.javisor.processor.memory.PhysicalMemory;

/** The BIOS data area as a PC's firmware leaves it. Kernels and loaders learn from it where conventional memory ends. */
public final class BiosDataArea {
    private static final long SERIAL_PORTS = 0x400, EXTENDED_AREA = 0x40E, EQUIPMENT = 0x410, CONVENTIONAL_KILOBYTES = 0x413,
            KEYBOARD_TYPE = 0x496;
    private static final int[] PORTS = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    private static final int COPROCESSOR = 1 << 1, SERIAL_COUNT_SHIFT = 9;
    private static final int KEYBOARD_101_KEYS = 0x10;

    private BiosDataArea() {}

    /** Writes the data area, and the size of the extended one. */
    public static void write(PhysicalMemory memory, PcDescription pc) {
        for (int i = 0; i < pc.serialPorts(); i++) {
            memory.write(SERIAL_PORTS + 2L * i, 2, PORTS[i]);
        }
        memory.write(EXTENDED_AREA, 2, MemoryMap.CONVENTIONAL_END >>> 4);
        memory.write(EQUIPMENT, 2, COPROCESSOR | pc.serialPorts() << SERIAL_COUNT_SHIFT);
        memory.write(CONVENTIONAL_KILOBYTES, 2, MemoryMap.CONVENTIONAL_END >>> 10);
        memory.write(KEYBOARD_TYPE, 1, KEYBOARD_101_KEYS);
        memory.write(MemoryMap.CONVENTIONAL_END, 1, 0xA0000 - MemoryMap.CONVENTIONAL_END >>> 10);
    }
}
