package dev.javisor.processor.integer;

import static dev.javisor.processor.Rig.CODE;
import static dev.javisor.processor.Rig.DATA;
import static dev.javisor.processor.Rig.RAX;
import static dev.javisor.processor.Rig.RCX;
import static dev.javisor.processor.Rig.RDI;
import static dev.javisor.processor.Rig.RSI;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StringOperationTest {
    private static final long SOURCE = DATA;
    private static final long TARGET = DATA + 0x4000;

    private final Rig r = Rig.bits64();
    private final long seed = Long.getLong("javisor.seed", System.nanoTime());
    private final SplittableRandom random = new SplittableRandom(seed);

    private byte[] bytes(long address, int length) {
        byte[] b = new byte[length];
        r.c.memory.read(address, b, 0, length);
        return b;
    }

    private byte[] randomBytes(long address, int length) {
        byte[] b = new byte[length];
        random.nextBytes(b);
        r.c.memory.write(address, b, 0, length);
        return b;
    }

    private static String movs(int size) {
        return switch (size) {
            case 1 -> "F3 A4";
            case 2 -> "66 F3 A5";
            case 4 -> "F3 A5";
            default -> "F3 48 A5";
        };
    }

    /** Runs until the instruction leaves RIP behind it. @return dispatches */
    private int complete(String hex) {
        int n = 0;
        do {
            r.c.rip = CODE;
            r.run(hex);
            n++;
        } while (r.c.rip == CODE);
        return n;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8})
    void repMovsIsTheSameAsMovingElementByElement(int size) {
        for (int round = 0; round < 300; round++) {
            byte[] expected = randomBytes(DATA, 0x8000);
            int count = random.nextInt(1500);
            boolean backward = random.nextInt(4) == 0;
            int from = 0x2000 + random.nextInt(0x800);
            int to = random.nextBoolean() ? from + random.nextInt(-64, 65) : 0x2000 + random.nextInt(0x1800);
            int at = backward ? -size : size;
            if (backward) {
                from += 0x1000;
                to += 0x1000;
                count = Math.min(count, 0x1000 / size);
            }
            for (int n = 0; n < count; n++) {
                byte[] element = Arrays.copyOfRange(expected, from + n * at, from + n * at + size);
                System.arraycopy(element, 0, expected, to + n * at, size);
            }
            r.set(RSI, DATA + from).set(RDI, DATA + to).set(RCX, count);
            r.c.rflags = backward ? r.c.rflags | Flags.DF : r.c.rflags & ~Flags.DF;
            complete(movs(size));
            assertThat(bytes(DATA, 0x8000)).as("%d elements from %x to %x, seed %d", count, from, to, seed).isEqualTo(expected);
            assertThat(r.get(RCX)).isZero();
            assertThat(r.get(RSI)).isEqualTo(DATA + from + (long) count * at);
            assertThat(r.get(RDI)).isEqualTo(DATA + to + (long) count * at);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 0xABABABABABABABABL, 0x1122334455667788L})
    void repStosFills(long value) {
        r.set(RDI, TARGET + 3).set(RCX, 700).set(RAX, value).store(TARGET + 3 + 5600, 8, 0x55);
        complete("F3 48 AB");
        for (int n = 0; n < 700; n++) {
            assertThat(r.load(TARGET + 3 + 8 * n, 8)).isEqualTo(value);
        }
        assertThat(r.load(TARGET + 3 + 5600, 8)).isEqualTo(0x55);
        assertThat(r.get(RDI)).isEqualTo(TARGET + 3 + 5600);
    }

    @Test
    void faultInTheMiddleLeavesTheStateOfTheElementsBefore() {
        long end = TARGET + 0x1000;
        randomBytes(SOURCE, 0x100);
        r.set(RSI, SOURCE).set(RDI, end - 0x80).set(RCX, 0x100).remove(end);
        assertThat(r.fault("F3 A4").payload()).isEqualTo(end);
        assertThat(r.c.rip).isEqualTo(CODE);
        assertThat(r.get(RCX)).isEqualTo(0x80);
        assertThat(r.get(RSI)).isEqualTo(SOURCE + 0x80);
        assertThat(r.get(RDI)).isEqualTo(end);
        r.restore(end).run("F3 A4");
        assertThat(bytes(end - 0x80, 0x100)).isEqualTo(bytes(SOURCE, 0x100));
        assertThat(r.get(RCX)).isZero();
    }

    @Test
    void pagesThatCompeteForAnEntryOfTheTlbAreCopiedAsAWhole() {
        int length = 0x2800;
        byte[] expected = randomBytes(SOURCE + 0x10, length);
        r.set(RSI, SOURCE + 0x10).set(RDI, Rig.FAR + SOURCE + 0x10).set(RCX, length);
        complete("F3 A4");
        assertThat(bytes(Rig.FAR + SOURCE + 0x10, length)).isEqualTo(expected);
        assertThat(r.walks).as("translations for 3 pages there and 3 here, in 3 dispatches").isLessThanOrEqualTo(20);
        r.remove(Rig.FAR + SOURCE + 0x1000).set(RSI, SOURCE + 0x800).set(RDI, Rig.FAR + SOURCE + 0x800).set(RCX, length);
        assertThat(r.fault("F3 A4").payload()).isEqualTo(Rig.FAR + SOURCE + 0x1000);
        assertThat(r.get(RCX)).isEqualTo(length - 0x800);
        assertThat(r.get(RSI)).isEqualTo(SOURCE + 0x1000);
    }

    @Test
    void longRepetitionComesBackToItself() {
        r.set(RSI, SOURCE).set(RDI, TARGET).set(RCX, 2 * StringOperation.BATCH + 1);
        assertThat(complete("F3 A4")).isEqualTo(3);
        r.set(RCX, StringOperation.BATCH);
        assertThat(complete("F3 AC")).isEqualTo(1);
    }

    @Test
    void singleStepAndDataBreakpointsTakeOneElementAtATime() {
        r.c.rflags |= Flags.TF;
        r.set(RSI, SOURCE).set(RDI, TARGET).set(RCX, 3);
        assertThat(complete("F3 A4")).isEqualTo(3);
        r.c.rflags &= ~Flags.TF;
        r.c.watchesData = true;
        r.set(RCX, 4);
        assertThat(complete("F3 AA")).isEqualTo(4);
    }

    @Test
    void countOfZeroTouchesNothing() {
        r.remove(SOURCE).remove(TARGET).set(RSI, SOURCE).set(RDI, TARGET).set(RCX, 0).flags(Flags.CF);
        r.run("F3 A4").run("F3 AA").run("F3 A6").run("F2 AE");
        assertThat(r.flags()).isEqualTo(Flags.CF);
        assertThat(r.get(RSI)).isEqualTo(SOURCE);
    }

    @Test
    void compareStopsAtTheFirstDifference() {
        r.store(SOURCE, 8, 0x1111_2211_1111_1111L).store(TARGET, 8, 0x1111_1111_1111_1111L);
        r.set(RSI, SOURCE).set(RDI, TARGET).set(RCX, 8).run("F3 A6");
        assertThat(r.get(RCX)).isEqualTo(2);
        assertThat(r.get(RSI)).isEqualTo(SOURCE + 6);
        assertThat(r.flags()).isEqualTo(Model.sub(0x22, 0x11, 0, 8).flags());
        assertThat(r.c.rip).as("done").isNotEqualTo(CODE);
    }

    @Test
    void scanStopsAtTheFirstMatchAndKeepsFlagsOnFault() {
        r.store(TARGET, 8, 0x00AB_0000_0000_0000L).set(RDI, TARGET).set(RCX, -1).set(RAX, 0xAB).run("F2 AE");
        assertThat(r.get(RDI)).isEqualTo(TARGET + 7);
        assertThat(r.get(RCX)).isEqualTo(-8);
        assertThat(r.flags() & Flags.ZF).isEqualTo(Flags.ZF);
        r.set(RDI, TARGET + 0xFFC).set(RCX, 8).set(RAX, 1).flags(Flags.CF | Flags.OF).remove(TARGET + 0x1000);
        assertThat(r.fault("F2 AE").vector()).isEqualTo(Event.PF);
        assertThat(r.get(RCX)).isEqualTo(4);
        assertThat(r.flags()).isEqualTo(Flags.CF | Flags.OF);
    }

    @Test
    void addressSizeSelectsCountAndIndexWidth() {
        long ignored = 0xFL << 32;
        r.store(SOURCE, 4, 0x04030201).set(RSI, ignored | SOURCE).set(RDI, ignored | TARGET).set(RCX, ignored | 4).run("67 F3 A4");
        assertThat(r.load(TARGET, 4)).isEqualTo(0x04030201);
        assertThat(r.get(RCX)).isZero();
        assertThat(r.get(RSI)).isEqualTo(SOURCE + 4);
    }

    @Test
    void sixteenBitIndexWrapsWithinTheSegment() {
        Rig real = Rig.bits16();
        real.c.segBase[Cpu.ES] = DATA;
        real.c.updateMode();
        real.set(RDI, 0x1234FFFEL).set(RCX, 0x56780004L).set(RAX, 0xCC).run("F3 AA");
        assertThat(real.load(DATA + 0xFFFE, 2)).isEqualTo(0xCCCC);
        assertThat(real.load(DATA, 2)).isEqualTo(0xCCCC);
        assertThat(real.get(RDI)).isEqualTo(0x12340002L);
        assertThat(real.get(RCX)).isEqualTo(0x56780000L);
    }

    @Test
    void segmentLimitStopsARepetitionExactly() {
        Rig limited = Rig.bits32();
        limited.c.segLimit[Cpu.ES] = DATA + 0xFF;
        limited.c.updateMode();
        limited.set(RDI, DATA).set(RCX, 0x200).set(RAX, -1);
        assertThat(limited.fault("F3 AA").vector()).isEqualTo(Event.GP);
        assertThat(limited.get(RDI)).isEqualTo(DATA + 0x100);
        assertThat(limited.load(DATA + 0xFF, 2)).isEqualTo(0xFF);
    }

    @Test
    void overrideChangesTheSourceSegmentOnly() {
        r.c.segBase[Cpu.FS] = 0x100;
        r.c.updateMode();
        r.store(SOURCE + 0x100, 8, 42).set(RSI, SOURCE).set(RDI, TARGET).run("64 48 A5");
        assertThat(r.load(TARGET, 8)).isEqualTo(42);
        assertThat(r.run("64 48 AD").get(RAX)).isEqualTo(r.load(SOURCE + 0x108, 8));
    }
}
