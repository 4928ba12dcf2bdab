package dev.javisor.conformance.event;

import static dev.javisor.conformance.event.EventCases.in32;
import static dev.javisor.conformance.event.EventCases.in64;
import static dev.javisor.conformance.event.FaultCases.task;

import java.util.List;

/** NMI, SMI and maskable interrupts: what holds them off, and what they interrupt. */
final class InterruptCases {
    private InterruptCases() {}

    static List<EventCase> all() {
        return List.of(
                in64("an NMI comes once", NMI + """
                        n: nop
                        """, "NMI n"),
                in64("an NMI waits until the one before has returned", """
                        mov qword [HOOKS+8*2], hook
                        """ + NMI + """
                        n: nop
                        jmp finish
                        hook: inc dword [COUNT]
                        cmp dword [COUNT], 3
                        jae back
                        mov edx, ICR
                        mov dword [rdx], 0x4400
                        mov dword [rdx], 0x4400
                        nop
                        back: ret
                        """, "NMI n", "NMI n", "NMI n"),
                in64("an IRET that faults ends blocking by NMI all the same", """
                        mov qword [HOOKS+8*2], hook
                        """ + NMI + """
                        n: nop
                        on: jmp finish
                        hook: inc dword [COUNT]
                        cmp dword [COUNT], 1
                        jne back
                        mov qword [RESUME], on
                        mov qword [RESTACK], STACK
                        mov edx, ICR
                        mov dword [rdx], 0x4400
                        push 0x10
                        push STACK
                        push 2
                        push 0
                        push 0
                        bad: iretq
                        back: ret
                        """, "NMI n", "NMI v13", "#GP(0) bad RF").butOnAmd("NMI n", "#GP(0) bad RF", "NMI on RF"),
                in64("a page fault in an NMI handler: its IRET ends blocking, and the next NMI comes in the handler of the first", """
                        mov qword [HOOKS+8*2], hook
                        mov qword [RESUME], on
                        """ + NMI + """
                        n: nop
                        jmp finish
                        hook: inc dword [COUNT]
                        cmp dword [COUNT], 1
                        jne back
                        mov edx, ICR
                        mov dword [rdx], 0x4400
                        f: mov eax, [ABSENT]
                        on: nop
                        back: ret
                        """, "NMI n", "#PF(0) f at 1A01000 RF", "NMI on RF"),
                in64("MOV SS holds off an NMI, but not for a second instruction", """
                        mov r8d, ICR
                        mov ax, 16
                        mov ss, ax
                        a: mov dword [r8], 0x4400
                        b: nop
                        """, "NMI b"),
                in64("an interrupt is acknowledged once and ends with its EOI", """
                        mov r8d, ICR
                        sti
                        nop
                        mov dword [r8], 0x44041
                        i: mov dword [r8], 0x44041
                        j: nop
                        """, "INT41 i", "INT41 j"),
                in64("of two interrupts the one with the higher priority is first", """
                        mov r8d, ICR
                        mov dword [r8], 0x44041
                        mov dword [r8], 0x44051
                        sti
                        nop
                        i: nop
                        """, "INT51 i", "INT41 i"),
                in64("an interrupt of the same class waits for the EOI", """
                        mov qword [HOOKS+8*0x45], hook
                        mov r8d, ICR
                        mov dword [r8], 0x44045
                        sti
                        nop
                        i: jmp finish
                        hook: mov edx, ICR
                        mov dword [rdx], 0x44046
                        sti
                        nop
                        mov dword [rdx], 0x44056
                        in: cli
                        ret
                        """, "INT45 i", "INT56 in", "INT46 i"),
                in64("the fault of the instruction behind STI is first, then the interrupt", """
                        mov r8d, ICR
                        mov dword [r8], 0x44041
                        mov qword [RESUME], on
                        sti
                        f: ud2
                        on: nop
                        """, "#UD f RF", "INT41 on RF"),
                in64("the emulated instruction behind STI is first, then the interrupt", """
                        mov r8d, ICR
                        mov dword [r8], 0x44041
                        sti
                        cpuid
                        i: nop
                        """, "INT41 i"),
                in64("a trap is before the interrupt of the same boundary", """
                        mov r8d, ICR
                        sti
                        {tf}
                        mov dword [r8], 0x44041
                        i: nop
                        """, "#DB i BS", "INT41 i"),
                in64("a trap is before the NMI of the same boundary, which interrupts its handler", """
                        mov r8d, ICR
                        {tf}
                        mov dword [r8], 0x4400
                        a: nop
                        """, "NMI v1", "#DB a BS"),
                in64("HLT waits for the timer's interrupt", """
                        mov r8d, 0xFEE00000
                        mov dword [r8+0x3E0], 0xB
                        mov dword [r8+0x320], 0x41
                        mov dword [r8+0x380], 5000
                        sti
                        hlt
                        h: nop
                        """, "INT41 h"),
                in64("HLT with interrupts disabled waits for the timer's NMI", """
                        mov r8d, 0xFEE00000
                        mov dword [r8+0x3E0], 0xB
                        mov dword [r8+0x320], 0x441
                        mov dword [r8+0x350], 0x10000
                        mov dword [r8+0x320], 0x41
                        mov dword [r8+0x380], 5000
                        mov qword [HOOKS+8*0x41], hook
                        sti
                        hlt
                        h: cli
                        jmp finish
                        hook: mov edx, ICR
                        mov dword [rdx], 0x4400
                        in: nop
                        ret
                        """, "INT41 h", "NMI in"),
                in64("an SMI leaves no trace in what it interrupts", """
                        mov r8d, ICR
                        mov dword [r8], 0x4200
                        nop
                        """ + SMI_COUNTED + """
                        int 0x80
                        z: nop
                        """, "INT80 z"),
                in64("a step is not lost to the SMI at its boundary", """
                        mov dword [STEPS], 2
                        mov r8d, ICR
                        {tf}
                        mov dword [r8], 0x4200
                        a: nop
                        b: nop
                        """ + SMI_COUNTED, "#DB a BS", "#DB b BS"),
                in64("an NMI that comes in SMM waits for RSM", """
                        mov dword [IN_SMM], 0x4400
                        mov r8d, ICR
                        mov dword [r8], 0x4200
                        s: nop
                        """ + SMI_COUNTED, "NMI s"),
                in64("an interrupt that comes in SMM waits for RSM", """
                        mov dword [IN_SMM], 0x44041
                        mov r8d, ICR
                        sti
                        nop
                        mov dword [r8], 0x4200
                        s: nop
                        """ + SMI_COUNTED, "INT41 s"),
                in64("an SMI in an NMI handler leaves NMIs blocked", """
                        mov qword [HOOKS+8*2], hook
                        """ + NMI + """
                        n: nop
                        jmp finish
                        hook: mov edx, ICR
                        cmp dword [COUNT], 0
                        jne back
                        mov dword [rdx], 0x4200
                        mov dword [rdx], 0x4400
                        nop
                        back: ret
                        """, "NMI n", "NMI n"),
                in64("an SMI waits for nothing but the fault of the instruction before it", """
                        mov qword [RESUME], on
                        mov r8d, ICR
                        mov dword [r8], 0x4200
                        f: ud2
                        on: nop
                        """ + SMI_COUNTED, "#UD f RF"),
                in64("HLT goes on after an SMI", """
                        mov qword [HOOKS+8*0x41], hook
                        mov r8d, 0xFEE00000
                        mov dword [r8+0x3E0], 0xB
                        mov dword [r8+0x320], 0x20041
                        mov dword [r8+0x380], 5000
                        sti
                        hlt
                        h: hlt
                        i: cli
                        jmp finish
                        hook: mov edx, ICR
                        mov dword [rdx], 0x4200
                        nop
                        ret
                        """, "INT41 h", "INT41 i"),
                in32("an NMI goes through a task gate", task(2, 0x40) + """
                        mov dword [ICR], 0x4400
                        n: nop
                        mov dword [ICR], 0x4400
                        m: nop
                        """, "NMI n", "NMI m"),
                in32("an interrupt goes through a task gate", task(0x41, 0x68) + """
                        sti
                        nop
                        mov dword [ICR], 0x44041
                        i: nop
                        mov dword [ICR], 0x44041
                        j: nop
                        """, "INT41 i", "INT41 j"));
    }

    private static final String NMI = """
            mov r8d, ICR
            mov dword [r8], 0x4400
            """;
    /** Ends badly unless there was one SMI. */
    private static final String SMI_COUNTED = """
            cmp dword [COUNT], 1
            je .counted
            ud2
            .counted:
            """;
}
