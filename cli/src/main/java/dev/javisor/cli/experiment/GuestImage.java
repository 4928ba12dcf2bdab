package dev.javisor.cli.experiment;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.processor.core.Event;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A guest's memory: page tables, descriptor tables, code. Every part has a page of its own. */
final class GuestImage {
    static final long PML4 = 0x10000, PDPT = 0x11000, DIRECTORY = 0x12000, TABLE = 0x13000, STACK_TABLE = 0x14000;
    static final long GDT = 0x20000, TSS = 0x21000, IDT = 0x22000, STACK = 0x24000, MAIN_STACK = 0x29000;
    static final long CODE = 0x30000, TRIGGER = 0x30800;
    static final long HANDLERS = 0x32000, CURSOR = 0x33000, FILLED = 0x33008, ACTIONS = 0x33100, LOG = 0x34000, LOG_END = 0x35000;
    static final long ABSENT = 0x50000, ABSENT_ENTRY = TABLE + 8 * (ABSENT >> 12);
    /** Linear address of the stack of all handlers. */
    static final long LINEAR_STACK = 0x400000;
    /** Pages to fill the page-modification log with; and their address. */
    static final long FILLER = 16 << 20, FILLER_SIZE = 2 << 20;

    static final int CODE_SELECTOR = 8, DATA_SELECTOR = 0x10, NARROW_SELECTOR = 0x18, TSS_SELECTOR = 0x20;
    static final int SIZE = 1 << 20, PAGE = 4096;
    /** Record of the log, and the number of its words that say something. */
    static final int RECORD = 64, WORDS = 5;

    private static final long PRESENT = 1, WRITABLE = 2, LARGE = 1 << 7;
    private static final int GATES = EventCase.VECTOR + 1, INTERRUPT_GATE = 0x8E;
    private static final long CODE64 = 0x00AF9B000000FFFFL, DATA = 0x00CF93000000FFFFL, CODE32 = 0x00CF9B000000FFFFL;
    private static final long BUSY_TSS = 0x00008B0000000067L;

    private final EventCase event;
    private final Asm.Program program;

    /** Assembles a guest. */
    GuestImage(EventCase event, Provocation provocation) {
        this.event = event;
        program = Asm.program(CodeSize.BITS64, CODE, text(event, provocation));
    }

    /**
     * Writes the guest to its memory.
     *
     * @param filled pages of the filler that it stores to before the event
     */
    void write(MemorySegment memory, int filled) {
        pageTables(memory);
        descriptors(memory);
        MemorySegment.copy(program.code(), 0, memory, ValueLayout.JAVA_BYTE, CODE, program.code().length);
        for (int v = 0; v < GATES; v++) {
            gate(memory, v, program.label("handler" + v));
        }
        word(memory, FILLED, filled);
    }

    private static void word(MemorySegment memory, long at, long value) {
        memory.set(ValueLayout.JAVA_LONG_UNALIGNED, at, value);
    }

    private static void pageTables(MemorySegment memory) {
        word(memory, PML4, PDPT | PRESENT | WRITABLE);
        word(memory, PDPT, DIRECTORY | PRESENT | WRITABLE);
        word(memory, DIRECTORY, TABLE | PRESENT | WRITABLE);
        word(memory, DIRECTORY + 8 * (LINEAR_STACK >> 21), STACK_TABLE | PRESENT | WRITABLE);
        word(memory, STACK_TABLE, STACK | PRESENT | WRITABLE);
        for (long at = FILLER; at < FILLER + FILLER_SIZE; at += 2 << 20) {
            word(memory, DIRECTORY + 8 * (at >> 21), at | PRESENT | WRITABLE | LARGE);
        }
        for (long page = 0; page < SIZE; page += PAGE) {
            word(memory, TABLE + 8 * (page >> 12), page | WRITABLE | (page == ABSENT ? 0 : PRESENT));
        }
    }

    private static void descriptors(MemorySegment memory) {
        word(memory, GDT + CODE_SELECTOR, CODE64);
        word(memory, GDT + DATA_SELECTOR, DATA);
        word(memory, GDT + NARROW_SELECTOR, CODE32);
        word(memory, GDT + TSS_SELECTOR, BUSY_TSS | (TSS & 0xFFFFFF) << 16);
        word(memory, TSS + 36, LINEAR_STACK + PAGE);
    }

    private static String[] text(EventCase event, Provocation provocation) {
        List<String> text = new ArrayList<>(List.of("bits 64", "org " + CODE, "SKIP equ " + event.skip()));
        text.add("start:");
        text.add(event.prepare());
        fill(text, provocation, "page: mov al, [rdi]", "mov ecx, " + FILLER_SIZE / PAGE);
        text.addAll(List.of("out ARM, al", "mov al, [cursor]", "mov al, [LOG]"));
        text.addAll(provocation.touches());
        fill(text, provocation, "dirty: mov [rdi], al", "mov ecx, [" + FILLED + "]", "jrcxz filled");
        text.add("filled:");
        // Where the event comes is the same whatever comes before it.
        text.addAll(List.of("jmp trigger", "org " + TRIGGER, "trigger:"));
        if (event.origin().isUserspace()) {
            text.add("out EVENT, al");
        }
        text.addAll(List.of(event.trigger(), "back: nop", event.after(), "nop", "mov rax, cr2", "mov rbx, [cursor]"));
        text.addAll(List.of("mov qword [rbx], 0xFF", "mov [rbx+24], rax", "mov rax, dr6", "mov [rbx+32], rax", "out DONE, al", "jmp $"));
        text.add(library());
        handlers(text);
        text.add("org " + CURSOR);
        text.add("cursor: dq LOG");
        text.add("org " + ACTIONS);
        text.add("actions:");
        for (int v = 0; v < GATES; v++) {
            text.add("dq " + event.actions().getOrDefault(v, "0"));
        }
        return text.toArray(String[]::new);
    }

    private static void fill(List<String> text, Provocation provocation, String access, String... count) {
        if (provocation == Provocation.PML_FULL) {
            String label = access.substring(0, access.indexOf(':'));
            text.addAll(List.of(count));
            text.addAll(List.of("mov edi, " + FILLER, access, "add edi, 4096", "loop " + label));
        }
    }

    private static void handlers(List<String> text) {
        text.add("org " + HANDLERS);
        for (int v = 0; v < GATES; v++) {
            text.add("handler" + v + ":" + (hasErrorCode(v) ? "" : " push 0"));
            text.add("push " + v);
            text.add("jmp common");
        }
    }

    private static boolean hasErrorCode(int vector) {
        return switch (vector) {
            case Event.DF, Event.TS, Event.NP, Event.SS, Event.GP, Event.PF, Event.AC -> true;
            default -> false;
        };
    }

    /** All handlers have the stack of the first interrupt-stack-table entry. */
    private void gate(MemorySegment memory, int vector, long handler) {
        long flags = vector == event.brokenGate() ? INTERRUPT_GATE & ~0x80 : INTERRUPT_GATE;
        long at = IDT + 16L * vector;
        word(memory, at, handler & 0xFFFF | (long) CODE_SELECTOR << 16 | 1L << 32 | flags << 40 | (handler & 0xFFFF_0000L) << 32);
        word(memory, at + 8, handler >>> 32);
    }

    private static String library() {
        try (InputStream in = GuestImage.class.getResourceAsStream("requeue.asm")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
