package dev.javisor.processor.xsave;

import dev.javisor.isa.XsaveComponent;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.simd.VectorMemory;

/**
 * What the XSAVE feature set does with each state component. MXCSR is not part of SSE state here: the instructions treat it in different
 * ways.
 */
public final class StateComponents {
    private static final XsaveComponent[] ALL = XsaveComponent.values();

    private StateComponents() {}

    /** Components that are not in their initial configuration ("XINUSE"), exactly. */
    public static long inUse(Cpu c) {
        long bitmap = 0;
        for (XsaveComponent x : ALL) {
            bitmap |= isInitial(c, x) ? 0 : x.bit();
        }
        return bitmap;
    }

    static boolean isInitial(Cpu c, XsaveComponent x) {
        return switch (x) {
            case X87 -> LegacyRegion.isX87Initial(c);
            case SSE -> areZero(c, 0);
            case AVX -> areZero(c, 2);
            case PKRU -> c.pkru == 0;
        };
    }

    /** Two lanes of every vector register that the mode can name. */
    private static boolean areZero(Cpu c, int lane) {
        long bits = 0;
        for (int i = 0; i < LegacyRegion.registers(c); i++) {
            bits |= c.vector[8 * i + lane] | c.vector[8 * i + lane + 1];
        }
        return bits == 0;
    }

    /** @param la linear address of the component's place in the area (of the area itself, for x87 and SSE state) */
    static void save(Cpu c, XsaveComponent x, long la, int segment, boolean wide) {
        switch (x) {
            case X87 -> LegacyRegion.saveX87(c, la, segment, wide);
            case SSE -> LegacyRegion.saveXmm(c, la, segment);
            case AVX -> {
                for (int i = 0; i < LegacyRegion.registers(c); i++) {
                    VectorMemory.store128(c, LegacyRegion.at(c, la, 16 * i), segment, c.vector[8 * i + 2], c.vector[8 * i + 3]);
                }
            }
            case PKRU -> Memory.store64(c, la, segment, c.pkru & 0xFFFFFFFFL);
        }
    }

    static void restore(Cpu c, XsaveComponent x, long la, int segment, boolean wide) {
        switch (x) {
            case X87 -> LegacyRegion.restoreX87(c, la, segment, wide);
            case SSE -> LegacyRegion.restoreXmm(c, la, segment);
            case AVX -> {
                for (int i = 0; i < LegacyRegion.registers(c); i++) {
                    VectorMemory.load128(c, LegacyRegion.at(c, la, 16 * i), segment, 8 * i + 2);
                }
            }
            case PKRU -> c.setPkru(Memory.load32(c, la, segment));
        }
    }

    static void initialize(Cpu c, XsaveComponent x) {
        switch (x) {
            case X87 -> LegacyRegion.initializeX87(c);
            case SSE -> clear(c, 0);
            case AVX -> clear(c, 2);
            case PKRU -> c.setPkru(0);
        }
    }

    private static void clear(Cpu c, int lane) {
        for (int i = 0; i < LegacyRegion.registers(c); i++) {
            c.vector[8 * i + lane] = 0;
            c.vector[8 * i + lane + 1] = 0;
        }
    }
}
