package dev.javisor.processor.simd;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every packed instruction does to each element what the manual says, in MMX and in XMM registers, from register and from memory. */
class PackedIntegerTest {
    private interface Element {
        long apply(long a, long b);
    }

    private static long clamp(long x, long least, long most) {
        return Math.max(least, Math.min(most, x));
    }

    private static long u(long x, int bits) {
        return x & -1L >>> 64 - bits;
    }

    /** Elements come sign-extended. */
    private enum Case {
        PADDB("0ffc", 8, (a, b) -> a + b),
        PADDW("0ffd", 16, (a, b) -> a + b),
        PADDD("0ffe", 32, (a, b) -> a + b),
        PADDQ("0fd4", 64, (a, b) -> a + b),
        PSUBB("0ff8", 8, (a, b) -> a - b),
        PSUBW("0ff9", 16, (a, b) -> a - b),
        PSUBD("0ffa", 32, (a, b) -> a - b),
        PSUBQ("0ffb", 64, (a, b) -> a - b),
        PADDSB("0fec", 8, (a, b) -> clamp(a + b, -128, 127)),
        PADDSW("0fed", 16, (a, b) -> clamp(a + b, -32768, 32767)),
        PSUBSB("0fe8", 8, (a, b) -> clamp(a - b, -128, 127)),
        PSUBSW("0fe9", 16, (a, b) -> clamp(a - b, -32768, 32767)),
        PADDUSB("0fdc", 8, (a, b) -> Math.min(u(a, 8) + u(b, 8), 255)),
        PADDUSW("0fdd", 16, (a, b) -> Math.min(u(a, 16) + u(b, 16), 65535)),
        PSUBUSB("0fd8", 8, (a, b) -> Math.max(u(a, 8) - u(b, 8), 0)),
        PSUBUSW("0fd9", 16, (a, b) -> Math.max(u(a, 16) - u(b, 16), 0)),
        PAVGB("0fe0", 8, (a, b) -> u(a, 8) + u(b, 8) + 1 >> 1),
        PAVGW("0fe3", 16, (a, b) -> u(a, 16) + u(b, 16) + 1 >> 1),
        PCMPEQB("0f74", 8, (a, b) -> a == b ? -1 : 0),
        PCMPEQW("0f75", 16, (a, b) -> a == b ? -1 : 0),
        PCMPEQD("0f76", 32, (a, b) -> a == b ? -1 : 0),
        PCMPGTB("0f64", 8, (a, b) -> a > b ? -1 : 0),
        PCMPGTW("0f65", 16, (a, b) -> a > b ? -1 : 0),
        PCMPGTD("0f66", 32, (a, b) -> a > b ? -1 : 0),
        PMINUB("0fda", 8, (a, b) -> Math.min(u(a, 8), u(b, 8))),
        PMAXUB("0fde", 8, (a, b) -> Math.max(u(a, 8), u(b, 8))),
        PMINSW("0fea", 16, Math::min),
        PMAXSW("0fee", 16, Math::max),
        PMULLW("0fd5", 16, (a, b) -> a * b),
        PMULHW("0fe5", 16, (a, b) -> a * b >> 16),
        PMULHUW("0fe4", 16, (a, b) -> u(a, 16) * u(b, 16) >> 16),
        PMULHRSW("0f380b", 16, (a, b) -> (a * b >> 14) + 1 >> 1),
        PMULUDQ("0ff4", 64, (a, b) -> u(a, 32) * u(b, 32)),
        PABSB("0f381c", 8, (a, b) -> Math.abs(b)),
        PABSW("0f381d", 16, (a, b) -> Math.abs(b)),
        PABSD("0f381e", 32, (a, b) -> Math.abs(b)),
        PSIGNB("0f3808", 8, (a, b) -> a * Long.signum(b)),
        PSIGNW("0f3809", 16, (a, b) -> a * Long.signum(b)),
        PSIGND("0f380a", 32, (a, b) -> a * Long.signum(b)),
        PANDN("0fdf", 64, (a, b) -> ~a & b),
        PXOR("0fef", 64, (a, b) -> a ^ b);

        final String code;
        final int bits;
        final Element element;

        Case(String code, int bits, Element element) {
            this.code = code;
            this.bits = bits;
            this.element = element;
        }

        long expected(long a, long b) {
            long r = 0;
            for (int k = 0; k < 64; k += bits) {
                r |= u(element.apply(a << 64 - bits - k >> 64 - bits, b << 64 - bits - k >> 64 - bits), bits) << k;
            }
            return r;
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyElement(Case instruction) {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        Random random = new Random(seed);
        Vectors v = new Vectors();
        v.rig.set(6, 0x10000);
        for (int n = 0; n < 300; n++) {
            long a0 = Vectors.lane(random);
            long a1 = Vectors.lane(random);
            long b0 = random.nextInt(8) == 0 ? a0 : Vectors.lane(random);
            long b1 = Vectors.lane(random);
            long e0 = instruction.expected(a0, b0);
            long e1 = instruction.expected(a1, b1);
            v.xmm(1, a1, a0).xmm(2, b1, b0).run("66" + instruction.code + "ca");
            assertThat(new long[] {v.low(1), v.high(1)}).as("%s, seed %d", instruction, seed).containsExactly(e0, e1);
            v.rig.store(0x10000, 8, b0).store(0x10008, 8, b1);
            v.xmm(1, a1, a0).run("66" + instruction.code + "0e");
            assertThat(new long[] {v.low(1), v.high(1)}).as("%s from memory, seed %d", instruction, seed).containsExactly(e0, e1);
            v.c.x87.significand[1] = a0;
            v.c.x87.significand[2] = b0;
            v.run(instruction.code + "ca");
            assertThat(v.c.x87.significand[1]).as("%s mm, seed %d", instruction, seed).isEqualTo(e0);
        }
    }
}
