package dev.javisor.processor.system;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Msr;

/** The memory type range registers as firmware leaves them. They describe memory to software; memory itself is always coherent. */
public final class MemoryTypes {
    private static final long UNCACHEABLE = 0, WRITE_BACK = 6;
    private static final long ALL_WRITE_BACK = 0x0606_0606_0606_0606L, ALL_WRITE_PROTECTED = 0x0505_0505_0505_0505L;
    private static final long ENABLE_FIXED_AND_VARIABLE = 0xC00, VALID = 0x800;
    private static final long FOUR_GIGABYTES = 1L << 32;

    private MemoryTypes() {}

    /** Takes a value for a model-specific register. */
    @FunctionalInterface
    public interface Writer {
        void write(int index, long value);
    }

    /**
     * Write-back everywhere but for the video window (uncacheable), ROM (write-protected) and device memory.
     *
     * @param devices start of device memory, which reaches to 4 GiB
     */
    public static void setUp(CpuModel model, long devices, Writer registers) {
        if (!model.features().has(Feature.MTRR)) {
            return;
        }
        registers.write(Msr.MTRR_FIX64K.index, ALL_WRITE_BACK);
        registers.write(Msr.MTRR_FIX16K.index, ALL_WRITE_BACK);
        for (int i = 0; i < Msr.MTRR_FIX4K.count; i++) {
            registers.write(Msr.MTRR_FIX4K.index + i, ALL_WRITE_PROTECTED);
        }
        long start = devices;
        for (int i = 0; start < FOUR_GIGABYTES; i += Msr.MTRR_PHYSBASE.stride) {
            long size = Long.lowestOneBit(start);
            registers.write(Msr.MTRR_PHYSBASE.index + i, start | UNCACHEABLE);
            registers.write(Msr.MTRR_PHYSMASK.index + i, -size & ~model.physicalReserved() | VALID);
            start += size;
        }
        registers.write(Msr.MTRR_DEF_TYPE.index, ENABLE_FIXED_AND_VARIABLE | WRITE_BACK);
    }
}
