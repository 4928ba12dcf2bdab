; Chases pointers through 32,768 nodes of 64 bytes in scattered order, summing their values.
main:
        mov r8d, 0x400000
        xor ecx, ecx
list_build:
        imul eax, ecx, 9973
        and eax, 32767
        mov edx, eax
        shl edx, 6
        lea r9d, [rcx+1]
        imul r10d, r9d, 9973
        and r10d, 32767
        shl r10d, 6
        add r10, r8
        mov [r8+rdx], r10
        mov [r8+rdx+8], rcx
        inc ecx
        cmp ecx, 32768
        jb list_build
        xor eax, eax
        mov rsi, r8
list_round:
        mov ecx, 32768
list_next:
        add rax, [rsi+8]
        mov rsi, [rsi]
        test rsi, rsi
        jz list_end
        dec ecx
        jnz list_next
        dec edi
        jnz list_round
list_end:
        ret
