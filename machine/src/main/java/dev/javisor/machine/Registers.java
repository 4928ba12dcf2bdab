package dev.javisor.machine;

import dev.javisor.hypervisor.Vcpu;
import dev.javisor.hypervisor.abi.DebugRegs;
import dev.javisor.hypervisor.abi.Fpu;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** What one processor's registers hold, in the same form wherever it is: for comparing and for showing. */
public final class Registers {
    private static final int VECTORS = 16, LANES = 8, X87 = 8;
    /** Access rights that a descriptor says, and that it is unusable. */
    private static final int RIGHTS = 0xF0FF | Cpu.UNUSABLE, DPL = 0x60;

    /** The names of the values, in their order. */
    public static final List<String> NAMES = Stream.of(
                    Stream.of(
                            "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                            "rip", "rflags", "es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr", "fs base", "gs base", "gdtr", "idtr",
                            "cr0", "cr2", "cr3", "cr4", "cr8", "efer", "dr0", "dr1", "dr2", "dr3", "dr6", "dr7", "mxcsr", "x87 status",
                            "halted"),
                    IntStream.range(0, VECTORS).boxed().flatMap(v -> Stream.of("xmm" + v + " low", "xmm" + v + " high")),
                    Stream.of("es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr")
                            .flatMap(r -> Stream.of(r + " hidden base", r + " limit", r + " access rights")),
                    Stream.of("gdtr limit", "idtr limit", "x87 control", "x87 tags"),
                    IntStream.range(0, X87).boxed().flatMap(r -> Stream.of("st" + r + " significand", "st" + r + " sign and exponent")))
            .flatMap(names -> names)
            .toList();

    private static final int RIP = NAMES.indexOf("rip"), FIRST_VECTOR = NAMES.indexOf("xmm0 low");
    private static final int FIRST_HIDDEN = NAMES.indexOf("es hidden base");

    private final long[] values;

    private Registers(long[]... parts) {
        values = Arrays.stream(parts).flatMapToLong(Arrays::stream).toArray();
    }

    static Registers of(Cpu c) {
        long[] selectors = Arrays.stream(c.selector, Cpu.ES, Cpu.TR + 1).asLongStream().toArray();
        long cr8 = c.apic == null ? 0 : c.apic.cr8();
        long[] system = {
            c.segBase[Cpu.FS], c.segBase[Cpu.GS], c.gdtBase, c.idtBase, c.cr0, c.cr2, c.cr3, c.cr4, cr8, c.efer,
            c.dr[0], c.dr[1], c.dr[2], c.dr[3], c.dr6, c.dr7, c.mxcsr, c.x87.status, c.activity == Cpu.HLT ? 1 : 0
        };
        long[] vectors = IntStream.range(0, 2 * VECTORS).mapToLong(i -> c.vector[LANES * (i / 2) + i % 2]).toArray();
        long[] segments = IntStream.rangeClosed(Cpu.ES, Cpu.TR)
                .mapToObj(s -> new long[] {c.segBase[s], c.segLimit[s], rights(c, s)})
                .flatMapToLong(Arrays::stream)
                .toArray();
        long[] tables = {c.gdtLimit, c.idtLimit, c.x87.control, c.x87.valid};
        long[] x87 = IntStream.range(0, X87)
                .map(i -> (c.x87.status >>> 11) + i & X87 - 1)
                .mapToObj(r -> new long[] {c.x87.significand[r], c.x87.signExponent[r]})
                .flatMapToLong(Arrays::stream)
                .toArray();
        long[] general = Arrays.copyOf(c.gpr, 16);
        return new Registers(general, new long[] {c.rip, Flags.rflags(c)}, selectors, system, vectors, segments, tables, x87);
    }

    /** AMD's SYSRET leaves the DPL in SS as it is; for VMX, that of SS is the privilege level. */
    private static long rights(Cpu c, int s) {
        int a = c.segAccess[s] & RIGHTS;
        return s == Cpu.SS ? a & ~DPL | c.cpl << 5 : a;
    }

    static Registers of(Vcpu v) {
        Regs r = v.getRegs();
        Sregs s = v.getSregs();
        DebugRegs d = v.getDebugRegs();
        Fpu f = v.getFpu();
        long[] general = {
            r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip, r.rflags
        };
        long[] selectors = Stream.of(s.es, s.cs, s.ss, s.ds, s.fs, s.gs, s.ldt, s.tr).mapToLong((Segment x) -> x.selector).toArray();
        long[] system = {
            s.fs.base, s.gs.base, s.gdt.base, s.idt.base, s.cr0, s.cr2, s.cr3, s.cr4, s.cr8, s.efer, d.db[0], d.db[1], d.db[2], d.db[3],
            d.dr6, d.dr7, f.mxcsr, f.fsw, v.isHalted() ? 1 : 0
        };
        long[] vectors = Arrays.stream(f.xmm)
                .map(x -> ByteBuffer.wrap(x).order(ByteOrder.LITTLE_ENDIAN))
                .flatMapToLong(x -> Arrays.stream(new long[] {x.getLong(), x.getLong()}))
                .toArray();
        long[] segments = Stream.of(s.es, s.cs, s.ss, s.ds, s.fs, s.gs, s.ldt, s.tr)
                .map((Segment x) -> new long[] {x.base, x.limit & 0xFFFF_FFFFL, rights(x)})
                .flatMapToLong(Arrays::stream)
                .toArray();
        long[] tables = {s.gdt.limit, s.idt.limit, f.fcw, f.ftwx};
        long[] x87 = Arrays.stream(f.fpr)
                .map(x -> ByteBuffer.wrap(x).order(ByteOrder.LITTLE_ENDIAN))
                .flatMapToLong(x -> Arrays.stream(new long[] {x.getLong(), x.getShort() & 0xFFFF}))
                .toArray();
        return new Registers(general, selectors, system, vectors, segments, tables, x87);
    }

    private static long rights(Segment x) {
        int low = x.type | x.s << 4 | x.dpl << 5 | x.present << 7;
        return low | x.avl << 12 | x.l << 13 | x.db << 14 | x.g << 15 | (x.unusable != 0 ? Cpu.UNUSABLE : 0);
    }

    public long rip() {
        return values[RIP];
    }

    /** One of {@link #NAMES}. */
    public long value(String name) {
        return values[NAMES.indexOf(name)];
    }

    /** The registers that are not alike. */
    public List<String> differences(Registers other) {
        return IntStream.range(0, values.length).filter(i -> values[i] != other.values[i]).mapToObj(NAMES::get).toList();
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Registers r && Arrays.equals(values, r.values);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(values);
    }

    /** Four to a line; of the vector registers those that are not zero, and not what segment registers hide, nor x87 registers. */
    @Override
    public String toString() {
        StringBuilder out = new StringBuilder();
        int n = 0;
        for (int i = 0; i < FIRST_HIDDEN; i++) {
            if (i < FIRST_VECTOR || values[i] != 0) {
                out.append(String.format("  %10s %016x%s", NAMES.get(i), values[i], ++n % 4 == 0 ? "\n" : ""));
            }
        }
        return out.append(n % 4 == 0 ? "" : "\n").toString();
    }
}
