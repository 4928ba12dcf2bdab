package dev.javisor.isa;

import java.io.ByteArrayOutputStream;
import java.util.EnumSet;
import java.util.Random;

/** Bytes made from lines of the instruction table, for tests. */
final class Samples {
    static final FeatureSet EVERYTHING = new FeatureSet(EnumSet.allOf(Feature.class));

    private Samples() {}

    static boolean existsIn(Opcode o, CodeSize mode) {
        return !o.is(mode == CodeSize.BITS64 ? Opcode.INVALID64 : Opcode.ONLY64);
    }

    /** An instruction of this line with random operands; {@code extras} adds prefixes that may turn it into another one. */
    static byte[] of(Opcode o, CodeSize mode, Random random, boolean extras) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Encoding e = o.form;
        if (e.operands.sib && mode == CodeSize.BITS16) {
            out.write(0x67);
        }
        if (extras) {
            int[] prefixes = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF2, 0xF3};
            for (int n = random.nextInt(3); n > 0; n--) {
                out.write(prefixes[random.nextInt(prefixes.length)]);
            }
        }
        int high = mode == CodeSize.BITS64 && !e.operands.tiles ? random.nextInt(8) : 0;
        if (e.operands.modIgnored) {
            high = 0;
        }
        if (e.vex) {
            vex(out, o, mode, high, random);
        } else {
            if (e.mandatoryPrefix != 0) {
                out.write(e.mandatoryPrefix);
            }
            boolean only90 = e.code == 0x90 && e.map == Encoding.ONE_BYTE;
            int rex = 0x40 | (e.w || extras && random.nextBoolean() ? 8 : 0) | (only90 ? e.rexB ? 1 : 0 : high);
            if (mode == CodeSize.BITS64 && (rex != 0x40 || random.nextBoolean())) {
                out.write(rex);
            }
            if (e.map != Encoding.ONE_BYTE) {
                out.write(0x0F);
            }
            if (e.map >= Encoding.MAP_0F38) {
                out.write(e.map == Encoding.MAP_0F38 ? 0x38 : 0x3A);
            }
        }
        boolean only90 = e.code == 0x90 && e.registerInOpcode;
        out.write(e.code | (e.registerInOpcode ? only90 ? 1 + random.nextInt(7) : random.nextInt(8) : 0));
        if (e.modRm) {
            modRm(out, o, random);
        }
        byte[] tail = new byte[16];
        random.nextBytes(tail);
        if (random.nextBoolean()) {
            tail = new byte[] {(byte) random.nextInt(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        }
        if (o.operands.contains("Jb")) {
            tail[0] /= 2;
        }
        out.writeBytes(tail);
        return out.toByteArray();
    }

    private static void vex(ByteArrayOutputStream out, Opcode o, CodeSize mode, int high, Random random) {
        Encoding e = o.form;
        boolean register = (e.mask & Encoding.Key.VVVV) == 0;
        int vvvv = register ? random.nextInt(mode == CodeSize.BITS64 && !e.operands.tiles ? 16 : 8) : 0;
        int pp = e.mandatoryPrefix == 0x66 ? 1 : e.mandatoryPrefix == 0xF3 ? 2 : e.mandatoryPrefix == 0xF2 ? 3 : 0;
        out.write(0xC4);
        out.write((~high & 7) << 5 | e.map);
        out.write((e.w ? 0x80 : 0) | (~vvvv & 15) << 3 | e.vectorLength << 2 | pp);
    }

    private static void modRm(ByteArrayOutputStream out, Opcode o, Random random) {
        Encoding e = o.form;
        int reg = e.fixedReg() >= 0 ? e.fixedReg() : random.nextInt(8);
        if (o.operands.contains("Sw")) {
            reg = random.nextInt(6);
        }
        boolean canBeRegister = (e.mask & Encoding.Key.REGISTER_FORM) == 0 || (e.value & Encoding.Key.REGISTER_FORM) != 0;
        boolean canBeMemory = (e.value & Encoding.Key.REGISTER_FORM) == 0;
        int mod = canBeRegister && (!canBeMemory || random.nextInt(3) == 0) || e.operands.modIgnored ? 3 : random.nextInt(3);
        int rm = e.operands.sib ? 4 : (e.mask & 7 << Encoding.Key.RM) != 0 ? e.value & 7 : random.nextInt(8);
        if (e.modRmByte >= 0) {
            out.write(e.modRmByte | (e.anyRm ? random.nextInt(8) : 0));
        } else {
            out.write(mod << 6 | reg << 3 | rm);
        }
    }
}
