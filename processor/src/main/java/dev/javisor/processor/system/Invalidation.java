package dev.javisor.processor.system;

import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.GuestControl.Intercept;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Invalidation of translations and caches: INVLPG, INVPCID, INVD, WBINVD, WBNOINVD. Caches hold nothing: memory is always coherent. */
public final class Invalidation {
    // INVPCID types
    private static final int INDIVIDUAL_ADDRESS = 0, SINGLE_CONTEXT = 1, ALL_CONTEXTS_WITH_GLOBAL = 2, ALL_CONTEXTS = 3;

    private Invalidation() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "INVLPG" -> i.memory ? Invalidation::invlpg : null;
            case "INVPCID" -> i.memory ? Invalidation::invpcid : null;
            case "INVD" -> Invalidation::invd;
            case "WBINVD", "WBNOINVD" -> Invalidation::writeBack;
            default -> null;
        };
    }

    /** Neither segment limits nor canonicality matter; LAM does not apply. */
    static void invlpg(Cpu c, Op o) {
        checkPrivilege(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.INVLPG);
        }
        long la = Memory.effectiveAddress(c, o) + c.eaBase[o.segment] & o.linearMask;
        c.invalidatePage(la);
    }

    static void invpcid(Cpu c, Op o) {
        if (c.guestLacks(Feature.INVPCID)) {
            throw c.ud();
        }
        checkPrivilege(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.INVPCID);
        }
        long type = c.codeSize64 ? c.gpr[o.reg] : c.gpr[o.reg] & 0xFFFFFFFFL;
        if (Long.compareUnsigned(type, ALL_CONTEXTS) > 0) {
            throw c.gp0();
        }
        long la = Memory.readAddress(c, o, 16);
        long pcid = Memory.load64(c, la, o.segment);
        long linear = Memory.load64(c, la + 8 & c.linearWrap, o.segment);
        boolean ofOne = type == INDIVIDUAL_ADDRESS || type == SINGLE_CONTEXT;
        if (pcid >>> 12 != 0
                || ofOne && pcid != 0 && (c.cr4 & Cr.PCIDE) == 0
                || type == INDIVIDUAL_ADDRESS && !canonical(c, linear)) {
            throw c.gp0();
        }
        switch ((int) type) {
            case INDIVIDUAL_ADDRESS -> c.invalidatePage(linear);
            case SINGLE_CONTEXT -> c.invalidateAddressSpace(pcid);
            case ALL_CONTEXTS_WITH_GLOBAL -> c.flushTlb();
            default -> c.invalidateAddressSpaces();
        }
    }

    /** For the width that the processor has, whatever paging mode is on. */
    private static boolean canonical(Cpu c, long linear) {
        int shift = 64 - c.model.linearBits();
        return linear << shift >> shift == linear;
    }

    static void invd(Cpu c, Op o) {
        checkPrivilege(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.INVD);
        }
    }

    static void writeBack(Cpu c, Op o) {
        checkPrivilege(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.WBINVD);
        }
    }

    private static void checkPrivilege(Cpu c) {
        if (c.cpl != 0) {
            throw c.gp0();
        }
    }
}
