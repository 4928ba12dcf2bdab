; Recursive Fibonacci numbers.
main:
        mov r12d, edi
        xor r13d, r13d
fib_round:
        mov edi, 22
        call fib
        add r13, rax
        dec r12d
        jnz fib_round
        mov rax, r13
        ret
fib:
        cmp edi, 2
        jae fib_deep
        mov eax, edi
        ret
fib_deep:
        push rbx
        push rdi
        dec edi
        call fib
        mov rbx, rax
        pop rdi
        sub edi, 2
        call fib
        add rax, rbx
        pop rbx
        ret
