package dev.javisor.processor.integer;

import static dev.javisor.processor.Rig.DATA;
import static dev.javisor.processor.Rig.RAX;
import static dev.javisor.processor.Rig.RBX;
import static dev.javisor.processor.Rig.RCX;
import static dev.javisor.processor.Rig.RDI;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ArithmeticTest {
    private static final int ROUNDS = 300;

    /** In the order of the opcode map: the opcodes begin at eight times the ordinal. */
    enum Operation {
        ADD,
        OR,
        ADC,
        SBB,
        AND,
        SUB,
        XOR,
        CMP;

        Model model(long a, long b, int carry, int bits) {
            return switch (this) {
                case ADD -> Model.add(a, b, 0, bits);
                case ADC -> Model.add(a, b, carry, bits);
                case SUB, CMP -> Model.sub(a, b, 0, bits);
                case SBB -> Model.sub(a, b, carry, bits);
                case AND -> Model.logic(a & b, bits);
                case OR -> Model.logic(a | b, bits);
                case XOR -> Model.logic(a ^ b, bits);
            };
        }
    }

    private final Rig r = Rig.bits64();
    private final long seed = Long.getLong("javisor.seed", System.nanoTime());
    private final SplittableRandom random = new SplittableRandom(seed);

    /** Prefix and opcode for an operand size, from the byte form's opcode. */
    private static String opcode(int bits, int byteForm) {
        return switch (bits) {
            case 8 -> "%02X".formatted(byteForm);
            case 16 -> "66 %02X".formatted(byteForm + 1);
            case 32 -> "%02X".formatted(byteForm + 1);
            default -> "48 %02X".formatted(byteForm + 1);
        };
    }

    private static String immediate(long v, int bits) {
        StringBuilder s = new StringBuilder();
        for (int n = 0; n < Math.min(bits, 32) / 8; n++) {
            s.append(" %02X".formatted(v >>> 8 * n & 0xFF));
        }
        return s.toString();
    }

    private void check(String what, Operation op, long a, long b, int bits, long oldDestination, long destination, long carryIn) {
        Model m = op.model(a, b, (int) carryIn, bits);
        long expected = op == Operation.CMP ? oldDestination : Model.merged(oldDestination, m.result(), bits);
        assertThat(destination).as("%s %s %x %x bits %d seed %d", what, op, a, b, bits, seed).isEqualTo(expected);
        assertThat(r.flags()).as("flags of %s %s %x %x bits %d seed %d", what, op, a, b, bits, seed).isEqualTo(m.flags());
    }

    @ParameterizedTest
    @EnumSource
    void everyFormComputesResultAndFlags(Operation op) {
        int first = 8 * op.ordinal();
        for (int round = 0; round < ROUNDS; round++) {
            for (int bits = 8; bits <= 64; bits *= 2) {
                long a = Model.operand(random);
                long b = Model.operand(random);
                long imm = bits == 64 ? (int) b : b;
                long carry = random.nextInt(2);
                r.set(RBX, a).set(RCX, b).flags(carry).run(opcode(bits, first) + "CB");
                check("rm,reg", op, a, b, bits, a, r.get(RBX), carry);
                r.set(RBX, a).set(RCX, b).flags(carry).run(opcode(bits, first + 2) + "D9");
                check("reg,rm", op, a, b, bits, a, r.get(RBX), carry);
                r.set(RAX, a).flags(carry).run(opcode(bits, first + 4) + immediate(b, bits));
                check("accumulator,imm", op, a, imm, bits, a, r.get(RAX), carry);
                r.set(RBX, a).flags(carry).run(opcode(bits, 0x80) + "%02X".formatted(0xC3 | first) + immediate(b, bits));
                check("rm,imm", op, a, imm, bits, a, r.get(RBX), carry);
                r.set(RBX, a).set(RDI, DATA).store(DATA, 8, b).flags(carry).run(opcode(bits, first + 2) + "1F");
                check("reg,mem", op, a, b, bits, a, r.get(RBX), carry);
                r.store(DATA, 8, a).set(RCX, b).flags(carry).run(opcode(bits, first) + "0F");
                checkMemory("mem,reg", op, a, b, bits, carry);
                r.store(DATA, 8, a).flags(carry).run(opcode(bits, 0x80) + "%02X".formatted(0x07 | first) + immediate(b, bits));
                checkMemory("mem,imm", op, a, imm, bits, carry);
            }
        }
    }

    private void checkMemory(String what, Operation op, long a, long b, int bits, long carry) {
        long upper = bits == 64 ? 0 : a & ~Model.mask(bits);
        check(what, op, a, b, bits, a & Model.mask(bits), r.load(DATA, bits / 8), carry);
        assertThat(r.load(DATA, 8) & ~Model.mask(bits)).as("bytes behind the operand").isEqualTo(bits == 64 ? 0 : upper);
    }

    @Test
    void signExtendedByteImmediate() {
        assertThat(r.set(RBX, 5).run("48 83 C3 FF").get(RBX)).isEqualTo(4);
    }

    @Test
    void highByteRegistersWithoutRexPrefix() {
        r.set(RAX, 0x11_80L).set(RBX, 0x2233_7FL).run("00 FC");
        assertThat(r.get(RAX)).as("ADD AH,BH").isEqualTo(0x4480L);
        r.set(RAX, 0x1180L).set(RDI, 1).run("40 00 F8");
        assertThat(r.get(RAX)).as("ADD AL,DIL").isEqualTo(0x1181L);
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 32, 64})
    void incAndDecKeepCarry(int bits) {
        for (int round = 0; round < ROUNDS; round++) {
            long a = Model.operand(random);
            long carry = random.nextInt(2);
            Model inc = Model.add(a, 1, 0, bits);
            r.set(RBX, a).flags(carry).run(opcode(bits, 0xFE) + "C3");
            assertThat(r.get(RBX)).isEqualTo(Model.merged(a, inc.result(), bits));
            assertThat(r.flags()).as("INC %x seed %d", a, seed).isEqualTo(inc.flags() & ~Flags.CF | carry);
            Model dec = Model.sub(a, 1, 0, bits);
            r.set(RDI, DATA).store(DATA, 8, a).flags(carry).run(opcode(bits, 0xFE) + "0F");
            assertThat(r.load(DATA, bits / 8)).isEqualTo(dec.result());
            assertThat(r.flags()).as("DEC %x seed %d", a, seed).isEqualTo(dec.flags() & ~Flags.CF | carry);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 32, 64})
    void negSubtractsFromZeroAndNotKeepsFlags(int bits) {
        for (int round = 0; round < ROUNDS; round++) {
            long a = Model.operand(random);
            Model neg = Model.sub(0, a, 0, bits);
            r.set(RBX, a).run(opcode(bits, 0xF6) + "DB");
            assertThat(r.get(RBX)).isEqualTo(Model.merged(a, neg.result(), bits));
            assertThat(r.flags()).as("NEG %x seed %d", a, seed).isEqualTo(neg.flags());
            long flags = random.nextLong() & Flags.ARITHMETIC;
            r.set(RBX, a).flags(flags).run(opcode(bits, 0xF6) + "D3");
            assertThat(r.get(RBX)).isEqualTo(Model.merged(a, ~a, bits));
            assertThat(r.flags()).isEqualTo(flags);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 32, 64})
    void testSetsFlagsOfTheConjunctionOnly(int bits) {
        for (int round = 0; round < ROUNDS; round++) {
            long a = Model.operand(random);
            long b = Model.operand(random);
            r.set(RBX, a).set(RCX, b).run(opcode(bits, 0x84) + "CB");
            assertThat(r.flags()).as("TEST %x,%x seed %d", a, b, seed).isEqualTo(Model.logic(a & b, bits).flags());
            assertThat(r.get(RBX)).isEqualTo(a);
        }
    }

    @Test
    void readModifyWriteOfReadOnlyMemoryFaultsBeforeItChangesAnything() {
        r.set(RDI, DATA).store(DATA, 8, 5).set(RCX, 1).flags(Flags.CF).protect(DATA);
        assertThat(r.fault("48 01 0F").vector()).isEqualTo(Event.PF);
        assertThat(r.flags()).isEqualTo(Flags.CF);
        assertThat(r.load(DATA, 8)).isEqualTo(5);
        assertThat(r.run("48 3B 0F").flags() & Flags.CF).as("a read is allowed").isEqualTo(Flags.CF);
    }

    @Test
    void adcxAndAdoxCarryThroughTheirOwnFlagAndKeepTheOthers() {
        for (int round = 0; round < ROUNDS; round++) {
            long a = Model.operand(random);
            long b = Model.operand(random);
            long flags = random.nextLong() & Flags.ARITHMETIC;
            Model cf = Model.add(a, b, (flags & Flags.CF) != 0 ? 1 : 0, 64);
            r.set(RCX, a).set(RBX, b).flags(flags).run("66 48 0F 38 F6 CB");
            assertThat(r.get(RCX)).isEqualTo(cf.result());
            assertThat(r.flags()).as("seed %d", seed).isEqualTo(flags & ~Flags.CF | cf.flags() & Flags.CF);
            Model of = Model.add(a, b, (flags & Flags.OF) != 0 ? 1 : 0, 32);
            r.set(RCX, a).set(RBX, b).flags(flags).run("F3 0F 38 F6 CB");
            assertThat(r.get(RCX)).isEqualTo(of.result());
            assertThat(r.flags()).as("seed %d", seed).isEqualTo(flags & ~Flags.OF | ((of.flags() & Flags.CF) != 0 ? Flags.OF : 0));
        }
    }
}
