package dev.javisor.isa;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * A register as assembly language names it.
 *
 * @param file which registers
 * @param number as encoded, 0 to 15; AH, CH, DH and BH are 4 to 7
 * @param bits size
 * @param high AH, CH, DH or BH: not encodable together with REX
 * @param low SPL, BPL, SIL or DIL: needs REX
 */
record Register(File file, int number, int bits, boolean high, boolean low) {
    /** Register files. */
    enum File {
        GENERAL,
        SEGMENT,
        CONTROL,
        DEBUG,
        X87,
        MMX,
        VECTOR,
        TILE,
        /** RIP and EIP, as the base of an address. */
        INSTRUCTION_POINTER
    }

    private static final String[] BYTE = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
    private static final String[] HIGH_BYTE = {"ah", "ch", "dh", "bh"};
    private static final String[] WORD = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    private static final String[] SEGMENT = {"es", "cs", "ss", "ds", "fs", "gs"};
    private static final Map<String, Register> BY_NAME = byName();

    /** The register with this name (lower case), or null. */
    static Register named(String name) {
        return BY_NAME.get(name);
    }

    /** @param bits selects the name of a general or vector register */
    static String name(File file, int number, int bits, boolean high) {
        return switch (file) {
            case GENERAL -> general(number, bits, high);
            case SEGMENT -> number < SEGMENT.length ? SEGMENT[number] : "seg" + number;
            case CONTROL -> "cr" + number;
            case DEBUG -> "dr" + number;
            case X87 -> "st" + number;
            case MMX -> "mm" + number;
            case VECTOR -> (bits == 256 ? "ymm" : "xmm") + number;
            case TILE -> "tmm" + number;
            case INSTRUCTION_POINTER -> bits == 64 ? "rip" : "eip";
        };
    }

    private static String general(int number, int bits, boolean high) {
        if (number >= 8) {
            return "r" + number + (bits == 8 ? "b" : bits == 16 ? "w" : bits == 32 ? "d" : "");
        }
        return switch (bits) {
            case 8 -> high ? HIGH_BYTE[number - 4] : BYTE[number];
            case 16 -> WORD[number];
            case 32 -> "e" + WORD[number];
            default -> "r" + WORD[number];
        };
    }

    private static Map<String, Register> byName() {
        Map<String, Register> map = new HashMap<>();
        for (int n = 0; n < 16; n++) {
            for (int bits = 8; bits <= 64; bits *= 2) {
                put(map, new Register(File.GENERAL, n, bits, false, bits == 8 && n >= 4 && n < 8));
            }
            put(map, new Register(File.CONTROL, n, 64, false, false));
            put(map, new Register(File.DEBUG, n, 64, false, false));
            put(map, new Register(File.VECTOR, n, 128, false, false));
            put(map, new Register(File.VECTOR, n, 256, false, false));
        }
        for (int n = 0; n < 8; n++) {
            put(map, new Register(File.X87, n, 80, false, false));
            put(map, new Register(File.MMX, n, 64, false, false));
            put(map, new Register(File.TILE, n, 0, false, false));
        }
        for (int n = 4; n < 8; n++) {
            put(map, new Register(File.GENERAL, n, 8, true, false));
        }
        for (int n = 0; n < SEGMENT.length; n++) {
            put(map, new Register(File.SEGMENT, n, 16, false, false));
        }
        put(map, new Register(File.INSTRUCTION_POINTER, Instruction.RIP, 64, false, false));
        put(map, new Register(File.INSTRUCTION_POINTER, Instruction.RIP, 32, false, false));
        map.put("st", map.get("st0"));
        return Map.copyOf(map);
    }

    private static void put(Map<String, Register> map, Register r) {
        map.put(r.toString(), r);
    }

    @Override
    public String toString() {
        return name(file, number, bits, high).toLowerCase(Locale.ROOT);
    }
}
