package dev.javisor.conformance.event;

import static dev.javisor.conformance.event.EventCases.in64;

import java.util.ArrayList;
import java.util.List;

/** Each kind of event, and each kind of fault on the way to its handler: the manual's "Conditions for Generating a Double Fault". */
final class CombinedCases {
    private static final long STACK = 0x1A017F8;

    private CombinedCases() {}

    private enum Kind {
        BENIGN,
        CONTRIBUTORY,
        PAGE_FAULT
    }

    /**
     * @param external what the error code of a fault on the way says
     * @param code with label f where the event returns to
     */
    private record First(String name, int vector, Kind kind, boolean external, String code) {}

    private static final List<First> FIRSTS = List.of(
            new First("#DE", 0, Kind.CONTRIBUTORY, true, "xor ecx, ecx\nf: div ecx"),
            new First("a #DB trap", 1, Kind.BENIGN, true, """
                    mov eax, DATA
                    mov dr0, rax
                    mov eax, 0xD0401
                    mov dr7, rax
                    mov dword [DATA], 1
                    f: nop
                    """),
            new First("INT1", 1, Kind.BENIGN, true, "f: int1"),
            new First("an NMI", 2, Kind.BENIGN, true, "mov r8d, ICR\nmov dword [r8], 0x4400\nf: nop"),
            new First("INT3", 3, Kind.BENIGN, false, "f: int3"),
            new First("#UD", 6, Kind.BENIGN, true, "f: ud2"),
            new First("#NP", 11, Kind.CONTRIBUTORY, true, """
                    mov dword [GDT+0x38], 0x0000FFFF
                    mov dword [GDT+0x3C], 0x00CF1300
                    mov ax, 0x38
                    f: mov ds, ax
                    """),
            new First("#SS", 12, Kind.CONTRIBUTORY, true, "mov rbp, 0x8000000000000000\nf: mov eax, [rbp]"),
            new First("#GP", 13, Kind.CONTRIBUTORY, true, "mov ecx, 0x12345\nf: rdmsr"),
            new First("#PF", 14, Kind.PAGE_FAULT, true, "f: mov eax, [ABSENT]"),
            new First("INT n", 0x30, Kind.BENIGN, false, "f: int 0x30"),
            new First("an interrupt", 0x41, Kind.BENIGN, true, "mov r8d, ICR\nsti\nnop\nmov dword [r8], 0x44041\nf: nop"));

    static List<EventCase> all() {
        List<EventCase> all = new ArrayList<>();
        for (First first : FIRSTS) {
            String gate = "[IDT+16*" + first.vector;
            all.add(guest(first, "#NP", "mov byte " + gate + "+5], 0x0E\n", "#NP(%X) f RF".formatted(selector(first)), ""));
            all.add(guest(first, "#GP", "mov byte " + gate + "+5], 0x85\n", "#GP(%X) f RF".formatted(selector(first)), ""));
            String page = " at %X".formatted(STACK);
            String stack = "mov qword [TSS+0x2C], ABSENT+0x800\nmov byte " + gate + "+4], 2\n";
            all.add(guest(first, "#PF", stack, "#PF(2) f" + page + " RF", page));
        }
        return all;
    }

    /** "Error Code": the gate's number, that it is in the IDT, and whether the event came from outside the program. */
    private static int selector(First first) {
        return first.vector << 3 | 2 | (first.external ? 1 : 0);
    }

    /**
     * @param alone what is seen when the second fault is delivered
     * @param page that CR2 has after it
     */
    private static EventCase guest(First first, String second, String setUp, String alone, String page) {
        boolean pageFault = second.equals("#PF");
        boolean served = first.kind == Kind.BENIGN || first.kind == Kind.CONTRIBUTORY && pageFault;
        String address = !page.isEmpty() ? page : first.kind == Kind.PAGE_FAULT ? " at 1A01000" : "";
        String name = "%s and then %s is %s".formatted(first.name, second, served ? second : "#DF");
        String code = setUp + "mov qword [RESUME], on\n" + first.code + "\non: nop\n";
        return in64(name, code, served ? alone : "#DF(0) f" + address + " RF");
    }
}
