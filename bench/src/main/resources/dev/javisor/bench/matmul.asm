; Product of two 64 x 64 matrices of 32-bit integers.
main:
        mov r8d, 0x400000
        mov r9d, 0x500000
        mov r10d, 0x600000
        xor ecx, ecx
mat_fill:
        imul eax, ecx, 2654435
        mov [r8+rcx*4], eax
        imul eax, eax, 40503
        mov [r9+rcx*4], eax
        inc ecx
        cmp ecx, 4096
        jb mat_fill
        xor r15d, r15d
mat_round:
        xor r11d, r11d
mat_row:
        xor r12d, r12d
mat_column:
        xor eax, eax
        mov ebx, r11d
        shl ebx, 6
        mov edx, r12d
        mov ecx, 64
mat_inner:
        mov esi, [r8+rbx*4]
        imul esi, [r9+rdx*4]
        add eax, esi
        inc ebx
        add edx, 64
        dec ecx
        jnz mat_inner
        mov ebx, r11d
        shl ebx, 6
        add ebx, r12d
        mov [r10+rbx*4], eax
        add r15d, eax
        inc r12d
        cmp r12d, 64
        jb mat_column
        inc r11d
        cmp r11d, 64
        jb mat_row
        dec edi
        jnz mat_round
        mov eax, r15d
        ret
