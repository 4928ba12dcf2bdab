package dev.javisor.conformance.event;

import static dev.javisor.conformance.event.EventCases.in32;

import java.util.List;

/** Events in virtual-8086 mode: to protected mode, over its stack and with all segment registers in the frame. */
final class Virtual8086Cases {
    private static final int ALL = 3, NONE = 0;

    private Virtual8086Cases() {}

    static List<EventCase> all() {
        return List.of(
                in32("INT3 and INT n return behind themselves in virtual-8086 mode", virtual(ALL, """
                        int3
                        a: int 0x80
                        """), "#BP a v86", "INT80 z v86"),
                in32("INT n is a fault in virtual-8086 mode without its I/O privilege", virtual(NONE, """
                        mov ax, 1
                        f: int 0x41
                        on: int3
                        """), "#GP(0) f RF v86", "#BP z v86"),
                in32("faults in virtual-8086 mode return to their instruction", virtual(ALL, """
                        f: ud2
                        on: int 0x80
                        """), "#UD f RF v86", "INT80 z v86"),
                in32("a single-step trap comes once in virtual-8086 mode", virtual(ALL, """
                        {tf}
                        nop
                        on: nop
                        int 0x80
                        """), "#DB on BS v86", "INT80 z v86"));
    }

    /** Code in virtual-8086 mode, in a segment just below its image; its last event ends the guest. A fault goes on at label on. */
    private static String virtual(int ioPrivilege, String code) {
        boolean resumes = code.contains("on:");
        return """
                mov dword [HOOKS+8*%1$s], finish
                mov dword [RESUME], %2$s
                push 0
                push 0
                push 0
                push 0
                push 0x6000
                push 0x8000
                push %3$d
                mov eax, 0xFFFF
                push eax
                push virtual-0xFFFF0
                iretd
                bits 16
                virtual:
                %4$s
                z: nop
                bits 32
                """.formatted(code.contains("int 0x80") ? "0x80" : "3", resumes ? "on-0xFFFF0" : "0", 0x20002 | ioPrivilege << 12, code);
    }
}
