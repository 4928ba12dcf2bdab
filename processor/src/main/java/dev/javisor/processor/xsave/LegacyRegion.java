package dev.javisor.processor.xsave;

import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.X87State;
import dev.javisor.processor.simd.Mxcsr;
import dev.javisor.processor.simd.VectorMemory;

/**
 * The 512 bytes of an FXSAVE image, which are also the legacy region of an XSAVE area ("FXSAVE Area"). The caller has made sure that all of
 * it can be accessed.
 */
final class LegacyRegion {
    private static final int POINTERS = 8, MXCSR = 24, ST = 32, XMM = 160;
    private static final int ERROR_SUMMARY = 0x80;
    private static final int INITIAL_CONTROL = 0x37F;

    private LegacyRegion() {}

    /** XMM registers that the mode can name; the others are neither saved nor restored. */
    static int registers(Cpu c) {
        return c.codeSize64 ? 16 : 8;
    }

    /** @param wide FIP and FDP take 64 bits each instead of 32 and a selector */
    static void saveX87(Cpu c, long la, int segment, boolean wide) {
        X87State x = c.x87;
        boolean pointers = keepsPointers(c, x.status);
        int opcode = pointers ? x.lastOpcode & 0x7FF : 0;
        long fip = pointers ? x.lastInstruction : 0;
        long fdp = pointers ? x.lastData : 0;
        if (!wide) {
            boolean selectors = pointers && !c.has(Feature.ZERO_FCS_FDS);
            fip = fip & 0xFFFFFFFFL | (selectors ? (x.lastInstructionSelector & 0xFFFFL) << 32 : 0);
            fdp = fdp & 0xFFFFFFFFL | (selectors ? (x.lastDataSelector & 0xFFFFL) << 32 : 0);
        }
        Memory.store64(c, la, segment, x.control & 0xFFFFL | (x.status & 0xFFFFL) << 16 | (x.valid & 0xFFL) << 32 | (long) opcode << 48);
        Memory.store64(c, at(c, la, POINTERS), segment, fip);
        Memory.store64(c, at(c, la, POINTERS + 8), segment, fdp);
        int top = x.status >> 11;
        for (int i = 0; i < 8; i++) {
            int r = top + i & 7;
            long entry = at(c, la, ST + 16 * i);
            Memory.store64(c, entry, segment, x.significand[r]);
            Memory.store64(c, at(c, entry, 8), segment, x.signExponent[r] & 0xFFFFL);
        }
    }

    /** AMD processors save (and, without XSAVEERPTR, restore) the error pointers only while an exception is pending. */
    private static boolean keepsPointers(Cpu c, int status) {
        return c.model.vendor() != Vendor.AMD || (status & ERROR_SUMMARY) != 0;
    }

    static void restoreX87(Cpu c, long la, int segment, boolean wide) {
        X87State x = c.x87;
        long head = Memory.load64(c, la, segment);
        long fip = Memory.load64(c, at(c, la, POINTERS), segment);
        long fdp = Memory.load64(c, at(c, la, POINTERS + 8), segment);
        setControl(x, (int) head & 0xFFFF);
        x.status = (int) (head >>> 16) & 0xFFFF;
        updateErrorSummary(x);
        x.valid = (int) (head >>> 32) & 0xFF;
        if (keepsPointers(c, x.status) || c.has(Feature.XSAVEERPTR)) {
            x.lastOpcode = (int) (head >>> 48) & 0x7FF;
            x.lastInstruction = wide ? fip : fip & 0xFFFFFFFFL;
            x.lastData = wide ? fdp : fdp & 0xFFFFFFFFL;
            boolean selectors = !wide && !c.has(Feature.ZERO_FCS_FDS);
            x.lastInstructionSelector = selectors ? (int) (fip >>> 32) & 0xFFFF : 0;
            x.lastDataSelector = selectors ? (int) (fdp >>> 32) & 0xFFFF : 0;
        }
        int top = x.status >> 11;
        for (int i = 0; i < 8; i++) {
            int r = top + i & 7;
            long entry = at(c, la, ST + 16 * i);
            x.significand[r] = Memory.load64(c, entry, segment);
            x.signExponent[r] = Memory.load16(c, at(c, entry, 8), segment);
        }
    }

    /** Reserved bits of the control word read as they do after FLDCW: bit 6 is 1, bits 7 and 13 to 15 are 0. */
    private static void setControl(X87State x, int value) {
        x.control = value & 0x1F7F | 0x40;
    }

    /** ES and B follow from the exception flags and their masks. */
    private static void updateErrorSummary(X87State x) {
        boolean pending = (x.status & ~x.control & 0x3F) != 0;
        x.status = pending ? x.status | 0x8080 : x.status & ~0x8080;
    }

    static void initializeX87(Cpu c) {
        X87State x = c.x87;
        x.control = INITIAL_CONTROL;
        x.status = 0;
        x.valid = 0;
        x.lastOpcode = 0;
        x.lastInstruction = 0;
        x.lastInstructionSelector = 0;
        x.lastData = 0;
        x.lastDataSelector = 0;
        for (int i = 0; i < 8; i++) {
            x.significand[i] = 0;
            x.signExponent[i] = 0;
        }
    }

    static boolean isX87Initial(Cpu c) {
        X87State x = c.x87;
        long bits = x.status | x.valid | x.lastOpcode | x.lastInstruction | x.lastInstructionSelector | x.lastData | x.lastDataSelector;
        for (int i = 0; i < 8; i++) {
            bits |= x.significand[i] | x.signExponent[i];
        }
        return x.control == INITIAL_CONTROL && bits == 0;
    }

    static void saveMxcsr(Cpu c, long la, int segment) {
        Memory.store64(c, at(c, la, MXCSR), segment, c.mxcsr | (long) Mxcsr.mask(c.model) << 32);
    }

    /** @throws dev.javisor.processor.core.GuestFault #GP(0) when reserved bits are set */
    static int loadMxcsr(Cpu c, long la, int segment) {
        int value = Memory.load32(c, at(c, la, MXCSR), segment);
        if ((value & ~Mxcsr.mask(c.model)) != 0) {
            throw c.gp0();
        }
        return value;
    }

    static void saveXmm(Cpu c, long la, int segment) {
        for (int i = 0; i < registers(c); i++) {
            VectorMemory.store128(c, at(c, la, XMM + 16 * i), segment, c.vector[8 * i], c.vector[8 * i + 1]);
        }
    }

    static void restoreXmm(Cpu c, long la, int segment) {
        for (int i = 0; i < registers(c); i++) {
            VectorMemory.load128(c, at(c, la, XMM + 16 * i), segment, 8 * i);
        }
    }

    static long at(Cpu c, long la, int offset) {
        return la + offset & c.linearWrap;
    }
}
