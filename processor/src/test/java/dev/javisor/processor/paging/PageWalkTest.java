package dev.javisor.processor.paging;

import static dev.javisor.processor.paging.PagedMachine.ALL;
import static dev.javisor.processor.paging.PagedMachine.G;
import static dev.javisor.processor.paging.PagedMachine.P;
import static dev.javisor.processor.paging.PagedMachine.PS;
import static dev.javisor.processor.paging.PagedMachine.RW;
import static dev.javisor.processor.paging.PagedMachine.XD;
import static dev.javisor.processor.paging.PagedMachine.eventOf;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.SecondLevel;
import dev.javisor.processor.core.Translation;
import dev.javisor.processor.paging.PagedMachine.Mode;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Addresses, page sizes, reserved bits and absence in each paging mode. */
class PageWalkTest {
    private static final int RESERVED = AccessRights.P | AccessRights.RSVD;

    @ParameterizedTest
    @CsvSource({"BITS32,1", "BITS32,2", "PAE,1", "PAE,2", "LEVEL4,1", "LEVEL4,2", "LEVEL4,3", "LEVEL5,1", "LEVEL5,2", "LEVEL5,3"})
    void pagesOfEverySizeKeepTheOffset(Mode mode, int level) {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        Random random = new Random(seed);
        PagedMachine m = new PagedMachine().mode(mode);
        int shift = mode == Mode.BITS32 ? 2 + 10 * level : 3 + 9 * level;
        for (int i = 0; i < 50; i++) {
            long linear = random.nextLong() >> (mode.isLong() ? 64 - m.c.linearBits() : 0);
            linear = mode.isLong() ? linear : linear & 0xFFFFFFFFL;
            long frame = random.nextLong(1L << (mode == Mode.BITS32 ? 32 : 46)) & -1L << shift;
            m.map(linear, frame, level, ALL);
            long expected = frame | linear & (1L << shift) - 1;
            assertThat(m.translate(linear, Translation.READ)).as("seed %d: %x", seed, linear).isEqualTo(expected);
            m.setEntry(linear, level, 0);
            m.c.flushTlb();
        }
    }

    @ParameterizedTest
    @EnumSource(value = Mode.class, names = "UNPAGED", mode = EnumSource.Mode.EXCLUDE)
    void anAbsentEntryOnAnyLevelFaultsWithoutPresentBit(Mode mode) {
        PagedMachine m = new PagedMachine().mode(mode);
        m.cpl(3);
        for (int level = 1; level <= mode.levels; level++) {
            m.map(0x1234000, 0x5000, 1, ALL);
            m.setEntry(0x1234000, level, m.entryAt(0x1234000, level) & ~P | XD >>> (mode == Mode.BITS32 ? 32 : 0));
            m.c.flushTlb();
            assertThat(eventOf(() -> m.translate(0x1234567, Translation.WRITE))).isEqualTo(Event.pageFault(0x1234567, 6));
            m.setEntry(0x1234000, level, m.entryAt(0x1234000, level) & ~XD | P);
        }
    }

    @Test
    void anAbsentPaePointerFaults() {
        PagedMachine m = new PagedMachine().mode(Mode.PAE);
        m.c.pdpte[1] = 0;
        assertThat(eventOf(() -> m.translate(0x40000000, Translation.READ))).isEqualTo(Event.pageFault(0x40000000, 0));
    }

    /** Columns: mode, level, large page, bit, whether the bit is reserved on a processor with 46 physical-address bits. */
    @ParameterizedTest
    @CsvSource({
        "LEVEL4,1,false,45,false", "LEVEL4,1,false,46,true", "LEVEL4,1,false,51,true", "LEVEL4,1,false,52,false", "LEVEL4,1,false,62,false",
        "LEVEL4,1,false,63,true", "LEVEL4,1,false,7,false", "LEVEL4,1,false,8,false", "LEVEL4,2,false,46,true", "LEVEL4,2,false,63,true",
        "LEVEL4,2,false,8,false", "LEVEL4,3,false,51,true", "LEVEL4,4,false,46,true", "LEVEL4,4,false,7,true", "LEVEL4,4,false,8,false",
        "LEVEL5,5,false,7,true", "LEVEL5,5,false,51,true", "LEVEL5,5,false,52,false", "LEVEL4,2,true,13,true", "LEVEL4,2,true,20,true",
        "LEVEL4,2,true,12,false", "LEVEL4,3,true,29,true", "LEVEL4,3,true,13,true", "LEVEL4,3,true,12,false", "LEVEL4,3,true,48,true",
        "PAE,1,false,46,true", "PAE,1,false,52,true", "PAE,1,false,62,true", "PAE,2,false,52,true", "PAE,2,true,13,true",
        "PAE,1,false,63,true",
        "BITS32,2,true,21,true", "BITS32,2,true,20,false", "BITS32,2,true,13,false", "BITS32,2,true,12,false", "BITS32,1,false,9,false"
    })
    void reservedBits(Mode mode, int level, boolean large, int bit, boolean reserved) {
        PagedMachine m = new PagedMachine().mode(mode);
        m.map(0, 0, large ? level : 1, ALL);
        m.setEntry(0, level, m.entryAt(0, level) | 1L << bit);
        m.c.flushTlb();
        Event expected = reserved ? Event.pageFault(0x10, RESERVED) : null;
        assertThat(eventOf(() -> m.translate(0x10, Translation.READ))).isEqualTo(expected);
    }

    @Test
    void executeDisableIsReservedOnlyWithoutNxe() {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        m.map(0, 0, 1, ALL | XD);
        assertThat(eventOf(() -> m.translate(0, Translation.READ))).isEqualTo(Event.pageFault(0, RESERVED));
        m.c.efer |= Cr.NXE;
        assertThat(m.translate(0, Translation.READ)).isZero();
        assertThat(eventOf(() -> m.translate(0, Translation.FETCH))).isEqualTo(Event.pageFault(0, AccessRights.P | AccessRights.ID));
    }

    @Test
    void theFeaturesDecideAboutPageSizes() {
        PagedMachine no1g = new PagedMachine(Vendor.INTEL, 46, PagedMachine.without(Feature.PDPE1GB)).mode(Mode.LEVEL4);
        no1g.map(0, 0, 3, ALL);
        assertThat(eventOf(() -> no1g.translate(0, Translation.READ))).isEqualTo(Event.pageFault(0, RESERVED));

        PagedMachine no36 = new PagedMachine(Vendor.INTEL, 46, PagedMachine.without(Feature.PSE36)).mode(Mode.BITS32);
        no36.map(0, 0x2000, 2, ALL);
        assertThat(eventOf(() -> no36.translate(0, Translation.READ))).isEqualTo(Event.pageFault(0, RESERVED));

        PagedMachine pse36 = new PagedMachine().mode(Mode.BITS32);
        pse36.map(0x800000, 0x402000, 2, ALL);
        assertThat(pse36.translate(0x812345, Translation.READ)).isEqualTo(0x1_0041_2345L);

        PagedMachine noPse = new PagedMachine().mode(Mode.BITS32);
        noPse.map(0x800000, 0x400000, 1, ALL);
        noPse.setEntry(0x800000, 2, noPse.entryAt(0x800000, 2) | PS);
        noPse.c.cr4 &= ~Cr.PSE;
        noPse.c.flushTlb();
        assertThat(noPse.translate(0x800000, Translation.READ)).isEqualTo(0x400000);
    }

    @Test
    void amdReservesTheGlobalBitAboveThePointerLevel() {
        PagedMachine m = new PagedMachine(Vendor.AMD, 46, PagedMachine.without()).mode(Mode.LEVEL4);
        m.map(0, 0, 1, ALL);
        m.setEntry(0, 4, m.entryAt(0, 4) | G);
        m.c.flushTlb();
        assertThat(eventOf(() -> m.translate(0, Translation.READ))).isEqualTo(Event.pageFault(0, RESERVED));
    }

    @Test
    void theFetchBitOfTheErrorCodeNeedsSmepOrNxe() {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        assertThat(eventOf(() -> m.translate(0, Translation.FETCH))).isEqualTo(Event.pageFault(0, 0));
        m.c.cr4 |= Cr.SMEP;
        assertThat(eventOf(() -> m.translate(0, Translation.FETCH))).isEqualTo(Event.pageFault(0, 0x10));
    }

    @Test
    void anAccessAcrossPagesReportsTheSecondPagesFirstByte() {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        m.c.cr0 |= Cr.WP;
        m.map(0x1000, 0x1000, 1, ALL);
        m.map(0x2000, 0x2000, 1, P);
        assertThat(eventOf(() -> Memory.store64(m.c, 0x1FFC, Cpu.DS, -1))).isEqualTo(Event.pageFault(0x2000, 3));
        assertThat(eventOf(() -> Memory.loadForWrite(m.c, 0x1FFC, 8, Cpu.DS))).isEqualTo(Event.pageFault(0x2000, 3));
        assertThat(m.memory.read(0x1FFC, 4)).as("nothing is stored").isZero();
        m.setEntry(0x2000, 1, 0);
        m.c.flushTlb();
        assertThat(eventOf(() -> Memory.load64(m.c, 0x1FFC, Cpu.DS))).isEqualTo(Event.pageFault(0x2000, 0));
    }

    @Test
    void nonCanonicalAddressesFaultBySegment() {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        long linear = 0x0000_8000_0000_0000L;
        assertThat(eventOf(() -> Memory.load8(m.c, linear, Cpu.DS))).isEqualTo(Event.exception(Event.GP, 0));
        assertThat(eventOf(() -> Memory.store8(m.c, linear, Cpu.SS, 0))).isEqualTo(Event.exception(Event.SS, 0));
        PagedMachine wide = new PagedMachine().mode(Mode.LEVEL5);
        assertThat(eventOf(() -> Memory.load8(wide.c, linear, Cpu.DS))).isEqualTo(Event.pageFault(linear, 0));
        assertThat(eventOf(() -> Memory.load8(wide.c, linear << 9, Cpu.DS))).isEqualTo(Event.exception(Event.GP, 0));
    }

    @Test
    void withoutPagingAddressesArePhysicalAndTheA20GateCounts() {
        PagedMachine m = new PagedMachine();
        assertThat(m.translate(0xFFFFF123L, Translation.READ)).isEqualTo(0xFFFFF123L);
        m.memory.write(0x300000, 1, 0x55);
        m.memory.write(0x200000, 1, 0x77);
        assertThat(Memory.load8(m.c, 0x300000, Cpu.DS)).isEqualTo(0x55);
        m.memory.setA20(false);
        m.c.flushTlb();
        assertThat(Memory.load8(m.c, 0x300000, Cpu.DS)).isEqualTo(0x77);
    }

    @ParameterizedTest
    @CsvSource({"1", "2", "5", "8", "46", "63"})
    void reservedBitsOfPaePointersAreRefused(int bit) {
        PagedMachine m = new PagedMachine().mode(Mode.PAE);
        long[] before = m.c.pdpte.clone();
        long table = 0x700000;
        m.memory.write(table + 16, 8, P | 1L << bit);
        assertThat(m.paging.loadPointers(m.c, table)).isFalse();
        assertThat(m.c.pdpte).isEqualTo(before);
        m.memory.write(table + 16, 8, 1L << bit & ~P);
        assertThat(m.paging.loadPointers(m.c, table)).as("not present").isTrue();
    }

    @Test
    void linearAddressMaskingIgnoresMetadata() {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        m.map(0x5000, 0x5000, 1, ALL);
        long kernel = 0xFFFF_8000_0000_5000L;
        m.map(kernel, 0x5000, 1, ALL);
        m.memory.write(0x5000, 1, 0x42);
        assertThat(load(m, 0x7FFF_0000_0000_5000L)).isEqualTo(-1);
        m.c.cr3 |= Cr.LAM_U48;
        assertThat(load(m, 0x7FFF_0000_0000_5000L)).isEqualTo(0x42);
        assertThat(load(m, 0x7FFF_8000_0000_5000L)).as("bit 47 must equal bit 63").isEqualTo(-1);
        assertThat(load(m, 0x9ABC_8000_0000_5000L)).as("supervisor pointers have a switch of their own").isEqualTo(-1);
        m.c.cr3 |= Cr.LAM_U57;
        assertThat(load(m, 0x7E00_0000_0000_5000L)).isEqualTo(0x42);
        assertThat(load(m, 0x7F00_0000_0000_5000L)).as("bit 56 belongs to the address").isEqualTo(-1);
        m.c.cr4 |= Cr.LAM_SUP;
        assertThat(load(m, 0x9ABC_8000_0000_5000L)).isEqualTo(0x42);
        assertThat(eventOf(() -> m.paging.untag(m.c, 0, 0x7E00_0000_0000_5000L, Cpu.CS, Translation.FETCH)))
                .isEqualTo(Event.exception(Event.GP, 0));
    }

    private static int load(PagedMachine m, long la) {
        int[] v = {-1};
        eventOf(() -> v[0] = Memory.load8(m.c, la, Cpu.DS));
        return v[0];
    }

    @Test
    void addressSpaceSeparationComesBeforePaging() {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        long kernel = 0xFFFF_8000_0000_5000L;
        m.map(kernel, 0x5000, 1, P | RW);
        m.map(0x5000, 0x5000, 1, ALL);
        m.c.cr4 |= Cr.LASS | Cr.SMAP;
        m.cpl(3);
        assertThat(eventOf(() -> Memory.load8(m.c, kernel, Cpu.DS))).isEqualTo(Event.exception(Event.GP, 0));
        assertThat(eventOf(() -> Memory.load8(m.c, 0x5000, Cpu.DS))).isNull();
        m.cpl(0);
        assertThat(eventOf(() -> Memory.load8(m.c, kernel, Cpu.DS))).isNull();
        assertThat(eventOf(() -> Memory.load8(m.c, 0x5000, Cpu.SS))).isEqualTo(Event.exception(Event.SS, 0));
        m.execute("0F 01 CB");
        assertThat(eventOf(() -> Memory.load8(m.c, 0x5000, Cpu.DS))).isNull();
    }

    @Test
    void everyGuestPhysicalAccessGoesThroughTheSecondLevel() {
        PagedMachine m = new PagedMachine().mode(Mode.LEVEL4);
        m.map(0x5000, 0x1000, 1, RW | P);
        byte[] low = new byte[0x200000];
        m.memory.read(0, low, 0, low.length);
        m.memory.write(0x1000000, low, 0, low.length);
        m.memory.write(0, new byte[low.length], 0, low.length);
        long[] asked = new long[2];
        m.c.secondLevel = new SecondLevel() {
            @Override
            public long structure(Cpu c, long gpa, long linear, boolean write) {
                asked[write ? 1 : 0]++;
                return gpa + 0x1000000;
            }

            @Override
            public long pointer(Cpu c, long gpa) {
                return gpa + 0x1000000;
            }

            @Override
            public long page(Cpu c, long gpa, long linear, int access, int rights) {
                assertThat(rights & (AccessRights.WRITABLE | AccessRights.USER)).isEqualTo(AccessRights.WRITABLE);
                return gpa + 0x1000000 & ~0xFFFL | READABLE;
            }
        };
        m.c.flushTlb();
        Memory.store32(m.c, 0x5004, Cpu.DS, 77);
        assertThat(asked).containsExactly(4, 4);
        assertThat(m.memory.read(0x1001004, 4)).isEqualTo(77);
        assertThat(Memory.load32(m.c, 0x5004, Cpu.DS)).isEqualTo(77);
        assertThat(asked[0]).as("reads are cached").isEqualTo(4);
        Memory.store32(m.c, 0x5004, Cpu.DS, 78);
        assertThat(asked[0]).as("stores ask again").isEqualTo(8);
    }
}
