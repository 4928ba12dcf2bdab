package dev.javisor.conformance.event;

import static dev.javisor.conformance.event.EventCases.inRealMode;

import java.util.List;

/** Events in real-address mode: through the interrupt-vector table, without error code. */
final class RealModeCases {
    private RealModeCases() {}

    static List<EventCase> all() {
        return List.of(
                inRealMode("INT3, INT n and INTO return behind themselves in real mode, and come once", """
                        int3
                        a: int 0x80
                        b: int 3
                        c: mov al, 0x7F
                        inc al
                        into
                        d: nop
                        """, "#BP a", "INT80 b", "#BP c", "#OF d"),
                inRealMode("faults have no error code in real mode, and return to their instruction", """
                        a32 mov dword [RESUME], a
                        f: ud2
                        a: a32 mov dword [RESUME], b
                        xor cx, cx
                        g: div cx
                        b: a32 mov dword [RESUME], c
                        mov ecx, 0x12345
                        h: rdmsr
                        c: a32 mov dword [RESUME], d
                        i: bound eax, [esp]
                        d: nop
                        """, "#UD f", "#DE g", "#GP h", "#BR i"),
                inRealMode("a single-step trap comes once in real mode, and behind its instruction", """
                        a32 mov dword [STEPS], 2
                        {tf}
                        nop
                        a: cpuid
                        b: nop
                        """, "#DB a BS", "#DB b BS"),
                inRealMode("a data breakpoint traps behind the access in real mode", """
                        mov eax, DATA
                        mov dr0, eax
                        mov eax, 0xD0401
                        mov dr7, eax
                        a32 mov dword [DATA], 1
                        hit: nop
                        """, "#DB hit B0"),
                inRealMode("INT1 traps in real mode", """
                        int1
                        a: nop
                        """, "#DB a"),
                inRealMode("INT n clears TF for its handler in real mode, and IRET sets it for the instruction behind", """
                        a32 mov dword [STEPS], 2
                        {tf}
                        int 0x80
                        a: nop
                        b: nop
                        c: nop
                        """, "INT80 a", "#DB b BS", "#DB c BS"),
                inRealMode("an interrupt is acknowledged once in real mode and ends with its EOI", """
                        mov ebx, ICR
                        sti
                        nop
                        mov dword [ebx], 0x44041
                        i: mov dword [ebx], 0x44041
                        j: nop
                        """, "INT41 i", "INT41 j"),
                inRealMode("the fault of the instruction behind STI is first in real mode, then the interrupt", """
                        mov ebx, ICR
                        mov dword [ebx], 0x44041
                        a32 mov dword [RESUME], on
                        sti
                        f: ud2
                        on: nop
                        """, "#UD f", "INT41 on"),
                inRealMode("HLT in real mode waits for the timer's interrupt", """
                        mov ebx, 0xFEE00000
                        mov dword [ebx+0x3E0], 0xB
                        mov dword [ebx+0x320], 0x41
                        mov dword [ebx+0x380], 5000
                        sti
                        hlt
                        h: nop
                        """, "INT41 h"),
                inRealMode("an NMI waits in real mode until the one before has returned", """
                        a32 mov dword [HOOKS+8*2], hook
                        mov edx, ICR
                        mov dword [edx], 0x4400
                        n: nop
                        jmp finish
                        hook: a32 inc dword [COUNT]
                        a32 cmp dword [COUNT], 2
                        jae back
                        mov edx, ICR
                        mov dword [edx], 0x4400
                        nop
                        back: ret
                        """, "NMI n", "NMI n"),
                inRealMode("MOV SS holds off an NMI in real mode, but not for a second instruction", """
                        mov ebx, ICR
                        mov ax, 0x6000
                        mov ss, ax
                        a: mov dword [ebx], 0x4400
                        b: nop
                        """, "NMI b"),
                inRealMode("an SMI leaves no trace in real mode", """
                        mov ebx, ICR
                        mov dword [ebx], 0x4200
                        nop
                        a32 cmp dword [COUNT], 1
                        jne finish
                        int 0x80
                        z: nop
                        """, "INT80 z"),
                inRealMode("a vector beyond the table is #GP in real mode", LIMIT.formatted("0x3F") + """
                        a32 mov dword [RESUME], on
                        f: int 0x80
                        on: nop
                        """, "#GP f"),
                inRealMode("a vector beyond a table that has no #GP either is #DF in real mode", LIMIT.formatted("0x23") + """
                        a32 mov dword [RESUME], on
                        f: int 0x80
                        on: nop
                        """, "#DF f"),
                inRealMode("a table without #DF shuts down in real mode", LIMIT.formatted("0x1F") + """
                        f: int 0x80
                        """, "shutdown"));
    }

    /** Changes the limit of the interrupt-vector table. */
    private static final String LIMIT = """
            a32 mov word [DATA], %s
            a32 mov dword [DATA+2], IDT
            o32 a32 lidt [DATA]
            """;
}
