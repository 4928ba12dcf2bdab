package dev.javisor.processor.integer;

import static dev.javisor.processor.Rig.DATA;
import static dev.javisor.processor.Rig.RBX;
import static dev.javisor.processor.Rig.RCX;
import static dev.javisor.processor.Rig.RDI;
import static dev.javisor.processor.Rig.RDX;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Flags;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ShiftTest {
    private static final int ROUNDS = 300;
    private static final long SHIFTED = Flags.SF | Flags.ZF | Flags.PF;

    /** In the order of the opcode extensions; 6 is SHL once more. */
    enum Operation {
        ROL,
        ROR,
        RCL,
        RCR,
        SHL,
        SHR,
        SAL,
        SAR
    }

    private final Rig r = Rig.bits64();
    private final long seed = Long.getLong("javisor.seed", System.nanoTime());
    private final SplittableRandom random = new SplittableRandom(seed);

    /** One place at a time, as the manual's pseudo code goes. CF in bit 0 of {@code flags}; OF as for a count of 1 at the last step. */
    private static long[] shift(Operation op, long value, int count, int bits, long flags) {
        long v = value & Model.mask(bits);
        long carry = flags & Flags.CF;
        long overflow = flags & Flags.OF;
        for (int n = 0; n < count; n++) {
            long top = v >>> bits - 1;
            long low = v & 1;
            long before = carry;
            switch (op) {
                case ROL, RCL, SHL, SAL -> {
                    long in = op == Operation.ROL ? top : op == Operation.RCL ? before : 0;
                    v = v << 1 & Model.mask(bits) | in;
                    carry = top;
                    overflow = (v >>> bits - 1) != carry ? Flags.OF : 0;
                }
                default -> {
                    long in = op == Operation.ROR ? low : op == Operation.RCR ? before : op == Operation.SAR ? top : 0;
                    v = v >>> 1 | in << bits - 1;
                    carry = low;
                    overflow = (v >>> bits - 1) != (v >>> bits - 2 & 1) ? Flags.OF : 0;
                }
            }
        }
        return new long[] {v, carry | overflow};
    }

    private static String opcode(int bits, int byteForm, int modRm) {
        String prefix = bits == 16 ? "66 " : bits == 64 ? "48 " : "";
        return prefix + "%02X %02X".formatted(bits == 8 ? byteForm : byteForm + 1, modRm);
    }

    @ParameterizedTest
    @EnumSource
    void everyFormShiftsPlaceByPlace(Operation op) {
        int register = 0xC3 | op.ordinal() << 3;
        int memory = 0x07 | op.ordinal() << 3;
        for (int round = 0; round < ROUNDS; round++) {
            for (int bits = 8; bits <= 64; bits *= 2) {
                long a = Model.operand(random);
                int count = random.nextInt(256);
                long flags = random.nextLong() & Flags.ARITHMETIC;
                r.set(RBX, a).flags(flags).run(opcode(bits, 0xC0, register) + "%02X".formatted(count));
                check(op, a, count, bits, flags, r.get(RBX));
                r.set(RBX, a).set(RCX, count | random.nextLong() << 8).flags(flags).run(opcode(bits, 0xD2, register));
                check(op, a, count, bits, flags, r.get(RBX));
                r.set(RBX, a).flags(flags).run(opcode(bits, 0xD0, register));
                check(op, a, 1, bits, flags, r.get(RBX));
                r.set(RDI, DATA).store(DATA, 8, a).flags(flags).run(opcode(bits, 0xC0, memory) + "%02X".formatted(count));
                check(op, a, count, bits, flags, Model.merged(a, r.load(DATA, bits / 8), bits));
            }
        }
    }

    private void check(Operation op, long a, int count, int bits, long flags, long actual) {
        int n = count & (bits == 64 ? 63 : 31);
        String what = "%s %x by %d, %d bits, seed %d".formatted(op, a, count, bits, seed);
        long[] expected = shift(op, a, n, bits, flags);
        assertThat(actual).as(what).isEqualTo(Model.merged(a, expected[0], bits));
        boolean rotates = op.ordinal() < 4;
        boolean wholeTurn = (op == Operation.RCL || op == Operation.RCR) && n % (bits + 1) == 0;
        if (n == 0 || wholeTurn) {
            assertThat(r.flags()).as(what).isEqualTo(flags);
            return;
        }
        assertThat(r.flags() & (Flags.CF | Flags.OF)).as(what).isEqualTo(expected[1]);
        assertThat(r.flags() & SHIFTED).as(what).isEqualTo(rotates ? flags & SHIFTED : Model.signZeroParity(expected[0], bits));
        assertThat(r.flags() & Flags.AF).as(what).isEqualTo(rotates ? flags & Flags.AF : 0);
    }

    @Test
    void zeroCountStillClearsTheUpperHalfOf32Bits() {
        assertThat(r.set(RBX, -1).run("C1 E3 20").get(RBX)).isEqualTo(0xFFFFFFFFL);
    }

    @Test
    void doubleShiftsTakeBitsFromTheSecondOperand() {
        for (int round = 0; round < 10 * ROUNDS; round++) {
            int bits = 16 << random.nextInt(3);
            String prefix = bits == 16 ? "66 " : bits == 64 ? "48 " : "";
            int count = random.nextInt(bits == 16 ? 17 : bits);
            long a = Model.operand(random);
            long b = Model.operand(random);
            long flags = random.nextLong() & Flags.ARITHMETIC;
            long left = Model.unsigned(a, bits).shiftLeft(bits).or(Model.unsigned(b, bits)).shiftLeft(count).shiftRight(bits).longValue();
            r.set(RBX, a).set(RDX, b).flags(flags).run(prefix + "0F A4 D3 %02X".formatted(count));
            checkDouble("SHLD", a, count, bits, flags, left, Model.unsigned(a, bits).testBit(Math.max(0, bits - count)));
            long right = Model.unsigned(b, bits).shiftLeft(bits).or(Model.unsigned(a, bits)).shiftRight(count).longValue();
            r.set(RBX, a).set(RDX, b).set(RCX, count).flags(flags).run(prefix + "0F AD D3");
            checkDouble("SHRD", a, count, bits, flags, right, Model.unsigned(a, bits).testBit(Math.max(0, count - 1)));
        }
    }

    private void checkDouble(String name, long a, int count, int bits, long flags, long result, boolean carry) {
        String what = "%s %x by %d, %d bits, seed %d".formatted(name, a, count, bits, seed);
        assertThat(r.get(RBX)).as(what).isEqualTo(Model.merged(a, result, bits));
        if (count == 0) {
            assertThat(r.flags()).as(what).isEqualTo(flags);
        } else {
            assertThat(r.flags() & (SHIFTED | Flags.CF)).as(what).isEqualTo(Model.signZeroParity(result, bits) | (carry ? Flags.CF : 0));
        }
        if (count == 1) {
            boolean signChanged = ((a ^ result) >>> bits - 1 & 1) != 0;
            assertThat(r.flags() & Flags.OF).as(what).isEqualTo(signChanged ? Flags.OF : 0);
        }
    }
}
