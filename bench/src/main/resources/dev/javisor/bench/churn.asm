; Code that is made and discarded: each round writes a function of its own somewhere in 4 MiB and calls it.
main:
        mov r12d, edi
        mov r8d, 0x400000
        mov r14d, 12345
        xor ebx, ebx
churn_round:
        imul r14d, r14d, 1664525
        add r14d, 1013904223
        mov eax, r14d
        shr eax, 10
        and eax, 0x3FFFC0
        lea r9, [r8+rax]
        mov rdi, r9
        mov ecx, 30
churn_write:
        mov byte [rdi], 0x05            ; add eax, imm32
        mov [rdi+1], r14d
        mov dword [rdi+5], 0xC0D1F831   ; xor eax, edi; rol eax, 1
        rol r14d, 3
        add rdi, 9
        dec ecx
        jnz churn_write
        mov byte [rdi], 0xC3            ; ret
        mov r13d, 2000
churn_call:
        mov edi, r13d
        mov eax, ebx
        call r9
        mov ebx, eax
        dec r13d
        jnz churn_call
        dec r12d
        jnz churn_round
        mov eax, ebx
        ret
