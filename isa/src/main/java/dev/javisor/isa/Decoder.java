package dev.javisor.isa;

import dev.javisor.isa.Encoding.Key;
import java.util.Arrays;

/**
 * Turns bytes into an {@link Instruction}, for 16-, 32- and 64-bit code. Stateless apart from the set of features, so one
 * decoder serves one CPU model; safe for use by several threads.
 *
 * <p>The decoder knows neither real-address nor virtual-8086 mode: who executes refuses {@link Opcode#PROTECTED_ONLY} there.
 */
public final class Decoder {
    /** Longest legal instruction, in bytes. */
    public static final int MAX_LENGTH = 15;

    /** Maps: one-byte, 0F, 0F 38, 0F 3A; then the three of VEX. */
    private static final int MAPS = 7, FIRST_VEX_MAP = 3;

    private static final int HAS_MODRM = 1, MOD_IGNORED = 2;
    private static final int PREFETCH = Encoding.MAP_0F << 8 | 0x0D;
    private static final Opcode[] NONE = {};
    private static final int ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5;
    /** Base and index of the 16-bit addressing forms. */
    private static final int[] BASE16 = {3, 3, 5, 5, 6, 7, 5, 3};

    private static final int[] INDEX16 = {6, 7, 6, 7, 16, 16, 16, 16};

    /** Candidates by map, opcode and ModRM.reg, in the order of the table. */
    private final Opcode[][] candidates = new Opcode[MAPS * 256 * 8][];
    /** A near branch of 64-bit code may have an operand size of 16 bits, and a prefetch of 0FH 0DH must have a memory operand. */
    private final boolean amd;
    /** By map and opcode. */
    private final byte[] layout = new byte[MAPS * 256];

    /** Decodes as the processors of a model do. */
    public Decoder(CpuModel model) {
        this(model.features(), model.vendor() == CpuModel.Vendor.AMD);
    }

    public Decoder(FeatureSet features) {
        this(features, false);
    }

    private Decoder(FeatureSet features, boolean amd) {
        this.amd = amd;
        Arrays.fill(candidates, NONE);
        for (Opcode o : InstructionTable.opcodes()) {
            Encoding e = o.form;
            int first = (e.vex ? FIRST_VEX_MAP + e.map : e.map) << 8 | e.code;
            int last = e.registerInOpcode ? first + 7 : first;
            for (int i = first; i <= last; i++) {
                layout[i] |= (byte) ((e.modRm ? HAS_MODRM : 0) | (e.operands.modIgnored ? MOD_IGNORED : 0));
                if (o.feature == null || features.has(o.feature)) {
                    add(i, o);
                }
            }
        }
    }

    private void add(int index, Opcode o) {
        int fixed = o.form.fixedReg();
        for (int reg = 0; reg < 8; reg++) {
            if (fixed < 0 || fixed == reg) {
                Opcode[] old = candidates[index << 3 | reg];
                Opcode[] grown = Arrays.copyOf(old, old.length + 1);
                grown[old.length] = o;
                candidates[index << 3 | reg] = grown;
            }
        }
    }

    /** What {@link #decode} found. */
    public enum Outcome {
        /** {@link Result#instruction} is set. */
        OK,
        /** #UD: an undefined encoding, a feature that the model lacks, an illegal LOCK, ... {@link Result#length} bytes were looked at. */
        INVALID,
        /** More than {@link #MAX_LENGTH} bytes: #GP(0). */
        TOO_LONG,
        /** The instruction continues at {@code limit}. */
        TRUNCATED
    }

    /** Out-parameter of {@link #decode}. */
    public static final class Result {
        /** The instruction after {@link Outcome#OK}, else null. */
        public Instruction instruction;
        /** Length of the instruction in bytes, or how many bytes were looked at. */
        public int length;
    }

    /**
     * Decodes the instruction that starts at {@code code[offset]}.
     *
     * @param limit first index that is not available; when the instruction needs bytes from there on, the outcome is
     *     {@link Outcome#TRUNCATED}
     */
    public Outcome decode(byte[] code, int offset, int limit, CodeSize size, Result result) {
        result.instruction = null;
        int end = Math.min(limit, offset + MAX_LENGTH);
        boolean mode64 = size == CodeSize.BITS64;
        int prefixes = 0;
        int rex = 0;
        int override = -1;
        int p = offset;
        int b;
        for (; ; p++) {
            if (p >= end) {
                return exhausted(offset, end, result);
            }
            b = code[p] & 0xFF;
            if (mode64 && (b & 0xF0) == 0x40) {
                rex = b;
                continue;
            }
            int prefix = prefix(b);
            if (prefix == 0) {
                break;
            }
            rex = 0;
            if (prefix == Instruction.SEGMENT) {
                prefixes = prefixes & ~Instruction.NOTRACK | (b == 0x3E ? Instruction.NOTRACK : 0);
                override = segmentOverride(b, mode64, override);
            } else if (prefix == Instruction.REP || prefix == Instruction.REPNE) {
                prefixes &= ~(Instruction.REP | Instruction.REPNE);
            }
            prefixes |= prefix;
        }

        int map = Encoding.ONE_BYTE;
        int key = mode64 ? Key.MODE64 : 0;
        int vvvv = 0;
        int vectorLength = 0;
        boolean w = (rex & 8) != 0;
        if (b == 0x0F) {
            if (++p >= end) {
                return exhausted(offset, end, result);
            }
            b = code[p] & 0xFF;
            map = Encoding.MAP_0F;
            if (b == 0x38 || b == 0x3A) {
                map = b == 0x38 ? Encoding.MAP_0F38 : Encoding.MAP_0F3A;
                if (++p >= end) {
                    return exhausted(offset, end, result);
                }
                b = code[p] & 0xFF;
            }
        } else if (b == 0xC4 || b == 0xC5 || b == 0x62) {
            if (p + 1 >= end) {
                return exhausted(offset, end, result);
            }
            int next = code[p + 1] & 0xFF;
            if (mode64 || next >= 0xC0) {
                int conflicts = Instruction.LOCK | Instruction.REP | Instruction.REPNE | Instruction.OPERAND_SIZE;
                if (b == 0x62 || rex != 0 || (prefixes & conflicts) != 0) {
                    return invalid(offset, p + 1, result);
                }
                int bytes = b == 0xC4 ? 3 : 2;
                if (p + bytes >= end) {
                    return exhausted(offset, end, result);
                }
                int last = code[p + bytes - 1] & 0xFF;
                map = b == 0xC4 ? next & 31 : Encoding.MAP_0F;
                if (map < Encoding.MAP_0F || map > Encoding.MAP_0F3A) {
                    return invalid(offset, p + bytes, result);
                }
                map += FIRST_VEX_MAP;
                w = b == 0xC4 && (last & 0x80) != 0;
                if (mode64) {
                    rex = (~next >> 5 & 4) | (b == 0xC4 ? ~next >> 5 & 3 : 0);
                }
                vvvv = ~last >> 3 & (mode64 ? 15 : 7);
                vectorLength = last >> 2 & 1;
                int pp = last & 3;
                key |= (pp == 1 ? Key.P66 : pp == 2 ? Key.F3 : pp == 3 ? Key.F2 : 0) | (vvvv != 0 ? Key.VVVV : 0) | vectorLength << Key.L;
                prefixes |= Instruction.VEX;
                p += bytes;
                b = code[p] & 0xFF;
            }
        }
        if ((prefixes & Instruction.VEX) == 0) {
            prefixes |= rex != 0 ? Instruction.REX : 0;
            key |= (prefixes & Instruction.REP) != 0 ? Key.F3 : (prefixes & Instruction.REPNE) != 0 ? Key.F2
                    : (prefixes & Instruction.OPERAND_SIZE) != 0 ? Key.P66 : 0;
        }
        key |= (w ? Key.W : 0) | ((rex & 1) != 0 ? Key.REX_B : 0);
        p++;

        int addressSize = (prefixes & Instruction.ADDRESS_SIZE) == 0 ? size.bits : size == CodeSize.BITS32 ? 16 : 32;
        int index = map << 8 | b;
        int shape = layout[index];
        int reg = 0;
        int rm = b & 7 | (rex & 1) << 3;
        boolean memory = false;
        int base = Instruction.NO_REGISTER;
        int indexRegister = Instruction.NO_REGISTER;
        int scale = 0;
        long displacement = 0;
        int defaultSegment = DS;
        if ((shape & HAS_MODRM) != 0) {
            if (p >= end) {
                return exhausted(offset, end, result);
            }
            int modRm = code[p++] & 0xFF;
            int mod = (shape & MOD_IGNORED) != 0 ? 3 : modRm >> 6;
            reg = modRm >> 3 & 7;
            rm = modRm & 7;
            key |= reg << Key.REG | rm << Key.RM | (mod == 3 ? Key.REGISTER_FORM : 0);
            index = index << 3 | reg;
            reg |= (rex & 4) << 1;
            if (mod == 3) {
                rm |= (rex & 1) << 3;
            } else {
                memory = true;
                int displacementSize = mod == 0 ? 0 : mod == 1 ? 1 : addressSize == 16 ? 2 : 4;
                if (addressSize == 16) {
                    base = BASE16[rm];
                    indexRegister = INDEX16[rm];
                    if (mod == 0 && rm == 6) {
                        base = Instruction.NO_REGISTER;
                        displacementSize = 2;
                    }
                } else {
                    base = rm;
                    if (rm == 4) {
                        if (p >= end) {
                            return exhausted(offset, end, result);
                        }
                        int sib = code[p++] & 0xFF;
                        base = sib & 7;
                        indexRegister = sib >> 3 & 7 | (rex & 2) << 2;
                        scale = sib >> 6;
                    }
                    if (mod == 0 && base == 5) {
                        base = mode64 && rm == 5 ? Instruction.RIP : Instruction.NO_REGISTER;
                        displacementSize = 4;
                    } else {
                        base |= (rex & 1) << 3;
                    }
                }
                if (p + displacementSize > end) {
                    return exhausted(offset, end, result);
                }
                displacement = signed(code, p, displacementSize);
                p += displacementSize;
                defaultSegment = base == 4 || base == 5 ? SS : DS;
            }
        } else {
            index <<= 3;
        }

        Opcode opcode = match(candidates[index], key);
        if (opcode == null) {
            return invalid(offset, p, result);
        }
        Encoding e = opcode.form;
        if (indexRegister == 4 && !e.operands.vectorIndex) {
            indexRegister = Instruction.NO_REGISTER;
            scale = 0;
        }
        int operandSize = operandSize(opcode, size, prefixes, w);
        if (amd) {
            if (index >> 3 == PREFETCH && !memory) {
                return invalid(offset, p, result);
            }
            boolean branch = opcode.is(Opcode.BRANCH) && opcode.is(Opcode.FORCE64);
            operandSize = branch && mode64 && !w && (prefixes & Instruction.OPERAND_SIZE) != 0 ? 16 : operandSize;
        }
        long immediate = 0;
        int immediate2 = 0;
        if (e.operands.immediate != Encoding.Immediate.NONE) {
            int first = immediateSize(e.operands.immediate, operandSize, addressSize);
            int second = e.operands.immediate == Encoding.Immediate.FAR_POINTER ? 2
                    : e.operands.immediate == Encoding.Immediate.WORD_BYTE || e.operands.immediate == Encoding.Immediate.BYTE_BYTE ? 1 : 0;
            if (p + first + second > end) {
                return exhausted(offset, end, result);
            }
            immediate = signed(code, p, first);
            p += first;
            immediate2 = (int) unsigned(code, p, second);
            p += second;
            switch (e.operands.immediate) {
                case OFFSET -> {
                    memory = true;
                    displacement = first == 8 ? immediate : immediate & (1L << 8 * first) - 1;
                    immediate = 0;
                }
                case WORD, WORD_BYTE, FAR_POINTER -> immediate &= (1L << 8 * first) - 1;
                case REGISTER -> immediate2 = (int) immediate >> 4 & (mode64 ? 15 : 7);
                default -> {}
            }
        }
        boolean lock = (prefixes & Instruction.LOCK) != 0;
        reg &= e.regMask;
        rm &= e.rmMask;
        // LOCK MOV CR0 names CR8 on AMD processors; its handler decides.
        boolean lockable = opcode.is(Opcode.LOCKABLE) && (memory || opcode.is(Opcode.PRIVILEGED));
        if (lock && !lockable || e.operands.sib && addressSize == 16 || e.operands.tiles && (reg | vvvv | (memory ? 0 : rm)) > 7) {
            return invalid(offset, p, result);
        }
        result.length = p - offset;
        result.instruction = new Instruction(
                opcode, p - offset, prefixes, operandSize, addressSize, w, vectorLength, reg, rm, memory, vvvv, base, indexRegister, scale,
                displacement, override >= 0 ? override : defaultSegment, immediate, immediate2, size);
        return Outcome.OK;
    }

    private static Opcode match(Opcode[] candidates, int key) {
        for (Opcode o : candidates) {
            if ((key & o.form.mask) == o.form.value) {
                return o;
            }
        }
        return null;
    }

    /** The {@link Instruction#prefixes} bit of a legacy prefix, or 0. */
    private static int prefix(int b) {
        return switch (b) {
            case 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65 -> Instruction.SEGMENT;
            case 0x66 -> Instruction.OPERAND_SIZE;
            case 0x67 -> Instruction.ADDRESS_SIZE;
            case 0xF0 -> Instruction.LOCK;
            case 0xF2 -> Instruction.REPNE;
            case 0xF3 -> Instruction.REP;
            default -> 0;
        };
    }

    /** 64-bit mode ignores all but FS and GS. */
    private static int segmentOverride(int b, boolean mode64, int before) {
        return switch (b) {
            case 0x64 -> FS;
            case 0x65 -> GS;
            default -> mode64 ? before : b == 0x26 ? ES : b == 0x2E ? CS : b == 0x36 ? SS : DS;
        };
    }

    static int operandSize(Opcode opcode, CodeSize size, int prefixes, boolean w) {
        Encoding e = opcode.form;
        boolean override = (prefixes & Instruction.OPERAND_SIZE) != 0 && e.mandatoryPrefix != 0x66;
        int bits;
        if (size == CodeSize.BITS64) {
            if (w || opcode.is(Opcode.FORCE64)) {
                return 64;
            }
            bits = override ? 16 : opcode.is(Opcode.DEFAULT64) ? 64 : 32;
        } else {
            bits = (size == CodeSize.BITS16) != override ? 16 : 32;
        }
        return e.operands.noWord ? Math.max(bits, 32) : bits;
    }

    private static int immediateSize(Encoding.Immediate immediate, int operandSize, int addressSize) {
        return switch (immediate) {
            case NONE -> 0;
            case BYTE, BYTE_BYTE, REGISTER -> 1;
            case WORD, WORD_BYTE -> 2;
            case OPERAND, FAR_POINTER -> operandSize == 16 ? 2 : 4;
            case FULL -> operandSize >> 3;
            case OFFSET -> addressSize >> 3;
        };
    }

    private static long unsigned(byte[] code, int p, int bytes) {
        long v = 0;
        for (int i = bytes - 1; i >= 0; i--) {
            v = v << 8 | code[p + i] & 0xFF;
        }
        return v;
    }

    private static long signed(byte[] code, int p, int bytes) {
        if (bytes == 0) {
            return 0;
        }
        int shift = 64 - 8 * bytes;
        return unsigned(code, p, bytes) << shift >> shift;
    }

    private static Outcome invalid(int offset, int p, Result result) {
        result.length = p - offset;
        return Outcome.INVALID;
    }

    private static Outcome exhausted(int offset, int end, Result result) {
        result.length = end - offset;
        return end - offset >= MAX_LENGTH ? Outcome.TOO_LONG : Outcome.TRUNCATED;
    }
}
