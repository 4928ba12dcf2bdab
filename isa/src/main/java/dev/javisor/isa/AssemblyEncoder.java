package dev.javisor.isa;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Finds the shortest encoding in the instruction table for a mnemonic and operands. */
final class AssemblyEncoder {
    /**
     * Prefixes as written.
     *
     * @param bits LOCK, REP, REPNE and NOTRACK of {@link Instruction}
     * @param operandSize given by o16, o32, o64, or 0
     * @param addressSize given by a16, a32, a64, or 0
     * @param segment segment override, -1 if none
     */
    record Prefixes(int bits, int operandSize, int addressSize, int segment) {}

    /** @param size operand size (JCXZ: address size) that this name of the opcode means, 0 for any */
    private record Named(Opcode opcode, int size) {}

    /** One encoding that fits. */
    private record Candidate(byte[] bytes, int memoryBits) {}

    /** Their short names mean the default size of the code, not 16 bits. */
    static final List<String> ANY_SIZE = List.of("PUSHA", "POPA", "PUSHF", "POPF", "IRET");
    private static final Map<String, String> ALIASES = aliases();
    private static final Map<String, List<Named>> BY_NAME = byName();
    /** Decodes whatever is in the table. */
    private static final Decoder EVERYTHING = new Decoder(new FeatureSet(EnumSet.allOf(Feature.class)));

    private final CodeSize mode;
    private final long address;
    private final Prefixes prefixes;

    AssemblyEncoder(CodeSize mode, long address, Prefixes prefixes) {
        this.mode = mode;
        this.address = address;
        this.prefixes = prefixes;
    }

    static boolean isMnemonic(String name) {
        return BY_NAME.containsKey(canonical(name));
    }

    private static String canonical(String name) {
        String upper = name.toUpperCase(Locale.ROOT);
        return ALIASES.getOrDefault(upper, upper);
    }

    /**
     * Encodes an instruction.
     *
     * @param minimum do not use an encoding with fewer bytes, if there is a longer one
     * @throws IllegalArgumentException if there is no encoding
     */
    byte[] encode(String name, List<AssemblyOperand> operands, int minimum) {
        String mnemonic = canonical(name);
        boolean far = !operands.isEmpty() && (operands.getFirst().distance().equals("far") || operands.getFirst().selector() != null);
        if (far && (mnemonic.equals("JMP") || mnemonic.equals("CALL"))) {
            mnemonic += "F";
        }
        List<AssemblyOperand> list = operands;
        if (mnemonic.equals("IMUL") && operands.size() == 2 && operands.get(1).immediate()) {
            list = List.of(operands.get(0), operands.get(0), operands.get(1));
        }
        List<Candidate> found = new ArrayList<>();
        String problem = collect(mnemonic, list, found);
        if (found.isEmpty() && (mnemonic.equals("XCHG") || mnemonic.equals("TEST")) && list.size() == 2 && !list.get(1).immediate()) {
            collect(mnemonic, list.reversed(), found);
        }
        if (found.isEmpty()) {
            throw new IllegalArgumentException(problem != null ? problem : "no form of " + name + " takes these operands");
        }
        Candidate best = null;
        for (Candidate c : found) {
            if (best == null || (best.bytes.length < minimum ? c.bytes.length > best.bytes.length
                    : c.bytes.length >= minimum && c.bytes.length < best.bytes.length)) {
                best = c;
            }
            if (c.memoryBits != 0 && best.memoryBits != 0 && c.memoryBits != best.memoryBits) {
                throw new IllegalArgumentException("the size of the memory operand is needed (byte, word, dword, qword)");
            }
        }
        return best.bytes;
    }

    /** Adds the encodings that fit; returns why the last one that nearly did does not, or null. */
    private String collect(String mnemonic, List<AssemblyOperand> operands, List<Candidate> found) {
        List<Named> named = BY_NAME.get(mnemonic);
        if (named == null) {
            throw new IllegalArgumentException("no such instruction");
        }
        String problem = null;
        for (Named n : named) {
            Opcode o = n.opcode;
            if (o.is(Opcode.INVALID64) && mode == CodeSize.BITS64 || o.is(Opcode.ONLY64) && mode != CodeSize.BITS64) {
                continue;
            }
            List<AssemblyOperand> list = complete(o, operands);
            if (list == null) {
                continue;
            }
            for (int size : sizes(n)) {
                try {
                    Candidate c = new Attempt(o, list, size, addressSize(n, list)).encode();
                    if (c != null) {
                        found.add(c);
                        break;
                    }
                } catch (IllegalArgumentException e) {
                    problem = e.getMessage();
                }
            }
        }
        return problem;
    }

    /** The operands with those that may be left out, or null if their number is wrong. An implied one is null. */
    private static List<AssemblyOperand> complete(Opcode o, List<AssemblyOperand> operands) {
        List<Operand> specifiers = o.specifiers;
        int missing = o.is(Opcode.STRING) ? -operands.size() : specifiers.size() - operands.size();
        if (missing < 0) {
            return null;
        }
        if (missing == 0 && !o.is(Opcode.STRING)) {
            return operands;
        }
        List<AssemblyOperand> list = new ArrayList<>();
        int next = 0;
        for (Operand s : specifiers) {
            boolean optional = o.is(Opcode.STRING) || s.file == Register.File.X87 || s.text.equals("XMM0");
            boolean implied = optional && (next == operands.size() || s.place == Operand.Place.IMPLIED && s.file == Register.File.X87);
            if (!implied && next == operands.size()) {
                return null;
            }
            list.add(implied ? null : operands.get(next++));
        }
        return next == operands.size() ? list : null;
    }

    /** The operand sizes to try. */
    private int[] sizes(Named n) {
        Opcode o = n.opcode;
        int usual = Decoder.operandSize(o, mode, 0, o.form.w);
        if (prefixes.operandSize != 0 && !ignoresOperandSize(o)) {
            return new int[] {prefixes.operandSize};
        }
        if (n.size != 0 && !o.mnemonic.equals("JCXZ")) {
            return new int[] {n.size};
        }
        for (Operand s : o.specifiers) {
            if (s.signExtended || depends(s.type) || s.memoryType != null && depends(s.memoryType)) {
                return new int[] {usual, 32, 16, 64};
            }
        }
        return new int[] {usual};
    }

    private boolean ignoresOperandSize(Opcode o) {
        return mode == CodeSize.BITS64 && o.is(Opcode.FORCE64);
    }

    private static boolean depends(Operand.Type t) {
        return t == Operand.Type.V || t == Operand.Type.Y || t == Operand.Type.Z || t == Operand.Type.P;
    }

    private int addressSize(Named n, List<AssemblyOperand> operands) {
        if (n.opcode.mnemonic.equals("JCXZ")) {
            return n.size;
        }
        for (int i = 0; i < operands.size(); i++) {
            AssemblyOperand a = operands.get(i);
            if (n.opcode.specifiers.get(i).type == Operand.Type.N && a != null && a.register() != null) {
                return a.register().bits();
            }
        }
        return prefixes.addressSize;
    }

    /** The attempt to write the operands in one encoding with one operand size. */
    private final class Attempt {
        private final Opcode opcode;
        private final Encoding form;
        private final List<AssemblyOperand> operands;
        private final int operandSize;
        private int addressSize;
        private AssemblyAddress memory;
        private int segment = prefixes.segment;
        private int memoryBits;
        private int reg;
        private int rm;
        private int vvvv;
        private boolean rexNeeded;
        private boolean rexForbidden;
        private long[] immediates = new long[2];
        private int[] immediateBytes = new int[2];
        private int immediateCount;
        private boolean relative;

        private final byte[] bytes = new byte[32];
        private int length;

        Attempt(Opcode opcode, List<AssemblyOperand> operands, int operandSize, int addressSize) {
            this.opcode = opcode;
            this.form = opcode.form;
            this.operands = operands;
            this.operandSize = operandSize;
            this.addressSize = addressSize;
        }

        /** The encoding, or null if an operand is not of the kind that the encoding has there. */
        Candidate encode() {
            reg = form.digit >= 0 ? form.digit : form.modRmByte >= 0 ? form.modRmByte >> 3 & 7 : 0;
            rm = form.modRmByte >= 0 ? form.modRmByte & 7 : form.rexB ? 8 : 0;
            for (int i = 0; i < operands.size(); i++) {
                if (!operand(opcode.specifiers.get(i), operands.get(i))) {
                    return null;
                }
            }
            if (addressSize == 0) {
                addressSize = memory != null ? memory.size() : mode.bits;
            }
            return emit() && verified() ? new Candidate(Arrays.copyOf(bytes, length), memoryBits) : null;
        }

        private boolean operand(Operand s, AssemblyOperand a) {
            if (a == null) {
                rm = s.place == Operand.Place.RM ? 1 : rm;
                return true;
            }
            return switch (s.place) {
                case REG, VVVV, OPCODE, IMPLIED -> a.register() != null && register(s, a.register());
                case RM -> a.register() != null ? s.register && register(s, a.register()) : a.memory() && s.memory() && memory(s, a);
                case IMMEDIATE_REGISTER -> {
                    boolean fits = a.register() != null && register(s, a.register());
                    immediate(fits ? (long) a.register().number() << 4 : 0, 1);
                    yield fits;
                }
                case ONE -> a.immediate() && a.value().known() && !a.value().address() && a.value().number() == 1;
                case IMMEDIATE -> a.immediate() && a.distance().isEmpty() && immediate(s, a);
                case RELATIVE -> a.immediate() && branch(s, a);
                case FAR_POINTER -> a.selector() != null && farPointer(a);
                case OFFSET -> a.memory() && offset(s, a);
                case STRING -> false;
            };
        }

        private boolean register(Operand s, Register r) {
            if (r.file() != s.file || s.place == Operand.Place.IMPLIED && (r.number() != s.number || r.high())) {
                return false;
            }
            if (s.file == Register.File.GENERAL) {
                int bits = s.type.bits(operandSize, addressSize == 0 ? mode.bits : addressSize, 0);
                boolean selector = s.type == Operand.Type.W && opcode.specifiers.getFirst().file == Register.File.SEGMENT && r.bits() > 8;
                if (r.bits() != bits && !selector) {
                    return false;
                }
                rexNeeded |= r.low();
                rexForbidden |= r.high();
            } else if (s.file == Register.File.VECTOR && r.bits() != vectorBits(s.type)) {
                return false;
            }
            switch (s.place) {
                case REG -> reg = r.number();
                case RM, OPCODE -> rm = r.number();
                case VVVV -> vvvv = r.number();
                default -> {}
            }
            return true;
        }

        private int vectorBits(Operand.Type type) {
            return type == Operand.Type.X ? 128 << form.vectorLength : type == Operand.Type.QQ ? 256 : 128;
        }

        private boolean memory(Operand s, AssemblyOperand a) {
            if (a.addressSize() == 64 && a.value().plain() && opcode.mnemonic.equals("MOV")) {
                return false;
            }
            int given = addressSize != 0 ? addressSize : prefixes.addressSize;
            memory = AssemblyAddress.of(a, mode, given, s.sib, s.vectorIndex);
            segment = a.segment() >= 0 ? a.segment() : segment;
            return memorySize(s.memoryType, a);
        }

        private boolean memorySize(Operand.Type type, AssemblyOperand a) {
            int bits = type.bits(operandSize, mode.bits, form.vectorLength);
            memoryBits = a.size() == 0 ? bits : 0;
            return a.size() == 0 || bits == 0 || a.size() == (type == Operand.Type.P ? operandSize : bits);
        }

        private boolean offset(Operand s, AssemblyOperand a) {
            if (!a.value().plain() || a.relative() || !memorySize(s.type, a)) {
                return false;
            }
            long number = a.value().number();
            int size = a.addressSize() != 0 ? a.addressSize() : prefixes.addressSize;
            if (mode == CodeSize.BITS64 && size == 0 && (int) number == number) {
                return false;
            }
            addressSize = size != 0 ? size : mode == CodeSize.BITS16 && number >>> 16 != 0 ? 32 : mode.bits;
            segment = a.segment() >= 0 ? a.segment() : segment;
            if (addressSize < 64 && number >>> addressSize != 0) {
                return false;
            }
            return immediate(number, addressSize / 8);
        }

        private boolean immediate(long value, int size) {
            immediates[immediateCount] = value;
            immediateBytes[immediateCount++] = size;
            return true;
        }

        private boolean immediate(Operand s, AssemblyOperand a) {
            int encoded = s.type.bits(operandSize, addressSize, 0);
            int bits = s.type == Operand.Type.Z || s.signExtended ? operandSize : encoded;
            if (a.size() != 0 && a.size() != (a.size() == 8 ? encoded : bits)) {
                return false;
            }
            if (s.signExtended && a.size() != 8 && (a.value().address() || !a.value().known())) {
                return false;
            }
            long number = a.value().number();
            if (bits < 64 && number >> bits != 0 && number >> bits - 1 != -1) {
                throw new IllegalArgumentException("the value does not fit into " + bits + " bits");
            }
            long meant = extend(number, bits);
            if (extend(number, encoded) != meant) {
                throw new IllegalArgumentException("the value does not fit into a sign-extended immediate of " + encoded + " bits");
            }
            return immediate(number, encoded / 8);
        }

        private static long extend(long value, int bits) {
            return value << 64 - bits >> 64 - bits;
        }

        private boolean branch(Operand s, AssemblyOperand a) {
            boolean small = s.type == Operand.Type.B;
            if (a.distance().equals("short") && !small || a.distance().equals("near") && small || a.distance().equals("far")) {
                return false;
            }
            if (a.size() != 0 && a.size() != operandSize) {
                return false;
            }
            relative = true;
            return immediate(a.value().number(), small ? 1 : operandSize == 16 ? 2 : 4);
        }

        private boolean farPointer(AssemblyOperand a) {
            if (a.size() != 0 && a.size() != operandSize) {
                return false;
            }
            if (operandSize < 64 && a.value().number() >>> operandSize != 0) {
                throw new IllegalArgumentException("the offset does not fit into " + operandSize + " bits");
            }
            immediate(a.value().number(), operandSize / 8);
            return immediate(a.selector().number(), 2);
        }

        private void put(int b) {
            bytes[length++] = (byte) b;
        }

        private void put(long value, int size) {
            for (int i = 0; i < size; i++) {
                put((int) (value >>> 8 * i));
            }
        }

        /** Writes the bytes; false if the operands cannot be encoded. */
        private boolean emit() {
            boolean w = form.w;
            boolean operandPrefix = prefixes.operandSize == 16 && ignoresOperandSize(opcode);
            if (Decoder.operandSize(opcode, mode, 0, w) != operandSize) {
                operandPrefix = operandSize == 16 || mode != CodeSize.BITS64 && Decoder.operandSize(opcode, mode, 0, false) == 16;
                w |= operandSize == 64;
                int effective = Decoder.operandSize(opcode, mode, operandPrefix ? Instruction.OPERAND_SIZE : 0, w);
                if (effective != operandSize || operandPrefix && (form.noPrefix || form.vex)) {
                    return false;
                }
            }
            int r = reg >> 3 & 1;
            int x = memory != null && memory.sib() ? memory.index() >> 3 & 1 : 0;
            int b = (memory == null ? rm : memory.sib() ? memory.base() : memory.rm()) >> 3 & 1;
            boolean rex = (w || r + x + b != 0 || rexNeeded) && !form.vex;
            if (rex && (mode != CodeSize.BITS64 || rexForbidden) || mode != CodeSize.BITS64 && r + x + b != 0) {
                return false;
            }
            legacyPrefixes(operandPrefix);
            if (form.vex) {
                vex(r, x, b, w);
            } else {
                if (rex) {
                    put(0x40 | (w ? 8 : 0) | r << 2 | x << 1 | b);
                }
                if (form.map != Encoding.ONE_BYTE) {
                    put(0x0F);
                }
                if (form.map >= Encoding.MAP_0F38) {
                    put(form.map == Encoding.MAP_0F38 ? 0x38 : 0x3A);
                }
            }
            put(form.code | (form.registerInOpcode ? rm & 7 : 0));
            int displacementAt = modRm();
            int immediateAt = length;
            for (int i = 0; i < immediateCount; i++) {
                put(immediates[i], immediateBytes[i]);
            }
            if (relative) {
                return patchBranch(immediateAt);
            }
            if (memory != null && memory.target()) {
                return patchDisplacement(displacementAt);
            }
            return true;
        }

        private void legacyPrefixes(boolean operandPrefix) {
            if (segment >= 0 || (prefixes.bits & Instruction.NOTRACK) != 0) {
                put(segment < 0 ? 0x3E : new int[] {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65}[segment]);
            }
            if (addressSize != mode.bits) {
                put(0x67);
            }
            if ((prefixes.bits & Instruction.LOCK) != 0) {
                put(0xF0);
            }
            if ((prefixes.bits & Instruction.REPNE) != 0) {
                put(0xF2);
            }
            if ((prefixes.bits & Instruction.REP) != 0) {
                put(0xF3);
            }
            if (operandPrefix) {
                put(0x66);
            }
            if (!form.vex && form.mandatoryPrefix != 0) {
                put(form.mandatoryPrefix);
            }
        }

        private void vex(int r, int x, int b, boolean w) {
            int pp = switch (form.mandatoryPrefix) {
                case 0x66 -> 1;
                case 0xF3 -> 2;
                case 0xF2 -> 3;
                default -> 0;
            };
            int last = (~vvvv & 15) << 3 | form.vectorLength << 2 | pp;
            if (form.map == Encoding.MAP_0F && x + b == 0 && !w) {
                put(0xC5);
                put((1 - r) << 7 | last);
            } else {
                put(0xC4);
                put((1 - r) << 7 | (1 - x) << 6 | (1 - b) << 5 | form.map);
                put((w ? 0x80 : 0) | last);
            }
        }

        /** Writes ModRM, SIB and displacement; returns where the displacement is. */
        private int modRm() {
            if (!form.modRm) {
                return length;
            }
            if (memory == null) {
                put(0xC0 | (reg & 7) << 3 | rm & 7);
                return length;
            }
            put(memory.mod() << 6 | (reg & 7) << 3 | memory.rm() & 7);
            if (memory.sib()) {
                put(memory.scale() << 6 | (memory.index() & 7) << 3 | memory.base() & 7);
            }
            put(memory.displacement(), memory.displacementBytes());
            return length - memory.displacementBytes();
        }

        private boolean patchBranch(int at) {
            int bits = mode == CodeSize.BITS64 && operandSize == 16 ? 64 : operandSize;
            long distance = extend(immediates[0] - (address + length), bits);
            if (extend(distance, 8 * immediateBytes[0]) != distance) {
                AssemblyOperand target = operands.getFirst();
                if (target.value().known()) {
                    throw new IllegalArgumentException("the branch target is too far away");
                }
                distance = 0;
            }
            int end = length;
            length = at;
            put(distance, immediateBytes[0]);
            length = end;
            return true;
        }

        private boolean patchDisplacement(int at) {
            long distance = memory.displacement() - (address + length);
            if ((int) distance != distance) {
                throw new IllegalArgumentException("the address is too far away from the instruction");
            }
            int end = length;
            length = at;
            put(distance, 4);
            length = end;
            return true;
        }

        /** The bytes mean what was to be encoded, and not, say, NOP instead of XCHG. */
        private boolean verified() {
            Decoder.Result result = new Decoder.Result();
            return EVERYTHING.decode(bytes, 0, length, mode, result) == Decoder.Outcome.OK
                    && result.instruction.opcode == opcode && result.length == length;
        }
    }

    private static Map<String, List<Named>> byName() {
        Map<String, List<Named>> map = new HashMap<>();
        for (Opcode o : InstructionTable.opcodes()) {
            if (o.names.size() == 1) {
                map.computeIfAbsent(o.mnemonic, k -> new ArrayList<>()).add(new Named(o, 0));
                continue;
            }
            for (int i = 0; i < o.names.size(); i++) {
                boolean any = i == 0 && ANY_SIZE.contains(o.mnemonic);
                map.computeIfAbsent(o.names.get(i), k -> new ArrayList<>()).add(new Named(o, any ? 0 : 16 << i));
            }
        }
        return map;
    }

    private static Map<String, String> aliases() {
        Map<String, String> map = new HashMap<>();
        String[] conditions = {
            "C B", "NAE B", "NB AE", "NC AE", "Z E", "NZ NE", "NA BE", "NBE A", "PE P", "PO NP", "NGE L", "NL GE", "NG LE", "NLE G"
        };
        for (String pair : conditions) {
            int space = pair.indexOf(' ');
            for (String prefix : List.of("J", "SET", "CMOV")) {
                map.put(prefix + pair.substring(0, space), prefix + pair.substring(space + 1));
            }
        }
        map.put("SAL", "SHL");
        map.put("XLAT", "XLATB");
        map.put("LOOPZ", "LOOPE");
        map.put("LOOPNZ", "LOOPNE");
        map.put("WAIT", "FWAIT");
        map.put("RETN", "RET");
        map.put("ICEBP", "INT1");
        map.put("FUCOMPI", "FUCOMIP");
        map.put("FCOMPI", "FCOMIP");
        return Map.copyOf(map);
    }
}
