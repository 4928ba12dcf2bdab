package dev.javisor.conformance.event;

import static dev.javisor.conformance.event.EventCases.in32;
import static dev.javisor.conformance.event.EventCases.in64;

import java.util.List;

/** Debug exceptions: every cause, what DR6 says, and what holds them off. */
final class DebugCases {
    private DebugCases() {}

    static List<EventCase> all() {
        return List.of(
                // ---- traps: their instruction has completed, so that nothing raises them again ----
                in64("a single-step trap is not raised again by its instruction: it comes once and behind it", """
                        {tf}
                        nop
                        stepped: nop
                        """, "#DB stepped BS"),
                in64("each instruction traps once while TF is set", """
                        mov dword [STEPS], 3
                        {tf}
                        nop
                        a: nop
                        b: mov eax, 1
                        c: nop
                        """, "#DB a BS", "#DB b BS", "#DB c BS"),
                in64("instructions that a hypervisor emulates trap like others", """
                        mov r8d, 0xFEE00030
                        mov r9d, EOI
                        mov dword [STEPS], 15
                        {tf}
                        mov ecx, 0x1B
                        a: rdmsr
                        b: wrmsr
                        c: cpuid
                        d: in al, 0x80
                        e: out 0x80, al
                        f: mov eax, [r8]
                        g: mov [r9], eax
                        h: mov rax, cr0
                        i: mov cr0, rax
                        j: mov rax, cr3
                        k: mov cr3, rax
                        l: invlpg [DATA]
                        m: wbinvd
                        n: pause
                        o: nop
                        """,
                        "#DB a BS", "#DB b BS", "#DB c BS", "#DB d BS", "#DB e BS", "#DB f BS", "#DB g BS", "#DB h BS", "#DB i BS",
                        "#DB j BS", "#DB k BS", "#DB l BS", "#DB m BS", "#DB n BS", "#DB o BS"),
                in64("a repeated string instruction traps behind each iteration, output and input alike", """
                        mov dword [STEPS], 6
                        mov esi, DATA
                        mov edi, DATA
                        mov edx, 0x80
                        mov ecx, 2
                        {tf}
                        first: rep outsb
                        a: mov ecx, 2
                        b: rep insb
                        c: nop
                        d: nop
                        """, "#DB first BS RF", "#DB a BS", "#DB b BS", "#DB b BS RF", "#DB c BS", "#DB d BS"),
                in64("POPF that clears TF traps once more, behind itself", """
                        mov dword [STEPS], 10
                        push 2
                        {tf}
                        popfq
                        a: nop
                        """, "#DB a BS"),
                in64("INT n clears TF for its handler, and IRET sets it for the instruction behind", """
                        mov dword [STEPS], 2
                        {tf}
                        int 0x80
                        a: nop
                        b: nop
                        c: nop
                        """, "INT80 a", "#DB b BS", "#DB c BS"),
                in64("a fault is not also a step; the step comes behind the instruction that follows it", """
                        mov qword [RESUME], on
                        {tf}
                        u: ud2
                        on: nop
                        n: nop
                        """, "#UD u RF", "#DB n BS"),
                in64("STI and HLT trap like other instructions, and the trap ends HLT", """
                        mov dword [STEPS], 2
                        {tf}
                        sti
                        a: hlt
                        b: nop
                        """, "#DB a BS", "#DB b BS"),
                in64("SYSRET that sets TF traps before the first instruction of the program", """
                        mov qword [HOOKS+8*0x80], finish
                        mov ecx, 0xC0000081
                        xor eax, eax
                        mov edx, 0x00100008
                        wrmsr
                        mov rcx, user
                        mov r11d, 0x102
                        o64 sysret
                        user: nop
                        int 0x80
                        z: nop
                        """, "#DB user BS user", "INT80 z user"),
                in64("a data breakpoint traps behind the access", """
                        mov eax, DATA
                        mov dr0, rax
                        mov eax, 0xD0401
                        mov dr7, rax
                        mov dword [DATA], 1
                        hit: nop
                        """, "#DB hit B0"),
                in64("a data breakpoint on the frame of INT n traps before the first instruction of its handler", """
                        mov eax, STACK-8
                        mov dr3, rax
                        mov eax, 0x90000440
                        mov dr7, rax
                        int 0x80
                        a: nop
                        """, "#DB v128 B3", "INT80 a"),
                in64("an I/O breakpoint traps behind the instruction", """
                        mov eax, 0x80
                        mov dr1, rax
                        mov eax, 0x200404
                        mov dr7, rax
                        out 0x80, al
                        o: in al, 0x80
                        i: mov edx, 0x80
                        in eax, dx
                        d: nop
                        """, "#DB o B1", "#DB i B1", "#DB d B1"),
                in64("an I/O breakpoint and a step make one trap", """
                        mov eax, 0x80
                        mov dr1, rax
                        mov eax, 0x200404
                        mov dr7, rax
                        {tf}
                        out 0x80, al
                        o: nop
                        """, "#DB o B1 BS"),
                in64("an I/O breakpoint traps behind each iteration of string I/O", """
                        mov eax, 0x80
                        mov dr1, rax
                        mov eax, 0x200404
                        mov dr7, rax
                        mov edx, 0x80
                        mov esi, DATA
                        mov ecx, 2
                        again: rep outsb
                        behind: nop
                        """, "#DB again B1 RF", "#DB behind B1"),
                in64("a data breakpoint on a device's register traps behind the access", """
                        mov r8d, 0xFEE00030
                        mov dr0, r8
                        mov eax, 0xF0401
                        mov dr7, rax
                        mov eax, [r8]
                        hit: nop
                        """, "#DB hit B0"),
                in32("the T flag of a TSS traps before the new task's first instruction", """
                        mov word [TSS+0x400+0x64], 1
                        mov dword [IDT+8*3], 0x480000
                        mov dword [IDT+8*3+4], 0xE500
                        int3
                        a: nop
                        """, "#DB task3 BT", "#BP a"),
                in32("the T flag traps behind a call of a task, too", """
                        mov word [TSS+0x400+0x64], 1
                        call 0x48:0
                        a: nop
                        """, "#DB task3 BT", "#BP a"),
                // ---- faults: their instruction raises them again, but not always ----
                in64("a code breakpoint faults before its instruction, which RF lets run", """
                        mov rax, there
                        mov dr0, rax
                        mov eax, 0x402
                        mov dr7, rax
                        mov dword [RF], 0x10000
                        nop
                        there: inc ebx
                        nop
                        """, "#DB there B0"),
                in64("a code breakpoint faults before an instruction that a hypervisor emulates", """
                        mov rax, there
                        mov dr0, rax
                        mov eax, 0x402
                        mov dr7, rax
                        mov dword [RF], 0x10000
                        there: cpuid
                        nop
                        """, "#DB there B0"),
                in64("a code breakpoint behind MOV SS is inhibited", """
                        mov rax, there
                        mov dr0, rax
                        mov eax, 0x402
                        mov dr7, rax
                        mov dword [RF], 0x10000
                        mov ax, 16
                        mov ss, ax
                        there: nop
                        """).butOnAmd("#DB there B0"),
                in64("general detect in a program comes before the fault of its privilege, on Intel processors", """
                        mov qword [HOOKS+8*0x80], finish
                        mov eax, 0x2400
                        mov dr7, rax
                        push 0x1B
                        push DATA+0x1000
                        push 2
                        push 0x23
                        push user
                        mov qword [RESUME], on
                        iretq
                        user: mov rbx, dr0
                        on: int 0x80
                        z: nop
                        """, "#DB user BD RF user", "#GP(0) user RF user", "INT80 z user")
                        .butOnAmd("#GP(0) user RF user", "#DB look BD RF", "INT80 z user"),
                in64("general detect faults once: its delivery has cleared GD, so that MOV DR does not raise it again", """
                        mov eax, 0x2400
                        mov dr7, rax
                        there: mov rbx, dr0
                        nop
                        """, "#DB there BD RF"),
                in64("general detect is not held off by MOV SS", """
                        mov eax, 0x2400
                        mov dr7, rax
                        mov ax, 16
                        mov ss, ax
                        there: mov rbx, dr0
                        nop
                        """, "#DB there BD RF"),
                in64("INT1 traps without a cause in DR6", """
                        int1
                        a: nop
                        """, "#DB a"),
                in64("INT1 with TF set traps for itself alone", """
                        {tf}
                        int1
                        a: nop
                        """, "#DB a"),
                // ---- DR6: what a new #DB replaces, and what persists ----
                in64("BS persists in DR6 until software clears it, B0 to B3 are replaced", """
                        mov eax, 0xFFFF4FF2
                        mov dr6, rax
                        mov eax, DATA
                        mov dr2, rax
                        mov eax, 0xD000410
                        mov dr7, rax
                        mov [DATA], eax
                        hit: nop
                        """, "#DB hit B2 BS"),
                in64("BD persists in DR6 beside the cause of the next #DB", """
                        mov eax, 0x2400
                        mov dr7, rax
                        g: mov rbx, dr0
                        {tf}
                        nop
                        s: nop
                        """, "#DB g BD RF", "#DB s BD BS"),
                in64("INT1 clears B0 to B3 and leaves the rest", """
                        mov eax, 0xFFFFEFFF
                        mov dr6, rax
                        int1
                        a: nop
                        """, "#DB a BD BS BT"),
                in64("RTM and bus lock read as 1 while their cause is absent, whatever was written", """
                        xor eax, eax
                        mov dr6, rax
                        {tf}
                        nop
                        a: nop
                        """, "#DB a BS"),
                // ---- blocking by MOV SS ----
                in64("a step behind MOV SS is dropped: the next instruction's comes", """
                        mov ax, 16
                        {tf}
                        mov ss, ax
                        a: nop
                        b: nop
                        """, "#DB b BS"),
                in64("a data breakpoint of MOV SS waits for the instruction behind", WATCHED_SS + """
                        mov ss, [DATA]
                        a: nop
                        b: nop
                        """, "#DB b B0"),
                in64("a data breakpoint of MOV SS and the step of the next instruction make one trap", WATCHED_SS + """
                        {tf}
                        mov ss, [DATA]
                        a: nop
                        b: nop
                        """, "#DB b B0 BS"),
                in64("a data breakpoint of MOV SS and an emulated instruction's step make one trap", WATCHED_SS + """
                        {tf}
                        mov ss, [DATA]
                        a: wbinvd
                        b: nop
                        """, "#DB b B0 BS"),
                in64("a data breakpoint of MOV SS waits for an emulated instruction", WATCHED_SS + """
                        mov ss, [DATA]
                        a: cpuid
                        b: nop
                        """, "#DB b B0"),
                in64("a data breakpoint of MOV SS comes with the #DB of INT1", WATCHED_SS + """
                        mov ss, [DATA]
                        int1
                        a: nop
                        """, "#DB a B0"),
                in64("a data breakpoint of MOV SS outlives INT3", """
                        int3
                        first: nop
                        """ + WATCHED_SS + """
                        mov ss, [DATA]
                        int3
                        a: nop
                        """, "#BP first", "#DB v3 B0", "#BP a").uninterruptible(),
                in64("a data breakpoint of MOV SS outlives INT n", """
                        int 0x80
                        first: nop
                        """ + WATCHED_SS + """
                        mov ss, [DATA]
                        int 0x80
                        a: nop
                        """, "INT80 first", "#DB v128 B0", "INT80 a").uninterruptible(),
                in32("TF and breakpoints are the same in protected mode", """
                        mov eax, DATA
                        mov dr0, eax
                        mov eax, 0xD0401
                        mov dr7, eax
                        {tf}
                        mov [DATA], eax
                        a: nop
                        """, "#DB a B0 BS"));
    }

    private static final String WATCHED_SS = """
            mov word [DATA], 16
            mov eax, DATA
            mov dr0, rax
            mov eax, 0x70401
            mov dr7, rax
            """;
}
