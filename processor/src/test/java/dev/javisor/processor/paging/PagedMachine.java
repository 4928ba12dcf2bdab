package dev.javisor.processor.paging;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Feature;
import dev.javisor.isa.FeatureSet;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.core.Translation;
import dev.javisor.processor.execution.Semantics;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import java.lang.foreign.Arena;
import java.util.EnumSet;
import java.util.HexFormat;

/** A processor with RAM, and a builder of paging structures for each paging mode. */
public final class PagedMachine {
    /** Paging modes, with the number of levels that memory holds. */
    public enum Mode {
        UNPAGED(0),
        BITS32(2),
        PAE(2),
        LEVEL4(4),
        LEVEL5(5);

        public final int levels;

        Mode(int levels) {
            this.levels = levels;
        }

        boolean isLong() {
            return levels >= 4;
        }
    }

    /** Bits of entries. */
    public static final long P = 1, RW = 2, US = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100, XD = 1L << 63;
    /** An entry that allows everything. */
    public static final long ALL = P | RW | US;

    public static final int RAM = 32 << 20;
    private static final long TABLES = 0x100000;

    public final Cpu c;
    public final PhysicalMemory memory = new PhysicalMemory();
    public final Paging paging;
    public final Region ram;
    private final Decoder decoder;
    private Mode mode = Mode.UNPAGED;
    private long nextTable = TABLES;

    public PagedMachine() {
        this(Vendor.INTEL, 46, EnumSet.allOf(Feature.class));
    }

    public PagedMachine(Vendor vendor, int physicalBits, EnumSet<Feature> features) {
        FeatureSet set = new FeatureSet(features);
        CpuModel model = new CpuModel("test", vendor, 6, 1, 1, "test", physicalBits, 0x20, 0x80000008, set, set);
        ram = memory.addRam(0, Arena.ofAuto().allocate(RAM, 4096));
        paging = new Paging(model, memory);
        c = new Cpu(model, 0, memory, new Timeline());
        c.translation = paging;
        decoder = new Decoder(model.features());
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            c.segAccess[s] = (s == Cpu.CS ? 0x9B | Cpu.DB : 0x93 | Cpu.DB) | Cpu.G;
            c.segLimit[s] = 0xFFFFFFFFL;
        }
        c.segAccess[Cpu.TR] = 0x8B;
        c.cr0 = Cr.PE | Cr.ET;
        c.updateMode();
    }

    public static EnumSet<Feature> without(Feature... absent) {
        EnumSet<Feature> features = EnumSet.allOf(Feature.class);
        for (Feature f : absent) {
            features.remove(f);
        }
        return features;
    }

    /** Switches paging on with an empty top-level structure. Long modes run 64-bit code. */
    public PagedMachine mode(Mode m) {
        mode = m;
        c.cr3 = allocate();
        c.cr4 |= m == Mode.BITS32 ? Cr.PSE : m == Mode.UNPAGED ? 0 : Cr.PAE;
        if (m == Mode.LEVEL5) {
            c.cr4 |= Cr.LA57;
        }
        c.cr0 |= m == Mode.UNPAGED ? 0 : Cr.PG;
        if (m.isLong()) {
            c.efer |= Cr.LME | Cr.LMA;
            c.segAccess[Cpu.CS] = 0x9B | Cpu.L | Cpu.G;
        }
        if (m == Mode.PAE) {
            for (int i = 0; i < 4; i++) {
                memory.write(c.cr3 + 8 * i, 8, allocate() | P);
            }
            paging.loadPointers(c, c.cr3);
        }
        c.flushTlb();
        c.updateMode();
        return this;
    }

    private long allocate() {
        long t = nextTable;
        nextTable += 4096;
        memory.write(t, new byte[4096], 0, 4096);
        return t;
    }

    public int entryBytes() {
        return mode == Mode.BITS32 ? 4 : 8;
    }

    /** Maps a page; its last entry stands on {@code level} (1: 4 KiB), those above have {@link #ALL}. */
    public void map(long linear, long gpa, int level, long flags) {
        memory.write(slot(linear, level), entryBytes(), entry(gpa, level, flags));
        c.flushTlb();
    }

    private long entry(long gpa, int level, long flags) {
        return gpa | flags | (level > 1 ? PS : 0);
    }

    /** Address of the entry for a linear address on a level; tables above it are made when missing. */
    public long slot(long linear, int level) {
        long table = mode == Mode.PAE ? c.pdpte[(int) (linear >>> 30) & 3] & ~0xFFFL : c.cr3 & 0x000FFFFFFFFFF000L;
        for (int l = mode.levels; ; l--) {
            long a = table + (mode == Mode.BITS32 ? linear >>> 10 * l & 0xFFC : linear >>> 9 * l & 0xFF8);
            if (l == level) {
                return a;
            }
            long e = memory.read(a, entryBytes());
            if ((e & P) == 0) {
                e = allocate() | ALL;
                memory.write(a, entryBytes(), e);
            }
            table = e & (mode == Mode.BITS32 ? 0xFFFFF000L : 0x000FFFFFFFFFF000L);
        }
    }

    public long entryAt(long linear, int level) {
        return memory.read(slot(linear, level), entryBytes());
    }

    public void setEntry(long linear, int level, long value) {
        memory.write(slot(linear, level), entryBytes(), value);
    }

    /** Translates with the rights of the current privilege. */
    public long translate(long linear, int access) {
        return paging.translate(c, access == Translation.FETCH ? c.fetchContext() : c.context, linear, access);
    }

    public void cpl(int cpl) {
        c.cpl = cpl;
        c.updateMode();
    }

    /** Executes one instruction, given in hexadecimal, in the current mode. */
    public void execute(String hex) {
        byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
        Decoder.Result r = new Decoder.Result();
        CodeSize size = c.codeSize64 ? CodeSize.BITS64 : c.codeBits == 32 ? CodeSize.BITS32 : CodeSize.BITS16;
        if (decoder.decode(code, 0, code.length, size, r) != Decoder.Outcome.OK) {
            throw c.ud();
        }
        Op o = new Op(Semantics.bind(r.instruction), r.instruction, 0, c.flat);
        o.executor.execute(c, o);
    }

    /** The event that an action raises, or null. */
    public static Event eventOf(Runnable action) {
        try {
            action.run();
            return null;
        } catch (GuestFault f) {
            return f.event;
        }
    }

    /** The vector of the event that an instruction raises, or -1. */
    public int vectorOf(String hex) {
        Event e = eventOf(() -> execute(hex));
        return e == null ? -1 : e.vector();
    }
}
