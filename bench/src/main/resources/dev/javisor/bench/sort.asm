; Shell sort of 16,384 pseudo-random dwords with a comparison through a pointer.
main:
        mov r8d, 0x400000
        mov r12d, edi
        xor r13d, r13d
sort_round:
        mov eax, r12d
        xor ecx, ecx
sort_fill:
        imul eax, eax, 1664525
        add eax, 1013904223
        mov [r8+rcx*4], eax
        inc ecx
        cmp ecx, 16384
        jb sort_fill
        mov r9d, 4096
        mov ebx, compare
sort_gap:
        mov ecx, r9d
sort_outer:
        mov eax, [r8+rcx*4]
        mov edx, ecx
sort_inner:
        mov esi, edx
        sub esi, r9d
        js sort_place
        mov ebp, [r8+rsi*4]
        call rbx
        jae sort_place
        mov [r8+rdx*4], ebp
        mov edx, esi
        jmp sort_inner
sort_place:
        mov [r8+rdx*4], eax
        inc ecx
        cmp ecx, 16384
        jb sort_outer
        shr r9d, 1
        jnz sort_gap
        add r13d, [r8+4096]
        dec r12d
        jnz sort_round
        mov eax, r13d
        ret
compare:
        push rbp
        cmp eax, ebp
        pop rbp
        ret
