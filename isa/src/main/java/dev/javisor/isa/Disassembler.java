package dev.javisor.isa;

import java.util.List;
import java.util.Locale;

/**
 * Writes instructions in Intel syntax, as {@link Asm} reads them: what it assembles from the text has the same effect, though not
 * always the same bytes.
 */
public final class Disassembler {
    private static final int SS = 2, DS = 3;
    private static final List<String> SEGMENTS = List.of("es", "cs", "ss", "ds", "fs", "gs");

    private final Instruction i;
    private final long rip;
    private final StringBuilder out = new StringBuilder(48);

    private Disassembler(Instruction i, long rip) {
        this.i = i;
        this.rip = rip;
    }

    /**
     * The text of an instruction.
     *
     * @param rip its address, from which branch targets and RIP-relative addresses are computed
     */
    public static String format(Instruction i, long rip) {
        Disassembler d = new Disassembler(i, rip);
        d.prefixes();
        d.mnemonic();
        d.operands();
        return d.out.toString();
    }

    private boolean isFar() {
        return i.opcode.mnemonic.equals("JMPF") || i.opcode.mnemonic.equals("CALLF");
    }

    private void prefixes() {
        Opcode o = i.opcode;
        if (i.has(Instruction.NOTRACK) && o.is(Opcode.BRANCH) && o.operands.contains("Ev")) {
            out.append("notrack ");
        }
        if (i.has(Instruction.LOCK)) {
            out.append("lock ");
        }
        if (i.has(Instruction.REP) && o.form.mandatoryPrefix != 0xF3) {
            out.append(o.mnemonic.startsWith("CMPS") || o.mnemonic.startsWith("SCAS") ? "repe " : "rep ");
        }
        if (i.has(Instruction.REPNE) && o.form.mandatoryPrefix != 0xF2) {
            out.append("repne ");
        }
        if (!i.memory && i.segment != DS) {
            out.append(SEGMENTS.get(i.segment)).append(' ');
        }
        if (!i.memory && i.addressSize != i.codeSize.bits && o.names.size() == 1 | o.is(Opcode.STRING) && !addressSizeShown()) {
            out.append('a').append(i.addressSize).append(' ');
        }
        boolean fixed = o.form.mandatoryPrefix != 0 || o.form.noPrefix || o.form.vex;
        if (!fixed && !operandSizeShown() && i.operandSize != Decoder.operandSize(o, i.codeSize, 0, o.form.w)) {
            out.append('o').append(i.operandSize).append(' ');
        }
    }

    private boolean addressSizeShown() {
        for (Operand s : i.opcode.specifiers) {
            if (s.type == Operand.Type.N) {
                return true;
            }
        }
        return false;
    }

    /** The name or an operand tells the operand size. */
    private boolean operandSizeShown() {
        Opcode o = i.opcode;
        if (o.names.size() > 1 && !o.mnemonic.equals("JCXZ")) {
            return i.operandSize > 16 || !AssemblyEncoder.ANY_SIZE.contains(o.mnemonic);
        }
        for (Operand s : o.specifiers) {
            boolean asMemory = s.place == Operand.Place.RM && i.memory || s.place == Operand.Place.OFFSET;
            Operand.Type type = asMemory && s.memoryType != null ? s.memoryType : s.type;
            boolean printed = asMemory || s.register;
            if (s.place == Operand.Place.FAR_POINTER) {
                return true;
            }
            boolean sized = type == Operand.Type.V || type == Operand.Type.Y || type == Operand.Type.Z;
            if (printed && (sized || asMemory && type == Operand.Type.P)) {
                return true;
            }
        }
        return false;
    }

    private void mnemonic() {
        Opcode o = i.opcode;
        if (isFar()) {
            out.append(o.mnemonic.equals("JMPF") ? "jmp" : "call").append(i.memory ? " far" : "");
            return;
        }
        out.append(o.name(o.mnemonic.equals("JCXZ") ? i.addressSize : i.operandSize).toLowerCase(Locale.ROOT));
    }

    private void operands() {
        if (i.opcode.is(Opcode.STRING)) {
            return;
        }
        int values = 0;
        boolean first = true;
        for (Operand s : i.opcode.specifiers) {
            out.append(first ? " " : ", ");
            first = false;
            switch (s.place) {
                case REG -> register(s, i.reg);
                case VVVV -> register(s, i.vvvv);
                case OPCODE -> register(s, i.rm);
                case IMPLIED -> register(s, s.number);
                case IMMEDIATE_REGISTER -> register(s, i.immediate2);
                case RM -> {
                    if (i.memory) {
                        memory(s.memoryType, s.vectorIndex);
                    } else {
                        register(s, i.rm);
                    }
                }
                case OFFSET -> memory(s.type, 0);
                case ONE -> hex(1);
                case IMMEDIATE -> immediate(s, values++ == 0 ? i.immediate : i.immediate2);
                case RELATIVE -> {
                    long target = rip + i.length + i.immediate;
                    hex(i.codeSize == CodeSize.BITS64 ? target : cut(target, i.operandSize));
                }
                case FAR_POINTER -> {
                    boolean usual = i.operandSize == i.codeSize.bits;
                    out.append(usual ? "" : i.operandSize == 16 ? "word " : "dword ");
                    hex(i.immediate2);
                    out.append(':');
                    hex(cut(i.immediate, i.operandSize));
                }
                case STRING -> {}
            }
        }
    }

    private void register(Operand s, int number) {
        int bits = s.type.bits(i.operandSize, i.addressSize, i.vectorLength);
        if (s.file == Register.File.VECTOR && s.type != Operand.Type.X && s.type != Operand.Type.QQ) {
            bits = 128;
        }
        boolean high = s.file == Register.File.GENERAL && bits == 8 && s.place != Operand.Place.IMPLIED && i.highByte(number);
        out.append(Register.name(s.file, number, bits, high));
    }

    private void immediate(Operand s, long value) {
        int bits = switch (s.type) {
            case B -> s.signExtended ? i.operandSize : 8;
            case W -> 16;
            default -> i.operandSize;
        };
        hex(cut(value, bits));
    }

    private void memory(Operand.Type type, int vectorIndex) {
        int bits = type == Operand.Type.P ? isFar() ? i.operandSize : 0 : type.bits(i.operandSize, i.codeSize.bits, i.vectorLength);
        out.append(switch (bits) {
            case 8 -> "byte ";
            case 16 -> "word ";
            case 32 -> "dword ";
            case 64 -> "qword ";
            case 80 -> "tword ";
            case 128 -> "oword ";
            case 256 -> "yword ";
            case 512 -> "zword ";
            default -> "";
        });
        out.append('[');
        boolean registers = (i.base != Instruction.NO_REGISTER && i.base != Instruction.RIP) || i.index != Instruction.NO_REGISTER;
        if (!registers) {
            plainAddress();
            out.append(']');
            return;
        }
        if (i.base == Instruction.NO_REGISTER && vectorIndex != 0 && i.addressSize != Math.max(i.codeSize.bits, 32)) {
            out.append("dword ");
        }
        segment(i.base == 4 || i.base == 5 ? SS : DS);
        if (i.base != Instruction.NO_REGISTER) {
            out.append(Register.name(Register.File.GENERAL, i.base, i.addressSize, false));
        }
        if (i.index != Instruction.NO_REGISTER) {
            Register.File file = vectorIndex != 0 ? Register.File.VECTOR : Register.File.GENERAL;
            out.append(i.base != Instruction.NO_REGISTER ? "+" : "");
            out.append(Register.name(file, i.index, vectorIndex != 0 ? vectorIndex : i.addressSize, false));
            if (i.scale != 0 || i.base == Instruction.NO_REGISTER) {
                out.append('*').append(1 << i.scale);
            }
        }
        if (i.displacement != 0) {
            out.append(i.displacement < 0 ? '-' : '+');
            hex(Math.abs(i.displacement));
        }
        out.append(']');
    }

    private void segment(int usual) {
        if (i.segment != usual) {
            out.append(SEGMENTS.get(i.segment)).append(':');
        }
    }

    private void plainAddress() {
        boolean offset = i.opcode.form.operands.immediate == Encoding.Immediate.OFFSET;
        if (i.addressSize != i.codeSize.bits || offset && i.codeSize == CodeSize.BITS64) {
            out.append(i.addressSize == 16 ? "word " : i.addressSize == 32 ? "dword " : "qword ");
        }
        if (i.base == Instruction.RIP) {
            out.append("rel ");
        }
        segment(DS);
        if (i.base == Instruction.RIP) {
            hex(rip + i.length + i.displacement);
        } else {
            hex(cut(i.displacement, i.addressSize));
        }
    }

    private static long cut(long value, int bits) {
        return bits == 64 ? value : value & (1L << bits) - 1;
    }

    private void hex(long value) {
        out.append("0x").append(Long.toHexString(value));
    }
}
