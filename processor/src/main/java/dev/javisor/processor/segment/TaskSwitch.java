package dev.javisor.processor.segment;

import static dev.javisor.processor.segment.DescriptorTables.errorCode;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Memory;

/** Hardware task switching ("Task Management"). */
public final class TaskSwitch {
    /** What initiated the switch; numbered as in a VM exit's qualification. */
    public static final int CALL = 0, IRET = 1, JMP = 2, INTERRUPT = 3;

    private static final int LIMIT16 = 0x2B, LIMIT32 = 0x67;
    /** EFLAGS bits that exist. */
    private static final long FLAGS = 0x3F7FD5;
    /** Local enable bits of DR7, LE included: breakpoints of the old task only. */
    private static final long LOCAL_BREAKPOINTS = 0x155;

    private static final long TASK_SWITCH_TRAP = 1 << 15;

    // Offsets in a TSS: registers in encoding order, then selectors ES, CS, SS, DS, FS, GS.
    private static final int CR3 = 0x1C, EIP32 = 0x20, EFLAGS32 = 0x24, EAX32 = 0x28, ES32 = 0x48, LDT32 = 0x60, TRAP32 = 0x64;
    private static final int IP16 = 0x0E, FLAGS16 = 0x10, AX16 = 0x12, ES16 = 0x22, LDT16 = 0x2A;

    private TaskSwitch() {}

    /** JMP or CALL to a TSS descriptor that the caller has found, privilege checked. */
    static void toSegment(Cpu c, int selector, long d, int source, long returnRip) {
        if (!isAvailable(d)) {
            throw c.fault(Event.GP, errorCode(selector, 0));
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Event.NP, errorCode(selector, 0));
        }
        perform(c, selector, d, source, returnRip, Flags.rflags(c), 0, false, 0);
    }

    /** JMP or CALL through a task gate that is present and privileged enough. */
    static void throughGate(Cpu c, int selector, int source, long returnRip) {
        long d = taskDescriptor(c, selector, 0);
        perform(c, selector, d, source, returnRip, Flags.rflags(c), 0, false, 0);
    }

    /** An event through a task gate in the IDT. */
    public static void throughInterruptGate(Cpu c, int selector, long returnRip, long flags, int ext, boolean hasErrorCode, int errorCode) {
        long d = taskDescriptor(c, selector, ext);
        perform(c, selector, d, INTERRUPT, returnRip, flags, ext, hasErrorCode, errorCode);
    }

    /** IRET with NT set: back to the task that the current TSS links to. */
    public static void toPreviousTask(Cpu c, long returnRip) {
        int selector = (int) Memory.loadSystem(c, DescriptorTables.systemAddress(c, c.segBase[Cpu.TR]), 2);
        if ((selector & 4) != 0 || DescriptorTables.isNull(selector)) {
            throw c.fault(Event.TS, errorCode(selector, 0));
        }
        long d = DescriptorTables.read(c, selector, Event.TS, 0);
        int type = Descriptor.type(d);
        if (!Descriptor.isSystem(d) || type != Descriptor.TSS_BUSY && type != Descriptor.TSS16_BUSY) {
            throw c.fault(Event.TS, errorCode(selector, 0));
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Event.NP, errorCode(selector, 0));
        }
        perform(c, selector, d, IRET, returnRip, Flags.rflags(c), 0, false, 0);
    }

    private static long taskDescriptor(Cpu c, int selector, int ext) {
        if ((selector & 4) != 0 || DescriptorTables.isNull(selector)) {
            throw c.fault(Event.GP, errorCode(selector, ext));
        }
        long d = DescriptorTables.read(c, selector, Event.GP, ext);
        if (!isAvailable(d)) {
            throw c.fault(Event.GP, errorCode(selector, ext));
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Event.NP, errorCode(selector, ext));
        }
        return d;
    }

    private static boolean isAvailable(long d) {
        int type = Descriptor.type(d);
        return Descriptor.isSystem(d) && (type == Descriptor.TSS_AVAILABLE || type == Descriptor.TSS16_AVAILABLE);
    }

    private static void perform(
            Cpu c, int selector, long d, int source, long returnRip, long flags, int ext, boolean hasErrorCode, int errorCode) {
        if (c.guest != null) {
            c.guest.taskSwitch(c, selector, source, hasErrorCode, errorCode);
        }
        boolean wide = Descriptor.type(d) >= Descriptor.TSS_AVAILABLE;
        if (Descriptor.limit(d) < (wide ? LIMIT32 : LIMIT16)) {
            throw c.fault(Event.TS, errorCode(selector, ext));
        }
        long base = Descriptor.base(d);
        long[] image = wide ? read32(c, base) : read16(c, base);
        int oldSelector = c.selector[Cpu.TR];
        long kept = source == INTERRUPT ? flags : flags & ~Flags.RF;
        save(c, returnRip, source == IRET ? kept & ~Flags.NT : kept);
        boolean nests = source == CALL || source == INTERRUPT;
        if (!nests) {
            DescriptorTables.setBusy(c, oldSelector, false);
        }
        if (source != IRET) {
            DescriptorTables.setBusy(c, selector, true);
        }
        if (nests) {
            store(c, base, 2, oldSelector);
        }
        boolean pae = c.is(Cr.PG) && (c.cr4 & Cr.PAE) != 0;
        if (wide && pae && !c.translation.loadPointers(c, image[Image.CR3])) {
            throw c.fault(Event.TS, errorCode(selector, ext));
        }
        commit(c, selector, d, image, nests, wide);
        try {
            loadSegments(c, image, ext);
        } finally {
            c.updateMode();
            c.endSlice();
        }
        if (image[Image.TRAP] != 0) {
            c.pendingDebug |= TASK_SWITCH_TRAP;
            c.request(Cpu.BOUNDARY_REQUEST);
        }
        if (hasErrorCode) {
            Stack stack = Stack.current(c, ext);
            stack.push(wide ? 4 : 2, errorCode);
            stack.commit();
        }
        if (c.rip > c.segLimit[Cpu.CS]) {
            throw c.fault(Event.GP, ext);
        }
    }

    /** A TSS as read: positions in an array. General registers are at REGISTERS + encoding, selectors at SELECTORS + encoding. */
    private static final class Image {
        static final int CR3 = 0, EIP = 1, EFLAGS = 2, REGISTERS = 3, SELECTORS = 11, LDT = 17, TRAP = 18, SIZE = 19;
    }

    private static long[] read32(Cpu c, long base) {
        long[] image = new long[Image.SIZE];
        image[Image.CR3] = load(c, base + CR3, 4);
        image[Image.EIP] = load(c, base + EIP32, 4);
        image[Image.EFLAGS] = load(c, base + EFLAGS32, 4);
        for (int i = 0; i < 8; i++) {
            image[Image.REGISTERS + i] = load(c, base + EAX32 + 4 * i, 4);
        }
        for (int i = 0; i < 6; i++) {
            image[Image.SELECTORS + i] = load(c, base + ES32 + 4 * i, 2);
        }
        image[Image.LDT] = load(c, base + LDT32, 2);
        image[Image.TRAP] = load(c, base + TRAP32, 2) & 1;
        return image;
    }

    private static long[] read16(Cpu c, long base) {
        long[] image = new long[Image.SIZE];
        image[Image.EIP] = load(c, base + IP16, 2);
        image[Image.EFLAGS] = load(c, base + FLAGS16, 2);
        for (int i = 0; i < 8; i++) {
            image[Image.REGISTERS + i] = load(c, base + AX16 + 2 * i, 2) | 0xFFFF0000L;
        }
        for (int i = 0; i < 4; i++) {
            image[Image.SELECTORS + i] = load(c, base + ES16 + 2 * i, 2);
        }
        image[Image.LDT] = load(c, base + LDT16, 2);
        return image;
    }

    /** The old task's state goes into its TSS. */
    private static void save(Cpu c, long rip, long flags) {
        long base = c.segBase[Cpu.TR];
        if (Tss.is16(c)) {
            store(c, base + IP16, 2, rip);
            store(c, base + FLAGS16, 2, flags);
            for (int i = 0; i < 8; i++) {
                store(c, base + AX16 + 2 * i, 2, c.gpr[i]);
            }
            for (int i = 0; i < 4; i++) {
                store(c, base + ES16 + 2 * i, 2, c.selector[i]);
            }
        } else {
            store(c, base + EIP32, 4, rip);
            store(c, base + EFLAGS32, 4, flags);
            for (int i = 0; i < 8; i++) {
                store(c, base + EAX32 + 4 * i, 4, c.gpr[i]);
            }
            for (int i = 0; i < 6; i++) {
                store(c, base + ES32 + 4 * i, 2, c.selector[i]);
            }
        }
    }

    private static void commit(Cpu c, int selector, long d, long[] image, boolean nests, boolean wide) {
        SegmentRegisters.set(c, Cpu.TR, selector, d);
        c.segAccess[Cpu.TR] |= 2;
        if (wide && c.is(Cr.PG)) {
            if ((c.cr4 & Cr.PAE) != 0 && !c.translation.loadPointers(c, image[Image.CR3])) {
                throw c.gp0();
            }
            c.cr3 = image[Image.CR3];
            c.selectAddressSpace(c.pcid(), false);
        }
        c.cr0 |= Cr.TS;
        c.dr7 &= ~LOCAL_BREAKPOINTS;
        c.updateBreakpoints();
        Flags.setRflags(c, image[Image.EFLAGS] & FLAGS | Flags.FIXED | (nests ? Flags.NT : 0));
        c.resumeFlagLoaded = true;
        c.singleStepDecided = true;
        System.arraycopy(image, Image.REGISTERS, c.gpr, 0, 8);
        c.rip = image[Image.EIP];
    }

    /** Faults from here on are raised in the new task, whose registers that are not loaded yet are unusable. */
    private static void loadSegments(Cpu c, long[] image, int ext) {
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            SegmentRegisters.setNull(c, s, (int) image[Image.SELECTORS + s]);
        }
        int ldt = (int) image[Image.LDT];
        SegmentRegisters.setNull(c, Cpu.LDTR, ldt);
        int cs = c.selector[Cpu.CS];
        c.cpl = c.v86() ? 3 : cs & 3;
        loadLdt(c, ldt, ext);
        if (c.v86()) {
            for (int s = Cpu.ES; s <= Cpu.GS; s++) {
                SegmentRegisters.setV86(c, s, c.selector[s]);
            }
            return;
        }
        loadCode(c, cs, ext);
        int ss = c.selector[Cpu.SS];
        if (DescriptorTables.isNull(ss)) {
            throw c.fault(Event.TS, errorCode(ss, ext));
        }
        long stack = SegmentRegisters.stackDescriptor(c, ss, c.cpl, Event.TS, ext);
        DescriptorTables.setAccessed(c, ss, stack);
        SegmentRegisters.set(c, Cpu.SS, ss, stack);
        loadData(c, Cpu.DS, ext);
        loadData(c, Cpu.ES, ext);
        loadData(c, Cpu.FS, ext);
        loadData(c, Cpu.GS, ext);
    }

    private static void loadLdt(Cpu c, int selector, int ext) {
        if (DescriptorTables.isNull(selector)) {
            return;
        }
        if ((selector & 4) != 0) {
            throw c.fault(Event.TS, errorCode(selector, ext));
        }
        long d = DescriptorTables.read(c, selector, Event.TS, ext);
        if (!Descriptor.isSystem(d) || Descriptor.type(d) != Descriptor.LDT || !Descriptor.isPresent(d)) {
            throw c.fault(Event.TS, errorCode(selector, ext));
        }
        SegmentRegisters.set(c, Cpu.LDTR, selector, d);
    }

    private static void loadCode(Cpu c, int selector, int ext) {
        if (DescriptorTables.isNull(selector)) {
            throw c.fault(Event.TS, errorCode(selector, ext));
        }
        long d = DescriptorTables.read(c, selector, Event.TS, ext);
        int dpl = Descriptor.dpl(d);
        boolean privileged = Descriptor.isConforming(d) ? dpl <= c.cpl : dpl == c.cpl;
        if (!Descriptor.isCode(d) || !privileged) {
            throw c.fault(Event.TS, errorCode(selector, ext));
        }
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Event.NP, errorCode(selector, ext));
        }
        DescriptorTables.setAccessed(c, selector, d);
        SegmentRegisters.setCode(c, selector, d, c.cpl);
    }

    private static void loadData(Cpu c, int segment, int ext) {
        int selector = c.selector[segment];
        if (DescriptorTables.isNull(selector)) {
            return;
        }
        long d = SegmentRegisters.dataDescriptor(c, selector, c.cpl, Event.TS, ext);
        DescriptorTables.setAccessed(c, selector, d);
        SegmentRegisters.set(c, segment, selector, d);
    }

    private static long load(Cpu c, long la, int size) {
        return Memory.loadSystem(c, la & 0xFFFFFFFFL, size);
    }

    private static void store(Cpu c, long la, int size, long value) {
        Memory.storeSystem(c, la & 0xFFFFFFFFL, size, value);
    }
}
