; The guest of the demo: a multiboot image that takes the processor through its modes, starts the other processors,
; lets all of them draw, sleeps a second, and switches the machine off.

MAGIC       equ 0x1BADB002
FLAGS       equ 0x10000             ; the address fields are valid
SERIAL      equ 0x3F8
APIC        equ 0xFEE00000
TRAMPOLINE  equ 0x8000              ; where real-mode code goes; start-up vector 8
STACKS      equ 0x200000            ; 8 KiB for each processor
FRAME       equ 0x2A0000            ; the picture, a byte for each character
ROWS_DONE   equ 0x2B0000            ; by row: 0, or the processor that has drawn it, counted from 1
PML4        equ 0x300000
IDT         equ 0x310000
END         equ 0x320000
COLUMNS     equ 68
ROWS        equ 22
LIMIT       equ 511                 ; iterations

bits 32
header: dd MAGIC, FLAGS, -(MAGIC + FLAGS), header, header, 0, END, start

; ---- 32-bit protected mode ----

start:  lgdt [gdtr]
        jmp 0x08:flat
flat:   mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, STACKS + 0x2000
        mov esi, text_protected
        call print32
        mov edi, brand
        mov ebp, 0x80000002
.brand: mov eax, ebp
        cpuid
        mov [edi], eax
        mov [edi+4], ebx
        mov [edi+8], ecx
        mov [edi+12], edx
        add edi, 16
        inc ebp
        cmp ebp, 0x80000004
        jbe .brand
        mov esi, brand
        call print32
        mov esi, newline
        call print32
        mov esi, real_start
        mov edi, TRAMPOLINE
        mov ecx, real_end - real_start
        rep movsb
        jmp 0x18:(real_tour - real_start)

; Back from real mode: page tables for the first 4 GiB, then 64-bit mode.
from_real:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, STACKS + 0x2000
        mov dword [PML4], PML4 + 0x1000 + 7
        mov eax, PML4 + 0x2000 + 7
        mov edi, PML4 + 0x1000
.pdpt:  mov [edi], eax
        add eax, 0x1000
        add edi, 8
        cmp edi, PML4 + 0x1000 + 32
        jb .pdpt
        mov eax, 0x87
        mov edi, PML4 + 0x2000
.page:  mov [edi], eax
        add edi, 8
        add eax, 0x200000
        cmp edi, PML4 + 0x6000
        jb .page
        and dword [PML4 + 0x2000 + 0x1F0], ~1   ; the page at 0x7C00000 is not present
        jmp enter_long

; Another processor, out of real mode.
other32:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax

enter_long:
        mov eax, PML4
        mov cr3, eax
        mov eax, cr4
        or eax, 0x620               ; PAE, OSFXSR, OSXMMEXCPT
        mov cr4, eax
        mov ecx, 0xC0000080         ; IA32_EFER
        rdmsr
        or eax, 0x101               ; LME, SCE
        wrmsr
        mov eax, cr0
        and eax, ~4                 ; EM
        or eax, 0x80000002          ; PG, MP
        mov cr0, eax
        jmp 0x28:long_mode

print32:
        lodsb
        test al, al
        jz .done
        mov dx, SERIAL
        out dx, al
        jmp print32
.done:  ret

; ---- 16-bit real mode; runs at TRAMPOLINE, in segment TRAMPOLINE / 16 ----

bits 16
real_start:                         ; other processors begin here
        cli
        mov ax, cs
        mov ds, ax
        o32 lgdt [real_gdtr - real_start]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 0x08:other32

real_tour:
        mov ax, 0x20
        mov ds, ax
        mov ss, ax
        mov eax, cr0
        and al, 0xFE
        mov cr0, eax
        jmp TRAMPOLINE >> 4:(real - real_start)
real:   mov ax, cs
        mov ds, ax
        mov si, text_real - real_start
.next:  lodsb
        test al, al
        jz .done
        mov dx, SERIAL
        out dx, al
        jmp .next
.done:  o32 lgdt [real_gdtr - real_start]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 0x08:from_real

real_gdtr:  dw gdt_end - gdt - 1
            dd gdt
text_real:  db "16-bit real mode         left protected mode and came back", 10, 0
real_end:

; ---- 64-bit mode ----

bits 64
long_mode:
        mov ebp, APIC
        mov ax, 0x30
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov ebx, [rbp + 0x20]
        shr ebx, 24                 ; own APIC ID
        mov eax, ebx
        inc eax
        shl eax, 13
        lea rsp, [rax + STACKS]
        test ebx, ebx
        jz first
        lock inc dword [online]
.wait:  pause
        cmp dword [go], 0
        je .wait
        mov r12d, [processors]
        call draw
.halt:  cli
        hlt
        jmp .halt

first:
        mov esi, text_long
        call print
        mov edi, 14                 ; #PF
        mov esi, page_fault
        call set_gate
        mov edi, 64
        mov esi, timer
        call set_gate
        lidt [idtr]

        ; A page fault, and on.
        mov eax, [0x7C00123]
resumed:
        ; Ring 3 and back.
        mov ecx, 0xC0000081         ; IA32_STAR
        xor eax, eax
        mov edx, 0x00330028
        wrmsr
        mov ecx, 0xC0000082         ; IA32_LSTAR
        mov eax, system_call
        xor edx, edx
        wrmsr
        mov ecx, user
        mov r11d, 2
        o64 sysret
user:   mov r15, cs
        syscall
system_call:
        mov esi, text_user
        call print
        mov rax, r15
        and eax, 3
        call decimal
        mov esi, text_call
        call print

        ; How many processors there are, from the firmware configuration device; wake them.
        mov dx, 0x510
        mov ax, 5
        out dx, ax
        inc dx
        in al, dx
        movzx r12d, al
        mov [processors], r12d
        mov dword [rbp + 0xF0], 0x1FF
        cmp r12d, 1
        je .alone
        mov dword [rbp + 0x300], 0xC4500       ; INIT to all others
        mov dword [rbp + 0x300], 0xC4608       ; start-up at TRAMPOLINE
.await: pause
        mov eax, [online]
        inc eax
        cmp eax, r12d
        jb .await
.alone: mov esi, text_processors
        call print
        mov eax, r12d
        call decimal
        mov esi, text_drawing
        call print

        mov dword [go], 1
        xor ebx, ebx
        call draw
        call show

        ; A second of sleep: the APIC timer counts the crystal, whose frequency CPUID tells. The firmware's timer must
        ; not disturb it: both 8259s are masked.
        mov al, 0xFF
        out 0x21, al
        out 0xA1, al
        mov eax, 0x15
        cpuid
        mov dword [rbp + 0x3E0], 0xB
        mov dword [rbp + 0x320], 64
        rdtsc
        shl rdx, 32
        lea r13, [rax + rdx]
        mov [rbp + 0x380], ecx
        sti
        hlt
        cli
        rdtsc
        shl rdx, 32
        add rax, rdx
        sub rax, r13
        push rax
        mov esi, text_slept
        call print
        pop rax
        call decimal
        mov esi, text_ticks
        call print
        mov dx, 0x604               ; PM1 control: sleep type S5, sleep enable
        mov ax, 0x2000
        out dx, ax
        hlt

page_fault:
        mov esi, text_fault
        call print
        mov rax, cr2
        call hexadecimal
        mov esi, text_error
        call print
        pop rax
        call decimal
        mov esi, newline
        call print
        mov qword [rsp], resumed
        iretq

timer:  mov dword [rbp + 0xB0], 0
        iretq

; EDI: vector, ESI: handler.
set_gate:
        shl edi, 4
        mov [rdi + IDT], si
        mov word [rdi + IDT + 2], 0x28
        mov word [rdi + IDT + 4], 0x8E00
        shr esi, 16
        mov [rdi + IDT + 6], si
        ret

; Every R12th row of the picture from row EBX on: how long z*z + c stays small.
draw:   mov r8d, ebx
.row:   cmp r8d, ROWS
        jae .done
        xor r9d, r9d
.column:
        cvtsi2sd xmm0, r9d
        mulsd xmm0, [step_x]
        addsd xmm0, [left]
        cvtsi2sd xmm1, r8d
        mulsd xmm1, [step_y]
        addsd xmm1, [top]
        xorpd xmm2, xmm2
        xorpd xmm3, xmm3
        mov ecx, LIMIT
.again: movapd xmm4, xmm2
        mulsd xmm4, xmm4
        movapd xmm5, xmm3
        mulsd xmm5, xmm5
        movapd xmm6, xmm4
        addsd xmm6, xmm5
        ucomisd xmm6, [four]
        ja .out
        mulsd xmm3, xmm2
        addsd xmm3, xmm3
        addsd xmm3, xmm1
        subsd xmm4, xmm5
        addsd xmm4, xmm0
        movapd xmm2, xmm4
        dec ecx
        jnz .again
.out:   xor eax, eax                ; inside: 0
        test ecx, ecx
        jz .store
        mov eax, LIMIT
        sub eax, ecx
        bsr eax, eax                ; outside: 1 and the logarithm of the iterations
        add eax, 2
.store: mov edx, r8d
        imul edx, COLUMNS
        add edx, r9d
        mov [rdx + FRAME], al
        inc r9d
        cmp r9d, COLUMNS
        jb .column
        lea eax, [rbx + 1]
        mov [r8 + ROWS_DONE], al
        add r8d, r12d
        jmp .row
.done:  ret

; Prints rows as they are done, with colours and who has drawn them.
show:   xor r8d, r8d
.row:   pause
        cmp byte [r8 + ROWS_DONE], 0
        je .row
        xor r9d, r9d
.column:
        mov edx, r8d
        imul edx, COLUMNS
        add edx, r9d
        movzx r10d, byte [rdx + FRAME]
        mov esi, text_colour
        call print
        movzx eax, byte [r10 + colours]
        call decimal
        mov al, 'm'
        call put
        mov al, [r10 + shades]
        call put
        inc r9d
        cmp r9d, COLUMNS
        jb .column
        mov esi, text_by
        call print
        movzx eax, byte [r8 + ROWS_DONE]
        dec eax
        call decimal
        mov esi, newline
        call print
        inc r8d
        cmp r8d, ROWS
        jb .row
        ret

; ESI: text.
print:  mov al, [rsi]
        test al, al
        jz .done
        call put
        inc esi
        jmp print
.done:  ret

put:    mov dx, SERIAL
        out dx, al
        ret

; RAX in decimal, with a comma at every third digit.
decimal:
        mov r14d, number_end
        xor edi, edi
        mov ecx, 10
.digit: cmp edi, 3
        jne .plain
        dec r14d
        mov byte [r14], ','
        xor edi, edi
.plain: xor edx, edx
        div rcx
        add dl, '0'
        dec r14d
        mov [r14], dl
        inc edi
        test rax, rax
        jnz .digit
        mov esi, r14d
        jmp print

; RAX in hexadecimal, without leading zeros.
hexadecimal:
        mov r14d, number_end
.digit: mov edx, eax
        and edx, 15
        mov dl, [rdx + digits]
        dec r14d
        mov [r14], dl
        shr rax, 4
        jnz .digit
        mov esi, r14d
        jmp print

; ---- data ----

        align 16
gdt:    dq 0
        dq 0x00CF9B000000FFFF       ; 08 code, 32 bits
        dq 0x00CF93000000FFFF       ; 10 data
        dq 0x00009B008000FFFF       ; 18 code, 16 bits, at TRAMPOLINE
        dq 0x000093000000FFFF       ; 20 data, 64 KiB
        dq 0x00AF9B000000FFFF       ; 28 code, 64 bits
        dq 0x00CF93000000FFFF       ; 30 data
        dq 0x00CFF3000000FFFF       ; 38 data of ring 3
        dq 0x00AFFB000000FFFF       ; 40 code of ring 3, 64 bits
gdt_end:
gdtr:   dw gdt_end - gdt - 1
        dd gdt
idtr:   dw 65 * 16 - 1
        dq IDT
        align 16
left:   dq -2.25
top:    dq -1.2
step_x: dq 0.0470588235294117647
step_y: dq 0.1142857142857142857
four:   dq 4.0
online:     dd 0
go:         dd 0
processors: dd 0
brand:      times 49 db 0
number:     times 32 db 0
number_end: db 0
digits:     db "0123456789abcdef"
shades:     db " .,-:;=+*#%@"
colours:    db 16, 17, 18, 19, 20, 26, 32, 38, 44, 50, 86, 122
newline:         db 10, 0
text_protected:  db "32-bit protected mode    ", 0
text_long:       db "64-bit mode              4-level paging, 2-MiB pages", 10, 0
text_fault:      db "page fault               at 0x", 0
text_error:      db ", error code ", 0
text_user:       db "SYSCALL                  from ring ", 0
text_call:       db " to ring 0", 10, 0
text_processors: db "processors               ", 0
text_drawing:    db " at work on one picture", 10, 10, 0
text_colour:     db 27, "[38;5;", 0
text_by:         db 27, "[0m  cpu ", 0
text_slept:      db 10, "one second of HLT        ", 0
text_ticks:      db " ticks of the time-stamp counter", 10, 0
