; Self-modifying code: writes a function and calls it, and changes an instruction ahead of itself.
main:
        mov r12d, edi
        mov r8d, 0x400000
        xor ebx, ebx
        mov byte [r8], 0xB8             ; mov eax, imm32
        mov dword [r8+5], 0x00C3F801    ; add eax, edi; ret
modify_round:
        mov r13d, 1000
modify_next:
        lea eax, [rbx+r13]
        mov [r8+1], eax
        mov edi, r13d
        call r8
        add ebx, eax
        mov [modify_patch+2], r13b
        mov edx, ebx
modify_patch:
        add edx, byte 1
        lea ebx, [rbx+rdx*4+1]
        dec r13d
        jnz modify_next
        dec r12d
        jnz modify_round
        mov eax, ebx
        ret
