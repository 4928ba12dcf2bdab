package dev.javisor.processor;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.core.Tlb;
import dev.javisor.processor.core.Translation;
import dev.javisor.processor.execution.Semantics;
import dev.javisor.processor.memory.PhysicalMemory;
import java.lang.foreign.Arena;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;

/**
 * A test bench for single instructions: a processor at CPL 0 with flat segments and memory that is mapped one to one, except
 * for pages that a test takes away. Runs instructions from their bytes; nothing else happens around them.
 */
public final class Rig {
    public static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;
    /** Where code seems to be. */
    public static final long CODE = 0x1000;
    /** Initial stack pointer. */
    public static final long STACK = 0x8000;
    /** Memory that tests may use as they like, up to {@link #SIZE}. */
    public static final long DATA = 0x10000;

    public static final long SIZE = 0x100000;
    /** There is as much memory from here on, whose pages compete with those of the first for entries of the TLB. */
    public static final long FAR = (long) Tlb.SIZE << 12;

    public final Cpu c;
    private final CodeSize codeSize;
    private final Decoder decoder;
    private final Set<Long> absent = new HashSet<>();
    private final Set<Long> readOnly = new HashSet<>();
    /** How often a translation was not found in the TLB. */
    public int walks;

    private Rig(CodeSize codeSize, String model) {
        this.codeSize = codeSize;
        PhysicalMemory memory = new PhysicalMemory();
        memory.addRam(0, Arena.ofAuto().allocate(SIZE, 4096));
        memory.addRam(FAR, Arena.ofAuto().allocate(SIZE, 4096));
        c = new Cpu(CpuModels.parse(model), 0, memory, new Timeline());
        c.translation = new Identity();
        decoder = new Decoder(c.model);
        c.cr0 = Cr.PE;
        int size = codeSize == CodeSize.BITS64 ? Cpu.L : codeSize == CodeSize.BITS32 ? Cpu.DB : 0;
        if (codeSize == CodeSize.BITS64) {
            c.cr0 |= Cr.PG;
            c.cr4 = Cr.PAE | Cr.FSGSBASE;
            c.efer = Cr.LME | Cr.LMA;
        }
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            c.segLimit[s] = codeSize == CodeSize.BITS16 ? 0xFFFF : 0xFFFFFFFFL;
            c.segAccess[s] = Cpu.PRESENT | Cpu.S | (s == Cpu.CS ? 0xB | size : 3 | size & Cpu.DB);
        }
        c.updateMode();
        c.rip = CODE;
        c.gpr[RSP] = STACK;
        c.budget = 1 << 30;
        c.sliceEnd = c.budget;
    }

    public static Rig bits64() {
        return new Rig(CodeSize.BITS64, "max-intel");
    }

    /** 64-bit mode of a given CPU model. */
    public static Rig bits64(String model) {
        return new Rig(CodeSize.BITS64, model);
    }

    public static Rig bits32() {
        return new Rig(CodeSize.BITS32, "max-intel");
    }

    public static Rig bits16() {
        return new Rig(CodeSize.BITS16, "max-intel");
    }

    /** The instruction in hexadecimal bytes. */
    public Instruction decode(String hex) {
        byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
        Decoder.Result result = new Decoder.Result();
        Decoder.Outcome outcome = decoder.decode(code, 0, code.length, codeSize, result);
        if (outcome != Decoder.Outcome.OK || result.length != code.length) {
            throw new IllegalArgumentException(hex + ": " + outcome + " " + result.length);
        }
        return result.instruction;
    }

    /** Runs one instruction, given in hexadecimal bytes, at RIP. Its fault comes out as {@link GuestFault}, RIP then is unchanged. */
    public Rig run(String hex) {
        Instruction i = decode(hex);
        return run(new Op(Semantics.bind(i), i, 0, c.flat));
    }

    public Rig run(Op o) {
        long rip = c.rip;
        c.gpr[Op.BLOCK_RIP] = rip;
        c.rip = rip + o.end;
        c.blockLength = 1;
        try {
            o.executor.execute(c, o);
        } catch (GuestFault fault) {
            c.rip = rip;
            throw fault;
        } finally {
            c.blockLength = 0;
        }
        return this;
    }

    /** Runs an instruction that must fault; the event. */
    public Event fault(String hex) {
        try {
            run(hex);
        } catch (GuestFault fault) {
            return fault.event;
        }
        throw new AssertionError(hex + " did not fault");
    }

    public Rig set(int register, long value) {
        c.gpr[register] = value;
        return this;
    }

    public long get(int register) {
        return c.gpr[register];
    }

    /** The arithmetic flags in RFLAGS. */
    public long flags() {
        return Flags.rflags(c) & Flags.ARITHMETIC;
    }

    public Rig flags(long arithmetic) {
        Flags.setArithmetic(c, arithmetic);
        return this;
    }

    public Rig store(long address, int size, long value) {
        c.memory.write(address, size, value);
        return this;
    }

    public long load(long address, int size) {
        return c.memory.read(address, size);
    }

    /** Accesses to the page of this address fault. */
    public Rig remove(long address) {
        absent.add(address >>> 12);
        c.flushTlb();
        return this;
    }

    /** Stores to the page of this address fault. */
    public Rig protect(long address) {
        readOnly.add(address >>> 12);
        c.flushTlb();
        return this;
    }

    /** The page can be accessed again. */
    public Rig restore(long address) {
        absent.remove(address >>> 12);
        readOnly.remove(address >>> 12);
        c.flushTlb();
        return this;
    }

    private final class Identity implements Translation {
        @Override
        public long find(Cpu c, int context, long linear, int access) {
            walks++;
            long page = linear >>> 12;
            boolean write = (access & WRITE) != 0;
            if (absent.contains(page) || write && readOnly.contains(page)) {
                c.faultAddress = linear;
                c.faultCode = write ? 2 : 0;
                return FAULTED;
            }
            long host = c.memory.hostAddress(linear & ~0xFFFL);
            long tag = linear & ~0xFFFL | (host == 0 || c.watchesData ? Tlb.SLOW : 0);
            if (context != Tlb.NONE) {
                c.tlb.fill(context, linear, tag, readOnly.contains(page) ? Tlb.EMPTY : tag, host, linear & ~0xFFFL, 0);
            }
            return linear;
        }

        @Override
        public long untag(Cpu c, int context, long linear, int segment, int access) {
            if (c.codeSize64 && !c.canonical(linear)) {
                throw c.fault(segment == Cpu.SS ? Event.SS : Event.GP, 0);
            }
            return linear;
        }

        @Override
        public boolean loadPointers(Cpu c, long cr3) {
            return true;
        }

        @Override
        public void settle(Cpu c, long linear, long entry) {}
    }
}
