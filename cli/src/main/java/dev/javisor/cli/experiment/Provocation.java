package dev.javisor.cli.experiment;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What makes VM exits happen, or not, while an event is being delivered. */
public enum Provocation {
    /** Everything that the delivery needs is mapped. */
    CALM("nothing: all pages are mapped", true, true, true, true, true, true),
    STACK("EPT violation: the stack", true, true, true, false, true, true),
    PAGE_TABLE("EPT violation: the page table behind the stack", true, true, true, false, false, true),
    IDT("EPT violation: the IDT", false, true, true, true, true, true),
    GDT("EPT violation: the GDT", true, false, true, true, true, true),
    TSS("EPT violation: the TSS", true, true, false, true, true, true),
    /** The exit comes when the event has been delivered. */
    HANDLER("EPT violation: the handler's code", true, true, true, true, true, false),
    ALL("EPT violations: all of these, one after the other", false, false, false, false, false, false),
    /** The stack is mapped, but its dirty log is filled by write protection. */
    WRITE_PROTECTED("EPT violation: the stack, which is protected for the dirty log", true, true, true, false, true, true),
    /** The stack is mapped, and the page-modification log is full. */
    PML_FULL("page-modification log full: the stack", true, true, true, false, true, true);

    /** In words. */
    public final String text;

    private final boolean idt;
    private final boolean gdt;
    private final boolean tss;
    private final boolean stack;
    private final boolean pageTable;
    private final boolean handler;

    Provocation(String text, boolean idt, boolean gdt, boolean tss, boolean stack, boolean pageTable, boolean handler) {
        this.text = text;
        this.idt = idt;
        this.gdt = gdt;
        this.tss = tss;
        this.stack = stack;
        this.pageTable = pageTable;
        this.handler = handler;
    }

    /** As users write it. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    public static Optional<Provocation> named(String id) {
        return Arrays.stream(values()).filter(p -> p.id().equals(id)).findFirst();
    }

    /** Stores are logged. */
    boolean logs() {
        return this == WRITE_PROTECTED || this == PML_FULL;
    }

    /** Code with which the guest maps what shall not be missing. */
    List<String> touches() {
        List<String> code = new ArrayList<>();
        touch(code, idt, "mov al, [0x22000]");
        touch(code, gdt, "mov al, [0x20000]");
        touch(code, tss, "mov al, [0x21000]");
        touch(code, handler, "mov al, [0x32000]");
        touch(code, stack, "mov byte [0x400F00], 0");
        touch(code, pageTable && this == STACK, "mov al, [0x14000]");
        touch(code, logs(), "mov al, [0x400F00]");
        touch(code, this == PAGE_TABLE, "mov byte [0x24F00], 0");
        return code;
    }

    private static void touch(List<String> code, boolean wanted, String instruction) {
        if (wanted) {
            code.add(instruction);
        }
    }
}
