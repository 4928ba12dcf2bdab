package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** BCD arithmetic: DAA, DAS, AAA, AAS, AAM, AAD; and SALC, which lives in the same corner of the opcode map. */
public final class DecimalAdjustment {
    private static final int RAX = Registers.RAX;

    private DecimalAdjustment() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "DAA" -> DecimalAdjustment::daa;
            case "DAS" -> DecimalAdjustment::das;
            case "AAA" -> DecimalAdjustment::aaa;
            case "AAS" -> DecimalAdjustment::aas;
            case "AAM" -> DecimalAdjustment::aam;
            case "AAD" -> DecimalAdjustment::aad;
            case "SALC" -> DecimalAdjustment::salc;
            default -> null;
        };
    }

    private static void setAl(Cpu c, int value) {
        c.gpr[RAX] = c.gpr[RAX] & ~0xFFL | value & 0xFF;
    }

    static void daa(Cpu c, Op o) {
        int al = (int) c.gpr[RAX] & 0xFF;
        boolean adjust = (al & 15) > 9 || Flags.af(c);
        boolean carry = al > 0x99 || Flags.cf(c);
        int r = al + (adjust ? 6 : 0) + (carry ? 0x60 : 0);
        finish(c, r, adjust, carry, (r ^ al) & ~al & 0x80);
    }

    static void das(Cpu c, Op o) {
        int al = (int) c.gpr[RAX] & 0xFF;
        boolean adjust = (al & 15) > 9 || Flags.af(c);
        boolean high = al > 0x99 || Flags.cf(c);
        int r = al - (adjust ? 6 : 0) - (high ? 0x60 : 0);
        boolean carry = high || adjust && al < 6;
        finish(c, r, adjust, carry, (r ^ al) & al & 0x80);
    }

    private static void finish(Cpu c, int r, boolean adjust, boolean carry, int overflow) {
        setAl(c, r);
        Flags.result(c, (byte) r, (adjust ? Flags.AF : 0) | (carry ? Flags.CF : 0) | (long) overflow << 4);
    }

    static void aaa(Cpu c, Op o) {
        adjustUnpacked(c, 0x106);
    }

    static void aas(Cpu c, Op o) {
        adjustUnpacked(c, -0x106);
    }

    /** The undefined flags follow AL as it is left, OF is cleared. */
    private static void adjustUnpacked(Cpu c, int step) {
        int ax = (int) c.gpr[RAX] & 0xFFFF;
        boolean adjust = (ax & 15) > 9 || Flags.af(c);
        int r = (adjust ? ax + step : ax) & 0xFF0F;
        Registers.set16(c, RAX, r);
        Flags.result(c, (byte) r, adjust ? Flags.AF | Flags.CF : 0);
    }

    static void aam(Cpu c, Op o) {
        int base = (int) o.imm & 0xFF;
        if (base == 0) {
            throw c.fault(Event.DE);
        }
        int al = (int) c.gpr[RAX] & 0xFF;
        Registers.set16(c, RAX, al / base << 8 | al % base);
        Flags.logic(c, (byte) (al % base));
    }

    /** Flags are those of the addition, CF, AF and OF included though the manual leaves them undefined. */
    static void aad(Cpu c, Op o) {
        long al = (byte) c.gpr[RAX];
        long tens = (byte) ((c.gpr[RAX] >>> 8) * o.imm);
        long r = (byte) (al + tens);
        Registers.set16(c, RAX, (int) r & 0xFF);
        Flags.add(c, al, tens, r);
    }

    static void salc(Cpu c, Op o) {
        setAl(c, Flags.cf(c) ? 0xFF : 0);
    }
}
