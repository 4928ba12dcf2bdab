package dev.javisor.processor.segment;

import static dev.javisor.processor.segment.DescriptorTables.errorCode;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;

/** Loading of segment registers, in all modes. */
public final class SegmentRegisters {
    /** Access rights of every segment in virtual-8086 mode, and of data segments at reset: data, writable, accessed, present. */
    private static final int V86_ACCESS = 0xF3;

    private static final int REAL_DATA = 0x93, REAL_CODE = 0x9B;

    private SegmentRegisters() {}

    /** Loads ES, SS, DS, FS or GS as MOV, POP and LDS do. Commits only when every check has passed. */
    public static void load(Cpu c, int segment, int selector) {
        if (!c.protectedMode()) {
            setReal(c, segment, selector);
        } else if (c.v86()) {
            setV86(c, segment, selector);
        } else if (segment == Cpu.SS) {
            loadStack(c, selector);
        } else {
            loadData(c, segment, selector);
        }
        changed(c, segment);
    }

    private static void changed(Cpu c, int segment) {
        if (segment >= Cpu.FS) {
            c.eaBase[segment] = c.segBase[segment];
        } else {
            c.updateMode();
        }
    }

    private static void loadStack(Cpu c, int selector) {
        if (DescriptorTables.isNull(selector)) {
            if (!c.codeSize64 || c.cpl == 3 || (selector & 3) != c.cpl) {
                throw c.gp0();
            }
            setNullStack(c, selector, c.cpl);
            return;
        }
        long d = stackDescriptor(c, selector, c.cpl, Event.GP, 0);
        DescriptorTables.setAccessed(c, selector, d);
        set(c, Cpu.SS, selector, d);
    }

    /**
     * The checked descriptor of a stack segment for privilege level {@code cpl}; the selector is not null.
     *
     * @param vector #GP, or #TS when the selector comes from a TSS
     */
    public static long stackDescriptor(Cpu c, int selector, int cpl, int vector, int ext) {
        long d = DescriptorTables.read(c, selector, vector, ext);
        if ((selector & 3) != cpl || !Descriptor.isWritableData(d) || Descriptor.dpl(d) != cpl) {
            throw c.fault(vector, errorCode(selector, ext));
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Event.SS, errorCode(selector, ext));
        }
        return d;
    }

    private static void loadData(Cpu c, int segment, int selector) {
        if (DescriptorTables.isNull(selector)) {
            long base = c.segBase[segment];
            setNull(c, segment, selector);
            if (c.model.vendor() == CpuModel.Vendor.AMD && !c.has(Feature.NULL_SEL_CLR_BASE)) {
                c.segBase[segment] = base;
            }
            return;
        }
        long d = dataDescriptor(c, selector, c.cpl, Event.GP, 0);
        DescriptorTables.setAccessed(c, selector, d);
        set(c, segment, selector, d);
    }

    /** The checked descriptor for ES, DS, FS or GS; the selector is not null. */
    static long dataDescriptor(Cpu c, int selector, int cpl, int vector, int ext) {
        long d = DescriptorTables.read(c, selector, vector, ext);
        boolean privileged = !(Descriptor.isCode(d) && Descriptor.isConforming(d));
        if (!Descriptor.isReadable(d) || privileged && Math.max(selector & 3, cpl) > Descriptor.dpl(d)) {
            throw c.fault(vector, errorCode(selector, ext));
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Event.NP, errorCode(selector, ext));
        }
        return d;
    }

    /** Fills a register from a descriptor (base bits 63:32 are 0). The caller has set the accessed bit in memory, and updates the mode. */
    public static void set(Cpu c, int segment, int selector, long d) {
        c.selector[segment] = selector;
        c.segBase[segment] = Descriptor.base(d);
        c.segLimit[segment] = Descriptor.limit(d);
        c.segAccess[segment] = Descriptor.access(d) | (Descriptor.isSystem(d) ? 0 : 1);
    }

    /** CS, at privilege level {@code cpl}, which becomes the current one. */
    public static void setCode(Cpu c, int selector, long d, int cpl) {
        set(c, Cpu.CS, selector & 0xFFFC | cpl, d);
        c.cpl = cpl;
    }

    /** A null selector makes the register unusable. */
    public static void setNull(Cpu c, int segment, int selector) {
        c.selector[segment] = selector;
        c.segBase[segment] = 0;
        c.segLimit[segment] = 0;
        c.segAccess[segment] = Cpu.UNUSABLE;
    }

    /** SS may be null in 64-bit mode below CPL 3; its DPL is then still the CPL. */
    public static void setNullStack(Cpu c, int selector, int cpl) {
        setNull(c, Cpu.SS, selector);
        c.segAccess[Cpu.SS] |= cpl << 5;
    }

    /** Real-address mode: selector and base change; limit and attributes stay, as big real mode relies on. */
    public static void setReal(Cpu c, int segment, int selector) {
        int access = c.segAccess[segment];
        if ((access & Cpu.UNUSABLE) != 0) {
            access = REAL_DATA;
            c.segLimit[segment] = 0xFFFF;
        }
        c.selector[segment] = selector;
        c.segBase[segment] = (long) selector << 4;
        c.segAccess[segment] = segment == Cpu.CS ? access & (Cpu.DB | Cpu.G) | REAL_CODE | Cpu.REAL_MODE : access;
    }

    public static void setV86(Cpu c, int segment, int selector) {
        c.selector[segment] = selector;
        c.segBase[segment] = (long) selector << 4;
        c.segLimit[segment] = 0xFFFF;
        c.segAccess[segment] = V86_ACCESS;
    }

    /** A flat segment as SYSCALL, SYSENTER and their returns load it without reading a descriptor. */
    static void setFlat(Cpu c, int segment, int selector, int access) {
        c.selector[segment] = selector;
        c.segBase[segment] = 0;
        c.segLimit[segment] = 0xFFFFFFFFL;
        c.segAccess[segment] = access;
    }

    /**
     * After a return to an outer level, data segments that it may not use become null, and the RPL of a null selector is cleared; their
     * bases stay, as 64-bit code relies on for GS.
     */
    public static void dropInaccessible(Cpu c) {
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            if (s == Cpu.CS || s == Cpu.SS) {
                continue;
            }
            int access = c.segAccess[s];
            boolean unusable = (access & Cpu.UNUSABLE) != 0;
            boolean conformingCode = (access & 12) == 12;
            if (unusable ? (c.selector[s] & ~3) == 0 : !conformingCode && (access >>> 5 & 3) < c.cpl) {
                c.selector[s] = 0;
                c.segAccess[s] |= Cpu.UNUSABLE;
            }
        }
    }
}
