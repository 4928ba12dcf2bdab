package dev.javisor.processor.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.paging.PagedMachine;
import dev.javisor.processor.paging.PagedMachine.Mode;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Which writes to control registers are allowed, and what they change. */
class ControlRegistersTest {
    private static final int GP = Event.GP, UD = Event.UD, NONE = -1;

    private static int vector(Runnable write) {
        Event e = PagedMachine.eventOf(write);
        return e == null ? NONE : e.vector();
    }

    private static int cr0(PagedMachine m, long value) {
        return vector(() -> ControlRegisters.writeCr0(m.c, value));
    }

    private static int cr3(PagedMachine m, long value) {
        return vector(() -> ControlRegisters.writeCr3(m.c, value));
    }

    private static int cr4(PagedMachine m, long value) {
        return vector(() -> ControlRegisters.writeCr4(m.c, value));
    }

    private static int efer(PagedMachine m, long value) {
        return vector(() -> ControlRegisters.writeEfer(m.c, value));
    }

    @Test
    void cr0Combinations() {
        PagedMachine m = new PagedMachine();
        assertThat(cr0(m, Cr.PG)).as("PG without PE").isEqualTo(GP);
        assertThat(cr0(m, Cr.PE | Cr.NW)).as("NW without CD").isEqualTo(GP);
        assertThat(cr0(m, Cr.PE | Cr.NW | Cr.CD)).isEqualTo(NONE);
        assertThat(cr0(m, Cr.PE | 1L << 32)).isEqualTo(GP);
        assertThat(cr0(m, Cr.PE | 0x1FF8FFC0L & ~Cr.WP & ~Cr.AM)).as("other reserved bits are ignored").isEqualTo(NONE);
        assertThat(m.c.cr0).isEqualTo(Cr.PE | Cr.ET);
        m.c.cr4 |= Cr.CET;
        assertThat(cr0(m, Cr.PE)).as("CET needs WP").isEqualTo(GP);
        assertThat(cr0(m, Cr.PE | Cr.WP)).isEqualTo(NONE);
    }

    @Test
    void activatingLongModeNeedsPaeAnd32BitCode() {
        PagedMachine m = new PagedMachine();
        m.c.efer = Cr.LME;
        assertThat(cr0(m, Cr.PE | Cr.PG)).as("PAE").isEqualTo(GP);
        m.c.cr4 = Cr.PAE;
        m.c.segAccess[Cpu.CS] |= Cpu.L;
        assertThat(cr0(m, Cr.PE | Cr.PG)).as("CS.L").isEqualTo(GP);
        m.c.segAccess[Cpu.CS] &= ~Cpu.L;
        m.c.segAccess[Cpu.TR] = 0x83;
        assertThat(cr0(m, Cr.PE | Cr.PG)).as("16-bit TSS").isEqualTo(GP);
        m.c.segAccess[Cpu.TR] = 0x8B;
        assertThat(cr0(m, Cr.PE | Cr.PG)).isEqualTo(NONE);
        assertThat(m.c.efer & Cr.LMA).isNotZero();
        assertThat(efer(m, Cr.NXE)).as("LME is fixed while paging").isEqualTo(GP);
        assertThat(cr4(m, 0)).as("PAE in long mode").isEqualTo(GP);
        assertThat(cr4(m, Cr.PAE | Cr.LA57)).as("LA57 in long mode").isEqualTo(GP);
        assertThat(cr0(m, Cr.PE)).isEqualTo(NONE);
        assertThat(m.c.efer & (Cr.LMA | Cr.LME)).isEqualTo(Cr.LME);
        assertThat(cr4(m, Cr.PAE | Cr.LA57)).isEqualTo(NONE);
    }

    @Test
    void pagingCannotBeLeftIn64BitModeNorWithPcids() {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        assertThat(cr0(m, Cr.PE)).as("64-bit mode").isEqualTo(GP);
        m.c.segAccess[Cpu.CS] = 0x9B | Cpu.DB | Cpu.G;
        m.c.updateMode();
        m.c.cr4 |= Cr.PCIDE;
        assertThat(cr0(m, Cr.PE)).as("PCIDE").isEqualTo(GP);
        m.c.cr4 &= ~Cr.PCIDE;
        m.c.cr4 |= Cr.FRED;
        assertThat(cr0(m, Cr.PE)).as("FRED").isEqualTo(GP);
        m.c.cr4 &= ~Cr.FRED;
        assertThat(cr0(m, Cr.PE)).isEqualTo(NONE);
    }

    @Test
    void paePointersAreCheckedWhenPagingStarts() {
        PagedMachine m = new PagedMachine();
        m.c.cr4 = Cr.PAE;
        m.c.cr3 = 0x2000;
        m.memory.write(0x2008, 8, 3);
        assertThat(cr0(m, Cr.PE | Cr.PG)).isEqualTo(GP);
        assertThat(m.c.cr0 & Cr.PG).isZero();
        m.memory.write(0x2008, 8, 0x5001);
        assertThat(cr0(m, Cr.PE | Cr.PG)).isEqualTo(NONE);
        assertThat(m.c.pdpte).containsExactly(0, 0x5001, 0, 0);
        m.memory.write(0x2008, 8, 0x6003);
        assertThat(cr3(m, 0x2000)).isEqualTo(GP);
        assertThat(cr4(m, Cr.PAE | Cr.TSD)).as("TSD loads no pointers").isEqualTo(NONE);
        assertThat(cr4(m, Cr.PAE | Cr.PGE)).isEqualTo(GP);
        assertThat(m.c.pdpte[1]).isEqualTo(0x5001);
    }

    @Test
    void cr3ReservedBits() {
        PagedMachine m = new PagedMachine(Vendor.INTEL, 46, PagedMachine.without(Feature.LAM)).mode(Mode.LEVEL4);
        assertThat(cr3(m, 1L << 45 | 0xFFF)).isEqualTo(NONE);
        for (int bit : List.of(46, 51, 52, 60, 61, 62, 63)) {
            assertThat(cr3(m, 1L << bit)).as("bit " + bit).isEqualTo(GP);
        }
        m.c.cr3 = 0x100000;
        assertThat(cr4(m, m.c.cr4 | Cr.PCIDE)).isEqualTo(NONE);
        assertThat(cr3(m, Cr.NOFLUSH | 0x100001)).isEqualTo(NONE);
        assertThat(m.c.cr3).isEqualTo(0x100001);
        PagedMachine lam = new PagedMachine().mode(Mode.LEVEL4);
        assertThat(cr3(lam, Cr.LAM_U48 | Cr.LAM_U57)).isEqualTo(NONE);
    }

    @Test
    void pcidsNeedLongModeAndACleanCr3() {
        PagedMachine m = new PagedMachine();
        assertThat(cr4(m, Cr.PCIDE)).isEqualTo(GP);
        m.mode(Mode.LEVEL4);
        m.c.cr3 |= 8;
        assertThat(cr4(m, m.c.cr4 | Cr.PCIDE)).isEqualTo(GP);
        m.c.cr3 &= ~8;
        assertThat(cr4(m, m.c.cr4 | Cr.PCIDE)).isEqualTo(NONE);
        assertThat(cr3(m, m.c.cr3 | 8)).isEqualTo(NONE);
        assertThat(cr4(m, m.c.cr4 | Cr.TSD)).as("PCIDE stays").isEqualTo(NONE);
    }

    @Test
    void cr4BitsAreReservedWithoutTheirFeature() {
        Map<Long, Feature> gates = Map.of(
                Cr.UMIP, Feature.UMIP, Cr.SMEP, Feature.SMEP, Cr.SMAP, Feature.SMAP, Cr.PKE, Feature.PKU, Cr.PKS, Feature.PKS,
                Cr.FSGSBASE, Feature.FSGSBASE, Cr.OSXSAVE, Feature.XSAVE, Cr.LAM_SUP, Feature.LAM, Cr.LA57, Feature.LA57,
                Cr.PGE, Feature.PGE);
        gates.forEach((bit, feature) -> {
            PagedMachine with = new PagedMachine();
            PagedMachine without = new PagedMachine(Vendor.INTEL, 46, PagedMachine.without(feature));
            assertThat(cr4(with, bit)).as("with " + feature).isEqualTo(NONE);
            assertThat(cr4(without, bit)).as("without " + feature).isEqualTo(GP);
        });
        for (int bit : List.of(15, 26, 29, 31, 33, 63)) {
            assertThat(cr4(new PagedMachine(), 1L << bit)).as("bit " + bit).isEqualTo(GP);
        }
    }

    @Test
    void cr4TransitionsOfCetAndFred() {
        PagedMachine m = new PagedMachine();
        assertThat(cr4(m, Cr.CET)).as("without WP").isEqualTo(GP);
        assertThat(cr4(m, Cr.FRED)).as("outside long mode").isEqualTo(GP);
        m.mode(Mode.LEVEL4);
        m.c.cr0 |= Cr.WP;
        assertThat(cr4(m, m.c.cr4 | Cr.CET | Cr.FRED)).isEqualTo(NONE);
        assertThat(cr4(m, m.c.cr4 & ~Cr.FRED)).isEqualTo(NONE);
    }

    @Test
    void eferReservedBits() {
        PagedMachine m = new PagedMachine(Vendor.INTEL, 46, PagedMachine.without(Feature.NX, Feature.SVM));
        assertThat(efer(m, Cr.NXE)).isEqualTo(GP);
        assertThat(efer(m, Cr.SVME)).isEqualTo(GP);
        assertThat(efer(m, 2)).isEqualTo(GP);
        assertThat(efer(m, 1L << 32)).isEqualTo(GP);
        assertThat(efer(m, Cr.SCE | Cr.LME | Cr.LMA)).isEqualTo(NONE);
        assertThat(m.c.efer).as("LMA is read-only").isEqualTo(Cr.SCE | Cr.LME);
    }

    @ParameterizedTest
    @CsvSource({
        "0F 20 C0", "0F 22 C0", "0F 22 D0", "0F 22 D8", "0F 22 E0", "44 0F 20 C0", "44 0F 22 C0", "0F 01 F0", "0F 06", "0F 08", "0F 09",
        "0F 01 38"
    })
    void userModeMayNot(String code) {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        m.cpl(3);
        assertThat(m.vectorOf(code)).isEqualTo(GP);
    }

    @ParameterizedTest
    @CsvSource({"0F 20 C8", "0F 20 E8", "0F 22 F8", "44 0F 20 C8", "44 0F 22 F8"})
    void undefinedControlRegisters(String code) {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        assertThat(m.vectorOf(code)).isEqualTo(UD);
        m.cpl(3);
        assertThat(m.vectorOf(code)).as("before the privilege check").isEqualTo(UD);
    }

    @Test
    void movesHaveTheWidthOfTheMode() {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        m.c.gpr[3] = 0x123456789ABCDEFL;
        m.execute("0F 22 D3");
        assertThat(m.c.cr2).isEqualTo(0x123456789ABCDEFL);
        PagedMachine legacy = new PagedMachine();
        legacy.c.gpr[3] = 0x123456789ABCDEFL;
        legacy.execute("0F 22 D3");
        assertThat(legacy.c.cr2).isEqualTo(0x89ABCDEFL);
    }

    @Test
    void cr8HoldsFourBits() {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        m.c.gpr[0] = 15;
        assertThat(m.vectorOf("44 0F 22 C0")).isEqualTo(NONE);
        m.c.gpr[0] = 16;
        assertThat(m.vectorOf("44 0F 22 C0")).isEqualTo(GP);
    }

    @Test
    void lmswSetsButNeverClearsPe() {
        PagedMachine m = new PagedMachine();
        m.c.cr0 = Cr.ET | Cr.NE;
        m.c.gpr[0] = Cr.PE | Cr.TS | Cr.NE | Cr.WP;
        m.execute("0F 01 F0");
        assertThat(m.c.cr0).isEqualTo(Cr.ET | Cr.NE | Cr.PE | Cr.TS);
        m.c.gpr[0] = Cr.MP;
        m.execute("0F 01 F0");
        assertThat(m.c.cr0).isEqualTo(Cr.ET | Cr.NE | Cr.PE | Cr.MP);
    }

    @Test
    void cltsClearsTaskSwitched() {
        PagedMachine m = new PagedMachine();
        m.c.cr0 |= Cr.TS | Cr.EM;
        m.execute("0F 06");
        assertThat(m.c.cr0 & (Cr.TS | Cr.EM)).isEqualTo(Cr.EM);
    }

    @ParameterizedTest
    @EnumSource(Vendor.class)
    void lockMovCr0IsCr8OnAmd(Vendor vendor) {
        boolean amd = vendor == Vendor.AMD;
        PagedMachine m = new PagedMachine(vendor, 46, amd ? PagedMachine.without() : PagedMachine.without(Feature.CR8_LEGACY));
        m.c.gpr[1] = -1;
        assertThat(m.vectorOf("F0 0F 20 C1")).isEqualTo(amd ? NONE : UD);
        assertThat(m.c.gpr[1]).isEqualTo(amd ? 0 : -1);
    }
}
