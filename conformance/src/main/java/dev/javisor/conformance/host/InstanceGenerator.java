package dev.javisor.conformance.host;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.javisor.conformance.Form;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Instruction;
import dev.javisor.isa.Opcode;
import dev.javisor.processor.simd.Mxcsr;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;

/** Makes cases: a random instance of a random instruction, and a random state in which its operands can be reached. */
final class InstanceGenerator {
    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;
    private static final int ARITHMETIC = 0x8D5, DF = 0x400, AC = 0x40000, TF = 0x100;
    private static final int MAX_LENGTH = Decoder.MAX_LENGTH;
    /** Nothing is mapped here; the second part only code in 64-bit mode can reach. */
    private static final long HOLE = 0x5678_0000L, HIGH_HOLE = 0x4000_0000_0000L;

    /** Of bytes that are no instruction. */
    private static final int[] PREFIXES = {0x66, 0x67, 0xF2, 0xF3, 0x2E, 0x64};
    private static final byte[][] MAPS = {{}, {0x0F}, {0x0F}, {0x0F, 0x38}, {0x0F, 0x3A}};

    private final SplittableRandom random;
    private final Values values;
    private final List<Form> forms;
    private final boolean[] allowed;
    private final Decoder decoder;
    private final Decoder.Result decoded = new Decoder.Result();
    private final Form.Draft draft = new Form.Draft();
    private final long[] gpr = new long[16];
    private final int mxcsrMask;
    private final boolean code32;
    private final int undefined;

    /**
     * @param mxcsrMask bits of MXCSR that both processors have
     * @param code32 32-bit code too
     * @param undefined of so many cases one is of bytes that are no instruction; 0 for none
     */
    InstanceGenerator(Population population, Decoder decoder, long seed, int mxcsrMask, boolean code32, int undefined) {
        this.random = new SplittableRandom(seed);
        this.values = new Values(random);
        this.forms = population.forms();
        this.allowed = population.allowed();
        this.decoder = decoder;
        this.mxcsrMask = mxcsrMask;
        this.code32 = code32;
        this.undefined = undefined;
    }

    /** Fills a case. @return its instruction, or null for bytes that are none */
    Instruction next(MemorySegment out) {
        if (undefined > 0 && random.nextInt(undefined) == 0) {
            return undefined(out);
        }
        while (true) {
            boolean code64 = !code32 || random.nextInt(5) != 0;
            Form form = forms.get(random.nextInt(forms.size()));
            form.write(draft, random, code64);
            Decoder.Outcome outcome = decoder.decode(draft.bytes, 0, MAX_LENGTH, code64 ? CodeSize.BITS64 : CodeSize.BITS32, decoded);
            Instruction i = decoded.instruction;
            boolean illegalLock = outcome == Decoder.Outcome.INVALID && draft.locked;
            boolean legal = outcome == Decoder.Outcome.OK && i.opcode == form.opcode && suits(i, code64);
            if (illegalLock && code64 && random.nextInt(10) == 0 || legal) {
                Instruction made = fill(out, i, code64);
                if (made == null || !pushesIntoRunner(made)) {
                    return made;
                }
            }
        }
    }

    /** Bytes that the model has no instruction for, nor the host one that the model lacks. */
    private Instruction undefined(MemorySegment out) {
        while (true) {
            boolean code64 = !code32 || random.nextInt(3) != 0;
            random.nextBytes(draft.bytes);
            draft.displacementAt = -1;
            int at = 0;
            for (int n = random.nextInt(3) == 0 ? random.nextInt(4) : 0; n > 0; n--) {
                draft.bytes[at++] = (byte) PREFIXES[random.nextInt(PREFIXES.length)];
            }
            if (code64 && random.nextInt(3) == 0) {
                draft.bytes[at++] = (byte) (0x40 | random.nextInt(16));
            }
            byte[] map = MAPS[random.nextInt(MAPS.length)];
            System.arraycopy(map, 0, draft.bytes, at, map.length);
            Decoder.Outcome outcome = decoder.decode(draft.bytes, 0, MAX_LENGTH, code64 ? CodeSize.BITS64 : CodeSize.BITS32, decoded);
            if (outcome == Decoder.Outcome.INVALID && !Population.isBeyondModel(draft.bytes, code64)) {
                return fill(out, null, code64);
            }
        }
    }

    /** Repeat prefixes of other than string instructions are reserved; processors give some branches a meaning with them. */
    private boolean suits(Instruction i, boolean code64) {
        boolean segmentless = !code64 && (i.segment > 3 || i.segment == 1);
        boolean reserved = i.opcode.is(Opcode.BRANCH) && i.has(Instruction.REP | Instruction.REPNE);
        return allowed[i.opcode.id] && !segmentless && !reserved;
    }

    /** Where the stack pointer is the base of a memory operand, the stack is anywhere. */
    private boolean pushesIntoRunner(Instruction i) {
        return Population.usesStack(i.opcode.mnemonic) && Layout.touchesRunner(gpr[RSP]);
    }

    /** @return the instruction as it is in the end */
    private Instruction fill(MemorySegment out, Instruction i, boolean code64) {
        values.next();
        int length = i == null ? MAX_LENGTH : i.length;
        for (int r = 0; r < 16; r++) {
            gpr[r] = values.integer();
        }
        long flags = 2 | random.nextInt() & ARITHMETIC | (random.nextInt(4) == 0 ? DF : 0);
        state(out);
        if (i != null) {
            operands(out, i, code64);
            if (i.memory && Population.readsAtWill(i)) {
                int at = Layout.CASE_X87 + 24;
                out.set(JAVA_INT_UNALIGNED, at, out.get(JAVA_INT_UNALIGNED, at) & ~Mxcsr.MM);
            }
            if (random.nextInt(30) == 0 && Population.checksAlignment(i)) {
                flags |= AC;
            }
        }
        if (!code64) {
            for (int r = 0; r < 16; r++) {
                gpr[r] = r < 8 ? gpr[r] & 0xFFFFFFFFL : 0;
            }
        }
        MemorySegment.copy(gpr, 0, out, JAVA_LONG_UNALIGNED, 0, 16);
        out.set(JAVA_LONG_UNALIGNED, Layout.FLAGS, flags);
        int selector = code64 ? Layout.CODE64_SELECTOR : Layout.CODE32_SELECTOR;
        out.set(JAVA_LONG_UNALIGNED, Layout.CASE_ENTRY, (long) selector << 32 | Layout.ENTRY);
        int at = Layout.CASE_CODE;
        out.asSlice(at, Layout.CODE_SIZE).fill((byte) 0xCC);
        at += Layout.CODE_OFFSET;
        MemorySegment.copy(draft.bytes, 0, out, JAVA_BYTE, at, length);
        tail(out, at + length, Layout.ENTRY + length, code64);
        decoder.decode(draft.bytes, 0, MAX_LENGTH, code64 ? CodeSize.BITS64 : CodeSize.BITS32, decoded);
        return decoded.instruction;
    }

    /** Behind the instruction: a jump to where its results are taken. */
    static void tail(MemorySegment out, int at, int address, boolean code64) {
        if (code64) {
            out.set(JAVA_BYTE, at, (byte) 0xE9);
            out.set(JAVA_INT_UNALIGNED, at + 1, Layout.COMPLETED - (address + 5));
        } else {
            out.set(JAVA_BYTE, at, (byte) 0xEA);
            out.set(JAVA_INT_UNALIGNED, at + 1, Layout.COMPLETED);
            out.set(JAVA_SHORT_UNALIGNED, at + 5, (short) Layout.CODE64_SELECTOR);
        }
    }

    // ---- x87 and SSE state, data ----

    private void state(MemorySegment out) {
        int at = Layout.CASE_X87;
        out.asSlice(at, 512).fill((byte) 0);
        int control = random.nextInt(4) << 10 | new int[] {3, 3, 3, 3, 2, 2, 0, 1}[random.nextInt(8)] << 8 | 0x40;
        control |= random.nextInt(10) < 7 ? 0x3F : random.nextInt(64);
        int status = random.nextInt(0x10000) & 0x7F00;
        if (random.nextInt(5) == 0) {
            int raised = random.nextInt(64) & (random.nextInt(10) == 0 ? 0x3F : control);
            status |= raised | ((raised & ~control & 0x3F) != 0 ? 0x8080 : 0);
        }
        out.set(JAVA_SHORT_UNALIGNED, at, (short) control);
        out.set(JAVA_SHORT_UNALIGNED, at + 2, (short) status);
        out.set(JAVA_BYTE, at + 4, (byte) (random.nextInt(4) != 0 ? 0xFF : random.nextInt(256)));
        out.set(JAVA_INT_UNALIGNED, at + 24, mxcsr());
        boolean mmx = random.nextInt(4) == 0;
        for (int r = 0; r < 8; r++) {
            int high = mmx ? 0xFFFF : values.extendedHigh();
            out.set(JAVA_LONG_UNALIGNED, at + 32 + 16 * r, mmx ? values.word(random.nextInt(4)) : values.extendedLow(high));
            out.set(JAVA_SHORT_UNALIGNED, at + 40 + 16 * r, (short) high);
        }
        int kind = random.nextInt(4);
        for (int r = 0; r < 32; r++) {
            out.set(JAVA_LONG_UNALIGNED, at + 160 + 8 * r, values.word(random.nextInt(8) == 0 ? random.nextInt(4) : kind));
        }
        for (int w = 0; w < Layout.WINDOW_SIZE; w += 8) {
            out.set(JAVA_LONG_UNALIGNED, Layout.CASE_WINDOW + w, (w & 56) == 0 ? values.word(kind) : random.nextLong());
        }
    }

    private int mxcsr() {
        int masks = random.nextInt(10) < 7 ? 0x1F80 : random.nextInt() & (0x1F80 | mxcsrMask & ~0xFFFF);
        int control = random.nextInt(4) << 13 | (random.nextInt(5) == 0 ? 0x40 : 0) | (random.nextInt(5) == 0 ? 0x8000 : 0);
        return masks | control | (random.nextInt(2) == 0 ? random.nextInt(64) : 0);
    }

    // ---- operands ----

    private void operands(MemorySegment out, Instruction i, boolean code64) {
        String name = i.opcode.mnemonic;
        implicit(out, i, name);
        long target = 0;
        if (i.memory && !name.equals("LEA") || draft.displacementAt >= 0) {
            target = target(i, name, code64);
            reach(i, target);
            place(out, i, name, target);
        }
        branch(out, i, name, target, code64);
    }

    /** An address in the data window, rarely elsewhere. */
    private long target(Instruction i, String name, boolean code64) {
        int where = random.nextInt(100);
        if (where >= 97) {
            long hole = HOLE + random.nextInt(1 << 28);
            return !code64 || where == 97 ? hole : where == 98 ? HIGH_HOLE + hole : hole << 32 | Long.MIN_VALUE >>> random.nextInt(2);
        }
        boolean large = name.equals("FXSAVE") || name.equals("FXRSTOR");
        boolean lock = i.has(Instruction.LOCK) || name.equals("XCHG");
        int at = random.nextInt(Layout.WINDOW_SIZE - (large ? 511 : 128));
        int aligned = random.nextInt(10);
        if (large || lock || aligned < 6) {
            at &= ~15;
        }
        if (!large && !lock && aligned == 9) {
            at = Layout.WINDOW_SIZE / 2 - random.nextInt(20);
        }
        return area() + Layout.WINDOW_OFFSET + at;
    }

    private long area() {
        int which = random.nextInt(100);
        return which < 84 ? Layout.WINDOW_BOTH : which < 92 ? Layout.WINDOW_FIRST : Layout.WINDOW_READ;
    }

    private long base(Instruction i) {
        return i.segment == 4 ? Layout.FS_BASE : i.segment == 5 ? Layout.GS_BASE : 0;
    }

    /** Sets registers (or a displacement) so that the memory operand is at an address. */
    private void reach(Instruction i, long target) {
        String name = i.opcode.mnemonic;
        long offset = target - base(i);
        if (name.startsWith("BT") && !name.equals("BTS") | i.opcode.operands.contains("Gv") && i.opcode.operands.contains("Gv")) {
            gpr[i.reg] = random.nextInt(-1000, 1000);
        }
        if (i.opcode.operands.stream().anyMatch(o -> o.startsWith("O"))) {
            int bytes = i.addressSize / 8;
            for (int k = 0; k < bytes; k++) {
                draft.bytes[draft.opcodeAt + 1 + k] = (byte) (offset >>> 8 * k);
            }
            return;
        }
        if (i.base == Instruction.RIP) {
            patch(offset - (Layout.ENTRY + i.length));
            return;
        }
        boolean index = i.index != Instruction.NO_REGISTER;
        if (i.base == Instruction.NO_REGISTER) {
            if (index) {
                gpr[i.index] = offset - i.displacement >> i.scale;
            } else if (draft.displacementAt >= 0) {
                patch(offset);
            }
            return;
        }
        if (i.base == i.index) {
            gpr[i.base] = (offset - i.displacement) / (1 + (1L << i.scale));
            return;
        }
        gpr[i.base] = offset - i.displacement - (index ? gpr[i.index] << i.scale : 0);
        if (i.addressSize == 32 && random.nextBoolean()) {
            gpr[i.base] += (long) random.nextInt() << 32;
        }
    }

    private void patch(long displacement) {
        if (draft.displacementAt >= 0) {
            patch(draft.displacementAt, displacement);
        }
    }

    private void patch(int at, long value) {
        for (int k = 0; k < 4; k++) {
            draft.bytes[at + k] = (byte) (value >>> 8 * k);
        }
    }

    private static int windowOffset(long target) {
        return (int) (target & 0xFFFF) - Layout.WINDOW_OFFSET;
    }

    private void write(MemorySegment out, long target, int offset, long value) {
        long area = target & ~0xFFFFL;
        int at = windowOffset(target) + offset;
        boolean inside = area == Layout.WINDOW_BOTH || area == Layout.WINDOW_FIRST || area == Layout.WINDOW_READ;
        if (inside && at >= 0 && at <= Layout.WINDOW_SIZE - 8) {
            out.set(JAVA_LONG_UNALIGNED, Layout.CASE_WINDOW + at, value);
        }
    }

    /** Puts a value that suits the instruction where its memory operand is. */
    private void place(MemorySegment out, Instruction i, String name, long target) {
        int code = i.opcode.code;
        boolean x87 = code >= 0xD8 && code <= 0xDF && name.startsWith("F");
        if (x87) {
            int high = values.extendedHigh();
            boolean extended = i.opcode.operands.contains("Mt");
            write(out, target, 8, name.equals("FBLD") ? decimal() : high);
            write(out, target, 0, name.equals("FBLD") ? decimal() : extended ? values.extendedLow(high) : values.word(random.nextInt(4)));
            return;
        }
        int kind = random.nextInt(4);
        write(out, target, 8, values.word(kind));
        write(out, target, 0, values.word(kind));
        switch (name) {
            case "LDMXCSR" -> write(out, target, 0, random.nextInt(8) == 0 ? random.nextLong() : mxcsr());
            case "FXRSTOR" -> write(out, target, 24, random.nextInt(16) == 0 ? random.nextLong() : mxcsr());
            case "CMPXCHG" -> {
                if (random.nextBoolean()) {
                    write(out, target, 0, gpr[RAX]);
                }
            }
            case "CMPXCHG8B" -> {
                if (random.nextBoolean()) {
                    write(out, target, 0, gpr[RAX] & 0xFFFFFFFFL | gpr[RDX] << 32);
                }
            }
            case "CMPXCHG16B" -> {
                if (random.nextBoolean()) {
                    write(out, target, 0, gpr[RAX]);
                    write(out, target, 8, gpr[RDX]);
                }
            }
            default -> {}
        }
    }

    private long decimal() {
        long digits = random.nextLong();
        for (int k = 0; k < 16; k++) {
            if ((digits >>> 4 * k & 15) > 9) {
                digits &= ~(8L << 4 * k);
            }
        }
        return digits;
    }

    /** Registers that the instruction uses without naming them. */
    private void implicit(MemorySegment out, Instruction i, String name) {
        long middle = Layout.WINDOW_OFFSET + 200;
        switch (name) {
            case "MOVSB", "MOVSW", "CMPSB", "CMPSW", "STOSB", "STOSW", "LODSB", "LODSW", "SCASB", "SCASW" -> {
                // Fast string operations may not notice that two linear addresses are one physical address.
                long area = area() + middle;
                gpr[RSI] = area + random.nextInt(600) - base(i);
                gpr[RDI] = area + random.nextInt(600);
                if (i.has(Instruction.REP | Instruction.REPNE)) {
                    gpr[RCX] = random.nextInt(20);
                }
                if (name.startsWith("CMPS") && random.nextBoolean()) {
                    gpr[RDI] = gpr[RSI] + 8 * random.nextInt(2);
                }
            }
            case "XLATB" -> gpr[RBX] = area() + middle + random.nextInt(500) - (gpr[RAX] & 0xFF) - base(i);
            case "MASKMOVQ", "MASKMOVDQU" -> gpr[RDI] = area() + middle + random.nextInt(500) - base(i);
            case "CLZERO" -> gpr[RAX] = area() + middle + random.nextInt(500) - base(i);
            case "PCMPESTRI", "PCMPESTRM" -> {
                if (random.nextInt(4) != 0) {
                    gpr[RAX] = random.nextInt(-20, 20);
                    gpr[RDX] = random.nextInt(-20, 20);
                }
            }
            case "DIV", "IDIV" -> {
                if (random.nextInt(3) != 0) {
                    gpr[RDX] = random.nextInt(-3, 4);
                }
            }
            case "LOOP", "LOOPE", "LOOPNE", "JCXZ" -> {
                if (random.nextBoolean()) {
                    gpr[RCX] = random.nextInt(3);
                }
            }
            case "ENTER" -> {
                draft.bytes[draft.opcodeAt + 2] = 0;
                draft.bytes[draft.opcodeAt + 1] &= 0x7F;
            }
            default -> {}
        }
        if (Population.usesStack(name)) {
            gpr[RSP] = area() + middle + 100 + (random.nextInt(500) & (random.nextInt(4) == 0 ? -1 : -8));
            if (name.equals("ENTER") || name.equals("LEAVE")) {
                gpr[RBP] = area() + middle + 300 + (random.nextInt(300) & (random.nextInt(4) == 0 ? -1 : -8));
            }
            if (name.equals("POPF")) {
                write(out, gpr[RSP], 0, values.integer() & ~TF);
            }
        }
    }

    /** A branch leads to INT3 or to nowhere. */
    private void branch(MemorySegment out, Instruction i, String name, long target, boolean code64) {
        if (!i.opcode.is(Opcode.BRANCH)) {
            return;
        }
        long destination = random.nextInt(4) == 0 ? HOLE + random.nextInt(1 << 28)
                : random.nextBoolean() ? Layout.CODE_PAGE + random.nextInt(0x700)
                : Layout.CODE_AREA + Layout.CODE_SIZE + random.nextInt(0x700);
        if (i.opcode.operands.contains("Jb")) {
            int length = i.length;
            int relative = random.nextBoolean() ? random.nextInt(16, 128) : random.nextInt(-128, -length - 16);
            draft.bytes[length - 1] = (byte) relative;
        } else if (i.opcode.operands.contains("Jz")) {
            if (i.operandSize == 16 && i.length - draft.opcodeAt <= 4) {
                return;
            }
            patch(i.length - 4, destination - (Layout.ENTRY + i.length));
        } else if (name.equals("RET")) {
            write(out, gpr[RSP], 0, destination);
        } else if (i.memory) {
            write(out, target, 0, destination);
        } else if (name.equals("JMP") || name.equals("CALL") && i.rm != RSP) {
            gpr[i.rm] = destination;
        }
    }
}
