package dev.javisor.conformance.host;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.core.Translation;
import dev.javisor.processor.core.X87State;
import dev.javisor.processor.execution.Semantics;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.paging.Paging;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The processor under test: a bare one at CPL 3, with the pages and segments that the native runner has under Linux. */
final class Subject {
    private static final int RAM = 0x20000;
    private static final int DATA = 0x10000;
    private static final int TABLES = 0x1000;
    private static final int CODE = 0xF000;
    private static final long PRESENT = 1, WRITABLE = 2, USER = 4, NO_EXECUTE = 1L << 63;
    private static final int ST = 32, XMM = 160;
    /** A repeated string instruction gives way now and then. */
    private static final int MOST_DISPATCHES = 16;

    private final Cpu c;
    private final PhysicalMemory memory = new PhysicalMemory();
    private final MemorySegment window;
    private final Decoder decoder;
    private final Decoder.Result decoded = new Decoder.Result();
    private final byte[] code = new byte[Layout.CODE_SIZE - Layout.CODE_OFFSET];
    private long nextTable = TABLES + 0x1000;

    Subject(CpuModel model) {
        MemorySegment ram = Arena.ofAuto().allocate(RAM, 4096);
        memory.addRam(0, ram);
        window = ram.asSlice(DATA + Layout.WINDOW_OFFSET, Layout.WINDOW_SIZE);
        decoder = new Decoder(model);
        c = new Cpu(model, 0, memory, new Timeline());
        c.translation = new Paging(model, memory);
        map(Layout.CODE_PAGE, CODE, WRITABLE);
        map(Layout.WINDOW_BOTH, DATA, WRITABLE | NO_EXECUTE);
        map(Layout.WINDOW_BOTH + 0x1000, DATA + 0x1000, WRITABLE | NO_EXECUTE);
        map(Layout.WINDOW_FIRST, DATA, WRITABLE | NO_EXECUTE);
        map(Layout.WINDOW_READ, DATA, WRITABLE | NO_EXECUTE);
        map(Layout.WINDOW_READ + 0x1000, DATA + 0x1000, NO_EXECUTE);
        c.cr0 = Cr.PE | Cr.MP | Cr.ET | Cr.NE | Cr.WP | Cr.AM | Cr.PG;
        c.cr4 = Cr.PAE | Cr.OSFXSR | Cr.OSXMMEXCPT | Cr.FSGSBASE;
        c.efer = Cr.SCE | Cr.LME | Cr.LMA | Cr.NXE;
        c.cr3 = TABLES;
        c.cpl = 3;
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            boolean null64 = s >= Cpu.FS;
            c.selector[s] = null64 ? 0 : Layout.DATA_SELECTOR;
            c.segLimit[s] = 0xFFFFFFFFL;
            c.segAccess[s] = null64 ? Cpu.UNUSABLE : 0xF3 | Cpu.DB | Cpu.G;
        }
        c.segBase[Cpu.FS] = Layout.FS_BASE;
        c.segBase[Cpu.GS] = Layout.GS_BASE;
        c.segAccess[Cpu.TR] = 0x8B;
        c.flushTlb();
    }

    private void map(long linear, long physical, long rights) {
        long table = TABLES;
        for (int shift = 39; shift > 12; shift -= 9) {
            long entry = table + (linear >>> shift & 511) * 8;
            if (memory.read(entry, 8) == 0) {
                memory.write(entry, 8, nextTable | PRESENT | WRITABLE | USER);
                nextTable += 0x1000;
            }
            table = memory.read(entry, 8) & 0xFFFFF000L;
        }
        memory.write(table + (linear >>> 12 & 511) * 8, 8, physical | PRESENT | USER | rights);
    }

    /** Runs a case; both memory segments as in {@link Layout}. */
    void run(MemorySegment input, MemorySegment result) {
        load(input);
        Event fault = null;
        try {
            execute();
        } catch (GuestFault e) {
            fault = e.event;
        }
        store(result, fault);
    }

    private void execute() {
        CodeSize size = c.codeSize64 ? CodeSize.BITS64 : CodeSize.BITS32;
        Decoder.Outcome outcome = decoder.decode(code, 0, code.length, size, decoded);
        if (outcome != Decoder.Outcome.OK) {
            throw outcome == Decoder.Outcome.INVALID ? c.ud() : c.gp0();
        }
        Instruction i = decoded.instruction;
        Op o = new Op(Semantics.bind(i), i, 0, c.flat);
        int dispatches = 0;
        do {
            c.gpr[Op.BLOCK_RIP] = Layout.ENTRY;
            c.rip = Layout.ENTRY + o.end;
            c.blockLength = 1;
            try {
                o.executor.execute(c, o);
            } catch (GuestFault e) {
                c.rip = Layout.ENTRY;
                throw e;
            } finally {
                c.blockLength = 0;
            }
        } while (c.rip == Layout.ENTRY && ++dispatches < MOST_DISPATCHES);
        if (c.rip != Layout.ENTRY + o.end) {
            fetchTarget();
        }
    }

    /** What the fetch behind a taken branch meets: INT3 or a page fault. */
    private void fetchTarget() {
        long target = c.translation.untag(c, c.fetchContext(), c.rip, Cpu.CS, Translation.FETCH);
        c.translation.translate(c, c.fetchContext(), target, Translation.FETCH);
        c.rip++;
        throw new GuestFault(Event.exception(Event.BP));
    }

    private void load(MemorySegment in) {
        MemorySegment.copy(in, JAVA_LONG_UNALIGNED, 0, c.gpr, 0, 16);
        Flags.setRflags(c, in.get(JAVA_LONG_UNALIGNED, Layout.FLAGS) | Flags.IF);
        MemorySegment.copy(in, JAVA_BYTE, Layout.CASE_CODE + Layout.CODE_OFFSET, code, 0, code.length);
        int cs = in.get(JAVA_SHORT_UNALIGNED, Layout.CASE_ENTRY + 4);
        c.selector[Cpu.CS] = cs;
        c.segAccess[Cpu.CS] = 0xFB | Cpu.G | (cs == Layout.CODE64_SELECTOR ? Cpu.L : Cpu.DB);
        c.rip = Layout.ENTRY;
        c.updateMode();
        c.pendingDebug = 0;
        c.requests = 0;
        c.blockingByMovSs = false;
        c.budget = Integer.MAX_VALUE;
        c.sliceEnd = c.budget;
        X87State x = c.x87;
        int at = Layout.CASE_X87;
        x.control = in.get(JAVA_SHORT_UNALIGNED, at) & 0xFFFF;
        x.status = in.get(JAVA_SHORT_UNALIGNED, at + 2) & 0xFFFF;
        x.valid = in.get(JAVA_BYTE, at + 4) & 0xFF;
        x.lastInstruction = 0;
        x.lastData = 0;
        x.lastOpcode = 0;
        c.mxcsr = in.get(JAVA_INT_UNALIGNED, at + 24);
        int top = x.status >> 11;
        for (int i = 0; i < 8; i++) {
            x.significand[top + i & 7] = in.get(JAVA_LONG_UNALIGNED, at + ST + 16 * i);
            x.signExponent[top + i & 7] = in.get(JAVA_SHORT_UNALIGNED, at + ST + 16 * i + 8) & 0xFFFF;
        }
        for (int i = 0; i < 16; i++) {
            MemorySegment.copy(in, JAVA_LONG_UNALIGNED, at + XMM + 16 * i, c.vector, 8 * i, 2);
        }
        MemorySegment.copy(in, Layout.CASE_WINDOW, window, 0, Layout.WINDOW_SIZE);
    }

    private void store(MemorySegment out, Event fault) {
        MemorySegment.copy(c.gpr, 0, out, JAVA_LONG_UNALIGNED, 0, 16);
        out.set(JAVA_LONG_UNALIGNED, Layout.FLAGS, Flags.rflags(c));
        out.set(JAVA_LONG_UNALIGNED, Layout.RESULT_TRAP, fault == null ? -1 : fault.vector());
        out.set(JAVA_LONG_UNALIGNED, Layout.RESULT_ERROR, fault == null ? 0 : fault.errorCode());
        out.set(JAVA_LONG_UNALIGNED, Layout.RESULT_CR2, fault == null || fault.vector() != Event.PF ? 0 : fault.payload());
        out.set(JAVA_LONG_UNALIGNED, Layout.RESULT_RIP, c.rip);
        X87State x = c.x87;
        int at = Layout.RESULT_X87;
        out.set(JAVA_SHORT_UNALIGNED, at, (short) x.control);
        out.set(JAVA_SHORT_UNALIGNED, at + 2, (short) x.status);
        out.set(JAVA_BYTE, at + 4, (byte) x.valid);
        out.set(JAVA_INT_UNALIGNED, at + 24, c.mxcsr);
        int top = x.status >> 11;
        for (int i = 0; i < 8; i++) {
            out.set(JAVA_LONG_UNALIGNED, at + ST + 16 * i, x.significand[top + i & 7]);
            out.set(JAVA_SHORT_UNALIGNED, at + ST + 16 * i + 8, (short) x.signExponent[top + i & 7]);
        }
        for (int i = 0; i < 16; i++) {
            MemorySegment.copy(c.vector, 8 * i, out, JAVA_LONG_UNALIGNED, at + XMM + 16 * i, 2);
        }
        MemorySegment.copy(window, 0, out, Layout.RESULT_WINDOW, Layout.WINDOW_SIZE);
    }
}
