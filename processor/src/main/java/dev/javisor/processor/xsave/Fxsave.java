package dev.javisor.processor.xsave;

import dev.javisor.isa.Instruction;
import dev.javisor.isa.XsaveLayout;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Translation;

/** FXSAVE and FXRSTOR. */
public final class Fxsave {
    private Fxsave() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "FXSAVE" -> i.operandSize == 64 ? Fxsave::fxsave64 : Fxsave::fxsave;
            case "FXRSTOR" -> i.operandSize == 64 ? Fxsave::fxrstor64 : Fxsave::fxrstor;
            default -> null;
        };
    }

    static void fxsave(Cpu c, Op o) {
        save(c, o, false);
    }

    static void fxsave64(Cpu c, Op o) {
        save(c, o, true);
    }

    static void fxrstor(Cpu c, Op o) {
        restore(c, o, false);
    }

    static void fxrstor64(Cpu c, Op o) {
        restore(c, o, true);
    }

    private static void check(Cpu c) {
        if (c.is(Cr.EM | Cr.TS)) {
            throw c.fault(Event.NM);
        }
    }

    /** Fast FXSAVE/FXRSTOR leaves the XMM registers out, but not MXCSR. */
    private static boolean isFast(Cpu c) {
        return (c.efer & Cr.FFXSR) != 0 && c.codeSize64 && c.cpl == 0;
    }

    /** Linear address of the area, all of whose bytes can be accessed. An address that is not canonical comes before one not aligned. */
    private static long area(Cpu c, Op o, long la, boolean write) {
        if ((la & 15) != 0) {
            c.translation.untag(c, c.context, la, o.segment, write ? Translation.WRITE : Translation.READ);
            throw c.gp0();
        }
        Memory.probe(c, la, XsaveLayout.LEGACY_SIZE, o.segment, write);
        return la;
    }

    private static void save(Cpu c, Op o, boolean wide) {
        check(c);
        long la = area(c, o, Memory.writeAddress(c, o, XsaveLayout.LEGACY_SIZE), true);
        LegacyRegion.saveX87(c, la, o.segment, wide);
        LegacyRegion.saveMxcsr(c, la, o.segment);
        if (!isFast(c)) {
            LegacyRegion.saveXmm(c, la, o.segment);
        }
    }

    private static void restore(Cpu c, Op o, boolean wide) {
        check(c);
        long la = area(c, o, Memory.readAddress(c, o, XsaveLayout.LEGACY_SIZE), false);
        int mxcsr = LegacyRegion.loadMxcsr(c, la, o.segment);
        LegacyRegion.restoreX87(c, la, o.segment, wide);
        if (!isFast(c)) {
            LegacyRegion.restoreXmm(c, la, o.segment);
        }
        c.mxcsr = mxcsr;
    }
}
