package dev.javisor.conformance.event;

import static dev.javisor.conformance.event.EventCases.in32;
import static dev.javisor.conformance.event.EventCases.in64;

import java.util.List;

/** Faults, how two of them combine, and the instructions that raise software events. */
final class FaultCases {
    private FaultCases() {}

    static List<EventCase> all() {
        return List.of(
                in64("a page fault tells its address", """
                        mov qword [RESUME], on
                        f: mov eax, [ABSENT]
                        on: mov qword [RESUME], off
                        w: mov [READONLY], eax
                        off: nop
                        """, "#PF(0) f at 1A01000 RF", "#PF(3) w at 1A02000 RF"),
                in64("a page fault that was repaired does not come again", """
                        mov qword [HOOKS+8*14], repair
                        f: mov eax, [ABSENT]
                        jmp finish
                        repair: mov dword [0x1804008], 0x1A01007
                        ret
                        """, "#PF(0) f at 1A01000 RF"),
                in64("a page fault whose stack is absent is a double fault, and CR2 has the stack's address", """
                        mov qword [RESUME], on
                        mov qword [RESTACK], STACK
                        mov rsp, ABSENT+0x800
                        f: mov eax, [ABSENT]
                        on: nop
                        """, "#DF(0) f at 1A017F8 RF"),
                in64("a single-step trap and then #NP is #NP, behind the instruction", """
                        mov byte [IDT+16*1+5], 0x0E
                        mov qword [RESUME], on
                        {tf}
                        nop
                        f: nop
                        on: mov byte [IDT+16*1+5], 0x8E
                        a: nop
                        """, "#NP(B) f RF", "#DB a BS"),
                in64("a third fault is a shutdown", """
                        mov byte [IDT+16*13+5], 0x0E
                        mov byte [IDT+16*8+5], 0x0E
                        mov ecx, 0x12345
                        f: rdmsr
                        """, "shutdown"),
                in64("a shutdown comes of a page fault, its stack, and the stack of the double fault", """
                        mov qword [TSS+0x24], ABSENT+0x400
                        mov rsp, ABSENT+0x800
                        f: mov eax, [ABSENT]
                        """, "shutdown"),
                in64("general protection faults are decided the same way every time", """
                        mov qword [RESUME], a
                        mov ecx, 0x12345
                        f: rdmsr
                        a: mov qword [RESUME], b
                        g: wrmsr
                        b: mov qword [RESUME], c
                        mov ax, 0x1F8
                        h: mov ds, ax
                        c: mov qword [RESUME], d
                        mov rbp, 0x8000000000000000
                        i: mov eax, [rbp]
                        d: mov qword [RESUME], e
                        j: mov rax, [rax+rbp]
                        e: mov qword [RESUME], z
                        mov rax, cr0
                        btr rax, 0
                        k: mov cr0, rax
                        z: nop
                        """, "#GP(0) f RF", "#GP(0) g RF", "#GP(1F8) h RF", "#SS(0) i RF", "#GP(0) j RF", "#GP(0) k RF"),
                in64("an absent segment is #NP with its selector", """
                        mov dword [GDT+0x38], 0x0000FFFF
                        mov dword [GDT+0x3C], 0x00CF1300
                        mov qword [RESUME], on
                        mov ax, 0x38
                        f: mov ds, ax
                        on: nop
                        """, "#NP(38) f RF"),
                in64("#NM comes of CR0.TS for x87 and for vectors", """
                        mov qword [RESUME], a
                        mov rax, cr0
                        or eax, 8
                        mov cr0, rax
                        f: fld1
                        a: mov qword [RESUME], b
                        g: movaps xmm0, xmm1
                        b: clts
                        fld1
                        """, "#NM f RF", "#NM g RF"),
                in64("#DE is a fault", """
                        mov qword [RESUME], on
                        xor ecx, ecx
                        f: div ecx
                        on: nop
                        """, "#DE f RF"),
                in64("INT3 and INT n return behind themselves, and come once", """
                        int3
                        a: int 0x80
                        b: int 3
                        c: nop
                        """, "#BP a", "INT80 b", "#BP c"),
                in64("a gate that is absent is the fault of INT n", """
                        mov byte [IDT+16*0x30+5], 0x0E
                        mov qword [RESUME], on
                        f: int 0x30
                        on: nop
                        """, "#NP(182) f RF"),
                in64("events of a program change the stack, and some are not its to raise", """
                        mov qword [HOOKS+8*0x80], finish
                        push 0x1B
                        push DATA+0x1000
                        push 0x202
                        push 0x23
                        push user
                        mov qword [RESUME], on
                        iretq
                        user: int3
                        a: nop
                        f: mov eax, [ABSENT]
                        on: nop
                        g: nop
                        mov qword [RESUME], more
                        h: int 0x41
                        more: mov qword [RESUME], last
                        i: hlt
                        last: int 0x80
                        z: nop
                        """.replace("PROGRAM", ""),
                        "#BP a user", "#PF(4) f at 1A01000 RF user", "#GP(20A) h RF user", "#GP(0) i RF user", "INT80 z user"),
                in32("INTO traps and BOUND faults", """
                        mov dword [RESUME], on
                        mov al, 0x7F
                        inc al
                        into
                        a: mov dword [DATA], 1
                        mov dword [DATA+4], 2
                        f: bound eax, [DATA]
                        on: nop
                        """, "#OF a", "#BR f RF"),
                in32("INT3 through a task gate returns behind itself", task(3, 0x48) + """
                        int3
                        a: nop
                        int3
                        b: nop
                        """, "#BP a", "#BP b"),
                in32("#GP through a task gate brings its error code", task(13, 0x60) + """
                        mov dword [RESUME], on
                        mov ax, 0x1F8
                        f: mov ds, ax
                        on: nop
                        """, "#GP(1F8) f RF"),
                in32("a double fault goes through a task gate", task(8, 0x50) + """
                        mov byte [IDT+8*13+5], 0x0E
                        mov dword [RESUME], on
                        mov ax, 0x1F8
                        f: mov ds, ax
                        on: nop
                        """, "#DF(0) f RF"),
                in32("a task gate to a task that is absent is the fault of what it delivers", task(3, 0x48) + """
                        mov byte [GDT+0x4D], 0x09
                        mov dword [RESUME], on
                        f: int3
                        on: nop
                        """, "#NP(48) f RF"));
    }

    static String task(int vector, int selector) {
        return "mov dword [IDT+8*%d], %d%nmov dword [IDT+8*%d+4], 0xE500%n".formatted(vector, selector << 16, vector);
    }
}
