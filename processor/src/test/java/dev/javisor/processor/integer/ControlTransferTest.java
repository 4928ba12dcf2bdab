package dev.javisor.processor.integer;

import static dev.javisor.processor.Rig.CODE;
import static dev.javisor.processor.Rig.DATA;
import static dev.javisor.processor.Rig.RAX;
import static dev.javisor.processor.Rig.RBX;
import static dev.javisor.processor.Rig.RCX;
import static dev.javisor.processor.Rig.RSP;
import static dev.javisor.processor.Rig.STACK;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ControlTransferTest {
    private static final long NON_CANONICAL = 1L << 47;
    private static final Event GENERAL_PROTECTION = Event.exception(Event.GP, 0);

    private final Rig r = Rig.bits64();

    /** The manual's conditions, by code. */
    private static boolean holds(int code, long f) {
        boolean cf = (f & Flags.CF) != 0;
        boolean zf = (f & Flags.ZF) != 0;
        boolean sf = (f & Flags.SF) != 0;
        boolean of = (f & Flags.OF) != 0;
        boolean v = switch (code >> 1) {
            case 0 -> of;
            case 1 -> cf;
            case 2 -> zf;
            case 3 -> cf || zf;
            case 4 -> sf;
            case 5 -> (f & Flags.PF) != 0;
            case 6 -> sf != of;
            default -> zf || sf != of;
        };
        return v == ((code & 1) == 0);
    }

    @Test
    void conditionalInstructionsFollowTheFlags() {
        Rig legacy = Rig.bits32();
        for (int code = 0; code < 16; code++) {
            for (int n = 0; n < 64; n++) {
                long f = n & 1 | (n & 2) << 1 | (n & 4) << 2 | (n & 8) << 3 | (n & 16) << 3 | (long) (n & 32) << 6;
                boolean holds = holds(code, f);
                r.flags(f).set(RAX, 0x5555).set(RBX, -1).set(RCX, 7);
                r.c.rip = CODE;
                r.run("%02X 10".formatted(0x70 | code));
                assertThat(r.c.rip).as("condition %d flags %x", code, f).isEqualTo(holds ? CODE + 0x12 : CODE + 2);
                legacy.flags(f).c.rip = CODE;
                legacy.run("0F %02X 00 01 00 00".formatted(0x80 | code));
                assertThat(legacy.c.rip).isEqualTo(holds ? CODE + 0x106 : CODE + 6);
                r.run("0F %02X C0".formatted(0x90 | code));
                assertThat(r.get(RAX)).isEqualTo(holds ? 0x5501 : 0x5500);
                r.run("48 0F %02X D9".formatted(0x40 | code));
                assertThat(r.get(RBX)).isEqualTo(holds ? 7 : -1);
                r.set(RBX, -1).run("0F %02X D9".formatted(0x40 | code));
                assertThat(r.get(RBX)).as("32 bits are written either way").isEqualTo(holds ? 7 : 0xFFFFFFFFL);
            }
        }
    }

    @Test
    void conditionsAreTheSameBeforeAndAfterFlagsAreMaterialised() {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        SplittableRandom random = new SplittableRandom(seed);
        List<String> operations = List.of(
                "38 D8", "66 01 D8", "29 D8", "48 39 D8", "48 85 D8", "48 11 D8", "FE C0", "48 F7 D8", "D1 E0", "48 0F AF C3");
        for (int round = 0; round < 5000; round++) {
            long a = Model.operand(random);
            long b = random.nextInt(4) == 0 ? a : Model.operand(random);
            String operation = operations.get(random.nextInt(operations.size()));
            r.set(RAX, a).set(RBX, b).run(operation);
            for (int code = 0; code < 16; code++) {
                assertThat(Flags.condition(r.c, code))
                        .as("condition %d after %s of %x,%x seed %d", code, operation, a, b, seed)
                        .isEqualTo(holds(code, r.flags()));
            }
        }
    }

    @Test
    void callPushesTheNextInstructionAndRetReturns() {
        r.run("E8 00 01 00 00");
        assertThat(r.c.rip).isEqualTo(CODE + 5 + 0x100);
        assertThat(r.load(STACK - 8, 8)).isEqualTo(CODE + 5);
        r.run("C2 10 00");
        assertThat(r.c.rip).isEqualTo(CODE + 5);
        assertThat(r.get(RSP)).isEqualTo(STACK + 0x10);
    }

    @Test
    void indirectTargetsFromRegisterAndMemory() {
        assertThat(r.set(RAX, 0x123456789AL).run("FF E0").c.rip).isEqualTo(0x123456789AL);
        assertThat(r.store(DATA, 8, 0x4000).set(RAX, DATA).run("FF 20").c.rip).isEqualTo(0x4000);
        assertThat(r.set(RSP, DATA).run("FF 14 24").c.rip).as("CALL [RSP] reads before it pushes").isEqualTo(0x4000);
        assertThat(r.load(DATA - 8, 8)).isEqualTo(0x4003);
    }

    @Test
    void nonCanonicalTargetFaultsBeforeAnythingChanges() {
        r.set(RAX, NON_CANONICAL);
        assertThat(r.fault("FF E0")).isEqualTo(GENERAL_PROTECTION);
        assertThat(r.fault("FF D0")).isEqualTo(GENERAL_PROTECTION);
        r.store(STACK, 8, NON_CANONICAL);
        assertThat(r.fault("C3")).isEqualTo(GENERAL_PROTECTION);
        assertThat(r.get(RSP)).isEqualTo(STACK);
        r.c.rip = NON_CANONICAL - 2;
        assertThat(r.fault("EB 00")).isEqualTo(GENERAL_PROTECTION);
        assertThat(r.c.rip).isEqualTo(NON_CANONICAL - 2);
    }

    @Test
    void targetsAreCutToTheOperandSize() {
        Rig real = Rig.bits16();
        real.c.rip = 0xFFF0;
        assertThat(real.run("EB 7F").c.rip).isEqualTo(0x71);
        assertThat(real.set(RAX, 0x12345678L).run("FF E0").c.rip).isEqualTo(0x5678);
        Rig legacy = Rig.bits32();
        assertThat(legacy.set(RAX, 0x12345678L).run("66 FF E0").c.rip).isEqualTo(0x5678);
        legacy.c.rip = 0;
        assertThat(legacy.run("EB 80").c.rip).isEqualTo(0xFFFFFF82L);
    }

    @Test
    void targetBeyondTheCodeSegmentLimitIsAGeneralProtectionFault() {
        Rig legacy = Rig.bits32();
        legacy.c.segLimit[Cpu.CS] = 0x1FFF;
        legacy.c.updateMode();
        assertThat(legacy.run("E9 FA 0F 00 00").c.rip).isEqualTo(0x1FFF);
        legacy.c.rip = CODE;
        assertThat(legacy.fault("E8 FB 0F 00 00")).isEqualTo(GENERAL_PROTECTION);
        assertThat(legacy.get(RSP)).isEqualTo(STACK);
        legacy.c.rip = 0x1FF0;
        assertThat(legacy.set(RCX, 2).fault("E2 7F")).isEqualTo(GENERAL_PROTECTION);
        assertThat(legacy.get(RCX)).as("LOOP has not counted").isEqualTo(2);
    }

    @Test
    void loopCountsInTheRegisterOfTheAddressSize() {
        r.set(RCX, 0x1_0000_0001L).run("E2 10");
        assertThat(r.c.rip).isEqualTo(CODE + 0x12);
        assertThat(r.get(RCX)).isEqualTo(0x1_0000_0000L);
        r.set(RCX, 0x1_0000_0001L).c.rip = CODE;
        r.run("67 E2 10");
        assertThat(r.c.rip).as("ECX was 1").isEqualTo(CODE + 3);
        assertThat(r.get(RCX)).isZero();
        r.set(RCX, 5).flags(Flags.ZF).c.rip = CODE;
        assertThat(r.run("E0 10").c.rip).as("LOOPNE with ZF").isEqualTo(CODE + 2);
        assertThat(r.run("E1 10").c.rip).as("LOOPE with ZF").isEqualTo(CODE + 4 + 0x10);
        assertThat(r.get(RCX)).isEqualTo(3);
    }

    @Test
    void jumpIfTheCountIsZeroLooksAtTheAddressSize() {
        r.set(RCX, 1L << 32);
        assertThat(r.run("E3 10").c.rip).isEqualTo(CODE + 2);
        assertThat(r.run("67 E3 10").c.rip).isEqualTo(CODE + 5 + 0x10);
    }

    @Test
    void callToANonCanonicalAddressNeedsItsStackAllTheSame() {
        Rig r = Rig.bits64().set(RAX, Long.MIN_VALUE).store(STACK - 8, 8, 42);
        assertThat(r.fault("FF D0").vector()).isEqualTo(Event.GP);
        assertThat(r.load(STACK - 8, 8)).isEqualTo(42);
        assertThat(r.remove(STACK - 8).fault("FF D0").vector()).isEqualTo(Event.PF);
    }
}
