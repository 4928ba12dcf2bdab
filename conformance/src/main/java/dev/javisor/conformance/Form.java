package dev.javisor.conformance;

import dev.javisor.isa.Opcode;
import java.util.SplittableRandom;

/** A line of the instruction table, taken apart so that random instances of it can be written. */
public final class Form {
    private static final int MAP_0F = 1, MAP_0F38 = 2, MAP_0F3A = 3;

    public final Opcode opcode;
    private int mandatoryPrefix;
    private boolean w;
    private boolean rexB;
    private boolean vex;
    private boolean wFixed;
    private int pp;
    private int map;
    private int code = -1;
    private boolean registerInOpcode;
    private boolean modRm;
    private int digit = -1;
    private int modRmByte = -1;
    private boolean anyRm;

    public Form(Opcode opcode) {
        this.opcode = opcode;
        for (String token : opcode.encoding.split(" ")) {
            token(token);
        }
    }

    private void token(String t) {
        if (t.startsWith("/")) {
            modRm = true;
            digit = t.equals("/r") ? -1 : t.charAt(1) - '0';
        } else if (t.startsWith("VEX")) {
            vex(t);
        } else if (t.equals("REX.W")) {
            w = true;
        } else if (t.equals("REX.B")) {
            rexB = true;
        } else if (!t.startsWith("N")) {
            octet(Integer.parseInt(t.substring(0, 2), 16), t.substring(2));
        }
    }

    private void octet(int b, String suffix) {
        if (code >= 0) {
            modRm = true;
            modRmByte = b;
            anyRm = suffix.equals("+i");
        } else if (!vex && map == 0 && mandatoryPrefix == 0 && (b == 0x66 || b == 0xF2 || b == 0xF3)) {
            mandatoryPrefix = b;
        } else if (!vex && map == 0 && b == 0x0F) {
            map = MAP_0F;
        } else if (!vex && map == MAP_0F && (b == 0x38 || b == 0x3A)) {
            map = b == 0x38 ? MAP_0F38 : MAP_0F3A;
        } else {
            code = b;
            registerInOpcode = suffix.equals("+r");
        }
    }

    private void vex(String token) {
        vex = true;
        for (String part : token.split("\\.")) {
            switch (part) {
                case "66" -> pp = 1;
                case "F3" -> pp = 2;
                case "F2" -> pp = 3;
                case "0F" -> map = MAP_0F;
                case "0F38" -> map = MAP_0F38;
                case "0F3A" -> map = MAP_0F3A;
                case "W0" -> wFixed = true;
                case "W1" -> {
                    wFixed = true;
                    w = true;
                }
                default -> {}
            }
        }
    }

    /** The bytes of an instance so far, with room for the rest: displacement and immediates stay random. */
    public static final class Draft {
        public final byte[] bytes = new byte[32];
        public int length;
        /** Offset of the opcode. */
        public int opcodeAt;
        /** Offset of a 32-bit displacement without base register, or -1. */
        public int displacementAt;

        public boolean locked;

        private void add(int b) {
            bytes[length++] = (byte) b;
        }
    }

    /** Writes a random instance, which need not be legal. Random bytes follow it. */
    public void write(Draft d, SplittableRandom random, boolean code64) {
        random.nextBytes(d.bytes);
        d.length = 0;
        d.displacementAt = -1;
        d.locked = false;
        prefixes(d, random);
        if (vex) {
            vexPrefix(d, random, code64);
        } else {
            if (mandatoryPrefix != 0) {
                d.add(mandatoryPrefix);
            }
            if (code64 && (w || rexB || random.nextInt(2) == 0)) {
                d.add(0x40 | random.nextInt(16) & (random.nextInt(3) == 0 ? 15 : 8 + random.nextInt(8)) | (w ? 8 : 0) | (rexB ? 1 : 0));
            }
            if (map != 0) {
                d.add(0x0F);
            }
            if (map > MAP_0F) {
                d.add(map == MAP_0F38 ? 0x38 : 0x3A);
            }
        }
        d.opcodeAt = d.length;
        d.add(registerInOpcode ? code | random.nextInt(8) : code);
        if (modRm) {
            modRm(d, random, code64);
        }
    }

    private void prefixes(Draft d, SplittableRandom random) {
        if (random.nextInt(4) == 0) {
            d.add(0x66);
        }
        if (random.nextInt(16) == 0) {
            d.add(0x67);
        }
        if (random.nextInt(12) == 0) {
            d.add(new int[] {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65}[random.nextInt(6)]);
        }
        if (random.nextInt(opcode.is(Opcode.LOCKABLE) ? 6 : 60) == 0) {
            d.add(0xF0);
            d.locked = true;
        }
        if (random.nextInt(opcode.is(Opcode.STRING) ? 2 : 60) == 0) {
            d.add(0xF2 | random.nextInt(2));
        }
    }

    private void vexPrefix(Draft d, SplittableRandom random, boolean code64) {
        boolean wide = wFixed ? w : random.nextBoolean();
        int vvvv = random.nextInt(16);
        if (code64) {
            d.add(0xC4);
            d.add(random.nextInt(8) << 5 | map);
        } else {
            d.add(0xC4);
            d.add(0xE0 | map);
            vvvv |= 8;
        }
        d.add((wide ? 0x80 : 0) | vvvv << 3 | pp);
    }

    private void modRm(Draft d, SplittableRandom random, boolean code64) {
        if (modRmByte >= 0) {
            d.add(anyRm ? modRmByte | random.nextInt(8) : modRmByte);
            return;
        }
        int mod = random.nextInt(100) < 40 ? 3 : random.nextInt(3);
        int reg = digit >= 0 ? digit : random.nextInt(8);
        int rm = random.nextInt(8);
        d.add(mod << 6 | reg << 3 | rm);
        if (mod == 3) {
            return;
        }
        boolean absolute = mod == 0 && rm == 5;
        if (rm == 4) {
            int sib = random.nextInt(256);
            absolute = mod == 0 && (sib & 7) == 5;
            d.add(sib);
        }
        if (absolute) {
            d.displacementAt = d.length;
        }
    }
}
