; What the guests of the experiment share, in 64-bit mode. Handlers note what they see.

ARM         equ 0x10                ; ports: userspace makes exits likely, has an event for us, has another one, and looks at the log
EVENT       equ 0x11
SECOND      equ 0x12
DONE        equ 0x13
LOG         equ 0x34000             ; records of eight words
WATCHED     equ 0x33F00             ; for data breakpoints
ABSENT      equ 0x50000             ; a page that is not present, and where its entry is
ABSENT_PTE  equ 0x13000 + 8 * 0x50
X2APIC_EOI  equ 0x80B
X2APIC_SVR  equ 0x80F
X2APIC_SELF equ 0x83F
VECTOR      equ 0x40                ; of the interrupt

; ---- what all handlers do: note vector, error code, RIP, CR2 and, for #DB, DR6 ----

common: push rax
        push rbx
        push rcx
        push rdx
        mov rbx, [cursor]
        mov rax, [rsp+32]
        mov [rbx], rax
        mov rax, [rsp+40]
        mov [rbx+8], rax
        mov rax, [rsp+48]
        mov [rbx+16], rax
        mov rax, cr2
        mov [rbx+24], rax
        cmp qword [rsp+32], 1
        jne .noted
        mov rax, dr6
        mov [rbx+32], rax
        mov eax, 0xFFFF0FF0
        mov dr6, rax
.noted: add rbx, 64
        mov [cursor], rbx
        mov rcx, [rsp+32]
        mov rdx, [actions+rcx*8]
        test rdx, rdx
        jz .done
        call rdx
.done:  pop rdx
        pop rcx
        pop rbx
        pop rax
        add rsp, 16
        iretq

; ---- what a handler may do besides ----

skip:   add qword [rsp+56], SKIP    ; go on behind the instruction
        ret
resume: or qword [rsp+72], 0x10000  ; RF: no second time
        ret
map:    or qword [ABSENT_PTE], 1
        invlpg [ABSENT]
        ret
end:    xor eax, eax
        xor edx, edx
        mov ecx, X2APIC_EOI
        wrmsr
        ret

; ---- INTO exists in compatibility mode only ----

narrow: dd .code
        dw 0x18
bits 32
.code:  mov eax, 0x7FFFFFFF
        add eax, 1
        into
        jmp 0x08:back
bits 64
