package dev.javisor.processor.simd;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import java.util.HexFormat;
import java.util.Random;

/** A rig whose operating system has enabled SSE, with a view on its vector registers. */
final class Vectors {
    final Rig rig;
    final Cpu c;

    Vectors() {
        this(Rig.bits64());
    }

    Vectors(Rig rig) {
        this.rig = rig;
        c = rig.c;
        c.cr4 |= Cr.OSFXSR | Cr.OSXMMEXCPT;
        c.updateMode();
    }

    Vectors xmm(int register, long high, long low) {
        c.vector[8 * register] = low;
        c.vector[8 * register + 1] = high;
        return this;
    }

    /** Bytes in the order of memory, in hexadecimal. */
    Vectors xmm(int register, String bytes) {
        byte[] b = HexFormat.of().parseHex(bytes);
        return xmm(register, little(b, 8), little(b, 0));
    }

    static long little(byte[] b, int at) {
        long v = 0;
        for (int k = 7; k >= 0; k--) {
            v = v << 8 | b[at + k] & 0xFF;
        }
        return v;
    }

    long low(int register) {
        return c.vector[8 * register];
    }

    long high(int register) {
        return c.vector[8 * register + 1];
    }

    /** Bytes in the order of memory, in hexadecimal. */
    String bytes(int register) {
        return HexFormat.of().toHexDigits(Long.reverseBytes(low(register))) + HexFormat.of().toHexDigits(Long.reverseBytes(high(register)));
    }

    Vectors run(String hex) {
        rig.run(hex);
        return this;
    }

    /** Lanes that are often at the edges of their elements. */
    static long lane(Random random) {
        long v = random.nextLong();
        return switch (random.nextInt(4)) {
            case 0 -> v & 0x8080808080808080L;
            case 1 -> v | 0x7FFF7FFF7FFF7FFFL;
            case 2 -> v & 0xFFFF00FF80000001L;
            default -> v;
        };
    }
}
