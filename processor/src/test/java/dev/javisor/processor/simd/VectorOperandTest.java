package dev.javisor.processor.simd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import org.junit.jupiter.api.Test;

/** What vector instructions have in common: when they may run, and how they access memory. */
class VectorOperandTest {
    private final Vectors v = new Vectors();

    @Test
    void sseNeedsAnOperatingSystemThatSavesItsState() {
        v.c.cr4 &= ~Cr.OSFXSR;
        v.c.updateMode();
        assertThat(v.rig.fault("0f28c1").vector()).isEqualTo(Event.UD);
        v.run("0f6fc1");
    }

    @Test
    void emulationComesBeforeTaskSwitched() {
        v.c.cr0 |= Cr.TS;
        v.c.updateMode();
        assertThat(v.rig.fault("0f28c1").vector()).isEqualTo(Event.NM);
        assertThat(v.rig.fault("0f6fc1").vector()).isEqualTo(Event.NM);
        v.c.cr0 |= Cr.EM;
        v.c.updateMode();
        assertThat(v.rig.fault("0f28c1").vector()).isEqualTo(Event.UD);
        assertThat(v.rig.fault("0f6fc1").vector()).isEqualTo(Event.UD);
    }

    @Test
    void mmxInstructionsReportPendingX87ExceptionsAndSseInstructionsDoNot() {
        v.c.x87.status = 0x8081;
        assertThat(v.rig.fault("0ffcc1").vector()).isEqualTo(Event.MF);
        v.run("660ffcc1");
    }

    @Test
    void mmxInstructionsTakeOverTheX87Registers() {
        v.c.x87.status = 0x2800;
        v.c.x87.valid = 0;
        v.c.x87.signExponent[1] = 0x3FFF;
        v.rig.set(Rig.RAX, -1);
        v.run("0f6ec8");
        assertThat(v.c.x87.significand[1]).isEqualTo(0xFFFFFFFFL);
        assertThat(v.c.x87.signExponent[1]).isEqualTo(0xFFFF);
        assertThat(v.c.x87.status & 0x3800).isZero();
        assertThat(v.c.x87.valid).isEqualTo(0xFF);
        v.run("0f77");
        assertThat(v.c.x87.valid).isZero();
    }

    @Test
    void alignedFormsFaultOnUnalignedOperandsAndUnalignedFormsDoNot() {
        v.rig.set(Rig.RSI, Rig.DATA + 8).store(Rig.DATA + 8, 8, 1).store(Rig.DATA + 16, 8, 2);
        for (String aligned : new String[] {"0f2806", "0f2906", "660f6f06", "660ffc06", "0f5806", "660fe706"}) {
            assertThat(v.rig.fault(aligned)).as(aligned).isEqualTo(Event.exception(Event.GP, 0));
        }
        v.run("0f1006");
        assertThat(v.low(0)).isEqualTo(1);
        assertThat(v.high(0)).isEqualTo(2);
        v.run("f30f5806");
        v.run("660f3a630600");
    }

    @Test
    void theMisalignedExceptionMaskIsAmdsAndForComputingInstructions() {
        v.rig.set(Rig.RSI, Rig.DATA + 8).store(Rig.DATA + 8, 4, Mxcsr.INITIAL | Mxcsr.MM);
        assertThat(v.rig.fault("0fae16")).as("LDMXCSR on Intel's").isEqualTo(Event.exception(Event.GP, 0));
        Vectors amd = new Vectors(Rig.bits64("max-amd"));
        amd.rig.set(Rig.RSI, Rig.DATA + 8).store(Rig.DATA + 8, 4, Mxcsr.INITIAL | Mxcsr.MM);
        assertThat(amd.rig.fault("660ffc06")).isEqualTo(Event.exception(Event.GP, 0));
        amd.run("0fae16");
        for (String computing : new String[] {"660ffc06", "0f5806", "660f38000e"}) {
            amd.run(computing);
        }
        for (String move : new String[] {"0f2806", "0f2906", "660f6f06", "660fe706", "660f382a06"}) {
            assertThat(amd.rig.fault(move)).as(move).isEqualTo(Event.exception(Event.GP, 0));
        }
    }

    @Test
    void alignmentChecksOfUnalignedOperandsLookAtAllOfThemOnAmds() {
        for (Vectors w : new Vectors[] {v, new Vectors(Rig.bits64("max-amd"))}) {
            w.rig.set(Rig.RSI, Rig.DATA + 8);
            w.c.cr0 |= Cr.AM;
            w.c.cpl = 3;
            w.c.rflags |= Flags.AC;
            w.c.updateMode();
            boolean whole = w != v;
            for (String code : new String[] {"0f1006", "0f1106"}) {
                if (whole) {
                    assertThat(w.rig.fault(code)).isEqualTo(Event.exception(Event.AC, 0));
                } else {
                    w.run(code);
                }
            }
            w.rig.set(Rig.RSI, Rig.DATA + 4);
            assertThat(w.rig.fault("0f1006")).isEqualTo(Event.exception(Event.AC, 0));
        }
    }

    @Test
    void aFaultingStoreLeavesBothPagesAsTheyWere() {
        v.rig.set(Rig.RSI, Rig.DATA + 0xFF8).store(Rig.DATA + 0xFF8, 8, 5).protect(Rig.DATA + 0x1000);
        v.xmm(0, 7, 7);
        assertThat(v.rig.fault("0f1106")).isEqualTo(Event.pageFault(Rig.DATA + 0x1000, 2));
        assertThat(v.rig.load(Rig.DATA + 0xFF8, 8)).isEqualTo(5);
        v.rig.restore(Rig.DATA + 0x1000);
        v.run("0f1106");
        assertThat(v.rig.load(Rig.DATA + 0x1000, 8)).isEqualTo(7);
    }

    @Test
    void aFaultingLoadLeavesTheRegister() {
        v.rig.set(Rig.RSI, Rig.DATA + 0xFF8).remove(Rig.DATA + 0x1000);
        v.xmm(0, 7, 7);
        assertThat(v.rig.fault("0f1006")).isEqualTo(Event.pageFault(Rig.DATA + 0x1000, 0));
        assertThat(v.low(0)).isEqualTo(7);
    }

    @Test
    void legacyInstructionsKeepTheUpperLanes() {
        v.c.vector[2] = 42;
        v.run("0f28c1").run("0f58c1").run("660fefc0");
        assertThat(v.c.vector[2]).isEqualTo(42);
    }

    @Test
    void scalarLoadsClearTheRestAndScalarMovesKeepIt() {
        v.rig.set(Rig.RSI, Rig.DATA).store(Rig.DATA, 8, 0x1111111122222222L);
        v.xmm(0, 9, -1).run("f30f1006");
        assertThat(v.low(0)).isEqualTo(0x22222222L);
        assertThat(v.high(0)).isZero();
        v.xmm(0, 9, -1).xmm(1, 0, 5).run("f30f10c1");
        assertThat(v.low(0)).isEqualTo(0xFFFFFFFF00000005L);
        assertThat(v.high(0)).isEqualTo(9);
    }

    @Test
    void maskedStoresTouchSelectedBytesOnly() {
        v.rig.set(Rig.RDI, Rig.DATA + 3).store(Rig.DATA, 8, -1).store(Rig.DATA + 8, 8, -1).store(Rig.DATA + 16, 8, -1);
        v.xmm(0, 0, 0).xmm(1, 0x8000000000000000L, 0x80).run("660ff7c1");
        assertThat(v.rig.load(Rig.DATA, 8)).isEqualTo(0xFFFFFFFF00FFFFFFL);
        assertThat(v.rig.load(Rig.DATA + 8, 8)).isEqualTo(-1);
        assertThat(v.rig.load(Rig.DATA + 16, 8)).isEqualTo(0xFFFFFFFFFF00FFFFL);
    }

    @Test
    void reservedMxcsrBitsAreRefused() {
        v.rig.set(Rig.RSI, Rig.DATA).store(Rig.DATA, 4, 0x11F80);
        assertThat(v.rig.fault("0fae16")).isEqualTo(Event.exception(Event.GP, 0));
        v.rig.store(Rig.DATA, 4, 0xFFC0);
        v.run("0fae16").run("0fae5e04");
        assertThat(v.rig.load(Rig.DATA + 4, 4)).isEqualTo(0xFFC0);
    }
}
