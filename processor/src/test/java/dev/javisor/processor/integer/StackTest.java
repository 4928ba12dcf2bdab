package dev.javisor.processor.integer;

import static dev.javisor.processor.Rig.DATA;
import static dev.javisor.processor.Rig.RAX;
import static dev.javisor.processor.Rig.RBP;
import static dev.javisor.processor.Rig.RBX;
import static dev.javisor.processor.Rig.RDI;
import static dev.javisor.processor.Rig.RSP;
import static dev.javisor.processor.Rig.STACK;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import org.junit.jupiter.api.Test;

class StackTest {
    @Test
    void pushStoresBelowTheStackPointerAndPopTakesItBack() {
        Rig r = Rig.bits64().set(RAX, 0x1122334455667788L).run("50");
        assertThat(r.get(RSP)).isEqualTo(STACK - 8);
        assertThat(r.load(STACK - 8, 8)).isEqualTo(0x1122334455667788L);
        assertThat(r.run("5B").get(RBX)).isEqualTo(0x1122334455667788L);
        assertThat(r.get(RSP)).isEqualTo(STACK);
    }

    @Test
    void pushRspStoresTheOldValueAndPopRspKeepsThePoppedOne() {
        Rig r = Rig.bits64().run("54");
        assertThat(r.load(STACK - 8, 8)).isEqualTo(STACK);
        assertThat(r.store(STACK - 8, 8, 0x1234).run("5C").get(RSP)).isEqualTo(0x1234);
    }

    @Test
    void immediatesAreSignExtendedToTheOperandSize() {
        Rig r = Rig.bits64().run("6A FF");
        assertThat(r.load(STACK - 8, 8)).isEqualTo(-1);
        r.run("66 6A 80");
        assertThat(r.get(RSP)).isEqualTo(STACK - 10);
        assertThat(r.load(STACK - 10, 2)).isEqualTo(0xFF80);
    }

    @Test
    void popToMemoryBasedOnRspUsesTheIncrementedValue() {
        Rig r = Rig.bits64().store(STACK, 8, 42).run("8F 44 24 10");
        assertThat(r.load(STACK + 8 + 0x10, 8)).isEqualTo(42);
        assertThat(r.get(RSP)).isEqualTo(STACK + 8);
    }

    @Test
    void faultLeavesTheStackPointerAlone() {
        Rig r = Rig.bits64().remove(STACK - 8);
        assertThat(r.fault("50").vector()).isEqualTo(Event.PF);
        assertThat(r.get(RSP)).isEqualTo(STACK);
        r.remove(DATA).set(RAX, DATA);
        assertThat(r.fault("8F 00").payload()).isEqualTo(DATA);
        assertThat(r.get(RSP)).isEqualTo(STACK);
    }

    @Test
    void nonCanonicalStackIsAStackFault() {
        assertThat(Rig.bits64().set(RSP, 1L << 63).fault("50").vector()).isEqualTo(Event.SS);
    }

    @Test
    void sixteenBitStackPointerWrapsAndKeepsTheUpperHalf() {
        Rig r = Rig.bits16().set(RSP, 0xABCD_0000L).set(RAX, 0x1234).run("50");
        assertThat(r.get(RSP)).isEqualTo(0xABCD_FFFEL);
        assertThat(r.load(0xFFFE, 2)).isEqualTo(0x1234);
        assertThat(r.run("5B").get(RSP)).isEqualTo(0xABCD_0000L);
    }

    @Test
    void stackBeyondItsLimitIsAStackFault() {
        Rig r = Rig.bits16().set(RSP, 1);
        assertThat(r.fault("50").vector()).isEqualTo(Event.SS);
        assertThat(r.get(RSP)).isEqualTo(1);
    }

    @Test
    void pushaStoresTheOriginalStackPointerAndPopaSkipsIt() {
        Rig r = Rig.bits32();
        for (int n = 0; n < 8; n++) {
            if (n != RSP) {
                r.set(n, 0x100 + n);
            }
        }
        r.run("60");
        assertThat(r.get(RSP)).isEqualTo(STACK - 32);
        for (int n = 0; n < 8; n++) {
            assertThat(r.load(STACK - 4 - 4 * n, 4)).isEqualTo(n == RSP ? STACK : 0x100 + n);
        }
        r.set(RAX, 0).set(RDI, 0).store(STACK - 4 - 4 * RSP, 4, 0).run("61");
        assertThat(r.get(RAX)).isEqualTo(0x100);
        assertThat(r.get(RDI)).isEqualTo(0x107);
        assertThat(r.get(RSP)).isEqualTo(STACK);
    }

    @Test
    void popaFaultChangesNoRegister() {
        Rig r = Rig.bits32().set(RSP, 0x8FF0).set(RDI, 7).remove(0x9000);
        assertThat(r.fault("61").vector()).isEqualTo(Event.PF);
        assertThat(r.get(RDI)).isEqualTo(7);
        assertThat(r.get(RSP)).isEqualTo(0x8FF0);
    }

    @Test
    void enterAndLeaveMakeAndDropAFrame() {
        Rig r = Rig.bits64().set(RBP, 0x7777).run("C8 20 00 00");
        assertThat(r.get(RBP)).isEqualTo(STACK - 8);
        assertThat(r.get(RSP)).isEqualTo(STACK - 8 - 0x20);
        assertThat(r.load(STACK - 8, 8)).isEqualTo(0x7777);
        r.run("C9");
        assertThat(r.get(RSP)).isEqualTo(STACK);
        assertThat(r.get(RBP)).isEqualTo(0x7777);
    }

    @Test
    void enterCopiesTheFramesOfEnclosingLevels() {
        long frame = 0x9000;
        Rig r = Rig.bits32().set(RBP, frame).store(frame - 4, 4, 0xAAAA).store(frame - 8, 4, 0xBBBB).run("C8 10 00 03");
        assertThat(r.load(STACK - 4, 4)).isEqualTo(frame);
        assertThat(r.load(STACK - 8, 4)).isEqualTo(0xAAAA);
        assertThat(r.load(STACK - 12, 4)).isEqualTo(0xBBBB);
        assertThat(r.load(STACK - 16, 4)).isEqualTo(STACK - 4);
        assertThat(r.get(RBP)).isEqualTo(STACK - 4);
        assertThat(r.get(RSP)).isEqualTo(STACK - 16 - 0x10);
    }

    @Test
    void enterTakesItsLevelModulo32() {
        Rig r = Rig.bits32().run("C8 00 00 20");
        assertThat(r.get(RSP)).isEqualTo(STACK - 4);
    }

    @Test
    void stackWidthFollowsSsNotTheCode() {
        Rig r = Rig.bits32();
        r.c.segAccess[Cpu.SS] &= ~Cpu.DB;
        r.c.segLimit[Cpu.SS] = 0xFFFF;
        r.c.updateMode();
        r.set(RSP, 0x12340002L).set(RAX, 5);
        assertThat(r.fault("50").vector()).isEqualTo(Event.SS);
        r.set(RSP, 0x12340000L).run("50");
        assertThat(r.get(RSP)).isEqualTo(0x1234FFFCL);
        assertThat(r.load(0xFFFC, 4)).isEqualTo(5);
    }

    /** At CPL 3, with alignment checks on. */
    private static Rig checkingAlignment(Rig r) {
        r.c.cr0 |= Cr.AM;
        r.c.rflags |= Flags.AC;
        r.c.cpl = 3;
        r.c.updateMode();
        return r;
    }

    @Test
    void popaChecksAlignmentBeforePresence() {
        Rig r = checkingAlignment(Rig.bits32().remove(STACK)).set(RSP, STACK + 2);
        assertThat(r.fault("61").vector()).isEqualTo(Event.AC);
        assertThat(r.set(RSP, STACK + 4).fault("61").payload()).isEqualTo(STACK + 4);
    }

    @Test
    void nonCanonicalAddressIsReportedBeforeAMisalignedOne() {
        Rig r = checkingAlignment(Rig.bits64()).set(RAX, 0x8000_0000_0000_01L);
        assertThat(r.fault("48 83 30 01").vector()).isEqualTo(Event.GP);
        assertThat(r.fault("48 8B 00").vector()).isEqualTo(Event.GP);
        assertThat(r.set(RAX, DATA + 1).fault("48 8B 00").vector()).isEqualTo(Event.AC);
    }
}
