package dev.javisor.conformance.fuzz;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Msr;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.memory.PhysicalMemory;
import java.util.List;

/**
 * Code that brings processors, as a boot loader would, from 32-bit protected mode without paging to the states that {@link Cpu}s hold. What
 * a processor does not take is left out.
 */
final class Launch {
    /** Where the code is: all but that of real mode, and that. */
    static final int BEGIN = 0x100000, END = 0x110000, LOW = 0x7000;

    /** Behind the header of {@link Images#kernel}. */
    private static final int ENTRY = BEGIN + 0x40;

    private static final int STACKS = END - 0x1000, STACK_SIZE = 0x400;
    private static final int CODE32 = (World.DESCRIPTORS - 4) * 8, DATA32 = CODE32 + 8, CODE64 = World.WIDE * 8, CODE16 = CODE64 + 8;
    private static final int AVAILABLE_TSS = 0x89;
    private static final int LANES = 8;
    private static final int RSP = 4;
    private static final String[] GENERAL = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
    };
    private static final String[] SEGMENT = {"es", "cs", "ss", "ds", "fs", "gs"};
    private static final int[] DATA_SEGMENTS = {Cpu.ES, Cpu.DS, Cpu.FS, Cpu.GS};
    private static final int[] POPA = {7, 6, 5, RSP, 3, 2, 1, 0};

    /** All processors begin at the entry: the first by itself, which starts the others. */
    private static final String HEAD = """
                    lgdt [cs:gdtr]
                    mov ax, %d
                    mov ds, ax
                    mov es, ax
                    mov ss, ax
                    mov eax, [0xFEE00020]
                    shr eax, 24
                    test eax, eax
                    jnz mine
                    mov dword [0xFEE00300], 0xC4500
                    mov dword [0xFEE00300], 0xC4607
            mine:   mov eax, [launches+eax*4]
                    lidt [idtr]
                    jmp eax
            gdtr:   dw 0x1FF
                    dd %d, 0
            idtr:   dw 0x0FF
                    dd gates, 0
            align 8
            gates:  times 32 dd skip & 0xFFFF | %d << 16, skip & 0xFFFF0000 | 0x8E00
            skip:   mov esp, ebp
                    jmp edi
            """.formatted(DATA32, World.GDT, CODE32);
    /** Another processor comes here by the start-up IPI. */
    private static final String LOW_HEAD = """
                    lgdt [cs:gdtr-%1$d]
                    mov eax, cr0
                    or al, 1
                    mov cr0, eax
                    jmp dword %2$d:%3$d
            gdtr:   dw 0x1FF
                    dd %4$d
            """.formatted(LOW, CODE32, ENTRY, World.GDT);

    private final World.Mode mode;
    private final StringBuilder code = new StringBuilder(HEAD);
    private final StringBuilder low = new StringBuilder(LOW_HEAD);
    private final StringBuilder launches = new StringBuilder();
    private int processors;
    private int labels;

    Launch(World.Mode mode) {
        this.mode = mode;
    }

    private Launch line(String text, Object... values) {
        code.append(text.formatted(values)).append('\n');
        return this;
    }

    private void low(String text, Object... values) {
        low.append(text.formatted(values)).append('\n');
    }

    /** An instruction that may fault: then the next one follows. */
    private void attempt(String text, Object... values) {
        labels++;
        line("mov edi, next%d", labels).line(text, values).line("next%d:", labels);
    }

    /**
     * One more processor.
     *
     * @param c the state
     * @param msrs further model-specific registers, with their values
     */
    void add(PhysicalMemory m, Cpu c, List<long[]> msrs) {
        int i = processors++;
        launches.append(i == 0 ? "launches: dd " : ", ").append("launch").append(i);
        line("launch%d: mov ebp, %d", i, STACKS + STACK_SIZE * (i + 1)).line("mov esp, ebp");
        if (c.has(Feature.FXSR)) {
            line("mov eax, %d", Cr.OSFXSR).line("mov cr4, eax");
            attempt("fxrstor [fpu%d]", i);
        }
        for (long[] msr : msrs) {
            attempt("mov ecx, %d\nmov eax, %d\nmov edx, %d\nwrmsr", (int) msr[0], (int) msr[1], (int) (msr[1] >>> 32));
        }
        attempt("mov ecx, %d\nxor edx, edx\nmov eax, %d\nwrmsr", Msr.EFER.index, c.efer & ~Cr.LMA);
        attempt("mov eax, %d\nmov cr4, eax", (int) c.cr4);
        if (mode.isPaged()) {
            line("mov eax, %d", (int) c.cr3).line("mov cr3, eax");
        }
        m.write(World.GDT + 8L * (World.TASK + 2 * i) + 5, 1, AVAILABLE_TSS);
        attempt("mov ax, %d\nltr ax", 8 * (World.TASK + 2 * i));
        attempt("mov ax, %d\nlldt ax", 8 * World.LOCAL);
        for (int k = 0; k < 4; k++) {
            attempt("mov eax, %d\nmov dr%d, eax", (int) c.dr[k], k);
        }
        attempt("mov eax, %d\nmov dr7, eax", (int) c.dr7);
        attempt("mov eax, %d\nmov cr0, eax", (int) (c.cr0 | Cr.PE));
        switch (mode) {
            case REAL -> real(m, c, i);
            case LONG_4_LEVEL, LONG_5_LEVEL -> wide(c, i);
            default -> narrow(m, c, i);
        }
        data(c, i);
    }

    /** To 16-bit or 32-bit code. */
    private void narrow(PhysicalMemory m, Cpu c, int i) {
        boolean outer = c.cpl != 0;
        if (!outer) {
            m.write(c.gpr[RSP], 4, c.rip);
            m.write(c.gpr[RSP] + 4, 4, c.selector[Cpu.CS]);
            m.write(c.gpr[RSP] + 8, 4, Flags.rflags(c));
        }
        if (mode != World.Mode.VIRTUAL_8086) {
            segments(c);
        }
        line("lidt [ss:idtr%d]", i).line("lgdt [ss:gdtr%d]", i).line("mov esp, registers%d", i).line("popad");
        if (!outer) {
            line("mov ss, [ss:stack%d]", i).line("mov esp, %d", (int) c.gpr[RSP]);
        }
        line("iretd");
    }

    private void segments(Cpu c) {
        for (int s : DATA_SEGMENTS) {
            line("mov ax, %d", c.selector[s]).line("mov %s, ax", SEGMENT[s]);
        }
    }

    private void wide(Cpu c, int i) {
        line("jmp %d:wide%d", CODE64, i).line("bits 64").line("wide%d:", i);
        segments(c);
        line("lidt [idtr%d]", i).line("lgdt [gdtr%d]", i).line("mov esp, registers%d", i);
        for (int r = 15; r >= 0; r--) {
            line("pop %s", r == RSP ? "rbx" : GENERAL[r]);
        }
        line("iretq").line("bits 32");
    }

    private void real(PhysicalMemory m, Cpu c, int i) {
        long stack = ((long) c.selector[Cpu.SS] << 4) + (c.gpr[RSP] & 0xFFFF);
        m.write(stack, 2, c.rip);
        m.write(stack + 2, 2, c.selector[Cpu.CS]);
        m.write(stack + 4, 2, Flags.rflags(c));
        line("jmp %d:real%d", CODE16, i);
        low("real%d: mov eax, %d\nmov cr0, eax\njmp 0:flat%d", i, (int) c.cr0, i);
        low("flat%d: xor ax, ax\nmov ds, ax\nmov ss, ax\nlidt [idtr%d]\nmov esp, registers%d\npopad", i, i, i);
        for (int s : new int[] {Cpu.ES, Cpu.FS, Cpu.GS, Cpu.SS}) {
            low("mov %s, [selectors%d+%d]", SEGMENT[s], i, 2 * s);
        }
        low("mov esp, %d\nmov ds, [selectors%d+%d]\niret", (int) c.gpr[RSP], i, 2 * Cpu.DS);
        low("idtr%d: dw %d\ndd %d\nselectors%d:", i, c.idtLimit, (int) c.idtBase, i);
        for (int s = Cpu.ES; s <= Cpu.GS; s++) {
            low("dw %d", c.selector[s]);
        }
        low("registers%d:", i);
        for (int r : POPA) {
            low("dd %d", (int) c.gpr[r]);
        }
    }

    private void data(Cpu c, int i) {
        line("align 16").line("fpu%d: dw %d, %d, %d, 0", i, c.x87.control, c.x87.status, c.x87.valid).line("dq 0, 0");
        line("dd %d, 0", c.mxcsr);
        for (int k = 0; k < 8; k++) {
            int r = (c.x87.status >>> 11) + k & 7;
            line("dq %d, %d", c.x87.significand[r], c.x87.signExponent[r]);
        }
        for (int k = 0; k < 16; k++) {
            line("dq %d, %d", c.vector[LANES * k], c.vector[LANES * k + 1]);
        }
        line("times 96 db 0");
        line("gdtr%d: dw %d\ndd %d, 0", i, c.gdtLimit, (int) c.gdtBase);
        line("idtr%d: dw %d\ndd %d, 0", i, c.idtLimit, (int) c.idtBase);
        line("stack%d: dw %d", i, c.selector[Cpu.SS]).line("align 8").line("registers%d:", i);
        boolean wide = mode.bits == 64;
        String word = wide ? "dq" : "dd";
        for (int k = 0; k < (wide ? 16 : POPA.length); k++) {
            line("%s %d", word, wide ? c.gpr[15 - k] : (int) c.gpr[POPA[k]]);
        }
        line("%s %d, %d, %d, %d, %d", word, c.rip, c.selector[Cpu.CS], Flags.rflags(c), c.gpr[RSP], c.selector[Cpu.SS]);
        for (int s : DATA_SEGMENTS) {
            line("%s %d", word, c.selector[s]);
        }
    }

    /** Puts the code for all processors that were added into memory, with the descriptors that it needs. */
    void write(PhysicalMemory m) {
        long flat = 0x00CF_0000_0000_FFFFL;
        m.write(World.GDT + CODE32, 8, flat | 0x9BL << 40);
        m.write(World.GDT + DATA32, 8, flat | 0x93L << 40);
        m.write(World.GDT + CODE64, 8, 0x00AF_9B00_0000_FFFFL);
        m.write(World.GDT + CODE16, 8, 0x0000_9B00_0000_FFFFL);
        Asm.Program real = Asm.program(CodeSize.BITS16, LOW, low.toString());
        StringBuilder names = new StringBuilder();
        for (int i = 0; i < processors && mode == World.Mode.REAL; i++) {
            names.append("real%d equ %d\n".formatted(i, real.label("real" + i)));
        }
        Asm.Program all = Asm.program(CodeSize.BITS32, ENTRY, names.toString(), code.toString(), launches.toString());
        if (all.code().length > STACKS - ENTRY) {
            throw new IllegalStateException("no room for the code of " + processors + " processors");
        }
        m.write(LOW, real.code(), 0, real.code().length);
        m.write(ENTRY, all.code(), 0, all.code().length);
    }
}
