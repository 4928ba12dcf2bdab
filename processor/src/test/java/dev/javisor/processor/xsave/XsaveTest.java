package dev.javisor.processor.xsave;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.XsaveComponent;
import dev.javisor.isa.XsaveLayout;
import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import org.junit.jupiter.api.Test;

class XsaveTest {
    private static final long AREA = Rig.DATA, XSTATE_BV = AREA + 512, XCOMP_BV = AREA + 520;
    private static final String FXSAVE = "0fae06", FXSAVE64 = "480fae06", FXRSTOR64 = "480fae0e";
    private static final String XSAVE = "0fae26", XRSTOR = "0fae2e", XSAVEOPT = "0fae36";
    private static final String XSAVEC = "0fc726", XSAVES = "0fc72e", XRSTORS = "0fc71e", XGETBV = "0f01d0";
    private final Rig rig = Rig.bits64();
    private final Cpu c = rig.c;

    XsaveTest() {
        c.cr4 |= Cr.OSFXSR | Cr.OSXSAVE;
        c.xcr0 = 3 | XsaveComponent.PKRU.bit();
        c.updateMode();
        rig.set(Rig.RSI, AREA).set(Rig.RAX, -1).set(Rig.RDX, -1);
    }

    private void fill() {
        for (int i = 0; i < 16; i++) {
            c.vector[8 * i] = 0x1000 + i;
            c.vector[8 * i + 1] = 0x2000 + i;
        }
        for (int i = 0; i < 8; i++) {
            c.x87.significand[i] = 0x3000 + i;
            c.x87.signExponent[i] = 0x4000 + i;
        }
        c.x87.status = 0x1800;
        c.x87.valid = 0x0F;
        c.x87.control = 0x27F;
        c.mxcsr = 0x1FA0;
    }

    @Test
    void fxsaveLaysOutRegistersByTheTopOfTheStack() {
        fill();
        c.x87.lastInstruction = 0x123456789ABCL;
        c.x87.lastOpcode = 0x7FF;
        rig.run(FXSAVE64);
        assertThat(rig.load(AREA, 2)).isEqualTo(0x27F);
        assertThat(rig.load(AREA + 2, 2)).isEqualTo(0x1800);
        assertThat(rig.load(AREA + 4, 1)).isEqualTo(0x0F);
        assertThat(rig.load(AREA + 6, 2)).isEqualTo(0x7FF);
        assertThat(rig.load(AREA + 8, 8)).isEqualTo(0x123456789ABCL);
        assertThat(rig.load(AREA + 24, 4)).isEqualTo(0x1FA0);
        assertThat(rig.load(AREA + 28, 4)).isEqualTo(0xFFFF);
        assertThat(rig.load(AREA + 32, 8)).isEqualTo(0x3003);
        assertThat(rig.load(AREA + 40, 8)).isEqualTo(0x4003);
        assertThat(rig.load(AREA + 160 + 15 * 16, 8)).isEqualTo(0x100F);
    }

    @Test
    void fxsaveOutside64BitModeLeavesTheUpperRegistersAlone() {
        Rig r = Rig.bits32();
        r.c.vector[8 * 7] = 7;
        r.c.vector[8 * 8] = 8;
        r.set(Rig.RSI, AREA).store(AREA + 160 + 8 * 16, 8, 0x55).run(FXSAVE);
        assertThat(r.load(AREA + 160 + 7 * 16, 8)).isEqualTo(7);
        assertThat(r.load(AREA + 160 + 8 * 16, 8)).isEqualTo(0x55);
    }

    /** MXCSR_MASK tells which bits of MXCSR there are, and an address that is not canonical comes before one that is not aligned. */
    @Test
    void theMisalignedExceptionMaskAndTheOrderOfFaultsOfFxsave() {
        Rig amd = Rig.bits64("max-amd");
        amd.c.cr4 |= Cr.OSFXSR;
        amd.c.updateMode();
        amd.set(Rig.RSI, AREA).run(FXSAVE64);
        assertThat(amd.load(AREA + 28, 4)).isEqualTo(0x2FFFF);
        amd.store(AREA + 24, 4, 0x21F80).run(FXRSTOR64);
        assertThat(amd.c.mxcsr).isEqualTo(0x21F80);
        rig.set(Rig.RBP, AREA + 8);
        assertThat(rig.fault("480fae4500")).isEqualTo(Event.exception(Event.GP, 0));
        rig.set(Rig.RBP, 1L << 62 | 8);
        assertThat(rig.fault("480fae4500")).isEqualTo(Event.exception(Event.SS, 0));
    }

    @Test
    void fxrstorRestoresEverythingOrNothing() {
        fill();
        rig.run(FXSAVE64);
        rig.store(AREA + 24, 4, 0x10000);
        c.vector[0] = 99;
        assertThat(rig.fault(FXRSTOR64)).isEqualTo(Event.exception(Event.GP, 0));
        assertThat(c.vector[0]).isEqualTo(99);
        rig.store(AREA + 24, 4, 0x1FA0);
        c.x87.status = 0;
        c.x87.valid = 0;
        rig.run(FXRSTOR64);
        assertThat(c.vector[0]).isEqualTo(0x1000);
        assertThat(c.x87.significand[5]).isEqualTo(0x3005);
        assertThat(c.x87.status).isEqualTo(0x1800);
        assertThat(c.x87.valid).isEqualTo(0x0F);
    }

    @Test
    void alignmentAndAvailability() {
        rig.set(Rig.RSI, AREA + 8);
        assertThat(rig.fault(FXSAVE)).isEqualTo(Event.exception(Event.GP, 0));
        rig.set(Rig.RSI, AREA + 16);
        assertThat(rig.fault(XSAVE)).isEqualTo(Event.exception(Event.GP, 0));
        rig.set(Rig.RSI, AREA);
        c.cr0 |= Cr.TS;
        for (String i : new String[] {FXSAVE, FXRSTOR64, XSAVE, XRSTOR, XSAVEC, XSAVES}) {
            assertThat(rig.fault(i).vector()).as(i).isEqualTo(Event.NM);
        }
        c.cr4 &= ~Cr.OSXSAVE;
        for (String i : new String[] {XSAVE, XSAVEOPT, XRSTOR, XSAVEC, XSAVES, XRSTORS, XGETBV}) {
            assertThat(rig.fault(i).vector()).as(i).isEqualTo(Event.UD);
        }
        c.cr4 |= Cr.OSXSAVE;
        c.cr0 &= ~Cr.TS;
        c.cpl = 3;
        assertThat(rig.fault(XSAVES)).isEqualTo(Event.exception(Event.GP, 0));
        assertThat(rig.fault(XRSTORS)).isEqualTo(Event.exception(Event.GP, 0));
    }

    @Test
    void xsaveTellsWhatIsInUseAndKeepsForeignBits() {
        rig.store(XSTATE_BV, 8, 0x80 | 1).run(XSAVE);
        assertThat(rig.load(XSTATE_BV, 8)).isEqualTo(0x80);
        c.vector[8] = 1;
        c.setPkru(4);
        rig.set(Rig.RAX, 2).run(XSAVE);
        assertThat(rig.load(XSTATE_BV, 8)).isEqualTo(0x82);
        rig.set(Rig.RAX, -1).run(XSAVE);
        assertThat(rig.load(XSTATE_BV, 8)).isEqualTo(0x282);
        assertThat(rig.load(AREA + XsaveComponent.PKRU.offset, 4)).isEqualTo(4);
    }

    @Test
    void xsaveWritesInitialStateAndXsaveoptLeavesItOut() {
        rig.store(AREA + 160, 8, 5).run(XSAVEOPT);
        assertThat(rig.load(AREA + 160, 8)).isEqualTo(5);
        rig.run(XSAVE);
        assertThat(rig.load(AREA + 160, 8)).isZero();
    }

    @Test
    void xrstorInitializesWhatTheHeaderDoesNotHave() {
        fill();
        c.setPkru(8);
        rig.run(XSAVE);
        rig.store(XSTATE_BV, 8, 2);
        c.mxcsr = 0x1F80;
        c.vector[0] = 0;
        rig.run(XRSTOR);
        assertThat(c.vector[0]).isEqualTo(0x1000);
        assertThat(c.mxcsr).isEqualTo(0x1FA0);
        assertThat(c.x87.control).isEqualTo(0x37F);
        assertThat(c.x87.significand[0]).isZero();
        assertThat(c.pkru).isZero();
    }

    @Test
    void xrstorLeavesWhatIsNotRequested() {
        fill();
        rig.set(Rig.RAX, 1).run(XRSTOR);
        assertThat(c.vector[0]).isEqualTo(0x1000);
        assertThat(c.x87.control).isEqualTo(0x37F);
        assertThat(c.mxcsr).isEqualTo(0x1FA0);
    }

    @Test
    void xrstorRefusesReservedHeaders() {
        rig.store(XSTATE_BV, 8, 1L << 20);
        assertThat(rig.fault(XRSTOR)).isEqualTo(Event.exception(Event.GP, 0));
        rig.store(XSTATE_BV, 8, 0).store(XCOMP_BV, 8, 1);
        assertThat(rig.fault(XRSTOR)).isEqualTo(Event.exception(Event.GP, 0));
        rig.store(XCOMP_BV, 8, 0).store(XCOMP_BV + 8, 8, 1);
        assertThat(rig.fault(XRSTOR)).isEqualTo(Event.exception(Event.GP, 0));
        rig.store(XCOMP_BV + 8, 8, 0).store(XCOMP_BV + 16, 8, 1).run(XRSTOR);
        rig.store(XCOMP_BV, 8, XsaveLayout.COMPACTED | 3);
        assertThat(rig.fault(XRSTOR)).isEqualTo(Event.exception(Event.GP, 0));
        rig.store(XCOMP_BV + 16, 8, 0).run(XRSTOR);
        rig.store(XSTATE_BV, 8, XsaveComponent.PKRU.bit());
        assertThat(rig.fault(XRSTOR)).isEqualTo(Event.exception(Event.GP, 0));
        rig.store(XSTATE_BV, 8, 0).store(XCOMP_BV, 8, 0);
        assertThat(rig.fault(XRSTORS)).isEqualTo(Event.exception(Event.GP, 0));
    }

    @Test
    void compactedFormatHasNoGaps() {
        fill();
        c.setPkru(0xC);
        rig.run(XSAVEC);
        assertThat(rig.load(XCOMP_BV, 8)).isEqualTo(XsaveLayout.COMPACTED | c.xcr0);
        assertThat(rig.load(XSTATE_BV, 8)).isEqualTo(c.xcr0);
        assertThat(rig.load(AREA + 576, 4)).isEqualTo(0xC);
        c.setPkru(0);
        c.vector[8] = 0;
        rig.run(XRSTOR);
        assertThat(c.pkru).isEqualTo(0xC);
        assertThat(c.vector[8]).isEqualTo(0x1001);
        rig.set(Rig.RAX, 2).run(XRSTORS);
    }

    @Test
    void compactedFormatCountsMxcsrAsSseState() {
        c.mxcsr = 0x1F80;
        rig.run(XSAVEC);
        assertThat(rig.load(XSTATE_BV, 8)).isZero();
        c.mxcsr = 0x1FA0;
        rig.run(XSAVES);
        assertThat(rig.load(XSTATE_BV, 8)).isEqualTo(2);
        rig.store(XSTATE_BV, 8, 0).run(XRSTOR);
        assertThat(c.mxcsr).isEqualTo(0x1F80);
    }

    @Test
    void xgetbvShowsEnabledAndUsedComponents() {
        rig.set(Rig.RCX, 0).run(XGETBV);
        assertThat(rig.get(Rig.RAX)).isEqualTo(c.xcr0);
        c.vector[1] = 1;
        rig.set(Rig.RCX, 1).run(XGETBV);
        assertThat(rig.get(Rig.RAX)).isEqualTo(2);
        rig.set(Rig.RCX, 2);
        assertThat(rig.fault(XGETBV)).isEqualTo(Event.exception(Event.GP, 0));
    }

    @Test
    void anAreaThatCannotBeWrittenCompletelyIsNotWritten() {
        rig.set(Rig.RSI, AREA + 0x1000 - 512).remove(AREA + 0x1000).store(AREA + 0x1000 - 512, 8, 77);
        assertThat(rig.fault(XSAVE).vector()).isEqualTo(Event.PF);
        assertThat(rig.load(AREA + 0x1000 - 512, 8)).isEqualTo(77);
    }
}
