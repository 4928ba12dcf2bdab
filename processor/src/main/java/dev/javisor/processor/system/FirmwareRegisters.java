package dev.javisor.processor.system;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Msr;

/**
 * Model-specific registers as firmware leaves them: the memory type range registers, which describe memory to software (memory itself is
 * always coherent), and the features that firmware allows and locks.
 */
public final class FirmwareRegisters {
    private static final long UNCACHEABLE = 0, WRITE_BACK = 6;
    private static final long ALL_WRITE_BACK = 0x0606_0606_0606_0606L, ALL_WRITE_PROTECTED = 0x0505_0505_0505_0505L;
    private static final long ENABLE_FIXED_AND_VARIABLE = 0xC00, VALID = 0x800;
    private static final long FOUR_GIGABYTES = 1L << 32;
    private static final long LOCK = 1, VMX_IN_SMX = 1 << 1, VMX_OUTSIDE_SMX = 1 << 2;

    private FirmwareRegisters() {}

    /** Takes a value for a model-specific register. */
    @FunctionalInterface
    public interface Writer {
        void write(int index, long value);
    }

    /**
     * Memory is write-back but for ROM (write-protected) and device memory (uncacheable); VMX is allowed where it exists.
     *
     * @param devices start of device memory, which reaches to 4 GiB
     */
    public static void setUp(CpuModel model, long devices, Writer registers) {
        memoryTypes(model, devices, registers);
        if (model.isIntel() && featureControl(model) != 0) {
            registers.write(Msr.FEATURE_CONTROL.index, featureControl(model));
        }
    }

    /** IA32_FEATURE_CONTROL as firmware sets it; 0 when a model has nothing to allow. */
    public static long featureControl(CpuModel model) {
        if (!model.features().has(Feature.VMX)) {
            return 0;
        }
        return LOCK | VMX_OUTSIDE_SMX | (model.features().has(Feature.SMX) ? VMX_IN_SMX : 0);
    }

    private static void memoryTypes(CpuModel model, long devices, Writer registers) {
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
