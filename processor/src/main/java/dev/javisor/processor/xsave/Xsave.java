package dev.javisor.processor.xsave;

import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.isa.XsaveComponent;
import dev.javisor.isa.XsaveLayout;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.GuestControl.Intercept;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.simd.Mxcsr;

/** The XSAVE feature set ("Managing State Using the XSAVE Feature Set") without XSETBV. */
public final class Xsave {
    private static final int XSTATE_BV = XsaveLayout.LEGACY_SIZE, XCOMP_BV = XSTATE_BV + 8, RESERVED = XCOMP_BV + 8;
    private static final long SSE = XsaveComponent.SSE.bit(), AVX = XsaveComponent.AVX.bit();
    private static final XsaveComponent[] ALL = XsaveComponent.values();

    private Xsave() {}

    public static Handler bind(Instruction i) {
        boolean wide = i.operandSize == 64;
        return switch (i.opcode.mnemonic) {
            case "XSAVE" -> wide ? (c, o) -> standard(c, o, true, false) : (c, o) -> standard(c, o, false, false);
            case "XSAVEOPT" -> wide ? (c, o) -> standard(c, o, true, true) : (c, o) -> standard(c, o, false, true);
            case "XSAVEC" -> wide ? (c, o) -> xsavec(c, o, true) : (c, o) -> xsavec(c, o, false);
            case "XSAVES" -> wide ? (c, o) -> xsaves(c, o, true) : (c, o) -> xsaves(c, o, false);
            case "XRSTOR" -> wide ? (c, o) -> xrstor(c, o, true) : (c, o) -> xrstor(c, o, false);
            case "XRSTORS" -> wide ? (c, o) -> xrstors(c, o, true) : (c, o) -> xrstors(c, o, false);
            case "XGETBV" -> Xsave::xgetbv;
            default -> null;
        };
    }

    private static void check(Cpu c) {
        if ((c.cr4 & Cr.OSXSAVE) == 0) {
            throw c.ud();
        }
        if (c.is(Cr.TS)) {
            throw c.fault(Event.NM);
        }
    }

    private static void checkPrivileged(Cpu c) {
        if (c.guestLacks(Feature.XSAVES)) {
            throw c.ud();
        }
        check(c);
        if (c.cpl != 0) {
            throw c.gp0();
        }
    }

    private static long requested(Cpu c) {
        return c.gpr[2] << 32 | c.gpr[0] & 0xFFFFFFFFL;
    }

    /** Linear address of the area, all of whose bytes can then be written. */
    private static long writable(Cpu c, Op o, int size) {
        long la = aligned(c, Memory.writeAddress(c, o, size));
        probe(c, la, size, o.segment, true);
        return la;
    }

    private static long aligned(Cpu c, long la) {
        if ((la & 63) != 0) {
            throw c.gp0();
        }
        return la;
    }

    private static void probe(Cpu c, long la, int size, int segment, boolean write) {
        for (int done = 0; done < size; done += 0x1000) {
            Memory.probe(c, la + done & c.linearWrap, Math.min(size - done, 0x1000), segment, write);
        }
    }

    private static long load(Cpu c, Op o, long la, int offset) {
        return Memory.load64(c, LegacyRegion.at(c, la, offset), o.segment);
    }

    private static void store(Cpu c, Op o, long la, int offset, long value) {
        Memory.store64(c, LegacyRegion.at(c, la, offset), o.segment, value);
    }

    /** XSAVE; XSAVEOPT, which leaves out what is in its initial configuration. */
    private static void standard(Cpu c, Op o, boolean wide, boolean optimized) {
        check(c);
        long features = c.xcr0 & requested(c);
        long la = writable(c, o, XsaveLayout.standardSize(features));
        long inUse = StateComponents.inUse(c);
        long saved = optimized ? features & inUse : features;
        long present = load(c, o, la, XSTATE_BV) & ~features | features & inUse;
        for (XsaveComponent x : ALL) {
            if ((saved & x.bit()) != 0) {
                StateComponents.save(c, x, x.number < 2 ? la : LegacyRegion.at(c, la, x.offset), o.segment, wide);
            }
        }
        if ((features & (SSE | AVX)) != 0) {
            LegacyRegion.saveMxcsr(c, la, o.segment);
        }
        store(c, o, la, XSTATE_BV, present);
    }

    private static void xsavec(Cpu c, Op o, boolean wide) {
        check(c);
        compacted(c, o, c.xcr0 & requested(c), wide);
    }

    private static void xsaves(Cpu c, Op o, boolean wide) {
        checkPrivileged(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.XSAVES);
        }
        compacted(c, o, (c.xcr0 | c.xss) & requested(c), wide);
    }

    private static void compacted(Cpu c, Op o, long features, boolean wide) {
        long la = writable(c, o, XsaveLayout.compactedSize(features));
        long saved = features & (StateComponents.inUse(c) | (c.mxcsr != Mxcsr.INITIAL ? SSE : 0));
        for (XsaveComponent x : ALL) {
            if ((saved & x.bit()) != 0) {
                StateComponents.save(c, x, compactedPlace(c, x, la, features), o.segment, wide);
            }
        }
        if ((saved & SSE) != 0) {
            LegacyRegion.saveMxcsr(c, la, o.segment);
        }
        store(c, o, la, XSTATE_BV, saved);
        store(c, o, la, XCOMP_BV, features | XsaveLayout.COMPACTED);
    }

    private static long compactedPlace(Cpu c, XsaveComponent x, long la, long components) {
        return x.number < 2 ? la : LegacyRegion.at(c, la, XsaveLayout.compactedOffset(x, components));
    }

    private static void xrstor(Cpu c, Op o, boolean wide) {
        check(c);
        long la = aligned(c, Memory.readAddress(c, o, XsaveLayout.EXTENDED));
        probe(c, la, XsaveLayout.EXTENDED, o.segment, false);
        long features = c.xcr0 & requested(c);
        long components = load(c, o, la, XCOMP_BV);
        if (components < 0 && c.has(Feature.XSAVEC)) {
            restoreCompacted(c, o, la, c.xcr0, features, wide);
            return;
        }
        long present = load(c, o, la, XSTATE_BV);
        if ((present & ~c.xcr0) != 0 || components != 0 || load(c, o, la, RESERVED) != 0) {
            throw c.gp0();
        }
        probe(c, la, XsaveLayout.standardSize(features), o.segment, false);
        boolean loadsMxcsr = (features & (SSE | AVX)) != 0;
        int mxcsr = loadsMxcsr ? LegacyRegion.loadMxcsr(c, la, o.segment) : c.mxcsr;
        for (XsaveComponent x : ALL) {
            restore(c, o, x, features, present, x.number < 2 ? la : LegacyRegion.at(c, la, x.offset), wide);
        }
        c.mxcsr = mxcsr;
    }

    private static void xrstors(Cpu c, Op o, boolean wide) {
        checkPrivileged(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.XRSTORS);
        }
        long la = aligned(c, Memory.readAddress(c, o, XsaveLayout.EXTENDED));
        probe(c, la, XsaveLayout.EXTENDED, o.segment, false);
        if (load(c, o, la, XCOMP_BV) >= 0) {
            throw c.gp0();
        }
        long enabled = c.xcr0 | c.xss;
        restoreCompacted(c, o, la, enabled, enabled & requested(c), wide);
    }

    private static void restoreCompacted(Cpu c, Op o, long la, long enabled, long features, boolean wide) {
        long present = load(c, o, la, XSTATE_BV);
        long components = load(c, o, la, XCOMP_BV) & ~XsaveLayout.COMPACTED;
        if ((components & ~enabled) != 0 || (present & ~components) != 0 || !reservedIsZero(c, o, la)) {
            throw c.gp0();
        }
        probe(c, la, XsaveLayout.compactedSize(components), o.segment, false);
        int mxcsr = (features & SSE) == 0 ? c.mxcsr
                : (present & SSE) != 0 ? LegacyRegion.loadMxcsr(c, la, o.segment) : Mxcsr.INITIAL;
        for (XsaveComponent x : ALL) {
            long place = (present & x.bit()) != 0 ? compactedPlace(c, x, la, components) : 0;
            restore(c, o, x, features, present, place, wide);
        }
        c.mxcsr = mxcsr;
    }

    /** Bytes 63:16 of the header. */
    private static boolean reservedIsZero(Cpu c, Op o, long la) {
        long bits = 0;
        for (int offset = RESERVED; offset < XsaveLayout.EXTENDED; offset += 8) {
            bits |= load(c, o, la, offset);
        }
        return bits == 0;
    }

    private static void restore(Cpu c, Op o, XsaveComponent x, long features, long present, long place, boolean wide) {
        if ((features & x.bit()) == 0) {
            return;
        }
        if ((present & x.bit()) != 0) {
            StateComponents.restore(c, x, place, o.segment, wide);
        } else {
            StateComponents.initialize(c, x);
        }
    }

    static void xgetbv(Cpu c, Op o) {
        if ((c.cr4 & Cr.OSXSAVE) == 0) {
            throw c.ud();
        }
        int register = (int) c.gpr[1];
        if (register != 0 && (register != 1 || !c.has(Feature.XGETBV1))) {
            throw c.gp0();
        }
        long value = register == 0 ? c.xcr0 : c.xcr0 & StateComponents.inUse(c);
        c.gpr[0] = value & 0xFFFFFFFFL;
        c.gpr[2] = value >>> 32;
    }
}
