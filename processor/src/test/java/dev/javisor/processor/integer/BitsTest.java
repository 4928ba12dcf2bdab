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
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import java.util.function.LongBinaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BitsTest {
    private static final int ROUNDS = 1000;

    private final Rig r = Rig.bits64();
    private final long seed = Long.getLong("javisor.seed", System.nanoTime());
    private final SplittableRandom random = new SplittableRandom(seed);

    private static String prefix(int bits) {
        return bits == 16 ? "66 " : bits == 64 ? "48 " : "";
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64})
    void registerBitOffsetReachesBeyondTheMemoryOperand(int bits) {
        for (int round = 0; round < ROUNDS; round++) {
            int offset = random.nextInt(-2000, 2000);
            long at = DATA + 0x1000 + Math.floorDiv(offset, 8);
            int bit = Math.floorMod(offset, 8);
            r.set(RDI, DATA + 0x1000).set(RCX, offset).store(at, 1, 0).flags(Flags.CF | Flags.ZF);
            r.run(prefix(bits) + "0F AB 0F");
            assertThat(r.load(at, 1)).as("BTS offset %d", offset).isEqualTo(1L << bit);
            assertThat(r.flags()).isEqualTo(Flags.ZF);
            r.run(prefix(bits) + "0F A3 0F");
            assertThat(r.flags()).as("BT").isEqualTo(Flags.CF | Flags.ZF);
            r.run(prefix(bits) + "0F BB 0F");
            assertThat(r.load(at, 1)).as("BTC").isZero();
        }
    }

    @Test
    void registerAndImmediateOffsetsAreTakenModuloTheOperandSize() {
        assertThat(r.set(RBX, 0).set(RCX, 33).run("0F AB CB").get(RBX)).isEqualTo(2);
        assertThat(r.run("48 0F BA EB 63").get(RBX)).isEqualTo(2 | 1L << 35);
        r.set(RDI, DATA).store(DATA, 8, 0).run("0F BA 2F 25");
        assertThat(r.load(DATA, 8)).as("BTS dword [RDI],37").isEqualTo(1 << 5);
    }

    @Test
    void bitTestOnlyReads() {
        r.set(RDI, DATA).set(RCX, 0).store(DATA, 8, 1).protect(DATA);
        assertThat(r.run("0F A3 0F").flags() & Flags.CF).isEqualTo(Flags.CF);
        assertThat(r.fault("0F AB 0F").vector()).isEqualTo(Event.PF);
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64})
    void scansAndCounts(int bits) {
        for (int round = 0; round < ROUNDS; round++) {
            long a = Model.operand(random);
            BigInteger u = Model.unsigned(a, bits);
            boolean zero = u.signum() == 0;
            int lowest = zero ? bits : u.getLowestSetBit();
            int leading = bits - u.bitLength();
            r.set(RBX, a);
            check("TZCNT", bits, "F3", "BC", lowest, (zero ? Flags.CF : 0) | (lowest == 0 ? Flags.ZF : 0), Flags.CF | Flags.ZF);
            check("LZCNT", bits, "F3", "BD", leading, (zero ? Flags.CF : 0) | (leading == 0 ? Flags.ZF : 0), Flags.CF | Flags.ZF);
            check("POPCNT", bits, "F3", "B8", u.bitCount(), zero ? Flags.ZF : 0, Flags.ARITHMETIC);
            if (!zero) {
                check("BSF", bits, "", "BC", lowest, 0, Flags.ZF);
                check("BSR", bits, "", "BD", u.bitLength() - 1, 0, Flags.ZF);
            }
        }
    }

    private void check(String name, int bits, String mandatory, String opcode, long expected, long flags, long defined) {
        String code = (bits == 16 ? "66 " : "") + mandatory + (bits == 64 ? " 48 " : " ") + "0F " + opcode + " CB";
        r.set(RCX, -1).run(code);
        assertThat(r.get(RCX)).as("%s %x seed %d", name, r.get(RBX), seed).isEqualTo(Model.merged(-1, expected, bits));
        assertThat(r.flags() & defined).as("flags of %s %x seed %d", name, r.get(RBX), seed).isEqualTo(flags);
    }

    @Test
    void scanOfZeroKeepsTheDestination() {
        r.set(RBX, 0).set(RCX, 0x1122334455667788L).flags(0).run("0F BC CB");
        assertThat(r.get(RCX)).isEqualTo(0x1122334455667788L);
        assertThat(r.flags() & Flags.ZF).isEqualTo(Flags.ZF);
    }

    /** VEX-encoded with RCX, RAX in VEX.vvvv and RBX in r/m: checks result and the flags given. */
    private void vex(String name, String w0, String w1, LongBinaryOperator result32, LongBinaryOperator result64) {
        for (int round = 0; round < ROUNDS; round++) {
            long a = Model.operand(random);
            long b = Model.operand(random);
            long flags = random.nextLong() & Flags.ARITHMETIC;
            r.set(RBX, a).set(RAX, b).set(RCX, -1).flags(flags).run(w1);
            assertThat(r.get(RCX)).as("%s %x,%x seed %d", name, a, b, seed).isEqualTo(result64.applyAsLong(a, b));
            assertThat(r.flags()).isEqualTo(flags);
            r.set(RCX, -1).run(w0);
            assertThat(r.get(RCX)).as("%s %x,%x seed %d", name, a, b, seed).isEqualTo(result32.applyAsLong(a, b) & 0xFFFFFFFFL);
        }
    }

    @Test
    void shiftsWithoutFlags() {
        vex("SHLX", "C4 E2 79 F7 CB", "C4 E2 F9 F7 CB", (a, b) -> (int) a << b, (a, b) -> a << b);
        vex("SARX", "C4 E2 7A F7 CB", "C4 E2 FA F7 CB", (a, b) -> (int) a >> b, (a, b) -> a >> b);
        vex("SHRX", "C4 E2 7B F7 CB", "C4 E2 FB F7 CB", (a, b) -> (int) a >>> b, (a, b) -> a >>> b);
        vex("RORX", "C4 E3 7B F0 CB 07", "C4 E3 FB F0 CB 07", (a, b) -> Integer.rotateRight((int) a, 7), (a, b) -> Long.rotateRight(a, 7));
    }

    /** PDEP and PEXT move bits one at a time. */
    private static long deposit(long source, long mask, boolean extract) {
        long r = 0;
        int k = 0;
        for (int m = 0; m < 64; m++) {
            if ((mask >>> m & 1) != 0) {
                r |= extract ? (source >>> m & 1) << k : (source >>> k & 1) << m;
                k++;
            }
        }
        return r;
    }

    @Test
    void depositAndExtract() {
        vex("PDEP", "C4 E2 7B F5 CB", "C4 E2 FB F5 CB", (m, s) -> deposit(s, m & 0xFFFFFFFFL, false), (m, s) -> deposit(s, m, false));
        vex("PEXT", "C4 E2 7A F5 CB", "C4 E2 FA F5 CB", (m, s) -> deposit(s, m & 0xFFFFFFFFL, true), (m, s) -> deposit(s, m, true));
    }

    @Test
    void bitFieldInstructionsSetFlags() {
        for (int round = 0; round < ROUNDS; round++) {
            long a = Model.operand(random);
            long b = Model.operand(random);
            BigInteger u = Model.unsigned(a, 64);
            int start = (int) b & 0xFF;
            int length = (int) (b >>> 8) & 0xFF;
            long field = u.shiftRight(start).mod(BigInteger.TWO.pow(length)).longValue();
            long lowest = u.signum() == 0 ? 0 : 1L << u.getLowestSetBit();
            long carry = lowest == 0 ? Flags.CF : 0;
            r.set(RBX, a).set(RAX, b);
            checkFlags("ANDN", "C4 E2 F8 F2 CB", ~b & a, 0, Flags.SF | Flags.ZF | Flags.CF | Flags.OF);
            checkFlags("BEXTR", "C4 E2 F8 F7 CB", field, 0, Flags.ZF | Flags.CF | Flags.OF);
            long low = u.mod(BigInteger.TWO.pow(start)).longValue();
            checkFlags("BZHI", "C4 E2 F8 F5 CB", low, start > 63 ? Flags.CF : 0, Flags.SF | Flags.ZF | Flags.CF);
            checkFlags("BLSI", "C4 E2 F0 F3 DB", lowest, Flags.CF ^ carry, Flags.SF | Flags.ZF | Flags.CF | Flags.OF);
            checkFlags("BLSR", "C4 E2 F0 F3 CB", a & ~lowest, carry, Flags.SF | Flags.ZF | Flags.CF | Flags.OF);
            checkFlags("BLSMSK", "C4 E2 F0 F3 D3", lowest - 1 | lowest, carry, Flags.SF | Flags.CF | Flags.OF);
        }
    }

    private void checkFlags(String name, String code, long expected, long carry, long defined) {
        r.set(RCX, -1).run(code);
        assertThat(r.get(RCX)).as("%s %x,%x seed %d", name, r.get(RBX), r.get(RAX), seed).isEqualTo(expected);
        assertThat(r.flags() & defined)
                .as("flags of %s %x,%x seed %d", name, r.get(RBX), r.get(RAX), seed)
                .isEqualTo((Model.signZeroParity(expected, 64) | carry) & defined);
    }

    @Test
    void crc32IsCastagnolisWithoutInversion() {
        byte[] data = "123456789".getBytes(StandardCharsets.US_ASCII);
        r.set(RCX, 0xFFFFFFFFL);
        for (byte b : data) {
            r.set(RBX, b).run("F2 0F 38 F0 CB");
        }
        assertThat(~r.get(RCX) & 0xFFFFFFFFL).as("check value of CRC-32C").isEqualTo(0xE3069283L);
        long word = random.nextLong();
        r.set(RBX, word).set(RCX, 1).run("F2 48 0F 38 F1 CB");
        long whole = r.get(RCX);
        r.set(RCX, 1);
        for (int n = 0; n < 8; n++) {
            r.set(RBX, word >>> 8 * n).run("F2 0F 38 F0 CB");
        }
        assertThat(r.get(RCX)).as("seed %d", seed).isEqualTo(whole);
    }
}
