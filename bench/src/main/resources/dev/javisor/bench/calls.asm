; Calls: nested direct calls with frames, and calls through a table of sixteen functions.
main:
        mov r12d, edi
        mov r15d, 1
calls_round:
        mov r13d, 1000
calls_next:
        mov edi, r13d
        call calls_outer
        add r15, rax
        mov ecx, r15d
        and ecx, 15
        mov edx, calls_table
        mov edi, r15d
        call [rdx+rcx*8]
        xor r15, rax
        dec r13d
        jnz calls_next
        dec r12d
        jnz calls_round
        mov rax, r15
        ret
calls_outer:
        push rbp
        mov rbp, rsp
        sub rsp, 32
        mov [rbp-8], rdi
        call calls_middle
        mov [rbp-16], rax
        mov rdi, [rbp-8]
        add edi, 7
        call calls_middle
        add rax, [rbp-16]
        leave
        ret
calls_middle:
        push rbx
        mov ebx, edi
        call calls_inner
        add ebx, eax
        lea edi, [rbx+rbx*2]
        call calls_inner
        xor eax, ebx
        pop rbx
        ret
calls_inner:
        imul eax, edi, 1664525
        add eax, 1013904223
        ret
calls_f0:
        lea eax, [rdi+1]
        ret
calls_f1:
        mov eax, edi
        ror eax, 7
        ret
calls_f2:
        mov eax, edi
        not eax
        ret
calls_f3:
        imul eax, edi, 31
        ret
calls_f4:
        push rdi
        call calls_f1
        pop rdi
        add eax, edi
        ret
calls_f5:
        mov eax, edi
        shl eax, 3
        sub eax, edi
        ret
calls_f6:
        mov eax, edi
        bswap eax
        ret
calls_f7:
        push rbx
        mov ebx, edi
        call calls_f3
        xor eax, ebx
        pop rbx
        ret
align 8
calls_table:
        dq calls_f0, calls_f1, calls_f2, calls_f3, calls_f4, calls_f5, calls_f6, calls_f7
        dq calls_f7, calls_f6, calls_f5, calls_f4, calls_f3, calls_f2, calls_f1, calls_f0
