; Copies 1 MiB with REP MOVSB and with an 8-byte loop.
main:
        mov r8d, edi
copy_round:
        mov esi, 0x400000
        mov edi, 0x850000
        mov ecx, 0x100000
        rep movsb
        mov esi, 0x850000
        mov edi, 0xCA0003
        xor ecx, ecx
copy_loop:
        mov rax, [rsi+rcx]
        mov [rdi+rcx], rax
        add rcx, 8
        cmp rcx, 0x100000
        jb copy_loop
        dec r8d
        jnz copy_round
        mov rax, rcx
        ret
