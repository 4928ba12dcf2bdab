package dev.javisor.machine.boot;

import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.memory.PhysicalMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The state in which a boot protocol starts the first processor: flat segments, interrupts off, and a few registers. Starts from the
 * state after reset.
 *
 * @param mode 32-bit protected mode without paging, or 64-bit mode
 * @param rip first instruction
 * @param cr3 page tables; 0 in protected mode
 * @param gdt guest-physical address of the descriptor table
 * @param rax RAX
 * @param rbx RBX
 * @param rsi RSI
 */
public record StartState(Mode mode, long rip, long cr3, long gdt, long rax, long rbx, long rsi) {
    /** Processor mode at the entry point. */
    public enum Mode {
        PROTECTED,
        LONG
    }

    private static final int CODE_SELECTOR = 0x10, DATA_SELECTOR = 0x18;
    /** Present, accessed, 4 GiB: execute/read and read/write. */
    private static final int CODE = Cpu.G | Cpu.PRESENT | Cpu.S | 0xB, DATA = Cpu.G | Cpu.DB | Cpu.PRESENT | Cpu.S | 0x3;

    private static final int GDT_SIZE = 32;

    /** Writes the descriptor table that the selectors refer to. */
    static void writeGdt(PhysicalMemory memory, long at, Mode mode) {
        ByteBuffer b = ByteBuffer.allocate(GDT_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(CODE_SELECTOR, descriptor(code(mode)));
        b.putLong(DATA_SELECTOR, descriptor(DATA));
        memory.write(at, b.array(), 0, GDT_SIZE);
    }

    private static int code(Mode mode) {
        return CODE | (mode == Mode.LONG ? Cpu.L : Cpu.DB);
    }

    private static long descriptor(int access) {
        return 0xF_0000_0000_FFFFL | (long) access << 40;
    }

    public void apply(Cpu c) {
        c.gdtBase = gdt;
        c.gdtLimit = GDT_SIZE - 1;
        segment(c, Cpu.CS, CODE_SELECTOR, code(mode));
        for (int s : new int[] {Cpu.ES, Cpu.SS, Cpu.DS, Cpu.FS, Cpu.GS}) {
            segment(c, s, DATA_SELECTOR, DATA);
        }
        c.cr0 = c.cr0 & ~(Cr.CD | Cr.NW) | Cr.PE;
        if (mode == Mode.LONG) {
            c.cr3 = cr3;
            c.cr4 |= Cr.PAE;
            c.efer |= Cr.LME | Cr.LMA;
            c.cr0 |= Cr.PG;
        }
        c.gpr[0] = rax;
        c.gpr[1] = 0;
        c.gpr[2] = 0;
        c.gpr[3] = rbx;
        c.gpr[5] = 0;
        c.gpr[6] = rsi;
        c.gpr[7] = 0;
        c.rip = rip;
        c.updateMode();
        c.flushTlb();
    }

    /** As {@link #apply(Cpu)}, for a vcpu in the state after reset. */
    public void apply(Sregs s, Regs r) {
        s.gdt.base = gdt;
        s.gdt.limit = GDT_SIZE - 1;
        segment(s.cs, CODE_SELECTOR, code(mode));
        for (Segment x : new Segment[] {s.es, s.ss, s.ds, s.fs, s.gs}) {
            segment(x, DATA_SELECTOR, DATA);
        }
        s.cr0 = s.cr0 & ~(Cr.CD | Cr.NW) | Cr.PE;
        if (mode == Mode.LONG) {
            s.cr3 = cr3;
            s.cr4 |= Cr.PAE;
            s.efer |= Cr.LME | Cr.LMA;
            s.cr0 |= Cr.PG;
        }
        r.rax = rax;
        r.rbx = rbx;
        r.rcx = 0;
        r.rdx = 0;
        r.rsi = rsi;
        r.rdi = 0;
        r.rbp = 0;
        r.rip = rip;
    }

    private static void segment(Segment s, int selector, int access) {
        s.selector = selector;
        s.base = 0;
        s.limit = -1;
        s.type = access & 15;
        s.s = 1;
        s.dpl = 0;
        s.present = 1;
        s.l = (access & Cpu.L) != 0 ? 1 : 0;
        s.db = (access & Cpu.DB) != 0 ? 1 : 0;
        s.g = 1;
        s.unusable = 0;
    }

    private static void segment(Cpu c, int s, int selector, int access) {
        c.selector[s] = selector;
        c.segBase[s] = 0;
        c.segLimit[s] = 0xFFFFFFFFL;
        c.segAccess[s] = access;
    }
}
