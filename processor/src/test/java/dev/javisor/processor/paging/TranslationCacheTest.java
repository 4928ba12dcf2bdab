package dev.javisor.processor.paging;

import static dev.javisor.processor.paging.PagedMachine.ALL;
import static dev.javisor.processor.paging.PagedMachine.D;
import static dev.javisor.processor.paging.PagedMachine.G;
import static dev.javisor.processor.paging.PagedMachine.P;
import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.CpuModel;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.core.Tlb;
import dev.javisor.processor.core.Translation;
import dev.javisor.processor.execution.CodeCache;
import dev.javisor.processor.memory.CodeObserver;
import dev.javisor.processor.memory.HostMemory;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.memory.Region;
import dev.javisor.processor.paging.PagedMachine.Mode;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.system.ControlRegisters;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Which translations survive which instruction, and what may use the fast path. */
class TranslationCacheTest {
    /** INVPCID descriptor. */
    private static final long DESCRIPTOR = 0x600000;
    private static final long SUPERVISOR = 0xFFFF_8000_0000_0000L;

    private PagedMachine m;
    private Cpu c;

    @BeforeEach
    void machine() {
        m = new PagedMachine().mode(Mode.LEVEL4);
        c = m.c;
        c.cr4 |= Cr.PGE;
        m.map(DESCRIPTOR, DESCRIPTOR, 1, ALL | G);
    }

    /** Maps a page, uses it, and takes the entry away without telling the processor. */
    private void cache(long linear, long flags) {
        m.setEntry(linear, 1, 0x400000 | flags);
        m.translate(linear, Translation.READ);
        m.setEntry(linear, 1, 0);
    }

    private boolean cached(long linear) {
        return PagedMachine.eventOf(() -> m.translate(linear, Translation.READ)) == null;
    }

    private void invpcid(int type, long pcid, long linear) {
        Memory.store64(c, DESCRIPTOR, Cpu.DS, pcid);
        Memory.store64(c, DESCRIPTOR + 8, Cpu.DS, linear);
        c.gpr[0] = type;
        c.gpr[1] = DESCRIPTOR;
        m.execute("66 0F 38 82 01");
    }

    @Test
    void loadingCr3KeepsGlobalPagesOnly() {
        cache(0x1000, ALL);
        cache(0x2000, ALL | G);
        ControlRegisters.writeCr3(c, c.cr3);
        assertThat(cached(0x1000)).isFalse();
        assertThat(cached(0x2000)).isTrue();
        ControlRegisters.writeCr4(c, c.cr4 & ~Cr.PGE);
        assertThat(cached(0x2000)).isFalse();
    }

    @Test
    void theGlobalBitNeedsPge() {
        c.cr4 &= ~Cr.PGE;
        cache(0x2000, ALL | G);
        ControlRegisters.writeCr3(c, c.cr3);
        assertThat(cached(0x2000)).isFalse();
    }

    @Test
    void invlpgForgetsOnePageOrTheWholeLargePage() {
        cache(0x1000, ALL);
        cache(0x2000, ALL | G);
        m.setEntry(0x40000000, 2, 0x400000 | ALL | PagedMachine.PS);
        m.translate(0x40005000, Translation.READ);
        m.translate(0x401FF000, Translation.READ);
        m.setEntry(0x40000000, 2, 0);
        c.gpr[0] = 0x2FFF;
        m.execute("0F 01 38");
        assertThat(cached(0x2000)).isFalse();
        assertThat(cached(0x1000)).isTrue();
        assertThat(cached(0x40005000)).isTrue();
        c.gpr[0] = 0x40100000;
        m.execute("0F 01 38");
        assertThat(cached(0x40005000)).isFalse();
        assertThat(cached(0x401FF000)).isFalse();
        assertThat(cached(0x1000)).isTrue();
    }

    @Test
    void invlpgOfCodeChangesTheFetchGeneration() {
        m.map(0x1000, 0x1000, 1, ALL);
        m.map(0x2000, 0x2000, 1, ALL);
        m.translate(0x1000, Translation.FETCH);
        m.translate(0x2000, Translation.READ);
        long before = c.tlb.generation;
        c.invalidatePage(0x2000);
        assertThat(c.tlb.generation).isEqualTo(before);
        c.invalidatePage(0x1000);
        assertThat(c.tlb.generation).isNotEqualTo(before);
    }

    @Test
    void pcidsKeepTheirTranslationsWhenBit63SaysSo() {
        long root = c.cr3;
        ControlRegisters.writeCr4(c, c.cr4 | Cr.PCIDE);
        ControlRegisters.writeCr3(c, root | 1);
        cache(0x1000, ALL);
        ControlRegisters.writeCr3(c, root | 2);
        assertThat(cached(0x1000)).as("another PCID").isFalse();
        ControlRegisters.writeCr3(c, root | 1 | Cr.NOFLUSH);
        assertThat(cached(0x1000)).isTrue();
        assertThat(c.cr3).isEqualTo(root | 1);
        ControlRegisters.writeCr3(c, root | 1);
        assertThat(cached(0x1000)).isFalse();
    }

    @Test
    void invpcidTypes() {
        long root = c.cr3;
        ControlRegisters.writeCr4(c, c.cr4 | Cr.PCIDE);
        for (int type = 0; type < 4; type++) {
            m.setEntry(DESCRIPTOR, 1, DESCRIPTOR | ALL | G);
            ControlRegisters.writeCr3(c, root | 1);
            cache(0x1000, ALL);
            cache(0x2000, ALL);
            cache(0x3000, ALL | G);
            ControlRegisters.writeCr3(c, root | 2);
            cache(0x4000, ALL);
            invpcid(type, type < 2 ? 1 : 0, type == 0 ? 0x1000 : 0);
            assertThat(cached(0x4000)).as("PCID 2, type " + type).isEqualTo(type < 2);
            ControlRegisters.writeCr3(c, root | 1 | Cr.NOFLUSH);
            assertThat(cached(0x1000)).as("PCID 1, type " + type).isFalse();
            assertThat(cached(0x2000)).as("other page, type " + type).isEqualTo(type == 0);
            assertThat(cached(0x3000)).as("global, type " + type).isEqualTo(type != 2);
        }
    }

    @Test
    void manyAddressSpacesNeverMixTranslations() {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        Random random = new Random(seed);
        ControlRegisters.writeCr4(c, c.cr4 | Cr.PCIDE);
        Map<Integer, Long> roots = new HashMap<>();
        for (int i = 0; i < 2000; i++) {
            int pcid = 1 + random.nextInt(12);
            long linear = 0x10000L + random.nextInt(3000) * 0x1000L;
            boolean known = roots.containsKey(pcid);
            if (!known) {
                roots.put(pcid, 0x800000L + pcid * 0x10000L);
                m.memory.write(0x800000L + pcid * 0x10000L, 8, 0x801000L + pcid * 0x10000L | ALL);
                m.memory.write(0x801000L + pcid * 0x10000L, 8, (long) pcid << 30 | ALL | PagedMachine.PS);
            }
            ControlRegisters.writeCr3(c, roots.get(pcid) | pcid | (known ? Cr.NOFLUSH : 0));
            assertThat(m.translate(linear, Translation.READ)).as("seed %d step %d", seed, i).isEqualTo((long) pcid << 30 | linear);
        }
    }

    @Test
    void aStoreToACleanPageTakesTheSlowWayOnce() {
        m.map(0x1000, 0x400000, 1, ALL);
        m.ram.flags[0x400] |= Region.CLEAN;
        Memory.store8(c, 0x1000, Cpu.DS, 1);
        assertThat(m.ram.flags[0x400]).isZero();
        Memory.store8(c, 0x1000, Cpu.DS, 2);
        assertThat(fastWrite(0x1000)).isTrue();
        m.ram.flags[0x400] |= Region.CLEAN;
        c.tlb.slowWrites(0x400000);
        assertThat(fastWrite(0x1000)).isFalse();
        Memory.store8(c, 0x1000, Cpu.DS, 3);
        assertThat(m.ram.flags[0x400]).as("logged again").isZero();
    }

    private boolean fastWrite(long linear) {
        return HostMemory.getLong(Tlb.entry(c.tlb.base(c.context), linear) + Tlb.WRITE_TAG) == linear;
    }

    private boolean fastRead(long linear) {
        return HostMemory.getLong(Tlb.entry(c.tlb.base(c.context), linear)) == linear;
    }

    @Test
    void aReadDoesNotOpenTheWayForStoresBeforeThePageIsDirty() {
        m.map(0x1000, 0x400000, 1, ALL);
        Memory.load8(c, 0x1000, Cpu.DS);
        assertThat(m.entryAt(0x1000, 1) & D).isZero();
        Memory.store8(c, 0x1000, Cpu.DS, 1);
        assertThat(m.entryAt(0x1000, 1) & D).isNotZero();
        c.flushTlb();
        Memory.load8(c, 0x1000, Cpu.DS);
        assertThat(fastWrite(0x1000)).as("already dirty").isTrue();
    }

    @Test
    void storesToCodeAreSeenByTheCodeObserver() {
        int[] seen = new int[1];
        c.codeObserver = new CodeObserver() {
            @Override
            public boolean holdsCode(long gpa, int size) {
                return true;
            }

            @Override
            public void codeChanging(long gpa, int size) {
                seen[0]++;
            }
        };
        m.memory.setCodeObserver(c.codeObserver);
        m.map(0x1000, 0x400000, 1, ALL);
        Memory.store8(c, 0x1000, Cpu.DS, 1);
        assertThat(seen[0]).isZero();
        m.ram.flags[0x400] |= Region.CODE;
        c.tlb.slowWrites(0x400000);
        Memory.store8(c, 0x1000, Cpu.DS, 1);
        Memory.store8(c, 0x1000, Cpu.DS, 1);
        assertThat(seen[0]).isEqualTo(2);
    }

    @Test
    void devicesAndRomNeverUseTheFastPath() {
        int[] writes = new int[1];
        MmioHandler device = new MmioHandler() {
            @Override
            public long read(long offset, int size) {
                return offset;
            }

            @Override
            public void write(long offset, int size, long value) {
                writes[0]++;
            }
        };
        m.memory.add(Region.device(0xFE000000L, 0x1000, device));
        m.memory.add(Region.memory(0xFF000000L, Arena.ofAuto().allocate(0x1000, 4096), true));
        m.map(0x1000, 0xFE000000L, 1, ALL);
        m.map(0x2000, 0xFF000000L, 1, ALL);
        for (int i = 0; i < 2; i++) {
            assertThat(Memory.load8(c, 0x1010, Cpu.DS)).isEqualTo(0x10);
            Memory.store8(c, 0x1010, Cpu.DS, 1);
            Memory.store8(c, 0x2010, Cpu.DS, 1);
            assertThat(Memory.load8(c, 0x2010, Cpu.DS)).isZero();
        }
        assertThat(writes[0]).isEqualTo(2);
        assertThat(fastRead(0x2000)).isTrue();
        assertThat(fastRead(0x1000)).isFalse();
    }

    @Test
    void pagesWithDataBreakpointsStayOffTheFastPath() {
        m.map(0x1000, 0x400000, 1, ALL);
        Memory.store8(c, 0x1010, Cpu.DS, 1);
        c.dr[2] = 0x1014;
        c.dr7 = 0x400 | 1 << 4 | 0xDL << 24;
        c.updateBreakpoints();
        Memory.store8(c, 0x1010, Cpu.DS, 1);
        assertThat(c.pendingDebug).isZero();
        Memory.store8(c, 0x1015, Cpu.DS, 1);
        assertThat(c.pendingDebug).isEqualTo(4);
        c.pendingDebug = 0;
        c.dr7 = 0x400;
        c.updateBreakpoints();
        Memory.store8(c, 0x1015, Cpu.DS, 1);
        assertThat(c.pendingDebug).isZero();
        assertThat(fastWrite(0x1000)).isTrue();
    }

    @Test
    void supervisorAndUserDoNotShareTranslations() {
        m.map(SUPERVISOR, 0x400000, 1, P | PagedMachine.RW);
        Memory.load8(c, SUPERVISOR, Cpu.DS);
        m.cpl(3);
        assertThat(PagedMachine.eventOf(() -> Memory.load8(c, SUPERVISOR, Cpu.DS)).errorCode()).isEqualTo(5);
    }

    @Test
    void flushingWorksWhenMorePagesAreCachedThanAreListed() {
        int pages = 2000;
        for (int i = 0; i < pages; i++) {
            cacheTwice(0x1000000L + i * 0x1000L, i % 3 == 0 ? ALL | G : ALL);
        }
        ControlRegisters.writeCr3(c, c.cr3);
        for (int i = 0; i < pages; i++) {
            assertThat(cached(0x1000000L + i * 0x1000L)).isEqualTo(i % 3 == 0);
        }
        c.flushTlb();
        for (int i = 0; i < pages; i++) {
            assertThat(cached(0x1000000L + i * 0x1000L)).isFalse();
        }
    }

    @Test
    void aSavedProcessorAndItsCopySeeTheSamePageTables() {
        LogicalProcessor original = processor();
        LogicalProcessor copy = processor();
        Cpu a = original.cpu();
        Cpu b = copy.cpu();
        a.cr0 = c.cr0;
        a.cr3 = c.cr3;
        a.cr4 = c.cr4 | Cr.PCIDE;
        a.efer = c.efer;
        a.updateMode();
        a.flushTlb();
        m.setEntry(0x1000, 1, 0x400000 | ALL);
        a.translation.translate(a, Tlb.SUPERVISOR_OPEN, 0x1000, Translation.READ);
        m.setEntry(0x1000, 1, 0x500000 | ALL);
        StateOutput out = new StateOutput();
        original.save(out);
        copy.load(new StateInput(out.toByteArray()));
        assertThat(a.translation.translate(a, Tlb.SUPERVISOR_OPEN, 0x1000, Translation.READ)).isEqualTo(0x500000);
        assertThat(b.translation.translate(b, Tlb.SUPERVISOR_OPEN, 0x1000, Translation.READ)).isEqualTo(0x500000);
    }

    private LogicalProcessor processor() {
        CpuModel model = c.model;
        return new LogicalProcessor(model, 0, m.memory, new Timeline(), new CodeCache(m.memory), new Paging(model, m.memory), null);
    }

    /** In two contexts. */
    private void cacheTwice(long linear, long flags) {
        m.setEntry(linear, 1, 0x400000 | flags);
        m.paging.translate(c, Tlb.USER, linear, Translation.READ);
        m.paging.translate(c, Tlb.SUPERVISOR_OPEN, linear, Translation.READ);
        m.setEntry(linear, 1, 0);
    }
}
