package dev.javisor.conformance.event;

import dev.javisor.conformance.event.EventCase.Mode;
import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModels;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.Place;
import dev.javisor.machine.boot.ImageFile;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.memory.PhysicalMemory;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * A guest whose handlers write down every event they are called for. Whatever the delivery of an event touches lies in 2 MiB of its own:
 * gate, descriptor, TSS, stack, handler. Where extended page tables are filled when they are needed, each of them is missing once.
 *
 * <p>The code of a case may use these names: {@code RESUME} (where the next fault returns to, once), {@code RESTACK} (the stack pointer it
 * returns with), {@code STEPS} (so many #DBs leave TF set), {@code RF} (ORed into RFLAGS at the return from #DB), {@code HOOKS} (by vector,
 * what a handler calls), {@code IN_SMM} (what the SMI handler writes to the interrupt command register), {@code COUNT} (SMIs),
 * {@code finish} (the end).
 */
public final class EventGuest {
    private static final int IMAGE = 0x100000, HANDLERS = 0x400000, IDT = 0x600000, GDT = 0x800000, TSS = 0xA00000;
    private static final int STACK = 0xC80000, IST = 0xE80000, RSP0 = 0x1080000, VARIABLES = 0x1200000, DATA = 0x1400000;
    private static final int TABLES = 0x1800000, PAGES = 0x1A00000;
    /** Of real mode: the segment of all code, and where its handlers are. */
    private static final int REAL = 0x20000, REAL_HANDLERS = 0x28000;

    private static final int REAL_CODE_SELECTOR = 0x30;
    private static final long MEMORY = 32 << 20;

    /** The record of an event: vector, error code, RIP, CS, RFLAGS, RSP, SS, CR2, DR6, DR7, in 8 bytes each. */
    static final int RECORD = 128;

    static final int RECORDS = VARIABLES + 0x1000;
    private static final int VECTORS = 256;
    private static final int TASK_SIZE = 0x200, FIRST_TASK_SELECTOR = 0x40;
    private static final int[] TASKS = {2, 3, 8, 10, 13, 0x41};

    private static final long WITH_ERROR_CODE = 1L << 8 | 0x1FL << 10 & ~(1L << 15) | 1L << 17 | 1L << 21;
    private static final long FAULTS = 1 | 0xFL << 5 | 0x1FL << 10 | 1L << 17;

    private static final String NAMES = """
            IDT equ 0x600000
            GDT equ 0x800000
            TSS equ 0xA00000
            STACK equ 0xC80000
            DATA equ 0x1400000
            PRESENT equ 0x1A00000
            ABSENT equ 0x1A01000
            READONLY equ 0x1A02000
            NEXT equ 0x1200000
            RESUME equ 0x1200008
            STEPS equ 0x1200010
            RF equ 0x1200018
            RESTACK equ 0x1200020
            COUNT equ 0x1200028
            HOOKS equ 0x1200100
            IN_SMM equ 0x1200030
            ICR equ 0xFEE00300
            EOI equ 0xFEE000B0
            """;
    private static final String PROLOGUE = """
            header: dd 0x1BADB002, 0x10000, -(0x1BADB002 + 0x10000), header, header, 0, 0, start
            gdtr:   dw 0x1FF
                    dd GDT, 0
            idtr:   dw 0xFFF
                    dd IDT, 0
            start:  mov esp, STACK
                    lgdt [gdtr]
                    lidt [idtr]
                    mov eax, cr0
                    and eax, 0xFFFFFFFB
                    or eax, 0x10002
                    mov cr0, eax
                    mov dword [0xFEE000F0], 0x1FF
                    mov al, 0xFF
                    out 0x21, al
                    out 0xA1, al
            """;
    private static final String TO_64_BIT = """
                    mov eax, cr4
                    or eax, 0x668
                    mov cr4, eax
                    mov eax, 0x1800000
                    mov cr3, eax
                    mov ecx, 0xC0000080
                    rdmsr
                    or eax, 0x101
                    wrmsr
                    mov eax, cr0
                    or eax, 0x80000001
                    mov cr0, eax
                    jmp 8:begin
            bits 64
            """;
    private static final String TO_32_BIT = """
                    mov eax, cr4
                    or eax, 0x648
                    mov cr4, eax
                    jmp 8:begin
            """;
    private static final String TO_REAL_MODE = """
                    mov ax, 16
                    mov ds, ax
                    mov es, ax
                    lidt [vectors]
                    jmp 0x30:0
            vectors: dw 0x3FF
                    dd IDT, 0
            """;
    private static final String REAL_BEGIN = """
                    mov eax, cr0
                    and al, 0xFE
                    mov cr0, eax
                    jmp 0x2000:begin-0x20000
            begin:  mov ax, 0x6000
                    mov ss, ax
                    mov esp, 0x8000
            """;
    private static final String BEGIN = """
            begin:  mov ax, 16
                    mov ds, ax
                    mov es, ax
                    mov ss, ax
                    mov esp, STACK
                    mov ax, 0x28
                    ltr ax
            """;
    private static final String EPILOGUE = """

            finish: mov dx, 0x604
                    mov ax, 0x2000
                    out dx, ax
                    jmp $
            """;
    /** {r}: the letter of the registers, {w}: the bytes of a word. */
    private static final String COMMON = """
            common: push {r}ax
                    push {r}bx
                    push {r}dx
                    {ds}
                    mov {r}bx, [NEXT]
                    lea {r}ax, [{r}bx+128]
                    mov [NEXT], {r}ax
                    mov {r}ax, [{r}sp+3*{w}]
                    mov [{r}bx], {r}ax
                    mov {r}ax, [{r}sp+4*{w}]
                    mov [{r}bx+8], {r}ax
                    mov {r}ax, [{r}sp+5*{w}]
                    mov [{r}bx+16], {r}ax
                    mov {r}ax, [{r}sp+6*{w}]
                    mov [{r}bx+24], {r}ax
                    mov {r}ax, [{r}sp+7*{w}]
                    mov [{r}bx+32], {r}ax
                    mov {r}ax, [{r}sp+8*{w}]
                    mov [{r}bx+40], {r}ax
                    mov {r}ax, [{r}sp+9*{w}]
                    mov [{r}bx+48], {r}ax
                    mov {r}ax, cr2
                    mov [{r}bx+56], {r}ax
            look:   mov {r}ax, dr6
                    mov [{r}bx+64], {r}ax
                    mov {r}ax, dr7
                    mov [{r}bx+72], {r}ax
                    mov {r}bx, [{r}sp+3*{w}]
                    mov {r}ax, [HOOKS+{r}bx*8]
                    test {r}ax, {r}ax
                    jz .plain
                    call {r}ax
            .plain: cmp ebx, 32
                    jae .end
                    cmp ebx, 1
                    jne .fault
                    mov {r}ax, [RF]
                    or [{r}sp+7*{w}], {r}ax
                    sub dword [STEPS], 1
                    jg .out
                    btr dword [{r}sp+7*{w}], 8
                    jmp .out
            .fault: mov eax, {faults}
                    bt eax, ebx
                    jnc .out
                    mov {r}ax, [RESTACK]
                    test {r}ax, {r}ax
                    jz .same
                    mov [{r}sp+8*{w}], {r}ax
            .same:  mov {r}ax, [RESUME]
                    test {r}ax, {r}ax
                    jz .out
                    mov [{r}sp+5*{w}], {r}ax
                    mov dword [RESUME], 0
                    jmp .out
            .end:   mov edx, EOI
                    mov dword [{r}dx], 0
            .out:   pop {r}dx
                    pop {r}bx
                    pop {r}ax
                    lea {r}sp, [{r}sp+2*{w}]
                    iret{q}
            """;
    private static final String REAL_COMMON = """
            common: push eax
                    push ebx
                    push edx
                    a32 mov ebx, [NEXT]
                    movzx eax, word [esp+12]
                    mov [ebx], eax
                    movzx eax, word [esp+16]
                    mov [ebx+24], eax
                    shl eax, 4
                    movzx edx, word [esp+14]
                    add eax, edx
                    mov [ebx+16], eax
                    movzx eax, word [esp+18]
                    mov [ebx+32], eax
                    mov eax, cr2
                    mov [ebx+56], eax
                    mov eax, dr6
                    mov [ebx+64], eax
                    add ebx, 128
                    a32 mov [NEXT], ebx
                    movzx ebx, word [esp+12]
                    mov eax, [HOOKS+ebx*8]
                    test eax, eax
                    jz .plain
                    sub eax, 0x20000
                    call ax
            .plain: cmp ebx, 32
                    jae .end
                    cmp ebx, 1
                    jne .fault
                    a32 sub dword [STEPS], 1
                    jg .out
                    and word [esp+18], 0xFEFF
                    jmp .out
            .fault: mov eax, {faults}
                    bt eax, ebx
                    jnc .out
                    a32 mov eax, [RESUME]
                    test eax, eax
                    jz .out
                    sub eax, 0x20000
                    mov [esp+14], ax
                    a32 mov dword [RESUME], 0
                    jmp .out
            .end:   mov edx, EOI
                    mov dword [edx], 0
            .out:   pop edx
                    pop ebx
                    pop eax
                    add esp, 2
                    iret
            """;
    /** A handler that is a task of its own: what it writes down of the interrupted one is in that one's TSS. */
    private static final String TASK = """
            task%1$d: xor eax, eax
                    %2$s
                    mov ebx, [NEXT]
                    mov dword [ebx], %1$d
                    mov [ebx+8], eax
                    mov eax, [TSS+0x20]
                    mov [ebx+16], eax
                    mov eax, [TSS+0x4C]
                    mov [ebx+24], eax
                    mov eax, [TSS+0x24]
                    mov [ebx+32], eax
                    mov eax, cr2
                    mov [ebx+56], eax
                    mov eax, dr6
                    mov [ebx+64], eax
                    add ebx, 128
                    mov [NEXT], ebx
                    mov eax, [RESUME]
                    test eax, eax
                    jz .same
                    mov [TSS+0x20], eax
                    mov dword [RESUME], 0
            .same:  mov dword [EOI], 0
                    iretd
                    jmp task%1$d
            """;
    /** In SMM, with segments that reach everything. */
    private static final String SMI = """
            bits 16
                    a32 inc dword [COUNT]
                    a32 mov eax, [IN_SMM]
                    test eax, eax
                    jz .back
                    mov edx, ICR
                    a32 mov [edx], eax
            .back:  rsm
            """;

    private final EventCase test;
    private final Asm.Program image;
    /** Null but in real mode. */
    private final Asm.Program real;

    private final Asm.Program handlers;
    private final Asm.Program smi;

    public EventGuest(EventCase test) {
        this.test = test;
        boolean wide = isLong();
        if (isReal()) {
            image = Asm.program(CodeSize.BITS32, IMAGE, NAMES, PROLOGUE, TO_REAL_MODE);
            real = Asm.program(CodeSize.BITS16, REAL, NAMES, REAL_BEGIN, test.code(), EPILOGUE);
            handlers = Asm.program(CodeSize.BITS16, REAL_HANDLERS, NAMES, handlers());
        } else {
            image = Asm.program(
                    CodeSize.BITS32, IMAGE, NAMES, PROLOGUE, wide ? TO_64_BIT : TO_32_BIT, BEGIN, test.code(), EPILOGUE);
            real = null;
            handlers = Asm.program(wide ? CodeSize.BITS64 : CodeSize.BITS32, HANDLERS, NAMES, handlers());
        }
        smi = Asm.program(CodeSize.BITS16, 0x38000, NAMES, SMI);
    }

    private boolean isLong() {
        return test.mode() == Mode.LONG;
    }

    private boolean isReal() {
        return test.mode() == Mode.REAL;
    }

    private String handlers() {
        boolean wide = isLong();
        StringBuilder s = new StringBuilder((isReal() ? REAL_COMMON : COMMON)
                .replace("{ds}", wide ? "" : "mov ebx, 16\nmov ds, ebx")
                .replace("{r}", wide ? "r" : "e")
                .replace("{w}", wide ? "8" : "4")
                .replace("{q}", wide ? "q" : "d")
                .replace("{faults}", Long.toString(FAULTS)));
        for (int v = 0; v < VECTORS; v++) {
            boolean pushes = isCoded(v) || isReal();
            s.append("v%d: %s push %d%n jmp common%n".formatted(v, pushes ? "" : "push 0\n", v));
        }
        if (test.mode() == Mode.PROTECTED) {
            for (int v : TASKS) {
                s.append(TASK.formatted(v, isCoded(v) ? "pop eax" : ""));
            }
        }
        return s.toString();
    }

    boolean isCoded(int vector) {
        return !isReal() && vector < 32 && (WITH_ERROR_CODE >>> vector & 1) != 0;
    }

    /** The code of the case, and what is around it. */
    Asm.Program image() {
        return image;
    }

    /** The name of a place in the guest's code, or null. */
    String label(long address) {
        return Stream.of(image, real, handlers)
                .filter(Objects::nonNull)
                .flatMap(p -> p.labels().entrySet().stream())
                .filter(e -> e.getValue() == address && !e.getKey().contains("."))
                .map(Map.Entry::getKey)
                .findFirst()
                .orElse(null);
    }

    public MachineConfiguration.Builder configuration(String model, Place place, Engine engine) {
        return MachineConfiguration.builder(CpuModels.parse(model))
                .kernel(new ImageFile("guest", image.code()))
                .memory(MEMORY)
                .place(place)
                .engine(engine);
    }

    /** A machine that is about to start the guest. */
    public Machine machine(String model, Place place, Engine engine) {
        return machine(configuration(model, place, engine));
    }

    /** A machine that is about to start the guest. @param configuration what {@link #configuration} gives, or more */
    public Machine machine(MachineConfiguration.Builder configuration) {
        Machine m = new Machine(configuration.build());
        prepare(m.memory());
        return m;
    }

    /** Puts into memory what the guest's image does not hold. */
    public void prepare(PhysicalMemory m) {
        write(m, handlers);
        if (isReal()) {
            write(m, real);
        }
        write(m, smi);
        m.write(VARIABLES, 4, RECORDS);
        long code = isLong() ? 0x00AF_9B00_0000_FFFFL : 0x00CF_9B00_0000_FFFFL;
        long userCode = isLong() ? 0x00AF_FB00_0000_FFFFL : 0x00CF_FB00_0000_FFFFL;
        long[] descriptors = {0, code, 0x00CF_9300_0000_FFFFL, 0x00CF_F300_0000_FFFFL, userCode};
        for (int i = 0; i < descriptors.length; i++) {
            m.write(GDT + 8 * i, 8, descriptors[i]);
        }
        m.write(GDT + 0x28, 8, 0x0000_8900_0000_0067L | (TSS & 0xFFFFFFL) << 16 | (TSS & 0xFF000000L) << 32);
        if (isLong()) {
            m.write(TSS + 4, 8, RSP0);
            m.write(TSS + 0x24, 8, IST);
            m.write(TSS + 0x66, 2, 0x68);
            pageTables(m);
        } else if (!isReal()) {
            m.write(TSS + 4, 4, RSP0);
            m.write(TSS + 8, 4, 0x10);
            m.write(TSS + 0x66, 2, 0x68);
            tasks(m);
        }
        if (isReal()) {
            m.write(GDT + REAL_CODE_SELECTOR, 8, 0x0000_9B00_0000_FFFFL | (long) REAL << 16);
            for (int v = 0; v < VECTORS; v++) {
                m.write(IDT + 4 * v, 4, (long) REAL / 16 << 16 | handlers.label("v" + v) - REAL);
            }
            return;
        }
        for (int v = 0; v < VECTORS; v++) {
            long at = handlers.label("v" + v);
            boolean users = v == 3 || v == 4 || v == 0x80;
            long type = users ? 0xEE : 0x8E;
            if (isLong()) {
                int stack = v == 8 ? 1 : 0;
                m.write(IDT + 16 * v, 8, at >>> 16 << 48 | type << 40 | (long) stack << 32 | 8 << 16 | at & 0xFFFF);
                m.write(IDT + 16 * v + 8, 8, 0);
            } else {
                m.write(IDT + 8 * v, 8, at >>> 16 << 48 | type << 40 | 8 << 16 | at & 0xFFFF);
            }
        }
    }

    private static void write(PhysicalMemory m, Asm.Program p) {
        m.write(p.origin(), p.code(), 0, p.code().length);
    }

    /** The first 32 MiB in large pages, but for the last region's, of which one is absent and one read-only; and the local APIC. */
    private static void pageTables(PhysicalMemory m) {
        int directory = TABLES + 0x2000;
        int high = TABLES + 0x3000;
        int table = TABLES + 0x4000;
        m.write(TABLES, 8, TABLES + 0x1000 | 7);
        m.write(TABLES + 0x1000, 8, directory | 7);
        m.write(TABLES + 0x1000 + 3 * 8, 8, high | 7);
        for (long at = 0; at < MEMORY; at += 2 << 20) {
            m.write(directory + (at >>> 21) * 8, 8, at == PAGES ? table | 7 : at | 0x87);
        }
        for (int i = 0; i < 512; i++) {
            long rights = i == 1 ? 0 : i == 2 ? 5 : 7;
            m.write(table + 8 * i, 8, PAGES + 4096L * i | rights);
        }
        m.write(high + (0xFEE00000L - 0xC0000000L >>> 21) * 8, 8, 0xFEE00000L | 0x9F);
    }

    /** A TSS for each vector whose gate a case may turn into a task gate, at selectors from 40H on. */
    private void tasks(PhysicalMemory m) {
        for (int i = 0; i < TASKS.length; i++) {
            int at = TSS + TASK_SIZE * (i + 1);
            m.write(GDT + FIRST_TASK_SELECTOR + 8 * i, 8, 0x0000_8900_0000_0067L | (at & 0xFFFFFFL) << 16);
            m.write(at + 0x20, 4, handlers.label("task" + TASKS[i]));
            m.write(at + 0x24, 4, 2);
            m.write(at + 0x38, 4, IST - 0x1000 * i);
            for (int s = 0x48; s <= 0x5C; s += 4) {
                m.write(at + s, 4, s == 0x4C ? 8 : 16);
            }
            m.write(at + 0x66, 2, 0x68);
        }
    }
}
