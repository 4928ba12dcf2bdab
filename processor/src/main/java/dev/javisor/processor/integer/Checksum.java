package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** CRC32: accumulates with the polynomial 11EDC6F41H (CRC-32C), bits reflected. */
public final class Checksum {
    /** The polynomial, reflected. */
    private static final int POLYNOMIAL = 0x82F63B78;

    private static final int[] BYTE = table();

    private Checksum() {}

    public static Handler bind(Instruction i) {
        if (!i.opcode.mnemonic.equals("CRC32")) {
            return null;
        }
        return switch (Form.bits(i, 1)) {
            case 8 -> (c, o) -> accumulate(c, o, Source.operand8(c, o), 1);
            case 16 -> (c, o) -> accumulate(c, o, Source.operand16(c, o), 2);
            case 32 -> (c, o) -> accumulate(c, o, Source.operand32(c, o), 4);
            default -> (c, o) -> accumulate(c, o, Source.operand64(c, o), 8);
        };
    }

    private static void accumulate(Cpu c, Op o, long data, int bytes) {
        int crc = (int) c.gpr[o.reg];
        for (int n = 0; n < bytes; n++) {
            crc = crc >>> 8 ^ BYTE[(crc ^ (int) (data >>> 8 * n)) & 0xFF];
        }
        Registers.set32(c, o.reg, crc);
    }

    private static int[] table() {
        int[] table = new int[256];
        for (int n = 0; n < 256; n++) {
            int r = n;
            for (int bit = 0; bit < 8; bit++) {
                r = (r & 1) != 0 ? r >>> 1 ^ POLYNOMIAL : r >>> 1;
            }
            table[n] = r;
        }
        return table;
    }
}
