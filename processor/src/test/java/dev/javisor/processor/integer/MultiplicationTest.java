package dev.javisor.processor.integer;

import static dev.javisor.processor.Rig.RAX;
import static dev.javisor.processor.Rig.RBX;
import static dev.javisor.processor.Rig.RCX;
import static dev.javisor.processor.Rig.RDX;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestFault;
import java.math.BigInteger;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MultiplicationTest {
    private static final int ROUNDS = 2000;
    private static final long OVERFLOW = Flags.CF | Flags.OF;

    private final Rig r = Rig.bits64();
    private final long seed = Long.getLong("javisor.seed", System.nanoTime());
    private final SplittableRandom random = new SplittableRandom(seed);

    /** Group 3 with the operand in BL, BX, EBX or RBX. */
    private static String group3(int bits, int digit) {
        String modRm = "%02X".formatted(0xC3 | digit << 3);
        return switch (bits) {
            case 8 -> "F6" + modRm;
            case 16 -> "66 F7" + modRm;
            case 32 -> "F7" + modRm;
            default -> "48 F7" + modRm;
        };
    }

    /** Value of the double-width accumulator: AX, DX:AX, EDX:EAX or RDX:RAX. */
    private BigInteger accumulator(int bits) {
        if (bits == 8) {
            return Model.unsigned(r.get(RAX), 16);
        }
        return Model.unsigned(r.get(RDX), bits).shiftLeft(bits).or(Model.unsigned(r.get(RAX), bits));
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 32, 64})
    void doubleWidthProducts(int bits) {
        for (int round = 0; round < ROUNDS; round++) {
            long a = Model.operand(random);
            long b = Model.operand(random);
            BigInteger product = Model.unsigned(a, bits).multiply(Model.unsigned(b, bits));
            r.set(RAX, a).set(RBX, b).run(group3(bits, 4));
            assertThat(accumulator(bits)).as("MUL %x %x seed %d", a, b, seed).isEqualTo(product);
            assertThat(r.flags() & OVERFLOW).isEqualTo(product.bitLength() > bits ? OVERFLOW : 0);
            BigInteger signed = Model.signed(a, bits).multiply(Model.signed(b, bits));
            r.set(RAX, a).set(RBX, b).run(group3(bits, 5));
            assertThat(accumulator(bits)).as("IMUL %x %x seed %d", a, b, seed).isEqualTo(signed.mod(BigInteger.TWO.pow(2 * bits)));
            assertThat(r.flags() & OVERFLOW).isEqualTo(signed.bitLength() > bits - 1 ? OVERFLOW : 0);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64})
    void truncatedProducts(int bits) {
        String prefix = bits == 16 ? "66 " : bits == 64 ? "48 " : "";
        for (int round = 0; round < ROUNDS; round++) {
            long a = Model.operand(random);
            long b = Model.operand(random);
            BigInteger product = Model.signed(a, bits).multiply(Model.signed(b, bits));
            r.set(RCX, a).set(RBX, b).run(prefix + "0F AF CB");
            assertThat(r.get(RCX)).as("IMUL %x %x seed %d", a, b, seed).isEqualTo(Model.merged(a, product.longValue(), bits));
            assertThat(r.flags() & OVERFLOW).isEqualTo(product.bitLength() > bits - 1 ? OVERFLOW : 0);
            BigInteger byImmediate = Model.signed(b, bits).multiply(BigInteger.valueOf((byte) a));
            r.set(RCX, a).run(prefix + "6B CB %02X".formatted(a & 0xFF));
            assertThat(r.get(RCX)).as("IMUL %x %x seed %d", b, a, seed).isEqualTo(Model.merged(a, byImmediate.longValue(), bits));
            assertThat(r.flags() & OVERFLOW).isEqualTo(byImmediate.bitLength() > bits - 1 ? OVERFLOW : 0);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 32, 64})
    void unsignedDivision(int bits) {
        for (int round = 0; round < ROUNDS; round++) {
            divide(bits, 6, false);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 32, 64})
    void signedDivision(int bits) {
        for (int round = 0; round < ROUNDS; round++) {
            divide(bits, 7, true);
        }
    }

    private void divide(int bits, int digit, boolean signed) {
        long divisor = Model.operand(random);
        r.set(RBX, divisor).set(RAX, Model.operand(random)).set(RDX, random.nextBoolean() ? Model.operand(random) : r.get(RAX) >> 63);
        if (random.nextInt(4) == 0) {
            r.set(RDX, divisor >> 1);
        }
        long oldAx = r.get(RAX);
        BigInteger dividend = accumulator(bits);
        if (signed && dividend.testBit(2 * bits - 1)) {
            dividend = dividend.subtract(BigInteger.TWO.pow(2 * bits));
        }
        BigInteger d = signed ? Model.signed(divisor, bits) : Model.unsigned(divisor, bits);
        String what = "%s / %s, %d bits, seed %d".formatted(dividend, d, bits, seed);
        BigInteger[] expected = d.signum() == 0 ? null : dividend.divideAndRemainder(d);
        if (expected == null || (signed ? expected[0].bitLength() > bits - 1 : expected[0].bitLength() > bits)) {
            assertThat(r.fault(group3(bits, digit))).as(what).isEqualTo(Event.exception(Event.DE));
            assertThat(r.get(RAX)).as(what).isEqualTo(oldAx);
            return;
        }
        try {
            r.run(group3(bits, digit));
        } catch (GuestFault fault) {
            throw new AssertionError(what, fault);
        }
        long quotient = r.get(RAX);
        long remainder = bits == 8 ? r.get(RAX) >>> 8 : r.get(RDX);
        assertThat(quotient & Model.mask(bits)).as(what).isEqualTo(expected[0].longValue() & Model.mask(bits));
        assertThat(remainder & Model.mask(bits)).as(what).isEqualTo(expected[1].longValue() & Model.mask(bits));
    }

    @Test
    void mulxKeepsFlagsAndPrefersTheHighHalf() {
        for (int round = 0; round < ROUNDS; round++) {
            long a = Model.operand(random);
            long b = Model.operand(random);
            BigInteger product = Model.unsigned(a, 64).multiply(Model.unsigned(b, 64));
            r.set(RDX, a).set(RBX, b).flags(Flags.ZF).run("C4 E2 F3 F6 C3");
            assertThat(r.get(RAX)).as("MULX RAX,RCX,RBX %x %x", a, b).isEqualTo(product.shiftRight(64).longValue());
            assertThat(r.get(RCX)).isEqualTo(product.longValue());
            assertThat(r.flags()).isEqualTo(Flags.ZF);
            r.run("C4 E2 FB F6 C3");
            assertThat(r.get(RAX)).as("MULX RAX,RAX,RBX").isEqualTo(product.shiftRight(64).longValue());
        }
    }
}
