package dev.javisor.processor.integer;

import static dev.javisor.processor.Rig.DATA;
import static dev.javisor.processor.Rig.RAX;
import static dev.javisor.processor.Rig.RBX;
import static dev.javisor.processor.Rig.RCX;
import static dev.javisor.processor.Rig.RDI;
import static dev.javisor.processor.Rig.RDX;
import static dev.javisor.processor.Rig.RSI;
import static dev.javisor.processor.Rig.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import org.junit.jupiter.api.Test;

class DataMovementTest {
    private static final long PATTERN = 0x1122334455667788L;

    private final Rig r = Rig.bits64();

    @Test
    void partialWritesKeepOrClearTheRest() {
        r.set(RAX, PATTERN).set(RBX, 0xFEDCBA9876543210L);
        assertThat(r.run("88 D8").get(RAX)).isEqualTo(0x1122334455667710L);
        assertThat(r.run("88 DC").get(RAX)).as("MOV AH,BL").isEqualTo(0x1122334455661010L);
        assertThat(r.run("66 89 D8").get(RAX)).isEqualTo(0x1122334455663210L);
        assertThat(r.run("89 D8").get(RAX)).isEqualTo(0x76543210L);
        assertThat(r.run("48 89 D8").get(RAX)).isEqualTo(0xFEDCBA9876543210L);
    }

    @Test
    void immediates() {
        assertThat(r.run("48 B8 88 77 66 55 44 33 22 11").get(RAX)).isEqualTo(PATTERN);
        assertThat(r.run("48 C7 C0 FF FF FF FF").get(RAX)).isEqualTo(-1);
        assertThat(r.run("B8 FF FF FF FF").get(RAX)).isEqualTo(0xFFFFFFFFL);
        r.set(RDI, DATA).store(DATA, 8, 0).run("48 C7 07 80 FF FF FF");
        assertThat(r.load(DATA, 8)).isEqualTo(-128);
    }

    @Test
    void absoluteOffsets() {
        r.store(DATA, 8, PATTERN).run("48 A1 00 00 01 00 00 00 00 00");
        assertThat(r.get(RAX)).isEqualTo(PATTERN);
        r.run("A2 08 00 01 00 00 00 00 00");
        assertThat(r.load(DATA + 8, 2)).isEqualTo(0x88);
    }

    @Test
    void addressComputation() {
        r.set(RAX, 0x1000).set(RCX, -2);
        assertThat(r.run("48 8D 5C 88 10").get(RBX)).isEqualTo(0x1000 - 8 + 0x10);
        assertThat(r.set(RAX, 0).run("8D 18").get(RBX)).isZero();
        assertThat(r.run("67 48 8D 58 FF").get(RBX)).as("address size 32").isEqualTo(0xFFFFFFFFL);
        assertThat(r.run("48 8D 1D 00 00 00 00").get(RBX)).as("RIP-relative").isEqualTo(r.c.rip);
    }

    @Test
    void extension() {
        r.set(RBX, 0x80F0).set(RDI, DATA).store(DATA, 4, 0x80000080L);
        assertThat(r.run("0F B6 C3").get(RAX)).isEqualTo(0xF0);
        assertThat(r.run("0F B6 C7").get(RAX)).as("MOVZX EAX,BH").isEqualTo(0x80);
        assertThat(r.run("48 0F BE C3").get(RAX)).isEqualTo(-16);
        assertThat(r.run("0F BF C3").get(RAX)).isEqualTo(0xFFFF80F0L);
        assertThat(r.run("48 63 07").get(RAX)).isEqualTo((int) 0x80000080L);
        assertThat(r.set(RAX, 0x11FF).run("66 98").get(RAX)).as("CBW").isEqualTo(0xFFFF);
        assertThat(r.set(RAX, 0x8000).run("98").get(RAX)).as("CWDE").isEqualTo(0xFFFF8000L);
        assertThat(r.set(RAX, 0x80000000L).run("48 98").get(RAX)).as("CDQE").isEqualTo((int) 0x80000000L);
        assertThat(r.set(RAX, 0x80000000L).run("99").get(RDX)).as("CDQ").isEqualTo(0xFFFFFFFFL);
        assertThat(r.run("48 99").get(RDX)).as("CQO").isZero();
    }

    @Test
    void byteOrder() {
        assertThat(r.set(RBX, PATTERN).run("48 0F CB").get(RBX)).isEqualTo(0x8877665544332211L);
        assertThat(r.run("0F CB").get(RBX)).isEqualTo(0x11223344L);
        r.set(RDI, DATA).store(DATA, 8, PATTERN);
        assertThat(r.run("48 0F 38 F0 07").get(RAX)).isEqualTo(0x8877665544332211L);
        assertThat(r.run("66 0F 38 F0 07").get(RAX)).isEqualTo(0x8877665544338877L);
    }

    @Test
    void exchange() {
        r.set(RAX, 1).set(RBX, 2).run("48 87 D8");
        assertThat(r.get(RAX)).isEqualTo(2);
        assertThat(r.get(RBX)).isEqualTo(1);
        assertThat(r.set(8, 9).run("49 90").get(RAX)).as("XCHG R8,RAX").isEqualTo(9);
        assertThat(r.get(8)).isEqualTo(2);
        r.set(RDI, DATA).store(DATA, 8, 77).run("48 87 07");
        assertThat(r.get(RAX)).isEqualTo(77);
        assertThat(r.load(DATA, 8)).isEqualTo(9);
        r.run("90");
        assertThat(r.get(RAX)).isEqualTo(77);
    }

    @Test
    void compareAndExchange() {
        r.set(RDI, DATA).store(DATA, 8, 5).set(RAX, 5).set(RBX, 6).run("F0 48 0F B1 1F");
        assertThat(r.load(DATA, 8)).isEqualTo(6);
        assertThat(r.flags()).isEqualTo(Model.sub(5, 5, 0, 64).flags());
        r.run("F0 48 0F B1 1F");
        assertThat(r.get(RAX)).isEqualTo(6);
        assertThat(r.flags()).isEqualTo(Model.sub(5, 6, 0, 64).flags());
    }

    @Test
    void failedCompareAndExchangeStillNeedsWritePermission() {
        r.set(RDI, DATA).store(DATA, 8, 5).set(RAX, 1).set(RBX, 6).protect(DATA);
        assertThat(r.fault("0F B1 1F").vector()).isEqualTo(Event.PF);
        assertThat(r.get(RAX)).isEqualTo(1);
    }

    @Test
    void failedCompareAndExchangeLeavesARegisterAlone() {
        r.set(RAX, 1).set(RBX, -1).set(RCX, 3).run("0F B1 CB");
        assertThat(r.get(RBX)).isEqualTo(-1);
        assertThat(r.get(RAX)).isEqualTo(0xFFFFFFFFL);
    }

    @Test
    void compareAndExchangeSixteenBytes() {
        r.set(RDI, DATA).store(DATA, 8, 1).store(DATA + 8, 8, 2).set(RAX, 1).set(RDX, 2).set(RBX, 3).set(RCX, 4).flags(Flags.CF);
        r.run("F0 48 0F C7 0F");
        assertThat(r.load(DATA, 8)).isEqualTo(3);
        assertThat(r.load(DATA + 8, 8)).isEqualTo(4);
        assertThat(r.flags()).isEqualTo(Flags.CF | Flags.ZF);
        r.run("F0 48 0F C7 0F");
        assertThat(r.get(RAX)).isEqualTo(3);
        assertThat(r.get(RDX)).isEqualTo(4);
        assertThat(r.flags()).isEqualTo(Flags.CF);
        r.set(RDI, DATA + 8);
        assertThat(r.fault("48 0F C7 0F")).isEqualTo(Event.exception(Event.GP, 0));
        assertThat(r.run("0F C7 0F").flags() & Flags.ZF).as("CMPXCHG8B needs no alignment").isZero();
    }

    @Test
    void exchangeAndAddOfARegisterWithItself() {
        assertThat(r.set(RBX, 21).run("48 0F C1 DB").get(RBX)).isEqualTo(42);
    }

    @Test
    void tableLookup() {
        r.set(RBX, DATA).set(RAX, 0x1105).store(DATA + 5, 1, 0x99).run("D7");
        assertThat(r.get(RAX)).isEqualTo(0x1199);
    }

    @Test
    void sixtyFourByteDirectStore() {
        for (int n = 0; n < 8; n++) {
            r.store(DATA + 3 + 8 * n, 8, n + 1);
        }
        r.set(RSI, DATA + 3).set(RDI, DATA + 0x1000).run("66 0F 38 F8 3E");
        for (int n = 0; n < 8; n++) {
            assertThat(r.load(DATA + 0x1000 + 8 * n, 8)).isEqualTo(n + 1);
        }
        assertThat(r.set(RDI, DATA + 0x1008).fault("66 0F 38 F8 3E")).isEqualTo(Event.exception(Event.GP, 0));
    }

    @Test
    void clzeroClearsTheWholeLine() {
        Rig amd = Rig.bits64("max-amd").store(DATA + 0x3F, 8, -1).store(DATA + 0x78, 8, -1).store(DATA + 0x80, 8, -1).set(RAX, DATA + 0x47);
        amd.run("0F 01 FC");
        assertThat(amd.load(DATA + 0x3F, 1)).isEqualTo(0xFF);
        assertThat(amd.load(DATA + 0x40, 8)).isZero();
        assertThat(amd.load(DATA + 0x78, 8)).isZero();
        assertThat(amd.load(DATA + 0x80, 1)).isEqualTo(0xFF);
    }

    @Test
    void baseRegistersOfFsAndGs() {
        r.set(RAX, 0x7000_1234_5678L).run("F3 48 0F AE D0");
        assertThat(r.run("F3 48 0F AE C3").get(RBX)).isEqualTo(0x7000_1234_5678L);
        assertThat(r.set(RAX, DATA).run("F3 48 0F AE D8").store(DATA + 8, 8, 5).run("65 48 8B 0C 25 08 00 00 00").get(RCX)).isEqualTo(5);
        assertThat(r.set(RAX, 1L << 62).fault("F3 48 0F AE D0")).isEqualTo(Event.exception(Event.GP, 0));
        r.c.cr4 &= ~Cr.FSGSBASE;
        assertThat(r.fault("F3 48 0F AE C3").vector()).isEqualTo(Event.UD);
    }

    @Test
    void randomNumbersDependOnTheSavedStateOnly() {
        r.c.rngState = 42;
        long first = r.run("48 0F C7 F0").get(RAX);
        assertThat(r.flags()).isEqualTo(Flags.CF);
        assertThat(r.run("48 0F C7 F8").get(RAX)).isNotEqualTo(first);
        r.c.rngState = 42;
        assertThat(r.run("48 0F C7 F8").get(RAX)).isEqualTo(first);
    }

    @Test
    void bounds() {
        Rig legacy = Rig.bits32().set(RDI, DATA).store(DATA, 4, -5).store(DATA + 4, 4, 10);
        legacy.set(RAX, 10).run("62 07").set(RAX, -5 & 0xFFFFFFFFL).run("62 07");
        assertThat(legacy.set(RAX, 11).fault("62 07").vector()).isEqualTo(Event.BR);
    }

    @Test
    void flagBytes() {
        r.flags(Flags.CF | Flags.ZF | Flags.OF).set(RAX, 0).run("9F");
        assertThat(r.get(RAX)).isEqualTo((Flags.FIXED | Flags.CF | Flags.ZF) << 8);
        r.set(RAX, 0xFF00 & ~(Flags.CF << 8)).run("9E");
        assertThat(r.flags()).isEqualTo(Flags.ARITHMETIC & ~Flags.CF);
    }

    @Test
    void cacheLineControlChecksItsAddress() {
        r.set(RDI, DATA).run("0F AE 3F").remove(DATA);
        assertThat(r.fault("0F AE 3F").vector()).isEqualTo(Event.PF);
        r.run("0F 18 07");
        assertThat(r.fault("0F 0B").vector()).isEqualTo(Event.UD);
    }

    @Test
    void segmentLimitsHoldOutside64BitMode() {
        Rig legacy = Rig.bits32();
        legacy.c.segLimit[Cpu.DS] = DATA + 3;
        legacy.c.updateMode();
        assertThat(legacy.set(RDI, DATA).run("8B 07").c.rip).isEqualTo(Rig.CODE + 2);
        assertThat(legacy.set(RDI, DATA + 1).fault("8B 07")).isEqualTo(Event.exception(Event.GP, 0));
        legacy.c.segLimit[Cpu.SS] = 0x7FFF;
        legacy.c.updateMode();
        assertThat(legacy.set(RSP, 0x8000).fault("8B 04 24")).isEqualTo(Event.exception(Event.SS, 0));
    }
}
